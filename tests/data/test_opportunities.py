"""Opportunities taken, computed again from their definition, purchase by purchase."""

import json
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import (
    add,
    compress,
    load_cdnow,
    read_transactions,
    split,
    summarise,
    summarise_opportunities,
)
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")

BEGIN = date(2025, 1, 1)
DAYS = {"day": Fraction(1), "week": Fraction(7), "month": Fraction(487, 16)}

purchases = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 90), st.integers(1, 9)),
    min_size=1,
    max_size=40,
)


def read(rows, **kwargs):
    frame = pd.DataFrame(rows, columns=["who", "day", "paid"])
    frame["day"] = [str(BEGIN + timedelta(day)) for day in frame["day"]]
    return read_transactions(frame, customer="who", time="day", amount="paid", **kwargs)


def number(day, first, unit):
    """Return i with (i - 1) unit < day - first <= i unit, by counting in whole fractions."""
    i = 0
    while i * DAYS[unit] < day - first:
        i += 1
    return i


def passed(first, end, unit):
    n = 0
    while first + (n + 1) * DAYS[unit] <= end:
        n += 1
    return n


def first_day(rows, who, end):
    return min((day for customer, day, _ in rows if customer == who and day <= end), default=None)


@settings.get_profile("queries")
@given(purchases, st.integers(0, 95), st.sampled_from(list(DAYS)))
def test_the_statistics_are_those_of_the_definition(rows, end, unit):
    customers = sorted({who for who, day, _ in rows if day <= end})
    until = BEGIN + timedelta(end)
    if not customers:
        with pytest.raises(InputError, match="every row of"):
            summarise_opportunities(read(rows), until, unit)
        return
    stats = summarise_opportunities(read(rows), until, unit)
    assert stats["customer"].to_numpy().tolist() == customers
    unfinished = 0
    for who in customers:
        first = first_day(rows, who, end)
        n = passed(first, end, unit)
        mine = [(number(day, first, unit), day, paid) for c, day, paid in rows if c == who and day <= end]
        taken = {i for i, *_ in mine if 1 <= i <= n}
        unfinished += len({day for i, day, _ in mine if i > n})
        got = stats.sel(customer=who)
        assert (int(got.x), int(got.t_x), int(got.n)) == (len(taken), max(taken, default=0), n)
        spent = sum(paid for i, _, paid in mine if 1 <= i <= n)
        assert (float(got.spend_sum), float(got.first_spend)) == (
            spent,
            sum(paid for i, _, paid in mine if i == 0),
        )
        assert float(got.spend) == pytest.approx(spent / len(taken)) if taken else np.isnan(got.spend)
    assert stats.attrs["occasions_unfinished"] == unfinished
    same = summarise(read(rows), until, unit)
    # Purchases by week are of models that count time.
    shared = {name: value for name, value in same.attrs.items() if name != "repeats_by_week"}
    assert {name: stats.attrs[name] for name in shared} == shared | {"kind": "opportunities"}
    assert [stats[name].dtype for name in ("x", "t_x", "n")] == [np.int64] * 3


@settings.get_profile("queries")
@given(purchases, st.integers(0, 60), st.integers(1, 40), st.sampled_from(["day", "week", "month"]))
def test_the_holdout_begins_with_each_customers_next_opportunity(rows, cut, length, unit):
    end = cut + length
    known = {who: first_day(rows, who, cut) for who, day, _ in rows if day <= cut}
    ends = BEGIN + timedelta(cut), BEGIN + timedelta(end)
    if not known:
        return
    n = {who: passed(first, cut, unit) for who, first in known.items()}
    ahead = int(length // DAYS[unit])
    if not ahead or not max(n.values()):
        with pytest.raises(InputError, match="one or more on each side"):
            split(read(rows), *ends, unit, opportunities=True)
        return
    parts = split(read(rows), *ends, unit, opportunities=True)
    assert parts.calibration.identical(summarise_opportunities(read(rows), ends[0], unit))
    assert parts.holdout.attrs["length"] == ahead
    assert parts.holdout["customer"].equals(parts.calibration["customer"])
    observed = np.zeros(max(n.values()) + ahead, int)
    for who, first in known.items():
        # The last opportunity that counts has passed by the end, whoever the customer is.
        assert first + (n[who] + ahead) * DAYS[unit] <= end
        places = {number(day, first, unit) - n[who] for c, day, _ in rows if c == who and first < day <= end}
        later = {i for i in places if 0 < i <= ahead}
        paid = [p for c, day, p in rows if c == who and number(day, first, unit) - n[who] in later]
        assert int(parts.holdout["x_holdout"].sel(customer=who)) == len(later)
        assert float(parts.holdout["spend_holdout"].sel(customer=who)) == sum(paid)
        for place in later | {i for i in places if i <= 0}:
            observed[max(n.values()) + place - 1] += 1
    tracking = parts.tracking
    assert tracking["observed"].to_numpy().tolist() == observed.tolist()
    before = tracking.attrs["calibration_periods"]
    assert int(tracking["observed"][:before].sum()) == int(parts.calibration["x"].sum())
    assert int(tracking["observed"][before:].sum()) == int(parts.holdout["x_holdout"].sum())
    customers = [
        sum(max(n.values()) - each <= i for each in n.values()) for i in range(tracking.sizes["period"])
    ]
    assert tracking["customers"].to_numpy().tolist() == customers


def test_months_of_cdnow():
    parts = split(load_cdnow(sample=True), "1997-09-30", "1998-06-30", "month", opportunities=True)
    assert parts.holdout.attrs["length"] == 8
    assert parts.holdout.attrs["end"] == "1998-05-31"
    assert parts.holdout.attrs["new_customers"] == 0
    assert (parts.calibration["x"] <= parts.calibration["t_x"]).all()
    assert set(parts.calibration["n"].to_numpy()) == {6, 7, 8}
    occasions = summarise(load_cdnow(sample=True), "1997-09-30")
    assert int(parts.calibration["x"].sum()) < int(occasions["x"].sum())
    assert parts.tracking.sizes["period"] == 16
    assert str(parts.tracking["start"].to_numpy()[8])[:10] == "1997-10-01"


def test_what_was_known_at_the_cut_stays_known():
    rows = [("a", 0, 5), ("a", 8, 5), ("a", 15, -5), ("a", 22, 3), ("b", 1, 4), ("c", 16, 1)]
    parts = split(
        read(rows, returns="net"), BEGIN + timedelta(14), BEGIN + timedelta(28), "week", opportunities=True
    )
    assert parts.calibration["x"].to_numpy().tolist() == [1, 0]
    assert parts.calibration["n"].to_numpy().tolist() == [2, 1]
    assert parts.holdout["x_holdout"].to_numpy().tolist() == [1, 0]
    assert parts.holdout.attrs["new_customers"] == 1


def test_groups_and_customers_without_an_opportunity_stay():
    frame = pd.DataFrame({"who": ["a", "a", "b"], "day": ["2025-01-01", "2025-01-09", "2025-01-20"]})
    frame["tier"] = ["x", "y", None]
    transactions = read_transactions(frame, customer="who", time="day", by="tier")
    stats = summarise_opportunities(transactions, "2025-01-22")
    assert list(stats.data_vars) == ["x", "t_x", "n", "first", "tier"]
    assert stats["tier"].to_numpy().tolist() == ["y", "missing"]
    assert json.loads(stats.attrs["varying"]) == {"tier": 1}
    assert stats["n"].to_numpy().tolist() == [3, 0]


def test_different_customers_add_and_periods_do_not():
    rows = [(who, day, 1) for who in "abcd" for day in range(0, 60, 3 + ord(who) % 5)]
    end = BEGIN + timedelta(58)
    whole = summarise_opportunities(read(rows), end)
    halves = [
        summarise_opportunities(read([row for row in rows if (row[0] in "bd") == side]), end)
        for side in (True, False)
    ]
    total = add(*halves)
    assert total.drop_attrs().equals(whole.drop_attrs())
    assert total["x"].attrs == whole["x"].attrs
    for name in ("rows_read", "occasions_unfinished", "until", "unit"):
        assert total.attrs[name] == whole.attrs[name]
    on = ("x", "t_x", "n")
    assert add(*(compress(half, on) for half in halves)).equals(compress(whole, on))
    later = summarise_opportunities(read([("e", 70, 1)]))
    with pytest.raises(InputError, match="two periods of opportunities"):
        add(whole, later)


def test_regularity_of_opportunities_is_one_error():
    with pytest.raises(InputError, match="one of the two"):
        split(read([("a", 0, 1), ("a", 20, 1)]), "2025-01-14", opportunities=True, regularity=True)
