import numpy as np
import pytest
import xarray as xr

POINT = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}
SPEND_POINT = {"p": 6.0, "q": 3.7, "v": 15.0}


@pytest.fixture(scope="session")
def few():
    """Six customers with typical and extreme histories, in weeks."""
    x = np.array([0, 1, 2, 7, 26, 0])
    spend = np.array([np.nan, 12.0, 40.0, 33.0, 20.5, np.nan])
    return xr.Dataset(
        {
            "x": ("customer", x),
            "t_x": ("customer", np.array([0.0, 3.0, 30.0, 12.0, 30.0, 0.0])),
            "T": ("customer", np.array([38.9, 30.0, 31.0, 38.0, 31.0, 27.4])),
            "spend": ("customer", spend),
        },
        coords={"customer": ["ann", "bob", "cyd", "dee", "eve", "fay"]},
        attrs={"kind": "purchases", "unit": "week"},
    )


@pytest.fixture(scope="session")
def point(purchases, at_point):
    """One draw: the parameters are known, so only the customers' own luck is left."""
    return at_point(purchases, **POINT)


@pytest.fixture(scope="session")
def spend_point(spend, at_point):
    return at_point(spend, **SPEND_POINT)
