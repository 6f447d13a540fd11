"""Contracts cut in two, against dates counted one by one."""

import calendar
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx

pytestmark = pytest.mark.usefixtures("one_database")

BEGIN = date(2024, 1, 31)
COLUMNS = {"customer": "who", "start": "from", "end": "to"}
contracts = st.lists(st.tuples(st.integers(0, 500), st.none() | st.integers(0, 400)), min_size=1, max_size=8)


def renewal(begins: date, i: int) -> date:
    """Return the i-th renewal by the calendar: the 31st is followed by the last of the month."""
    year, month = divmod(begins.month - 1 + i, 12)
    year, month = begins.year + year, month + 1
    return date(year, month, min(begins.day, calendar.monthrange(year, month)[1]))


def story(begins: date, ends: date | None, until: date) -> tuple[int, bool]:
    """Live through a contract until a day: the renewals made, and whether one that came up was not."""
    made = 0
    while renewal(begins, made + 1) <= until:
        if ends is not None and ends <= until and ends <= renewal(begins, made + 1):
            return made, True
        made += 1
    return made, False


def possible(begins: date, until: date) -> int:
    return sum(renewal(begins, i) <= until for i in range(1, 60))


@settings.get_profile("queries")
@given(contracts, st.integers(100, 400), st.integers(30, 400))
def test_what_was_known_and_what_came_later(rows, cut, more):
    known, until = BEGIN + timedelta(cut), BEGIN + timedelta(cut + more)
    begins = [BEGIN + timedelta(day) for day, _ in rows]
    ends = [
        None if lasts is None else b + timedelta(lasts) for b, (_, lasts) in zip(begins, rows, strict=True)
    ]
    frame = pd.DataFrame({"who": range(len(rows)), "from": begins, "to": pd.to_datetime(pd.Series(ends))})
    there = [i for i, b in enumerate(begins) if b <= known]
    lives = {i: (story(begins[i], ends[i], known), story(begins[i], ends[i], until)) for i in there}
    asked = {
        i: 0 if lives[i][0][1] else possible(begins[i], until) - possible(begins[i], known) for i in there
    }
    n = {i: possible(begins[i], known) for i in there}
    if not there or not max(n.values()) or not max(asked.values()):
        with pytest.raises(bcx.InputError):
            bcx.split_contracts(frame, **COLUMNS, calibration_end=known, until=until)
        return
    parts = bcx.split_contracts(frame, **COLUMNS, calibration_end=known, until=until)
    assert parts.calibration["customer"].to_numpy().tolist() == there
    for i in there:
        (made, left), (later, _) = lives[i]
        one, two = parts.calibration.sel(customer=i), parts.holdout.sel(customer=i)
        assert (int(one["T"] - one["churned"]), bool(one["churned"])) == (made, left)
        assert (int(two["asked"]), int(two["x_holdout"])) == (asked[i], 0 if left else later - made)
    periods = parts.tracking
    cut_at, made_later = periods.attrs["calibration_periods"], parts.holdout["x_holdout"]
    assert cut_at == max(n.values())
    assert int(periods["observed"][:cut_at].sum()) == sum(made for (made, _), _ in lives.values())
    assert int(periods["observed"][cut_at:].sum()) == int(made_later.sum())
    assert (periods["observed"] <= periods["customers"]).all()
    lost = int(parts.calibration["churned"].sum()), int((made_later < parts.holdout["asked"]).sum())
    gone = (periods["customers"] - periods["observed"]).to_numpy()
    assert (gone[:cut_at].sum(), gone[cut_at:].sum()) == lost


def test_the_kind_is_that_of_contracts_and_periods_follow_the_calendar():
    frame = pd.DataFrame(
        {"who": ["a", "b"], "from": ["2024-01-31", "2025-12-01"], "to": ["2025-05-31", None]}
    )
    parts = bcx.split_contracts(frame, **COLUMNS, calibration_end="2024-12-31", until="2025-06-30")
    assert parts.calibration.attrs["kind"] == "contracts"
    assert parts.holdout.attrs["new_customers"] == 0
    assert parts.holdout.attrs["rows_after_end"] == 1
    assert parts.holdout.attrs["start"] == "2025-01-01"
    later = parts.tracking.isel(period=slice(parts.tracking.attrs["calibration_periods"], None))
    np.testing.assert_array_equal(
        later["start"].to_numpy().astype("datetime64[D]"),
        np.array([f"2025-0{month}-01" for month in range(1, 7)], "datetime64[D]"),
    )
    # Of the renewals of the end of January to April all are made, that of May is not; June is not asked for.
    assert later["observed"].to_numpy().tolist() == [1, 1, 1, 1, 0, 0]
    assert later["customers"].to_numpy().tolist() == [1, 1, 1, 1, 1, 0]


def test_a_cut_that_leaves_nothing_on_one_side_is_refused():
    frame = pd.DataFrame({"who": ["a"], "from": ["2024-01-31"], "to": [None]})
    with pytest.raises(bcx.InputError, match="a hold-out period after calibration"):
        bcx.split_contracts(frame, **COLUMNS, calibration_end="2024-12-31", until="2024-12-31")
    with pytest.raises(bcx.InputError, match="one or more on each side"):
        bcx.split_contracts(frame, **COLUMNS, calibration_end="2024-12-31", until="2025-01-15")
