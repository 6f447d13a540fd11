import csv
import json
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bayes_cx.data import read_transactions, summarise
from bayes_cx.errors import InputError
from bayes_cx.privacy import pseudonym

KEY = "an example key of a test"
ROLES = {"customer": "id", "time": "when", "amount": "paid"}
REASONS = {
    "missing customer": 1,
    "missing time": 1,
    "unreadable time": 1,
    "missing amount": 1,
    "unreadable amount": 1,
    "non-finite amount": 1,
    "negative amount": 1,
    "zero amount": 1,
}


def times(values, **kwargs):
    """Read a column of times and return what they are taken for."""
    table = values if isinstance(values, pa.Table) else pa.table({"id": ["a"] * len(values), "when": values})
    transactions = read_transactions(table, customer="id", time="when", **kwargs)
    return [moment for (moment,) in transactions.accepted.project("time").fetchall()], transactions


def test_each_broken_row_is_rejected_with_its_reason(shop):
    transactions = read_transactions(shop, **ROLES)
    assert transactions.rejected_by_reason == REASONS
    assert (transactions.rows_read, transactions.rows_accepted, transactions.rows_rejected) == (13, 5, 8)
    assert transactions.has_amount
    assert transactions.accepted.columns == ["customer", "time", "amount"]


def test_rejected_rows_carry_number_reason_and_original_values(shop, tmp_path):
    transactions = read_transactions(shop, **ROLES)
    transactions.write_rejected(tmp_path / "rejected.csv")
    with (tmp_path / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["row"]), row["reason"], row["paid"]) for row in rows] == [
        (6, "missing customer", "1"),
        (7, "missing time", "1"),
        (8, "unreadable time", "1"),
        (9, "missing amount", ""),
        (10, "unreadable amount", "a lot"),
        (11, "non-finite amount", "inf"),
        (12, "negative amount", "-3"),
        (13, "zero amount", "0"),
    ]
    assert rows[2]["when"] == "not a day"
    assert transactions.rejected.columns == ["row", "reason", "id", "when", "paid", "region"]
    transactions.write_rejected(tmp_path / "late.parquet", until="2025-01-20")
    late = pq.read_table(tmp_path / "late.parquet").to_pylist()
    assert late[0] == {
        "row": 5,
        "reason": "after the end of observation",
        "id": "00003",
        "when": "2025-02-01 10:30:00",
        "paid": "7",
        "region": "",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late.parquet", "rejected.csv"]


def test_rejected_rows_are_whole_safe_and_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr("bayes_cx.data.rejected._BATCH", 1)
    frame = pd.DataFrame(
        {"id": ["=1+1", "-7", None, "ok"], "when": ["2025-01-01"] * 4, "paid": [-50.0, -1e-7, 3, 1]}
    )
    transactions = read_transactions(frame, customer="id", time="when", amount="paid")
    path = tmp_path / "rejected.csv"
    path.write_text("old")
    transactions.write_rejected(path)
    assert path.read_text() == (
        "row,reason,id,when,paid\n1,negative amount,'=1+1,2025-01-01,-50.0\n"
        "2,negative amount,-7,2025-01-01,-1e-07\n3,missing customer,,2025-01-01,3.0\n"
    )
    assert [one.name for one in tmp_path.iterdir()] == ["rejected.csv"]
    with pytest.raises(InputError, match="cannot be written"):
        transactions.write_rejected(path / "below.csv")


def test_a_file_of_no_rejected_rows_has_a_header(tmp_path):
    frame = pd.DataFrame({"id": [1], "when": ["2025-01-01"]})
    read_transactions(frame, customer="id", time="when").write_rejected(tmp_path / "rejected.csv")
    assert (tmp_path / "rejected.csv").read_text() == "row,reason,id,when\n"


@pytest.mark.parametrize("returns", ["reject", "net"])
def test_under_pseudonyms_a_rejected_row_shows_the_customer_of_the_statistics(tmp_path, returns):
    # The hole makes floats of the ids.
    frame = pd.DataFrame(
        {
            "id": [2, 2, None, 3.5],
            "when": ["2025-01-01", "late", "2025-01-02", "2025-01-03"],
            "paid": [1.0] * 4,
            "mail": ["two@x.org"] * 4,
        }
    )
    transactions = read_transactions(
        frame, customer="id", time="when", amount="paid", returns=returns, pseudonym_key=KEY
    )
    transactions.write_rejected(tmp_path / "rejected.csv", until="2025-02-01")
    with (tmp_path / "rejected.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["row", "reason", "id", "when", "paid"]
    assert [row[2] for row in rows[1:]] == [pseudonym(2, KEY), "", pseudonym(3.5, KEY)]
    assert summarise(transactions, until="2025-02-01")["customer"].to_numpy().tolist() == [pseudonym(2, KEY)]
    assert transactions.rejected.columns == rows[0]
    transactions.write_rejected(tmp_path / "rejected.parquet", until="2025-02-01")
    same = pq.read_table(tmp_path / "rejected.parquet")
    assert same["id"].to_pylist() == [row[2] or None for row in rows[1:]]


def test_under_pseudonyms_no_unreadable_line_is_shown(tmp_path):
    (tmp_path / "orders.csv").write_text("id,when\nada,2025-01-01\nada\n,2025-01-01\n")
    source = tmp_path / "orders.csv"
    transactions = read_transactions(source, customer="id", time="when", pseudonym_key=KEY)
    transactions.write_rejected(tmp_path / "rejected.csv")
    assert (tmp_path / "rejected.csv").read_text() == (
        "row,reason,id,when,line\n2,missing customer,,2025-01-01,\n,unreadable line,,,3\n"
    )


def test_row_numbers_are_right_in_a_table_larger_than_a_batch():
    amounts = np.ones(300_001)
    amounts[[7, 150_000, 300_000]] = -1
    table = pa.table(
        {"id": pa.repeat(1, 300_001), "when": pa.repeat(date(2025, 1, 1), 300_001), "paid": amounts}
    )
    rejected = read_transactions(table, **ROLES).rejected.fetchall()
    assert [row[0] for row in rejected] == [8, 150_001, 300_001]


def test_columns_named_like_ours_do_no_harm(tmp_path):
    frame = pd.DataFrame(
        {
            "row": ["a", "b"],
            "reason": ["2025-01-01", "x"],
            "moment": [1, 2],
            "customer": [5, 5],
            "AMOUNT": [1, 1],
            "d": 0,
        }
    )
    transactions = read_transactions(frame, customer="row", time="reason", amount="moment", by="d")
    assert transactions.rejected.columns == [
        "row_2",
        "reason_2",
        "row",
        "reason",
        "moment",
        "customer",
        "AMOUNT",
        "d",
    ]
    assert transactions.rejected.fetchall() == [(2, "unreadable time", "b", "x", 2, 5, 1, 0)]
    assert summarise(transactions)["d"].to_numpy().tolist() == ["0"]


def test_customers_keep_leading_zeros_or_stay_integers():
    frame = pd.DataFrame({"id": ["00001", "1"], "when": "2025-01-01"})
    assert summarise(read_transactions(frame, customer="id", time="when")).customer.to_numpy().tolist() == [
        "00001",
        "1",
    ]
    stats = summarise(read_transactions(frame.assign(id=[7, 3]), customer="id", time="when"))
    assert stats.customer.dtype == np.int64
    assert stats.customer.to_numpy().tolist() == [3, 7]
    category = frame.assign(id=pd.Categorical(["x", "y"]))
    assert summarise(read_transactions(category, customer="id", time="when")).sizes["customer"] == 2


def test_whole_numbers_that_a_hole_turned_into_floats():
    frame = pd.DataFrame({"id": [1.0, None, 2.5], "when": [20250101.0, 20250102.0, 20250103.0]})
    transactions = read_transactions(frame, customer="id", time="when", time_format="%Y%m%d")
    assert transactions.rejected_by_reason == {"missing customer": 1, "unreadable customer": 1}
    assert summarise(transactions).customer.to_numpy().tolist() == [1]


def test_times_as_dates_timestamps_text_and_numbers():
    noon = datetime(2025, 3, 1, 12)
    for kind in ("s", "ms", "us", "ns"):
        assert times(pa.array([noon], pa.timestamp(kind)))[0] == [noon]
    assert times(pa.array([date(2025, 3, 1)]))[0] == [datetime(2025, 3, 1)]
    assert times(pa.array([" 2025-03-01", "2025-03-01T12:00:00"]))[0] == [datetime(2025, 3, 1), noon]
    assert times(pa.array(["01.03.2025 12"]), time_format="%d.%m.%Y %H")[0] == [noon]
    assert times(pa.array([20250301]), time_format="%Y%m%d")[0] == [datetime(2025, 3, 1)]


def test_times_with_a_zone_become_days_of_the_zone_asked_for():
    late = datetime(2025, 3, 1, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    zoned = pa.array([late], pa.timestamp("us", "America/New_York"))
    text = pa.array(
        ["2025-03-01T23:30-05:00", "2025-03-02 04:30:00Z", "2025-03-01 23:30:00 America/New_York"]
    )
    for values in (zoned, text):
        assert set(times(values)[0]) == {datetime(2025, 3, 2, 4, 30)}
        assert set(times(values, timezone="America/New_York")[0]) == {datetime(2025, 3, 1, 23, 30)}
    formatted = times(
        pa.array(["2025-03-01 23 -0500"]), time_format="%Y-%m-%d %H %z", timezone="Europe/Berlin"
    )[0]
    assert formatted == [datetime(2025, 3, 2, 5)]
    assert times(pa.array(["2025-03-01 23:30"]), timezone="Asia/Tokyo")[0] == [datetime(2025, 3, 1, 23, 30)]


def test_a_missing_or_endless_time_is_named():
    values = pa.array(["infinity", None, "2025-02-30", "2025-02-03 noon"])
    assert times(values)[1].rejected_by_reason == {"missing time": 1, "unreadable time": 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"customer": "Id"}, r"no column 'Id' .*'id', 'when', 'paid', 'region'"),
        ({"by": "area"}, r"no column 'area'"),
        ({"time": "paid_on", "amount": "sum"}, r"no column 'paid_on', 'sum'"),
        ({"returns": "maybe"}, r"returns='maybe'; expected reject, net, ignore|one of reject"),
        ({"zero_amounts": "drop"}, r"zero_amounts='drop'"),
        ({"timezone": "Mars/Olympus"}, r"timezone='Mars/Olympus'"),
        ({"time_format": "%Q"}, r"time_format='%Q'"),
    ],
)
def test_a_wrong_option_says_what_is_possible(shop, change, message):
    with pytest.raises(InputError, match=message):
        read_transactions(shop, **(ROLES | change))


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("when", [20250101], r"'when' for time is of type BIGINT.*time_format"),
        ("id", [date(2025, 1, 1)], r"'id' for customer is of type DATE"),
        ("paid", [True], r"'paid' for amount is of type BOOLEAN"),
    ],
)
def test_a_column_of_the_wrong_type_is_one_error(column, values, message):
    good = {"id": ["a"], "when": ["2025-01-01"], "paid": [1.0]}
    with pytest.raises(InputError, match=message):
        read_transactions(pa.table(good | {column: values}), **ROLES)


def test_a_format_for_real_dates_is_an_error():
    with pytest.raises(InputError, match="already holds times"):
        times(pa.array([date(2025, 3, 1)]), time_format="%Y")


def test_missing_and_non_finite_floats():
    table = pa.table(
        {"id": ["a"] * 5, "when": ["2025-01-01"] * 5, "paid": [1.0, None, float("nan"), float("inf"), 1e300]}
    )
    expected = {"missing amount": 1, "non-finite amount": 2, "amount of 1e18 or more": 1}
    assert read_transactions(table, **ROLES).rejected_by_reason == expected


TIME = "time outside the years 1800 to 2199"
AMOUNT = "amount of 1e18 or more"


OUT_OF_BOUNDS = [
    *(("when", text, TIME) for text in ("0044-03-15 (BC)", "0001-01-01", "99999-01-01")),
    *(
        ("when", text, TIME)
        for text in ("294247-01-10 04:00", "9999-12-31T23:59:59Z", "290000-01-01 00:00+00")
    ),
    *(("when", text, "unreadable time") for text in ("epoch", "infinity", "2025-01-01 10:00 epoch")),
    *(("paid", text, AMOUNT) for text in ("1e18", "9e28", "-1e29", "1e300", "9" * 30)),
    ("id", "a\0b", "unreadable customer"),
]


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York"])
def test_a_cell_out_of_all_bounds_costs_its_row_only(timezone, tmp_path):
    good = pd.DataFrame({"id": ["a", "a"], "when": ["2025-01-01", "2025-02-01"], "paid": "1"})
    bad = [good[:1].assign(**{cell: value}) for cell, value, _ in OUT_OF_BOUNDS]
    transactions = read_transactions(pd.concat([good, *bad]), **ROLES, timezone=timezone)
    stats = summarise(transactions)
    assert stats.equals(summarise(read_transactions(good, **ROLES, timezone=timezone)))
    transactions.write_rejected(tmp_path / "rejected.csv", until=stats.attrs["until"])
    with (tmp_path / "rejected.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, (cell, value, reason) in zip(rows, OUT_OF_BOUNDS, strict=True):
        assert (row["reason"], row[cell].lstrip("'-")) == (reason, value.lstrip("-"))


def test_a_format_finds_no_date_in_a_word():
    texts = pa.array(["01.02.2025", "epoch", "infinity"])
    assert times(texts, time_format="%d.%m.%Y")[1].rejected_by_reason == {"unreadable time": 2}


@pytest.mark.parametrize(
    "kind",
    [pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.date32()],
)
@pytest.mark.parametrize("far", [-1, 1])
def test_a_typed_time_out_of_all_bounds_costs_its_row_only(kind, far):
    cells = [far * 2 ** (29 if kind == pa.date32() else 61), 20_000, 20_010]
    found = times(pa.array(cells, kind), timezone="Europe/Berlin")[1]
    assert sum(found.rejected_by_reason.values()) == 1
    assert set(found.rejected_by_reason) <= {TIME, "unreadable time"}


def test_sums_of_the_largest_amounts_do_not_overflow():
    frame = pd.DataFrame({"id": "a", "when": ["2025-01-01"] + ["2025-01-02"] * 99, "paid": "9e17"})
    assert float(summarise(read_transactions(frame, **ROLES)).spend[0]) == pytest.approx(99 * 9e17, rel=1e-14)


@pytest.mark.parametrize("name", ["a/b", "/", ".", " ", "a\nb"])
def test_a_group_that_no_file_can_hold_is_refused_by_its_name(shop, name):
    with pytest.raises(InputError, match=r"group column .*rename"):
        summarise(read_transactions(shop.rename(columns={"region": name}), **ROLES, by=name))


def test_text_that_no_file_can_hold_is_mended_in_groups(shop):
    frame = shop.astype(object).replace({"region": {"north": "n\0", "south": "s\ud800"}})
    stats = summarise(read_transactions(frame, **ROLES, by="region"))
    assert stats["region"].to_numpy().tolist()[:2] == ["s?", "n\ufffd"]


def test_returns_are_rejected_netted_or_ignored():
    days = ["2025-01-01", "2025-01-01", "2025-01-08", "2025-01-09", "2025-01-15", "2025-01-16", "2025-01-20"]
    paid = [10, -4, 20, -5, 8, -8, 9]
    frame = pd.DataFrame({"id": "a", "when": days, "paid": paid})
    frame.loc[len(frame)] = ["b", "2025-01-01", -1]
    frame.loc[len(frame)] = ["b", "2025-01-02", 3]

    def result(returns):
        transactions = read_transactions(frame, **ROLES, returns=returns)
        stats = summarise(transactions, unit="day")
        assert stats.attrs["returns"] == returns
        got = stats.sel(customer="a")
        values = [float(got[name]) for name in ("x", "t_x", "first_spend", "spend_sum", "spend")]
        return values, json.loads(stats.attrs["rejected"])

    assert result("reject") == ([3, 19, 10, 37, 37 / 3], {"negative amount": 4})
    assert result("ignore") == ([3, 19, 10, 37, 37 / 3], {"return, ignored": 4})
    # 10 - 4 on the first day, 20 - 5 on the second, 8 - 8 is no purchase; b's return precedes any purchase.
    reasons = {"purchase cancelled by a return": 2, "return without an earlier purchase": 1}
    assert result("net") == ([2, 19, 6, 24, 12], reasons)


def test_purchases_with_a_loss_are_kept_and_said():
    days = ["2025-01-01", "2025-01-08", "2025-01-15", "2025-01-15", "2025-01-22"]
    frame = pd.DataFrame({"id": "a", "when": days, "paid": [10, -4, 30, -5, 0]})
    transactions = read_transactions(frame, **ROLES, returns="keep")
    assert transactions.rejected_by_reason == {"zero amount": 1}
    assert (transactions.rows_negative, transactions.rows_zero) == (2, 0)
    assert transactions.remarks == ("2 negative amounts count as purchases that add nothing to the spend",)
    stats = summarise(transactions, unit="week")
    assert [float(stats[name][0]) for name in ("x", "t_x", "spend_sum", "spend")] == [2, 2, 30, 15]
    assert transactions.accepted.fetchall()[1][2] == 0


def test_zero_amounts_are_errors_or_purchases(shop):
    kept = read_transactions(shop, **ROLES, zero_amounts="keep")
    assert kept.rows_zero == 1
    assert "zero amount" not in kept.rejected_by_reason
    stats = summarise(kept).sel(customer="00002")
    assert (int(stats.x), float(stats.spend)) == (1, 0.0)


def test_sums_of_money_are_exact():
    frame = pd.DataFrame({"id": "a", "when": ["2025-01-01"] + ["2025-01-02"] * 10, "paid": 0.1})
    assert float(summarise(read_transactions(frame, **ROLES)).spend[0]) == 1.0


def test_the_fingerprint_knows_every_accepted_value(shop):
    transactions = read_transactions(shop, **ROLES)
    assert len(transactions.sha256) == 64
    assert read_transactions(shop.iloc[:5], **ROLES).sha256 == transactions.sha256
    assert read_transactions(shop.assign(region="x"), **ROLES).sha256 == transactions.sha256
    for column, value in (("id", "00009"), ("when", "2025-01-02"), ("paid", "10.51")):
        changed = shop.copy()
        changed.loc[0, column] = value
        assert read_transactions(changed, **ROLES).sha256 != transactions.sha256
    assert read_transactions(pd.concat([shop, shop]), **ROLES).sha256 != transactions.sha256
