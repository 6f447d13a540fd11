"""Text files made fit to be read by DuckDB, and a record of the lines that are no rows."""

import gzip
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

import duckdb
import pyarrow as pa

from bayes_cx.data.lines import Lines, copy_mended, scan
from bayes_cx.data.text_files import NOT_WHOLE, not_whole

__all__ = ["EXPECTED", "FILES", "UNBALANCED", "mended", "record_files"]

UNBALANCED = "unbalanced_lines"
"""Temporary table with the lines that have a quote that nobody closes: file, line, text."""

FILES = "files_read"
"""Temporary table with what DuckDB opens for each file: path, and the name of the file as users know it."""

EXPECTED = "expected_rows"
"""Temporary table with the number of rows that the lines of each file come to."""

_GZIP = b"\x1f\x8b"


def mended(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[tuple[str, Path]],
    delimiter: str,
    columns: int,
    skip: int = 0,
) -> list[Path]:
    """Return files without lines that swallow others, and with one end of line; a copy where that is needed.

    What the lines come to is added to the tables `UNBALANCED` and `EXPECTED` of the connection.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Its temporary folder takes the copies.
    files : sequence of (str, Path)
        Text files, packed by gzip or not, each after the name that users know.
    delimiter : str
    columns : int
        Number of columns.
    skip : int
        Lines before that with the names of the columns.

    Raises
    ------
    InputError
        If a packed file is not whole.
    """
    read, found = [], []
    for _, file in files:
        try:
            with _opened(file) as lines:
                found.append(scan(lines, delimiter, columns, skip))
        except NOT_WHOLE as error:
            raise not_whole(file, error) from error
        read.append(_copied(connection, file, found[-1]) if found[-1].unbalanced or found[-1].mixed else file)
    _record(connection, [name for name, _ in files], found)
    return read


def record_files(connection: duckdb.DuckDBPyConnection, paths: Sequence[str], names: Sequence[str]) -> None:
    """Add to the table `FILES` what DuckDB opens, and the names that users know."""
    _add(connection, FILES, pa.table({"path": pa.array(paths, pa.string()), "name": names}))


def _copied(connection: duckdb.DuckDBPyConnection, file: Path, found: Lines) -> Path:
    (folder,) = connection.execute("SELECT current_setting('temp_directory')").fetchall()[0]
    target = Path(tempfile.mkdtemp(dir=folder)) / file.name.removesuffix(".gz")
    with _opened(file) as lines:
        copy_mended(lines, found, target)
    return target


def _opened(file: Path) -> BinaryIO:
    with file.open("rb") as start:
        packed = start.read(2) == _GZIP
    return cast(BinaryIO, gzip.open(file)) if packed else file.open("rb")


def _record(connection: duckdb.DuckDBPyConnection, names: Sequence[str], found: Sequence[Lines]) -> None:
    lines = [(name, *pair) for name, one in zip(names, found, strict=True) for pair in one.unbalanced.items()]
    tables = {
        UNBALANCED: pa.table(
            {
                "file": pa.array([name for name, _, _ in lines], pa.string()),
                "line": pa.array([line for _, line, _ in lines], pa.uint64()),
                "text": pa.array([text for _, _, text in lines], pa.string()),
            }
        ),
        EXPECTED: pa.table({"n": pa.array([one.rows for one in found], pa.int64())}),
    }
    for name, table in tables.items():
        _add(connection, name, table)


def _add(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Add rows to a temporary table, which is made if it is not there."""
    connection.register("recorded", table)
    connection.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} AS SELECT * FROM recorded LIMIT 0")
    connection.execute(f"INSERT INTO {name} SELECT * FROM recorded")
    connection.unregister("recorded")
