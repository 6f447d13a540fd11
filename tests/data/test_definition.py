"""The schema and the statistics, written again from their definitions (slow, row by row), and compared."""

import json
import math
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import compress, read_transactions, summarise
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")

DAYS = {"day": 1, "week": 7, "month": 30.4375, "year": 365.25}


def judge(row, returns="reject", zero_amounts="reject"):
    """Return (reason or None, day, amount) of one row of text cells (customer, time, amount)."""
    customer, time, amount = row
    if customer is None or not customer.strip():
        return "missing customer", None, None
    if time is None or not time.strip():
        return "missing time", None, None
    try:
        day = datetime.fromisoformat(time).date()
    except ValueError:
        return "unreadable time", None, None
    if amount is None or not amount.strip():
        return "missing amount", None, None
    try:
        value = float(amount)
    except ValueError:
        return "unreadable amount", None, None
    if not math.isfinite(value):
        return "non-finite amount", None, None
    if value < 0 and returns == "keep":
        return None, day, 0.0
    if value < 0 and returns != "net":
        return ("negative amount" if returns == "reject" else "return, ignored"), None, None
    if value == 0 and zero_amounts == "reject":
        return "zero amount", None, None
    return None, day, value


def statistics(rows, until=None, unit="week", returns="reject", zero_amounts="reject"):
    """Return ({customer: (x, t_x, T, spend_sum, first_spend, log amounts)}, Counter of reasons)."""
    reasons = Counter()
    days = {}
    kept = []
    for row in rows:
        reason, day, value = judge(row, returns, zero_amounts)
        if reason:
            reasons[reason] += 1
        else:
            kept.append((row[0], day, value))
    until = until or max((day for _, day, _ in kept), default=date(1970, 1, 1))
    for customer, day, value in kept:
        if day > until:
            reasons["after the end of observation"] += 1
        else:
            days.setdefault(customer, {}).setdefault(day, []).append(value)
    result = {}
    for customer, diary in days.items():
        occasions = {}
        for day in sorted(diary):
            bought = [value for value in diary[day] if value >= 0]
            given_back = [value for value in diary[day] if value < 0]
            if bought:
                occasions[day] = [sum(bought), len(bought), False]
            if given_back and not occasions:
                reasons["return without an earlier purchase"] += len(given_back)
            elif given_back:
                home = occasions[max(occasions)]
                home[0] += sum(given_back)
                home[1] += len(given_back)
                home[2] = True
        for day, (paid, count, touched) in list(occasions.items()):
            if touched and paid <= 1e-12:
                reasons["purchase cancelled by a return"] += count
                del occasions[day]
        if occasions:
            first, *_, last = (*sorted(occasions), max(occasions))
            result[customer] = (
                len(occasions) - 1,
                (last - first).days / DAYS[unit],
                (until - first).days / DAYS[unit],
                math.fsum(paid for day, (paid, *_) in occasions.items() if day != first),
                occasions[first][0],
                [math.log(paid) for day, (paid, *_) in occasions.items() if day != first and paid > 1e-12],
            )
    return result, reasons


customers = st.sampled_from(["1", "01", "b", "Zoë", "a,b", None, "", "  "])
times = st.one_of(
    st.dates(date(2024, 12, 25), date(2025, 2, 10)).map(str),
    st.datetimes(datetime(2024, 12, 25), datetime(2025, 2, 10)).map(str),
    st.sampled_from([None, "", "soon", "2025-02-30", "infinity"]),
)
amounts = st.one_of(
    st.integers(-300, 900).map(lambda cents: str(cents / 100)),
    st.sampled_from([None, " ", "free", "nan", "-inf", "0", "0.00"]),
)
tables = st.lists(st.tuples(customers, times, amounts), min_size=1, max_size=40)
options = st.fixed_dictionaries(
    {
        "returns": st.sampled_from(["reject", "net", "ignore", "keep"]),
        "zero_amounts": st.sampled_from(["reject", "keep"]),
    }
)


def read(rows, **kwargs):
    columns = [pa.array([row[position] for row in rows], pa.string()) for position in range(3)]
    table = pa.table(columns, names=["customer", "time", "amount"])
    return read_transactions(table, customer="customer", time="time", amount="amount", **kwargs)


@settings.get_profile("queries")
@given(tables, options, st.sampled_from([None, date(2025, 1, 15)]), st.sampled_from(["day", "week", "month"]))
def test_statistics_and_reasons_are_those_of_the_definition(rows, kwargs, until, unit):
    expected, reasons = statistics(rows, until, unit, **kwargs)
    transactions = read(rows, **kwargs)
    assert transactions.rows_read == len(rows) == transactions.rows_accepted + transactions.rows_rejected
    if not expected:
        with pytest.raises(InputError, match="every row of"):
            summarise(transactions, until, unit)
        return
    stats = summarise(transactions, until, unit)
    assert json.loads(stats.attrs["rejected"]) == dict(reasons)
    assert list(stats.customer.values) == sorted(expected)
    for position, customer in enumerate(sorted(expected)):
        x, t_x, age, spend_sum, first_spend, logs = expected[customer]
        got = stats.isel(customer=position)
        assert got.x == x
        assert (float(got.t_x), float(got["T"])) == (t_x, age)
        assert float(got.spend_sum) == pytest.approx(spend_sum, abs=1e-9)
        assert float(got.first_spend) == pytest.approx(first_spend, abs=1e-9)
        assert np.isnan(got.spend) if x == 0 else float(got.spend) == pytest.approx(spend_sum / x, abs=1e-9)
        assert got.paid == len(logs)
        moments = (np.mean(logs), np.std(logs)) if logs else (np.nan, np.nan)
        assert [float(got.log_spend), float(got.log_spend_sd)] == pytest.approx(
            moments, abs=1e-5, nan_ok=True
        )


@settings.get_profile("queries")
@given(
    st.lists(st.tuples(st.sampled_from(["1", "b"]), st.integers(0, 60)), min_size=1, max_size=40),
    st.sampled_from(["hour", "day", "week", "month"]),
)
def test_regularity_is_that_of_the_definition(purchases, unit):
    days = {}
    for customer, day in purchases:
        days.setdefault(customer, set()).add(day)
    rows = [(customer, str(date(2025, 1, 1) + timedelta(day)), "1") for customer, day in purchases]
    stats = summarise(read(rows), unit=unit, regularity=True)
    for customer in days:
        when = sorted(days[customer])
        gaps = [b - a for a, b in pairwise(when)]
        expected = math.fsum(math.log(gap / (when[-1] - when[0])) for gap in gaps)
        got = float(stats["regularity"].sel(customer=customer))
        assert got == pytest.approx(expected, abs=1e-12)
        assert got <= 0
        assert got == 0 or len(gaps) > 1


def test_regularity_depends_neither_on_the_order_of_the_gaps_nor_on_the_unit():
    def of(unit, *days):
        rows = [("a", str(date(2025, 1, 1) + timedelta(day)), "1") for day in days]
        return float(summarise(read(rows), unit=unit, regularity=True)["regularity"][0])

    assert of("week", 0, 3, 10, 30) == of("month", 0, 20, 27, 30)
    assert of("day", 0, 5, 10, 15) == pytest.approx(-3 * math.log(3))
    assert "regularity" not in summarise(read([("a", "2025-01-01", "1")]))


@settings.get_profile("queries")
@given(tables.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))), options)
def test_the_order_of_the_rows_does_not_matter(pair, kwargs):
    one, two = (read(rows, **kwargs) for rows in pair)
    assert one.sha256 == two.sha256
    assert one.rejected_by_reason == two.rejected_by_reason
    if not statistics(pair[0], **kwargs)[0]:
        return
    first, second = summarise(one), summarise(two)
    assert first.identical(second)
    on = ("x", "t_x", "T", "spend")
    assert compress(first, on).identical(compress(second, on))


@settings.get_profile("queries")
@given(tables, options, st.sampled_from(["week", "month", "year"]))
def test_another_unit_scales_recency_and_age_only(rows, kwargs, unit):
    if not statistics(rows, **kwargs)[0]:
        return
    transactions = read(rows, **kwargs)
    days, other = summarise(transactions, unit="day"), summarise(transactions, unit=unit)
    for name in days.data_vars:
        scale = DAYS[unit] if name in {"t_x", "T"} else 1
        if scale != 1:
            np.testing.assert_allclose(other[name] * scale, days[name], rtol=1e-14)
        else:
            assert other[name].equals(days[name])


@settings.get_profile("queries")
@given(tables, options, st.dates(date(2024, 12, 25), date(2025, 2, 10)))
def test_every_row_is_used_or_written_with_its_reason(tmp_path_factory, rows, kwargs, until):
    _, reasons = statistics(rows, until, **kwargs)
    path = tmp_path_factory.mktemp("rejected") / "rejected.parquet"
    read(rows, **kwargs).write_rejected(path, until=until)
    written = pq.read_table(path).to_pylist()
    assert Counter(row["reason"] for row in written) == reasons
    assert all((row["customer"], row["time"], row["amount"]) == rows[row["row"] - 1] for row in written)
