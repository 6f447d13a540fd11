"""Files that are written completely or not at all, cells that do not run as formulas, digits that count."""

import os
import re
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_cx.errors import InputError
from bayes_cx.locks import lock, unlock
from bayes_cx.stop import leftovers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = [
    "atomic_folder",
    "atomic_path",
    "check_output",
    "few_digits",
    "folder_near",
    "make_temporary",
    "meaningful",
    "move_files",
    "remove_temporary",
    "safe_cell",
    "temporary_folder",
    "uninterrupted",
    "write_csv",
]

# A spreadsheet runs a cell that starts like this as a formula; the last four are the full-width forms.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# A signed number computes nothing.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# Digits of a result that are written in tables and in records; how far they may be below a column's largest.
_DIGITS, _RECORDED, _BELOW = 6, 8, 1e9
# Six digits of a smaller number would need a power of ten that is not exact.
_TINY = 1e-17
_TEMPORARY = re.compile(r"\.bayes_cx-[0-9a-f]{16}")
# The locks that tell other processes that a temporary folder is in use, by folder.
_IN_USE: dict[str, int] = {}


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
        If the folder cannot be made or written, or `path` is a folder or a symbolic link.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(f"{folder}/new/plan.csv") as part:
    ...         _ = part.write_text("customer,value")
    ...     pathlib.Path(f"{folder}/new/plan.csv").read_text()
    'customer,value'
    """
    target = check_output(path)
    with folder_near(target.parent) as folder:
        yield folder / target.name
        with uninterrupted():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / target.name, target)


def check_output(path: str | os.PathLike[str]) -> Path:
    """Return `path` if a file may be written there.

    Raises
    ------
    InputError
        If it is a folder, or a symbolic link: to replace it would break the link, to follow it would replace
        a file that nobody named.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"the output {target} is a folder", "a file", "name a file in it")
    if target.is_symlink():
        raise InputError(
            f"the output {target} is a symbolic link to {os.readlink(target)}",
            "a file, or the name of a new one",
            "name the file itself",
        )
    return target


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary folder; the files written there are moved into `path` when the block succeeds.

    Files of other names that are in `path` already stay. If the block raises, nothing in `path` has changed.
    The files are moved one by one: each is whole, but for a moment old ones may stand beside new ones. Ctrl-C
    waits for the last of them.

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
    with folder_near(target) as folder:
        yield folder
        move_files(folder, target)


def move_files(folder: Path, target: Path) -> None:
    """Move all files in `folder` to the same place in `target`, one by one; Ctrl-C waits for the last."""
    parts = sorted(file for file in folder.rglob("*") if file.is_file())
    with uninterrupted():
        for part in parts:
            final = target / part.relative_to(folder)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(part, final)


@contextmanager
def folder_near(target: Path) -> Iterator[Path]:
    """Yield a temporary folder in `target`, or in the nearest folder above that is there; gone in the end.

    It is on the disk on which `target` is or will be, so that a rename is atomic; a failure leaves no empty
    folder behind.
    """
    there = target
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        # Where a run that was killed may have begun, when `target` was not there yet.
        _sweep(there.parent)
        opened = make_temporary(there)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror})",
            "a folder that can",
            "choose another output",
        ) from error
    with _removed(opened) as folder:
        yield folder


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder where the system keeps temporary files; it is gone when the block ends."""
    with _removed(make_temporary()) as folder:
        yield folder


@contextmanager
def _removed(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        remove_temporary(folder)


def make_temporary(there: Path | None = None) -> Path:
    """Make a folder in `there`, or where the system keeps temporary files; `remove_temporary` removes it.

    A process that is stopped by a signal removes it as well, see `bayes_cx.stop`. One that is killed cannot:
    it leaves the folder, and this function removes the folders that such processes left in the same place.
    """
    parent = there or Path(tempfile.gettempdir())
    _sweep(parent)
    while True:
        folder = parent / f".bayes_cx-{os.urandom(8).hex()}"
        # Known before it is there: it may be time to stop right after.
        leftovers.add(str(folder))
        try:
            folder.mkdir(mode=0o700)
            # Until it is locked, another process may take it for one that was left, and remove it.
            with suppress(OSError):
                _IN_USE[str(folder)] = lock(folder, wait=True)
            if folder.exists():
                return folder
        except BaseException:
            remove_temporary(folder)
            raise
        remove_temporary(folder)


def remove_temporary(folder: Path) -> None:
    """Remove what `make_temporary` made, with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    leftovers.discard(str(folder))
    held = _IN_USE.pop(str(folder), None)
    if held is not None:
        unlock(held)


def _sweep(parent: Path) -> None:
    """Remove temporary folders in `parent` whose process has ended, which gave back its lock."""
    try:
        found = [entry.path for entry in os.scandir(parent) if _TEMPORARY.fullmatch(entry.name)]
    except OSError:
        return
    for path in found:
        # One that is in use, or of another user, cannot be locked.
        with suppress(OSError):
            held = lock(Path(path), wait=False)
            shutil.rmtree(path, ignore_errors=True)
            unlock(held)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM, which interrupt the main thread only, wait until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if handler is not None}
    for number in before:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def safe_cell(text: str) -> str:
    """Return `text`, with an apostrophe before it where a spreadsheet would run it as a formula.

    Examples
    --------
    >>> safe_cell("=HYPERLINK(0)"), safe_cell("-50.0"), safe_cell("Ada")
    ("'=HYPERLINK(0)", '-50.0', 'Ada')
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def meaningful(frame: "pd.DataFrame", exact: Iterable[str] = ()) -> "pd.DataFrame":
    """Return results with the digits that count: six, and none below a billionth of the column's largest.

    What is left out differs between machines, which add up in different orders, and says nothing: a chance of
    6e-17 is none.

    Parameters
    ----------
    frame : pandas.DataFrame
    exact : iterable of str
        Columns that were observed and not computed; they stay as they are.

    Examples
    --------
    >>> import pandas as pd
    >>> meaningful(pd.DataFrame({"p": [0.12345678, 6e-17, -5e-13]}))["p"].tolist()
    [0.123457, 0.0, 0.0]
    """
    computed = [name for name in frame.columns if name not in {*exact} and frame[name].dtype.kind == "f"]
    return frame.assign(**{name: _rounded(frame[name].to_numpy()) for name in computed})


def few_digits(content: Any) -> Any:
    """Return what JSON can hold, with eight digits of every number that is not whole.

    Examples
    --------
    >>> few_digits({"sd": [0.1234567891, 6e-17], "n": 1234567891})
    {'sd': [0.12345679, 0.0], 'n': 1234567891}
    """
    match content:
        case float():
            return 0.0 if abs(content) < 1 / _BELOW else float(f"{content:.{_RECORDED}g}")
        case dict():
            return {key: few_digits(value) for key, value in content.items()}
        case list() | tuple():
            return [few_digits(value) for value in content]
        case _:
            return content


def _rounded(values: "np.ndarray") -> "np.ndarray":
    import numpy as np

    size = np.abs(values)
    finite = size[np.isfinite(size)]
    smallest = max(finite.max(initial=0.0) / _BELOW, _TINY)
    counts = np.isfinite(values) & (size > 0) & (size >= smallest)
    places = _DIGITS - 1 - np.floor(np.log10(np.where(counts, size, 1.0)))
    # By whole powers of ten, so that the result is the number that the digits stand for.
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    digits = np.rint(np.where(counts, values, 0.0) * up / down)
    return np.where(np.isfinite(values), digits / up * down, values)


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
