"""The folder of a report: which files in it earlier reports wrote, and how a new one takes their place.

The record ``run.json`` lists the files of a report. What it lists may be replaced, and goes if the new report
does not write it; everything else in the folder belongs to the user.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path, folder_near, move_files, uninterrupted
from bayes_cx.locks import lock, unlock
from bayes_cx.records import MADE_BY, RECORD, files_of_report, read_object

__all__ = ["CARD", "card_folder", "report_files", "report_folder", "write_record"]

CARD = ("model_card.json", "model_card.md", "model_card.pdf")
"""The files of a model card."""


def report_files(top: int) -> tuple[str, ...]:
    """Return the files that a report may write, relative to its folder."""
    pages = ("retention.pdf", "retention.html")
    tables = ("priority.csv", "priority.parquet", f"priority_top{top}.csv", "rejected.csv")
    return (*pages, *CARD, *(f"spend/{name}" for name in CARD), *tables, RECORD)


@contextmanager
def report_folder(target: Path, files: Iterable[str]) -> Iterator[Path]:
    """Yield a temporary folder; the report that is written there takes the place of the last one in `target`.

    If the block raises, nothing in `target` has changed. Two reports that end at the same time wait for each
    other, so that the files in `target` are all of one. The block must write the record with `write_record`.

    Parameters
    ----------
    target : Path
        The folder of the report; made if it is missing.
    files : iterable of str
        The files that the block may write.

    Raises
    ------
    InputError
        If the folder cannot be written, or has a file of one of these names that is not of an earlier report.
    """
    _check(target, files, files_of_report(target))
    with folder_near(target) as folder:
        yield folder
        record = (folder / RECORD).read_text(encoding="utf-8")
        new = _files_in(folder)
        with _locked(target), uninterrupted():
            old = files_of_report(target)
            _check(target, new, old)
            # All that is there meanwhile, so that the next run knows it if this one is killed.
            write_record(target, {"complete": False}, old | new)
            (folder / RECORD).unlink()
            move_files(folder, target)
            for name in sorted(old - new):
                _remove(target, name)
            _write(target, record)


@contextmanager
def card_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder; the model card that is written there takes the place of one in `target`.

    Raises
    ------
    InputError
        If the folder cannot be written, or has files of these names that are not those of a model card.
    """
    _check(target, CARD, files_of_report(target) | _card(target))
    with folder_near(target) as folder:
        yield folder
        with _locked(target), uninterrupted():
            move_files(folder, target)


def write_record(folder: Path, content: Mapping[str, Any], files: Iterable[str]) -> None:
    """Write the record of a report into `folder`: its content, and the files that are part of it."""
    record = {**content, "made_by": MADE_BY, "files": sorted({*files, RECORD})}
    _write(folder, json.dumps(record, indent=1, sort_keys=True, default=str) + "\n")


def _write(folder: Path, text: str) -> None:
    with atomic_path(folder / RECORD) as part:
        part.write_text(text, encoding="utf-8")


def _files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _card(target: Path) -> set[str]:
    """Return the files of a model card if there is one, of whatever version."""
    return (
        {*CARD} if {"schema_version", "verdict", "model"} <= read_object(target / CARD[0]).keys() else set()
    )


def _check(target: Path, new: Iterable[str], ours: Collection[str]) -> None:
    """Refuse to replace files that earlier reports did not write."""
    if target.exists() and not target.is_dir():
        raise InputError(f"the output {target} is a file", "a folder", "name a folder")
    for name in new:
        path = target / name
        for folder in path.relative_to(target).parents:
            if folder.name and (target / folder).is_symlink():
                raise InputError(f"{target / folder} is a symbolic link", "a folder", "remove it")
        if (path.exists() or path.is_symlink()) and (name not in ours or path.is_dir()):
            raise InputError(
                f"{target} has a file {name} that is not of an earlier report",
                "a new folder, or one that holds a report",
                "choose another --out, or move the file",
            )


def _remove(target: Path, name: str) -> None:
    """Remove a file of an earlier report, and its folder if that is empty then."""
    path = target / name
    if path.parent.resolve() != target.resolve() / PurePosixPath(name).parent:
        return  # a symbolic link leads elsewhere
    with suppress(OSError):  # it may be gone, or be a folder by now
        path.unlink()
    for folder in path.relative_to(target).parents[:-1]:
        with suppress(OSError):  # others have files in it
            (target / folder).rmdir()


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Let no other report replace files in `target` meanwhile, where the file system has locks."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        held = lock(target.resolve(), wait=True)
    except OSError:
        held = None
    try:
        yield
    finally:
        if held is not None:
            unlock(held)
