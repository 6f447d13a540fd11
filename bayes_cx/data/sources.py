"""Sources of purchases: files, frames, relations and databases, all read as one DuckDB table.

Files and frames are read in place, as often as needed. What can be read only once (an Arrow reader, a
relation of another connection, a query) is taken into a temporary table, which DuckDB moves to disk when it
outgrows the memory limit.
"""

import hashlib
import os
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from bayes_cx.data.databases import is_database, take_query
from bayes_cx.data.mending import EXPECTED, UNBALANCED
from bayes_cx.data.on_disk import find_files, rows_of
from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError
from bayes_cx.files import make_temporary, remove_temporary
from bayes_cx.privacy import place

__all__ = ["LOST_LINE", "NO_ROWS", "UNBALANCED_QUOTE", "UNREADABLE_LINE", "Source", "open_source"]

# Reasons why lines of text files are no rows.
UNREADABLE_LINE = "unreadable line"
UNBALANCED_QUOTE = "unbalanced quote"
LOST_LINE = "line that came to no row"
NO_ROWS = frozenset({UNREADABLE_LINE, UNBALANCED_QUOTE, LOST_LINE})

# Enough to aggregate ten million rows without touching the disk, little enough for a small container.
MEMORY_LIMIT = "500MB"
MAX_THREADS = 4
_TABLE = "purchases"


@dataclass(frozen=True)
class Source:
    """A table that DuckDB can read again and again.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
        A private in-memory database with a memory limit and a folder to spill to.
    sql : str
        SQL for the FROM clause.
    types : dict of str to str
        DuckDB type of each column, in order.
    label : str
        Where the rows come from, without folders: it is printed in reports.
    pseudonyms : str
        The mark of the key where customers are known by pseudonyms, else empty; see
        `pseudonyms.give_pseudonyms`.
    views : dict of str to str
        The steps of all queries so far: the SQL of each view by its name.
    """

    connection: duckdb.DuckDBPyConnection
    sql: str
    types: dict[str, str]
    label: str
    pseudonyms: str = ""
    views: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def pseudonymous(self) -> bool:
        """Whether customers are known by their pseudonyms."""
        return bool(self.pseudonyms)

    def fingerprint(self, content: str) -> str:
        """Return the SHA-256 of what tells these data from others; under pseudonyms, keyed as they are."""
        digest = hashlib.sha256(content.encode()).hexdigest()
        if not self.pseudonymous:
            return digest
        return str(self.connection.execute("SELECT keyed(?)", [digest]).fetchall()[0][0])

    def view(self, name: str, sql: str) -> str:
        """Store a step of a query as a view; return its name.

        A view never changes: where the name is in use for other SQL, a number is added to it. So each step
        can be inspected with ``connection.table(name)``, and earlier queries stay as they were.
        """
        free, number = name, 1
        while self.views.get(free, sql) != sql:
            number += 1
            free = f"{name}_{number}"
        if free not in self.views:
            self.execute(f"CREATE TEMP VIEW {free} AS {sql}")
            self.views[free] = sql
        return free

    def execute(self, sql: str) -> None:
        """Run a statement; raise InputError if the table cannot be read."""
        try:
            self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise unreadable(self.label, error) from error

    def run(self, sql: str) -> pa.Table:
        """Return the result of a query; raise InputError if the table cannot be read."""
        try:
            return self.connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise unreadable(self.label, error) from error

    def unreadable_lines(self) -> str:
        """Return the query for the lines of text files that are no rows: reason, line, text."""
        queries = ["SELECT '' AS reason, 0::UBIGINT AS line, '' AS text WHERE false"]
        if self._has("reject_errors"):
            # Only the first scan counts: each later one reports the same lines again.
            queries.append(
                f"SELECT {literal(UNREADABLE_LINE)} AS reason, line, "
                "replace(trim(any_value(csv_line), chr(10) || chr(13)), chr(1), ' ') AS text "
                "FROM reject_errors "
                "WHERE scan_id = (SELECT min(scan_id) FROM reject_errors) GROUP BY file_id, line"
            )
        if self._has(UNBALANCED):
            queries.append(
                f"SELECT {literal(UNBALANCED_QUOTE)} AS reason, line, replace(text, chr(1), ' ') AS text "
                f"FROM {UNBALANCED}"
            )
        return " UNION ALL ".join(queries)

    def lines_without_row(self, rows: int) -> dict[str, int]:
        """Count the lines of text files that are no rows, by reason; `rows` were read."""
        found = self.run(
            f"SELECT reason, count(*) AS n FROM ({self.unreadable_lines()}) GROUP BY reason"
        ).to_pylist()
        lines = {row["reason"]: row["n"] for row in found}
        if self._has(EXPECTED):
            (expected,) = self.run(f"SELECT CAST(sum(n) AS BIGINT) AS n FROM {EXPECTED}")["n"].to_pylist()
            # Lines with an unbalanced quote were never expected to be rows.
            if (lost := expected - rows - lines.get(UNREADABLE_LINE, 0)) > 0:
                lines[LOST_LINE] = lost
        return lines

    def _has(self, table: str) -> bool:
        """Return whether there is a temporary table of this name."""
        name = f"SELECT 1 FROM duckdb_tables() WHERE table_name = {literal(table)} AND temporary"
        return self.run(name).num_rows > 0


def open_source(source: Any, needed: tuple[str, ...], query: str | None = None) -> Source:
    """Make any supported source readable by DuckDB.

    Parameters
    ----------
    source : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        See `read_transactions`.
    needed : tuple of str
        Columns that must be there.
    query : str, optional
        The query that selects the rows, when `source` is a database.

    Raises
    ------
    InputError
        If the source cannot be read or lacks a column.
    """
    connection = _connect()
    try:
        opened = _open(connection, source, needed, query)
    except (duckdb.Error, pa.ArrowException) as error:
        raise unreadable(_label(source), error) from error
    missing = [name for name in needed if name not in opened.types]
    if missing:
        raise InputError(
            f"no column {', '.join(map(repr, missing))} in {opened.label}",
            f"one of {', '.join(map(repr, opened.types))}",
            "check the spelling, upper and lower case included",
        )
    return opened


def unreadable(label: str, error: Exception) -> InputError:
    """Return an InputError with the first line of an error of DuckDB or Arrow."""
    return InputError(
        f"{label} cannot be read ({str(error).strip().splitlines()[0]})",
        "a readable table of purchases",
        "check that it is complete and in the format that its name says",
    )


def _connect() -> duckdb.DuckDBPyConnection:
    spill = make_temporary()
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": str(min(MAX_THREADS, os.cpu_count() or 1)),
            "temp_directory": str(spill),
        }
    )
    weakref.finalize(connection, remove_temporary, spill)
    return connection


def _open(
    connection: duckdb.DuckDBPyConnection, source: Any, needed: tuple[str, ...], query: str | None
) -> Source:
    label = _label(source)
    if query is not None and not isinstance(source, str | os.PathLike):
        raise InputError(f"a query for a {label}", "a query for a database only", "leave the query out")
    if query is not None or is_database(source):
        take_query(connection, _TABLE, str(source), query)
        return _source(connection, _TABLE, label)
    if isinstance(source, str | os.PathLike):
        return _source(connection, rows_of(connection, find_files(Path(source)), needed), label)
    if isinstance(source, list | tuple):
        files = [file for part in source for file in find_files(Path(part))]
        return _source(connection, rows_of(connection, files, needed), label)
    if isinstance(source, pads.Dataset):
        return _register(connection, source, label)
    if isinstance(source, pd.DataFrame):
        return _register(connection, _from_pandas(source), label)
    if hasattr(source, "collect") and hasattr(source, "collect_schema"):  # a lazy polars frame
        source = source.collect()
    if isinstance(source, pa.Table) or hasattr(source, "to_arrow"):
        return _register(connection, pa.table(source), label)
    if hasattr(source, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(source)
        connection.register("incoming", reader)
        connection.execute(f"CREATE TEMP TABLE {_TABLE} AS SELECT * FROM incoming")
        connection.unregister("incoming")
        return _source(connection, _TABLE, label)
    raise InputError(
        f"source is of type {type(source).__name__}",
        "a path, a pandas or polars frame, an Arrow table or reader, a DuckDB relation or a database",
        "convert it to one of these",
    )


def _source(connection: duckdb.DuckDBPyConnection, sql: str, label: str) -> Source:
    relation = connection.sql(f"SELECT * FROM {sql}")
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    return Source(connection, sql, types, label)


def _register(connection: duckdb.DuckDBPyConnection, table: Any, label: str) -> Source:
    connection.register(_TABLE, table)
    return _source(connection, _TABLE, label)


def _from_pandas(frame: pd.DataFrame) -> pa.Table:
    """Convert a frame column by column; a column of mixed types becomes text, checked cell by cell."""
    columns = {}
    for position, name in enumerate(frame.columns):
        values = frame.iloc[:, position]
        if str(name) in columns:
            raise InputError(f"two columns are called {name!r}", "one column of a name", "rename one of them")
        try:
            columns[str(name)] = pa.Array.from_pandas(values)
        except (pa.ArrowException, UnicodeEncodeError):
            text = values.astype("object").where(values.notna(), None).map(_text, na_action="ignore")
            columns[str(name)] = pa.array(text, pa.string(), from_pandas=True)
    return pa.table(columns)


def _text(cell: object) -> str:
    """Return a cell as text that is valid Unicode: half of a pair of surrogates becomes a question mark."""
    return str(cell).encode("utf-8", "replace").decode("utf-8")


def _label(source: Any) -> str:
    if isinstance(source, str | os.PathLike):
        return place(source)
    if isinstance(source, list | tuple):
        return ", ".join(place(part) for part in source[:3]) + (", ..." if len(source) > 3 else "")
    return f"{type(source).__module__.split('.')[0]} {type(source).__name__}"
