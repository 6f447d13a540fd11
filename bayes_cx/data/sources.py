"""Where purchases come from: files, frames, relations and databases, all seen as one DuckDB table.

Files and frames are read in place, as often as needed. What can be read only once (an Arrow reader, a
relation of another connection, a query) is taken into a temporary table, which DuckDB moves to disk when it
outgrows the memory limit.
"""

import csv
import glob
import gzip
import os
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads

from bayes_cx.data.databases import is_database, take_query
from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError
from bayes_cx.files import make_temporary, remove_temporary
from bayes_cx.privacy import is_address, place

__all__ = ["Source", "open_source"]

# Enough to aggregate ten million rows without touching the disk, little enough for a small container.
MEMORY_LIMIT = "500MB"
MAX_THREADS = 4
_DELIMITERS = (",", ";", "\t", "|")
_MARK = "\x01"  # a delimiter that no text holds
_TABLE = "purchases"


@dataclass(frozen=True)
class Source:
    """A table that DuckDB can read again and again.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
        A private in-memory database with a memory limit and a folder to spill to.
    sql : str
        What stands behind FROM.
    types : dict of str to str
        DuckDB type of each column, in order.
    label : str
        Where the rows come from, without folders: it is printed in reports.
    pseudonymous : bool
        Whether customers are known by their pseudonyms; see `pseudonyms.give_pseudonyms`.
    views : dict of str to str
        The steps of every query so far: name of the view -> its SQL.
    """

    connection: duckdb.DuckDBPyConnection
    sql: str
    types: dict[str, str]
    label: str
    pseudonymous: bool = False
    views: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def view(self, name: str, sql: str) -> str:
        """Keep a step of a query as a view; return its name.

        A view never changes: where the name is taken by other SQL, a number is added to it. So each step can
        be looked at with ``connection.table(name)``, and what was asked before stays as it was.
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
        """Run a statement; a table that cannot be read is bad input."""
        try:
            self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise unreadable(self.label, error) from error

    def run(self, sql: str) -> pa.Table:
        """Run a query and fetch its result; a table that cannot be read is bad input."""
        try:
            return self.connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise unreadable(self.label, error) from error

    def unreadable_lines(self) -> str:
        """Write the query for the lines of a text file that could not be split into columns: line, text."""
        tables = self.run("SELECT table_name FROM duckdb_tables() WHERE table_name = 'reject_errors'")
        if not tables.num_rows:
            return "SELECT 0::UBIGINT AS line, '' AS text WHERE false"
        # Only the first scan counts: each later one reports the same lines again.
        return (
            "SELECT line, replace(trim(any_value(csv_line), chr(10) || chr(13)), chr(1), ' ') AS text "
            "FROM reject_errors "
            "WHERE scan_id = (SELECT min(scan_id) FROM reject_errors) GROUP BY file_id, line"
        )


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
    """Turn a message of DuckDB or Arrow into ours; the first line says what happened."""
    return InputError(
        f"{label} cannot be read ({str(error).strip().splitlines()[0]})",
        "a readable table of purchases",
        "check that it is complete and of the kind that its name says",
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
        raise InputError(f"a query beside a {label}", "a database to ask", "leave the query out")
    if query is not None or is_database(source):
        take_query(connection, _TABLE, str(source), query)
        return _source(connection, _TABLE, label)
    if isinstance(source, str | os.PathLike):
        return _files(connection, _expand(Path(source)), label, needed)
    if isinstance(source, list | tuple):
        files = [file for part in source for file in _expand(Path(part))]
        return _files(connection, files, label, needed)
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
    """Convert a frame column by column: one of mixed types becomes text, judged cell by cell."""
    columns = {}
    for position, name in enumerate(frame.columns):
        values = frame.iloc[:, position]
        if str(name) in columns:
            raise InputError(f"two columns are called {name!r}", "one column of a name", "rename one of them")
        try:
            columns[str(name)] = pa.Array.from_pandas(values)
        except pa.ArrowException:
            text = values.astype("object").where(values.notna(), None).map(str, na_action="ignore")
            columns[str(name)] = pa.array(text, pa.string(), from_pandas=True)
    return pa.table(columns)


def _expand(path: Path) -> list[Path]:
    """Find the files that a path, a folder or a pattern means."""
    if path.is_dir():
        for pattern in ("*.parquet", "*.csv", "*.csv.gz"):
            if found := sorted(path.rglob(pattern)):
                return found
        raise InputError(f"folder {path}", "Parquet or CSV files in it", "name the files one by one")
    if path.is_file():
        return [path]
    if found := [Path(file) for file in sorted(glob.glob(str(path), recursive=True))]:
        return found
    if is_address(path):
        raise InputError(
            f"{place(path)} without a query",
            "a file, a folder, a pattern or a database",
            "name a file or pass a query",
        )
    raise InputError(f"file {path} does not exist", "a file, a folder or a pattern", "check the path")


def _files(
    connection: duckdb.DuckDBPyConnection, files: list[Path], label: str, needed: tuple[str, ...]
) -> Source:
    if not files:
        raise InputError("an empty list of files", "one file or more", "name the files")
    names = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    if all(file.suffix in {".parquet", ".pq"} for file in files):
        return _source(connection, f"read_parquet({names}, union_by_name = true)", label)
    header, delimiter = _header(files[0], needed)
    for file in files[1:]:
        if _header(file, needed) != (header, delimiter):
            raise InputError(
                f"the columns of {file.name} differ from those of {files[0].name}",
                "the same columns",
                "read them apart",
            )
    if delimiter is None:
        names = _joined_by_mark(connection, files)
    return _source(connection, _read_csv(names, header, delimiter or _MARK), label)


def _joined_by_mark(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> str:
    """Copy files whose columns are kept apart by runs of spaces, with one mark in place of each run."""
    folder = Path(connection.sql("SELECT current_setting('temp_directory')").fetchall()[0][0])
    copies = [folder / f"{number}.csv" for number in range(len(files))]
    for file, copy in zip(files, copies, strict=True):
        with _text(file) as lines, copy.open("w", encoding="utf-8", errors="surrogateescape") as out:
            out.writelines(_MARK.join(line.split()) + "\n" for line in lines)
    return "[" + ", ".join(literal(str(copy)) for copy in copies) + "]"


def _text(file: Path) -> TextIO:
    """Open a text file, packed or not; bytes that are no UTF-8 are kept as surrogates."""
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="surrogateescape")
    return file.open(encoding="utf-8-sig", errors="surrogateescape")


def _read_csv(names: str, header: list[str], delimiter: str) -> str:
    # Everything is text and nothing is guessed: '00001' stays '00001', and a broken line cannot change how
    # the others are read. A line with too few or too many cells goes to reject_errors.
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    return (
        f"read_csv({names}, columns = {{{columns}}}, delim = {literal(delimiter)}, "
        "quote = '\"', escape = '\"', header = true, auto_detect = false, store_rejects = true, "
        "rejects_limit = 0)"
    )


def _header(file: Path, needed: tuple[str, ...]) -> tuple[list[str], str | None]:
    """Read the first line; the delimiter is the one that yields the columns asked for, None for spaces."""
    with _text(file) as lines:
        line = lines.readline()
    if not line.strip():
        raise InputError(
            f"{file.name} is empty", "a first line with the names of the columns", "check the file"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in line):
        raise InputError(
            f"the first line of {file.name} is not UTF-8", "text in UTF-8", "save it again in that encoding"
        )
    best: tuple[list[str], str | None] = ([], None)
    for delimiter in (*_DELIMITERS, None):
        if delimiter is None and len(best[0]) > 1:
            break
        cells = (
            line.split()
            if delimiter is None
            else next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter))
        )
        names = [cell.strip() for cell in cells]
        if set(needed) <= set(names) and len(set(names)) == len(names):
            return names, delimiter
        if len(names) > len(best[0]):
            best = names, delimiter
    return best


def _label(source: Any) -> str:
    if isinstance(source, str | os.PathLike):
        return place(source)
    if isinstance(source, list | tuple):
        return ", ".join(place(part) for part in source[:3]) + (", ..." if len(source) > 3 else "")
    return f"{type(source).__module__.split('.')[0]} {type(source).__name__}"
