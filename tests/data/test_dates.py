"""Dates far off, times with and without a zone, and hours over a change of summer time."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import add, provenance_of, read_transactions, split, summarise, summarise_contracts
from bayes_cx.data.dates import lone_dates
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")

ZONE = "America/New_York"
ROLES = {"customer": "who", "time": "when"}


def read(rows, **kwargs):
    return read_transactions(pd.DataFrame(rows, columns=["who", "when"]).astype(object), **ROLES, **kwargs)


def every(step, number, start=date(2023, 1, 2)):
    return {start + timedelta(step * i): 3 for i in range(number)}


TYPED, FURTHER = date(2026, 5, 1), date(2032, 5, 1)
SUMMERS = {day: 1 for year in range(2015, 2024) for day in every(1, 90, date(year, 6, 1))}


@pytest.mark.parametrize(
    ("days", "early", "late"),
    [
        (every(1, 700), None, None),
        (every(7, 4), None, None),
        (every(365, 9), None, None),
        ({}, None, None),
        (every(1, 2), None, None),
        # A purchase half a year after the others is one of them where there are few.
        (every(3, 10) | {date(2023, 9, 1): 1}, None, None),
        (every(3, 300) | {TYPED: 1}, None, ([TYPED], 1)),
        (every(3, 300) | {TYPED: 2, FURTHER: 3}, None, ([TYPED, FURTHER], 5)),
        (every(3, 3) | {date(2199, 12, 31): 40}, None, ([date(2199, 12, 31)], 40)),
        (every(1, 90) | {date(1900, 1, 1): 7}, ([date(1900, 1, 1)], 7), None),
        # A shop that is open in summer only has gaps like this every year.
        (SUMMERS | {date(2024, 6, 1): 1}, None, None),
    ],
)  # fmt: skip
def test_dates_that_stand_alone_are_found(days, early, late):
    for found, expected in zip(lone_dates(days), (early, late), strict=True):
        assert (found and (list(found.dates), found.rows)) == expected
    # And the same backwards.
    turned = {date.fromordinal(1_500_000 - day.toordinal()): n for day, n in days.items()}
    for found, expected in zip(lone_dates(turned), (late, early), strict=True):
        assert (found and (len(found.dates), found.rows)) == (expected and (len(expected[0]), expected[1]))


def test_a_lone_last_date_does_not_end_the_observation_unsaid():
    rows = [("a", str(day)) for day in every(2, 40)] + [("b", "2023-01-05"), ("b", "2032-01-05")]
    transactions = read(rows)
    with pytest.raises(
        InputError, match=r"1 row is dated 2032-01-05, 9 years after .* \(2023-03-21\).*pass until 2023-03-21"
    ):
        summarise(transactions)
    with pytest.raises(InputError, match="2032-01-05"):
        split(transactions, "2023-02-01")
    stats = summarise(transactions, until="2023-03-21", unit="day")
    assert stats["T"].to_numpy().tolist() == [78.0, 75.0]
    assert json.loads(stats.attrs["rejected"]) == {"after the end of observation": 1}
    assert float(summarise(transactions, until="2032-01-05", unit="day").sel(customer="b").t_x) == 3287.0


def test_a_lone_first_date_is_said():
    rows = [("a", str(day)) for day in every(2, 40)] + [("b", "1900-01-01")]
    stats = summarise(read(rows))
    (remark,) = provenance_of(stats).remarks
    assert remark.startswith("1 row is dated 1900-01-01, 123 years before all others (2023-01-02)")
    assert (
        add(stats, summarise(read([("c", "2023-01-02")]), until="2023-03-21")).attrs["remarks"]
        == stats.attrs["remarks"]
    )
    contracts = pd.DataFrame({"who": range(9), "from": ["1900-01-01"] + ["2023-01-02"] * 8, "to": None})
    stats = summarise_contracts(contracts, customer="who", start="from", end="to", until="2023-06-30")
    assert provenance_of(stats).remarks == ()  # two dates alone do not say which of them is wrong
    contracts["from"] = ["1900-01-01", *(f"2023-0{month}-02" for month in range(1, 9))]
    stats = summarise_contracts(contracts, customer="who", start="from", end="to", until="2023-12-31")
    assert "1900-01-01" in provenance_of(stats).remarks[0]


def test_times_with_and_without_a_zone_are_said_and_one_clock():
    rows = [("a", "2025-03-01 10:00"), ("a", "2025-03-01T20:00Z"), ("b", "2025-03-02T04:30Z")]
    transactions = read(rows, timezone=ZONE)
    (remark,) = transactions.remarks
    assert remark.startswith("2 of 3 times carry a zone and the others do not")
    assert ZONE in remark
    stats = summarise(transactions, until="2025-03-01 23:30", unit="hour")
    assert stats["t_x"].to_numpy().tolist() == [5.0, 0.0]  # 10:00 and 15:00 in New York
    assert stats["T"].to_numpy().tolist() == [13.0, 0.0]
    assert read(rows[1:], timezone=ZONE).remarks == read(rows[:1]).remarks == ()


def test_hours_over_a_change_of_summer_time_are_those_that_pass():
    rows = [("a", f"2024-11-03T{time}Z") for time in ("05:30", "06:30", "12:30")]
    transactions = read(rows, timezone=ZONE)
    stats = summarise(transactions, unit="hour", regularity=True)
    assert [float(stats[name][0]) for name in ("x", "t_x", "T")] == [2.0, 7.0, 7.0]
    assert float(stats["regularity"][0]) == pytest.approx(np.log(1 / 7) + np.log(6 / 7), rel=1e-14)
    assert stats.attrs["until"] == "2024-11-03T07:00-05:00"
    assert stats["first"].to_numpy()[0] == np.datetime64("2024-11-03T05:00")
    again = summarise(transactions, until=stats.attrs["until"], unit="hour", regularity=True)
    assert again.equals(stats)
    # Parts on both sides of the change add to the whole.
    parts = [
        summarise(read(part, timezone=ZONE), unit="hour", regularity=True) for part in (rows[:1], rows[1:])
    ]
    assert add(*parts).drop_attrs().equals(stats.drop_attrs())
    cut = split(transactions, "2024-11-03T05:59Z", unit="hour")
    assert (int(cut.holdout["x_holdout"][0]), cut.holdout.attrs["length"]) == (2, 7.0)
    assert cut.tracking["observed"].to_numpy().tolist() == [0, 1, 0, 0, 0, 0, 0, 1]
    contracts = pd.DataFrame({"who": ["a", "b"], "from": rows[0][1], "to": ["2024-11-03T07:30Z", None]})
    stats = summarise_contracts(
        contracts, customer="who", start="from", end="to", until=rows[2][1], unit="hour", timezone=ZONE
    )
    assert stats["T"].to_numpy().tolist() == [2, 7]


moments = st.datetimes(datetime(2024, 10, 25), datetime(2024, 11, 10))


@settings.get_profile("queries")
@given(
    st.lists(moments, min_size=1, max_size=12),
    st.sampled_from([ZONE, "UTC", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.booleans(),
)
def test_hours_and_days_are_those_of_the_standard_library(times, zone, written):
    """Occasions are hours of the clock on the wall, and the time between them is that which passes."""
    clock = ZoneInfo(zone)
    if written:
        frame = pd.DataFrame({"who": "a", "when": [f"{time:%Y-%m-%dT%H:%M:%S}Z" for time in times]})
    else:
        frame = pd.DataFrame({"who": "a", "when": pd.to_datetime(times, utc=True)})
    transactions = read_transactions(frame, **ROLES, timezone=zone)
    local = [time.replace(tzinfo=UTC).astimezone(clock) for time in times]
    stats = summarise(transactions, unit="hour")
    assert float(stats["T"][0]) == float(stats["t_x"][0])
    if zone != "Australia/Lord_Howe":  # half an hour is set back there, so that some hours begin twice
        # An hour is known by when it began, in UTC; the two of a change of summer time differ.
        past = [timedelta(minutes=time.minute, seconds=time.second) for time in local]
        began = {
            time.astimezone(UTC).replace(microsecond=0) - since
            for time, since in zip(local, past, strict=True)
        }
        assert int(stats["x"][0]) == len(began) - 1
        assert float(stats["t_x"][0]) == (max(began) - min(began)) / timedelta(hours=1)
    days = {time.date() for time in local}
    stats = summarise(transactions, unit="day")
    assert (int(stats["x"][0]), float(stats["t_x"][0])) == (len(days) - 1, (max(days) - min(days)).days)


@pytest.mark.parametrize("zone", ["UTC", ZONE])
def test_dates_without_a_clock_have_the_same_window_in_hours_and_in_days(zone):
    rows = [("a", "2025-01-01"), ("a", "2025-01-08"), ("b", "2025-01-03")]
    for until in (None, "2025-02-01", date(2025, 2, 1)):
        hours, days = (
            summarise(read(rows, timezone=zone), until=until, unit=unit) for unit in ("hour", "day")
        )
        for name in ("t_x", "T"):
            np.testing.assert_array_equal(hours[name], 24 * days[name])
    # Where times of day are known, the last day is seen to its end.
    stats = summarise(
        read([*rows, ("b", "2025-01-03 10:20")], timezone=zone), until="2025-02-01", unit="hour"
    )
    assert stats["T"].to_numpy().tolist() == [31 * 24 + 23, 29 * 24 + 23]
    contracts = pd.DataFrame({"who": ["a"], "from": "2025-01-01", "to": [None]})
    stats = summarise_contracts(
        contracts, customer="who", start="from", end="to", until="2025-01-03", unit="hour"
    )
    assert int(stats["T"][0]) == 48
