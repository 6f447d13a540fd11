"""What a file is, by its first bytes: its name may say something else."""

import stat
import zipfile
from pathlib import Path
from typing import Literal

from bayes_cx.errors import InputError

__all__ = ["NAMES", "Format", "format_of"]

type Format = Literal["text", "gzip", "packed", "parquet", "workbook", "database", "other"]

NAMES: dict[Format, str] = {
    "text": "text",
    "gzip": "text",
    "packed": "text",
    "parquet": "Parquet",
    "workbook": "Excel",
    "database": "a database",
    "other": "neither text nor Parquet nor Excel",
}
"""What a message calls each format."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a workbook of Excel up to 2003
_PACKED = (b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")  # bzip2, xz, zstandard
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_DOCUMENTS = (b"%PDF", b"{\\rtf")
# What no text holds, but for a few stray bytes.
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1a\x01")
_SAMPLE = 4096


def format_of(file: Path) -> Format:
    """Return what a file is.

    Text that is packed is ``gzip`` where DuckDB unpacks it itself, otherwise ``packed``.

    Raises
    ------
    InputError
        If it cannot be opened, or is neither a file nor a folder.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError(
                f"{file.name} is no file on disk", "a file or a folder", "write what it holds to a file first"
            )
        with file.open("rb") as opened:
            start = opened.read(_SAMPLE)
    except OSError as error:
        raise InputError(
            f"{file.name} cannot be opened ({error.strerror})", "a file that can be read", "check the path"
        ) from error
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"SQLite format 3\x00") or start[8:12] == b"DUCK":
        return "database"
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"PK\x03\x04"):
        return _in_zip(file)
    if start.startswith(_PACKED):
        return "packed"
    if start.startswith(_OLE):
        return "workbook"
    # Text in UTF-16 holds zeros; what reads text says what is wrong with it.
    binary = sum(byte in _CONTROL for byte in start) > 4 + len(start) / 50 and not start.startswith(_UTF_16)
    return "other" if binary or start.startswith(_DOCUMENTS) else "text"


def _in_zip(file: Path) -> Format:
    try:
        with zipfile.ZipFile(file) as opened:
            names = opened.namelist()
    except (OSError, zipfile.BadZipFile):
        return "other"
    if any(name in names for name in ("xl/workbook.xml", "xl/workbook.bin", "content.xml")):
        return "workbook"
    return "packed" if len(names) == 1 else "other"
