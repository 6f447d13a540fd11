import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import add, compress, load_cdnow, read_transactions, summarise, unique_rows
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")

ROLES = {"customer": "id", "time": "when", "amount": "paid"}
N = 400


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(4)
    days = np.datetime64("2025-01-01") + rng.integers(0, 60, N)
    paid = np.round(rng.gamma(2, 10, N), 2) - (rng.random(N) < 0.05) * 100
    return pd.DataFrame(
        {
            "id": rng.integers(1, 90, N).astype(str),
            "when": days,
            "paid": paid,
            "tier": rng.choice(["a", "b"], N),
        }
    )


def summed(part, until=None, unit="week", regularity=True, **kwargs):
    return summarise(read_transactions(part, **ROLES, **kwargs), until, unit, ("tier",), regularity)


def assert_same(total, expected):
    assert total.sizes == expected.sizes
    assert list(total.data_vars) == list(expected.data_vars)
    for name, values in expected.variables.items():
        if values.dtype == float:
            # A standard deviation from sums has half the digits of the sums.
            digits = 1e-6 if name == "log_spend_sd" else 1e-12
            np.testing.assert_allclose(total[name], values, rtol=digits, atol=digits)
        else:
            np.testing.assert_array_equal(total[name], values)
        assert total[name].dtype == values.dtype
        assert total[name].attrs == values.attrs
    same = ("unit", "until", "period_start", "period_end", "rows_read", "rows_rejected", "rejected")
    for name in (*same, "repeats_by_week"):
        assert total.attrs[name] == expected.attrs[name]


@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("returns", ["reject", "net"])
def test_different_customers_add(log, unit, returns):
    low = log["id"].astype(int) < 30
    parts = [summed(part, "2025-02-20", unit, returns=returns) for part in (log[low], log[~low])]
    expected = summed(log, "2025-02-20", unit, returns=returns)
    assert_same(add(*parts), expected)
    assert_same(add(*parts[::-1]), expected)
    assert add(*parts).attrs["sha256"] == add(*parts[::-1]).attrs["sha256"]


@pytest.mark.parametrize("unit", ["hour", "week", "month", "year"])
def test_one_period_after_the_other_adds(log, unit):
    thirds = [
        log[log["when"] < "2025-01-20"],
        log[(log["when"] >= "2025-01-20") & (log["when"] < "2025-02-10")],
    ]
    thirds.append(log[log["when"] >= "2025-02-10"])
    one, two, three = (summed(part, unit=unit) for part in thirds)
    expected = summed(log, unit=unit)
    assert_same(add(add(one, two), three), expected)
    assert_same(add(three, add(two, one)), expected)


def test_compressed_rows_add(log):
    low = log["id"].astype(int) < 30
    parts = [compress(summed(part, "2025-02-20")) for part in (log[low], log[~low])]
    total = add(*parts)
    expected = compress(summed(log, "2025-02-20"))
    assert total.drop_attrs().identical(expected.drop_attrs())
    assert total.attrs["rows_read"] == N


def test_parts_that_do_not_add(log):
    stats = summed(log, "2025-02-20")
    half = summed(log[log["when"] < "2025-02-01"])
    numbered = log.assign(id=log["id"].astype(int))
    for other, message in (
        (stats, "customers are in both parts .* periods overlap"),
        (half, "ends of observation .* while the periods overlap"),
        (summed(log, "2025-02-20", unit="day"), "unit is 'week' in one part"),
        (summed(log, "2025-02-20", returns="net"), "returns is"),
        (stats.drop_vars("tier"), "the same columns"),
        (summed(log, "2025-02-20", regularity=False), "a column regularity in one part only"),
        (compress(stats), "the same columns"),
        (summed(numbered, "2025-02-20"), "text in both or whole numbers in both"),
    ):
        with pytest.raises(InputError, match=message):
            add(stats, other)
    early, late = log[log["when"] < "2025-02-01"], log[log["when"] >= "2025-02-01"]
    with pytest.raises(InputError, match="a return in one may belong"):
        add(summed(early, returns="net"), summed(late, returns="net"))


@settings.get_profile("queries")
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), min_size=2, max_size=40),
    st.integers(1, 40),
)
def test_regularity_adds_over_periods(purchases, cut):
    """Against all purchases at once, wherever the cut."""
    table = pd.DataFrame(purchases, columns=["id", "day"])
    table["when"], table["paid"] = np.datetime64("2025-01-01") + table["day"].to_numpy(), 1.0
    table["tier"] = "a"
    early, late = table["day"] < cut, table["day"] >= cut
    if early.any() and late.any():
        assert_same(add(summed(table[early]), summed(table[late])), summed(table))


numbers = st.sampled_from([0.0, -0.0, 1.0, 1.5, np.nan])
rows = st.lists(
    st.tuples(st.integers(0, 2), numbers, numbers, st.sampled_from("ab")), min_size=1, max_size=30
)


@settings.get_profile("queries")
@given(rows, st.lists(st.integers(1, 5), min_size=30, max_size=30))
def test_compression_loses_nothing(rows, weights):
    on = ("x", "t_x", "T", "tier")
    table = pd.DataFrame(rows, columns=list(on))
    stats = xr.Dataset(
        {name: ("customer", table[name].to_numpy(object if name == "tier" else None)) for name in on}
    )
    columns, inverse = unique_rows(stats, on)
    for name in on:
        np.testing.assert_array_equal(columns[name][inverse], stats[name].to_numpy())

    def key(row):
        return tuple("nan" if value != value else value for value in row)

    table_of = compress(stats, on)
    counted = {
        key(row): weight
        for *row, weight in zip(*(table_of[name].to_numpy() for name in (*on, "weight")), strict=True)
    }
    assert counted == Counter(map(key, rows))
    assert compress(table_of, on).identical(table_of)
    weighted = compress(stats.rename(customer="row").assign(weight=("row", weights[: len(rows)])), on)
    assert int(weighted.weight.sum()) == sum(weights[: len(rows)])


def test_compression_of_cdnow():
    stats = summarise(load_cdnow(), "1997-09-30")
    table = compress(stats)
    assert table.sizes["row"] == 8_685
    assert int(table.weight.sum()) == 23_570
    assert int((table.x * table.weight).sum()) == int(stats.x.sum())
    assert table.attrs == stats.attrs
    assert table.weight.dtype == np.int64
    shuffled = stats.isel(customer=np.random.default_rng(0).permutation(23_570))
    assert compress(shuffled).identical(table)


def test_compression_needs_columns_that_exist():
    stats = xr.Dataset({"x": ("customer", [1])})
    for on in (("x", "y"), ()):
        with pytest.raises(InputError, match="to compress on"):
            compress(stats, on)


def test_rejections_add(log):
    broken = log.copy()
    broken.loc[:9, "id"] = None
    low = (broken.index < 200) & (broken["when"] < "2025-02-01")
    parts = [
        summed(broken[low & (broken["when"] < "2025-02-01")]),
        summed(broken[broken["when"] >= "2025-02-01"]),
    ]
    total = Counter()
    for part in parts:
        total.update(json.loads(part.attrs["rejected"]))
    assert json.loads(add(*parts).attrs["rejected"]) == dict(total)
