import json

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.data import read_transactions, split, summarise
from bayes_cx.errors import InputError

ROLES = {"customer": "id", "time": "when", "amount": "paid"}


def frame(*rows):
    return pd.DataFrame(rows, columns=["id", "when", "paid"])


def test_the_table_of_statistics(shop):
    stats = summarise(read_transactions(shop, **ROLES, by="region"), until="2025-01-29", unit="week")
    assert stats.customer.to_numpy().tolist() == ["00001", "00002"]
    for name, expected in {
        "x": [1, 0],
        "t_x": [2.0, 0.0],
        "T": [4.0, 3.0],
        "spend": [20.0, np.nan],
        "spend_sum": [20.0, 0.0],
        "first_spend": [15.0, 5.0],
        "first": np.array(["2025-01-01", "2025-01-08"], "datetime64[s]"),
        "region": ["south", "north"],
    }.items():
        np.testing.assert_array_equal(stats[name], expected)
    assert (stats["x"].dtype, stats["t_x"].dtype) == (np.int64, np.float64)
    assert json.loads(stats.attrs["rejected"])["after the end of observation"] == 1
    assert json.loads(stats.attrs["varying"]) == {"region": 1}
    assert {
        name: stats.attrs[name] for name in ("unit", "until", "period_start", "period_end", "returns")
    } == {
        "unit": "week",
        "until": "2025-01-29",
        "period_start": "2025-01-01",
        "period_end": "2025-01-29",
        "returns": "reject",
    }
    assert (stats.attrs["rows_read"], stats.attrs["rows_rejected"]) == (13, 9)
    json.dumps(stats.attrs)


def test_without_amounts_there_is_no_spend(shop):
    stats = summarise(read_transactions(shop, customer="id", time="when"))
    assert list(stats.data_vars) == ["x", "t_x", "T", "first"]
    assert stats.attrs["until"] == "2025-02-01"


def test_it_survives_being_saved(shop, tmp_path):
    import xarray as xr

    stats = summarise(read_transactions(shop, **ROLES, by="region"))
    stats.to_netcdf(tmp_path / "stats.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "stats.nc", engine="h5netcdf") as saved:
        assert saved.customer.to_numpy().tolist() == stats.customer.to_numpy().tolist()
        np.testing.assert_array_equal(saved["first"], stats["first"])
        assert {name: str(value) for name, value in saved.attrs.items()} == {
            name: str(value) for name, value in stats.attrs.items()
        }


def test_hours_have_occasions_of_their_own():
    data = frame(("a", "2025-01-01 10:10", 1), ("a", "2025-01-01 10:50", 1), ("a", "2025-01-01 13:01", 1))
    stats = summarise(read_transactions(data, **ROLES), until="2025-01-02 09:30", unit="hour")
    assert [float(stats[name][0]) for name in ("x", "t_x", "T", "first_spend")] == [1, 3, 23, 2]
    assert stats.attrs["until"] == "2025-01-02T09:00"
    whole_day = summarise(read_transactions(data, **ROLES), until="2025-01-01", unit="hour")
    assert float(whole_day["T"][0]) == 13
    assert int(summarise(read_transactions(data, **ROLES), unit="day").x[0]) == 0


@pytest.mark.parametrize(
    "until",
    [
        "2025-01-10",
        "2025-01-10 08:00",
        pd.Timestamp("2025-01-10 23:59"),
        pd.Timestamp("2025-01-10", tz="UTC"),
        np.datetime64("2025-01-10"),
        np.datetime64("2025-01-10T05:00:00.000000000"),
        pd.Timestamp("2025-01-10").date(),
    ],
)
def test_the_end_of_observation_is_a_whole_day(until):
    data = frame(("a", "2025-01-01", 1), ("a", "2025-01-10 22:00", 1), ("a", "2025-01-11 00:00", 1))
    stats = summarise(read_transactions(data, **ROLES), until=until, unit="day")
    assert (int(stats.x[0]), float(stats.t_x[0]), float(stats["T"][0])) == (1, 9, 9)


def test_small_tables_give_sensible_results():
    one = summarise(read_transactions(frame(("a", "2025-01-01", 1)), **ROLES))
    assert [float(one[name][0]) for name in ("x", "t_x", "T")] == [0, 0, 0]
    new = summarise(read_transactions(frame(("a", "2025-01-01", 1), ("b", "2025-01-01", 1)), **ROLES))
    assert new.x.to_numpy().tolist() == [0, 0]
    assert np.isnan(new.spend).all()
    same_day = frame(("a", "2025-01-01", 1), ("a", "2025-01-01", 2), ("b", "2025-01-01", 1))
    assert summarise(read_transactions(same_day, **ROLES)).first_spend.to_numpy().tolist() == [3, 1]
    old = summarise(
        read_transactions(frame(("a", "1869-05-10", 1), ("a", "1969-12-31", 1)), **ROLES), unit="day"
    )
    assert (old["first"].dt.year.item(), float(old.t_x[0])) == (1869, 36759)


def test_nothing_left_says_why(shop):
    with pytest.raises(InputError, match=r"every row of .*1 negative amount"):
        summarise(read_transactions(shop.iloc[5:], **ROLES))
    with pytest.raises(InputError, match=r"5 after the end of observation.*purchases up to 2024-12-31"):
        summarise(read_transactions(shop, **ROLES), until="2024-12-31")


def test_a_group_is_the_last_known_value_up_to_the_end():
    days = ["2025-01-01", "2025-01-05", "2025-01-09", "2025-01-01"]
    data = pd.DataFrame({"id": ["a", "a", "a", "b"], "when": days, "tier": ["silver", "gold", None, None]})
    transactions = read_transactions(data, customer="id", time="when")
    stats = summarise(transactions, by="tier")
    assert stats.tier.to_numpy().tolist() == ["gold", "missing"]
    assert json.loads(stats.attrs["varying"]) == {"tier": 1}
    assert summarise(transactions, until="2025-01-04", by=("tier",)).tier[0] == "silver"
    with pytest.raises(InputError, match=r"no column 'level' to group by.*'tier'"):
        summarise(transactions, by="level")
    with pytest.raises(InputError, match=r"group column 'x'"):
        summarise(read_transactions(data.assign(x=1), customer="id", time="when"), by="x")


@pytest.mark.parametrize("wrong", ["30/09/1997", "soon", 19970930, None.__class__])
def test_an_unreadable_end_is_one_error(shop, wrong):
    with pytest.raises(InputError, match="ISO form"):
        summarise(read_transactions(shop, **ROLES), until=wrong)


def test_an_unknown_unit_is_one_error(shop):
    with pytest.raises(InputError, match="fortnight"):
        summarise(read_transactions(shop, **ROLES), unit="fortnight")


def test_split_counts_what_calibration_customers_did_later():
    data = frame(
        ("a", "2025-01-01", 1),
        ("a", "2025-01-05", 2),
        ("a", "2025-01-15", 4),
        ("a", "2025-01-15", 8),
        ("a", "2025-01-22", 16),
        ("b", "2025-01-02", 1),
        ("c", "2025-01-16", 1),
        ("c", "2025-01-17", 1),
        ("a", "2025-01-26", 32),
    )
    parts = split(read_transactions(data, **ROLES), "2025-01-14", "2025-01-24")
    assert parts.calibration.equals(summarise(read_transactions(data, **ROLES), until="2025-01-14"))
    regular = split(read_transactions(data, **ROLES), "2025-01-24", "2025-01-26", regularity=True)
    assert regular.calibration["regularity"].to_numpy().tolist() == pytest.approx(
        [np.log(4 / 21) + np.log(10 / 21) + np.log(7 / 21), 0, 0]
    )
    assert parts.holdout.customer.equals(parts.calibration.customer)
    assert parts.holdout.x_holdout.to_numpy().tolist() == [2, 0]
    assert parts.holdout.spend_holdout.to_numpy().tolist() == [28.0, 0.0]
    assert parts.holdout.attrs == {
        "unit": "week",
        "start": "2025-01-15",
        "end": "2025-01-24",
        "length": 10 / 7,
        "new_customers": 1,
        "rows_after_end": 1,
    }
    tracking = parts.tracking
    assert tracking.observed.to_numpy().tolist() == [1, 0, 1, 1]
    assert tracking.first_purchases.to_numpy().tolist() == [2, 0, 1, 0]
    np.testing.assert_allclose(tracking.observed_share, [1, 1, 1, 3 / 7])
    np.testing.assert_array_equal(tracking.start, np.arange("2025-01-01", "2025-01-29", 7, "datetime64[D]"))
    assert tracking.attrs["calibration_periods"] == 2


def test_split_knows_in_calibration_only_what_was_known_then():
    data = frame(
        ("a", "2025-01-01", 5), ("a", "2025-01-15", -5), ("a", "2025-01-16", 3), ("b", "2025-01-02", 4)
    )
    parts = split(read_transactions(data, **ROLES, returns="net"), "2025-01-10", unit="day")
    assert parts.calibration.sizes["customer"] == 2
    assert parts.holdout.x_holdout.to_numpy().tolist() == [1, 0]
    assert parts.holdout.attrs["new_customers"] == 0


def test_split_needs_time_between_the_ends(shop):
    transactions = read_transactions(shop, **ROLES)
    for first, second in (("2025-01-20", "2025-01-20"), ("2025-03-01", None)):
        with pytest.raises(InputError, match="a hold-out period after calibration"):
            split(transactions, first, second)


@pytest.mark.parametrize("verb", [bcx.summarise, bcx.summarise_opportunities, bcx.split])
def test_a_frame_that_was_not_read_is_refused_with_its_columns(verb):
    frame = pd.DataFrame({"who": ["a"], "day": ["2025-01-01"]})
    for given in (frame, frame.to_dict("list")):
        more = () if verb is bcx.summarise else ("2025-01-01",)
        with pytest.raises(
            bcx.InputError, match=r"a (DataFrame with the columns who, day|dict); .*read_trans"
        ):
            verb(given, *more)


def test_what_is_read_and_split_prints_in_one_line():
    rows = {"who": ["a", "a", "b", ""], "day": ["2025-01-01", "2025-01-20", "2025-01-08", "2025-01-09"]}
    transactions = bcx.read_transactions(pd.DataFrame(rows), customer="who", time="day")
    assert "3 of 4 rows accepted, 2025-01-01 to 2025-01-20>" in repr(transactions)
    parts = bcx.split(transactions, "2025-01-10")
    assert repr(parts) == (
        "<Split of 2 customers: calibration until 2025-01-10, hold-out 2025-01-11 to 2025-01-20>"
    )


@pytest.mark.parametrize(
    ("days", "paid", "until", "words"),
    [
        (["13.02.2025", "14.02.2025"], ["5", "6"], None, r"2 unreadable time\).*time_format.*'13\.02\.2025'"),
        (["", *["2025-02-14"] * 2], ["6", *["1.000,50"] * 2], None, r"1 missing time.*decimal.*'1\.000,50'"),
        (["2025-02-13", "2025-02-14"], ["-5", "-6"], None, "returns="),
        (["2025-02-13", "2025-02-14"], ["5", "6"], "2024-12-31", "2 after the end.*later end"),
    ],
    ids=["times", "amounts", "returns", "end"],
)
def test_where_no_row_is_left_it_is_said_what_to_do(days, paid, until, words):
    frame = pd.DataFrame({"id": "a", "day": days, "paid": paid})
    read = read_transactions(frame, customer="id", time="day", amount="paid")
    with pytest.raises(InputError, match=words) as raised:
        summarise(read, until=until)
    assert "1970" not in str(raised.value)


def test_no_cell_is_shown_under_pseudonyms():
    frame = pd.DataFrame({"id": ["a"], "day": ["ada@example.org"]})
    read = read_transactions(frame, customer="id", time="day", pseudonym_key="an example key only")
    with pytest.raises(InputError, match="unreadable time") as raised:
        summarise(read)
    assert "example" not in str(raised.value)
