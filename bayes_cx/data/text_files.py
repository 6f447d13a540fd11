"""Text files: which of their lines names the columns, what separates them, and how DuckDB reads them."""

import bz2
import codecs
import csv
import gzip
import itertools
import lzma
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from bayes_cx.data.column_names import check_width, distinct
from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError
from bayes_cx.privacy import place

__all__ = ["NOT_WHOLE", "Layout", "check_encoding", "layout_of", "not_whole", "recode", "rewrite", "unpack"]

NOT_WHOLE = (OSError, EOFError, zlib.error)
"""What Python raises where a file packed by gzip is not whole."""

_DELIMITERS = (",", ";", "\t", "|")
_MARK = "\x01"  # a delimiter that no text holds
# What Excel writes into the first line to name the delimiter.
_NAMED_DELIMITER = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_ENDS = "\r\n"
# What text begins with that says its encoding; the longer mark first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# How far down the line with the names of the columns may be, and how many letters are read to find it.
_FIRST_LINES = 50
_FIRST_LETTERS = 16_000_000


@dataclass(frozen=True)
class Layout:
    """How a text file is laid out.

    Attributes
    ----------
    names : tuple of str
        Names of the columns, all different.
    delimiter : str or None
        What stands between them; None for runs of spaces.
    skip : int
        Number of lines before the one with the names.
    packed : bool
        Whether DuckDB must unpack it (gzip).
    """

    names: tuple[str, ...]
    delimiter: str | None
    skip: int = 0
    packed: bool = False

    @property
    def mark(self) -> str:
        """What stands between the columns in the file that DuckDB reads."""
        return self.delimiter or _MARK

    def read_csv(self, files: Sequence[str]) -> str:
        """Return SQL for the FROM clause that reads files of this layout.

        All columns are read as text: '00001' stays '00001', and a broken line cannot change how the others
        are read. A line with too few or too many cells goes to reject_errors.
        """
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.names)
        options = {
            "columns": f"{{{columns}}}",
            "delim": literal(self.mark),
            "quote": "'\"'",
            "escape": "'\"'",
            "header": "true",
            "skip": str(self.skip),
            "auto_detect": "false",
            "compression": "'gzip'" if self.packed else "'none'",
            "store_rejects": "true",
            "rejects_limit": "0",
        }
        said = ", ".join(f"{name} = {value}" for name, value in options.items())
        return f"read_csv([{', '.join(map(literal, files))}], {said})"


def layout_of(file: Path, path: Path, known: Collection[str], *, packed: bool) -> Layout:
    """Return the layout of a text file.

    The names of the columns are in the first line that is not blank, unless one further down has more of
    those that are known. The delimiter is the one that yields most of them.

    Parameters
    ----------
    file : Path
        The file as the user knows it, for messages.
    path : Path
        Where its text is, once it is unpacked.
    known : collection of str
        Columns that may be there, each once.
    packed : bool
        Whether it is packed by gzip.

    Raises
    ------
    InputError
        If there is no such line, it is not UTF-8, or it names more columns than can be read.
    """
    lines = _first_lines(file, path, packed)
    filled = [number for number, line in enumerate(lines) if line.strip()]
    delimiters: tuple[str | None, ...] = (*_DELIMITERS, None)
    if filled and (named := _NAMED_DELIMITER.fullmatch(lines[filled[0]].strip("\r\n"))):
        delimiters, filled = (named[1],), filled[1:]
    if not filled:
        raise InputError(
            f"{place(file)} is empty", "a first line with the names of the columns", "check the file"
        )
    best: tuple[list[str], str | None, int] = ([], None, filled[0])
    most = -1
    for number in filled:
        cells, delimiter = _parted(lines[number:], delimiters, known)
        hits = len({*known} & {*cells})
        if hits > most:
            most, best = hits, (cells, delimiter, number)
        if most == len({*known}):
            break
    names, delimiter, skip = best
    if any("\ud800" <= letter <= "\udfff" for letter in lines[skip]):
        raise InputError(
            f"the first line of {place(file)} is not UTF-8",
            "text in UTF-8, or the name of its encoding",
            "pass encoding, such as 'cp1252' for what Excel writes in Western Europe",
        )
    check_width(file, len(names))
    return Layout(tuple(distinct(names, known, place(file))), delimiter, skip, packed)


def _parted(
    lines: Sequence[str], delimiters: Sequence[str | None], known: Collection[str]
) -> tuple[list[str], str | None]:
    """Return the cells of the first line and the delimiter that yields most that are known, then most cells.

    Runs of spaces count only where nothing else parts the line.
    """
    found = [(_cells(lines, delimiter), delimiter) for delimiter in delimiters]
    return max(
        found,
        key=lambda one: (len({*known} & {*one[0]}), one[1] is not None and len(one[0]) > 1, len(one[0])),
    )


def _cells(lines: Sequence[str], delimiter: str | None) -> list[str]:
    """Return the cells of the first line, which goes on in the next one inside quotes."""
    if delimiter is None:
        return lines[0].split()
    try:
        return [cell.strip() for cell in next(csv.reader(iter(lines), delimiter=delimiter))]
    except csv.Error:
        return []


def _first_lines(file: Path, path: Path, packed: bool) -> list[str]:
    """Read the first lines; bytes that are no UTF-8 are kept as surrogates."""
    lines: list[str] = []
    letters = 0
    opened = gzip.open if packed else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape") as text:
            while (
                len(lines) < _FIRST_LINES
                and letters < _FIRST_LETTERS
                and (line := text.readline(_FIRST_LETTERS))
            ):
                lines.append(line)
                letters += len(line)
    except NOT_WHOLE as error:
        raise not_whole(file, error) from error
    if lines and len(lines[0]) >= _FIRST_LETTERS:
        raise InputError(
            f"the first line of {place(file)} has no end", "lines of text", "check that it is a table"
        )
    return lines


def not_whole(file: Path, error: Exception) -> InputError:
    """Return the InputError for a packed file that ends too soon or is damaged."""
    return InputError(f"{place(file)} cannot be unpacked ({error})", "a whole file", "copy or pack it again")


def check_encoding(encoding: str) -> None:
    """Raise InputError if Python knows no encoding of text of this name."""
    try:
        "".encode(encoding)
    except (LookupError, ValueError):  # a name with a NUL is a ValueError
        raise InputError(
            f"encoding {encoding!r}", "an encoding of text, such as 'cp1252' or 'utf-16'", "correct it"
        ) from None


def recode(file: Path, path: Path, encoding: str | None, target: Path, *, packed: bool) -> Path | None:
    """Copy a text file in another encoding as UTF-8; None if it needs no copy.

    Parameters
    ----------
    file, path, packed
        As for `layout_of`.
    encoding : str or None
        That of the file; if None only UTF-16 and UTF-32 are found out, by the mark at their begin.
    target : Path

    Raises
    ------
    InputError
        If it is not in this encoding.
    """
    opened = gzip.open if packed else open
    try:
        with opened(path, "rb") as start:
            begin = start.read(4)
        found = next((name for mark, name in _MARKS.items() if begin.startswith(mark)), None)
        encoding = encoding or found
        if encoding is None:
            return None
        with (
            opened(path, "rt", encoding=encoding, newline="") as text,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            shutil.copyfileobj(text, out)
    except UnicodeError as error:
        raise InputError(
            f"{place(file)} is not text in {encoding} ({error})",
            "the encoding in which it was written",
            "pass another encoding",
        ) from error
    except NOT_WHOLE as error:
        raise not_whole(file, error) from error
    return target


def unpack(file: Path, target: Path) -> Path:
    """Unpack a file that DuckDB cannot unpack itself (bzip2, xz, zstandard, or zip with one file in it).

    Raises
    ------
    InputError
        If it is not whole.
    """
    with file.open("rb") as opened:
        start = opened.read(4)
    try:
        with _UNPACK[start[:2]](file) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out)
    except (*NOT_WHOLE, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
        raise not_whole(file, error) from error
    return target


def _one_in_zip(file: Path) -> IO[bytes]:
    packed = zipfile.ZipFile(file)
    return packed.open(packed.namelist()[0])


# How to open each kind of packed file, by its two first bytes.
_UNPACK: dict[bytes, Callable[[Path], Any]] = {
    b"BZ": bz2.open,
    b"\xfd7": lzma.open,
    b"\x28\xb5": lambda file: pa.CompressedInputStream(pa.OSFile(str(file)), "zstd"),
    b"PK": _one_in_zip,
}


def rewrite(layout: Layout, path: Path, target: Path) -> tuple[Layout, Path]:
    """Copy a file that DuckDB would read otherwise, with the same number of lines.

    Lines before that with the names become a dash, as quotes or other ends of line in them would count. With
    columns between runs of spaces each run becomes one mark.
    """
    opened = gzip.open if layout.packed else open
    with (
        opened(path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="") as lines,
        target.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
    ):
        before = [line for _, line in zip(range(layout.skip), lines, strict=False)]
        first = next(lines)
        out.write(f"-{first[len(first.rstrip(_ENDS)) :]}" * len(before))
        rest = itertools.chain([first], lines)
        if layout.delimiter is None:
            rest = (_MARK.join(line.split()) + "\n" for line in rest)
        out.writelines(rest)
    return replace(layout, packed=False), target
