"""Ids are replaced where data come in: what comes out is what a later replacement would give, and no id."""

import hmac
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from bayes_cx.data import (
    add,
    compress,
    load_cdnow,
    pseudonymise,
    read_transactions,
    split,
    split_contracts,
    summarise,
    summarise_contracts,
    summarise_opportunities,
)
from bayes_cx.errors import InputError
from bayes_cx.privacy import key_mark, pseudonym

KEY = "an example key of a test"
ROLES = {"customer": "id", "time": "day", "amount": "paid"}
BEGIN = date(2025, 1, 1)


@pytest.fixture
def orders():
    rng = np.random.default_rng(7)
    n = 400
    return pd.DataFrame(
        {
            "id": rng.integers(0, 60, n),
            "day": [BEGIN + timedelta(int(day)) for day in rng.integers(0, 200, n)],
            "paid": rng.choice([-3.0, 2.5, 7.0, 20.0], n),
            "shop": rng.choice(["north", "south"], n),
        }
    )


letters = st.characters(codec="utf-8", exclude_characters="\0")


@given(
    st.lists(st.text(letters, min_size=1), min_size=1, max_size=9),
    st.binary(max_size=200).map(lambda key: b"an example key" + key + b" of a test"),
)
@settings.get_profile("queries")
def test_they_are_those_of_the_standard_library(ids, key):
    ids = [one for one in ids if one.strip(" ")]
    frame = pd.DataFrame({"id": [*ids, "a"], "day": "2025-01-01"})
    read = read_transactions(frame, customer="id", time="day", pseudonym_key=key)
    found = {customer for customer, _ in read.accepted.fetchall()}
    assert found == {pseudonym(one, key) for one in [*ids, "a"]}


@pytest.mark.parametrize(
    ("returns", "text"),
    [
        ("ignore", True),
        ("net", False),
        pytest.param("ignore", False, marks=pytest.mark.slow),
        pytest.param("net", True, marks=pytest.mark.slow),
    ],
)
def test_statistics_are_those_of_ids_under_other_names(orders, returns, text):
    if text:
        orders["id"] = "customer " + orders["id"].astype(str)
    given = {**ROLES, "by": "shop", "returns": returns}
    plain, hidden = (read_transactions(orders, **given, pseudonym_key=key) for key in (None, KEY))
    for statistics in (
        lambda read: summarise(read, "2025-05-01"),
        lambda read: summarise_opportunities(read, "2025-05-01", "month"),
        lambda read: split(read, "2025-05-01").calibration,
        lambda read: split(read, "2025-05-01").holdout,
        lambda read: split(read, "2025-05-01", unit="month", opportunities=True).holdout,
    ):
        expected = pseudonymise(statistics(plain), KEY).drop_attrs(deep=False)
        xr.testing.assert_identical(statistics(hidden).drop_attrs(deep=False), expected)
    tracked = [split(read, "2025-05-01").tracking for read in (plain, hidden)]
    xr.testing.assert_identical(*tracked)


def test_contracts_too(orders):
    contracts = pd.DataFrame(
        {"id": range(60), "from": orders["day"][:60], "to": [None, BEGIN + timedelta(250), None] * 20}
    )
    given = {"customer": "id", "start": "from", "end": "to", "until": "2025-12-31"}
    plain = summarise_contracts(contracts, **given)
    hidden = summarise_contracts(contracts, **given, pseudonym_key=KEY)
    expected = pseudonymise(plain, KEY).drop_attrs(deep=False)
    xr.testing.assert_identical(hidden.drop_attrs(deep=False), expected)
    parts = [
        split_contracts(contracts, **given, calibration_end="2025-08-01", pseudonym_key=key)
        for key in (None, KEY)
    ]
    expected = pseudonymise(parts[0].holdout, KEY).drop_attrs(deep=False)
    xr.testing.assert_identical(parts[1].holdout.drop_attrs(deep=False), expected)


def test_nothing_shows_an_id_and_no_view_the_key(orders):
    orders["id"] = "mail" + orders["id"].astype(str)
    orders.loc[:5, "day"] = None
    read = read_transactions(orders, **ROLES, pseudonym_key=KEY)
    summarise(read)
    shown = [str(row) for relation in (read.accepted, read.rejected) for row in relation.fetchall()]
    shown += [str(row) for row in read.table.connection.table("customers").fetchall()]
    assert not [row for row in shown if "mail" in row]
    connection = read.table.connection
    kept = connection.sql(
        "SELECT sql FROM duckdb_views() UNION "
        "SELECT macro_definition FROM duckdb_functions() WHERE macro_definition IS NOT NULL"
    ).fetchall()
    pads = connection.sql("SELECT value FROM duckdb_variables()").fetchall()
    assert len(pads) == 2
    assert any("getvariable" in sql for (sql,) in kept)
    assert not [sql for (sql,) in kept if KEY in sql or any(pad[:12] in sql for (pad,) in pads)]


def test_the_order_of_the_rows_is_that_of_the_pseudonyms(orders):
    for statistics in (
        summarise(read_transactions(orders, **ROLES, returns="net", pseudonym_key=KEY)),
        pseudonymise(summarise(read_transactions(orders, **ROLES, returns="net")), KEY),
    ):
        customers = list(statistics["customer"].values)
        assert customers == sorted(customers)
    weighted = xr.Dataset({"x": ("row", [0]), "weight": ("row", [3])})
    assert pseudonymise(weighted, KEY) is weighted


def test_a_short_key_is_one_clear_line(orders):
    for read in (
        lambda: read_transactions(orders, **ROLES, pseudonym_key="short"),
        lambda: load_cdnow(sample=True, pseudonym_key=b"short"),
        lambda: pseudonymise(xr.Dataset(), "short"),
    ):
        with pytest.raises(InputError, match="5 bytes; expected at least 16"):
            read()


def test_the_steps_of_a_query_can_be_looked_at(orders):
    read = read_transactions(orders, **ROLES, returns="net")
    accepted = read.accepted
    before = accepted.fetchall()
    first, second = (summarise(read, until) for until in ("2025-03-01", "2025-06-01"))
    connection = read.table.connection
    tables = [name for (name,) in connection.sql("SELECT view_name FROM duckdb_views()").fetchall()]
    assert {"typed", "judged", "occasions", "customers", "occasions_2", "customers_2"} <= set(tables)
    for name, statistics in (("customers", first), ("customers_2", second)):
        x = connection.table(name).order("customer").project("x").fetchall()
        assert [value for (value,) in x] == statistics["x"].to_numpy().tolist()
    # What was asked before stays as it was, and what is asked again makes no new view.
    summarise(read, "2025-03-01")
    assert len(read.table.views) == len([name for name in tables if name in read.table.views])
    assert accepted.fetchall() == before


def statistics(frame, key=None, **options):
    return summarise(
        read_transactions(frame, **ROLES, returns="net", **options, pseudonym_key=key), "2025-07-19"
    )


def test_pseudonyms_are_not_replaced_again(orders):
    plain = statistics(orders, by="shop")
    hidden = statistics(orders, KEY, by="shop")
    for once in (hidden, pseudonymise(plain, KEY)):
        assert once.attrs["pseudonyms"] == key_mark(KEY)
        assert pseudonymise(once, KEY) is once
        with pytest.raises(InputError, match="another key"):
            pseudonymise(once, KEY + "!")
    assert "pseudonyms" not in plain.attrs
    half, rest = hidden.isel(customer=slice(30)), pseudonymise(plain, KEY).isel(customer=slice(30, None))
    assert add(half, rest).attrs["pseudonyms"] == key_mark(KEY)
    assert compress(hidden).attrs["pseudonyms"] == key_mark(KEY)
    for other in (plain, statistics(orders, KEY + "!", by="shop")):
        with pytest.raises(InputError, match="pseudonyms"):
            add(half, other)


def test_the_mark_stays_with_contracts(orders):
    contracts = pd.DataFrame({"id": range(60), "from": orders["day"][:60], "to": None})
    given = {"customer": "id", "start": "from", "end": "to", "until": "2025-12-31"}
    plain, hidden = (summarise_contracts(contracts, **given, pseudonym_key=key) for key in (None, KEY))
    assert hidden.attrs["pseudonyms"] == key_mark(KEY)
    assert hidden.attrs["sha256"] != plain.attrs["sha256"]


def test_the_fingerprint_is_keyed(orders):
    """Without the key nobody can tell by it whether a guess of the data is right."""
    plain, one, other = (statistics(orders, key).attrs["sha256"] for key in (None, KEY, KEY + "!"))
    assert len({plain, one, other}) == 3
    assert statistics(orders, KEY).attrs["sha256"] == one
    later = pseudonymise(statistics(orders), KEY).attrs["sha256"]
    assert later == hmac.digest(KEY.encode(), plain.encode(), "sha256").hex()
    # What anybody can compute who knows the pseudonyms is not the fingerprint.
    orders["id"] = [pseudonym(one, KEY) for one in orders["id"]]
    assert statistics(orders).attrs["sha256"] != one


@pytest.mark.parametrize("column", ["id", "mail", "copy"])
def test_a_group_that_names_the_customer_is_refused(orders, column):
    frame = orders.rename(columns={"shop": "region"}).assign(
        mail=orders["id"].map("{}@x.org".format), copy=" " + orders["id"].astype(str)
    )
    given = {"customer": "id", "start": "day", "end": "ends", "until": "2025-12-31", "by": column}
    contracts = frame.drop_duplicates("id").assign(ends=None)
    for read in (
        lambda key: statistics(frame, key, by=column),
        lambda key: summarise_contracts(contracts, **given, pseudonym_key=key),
    ):
        with pytest.raises(InputError, match=f"{column}.*under pseudonyms"):
            read(KEY)
    if column != "id":
        with pytest.raises(InputError, match=f"{column}.*under pseudonyms"):
            pseudonymise(statistics(frame, by=column), KEY)
    assert statistics(frame, KEY, by="region").sizes["customer"] == 60
