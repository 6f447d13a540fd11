import warnings

import numpy as np
import pytest
import xarray as xr

from bayes_cx.errors import FitError
from bayes_cx.validation.baseline import point_estimate


@pytest.fixture(scope="module")
def point(cdnow):
    return point_estimate(cdnow.calibration, 39.0)


def test_published_parameters(point):
    """Fader, Hardie & Lee (2005); CLVTools for spend."""
    published = {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}
    assert point.purchases == pytest.approx(published, rel=2e-3)
    assert point.spend == pytest.approx({"p": 6.250, "q": 3.744, "v": 15.443}, rel=2e-3)


def test_published_forecast(point, cdnow):
    stats = cdnow.calibration
    one = (stats.x == 2) & (abs(stats.t_x - 30.43) < 0.01) & (abs(stats["T"] - 38.86) < 0.01)
    assert point.expected_purchases[one.to_numpy()][0] == pytest.approx(1.2259, abs=1e-3)
    # Nobody who never came back says anything on spend: everybody's mean, p v / (q - 1).
    never = (stats.x == 0).to_numpy()
    np.testing.assert_allclose(point.expected_spend[never], 6.250 * 15.443 / 2.744, rtol=2e-3)


def test_filters_of_others_stay(cdnow):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        point_estimate(cdnow.calibration, 1.0)
        assert warnings.filters == before


def test_no_maximum_is_one_clear_error(capsys):
    stats = xr.Dataset(
        {name: ("customer", values) for name, values in
         {"x": [0, 0], "t_x": [0.0, 0.0], "T": [3.0, 4.0], "spend": [np.nan, np.nan]}.items()}
    )  # fmt: skip
    with pytest.raises(FitError, match="compare without it"):
        point_estimate(stats, 1.0)
    assert capsys.readouterr().out == ""
