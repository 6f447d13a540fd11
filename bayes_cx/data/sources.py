"""Sources of purchases: files, frames, relations and databases, all read as one DuckDB table.

Files and frames are read in place, as often as needed. What can be read only once (an Arrow reader, a
relation of another connection, a query) is taken into a temporary table, which DuckDB moves to disk when it
outgrows the memory limit.
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from bayes_cx.data.connections import connect, with_more_memory
from bayes_cx.data.databases import is_database, take, take_query
from bayes_cx.data.folders import find_files
from bayes_cx.data.frames import WIDE, from_pandas, named, renamed
from bayes_cx.data.mending import EXPECTED, FILES, UNBALANCED
from bayes_cx.data.on_disk import rows_of
from bayes_cx.data.queries import check_query, first_line, lock
from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError
from bayes_cx.privacy import place

__all__ = [
    "LOST_LINE",
    "NOT_UTF8",
    "NO_ROWS",
    "UNBALANCED_QUOTE",
    "UNREADABLE_LINE",
    "Source",
    "label_of",
    "open_source",
    "unreadable",
]

# Reasons why lines of text files are no rows.
UNREADABLE_LINE = "unreadable line"
UNBALANCED_QUOTE = "unbalanced quote"
LOST_LINE = "line that came to no row"
NOT_UTF8 = "line that is not UTF-8"
NO_ROWS = frozenset({UNREADABLE_LINE, UNBALANCED_QUOTE, LOST_LINE, NOT_UTF8})
# Lines that DuckDB was given and could not read.
_NOT_READ = (UNREADABLE_LINE, NOT_UTF8)

# By a name of its own, so that tests can let sources share a database; queries over files get one apart.
_connect = connect
_TABLE = "purchases"
_BATCH = 50_000
# Where the lines of text files are that are no rows: those that DuckDB could not read, and those taken out.
_REJECTS = ("reject_scans", "reject_errors", UNBALANCED, FILES)
# Names of columns that a message shows, and how much of one that is not there.
_SHOWN, _LONGEST_NAME = 50, 200


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
            return with_more_memory(self.connection, lambda: self.connection.sql(sql).to_arrow_table())
        except duckdb.Error as error:
            raise unreadable(self.label, error) from error

    @property
    def known(self) -> str:
        """The names of the columns, as messages show them."""
        names = list(self.types)
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        return ", ".join(map(repr, names[:_SHOWN])) + more

    def insist_on(self, names: Sequence[str]) -> None:
        """Raise InputError if the table lacks a column."""
        if missing := [name for name in names if name not in self.types]:
            raise InputError(
                f"no column {', '.join(_short(name) for name in missing)} in {self.label}",
                f"one of {self.known}",
                "check the spelling, upper and lower case included",
            )

    def narrowed(self, names: Sequence[str]) -> "Source":
        """Copy these columns only, if there are so many that reading all of them again takes its time."""
        if len(self.types) <= WIDE:
            return self
        types = {name: kind for name, kind in self.types.items() if name in names}
        columns = ", ".join(map(ident, types))
        self.execute(f"CREATE TEMP TABLE narrow AS SELECT {columns} FROM {self.sql}")
        return replace(self, sql="narrow", types=types)

    def unreadable_lines(self) -> str:
        """Return the query for the lines of text files that are no rows: reason, file, line, text."""
        queries = ["SELECT '' AS reason, '' AS file, 0::UBIGINT AS line, '' AS text WHERE false"]
        if self._has("reject_errors"):
            # Only the first scan of a file counts: each later one reports the same lines again.
            queries.append(
                f"SELECT CASE WHEN bool_or(error_type = 'INVALID ENCODING') THEN {literal(NOT_UTF8)} "
                f"ELSE {literal(UNREADABLE_LINE)} END AS reason, any_value(name) AS file, line, "
                "replace(trim(any_value(csv_line), chr(10) || chr(13)), chr(1), ' ') AS text "
                "FROM reject_errors JOIN reject_scans USING (scan_id, file_id) "
                f"LEFT JOIN {FILES} ON path = file_path "
                "WHERE (file_path, scan_id) IN "
                "(SELECT (file_path, min(scan_id)) FROM reject_scans GROUP BY file_path) "
                "GROUP BY file_path, line"
            )
        if self._has(UNBALANCED):
            queries.append(
                f"SELECT {literal(UNBALANCED_QUOTE)} AS reason, file, line, "
                f"replace(text, chr(1), ' ') AS text FROM {UNBALANCED}"
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
            if (lost := expected - rows - sum(lines.get(reason, 0) for reason in _NOT_READ)) > 0:
                lines[LOST_LINE] = lost
        return lines

    @property
    def several_files(self) -> bool:
        """Whether the rows are those of several text files."""
        return self._has(FILES) and self.run(f"SELECT 1 FROM {FILES} LIMIT 2").num_rows > 1

    def _has(self, table: str) -> bool:
        """Return whether there is a temporary table of this name."""
        name = f"SELECT 1 FROM duckdb_tables() WHERE table_name = {literal(table)} AND temporary"
        return self.run(name).num_rows > 0


def open_source(
    source: Any,
    needed: Sequence[str],
    query: str | None = None,
    perhaps: Sequence[str] = (),
    encoding: str | None = None,
    decimal: str = ".",
) -> Source:
    """Make any supported source readable by DuckDB.

    Parameters
    ----------
    source : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        See `read_transactions`.
    needed : sequence of str
        Columns that must be there.
    query : str, optional
        The query that selects the rows: of a database over its tables, of files over the table ``data``.
    perhaps : sequence of str
        Columns that the caller looks for itself; there must not be two of the name.
    encoding : str, optional
        That of text files, if not UTF-8.
    decimal : str
        What stands before the decimals in text; numbers in a column that holds text too are written so.

    Raises
    ------
    InputError
        If the source cannot be read or lacks a column.
    """
    connection = _connect()
    try:
        opened = _open(connection, source, needed, perhaps, query, encoding, decimal)
    except (duckdb.Error, pa.ArrowException) as error:
        raise unreadable(label_of(source), error) from error
    opened.insist_on(needed)
    return opened.narrowed((*needed, *perhaps))


def unreadable(label: str, error: Exception) -> InputError:
    """Return an InputError with the first line of an error of DuckDB or Arrow."""
    return InputError(
        f"{label} cannot be read ({str(error).strip().splitlines()[0]})",
        "a readable table of purchases",
        "check that it is complete and in the format that its name says",
    )


def _open(
    connection: duckdb.DuckDBPyConnection,
    source: Any,
    needed: Sequence[str],
    perhaps: Sequence[str],
    query: str | None,
    encoding: str | None,
    decimal: str,
) -> Source:
    label, known = label_of(source), (*needed, *perhaps)
    if isinstance(source, list | tuple) and len(source) == 1:
        source = source[0]
    on_disk = isinstance(source, str | os.PathLike | list | tuple)
    if query is not None and not on_disk:
        raise InputError(f"a query for a {label}", "a query for files or a database", "leave the query out")
    if encoding is not None and (not on_disk or is_database(source)):
        raise InputError(f"an encoding for {label}", "text files", "leave the encoding out")
    if is_database(source):
        take_query(connection, _TABLE, str(source), query, needed, perhaps)
        return _source(connection, _TABLE, label)
    if on_disk:
        parts = [source] if isinstance(source, str | os.PathLike) else source
        files = [file for part in parts for file in find_files(Path(part))]
        if query is not None:
            _take_from_files(connection, files, query, known, label, encoding, decimal)
            return _source(connection, _TABLE, label)
        rows, read = rows_of(connection, files, needed, perhaps, encoding, decimal)
        return _source(
            connection, rows, label if len(files) <= len(parts) else f"{label} ({len(read):,} files)"
        )
    if isinstance(source, pads.Dataset):
        return _register(connection, source, label)
    if isinstance(source, pd.DataFrame):
        return _register(connection, from_pandas(source, known, decimal), label)
    if hasattr(source, "collect") and hasattr(source, "collect_schema"):  # a lazy polars frame
        source = source.collect()
    if isinstance(source, pa.Table) or hasattr(source, "to_arrow"):
        return _register(connection, named(pa.table(source), known, label), label)
    if hasattr(source, "__arrow_c_stream__"):
        take(connection, _TABLE, renamed(pa.RecordBatchReader.from_stream(source), known, label))
        return _source(connection, _TABLE, label)
    raise InputError(
        f"source is of type {type(source).__name__}",
        "a path, a pandas or polars frame, an Arrow table or reader, a DuckDB relation or a database",
        "convert it to one of these",
    )


def _take_from_files(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    query: str,
    known: Sequence[str],
    label: str,
    encoding: str | None,
    decimal: str,
) -> None:
    """Run a query over files, which it knows as one table ``data``, where nothing else can be read."""
    named = check_query(query)
    with closing(connect()) as reader:
        rows, read = rows_of(reader, files, (), (*known, *named), encoding, decimal)
        reader.execute(f"CREATE TEMP VIEW data AS SELECT * FROM {rows}")
        lock(reader, read)
        try:
            take(connection, _TABLE, reader.sql(query).to_arrow_reader(_BATCH))
        except duckdb.Error as error:
            columns = ", ".join(reader.table("data").columns[:_SHOWN])
            raise InputError(
                f"the query failed over {label} ({first_line(error)})",
                f"one SELECT over the table data ({columns})",
                "correct the query",
            ) from error
        # Lines that could not be split into columns are part of no result, and count all the same.
        for table in _REJECTS:
            if reader.execute(f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{table}'").fetchall():
                take(connection, table, reader.table(table).to_arrow_reader(_BATCH))


def _source(connection: duckdb.DuckDBPyConnection, sql: str, label: str) -> Source:
    relation = connection.sql(f"SELECT * FROM {sql}")
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    return Source(connection, sql, types, label)


def _register(connection: duckdb.DuckDBPyConnection, table: Any, label: str) -> Source:
    connection.register(_TABLE, table)
    return _source(connection, _TABLE, label)


def _short(name: object) -> str:
    text = repr(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"


def label_of(source: Any) -> str:
    """Name where rows come from, without folders."""
    if isinstance(source, str | os.PathLike):
        return place(source)
    if isinstance(source, list | tuple):
        return ", ".join(place(part) for part in source[:3]) + (", ..." if len(source) > 3 else "")
    return f"{type(source).__module__.split('.')[0]} {type(source).__name__}"
