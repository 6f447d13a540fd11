import re

import numpy as np
import pytest
import xarray as xr

from bayes_cx.page.style import COLOURS, tint
from bayes_cx.reporting import figures
from bayes_cx.validation import Comparison

MODELS = ["MBG/NBD", "BG/NBD", "Pareto/NBD <b>$x$"]


def made_up(behind, se, **more):
    n = len(behind)
    columns = {"behind": behind, "behind_se": se, "weight": np.eye(n)[0], **more}
    data = {name: ("model", np.array(values, float)) for name, values in columns.items()}
    table = xr.Dataset(data, coords={"model": MODELS[:n]}, attrs={"customers": 2357})
    return Comparison(table, xr.Dataset(), ())


def fills(figure, colour):
    return figure.svg.decode().count(f"fill: {tint(COLOURS[colour], 0.38)}")


@pytest.mark.parametrize(
    ("behind", "se", "red", "says"),
    [
        ([0, 0.1, 13], [0, 4, 7], 0, "not clearly ahead of BG/NBD or Pareto/NBD"),
        ([0, 0.1, 15], [0, 4, 7], 1, "MBG/NBD predicts best, but not clearly ahead of BG/NBD"),
        ([0, 9, 15], [0, 4, 7], 2, "MBG/NBD predicts best, clearly"),
        ([0, 0], [0, 0], 0, "not clearly ahead of BG/NBD"),
        ([0, 5000], [0, 3], 1, "clearly"),
    ],
)
def test_what_is_clearly_behind_is_red(behind, se, red, says):
    figure = figures.comparison(made_up(behind, se))
    assert fills(figure, "red") == red
    assert fills(figure, "grey") == len(behind) - 1 - red
    assert says in figure.headline
    assert "2,357 customers" in figure.subtitle
    assert f"{behind[1]:.1f} ± {se[1]:.1f} behind" in figure.alt


def test_the_holdout_has_a_column_where_there_is_one():
    with_it = figures.comparison(made_up([0, 1], [0, 1], total_error=[-0.12, 0.03]))
    text = re.findall(r">([^<]+)</text>", with_it.svg.decode())
    assert {"−12.0%", "+3.0%", "hold-out", "1.0 ± 1.0", "100%"} <= set(text)
    assert "hold-out" in with_it.subtitle
    without = figures.comparison(made_up([0, 1], [0, 1]))
    assert "hold-out" not in without.subtitle + without.svg.decode()


def test_the_same_comparison_draws_the_same_bytes():
    one, other = (figures.comparison(made_up([0, 1, 2], [0, 1, 1])) for _ in range(2))
    assert one == other
