"""Cohorts against the published estimates, found again with scipy from the counts alone."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import betaln

from bayes_cx.data import add, compress, expand, from_survivors, load_cohorts, load_donations
from bayes_cx.errors import InputError


def log_lik(parameters, stats):
    """Shifted beta-geometric: survival is B(a, b + t) / B(a, b)."""
    a, b = np.exp(parameters)

    def survival(t):
        return np.exp(betaln(a, b + t) - betaln(a, b))

    T, left = stats["T"].to_numpy(), stats["churned"].to_numpy() == 1
    p = np.where(left, survival(np.maximum(T - 1, 0)) - survival(T), survival(T))
    return float((stats["weight"].to_numpy() * np.log(p)).sum())


@pytest.mark.parametrize(
    ("periods", "cohort", "a", "b", "best"),
    [
        (7, "Regular", 0.7041, 1.1820, -1680.265),
        (7, "High-End", 0.6681, 3.8061, -1611.158),
        (4, "Regular", 0.7637, 1.2958, -1401.559),
        (4, "High-End", 1.2810, 7.790, -1225.135),
    ],
)
def test_the_published_estimates_of_the_cohorts(periods, cohort, a, b, best):
    stats = load_cohorts(periods)
    stats = stats.isel(row=stats["cohort"].to_numpy() == cohort)
    found = minimize(lambda z: -log_lik(z, stats), [0.0, 0.0], method="Nelder-Mead", tol=1e-8)
    assert -found.fun == pytest.approx(best, abs=6e-4)
    np.testing.assert_allclose(np.exp(found.x), [a, b], rtol=1e-4)


def test_the_cohorts_are_a_thousand_each():
    stats = load_cohorts()
    assert list(stats.data_vars) == ["T", "churned", "periods", "cohort", "weight"]
    assert stats.to_dataframe().groupby("cohort")["weight"].sum().to_dict() == {
        "Regular": 1000,
        "High-End": 1000,
    }
    assert int(stats["T"].max()) == 12
    assert stats.attrs["unit"] == "year"
    for name in ("T", "churned", "weight"):
        assert stats[name].dtype == np.int64
    for periods in (0, 13):
        with pytest.raises(InputError, match="1 to 12 years"):
            load_cohorts(periods)


def test_a_survivor_table_is_the_customers_it_counts():
    rng = np.random.default_rng(1)
    left = rng.geometric(0.2, 500)
    table = pd.DataFrame({2020: [int((left > t).sum()) for t in range(9)]})
    stats = from_survivors(table, unit="month")
    each = sorted((min(int(t), 8), int(t <= 8)) for t in left)
    single = expand(stats)
    assert sorted(zip(single["T"].to_numpy(), single["churned"].to_numpy(), strict=True)) == each
    assert set(single["cohort"].to_numpy()) == {"2020"}


def test_a_cohort_may_be_shorter_or_gone():
    stats = from_survivors({"old": [9, 6, 0], "new": [5, 5, None], "born": [4, None, None]})
    rows = stats.to_dataframe()[["cohort", "T", "churned", "weight"]].to_numpy().tolist()
    assert rows == [["old", 1, 1, 3], ["old", 2, 1, 6], ["new", 1, 0, 5], ["born", 0, 0, 4]]


def test_equal_rows_of_two_tables_add():
    one, two = from_survivors({"a": [10, 4]}), from_survivors({"a": [6, 3], "b": [2, 1]})
    total = add(one, two)
    expected = compress(from_survivors({"a": [16, 7], "b": [2, 1]}), ("T", "churned", "periods", "cohort"))
    assert total.drop_attrs().equals(expected.drop_attrs())
    assert (total.attrs["rows_read"], total.attrs["unit"]) == (3, "year")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"a": [10, 4]}, index=[1, 2]), r"index 1, 2; expected 0, 1, 2"),
        (pd.DataFrame(), "index \\(empty\\)"),
        ({"a": [10, 4, 5]}, "'a' has more survivors in period 2 than before"),
        ({"a": [100, 63.1]}, "customers, not percentages"),
        ({"a": [10, -1]}, "a whole number|no whole number"),
        ({"a": [10, np.inf]}, "more survivors|no whole number"),
        ({"a": [10, None, 4]}, "'a' has a gap"),
        ({"a": [0, 0]}, "no customer in period 0"),
        ({"a": [None, 1]}, "no customer in period 0"),
        ({"a": [10, "few"]}, "no number"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two cohorts of one name"),
    ],
)
def test_a_table_that_cannot_be_is_one_error(table, message):
    with pytest.raises(InputError, match=message):
        from_survivors(table)


def test_expanding_repeats_each_row():
    stats = load_donations()
    single = expand(stats)
    assert single.sizes == {"customer": 11_104}
    assert len(set(single["customer"].to_numpy())) == 11_104
    assert single.customer[0] == "row 1, 1"
    assert single.attrs == stats.attrs
    on = ("x", "t_x", "n")
    assert compress(single, on).equals(compress(stats, on))
    assert expand(single) is single
