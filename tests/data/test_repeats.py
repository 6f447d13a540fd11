"""Repeated rows count as they stand and are named; so are names of events that are nearly alike."""

import json

import pandas as pd
import pytest

import bayes_cx.data.repeats as repeats
from bayes_cx.data import read_events, read_transactions, summarise
from bayes_cx.errors import InputError

ROWS = pd.DataFrame(
    {
        "who": ["a", "a", "a", "b", "b", "c", None, None],
        "day": ["2025-01-01"] * 3 + ["2025-01-02", "2025-01-03"] + ["2025-01-04"] * 3,
        "paid": [5.0, 5.0, 5.0, 5.0, 5.0, 7.0, 5.0, 5.0],
        "what": ["buy"] * 8,
    }
)


def purchases(rows=ROWS, **options):
    return read_transactions(rows, customer="who", time="day", **options)


def test_repeated_purchases_are_counted_and_kept():
    transactions = purchases(amount="paid")
    assert transactions.rows_accepted == 6  # rejected rows repeat nothing
    (remark,) = transactions.remarks
    assert remark.startswith("2 rows are exact repeats of another (same customer, time and amount)")
    assert json.loads(summarise(transactions).attrs["remarks"]) == [remark]
    (one,) = purchases(ROWS[1:], amount="paid").remarks
    assert one.startswith("1 row is an exact repeat")
    assert purchases(ROWS[2:], amount="paid").remarks == ()
    losses = ROWS.assign(paid=[-5.0, -5.0, -4.0, 5, 5, 7, 5, 5])
    assert "1 row is an exact repeat" in purchases(losses, amount="paid", returns="keep").remarks[-1]
    assert purchases().remarks == ()  # a day is one occasion, so nothing counts twice


def test_repeated_events_agree_in_all_that_was_named():
    columns = {"customer": "who", "time": "day", "event": "what"}
    (remark,) = read_events(ROWS, **columns).remarks
    assert remark.startswith("2 rows are exact repeats of another (same customer, time and event)")
    told_apart = ROWS.assign(via=["web", "app", "shop", *["web"] * 5])
    assert read_events(told_apart, channel="via", **columns).remarks == ()
    assert read_events(told_apart, context={"situational": ["via"]}, **columns).remarks == ()


def test_repeats_among_too_many_rows_are_not_looked_for(monkeypatch):
    monkeypatch.setattr(repeats, "COUNTED_UP_TO", 5)
    assert purchases(amount="paid").remarks == ()


def test_names_that_differ_by_capitals_or_blanks_are_named():
    rows = ROWS.assign(what=["Visit", "visit", "log in", "login", "buy", "buy", "buy", "buy"])
    events = read_events(rows, customer="who", time="day", event="what")
    (remark,) = events.remarks
    assert "'log in' and 'login', 'Visit' and 'visit' differ only by capitals or blanks" in remark
    assert "states={'login': ['log in', 'login'], ...}" in remark
    mapped = events.with_states({"login": ["log in", "login"], "visit": "visit", "buy": "buy"})
    assert mapped.remarks == ()


@pytest.mark.parametrize(
    "read", [purchases, lambda rows: read_events(rows, customer="who", time="day", event="what")]
)
def test_where_no_time_can_be_read_the_format_is_asked_for(read):
    found = read(ROWS.assign(day="31.12.2024"))
    for said in (repr(found), *found.remarks):
        assert "unreadable time" in said
        assert "time_format='%d.%m.%Y'" in said
        assert "'31.12.2024'" in said


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("DD.MM.YYYY", "%d.%m.%Y"),
        ("yyyy-mm-dd hh:mm:ss", "%Y-%m-%d %H:%M:%S"),
        ("YYYYMMDD", "%Y%m%d"),
        ("day first", "%d.%m.%Y"),
    ],
)
def test_a_format_as_spreadsheets_write_it_is_refused(written, meant):
    with pytest.raises(InputError, match="strftime") as error:
        purchases(time_format=written)
    assert error.value.do == f"pass time_format={meant!r}"
