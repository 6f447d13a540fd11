"""Customers of one history stand in one row, and value is counted where there are no amounts."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from bayes_cx import kinds
from bayes_cx.page.words import Money
from bayes_cx.reporting import selection as chosen
from bayes_cx.reporting import summary
from bayes_cx.reporting.alike import alike
from bayes_cx.reporting.terms import terms

CONTRACTS = SimpleNamespace(model=SimpleNamespace(kind=kinds.CONTRACTS, statistics=("T", "churned")))


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
    rows = alike(contracts, [CONTRACTS])
    assert list(rows["customer"].values) == [
        "basic, left at renewal 3",
        "basic, 12 renewals",
        "gold, 12 renewals",
    ]
    np.testing.assert_array_equal(rows["customers"], [10, 20, 30])
    np.testing.assert_array_equal(rows["contacts"], [10, 5, 0])


def test_customers_who_differ_are_listed_one_by_one(mock, contracts):
    assert alike(contracts.isel(customer=slice(8, 20)), [CONTRACTS]) is None
    plan = mock.plan(n=300)
    assert alike(plan.data, [mock.posterior(), mock.posterior(model="Gamma-Gamma")]) is None


def test_histories_of_purchases_are_named_by_number_and_silence(contracts):
    counted = contracts.drop_vars(["T", "churned", "plan"]).assign(
        x=("customer", np.repeat([0, 2], 30)),
        t_x=("customer", np.repeat([0, 5], 30)),
        n=("customer", [5] * 60),
    )
    model = SimpleNamespace(kind=kinds.OPPORTUNITIES, statistics=("x", "t_x", "n"))
    rows = alike(counted, [SimpleNamespace(model=model)])
    assert list(rows["customer"].values) == [
        "1 purchase, last 5 months ago",
        "3 purchases, last one within this month",
    ]


def test_who_has_left_a_contract_is_known(contracts):
    words = terms(CONTRACTS.model)
    said = summary.customers(contracts, words, np.array([40, 40, 40]))
    assert "50 of the 60 customers are under contract; who has left is known." in said
    assert "About 10 of them will leave within the next 12 months" in said
    assert "active" not in said
    assert "active" not in " ".join([*words.meaning.values(), *words.advice.values()])


def test_counted_value_has_no_currency(mock):
    plan = mock.plan(n=200, samples=100, money=False, cost=0.05)
    data, counted = plan.data, Money("", "purchases")
    lead = summary.campaign(data, counted)
    assert "costs as much as" in lead
    assert "purchases more than it costs" in lead
    assert "loses money" not in lead
    assert "count for less, by 10% a year" in summary.value(data, counted)
    plan.data.attrs["worth"] = 25.0
    assert "Every purchase is taken to be worth €25.0" in summary.grounds(plan, Money("€"))


def test_page_one_speaks_of_the_choice_only_where_it_matters(mock):
    plan, same = mock.plan(n=200, samples=100), mock.plan(n=200, samples=100)
    assert chosen.matters(plan, same, "MBG/NBD", Money("€")) == []
    same.data["total_value"] = 1.3 * same.data["total_value"]
    (notice,) = chosen.matters(plan, same, "MBG/NBD", Money("€"))
    assert notice.title == "The choice of the model matters."
    assert "With MBG/NBD, the next best" in notice.text
    assert "(+30.0%)" in notice.text
    number = plan.data.attrs["n_contacted"]
    assert f"{number} instead of {number} customers would be contacted; {number} stand on both" in notice.text
