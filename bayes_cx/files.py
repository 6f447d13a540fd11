"""Files that are whole or not there, and CSV that a spreadsheet reads and never runs."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_cx.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["atomic_folder", "atomic_path", "safe_cell", "write_csv"]

# A spreadsheet runs a cell that starts like this as a formula; the last four are the full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# A signed number computes nothing.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path of the same name; the file written there replaces `path` if the block succeeds.

    Parameters
    ----------
    path : path
        Where the file shall be. Missing parent folders are made.

    Yields
    ------
    pathlib.Path
        Where to write. If the block raises, a file that was at `path` before is as it was.

    Raises
    ------
    InputError
        If the folder cannot be made or written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(f"{folder}/new/plan.csv") as part:
    ...         _ = part.write_text("customer,value")
    ...     pathlib.Path(f"{folder}/new/plan.csv").read_text()
    'customer,value'
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"the output {target} is a folder", "a file", "name a file in it")
    with _near(target.parent) as folder:
        yield folder / target.name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / target.name, target)


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder; the files written there are moved into `path` when the block succeeds.

    Files of other names that are in `path` already stay. If the block raises, nothing in `path` has changed.
    The files are moved one by one: each is whole, but for a moment old ones may stand beside new ones.

    Parameters
    ----------
    path : path
        The folder that shall hold the files; made if it is missing.

    Yields
    ------
    pathlib.Path
        The folder to write into; it may be given sub-folders.

    Raises
    ------
    InputError
        If the folder cannot be made or written.
    """
    target = Path(path)
    if target.exists() and not target.is_dir():
        raise InputError(f"the output {target} is a file", "a folder", "name a folder")
    with _near(target) as folder:
        yield folder
        for part in sorted(file for file in folder.rglob("*") if file.is_file()):
            final = target / part.relative_to(folder)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, final)


@contextmanager
def _near(target: Path) -> Iterator[Path]:
    """Yield a temporary folder in `target`, or in the nearest folder above that is there already.

    It is on the disk on which `target` is or will be, so that a rename is atomic; a failure leaves no empty
    folder behind.
    """
    there = target
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        folder = Path(tempfile.mkdtemp(prefix=".bayes_cx-", dir=there))
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror})",
            "a folder that can",
            "choose another output",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def safe_cell(text: str) -> str:
    """Return `text`, with an apostrophe before it where a spreadsheet would run it as a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(0)"), safe_cell("-50.0"), safe_cell("Ada")
    ("'=HYPERLINK(0)", '-50.0', 'Ada')
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def write_csv(frame: "pd.DataFrame | Iterator[pd.DataFrame]", path: str | os.PathLike[str]) -> None:
    """Write `frame` as UTF-8 CSV without its index: atomically, and with no text that runs as a formula.

    Parameters
    ----------
    frame : pandas.DataFrame or iterator of pandas.DataFrame
        The table, or its parts one after the other with equal columns; cells and column names that are text
        go through `safe_cell`, numbers stay numbers.
    path : path
        Where the file shall be.
    """
    parts = frame if isinstance(frame, Iterator) else iter([frame])
    with atomic_path(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        for number, part in enumerate(parts):
            safe = part.rename(columns=_safe)
            for name, column in safe.items():
                if column.dtype.kind not in "iufbmM":
                    safe[name] = column.map(_safe)
            # Ten digits are more than anybody reads and less than the last bits in which machines differ.
            safe.to_csv(file, index=False, header=number == 0, lineterminator="\n", float_format="%.10g")


def _safe(value: object) -> object:
    return safe_cell(value) if isinstance(value, str) else value
