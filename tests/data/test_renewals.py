"""Contracts and their renewals, computed again with the calendar of the standard library."""

import calendar
import csv
import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import add, compress, summarise_contracts
from bayes_cx.errors import InputError
from bayes_cx.kinds import kind_of

pytestmark = pytest.mark.usefixtures("one_database")

ROLES = {"customer": "who", "start": "from", "end": "to"}
BEGIN = date(2023, 12, 28)


def renewal(start, i, unit):
    """Return the day of the i-th renewal."""
    if unit in {"day", "week"}:
        return start + timedelta({"day": 1, "week": 7}[unit] * i)
    months = start.month - 1 + i * {"month": 1, "year": 12}[unit]
    year, month = start.year + months // 12, months % 12 + 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def renewals(start, end, until, unit):
    """Return (T, churned), renewal by renewal."""
    made = 0
    while renewal(start, made + 1, unit) <= until:
        if end is not None and end <= renewal(start, made + 1, unit):
            return made + 1, 1
        made += 1
    return made, 0


def frame(rows):
    return pd.DataFrame(rows, columns=["who", "from", "to"]).astype(object)


days = st.integers(0, 500).map(lambda day: BEGIN + timedelta(day))
spans = st.tuples(days, st.one_of(st.none(), st.integers(0, 420))).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + timedelta(pair[1]))
)


@settings.get_profile("queries")
@given(st.lists(spans, min_size=1, max_size=40), days, st.sampled_from(["day", "week", "month", "year"]))
def test_renewals_are_those_of_the_definition(contracts, until, unit):
    rows = [(f"{i:03}", str(a), None if b is None else str(b)) for i, (a, b) in enumerate(contracts)]
    expected = {
        who: renewals(a, b, until, unit)
        for (who, *_), (a, b) in zip(rows, contracts, strict=True)
        if a <= until
    }
    if not expected:
        with pytest.raises(InputError, match=r"every row of .*start after the end of observation"):
            summarise_contracts(frame(rows), **ROLES, until=until, unit=unit)
        return
    stats = summarise_contracts(frame(rows), **ROLES, until=until, unit=unit)
    found = zip(stats["T"].to_numpy().tolist(), stats["churned"].to_numpy().tolist(), strict=True)
    assert dict(zip(stats["customer"].to_numpy(), found, strict=True)) == expected
    assert stats.attrs["rows_read"] == stats.attrs["rows_rejected"] + len(expected) == len(rows)
    # Who has ended the contract and has not left at a renewal has given notice.
    notice = {
        who: int(b is not None and b <= until and not expected[who][1])
        for (who, *_), (_, b) in zip(rows, contracts, strict=True)
        if who in expected
    }
    assert dict(zip(stats["customer"].to_numpy(), stats["notice"].to_numpy().tolist(), strict=True)) == notice
    assert stats.attrs["contracts_ending"] == sum(notice.values())
    history = kind_of(stats).words["en"].history
    for row in stats.to_dataframe().to_dict("records"):
        assert ("notice given" in history(row, unit)) == bool(row["notice"])


def test_the_last_day_and_the_day_after_it_are_one_end():
    for ends in (["2025-01-31", "2025-02-28"], ["2025-02-01", "2025-03-01"]):
        table = frame([("a", "2025-01-01", ends[0]), ("b", "2025-01-01", ends[1])])
        stats = summarise_contracts(table, **ROLES, until="2025-06-30")
        assert stats["T"].to_numpy().tolist() == [1, 2]
        assert stats["churned"].to_numpy().tolist() == [1, 1]


def test_a_renewal_that_nobody_could_see_counts_for_nobody():
    """A cohort whose renewal lies ahead must not show only those who said that they will leave."""
    table = frame(
        [("a", "2025-01-10", "2025-01-20"), ("b", "2025-01-10", None), ("c", "2025-01-10", "2026-01-01")]
    )
    stats = summarise_contracts(table, **ROLES, until="2025-02-01")
    assert stats["T"].to_numpy().tolist() == [0, 0, 0]
    assert stats["churned"].to_numpy().tolist() == [0, 0, 0]
    assert stats.attrs["contracts_ending"] == 1
    stats = summarise_contracts(table, **ROLES, until="2025-02-10")
    assert stats["T"].to_numpy().tolist() == [1, 1, 1]
    assert stats["churned"].to_numpy().tolist() == [1, 0, 0]


BROKEN = [
    ("good", "2025-01-01", "2025-02-15", "gold"),
    ("good", "2025-03-01", None, "gold"),
    ("back", "2025-01-05", None, None),
    (None, "2025-01-01", None, "gold"),
    ("none", None, None, "gold"),
    ("soon", "some day", None, "gold"),
    ("slip", "2025-01-01", "eve@mail.test", "gold"),
    ("wrong", "2025-02-01", "2025-01-01", "gold"),
    ("late", "2025-07-01", None, "gold"),
]
REASONS = {
    "duplicate customer": 1,
    "end before start": 1,
    "missing customer": 1,
    "missing start": 1,
    "start after the end of observation": 1,
    "unreadable end": 1,
    "unreadable start": 1,
}


def test_each_broken_row_is_rejected_with_its_reason(tmp_path):
    table = pd.DataFrame(BROKEN, columns=["who", "from", "to", "tier"])
    for order in (table, table.iloc[::-1]):
        stats = summarise_contracts(
            order, **ROLES, until="2025-06-30", by="tier", rejected=tmp_path / "rejected.csv"
        )
        assert stats["customer"].to_numpy().tolist() == ["back", "good"]
        assert stats["T"].to_numpy().tolist() == [5, 2]
        assert stats["churned"].to_numpy().tolist() == [0, 1]
        assert stats["tier"].to_numpy().tolist() == ["missing", "gold"]
        assert json.loads(stats.attrs["rejected"]) == REASONS
        assert (stats.attrs["period_start"], stats.attrs["until"]) == ("2025-01-01", "2025-06-30")
        assert [stats[name].dtype for name in ("T", "churned")] == [np.int64] * 2
        with (tmp_path / "rejected.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert sorted(row["reason"] for row in rows) == sorted(REASONS)
        again = next(row for row in rows if row["reason"] == "duplicate customer")
        assert (again["who"], again["from"], again["to"]) == ("good", "2025-03-01", "")
    assert stats.attrs["sha256"] == summarise_contracts(table, **ROLES, until="2025-06-30").attrs["sha256"]
    summarise_contracts(table, **ROLES, until="2025-06-30", rejected=tmp_path / "rejected.parquet")
    assert pq.read_table(tmp_path / "rejected.parquet").num_rows == 7


def test_under_pseudonyms_the_rejected_rows_name_nobody(tmp_path):
    table = pd.DataFrame(BROKEN, columns=["who", "from", "to", "tier"])
    path, key = tmp_path / "rejected.csv", "an example key of a test"
    summarise_contracts(table, **ROLES, until="2025-06-30", rejected=path, pseudonym_key=key)
    written = path.read_text()
    assert written.splitlines()[0] == "row,reason,who,from,to"
    assert "mail.test" not in written
    assert "soon" not in written
    assert written.count("hidden") == 4


def test_what_each_customer_pays(tmp_path):
    table = frame([("a", "2025-01-01", None), ("b", "2025-01-01", "2025-03-01"), ("c", "2025-01-01", None)])
    table["fee"] = ["9.90", "0", "free"]
    paid = {"amount": "fee", "until": "2025-06-01"}
    stats = summarise_contracts(table, **ROLES, **paid, rejected=tmp_path / "rejected.csv")
    assert stats["amount"].to_numpy().tolist() == [9.9, 0.0]
    assert json.loads(stats.attrs["rejected"]) == {"unreadable amount": 1}
    assert (tmp_path / "rejected.csv").read_text().splitlines()[1] == "3,unreadable amount,c,2025-01-01,,free"
    without = summarise_contracts(table[:2], **ROLES, until="2025-06-01")
    assert stats.drop_vars("amount").equals(without)
    assert stats.attrs["sha256"] != without.attrs["sha256"]


@pytest.mark.parametrize("ends", [[None, None], [np.nan, np.nan], pd.to_datetime([None, None])])
def test_nobody_may_have_left(ends):
    table = pd.DataFrame({"who": [2, 1], "from": ["2025-01-01", "2025-02-01"], "to": ends})
    stats = summarise_contracts(table, **ROLES, until="2025-04-01", unit="month")
    assert stats["customer"].to_numpy().tolist() == [1, 2]
    assert stats["T"].to_numpy().tolist() == [2, 3]
    assert not stats["churned"].any()


def test_files_formats_and_hours(tmp_path):
    path = tmp_path / "contracts.csv"
    path.write_text("who;from;to\n01;01.02.2025;\n02;01.02.2025;15.03.2025\n03;broken\n")
    stats = summarise_contracts(
        path, **ROLES, until="2025-05-01", time_format="%d.%m.%Y", rejected=tmp_path / "r.csv"
    )
    assert stats["customer"].to_numpy().tolist() == ["01", "02"]
    assert stats["T"].to_numpy().tolist() == [3, 2]
    assert stats.attrs["source"] == "contracts.csv"
    assert json.loads(stats.attrs["rejected"]) == {"unreadable line": 1}
    assert "03;broken" in (tmp_path / "r.csv").read_text()
    hours = frame([("a", "2025-01-01 10:20", "2025-01-01 13:05"), ("b", "2025-01-01 10:20", None)])
    stats = summarise_contracts(hours, **ROLES, until="2025-01-01 15:59", unit="hour")
    assert stats["T"].to_numpy().tolist() == [3, 5]
    assert stats["churned"].to_numpy().tolist() == [1, 0]


def test_contracts_of_different_customers_add():
    rng = np.random.default_rng(3)
    start = [BEGIN + timedelta(int(day)) for day in rng.integers(0, 300, 60)]
    end = [str(a + timedelta(int(rng.integers(1, 300)))) if rng.random() < 0.7 else None for a in start]
    table = pd.DataFrame({"who": [f"{i:02}" for i in range(60)], "from": list(map(str, start)), "to": end})
    table["tier"] = rng.choice(["x", "y"], 60)
    part = [
        summarise_contracts(rows, **ROLES, until="2024-11-30", by="tier")
        for rows in (table, table[::2], table[1::2])
    ]
    total = add(*part[1:])
    assert total.drop_attrs().equals(part[0].drop_attrs())
    for name in ("rows_read", "contracts_ending", "unit", "until", "rejected", "varying", "period_start"):
        assert total.attrs[name] == part[0].attrs[name]
    on = ("T", "churned", "tier")
    assert add(*(compress(one, on) for one in part[1:])).equals(compress(part[0], on))
    later = summarise_contracts(frame([("z", "2025-01-01", None)]), **ROLES, until="2025-02-01", by=())
    with pytest.raises(InputError, match="two periods of contracts"):
        add(part[0].drop_vars("tier"), later)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": "begin"}, "no column 'begin'"),
        ({"by": "level"}, "no column 'level'"),
        ({"unit": "quarter"}, "quarter"),
        ({"until": "soon"}, "ISO form"),
        ({"end": "price"}, "column 'price' .* is of type DOUBLE"),
        ({"time_format": "%Q%"}, "time_format|unreadable start"),
        ({"until": "2020-01-01"}, "every row of .*2 start after the end of observation"),
    ],
)
def test_what_cannot_be_used_is_one_error(change, message):
    table = frame([("a", "2025-01-01", None), ("b", "2025-01-01", "2025-03-01")])
    table["price"] = [1.5, 2.5]
    arguments = {**ROLES, "until": "2025-06-01"} | change
    with pytest.raises(InputError, match=message):
        summarise_contracts(table, **arguments)
