"""Customers of one history stand in one row, which is named by it."""

import numpy as np
import pytest
import xarray as xr

from bayes_cx import kinds
from bayes_cx.reporting.alike import alike

CONTRACTS = (kinds.CONTRACTS, ("T", "churned"))


@pytest.fixture
def contracts():
    """Sixty customers of three histories, ordered by priority; the contacts end within the second."""
    history = np.repeat([0, 1, 2], [10, 20, 30])
    return xr.Dataset(
        {
            "T": ("customer", np.array([3, 12, 12])[history]),
            "churned": ("customer", np.array([1, 0, 0])[history]),
            "plan": ("customer", np.array(["basic", "basic", "gold"], object)[history]),
            "contact": ("customer", np.arange(60) < 15),
            "p_alive": ("customer", np.array([0.0, 1.0, 1.0])[history]),
            "label": ("customer", np.array(["let go"] * 60, object)),
        },
        coords={"customer": [f"c{i}" for i in range(60)]},
        attrs={"unit": "month", "n_customers": 60, "horizon": "12 months"},
    )


def test_one_row_for_all_of_the_same_history(contracts):
    rows = alike(contracts, *CONTRACTS)
    assert list(rows["customer"].values) == [
        "basic, left at renewal 3",
        "basic, 12 renewals",
        "gold, 12 renewals",
    ]
    np.testing.assert_array_equal(rows["customers"], [10, 20, 30])
    np.testing.assert_array_equal(rows["contacts"], [10, 5, 0])


def test_customers_who_differ_are_listed_one_by_one(tables, contracts):
    assert alike(contracts.isel(customer=slice(8, 20)), *CONTRACTS) is None
    columns = ("x", "t_x", "T", "x", "spend")
    assert alike(tables.priorities(n=300), kinds.PURCHASES, columns) is None


def test_histories_of_purchases_are_named_by_number_and_silence(contracts):
    counted = contracts.drop_vars(["T", "churned", "plan"]).assign(
        x=("customer", np.repeat([0, 2], 30)),
        t_x=("customer", np.repeat([0, 5], 30)),
        n=("customer", [5] * 60),
    )
    rows = alike(counted, kinds.OPPORTUNITIES, ("x", "t_x", "n"))
    assert list(rows["customer"].values) == [
        "1 purchase, last 5 months ago",
        "3 purchases, last one within this month",
    ]
