"""Queries against databases: SQLite through Python's own driver, every other through DuckDB's ATTACH."""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bayes_cx.data.connections import connect
from bayes_cx.data.formats import format_of
from bayes_cx.data.queries import check_query, lock
from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError
from bayes_cx.privacy import place

__all__ = ["is_database", "take", "take_query"]

_SUFFIXES = {".sqlite", ".sqlite3", ".db", ".duckdb"}
_SERVERS = ("postgres:", "postgresql:", "mysql:", "md:")
_MAGIC = b"SQLite format 3\x00"
_BATCH = 50_000
# Tables, and columns of each, that a message shows.
_SHOWN = 12
_SQLITE_COLUMNS = """SELECT s.name, c.name FROM sqlite_master AS s, pragma_table_xinfo(s.name) AS c
WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"""
_SQLITE_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
# Those that reach beyond the database, where a build of SQLite has them.
_SQLITE_FUNCTIONS = {"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


def is_database(source: Any) -> bool:
    """Return whether a source names a database: a server, or a file that is one or has the suffix of one."""
    if not isinstance(source, str | os.PathLike):
        return False
    if str(source).startswith(_SERVERS) or Path(source).suffix.lower() in _SUFFIXES:
        return True
    return Path(source).is_file() and format_of(Path(source)) == "database"


def take_query(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    query: str | None,
    needed: Sequence[str],
    perhaps: Sequence[str],
) -> None:
    """Run a query in a database and copy its rows to a temporary table.

    The query runs where it can read the tables of this database and nothing else, and write nothing.

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
        One SELECT in the dialect of the database (of DuckDB, for an attached one). Without it all rows are
        read of the only table that has the columns.
    needed, perhaps : sequence of str
        Columns that the table must have, and those of which it should have most.

    Raises
    ------
    InputError
        If there is no such database, the query fails, or there is none and not exactly one table will do.
    """
    server = source.startswith(_SERVERS)
    if not server and not Path(source).is_file():
        what = place(source)
        raise InputError(f"database {what} does not exist", "the file of a database", "check the path")
    if not server and _is_sqlite(Path(source)):
        _take_sqlite(connection, table, source, query, needed, perhaps)
        return
    if query is not None:
        check_query(query)
    with closing(connect()) as shop:
        _attach(shop, source)
        shop.execute("USE shop")
        lock(shop)
        found: dict[str, list[str]] = {}
        listed = "SELECT table_name, column_name FROM information_schema.columns WHERE table_catalog = 'shop'"
        for name, column in shop.execute(f"{listed} ORDER BY table_name, ordinal_position").fetchall():
            found.setdefault(name, []).append(column)
        rows = _only_table(source, found, needed, perhaps) if query is None else query
        try:
            take(connection, table, shop.sql(rows).to_arrow_reader(_BATCH))
        except duckdb.Error as error:
            raise _failed(source, found, error) from error


def take(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatchReader) -> None:
    """Copy what can be read only once to a temporary table."""
    connection.register("incoming", rows)
    try:
        connection.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM incoming")
    finally:
        connection.unregister("incoming")


def _attach(connection: duckdb.DuckDBPyConnection, source: str) -> None:
    # READ_ONLY: reading purchases must not be able to change the shop.
    try:
        connection.execute(f"ATTACH {literal(source)} AS shop (READ_ONLY)")
    except duckdb.Error as error:
        raise InputError(
            f"{place(source)} cannot be read ({_first_line(error, source)})",
            "a database that can be read",
            "check that it is there and what its address says",
        ) from error


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _take_sqlite(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    query: str | None,
    needed: Sequence[str],
    perhaps: Sequence[str],
) -> None:
    address = f"{Path(source).resolve().as_uri()}?{_how_to_open(Path(source))}"
    # DuckDB reads the batches in a thread of its own, one at a time.
    with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as database:
        found: dict[str, list[str]] = {}
        try:
            for name, column in database.execute(_SQLITE_COLUMNS):
                found.setdefault(name, []).append(column)
            database.set_authorizer(_reads_only)
            rows = _only_table(source, found, needed, perhaps) if query is None else query.strip().rstrip(";")
            schema = _sqlite_schema(database, rows)
            reader = pa.RecordBatchReader.from_batches(schema, _batches(database, rows, schema))
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _failed(source, found, error) from error
        take(connection, table, reader)


def _how_to_open(path: Path) -> str:
    """Return options with which SQLite leaves no file beside the database.

    With a write-ahead log it would make one and leave it there. Where there is none, nobody is writing.
    """
    with path.open("rb") as file:
        logged = file.read(20)[18:] == b"\x02\x02"
    return "mode=ro&immutable=1" if logged and not path.with_name(f"{path.name}-wal").exists() else "mode=ro"


def _reads_only(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Allow SQLite to read tables and call functions, and nothing else."""
    allowed = action in _SQLITE_READS or (
        action == sqlite3.SQLITE_FUNCTION and second not in _SQLITE_FUNCTIONS
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _sqlite_schema(database: sqlite3.Connection, rows: str) -> pa.Schema:
    """Find the type of each column from its cells: SQLite types cells, not columns."""
    columns = [entry[0] for entry in database.execute(f"SELECT * FROM (\n{rows}\n) LIMIT 0").description]
    kinds = ", ".join(f"group_concat(DISTINCT typeof({ident(name)}))" for name in columns)
    found = database.execute(f"SELECT {kinds} FROM (\n{rows}\n)").fetchone()
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
    cursor = database.execute(f"SELECT * FROM (\n{rows}\n)")
    while batch := cursor.fetchmany(_BATCH):
        columns = []
        for cells, kind in zip(zip(*batch, strict=True), schema.types, strict=True):
            plain = [None if cell is None else str(cell) for cell in cells] if kind == pa.string() else cells
            columns.append(pa.array(plain, kind))
        yield pa.record_batch(columns, schema=schema)


def _only_table(
    source: str, found: Mapping[str, Sequence[str]], needed: Sequence[str], perhaps: Sequence[str]
) -> str:
    """Return the query for all rows of the only table that has the columns needed, and most of the others."""
    hits = {name: len({*perhaps} & {*columns}) for name, columns in found.items() if {*needed} <= {*columns}}
    fitting = [name for name, most in hits.items() if most == max(hits.values())]
    if len(fitting) == 1:
        return f"SELECT * FROM {ident(fitting[0])}"
    raise InputError(
        f"{place(source)} without a query, and {len(fitting) or 'no'} tables with the columns "
        f"{', '.join(map(repr, needed))}",
        f"a query over its tables: {_listed(found)}",
        f'pass for example the query "SELECT * FROM {ident((fitting or [*found, "orders"])[0])}"',
    )


def _listed(found: Mapping[str, Sequence[str]]) -> str:
    """Return tables with their columns, as a message shows them."""
    shown = [
        f"{name} ({', '.join(columns[:_SHOWN])}{', ...' if len(columns) > _SHOWN else ''})"
        for name, columns in found.items()
    ]
    return "; ".join(shown[:_SHOWN]) + ("; ..." if len(shown) > _SHOWN else "") or "none"


def _failed(source: str, found: Mapping[str, Sequence[str]], error: Exception) -> InputError:
    return InputError(
        f"the query failed in {place(source)} ({_first_line(error, source)})",
        f"one SELECT over its tables: {_listed(found)}",
        "correct the query",
    )


def _first_line(error: Exception, source: str) -> str:
    """Return the first line of a message, or the type of error if it repeats part of an address."""
    line = str(error).strip().splitlines()[0]
    if not source.startswith(_SERVERS):
        return line
    address = set(re.findall(r"\w+", source.partition(":")[2].lower()))
    return line.partition(":")[0] if address & set(re.findall(r"\w+", line.lower())) else line
