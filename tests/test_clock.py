"""Spans, dates and rates against calendars and arithmetic that share no code with the clock."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bayes_cx.clock import Clock
from bayes_cx.errors import InputError
from bayes_cx.spans import UNITS, DiscountRate, Span

# Hours in a unit, as fractions: a year is 365 and a quarter days, a month a twelfth of it.
HOURS = {
    "hour": Fraction(1),
    "day": Fraction(24),
    "week": Fraction(168),
    "month": Fraction(24 * 1461, 48),
    "year": Fraction(24 * 1461, 4),
}
units = st.sampled_from(sorted(UNITS))
numbers = st.floats(0, 1e6, allow_subnormal=False)
dates = st.dates(date(1900, 1, 1), date(2200, 12, 31))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
BERLIN = ZoneInfo("Europe/Berlin")


@given(numbers, units)
@example(1.0, "week")
@example(0.1 + 0.2, "day")
@example(1e-7, "year")
@example(123456789.0, "hour")
def test_a_span_reads_what_it_writes(number, unit):
    span = Span(number, unit)
    assert Span.of(str(span)) == span
    assert Span.of(f"  {span} ".upper()) == span
    assert Span.of(span, "hour") is span


@given(numbers, units, units)
def test_a_change_of_unit_is_that_of_fractions(number, unit, other):
    exact = Fraction(number) * HOURS[unit] / HOURS[other]
    there = Span(number, unit).to(other)
    assert there.unit == other
    assert there.number == pytest.approx(float(exact), rel=1e-15)
    assert there.in_unit(unit) == pytest.approx(number, rel=1e-15)


@given(st.timedeltas(timedelta(0), timedelta(days=10**6)))
def test_a_time_difference_is_read_whoever_made_it(span):
    days = float(Fraction(span // timedelta(microseconds=1), 86_400_000_000))
    for same in (span, np.timedelta64(span), pd.Timedelta(span)):
        assert Span.of(same).in_unit("day") == pytest.approx(days, rel=1e-15)


@pytest.mark.parametrize(
    "value",
    [
        *("", "52", "weeks", "3 fortnights", "-1 weeks", "1 week 2 days", "nan days", "1e999 days"),
        *(-1, np.nan, np.inf, None, [1], np.array([26.0])),
        *(timedelta(-1), np.timedelta64("NaT", "s"), pd.NaT),
    ],
)
def test_what_is_no_span_is_refused(value):
    with pytest.raises(InputError, match="horizon"):
        Span.of(value, "week")


def test_a_number_alone_has_no_unit():
    assert Span.of(26, "week") == Span(26.0, "week")
    with pytest.raises(InputError, match="a number and a unit"):
        Span.of(26)
    with pytest.raises(InputError, match="'fortnight'"):
        Span.of(26, "fortnight")


@pytest.mark.parametrize(
    ("text", "unit", "periods"),
    [
        ("1 year", "week", 52),
        ("8 years", "month", 96),
        ("12 months", "year", 1),
        ("365 days", "year", 1),
        ("30 days", "month", 1),
        ("26 weeks", "month", 6),
        ("0 days", "week", 0),
        ("1 hour", "year", 0),  # less than 2 % of a period
    ],
)
def test_a_span_that_is_nearly_whole_is_whole(text, unit, periods):
    assert Span.of(text).whole(unit, "it counts") == Span(periods, unit)


@pytest.mark.parametrize(
    ("text", "unit", "ask"),
    [("10 days", "week", "1 week'"), ("3 days", "week", "1 week'"), ("2 years", "week", "104 weeks'")],
)
def test_any_other_must_be_whole(text, unit, ask):
    with pytest.raises(InputError, match=f"whole number of {unit}s, because it counts; ask for '{ask}"):
        Span.of(text).whole(unit, "it counts")


@given(dates, dates, units.filter(lambda unit: unit != "hour"))
@example(date(2024, 2, 28), date(2024, 3, 1), "day")  # a leap year
@example(date(1900, 2, 28), date(1900, 3, 1), "day")  # none
@example(date(2025, 3, 29), date(2025, 3, 31), "day")  # the clocks go forward
def test_days_are_those_of_the_calendar(a, b, unit):
    clock = Clock(unit)
    first, last = clock.step_of(a), clock.step_of(b)
    assert last - first == b.toordinal() - a.toordinal()
    assert clock.iso(first) == str(a)
    assert clock.step_of(clock.iso(last)) == last
    assert clock.length(first, last) == pytest.approx(float((b - a).days * 24 / HOURS[unit]), rel=1e-15)
    assert clock.periods(first, last) == ((b - a).days * 24) // HOURS[unit]


@given(st.datetimes(datetime(1902, 1, 1), datetime(2037, 12, 31), timezones=zones.map(ZoneInfo)), zones)
@example(datetime(1999, 10, 31, 2, fold=1, tzinfo=BERLIN), "UTC")  # the second time that clocks show two
@example(datetime(1999, 10, 31, 2, fold=1, tzinfo=BERLIN), "Europe/Berlin")
def test_a_time_with_a_zone_lies_in_the_day_and_hour_of_the_clock_on_the_wall(moment, zone):
    wall = moment.astimezone(UTC).astimezone(ZoneInfo(zone))
    assert Clock("week", zone).iso(Clock("week", zone).step_of(moment)) == f"{wall:%Y-%m-%d}"
    clock = Clock("hour", zone)
    hour = clock.step_of(moment)
    assert clock.iso(hour).startswith(f"{wall:%Y-%m-%dT%H}:")
    assert clock.step_of(clock.iso(hour)) == Clock("hour").step_of(clock.iso(hour)) == hour
    assert clock.step_of(moment.isoformat()) == hour
    if wall.utcoffset() % timedelta(hours=1) == timedelta(0):
        assert hour == moment.timestamp() // 3600
    # Without a zone a time stays as written, wherever it is read.
    assert Clock("day", zone).iso(Clock("day", zone).step_of(moment.replace(tzinfo=None))) == str(
        moment.date()
    )


def test_a_day_of_summer_time_is_as_long_as_any_other():
    clock = Clock("day", "Europe/Berlin")
    saturday, monday = (datetime(2025, 3, day, 0, 30, tzinfo=BERLIN) for day in (29, 31))
    assert (monday.astimezone(UTC) - saturday.astimezone(UTC)) == timedelta(hours=47)
    assert clock.length(clock.step_of(saturday), clock.step_of(monday)) == 2.0
    # Half past midnight in Berlin is the day before in London.
    assert Clock("day").iso(Clock("day").step_of(saturday)) == "2025-03-28"


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        ("2024-11-03 00:00", "2024-11-04 00:00", 25),
        ("2024-11-03T05:30Z", "2024-11-03T06:30Z", 1),  # 01:30 twice
        ("2024-11-03 01:30", "2024-11-03T06:30Z", 0),  # without a zone, the later one
        ("2024-03-10 01:30", "2024-03-10 03:30", 1),
        ("2024-03-10 02:30", "2024-03-10 03:30", 0),  # a time that clocks skip
        ("2024-03-10", "2024-03-11", 24),  # their last hours
        (date(2024, 3, 9), date(2024, 3, 10), 23),
    ],
)
def test_hours_are_those_that_pass(first, last, hours):
    clock = Clock("hour", "America/New_York")
    assert clock.step_of(last) - clock.step_of(first) == hours


def test_a_time_that_no_calendar_has_in_the_zone_is_one_error():
    for date_, zone in (("9999-12-31", "America/New_York"), ("0001-01-01T00:30", "Asia/Kolkata")):
        with pytest.raises(InputError, match="years 2 to 9998"):
            Clock("hour", zone).step_of(date_)
    assert Clock("day", "Asia/Kolkata").iso(Clock("day").step_of("9999-12-31")) == "9999-12-31"


def test_an_unknown_zone_is_one_error():
    for zone in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(InputError, match="timezone="):
            Clock("day", zone).step_of("2025-01-01")


@pytest.mark.parametrize("same", ["2025-01-10", date(2025, 1, 10), np.datetime64("2025-01-10")])
def test_in_hours_a_date_alone_means_its_last_hour(same):
    clock = Clock("hour")
    assert clock.iso(clock.step_of(same)) == "2025-01-10T23:00"
    assert clock.iso(clock.step_of("2025-01-10T00:59")) == "2025-01-10T00:00"
    assert clock.step_of(pd.Timestamp("2025-01-10T05:59:59.999")) == clock.step_of("2025-01-10T05:00")


@pytest.mark.parametrize("value", ["yesterday", "", None, 7, np.datetime64("NaT", "s"), "2025-02-29"])
def test_what_is_no_date_is_refused(value):
    with pytest.raises(InputError, match="date"):
        Clock("day").step_of(value)


@given(st.lists(dates, min_size=1, max_size=5), units)
def test_arrays_of_dates_go_there_and_back(days, unit):
    clock, times = Clock(unit), np.array(days, "datetime64[s]")
    steps = clock.steps_of(times)
    np.testing.assert_array_equal(clock.times_of(steps), times)
    assert [clock.iso(step)[:10] for step in steps] == [str(day) for day in days]


@given(dates, st.integers(-40, 40), units)
def test_periods_begin_one_unit_after_another(day, number, unit):
    clock = Clock(unit)
    begin = clock.step_of(datetime(day.year, day.month, day.day))
    (start,) = clock.starts(begin, np.array([number]))
    assert start == np.datetime64(day, "s") + np.timedelta64(round(number * HOURS[unit] * 3600), "s")


@given(dates, st.integers(-60, 60), units)
@example(date(2024, 1, 31), 1, "month")
@example(date(2024, 2, 29), -1, "year")
def test_the_calendar_is_that_of_pandas(day, number, unit):
    clock = Clock(unit)
    step = clock.on_calendar(clock.step_of(datetime(day.year, day.month, day.day)), number)
    assert clock.times_of(np.array(step)) == pd.Timestamp(day) + pd.DateOffset(**{f"{unit}s": number})


@given(st.floats(-0.99, 1), numbers.filter(lambda t: t < 1e4), units)
def test_a_force_discounts_as_the_yearly_rate_does(rate, t, unit):
    years = float(Fraction(t) * HOURS[unit] / HOURS["year"])
    log_worth = -DiscountRate(rate).force(unit) * t
    assert log_worth == pytest.approx(-years * np.log(1 + rate), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf, -np.inf, 10, 1.01, "10", "ten", None, [0.1, 0.2]])
def test_a_rate_that_is_none_or_was_meant_in_per_cent_is_refused(rate):
    with pytest.raises(InputError, match="discount_rate"):
        DiscountRate(rate)


def test_the_clock_is_light():
    code = "import sys, bayes_cx.clock; print(*sorted({'numpy', 'pandas', 'xarray'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
