"""Files on disk: how the rows of text files, Parquet files and workbooks are read as one table."""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bayes_cx.data.column_names import check_width, distinct
from bayes_cx.data.formats import NAMES, Format, format_of
from bayes_cx.data.mending import mended, record_files
from bayes_cx.data.sql import literal
from bayes_cx.data.text_files import (
    NOT_WHOLE,
    Layout,
    check_encoding,
    layout_of,
    not_whole,
    recode,
    rewrite,
    unpack,
)
from bayes_cx.data.workbooks import read_workbooks
from bayes_cx.errors import InputError
from bayes_cx.privacy import place, printed

__all__ = ["rows_of"]

# The two first columns of the rejected rows that bayes_cx writes; see `rejected.rejected_rows`.
_REJECTED = re.compile(r"row(_\d+)?,reason(_\d+)?")
# A name with one of these is a pattern for DuckDB.
_PATTERN = "*?["
_PACKED_SUFFIXES = {".gz", ".bz2", ".xz", ".zst", ".zip"}
_WORKBOOK = "workbook"


def rows_of(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    needed: Sequence[str],
    perhaps: Sequence[str] = (),
    encoding: str | None = None,
    decimal: str = ".",
) -> tuple[str, list[str]]:
    """Return SQL for the FROM clause that reads files of one kind, and the paths that it opens.

    Columns are put together by their names. Rejected rows that bayes_cx wrote are left out, unless only they
    are named.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Who will read them; its temporary folder takes what must be unpacked first.
    files : sequence of Path
    needed : sequence of str
        Columns that must be in every file.
    perhaps : sequence of str
        Columns that may be there: if one file has them, all must. Both tell the delimiter and the line with
        the names.
    encoding : str, optional
        That of text files; UTF-8 if not given, or what their first bytes say.
    decimal : str
        How numbers are written in a column of a workbook that holds text too.

    Raises
    ------
    InputError
        If there is no file, one is named twice, or they cannot be read together.
    """
    if not files:
        raise InputError("an empty list of files", "one file or more", "name the files")
    formats: dict[Path, Format] = {file: format_of(file) for file in files}
    if encoding is not None:
        check_encoding(encoding)
        # Text in some encodings holds so many zeros that it looks like none.
        formats = {file: "text" if kind == "other" else kind for file, kind in formats.items()}
        if no_text := [file for file, kind in formats.items() if NAMES[kind] != "text"]:
            raise InputError(f"an encoding for {_named(no_text)}", "text files", "leave the encoding out")
    _check_one_kind(files, formats)
    first, known = formats[files[0]], (*needed, *perhaps)
    if first == "workbook":
        connection.register(_WORKBOOK, read_workbooks(files, needed, known, decimal))
        return _WORKBOOK, list(map(str, files))
    if first == "parquet":
        return _parquet(connection, files, known, together=bool(needed))
    return _text(connection, formats, known, encoding, together=bool(needed))


def _check_one_kind(files: Sequence[Path], formats: Mapping[Path, Format]) -> None:
    """Raise InputError if files cannot be one table: of several kinds, or the same data twice."""
    if twice := [file for file, times in Counter(files).items() if times > 1]:
        raise InputError(f"{place(twice[0])} is named twice", "every file once", "name it once")
    of_kind: dict[str, list[Path]] = {}
    for file, kind in formats.items():
        of_kind.setdefault(NAMES[kind], []).append(file)
    unknown = of_kind.get(NAMES["other"], of_kind.get(NAMES["database"], []))
    if len(files) == 1 and unknown:
        raise InputError(
            f"{place(files[0])} is {NAMES[formats[files[0]]]}",
            "CSV, Parquet, Excel or a database",
            "save it as one of these",
        )
    if len(of_kind) > 1 or unknown:
        found = "; ".join(f"{name}: {_named(some)}" for name, some in sorted(of_kind.items()))
        raise InputError(
            f"files of several kinds ({found})",
            "files that can be read as one table: all text, all Parquet or all Excel",
            "name those to read, for example by a pattern such as 'folder/*.csv'",
        )
    plain = Counter(_unpacked(file) for file in files)
    if twins := [file for file in files if plain[_unpacked(file)] > 1]:
        raise InputError(
            f"{_named(twins)} seem to be the same table, packed and unpacked",
            "every table once",
            "name the files to read, or remove one of the two",
        )


def _named(files: Sequence[Path]) -> str:
    return ", ".join(place(file) for file in files[:3]) + (
        f" and {len(files) - 3} more" if len(files) > 3 else ""
    )


def _unpacked(file: Path) -> Path:
    return file.with_suffix("") if file.suffix.lower() in _PACKED_SUFFIXES else file


class _Folder:
    """A folder where a connection spills to, made when it is needed; it goes with the connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    @cached_property
    def path(self) -> Path:
        (folder,) = self.connection.execute("SELECT current_setting('temp_directory')").fetchall()[0]
        return Path(tempfile.mkdtemp(dir=folder))


def _readable(folder: _Folder, file: Path) -> str:
    """Return the path of a file, or of a link to it if DuckDB would not find it by its own name."""
    path = str(file.absolute())
    if _is_plain(path):
        return path
    # The folders that name a column, as in `region=north`, stay.
    parts = [part for part in file.parent.parts if "=" in part and _is_plain(part)]
    link = Path(tempfile.mkdtemp(dir=folder.path)).joinpath(*parts, "file")
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(file.resolve())
    except OSError:
        shutil.copyfile(file, link)
    return str(link)


def _is_plain(path: str) -> bool:
    return path.isprintable() and not set(_PATTERN) & set(path)


def _text(
    connection: duckdb.DuckDBPyConnection,
    formats: Mapping[Path, Format],
    known: Sequence[str],
    encoding: str | None,
    *,
    together: bool,
) -> tuple[str, list[str]]:
    folder = _Folder(connection)
    layouts: dict[Path, Layout] = {}
    paths: dict[Path, Path] = {}
    for number, (file, kind) in enumerate(formats.items()):
        paths[file] = unpack(file, folder.path / f"unpacked{number}.csv") if kind == "packed" else file
        packed = kind == "gzip"
        recoded = recode(file, paths[file], encoding, folder.path / f"recoded{number}.csv", packed=packed)
        if recoded is not None:
            paths[file], packed = recoded, False
        layouts[file] = layout_of(file, paths[file], known, packed=packed)
    kept = _without_rejected({file: layout.names for file, layout in layouts.items()})
    if together:
        _check_columns({file: layouts[file].names for file in kept}, known)
    names = dict(zip(kept, _known_as(kept), strict=True))
    alike: dict[Layout, list[tuple[str, Path]]] = {}
    for number, file in enumerate(kept):
        layout, path = layouts[file], paths[file]
        if layout.delimiter is None or layout.skip:
            try:
                layout, path = rewrite(layout, path, folder.path / f"rewritten{number}.csv")
            except NOT_WHOLE as error:
                raise not_whole(file, error) from error
        alike.setdefault(layout, []).append((names[file], path))
    parts: dict[Layout, list[str]] = {}
    for layout, some in alike.items():
        wholes = mended(connection, some, layout.mark, len(layout.names), layout.skip)
        opened = [_readable(folder, whole) for whole in wholes]
        record_files(connection, opened, [name for name, _ in some])
        for (_, path), whole, readable in zip(some, wholes, opened, strict=True):
            unpacked = layout if whole == path else replace(layout, packed=False)
            parts.setdefault(unpacked, []).append(readable)
    reads = [layout.read_csv(opened) for layout, opened in parts.items()]
    rows = " UNION ALL BY NAME ".join(f"SELECT * FROM {read}" for read in reads)
    return reads[0] if len(reads) == 1 else f"({rows})", [path for some in parts.values() for path in some]


def _known_as(files: Sequence[Path]) -> list[str]:
    """Return names by which users know files: without the folders that all of them are in."""
    if len(files) == 1:
        return [place(files[0])]
    paths = [os.path.abspath(file) for file in files]
    shared = os.path.commonpath([os.path.dirname(path) for path in paths])
    return [printed(Path(os.path.relpath(path, shared)).as_posix()) for path in paths]


def _without_rejected(columns: Mapping[Path, Sequence[str]]) -> list[Path]:
    """Return the files that are no rejected rows written by bayes_cx; a file that stands alone is kept."""
    kept = [
        file
        for file, names in columns.items()
        if len(columns) == 1 or not _REJECTED.fullmatch(",".join(names[:2]))
    ]
    return kept or list(columns)


def _check_columns(columns: Mapping[Path, Sequence[str]], known: Sequence[str]) -> None:
    """Raise InputError if some of several files have a column that others lack."""
    for name in known:
        have = [file for file, names in columns.items() if name in names]
        if have and (lack := [file for file in columns if file not in have]):
            raise InputError(
                f"the columns of {_named(lack)} differ from those of {_named(have)}: there is no {name!r}",
                "the same columns in every file",
                "read them apart, or name those to read",
            )


def _parquet(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], known: Sequence[str], *, together: bool
) -> tuple[str, list[str]]:
    schemas = {file: _schema(file) for file in files}
    for file, schema in schemas.items():
        check_width(file, len(schema))
        distinct(schema.names, known, place(file))
    kept = _without_rejected({file: schema.names for file, schema in schemas.items()})
    # The name of a folder may hold a column: region=north.
    in_path = {part.partition("=")[0] for file in kept for part in file.parent.parts if "=" in part}
    stored = [name for name in known if name not in in_path]
    if together:
        _check_columns({file: schemas[file].names for file in kept}, stored)
    for name in stored:
        text = {
            file: _is_text(schemas[file].field(name).type) for file in kept if name in schemas[file].names
        }
        if len(set(text.values())) > 1:
            raise InputError(
                f"column {name!r} is text in {_named([file for file in text if text[file]])} "
                f"and not in {_named([file for file in text if not text[file]])}",
                "the same type in every file",
                "convert it in one of them",
            )
    folder = _Folder(connection)
    paths = [_readable(folder, file) for file in kept]
    return f"read_parquet([{', '.join(map(literal, paths))}], union_by_name = true)", paths


def _schema(file: Path) -> pa.Schema:
    try:
        with file.open("rb") as opened:
            return pq.read_schema(opened)
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{place(file)} cannot be read ({str(error).strip().splitlines()[0]})",
            "a whole Parquet file",
            "write or copy it again",
        ) from error


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
