"""Files on disk: what a path means, and how the rows of Parquet and text files are read."""

import csv
import glob
import gzip
from pathlib import Path
from typing import TextIO

import duckdb

from bayes_cx.data.mending import mended
from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError
from bayes_cx.privacy import is_address, place

__all__ = ["find_files", "rows_of"]

_DELIMITERS = (",", ";", "\t", "|")
_MARK = "\x01"  # a delimiter that no text holds


def find_files(path: Path) -> list[Path]:
    """Find the files that a path, a folder or a pattern means.

    Raises
    ------
    InputError
        If there are none.
    """
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


def rows_of(connection: duckdb.DuckDBPyConnection, files: list[Path], needed: tuple[str, ...]) -> str:
    """Return SQL for the FROM clause that reads Parquet or text files.

    Raises
    ------
    InputError
        If there is no file, or they differ in their columns.
    """
    if not files:
        raise InputError("an empty list of files", "one file or more", "name the files")
    names = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    if all(file.suffix in {".parquet", ".pq"} for file in files):
        return f"read_parquet({names}, union_by_name = true)"
    header, delimiter = _header(files[0], needed)
    for file in files[1:]:
        if _header(file, needed) != (header, delimiter):
            raise InputError(
                f"the columns of {file.name} differ from those of {files[0].name}",
                "the same columns",
                "read them apart",
            )
    if delimiter is None:
        files = _joined_by_mark(connection, files)
    files = mended(connection, files, delimiter or _MARK, len(header))
    names = "[" + ", ".join(literal(str(file)) for file in files) + "]"
    return _read_csv(names, header, delimiter or _MARK)


def _joined_by_mark(connection: duckdb.DuckDBPyConnection, files: list[Path]) -> list[Path]:
    """Copy files whose columns are separated by runs of spaces, with one mark in place of each run."""
    folder = Path(connection.sql("SELECT current_setting('temp_directory')").fetchall()[0][0])
    copies = [folder / f"{number}.csv" for number in range(len(files))]
    for file, copy in zip(files, copies, strict=True):
        with _text(file) as lines, copy.open("w", encoding="utf-8", errors="surrogateescape") as out:
            out.writelines(_MARK.join(line.split()) + "\n" for line in lines)
    return copies


def _text(file: Path) -> TextIO:
    """Open a text file, packed or not; bytes that are no UTF-8 are kept as surrogates."""
    if file.suffix == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", errors="surrogateescape")
    return file.open(encoding="utf-8-sig", errors="surrogateescape")


def _read_csv(names: str, header: list[str], delimiter: str) -> str:
    # All columns are read as text: '00001' stays '00001', and a broken line cannot change how the others
    # are read. A line with too few or too many cells goes to reject_errors.
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
