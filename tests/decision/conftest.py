import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx

POINT = {"r": 0.24, "alpha": 4.4, "a": 0.79, "b": 2.4}
SPEND_POINT = {"p": 6.0, "q": 3.7, "v": 15.0}


def sure(p):
    """A distribution of which every draw is p, to four digits."""
    return bcx.Beta(1e9 * p, 1e9 * (1 - p))


@pytest.fixture(scope="session")
def offers():
    """Two offers with uncertain effects, and one that is paid only when accepted."""
    return (
        bcx.Offer("Letter", cost=1.0),
        bcx.Offer("Voucher", cost=4.0, win_back=bcx.Beta(6, 14), keep=bcx.Beta(3, 17)),
        bcx.Offer("Refund", cost=3.0, win_back=bcx.Beta(3, 17), keep=bcx.Beta(2, 30), charged="accepted"),
    )


@pytest.fixture(scope="session")
def sure_offers():
    """Two offers whose effects are known: rho and kappa .1 and .05, and .3 and .2."""
    return (
        bcx.Offer("Letter", cost=1.0, win_back=sure(0.1), keep=sure(0.05)),
        bcx.Offer("Refund", cost=4.0, win_back=sure(0.3), keep=sure(0.2), charged="accepted"),
    )


@pytest.fixture(scope="session")
def few():
    """Five customers, in weeks, with a group and an id that a spreadsheet would run."""
    return xr.Dataset(
        {
            "x": ("customer", np.array([0, 1, 2, 7, 26])),
            "t_x": ("customer", np.array([0.0, 3.0, 30.0, 12.0, 30.0])),
            "T": ("customer", np.array([38.9, 30.0, 31.0, 38.0, 31.0])),
            "spend": ("customer", np.array([np.nan, 12.0, 40.0, 33.0, 20.5])),
            "region": ("customer", np.array(["north", "south", "@home", "north", "south"], object)),
        },
        coords={"customer": np.array(["ann", "=1+1", "cyd", "dee", "eve"], object)},
        attrs={"kind": "purchases", "unit": "week", "until": "1997-09-30"},
    )


@pytest.fixture(scope="session")
def point(purchases, at_point):
    """One draw: what an estimate without uncertainty has."""
    return at_point(purchases, **POINT)


@pytest.fixture(scope="session")
def spend_point(spend, at_point):
    return at_point(spend, **SPEND_POINT)


@pytest.fixture(scope="session")
def worth(purchases, spend, cdnow_sample):
    """The lifetime value of 300 real customers on 200 draws."""
    some = cdnow_sample.isel(customer=np.arange(0, 2100, 7))
    return bcx.lifetime_value(purchases, spend, some, horizon="52 weeks", discount_rate=0.10, draws=200)


@pytest.fixture(scope="session")
def plan(worth, offers):
    return bcx.prioritise(worth, offers, capacity=60, seed=4)
