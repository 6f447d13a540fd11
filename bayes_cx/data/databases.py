"""Queries against databases: SQLite through Python's own driver, every other through DuckDB's ATTACH."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError
from bayes_cx.privacy import place

__all__ = ["is_database", "take_query"]

_SUFFIXES = {".sqlite", ".sqlite3", ".db", ".duckdb"}
_SERVERS = ("postgres:", "postgresql:", "mysql:", "md:")
_MAGIC = b"SQLite format 3\x00"
_BATCH = 50_000


def is_database(source: Any) -> bool:
    """Return whether a source names a database: a server, or a file with the suffix of one."""
    if not isinstance(source, str | os.PathLike):
        return False
    return str(source).startswith(_SERVERS) or Path(source).suffix.lower() in _SUFFIXES


def take_query(connection: duckdb.DuckDBPyConnection, table: str, source: str, query: str | None) -> None:
    """Run a query in a database and copy its rows to a temporary table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the table is made.
    table : str
        Its name.
    source : str
        File of an SQLite or DuckDB database, or a text that DuckDB's ATTACH understands
        (``"postgres:dbname=shop"``).
    query : str or None
        SQL in the dialect of the database (of DuckDB, for an attached one).

    Raises
    ------
    InputError
        If there is no such database, no query, or the query fails.
    """
    server = source.startswith(_SERVERS)
    if not server and not Path(source).is_file():
        what = place(source)
        raise InputError(f"database {what} does not exist", "the file of a database", "check the path")
    if not server and _is_sqlite(Path(source)):
        _take_sqlite(connection, table, source, query)
        return
    # READ_ONLY: reading purchases must not be able to change the shop.
    try:
        connection.execute(f"ATTACH {literal(source)} AS shop (READ_ONLY)")
    except duckdb.Error as error:
        raise InputError(
            f"{place(source)} cannot be read ({_first_line(error, source)})",
            "a database that can be read",
            "check that it is there and what its address says",
        ) from error
    try:
        home = connection.execute("SELECT current_database()").fetchall()[0][0]
        connection.execute("USE shop")
        names = [
            name
            for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
        ]
        rows = _needed(query, source, names)
        try:
            connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM ({rows})")
        except duckdb.Error as error:
            raise _failed(source, names, error) from error
        finally:
            connection.execute(f"USE {ident(home)}")
    finally:
        connection.execute("DETACH shop")


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _take_sqlite(connection: duckdb.DuckDBPyConnection, table: str, source: str, query: str | None) -> None:
    address = Path(source).resolve().as_uri() + "?mode=ro"
    # DuckDB reads the batches in a thread of its own, one at a time.
    with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as database:
        names = [
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
        rows = _needed(query, source, names)
        try:
            schema = _sqlite_schema(database, rows)
            reader = pa.RecordBatchReader.from_batches(schema, _batches(database, rows, schema))
        except sqlite3.Error as error:
            raise _failed(source, names, error) from error
        connection.register("incoming", reader)
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM incoming")
        connection.unregister("incoming")


def _sqlite_schema(database: sqlite3.Connection, rows: str) -> pa.Schema:
    """Find the type of each column from its cells: SQLite types cells, not columns."""
    columns = [entry[0] for entry in database.execute(f"SELECT * FROM ({rows}) LIMIT 0").description]
    kinds = ", ".join(f"group_concat(DISTINCT typeof({ident(name)}))" for name in columns)
    found = database.execute(f"SELECT {kinds} FROM ({rows})").fetchone()
    types = []
    for cells in found:
        kind = set((cells or "").split(",")) - {"null", ""}
        types.append(
            pa.int64()
            if kind == {"integer"}
            else pa.float64()
            if kind and kind <= {"integer", "real"}
            else pa.string()
        )
    return pa.schema(list(zip(columns, types, strict=True)))


def _batches(database: sqlite3.Connection, rows: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    cursor = database.execute(f"SELECT * FROM ({rows})")
    while batch := cursor.fetchmany(_BATCH):
        columns = []
        for cells, kind in zip(zip(*batch, strict=True), schema.types, strict=True):
            plain = [None if cell is None else str(cell) for cell in cells] if kind == pa.string() else cells
            columns.append(pa.array(plain, kind))
        yield pa.record_batch(columns, schema=schema)


def _needed(query: str | None, source: str, names: list[str]) -> str:
    if query is None:
        raise InputError(
            f"{place(source)} without a query",
            f"a query over its tables ({', '.join(names)})",
            'pass for example query="SELECT * FROM orders"',
        )
    return query.strip().rstrip(";")


def _failed(source: str, names: list[str], error: Exception) -> InputError:
    return InputError(
        f"the query failed in {place(source)} ({_first_line(error, source)})",
        f"a query over its tables ({', '.join(names)})",
        "correct the query",
    )


def _first_line(error: Exception, source: str) -> str:
    """Return the first line of a message, or the type of error if it repeats part of an address."""
    line = str(error).strip().splitlines()[0]
    if not source.startswith(_SERVERS):
        return line
    address = set(re.findall(r"\w+", source.partition(":")[2].lower()))
    return line.partition(":")[0] if address & set(re.findall(r"\w+", line.lower())) else line
