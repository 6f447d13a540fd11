"""Columns by date: what is read, and what a week has of it."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx import ByDate
from bayes_cx.data.by_date import read_by_date
from bayes_cx.errors import InputError

DAYS = pd.date_range("2026-01-05", periods=28)  # from a Monday on
NUMBER = DAYS.to_numpy().astype("datetime64[D]").astype(int).tolist()
WEEK = (NUMBER[0] + 3) // 7


@settings(settings.get_profile("queries"))
@given(st.lists(st.floats(-5, 5), min_size=28, max_size=28), st.integers(0, 27), st.integers(0, 27))
def test_a_week_has_the_mean_of_its_days(values, one, other):
    """Against pandas, which has weeks of its own."""
    begin, end = min(one, other), max(one, other)
    frame = pd.DataFrame({"price": values}, index=DAYS)
    first, last = WEEK + begin // 7, WEEK + end // 7
    found = ByDate(frame).by_week(first, last, NUMBER[begin], NUMBER[end])
    expected = frame.iloc[begin : end + 1].resample("W-SUN").mean()
    np.testing.assert_allclose(found, expected, atol=1e-12)
    further = ByDate(frame).by_week(first, last, NUMBER[begin], NUMBER[end], to_sunday=True)
    expected = frame.iloc[begin : 7 * (end // 7 + 1)].resample("W-SUN").mean()
    np.testing.assert_allclose(further, expected, atol=1e-12)


def test_a_date_a_week_stands_for_the_week():
    weekly = ByDate(pd.Series([1.0, 2.0, 4.0], index=DAYS[2:20:7], name="price"))
    assert weekly.weekly
    assert weekly.by_week(WEEK, WEEK + 2, NUMBER[0], NUMBER[20]).ravel().tolist() == [1.0, 2.0, 4.0]
    with pytest.raises(InputError, match=r"without 2026-01-26.*for each week from 2026-01-05"):
        weekly.by_week(WEEK, WEEK + 3, NUMBER[0], NUMBER[21])
    daily = ByDate(pd.DataFrame.from_dict(weekly.rows(daily=True), orient="index"))
    found = daily.by_week(WEEK, WEEK + 2, NUMBER[0], NUMBER[20])
    assert found.ravel().tolist() == [1.0, 2.0, 4.0]


def test_what_is_not_listed_has_a_value_only_if_one_says_so():
    promotion = pd.DataFrame({"promotion": [True, True]}, index=["2026-01-12", "2026-01-19"])
    said = ByDate(promotion, otherwise=0)
    found = said.by_week(WEEK, WEEK + 3, NUMBER[0], NUMBER[27])
    assert found.round(6).ravel().tolist() == [0.0, 0.142857, 0.142857, 0.0]
    with pytest.raises(InputError, match="otherwise=0"):
        ByDate(promotion).by_week(WEEK, WEEK + 3, NUMBER[0], NUMBER[27])


def test_the_order_of_rows_and_columns_does_not_matter(rng):
    frame = pd.DataFrame({"b": rng.normal(size=28), "a": rng.normal(size=28)}, index=DAYS)
    mixed = frame.sample(frac=1, random_state=1)[["a", "b"]]
    assert (
        ByDate(frame) == ByDate(mixed) == ByDate(frame.to_xarray()) == ByDate.from_dict(asdict(ByDate(mixed)))
    )
    assert ByDate(frame) == ByDate(frame.set_axis(DAYS.strftime("%Y-%m-%d")))
    assert ByDate(frame) == ByDate(frame.set_axis(DAYS.tz_localize("Europe/Paris")))


def test_a_future_follows_the_past():
    past = ByDate(pd.DataFrame({"mail": 1.0}, index=DAYS[:14]))
    weekly = ByDate(pd.DataFrame({"mail": [5.0, 6.0]}, index=DAYS[14::7]))
    both = past.followed_by(weekly, "2026-01-19")
    assert both.by_week(WEEK, WEEK + 3, NUMBER[0], NUMBER[27]).ravel().tolist() == [1.0, 1.0, 5.0, 6.0]


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ([1, 2], "type list"),
        (pd.DataFrame({"a": []}), "empty"),
        (pd.DataFrame({"a": [1, 2]}), "index that is not of dates"),
        (pd.DataFrame({"a": [1, 2]}, index=["2026-01-05", "soon"]), "index that is not of dates"),
        (pd.DataFrame({"a": [1]}, index=["2026-01-05T10:00"]), "time of day"),
        (pd.DataFrame({"a": [1, 2]}, index=["2026-01-05", "2026-01-05"]), "2026-01-05 twice"),
        (pd.DataFrame({"a": ["x", "y"]}, index=DAYS[:2]), "get_dummies"),
        (pd.DataFrame({"a": [1, np.nan]}, index=DAYS[:2]), "no number for a on 2026-01-06"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"], index=DAYS[:1]), "same name"),
    ],
)
def test_what_is_no_table_by_date_is_refused(table, match):
    with pytest.raises(InputError, match=match):
        ByDate(table)


def test_a_file_is_read_or_refused(tmp_path):
    path = tmp_path / "promotions.csv"
    path.write_text("date,promotion\n2026-01-05,0\n2026-01-06,1\n")
    assert ByDate(read_by_date(path)).columns == {"promotion": (0.0, 1.0)}
    with pytest.raises(InputError, match="No such file"):
        read_by_date(tmp_path / "none.csv")
    path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        read_by_date(path)
    with pytest.raises(InputError, match="otherwise=nan"):
        ByDate(pd.DataFrame({"a": [1]}, index=DAYS[:1]), otherwise=float("nan"))
