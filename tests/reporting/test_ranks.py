"""The picture of calibration says what the test says."""

import numpy as np
import pytest
import xarray as xr

from bayes_cx.page.style import COLOURS
from bayes_cx.reporting import figures
from bayes_cx.validation import Sbc


@pytest.mark.parametrize("shape", [1.0, 3.0])
def test_a_line_is_red_where_its_test_fails(rng, shape):
    draws, names = 99, ["rate_cv", "dropout", "log_lik", "k"]
    ranks = rng.integers(0, draws, (200, 4), endpoint=True)
    ranks[:, 1] = np.floor((draws + 1) * rng.beta(shape, shape, 200))
    table = xr.Dataset(
        {"rank": (("simulation", "coordinate"), ranks), "passed": ("simulation", np.ones(200, bool))},
        coords={"coordinate": names},
        attrs={"draws": draws, "simulations": 200, "customers": 10, "scale": 1.0},
    )
    found = Sbc("BG/NBD", "Laplace", table, {}, {})
    figure = figures.ranks(found)
    red = figure.svg.decode().count(f"stroke: {COLOURS['red']}")
    assert red == sum(check.status == "failed" for check in found.checks) == (shape > 1)
    assert ("dropout" in figure.headline) == (found.verdict == "failed")
    assert "200 simulations" in figure.subtitle
