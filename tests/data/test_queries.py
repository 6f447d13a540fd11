"""Queries: one SELECT, over its own tables, that can neither write nor reach anything else."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from bayes_cx.data import read_transactions
from bayes_cx.data.queries import check_query
from bayes_cx.errors import InputError

pytestmark = pytest.mark.usefixtures("one_database")
ROWS = "id,when,paid\na,2025-01-01,5\nb,2025-01-02,7\n"


def read(source, query=None, amount="paid"):
    return read_transactions(source, customer="id", time="when", amount=amount, query=query)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("queries")
    (tmp_path / "orders.csv").write_text(ROWS)
    (tmp_path / "secret.csv").write_text(ROWS)
    with duckdb.connect(tmp_path / "shop.duckdb") as database:
        database.execute('CREATE TABLE orders (id VARCHAR, "when" DATE, paid DOUBLE)')
        database.execute("INSERT INTO orders VALUES ('a', '2025-01-01', 5)")
        database.execute("CREATE SEQUENCE numbers")
        database.execute(f"CREATE VIEW leak AS FROM read_csv('{tmp_path}/secret.csv')")
    database = sqlite3.connect(tmp_path / "shop.sqlite")
    database.execute("PRAGMA journal_mode = wal")
    database.execute('CREATE TABLE orders (id, "when", paid)')
    database.execute("INSERT INTO orders VALUES ('a', '2025-01-01', 5)")
    database.commit()
    database.close()
    return tmp_path


NO_SELECT = [
    "SELECT 1) ; COPY (SELECT 1) TO '{folder}/new.csv'; SELECT * FROM (SELECT 1",
    "SELECT * FROM orders; SELECT 1",
    "COPY orders TO '{folder}/new.csv'",
    "DROP TABLE orders",
    "DELETE FROM orders",
    "ATTACH '{folder}/new.db' AS other",
    "INSERT INTO orders VALUES ('b', '2025-01-01', 5) RETURNING *",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
    "",
]
OUTSIDE = [
    "SELECT * FROM '{folder}/secret.csv'",
    "SELECT * FROM read_csv('{folder}/secret.csv')",
    "SELECT content AS id, 1 AS \"when\", 1 AS paid FROM read_text('{folder}/secret.csv')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM orders, LATERAL (SELECT * FROM glob('*'))",
    "SELECT (SELECT max(path) FROM duckdb_databases()) AS id",
    "SELECT * FROM leak",
    "SELECT nextval('numbers') AS id",
]


def contents(folder):
    return {name: (folder / name).read_bytes() for name in sorted(os.listdir(folder))}


@pytest.mark.parametrize("source", ["orders.csv", "shop.duckdb", "shop.sqlite"])
def test_a_query_can_only_read_its_tables(folder, source):
    before = contents(folder)
    for query in (NO_SELECT[:3] + NO_SELECT[-2:] if source != "shop.sqlite" else NO_SELECT) + OUTSIDE:
        with pytest.raises(InputError, match=r"SELECT|tables of the source only"):
            read(folder / source, query.format(folder=folder))
    assert contents(folder) == before


def test_a_query_is_one_select():
    for query in NO_SELECT:
        with pytest.raises(InputError, match="SELECT"):
            check_query(query)
    assert check_query("SELECT o.id, sum(paid) FROM orders AS o GROUP BY ALL") == {"id", "paid"}


@pytest.mark.parametrize("source", ["orders.csv", "shop.duckdb", "shop.sqlite"])
def test_what_a_query_may_be(folder, source):
    before = contents(folder)
    for query in (
        "SELECT * FROM orders;  ",
        "SELECT * FROM orders -- all",
        'WITH o AS (SELECT * FROM orders) SELECT id, "when", paid FROM o UNION ALL SELECT * FROM o LIMIT 1',
    ):
        asked = query.replace("orders", "data") if source == "orders.csv" else query
        assert ("a",) in read(folder / source, asked).accepted.project("customer").fetchall()
    assert contents(folder) == before


def test_a_query_over_files_knows_them_as_one_table(tmp_path):
    folder = tmp_path
    (folder / "orders.csv").write_text(ROWS)
    (folder / "more.csv").write_text("id;when;paid;kind\nc;2025-01-03;9;gift\nd;2025-01-03\n")
    files = [folder / "orders.csv", folder / "more.csv"]
    query = "SELECT id, \"when\", CAST(paid AS DOUBLE) * 2 AS paid FROM data WHERE kind = 'gift'"
    transactions = read(files, query)
    assert transactions.accepted.project("customer, CAST(amount AS DOUBLE)").fetchall() == [("c", 18)]
    # A line that cannot be split into columns is part of no result, and is not forgotten.
    assert transactions.rejected_by_reason == {"unreadable line": 1}
    with pytest.raises(InputError, match=r"the query failed over orders\.csv.*table data \(id, when, paid\)"):
        read(folder / "orders.csv", "SELECT * FROM orders")


def test_no_variable_of_the_program_is_a_table(folder):
    import pyarrow as pa

    hidden = pa.table({"id": ["x"], "when": ["2025-01-01"], "paid": [1]})
    assert hidden.num_rows == 1
    for source in ("orders.csv", "shop.duckdb"):
        with pytest.raises(InputError, match="hidden does not exist"):
            read(folder / source, "SELECT * FROM hidden")


def test_a_database_without_a_query(folder, tmp_path):
    folder = Path(shutil.copytree(folder, tmp_path / "shop"))
    assert read(folder / "shop.sqlite").rows_accepted == 1
    (folder / "shop.sqlite").rename(folder / "shop")  # what a file is, not what it is called
    assert read(folder / "shop").rows_accepted == 1
    with closing(sqlite3.connect(folder / "shop")) as database:
        database.execute('CREATE TABLE visits (id, "when")')
    assert read(folder / "shop").rows_accepted == 1
    assert read(folder / "shop", amount="paid * 2").rows_accepted == 1
    with pytest.raises(InputError, match=r"2 tables .*leak \(id, when, paid\); orders .*\"SELECT \* FROM"):
        read(folder / "shop.duckdb")
    with pytest.raises(InputError, match=r"no tables with the columns 'nobody'.*orders \(id, when, paid\)"):
        read_transactions(folder / "shop", customer="nobody", time="when")


def test_deep_nesting_is_an_input_error():
    for query in ("SELECT " + "-(" * 500 + "1" + ")" * 500, "SELECT " + "-(" * 5000 + "1" + ")" * 5000):
        with pytest.raises(InputError, match="SELECT"):
            check_query(query + " FROM read_text('x')")
