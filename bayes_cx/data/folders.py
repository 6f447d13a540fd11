"""The files that a path means: one file, all of a folder, or all that fit a pattern."""

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from bayes_cx.errors import InputError
from bayes_cx.privacy import is_address, place
from bayes_cx.records import RECORD, files_of_report

__all__ = ["find_files"]

# What stands beside tables in a folder and is never one: documents, pictures, programs, and the statistics
# and posteriors that bayes_cx writes.
_NO_TABLES = re.compile(
    r"\.(md|rst|pdf|html?|docx?|pptx?|png|jpe?g|gif|svg|py|ipynb|r|sql|toml|ya?ml|ini|lock|log|nc)",
    re.IGNORECASE,
)
# The model card, which may stand alone, and the record of a report.
_RECORDS = {"model_card.json", RECORD}


def find_files(path: Path) -> list[Path]:
    """Find the files that a path, a folder or a pattern means, each once.

    Links are followed. In a folder, and among those that fit a pattern, documents, hidden files and what a
    report wrote there are left out.

    Raises
    ------
    InputError
        If there are none, or a part of a folder cannot be read.
    """
    if "\x00" in str(path):
        raise InputError("a path with a NUL in it", "the path of a file", "correct it")
    if path.is_file():
        return [path]
    if path.is_dir():
        found = list(_tables(_walk(path, set())))
        if not found:
            raise InputError(
                f"folder {path} holds no tables", "CSV, Parquet or Excel files", "check the path"
            )
        return found
    named = [Path(file) for file in sorted(glob.glob(str(path), recursive=True))]
    walked: set[tuple[int, int]] = set()
    matched = [file for one in named for file in (_walk(one, walked) if one.is_dir() else [one])]
    if found := list(_tables(iter(matched))):
        return found
    if is_address(path):
        raise InputError(
            f"{place(path)} without a query",
            "a file, a folder, a pattern or a database",
            "name a file or pass a query",
        )
    if path.is_symlink():
        raise InputError(
            f"{place(path)} is a link that leads nowhere", "a file or a folder", "check the link"
        )
    raise InputError(f"file {place(path)} does not exist", "a file, a folder or a pattern", "check the path")


def _walk(folder: Path, walked: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files in a folder and in those below, in order; a folder that links to itself once."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in walked:
        return
    walked.add((here.st_dev, here.st_ino))
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(
            f"folder {folder} cannot be read ({error.strerror})",
            "a folder of which everything can be read",
            "change who may read it, or name the files",
        ) from error
    for entry in entries:
        # Hidden files, and the marks that Spark and Hive leave beside their tables.
        if entry.name.startswith((".", "_")):
            continue
        if Path(entry.path).is_dir():
            yield from _walk(Path(entry.path), walked)
        else:
            yield Path(entry.path)


def _tables(files: Iterator[Path]) -> Iterator[Path]:
    """Yield each file once that may hold a table, without what bayes_cx wrote."""
    seen: set[tuple[int, int]] = set()
    reports: dict[Path, set[str]] = {}
    for file in files:
        if _NO_TABLES.fullmatch(file.suffix) or file.name in _RECORDS:
            continue
        # A report has its tables in its folder, and some files in folders below.
        above = file.parents[:2]
        for folder in above:
            if folder not in reports:
                reports[folder] = files_of_report(folder)
        if any(file.relative_to(folder).as_posix() in reports[folder] for folder in above):
            continue
        try:
            there = file.stat()
        except OSError as error:
            raise InputError(
                f"{place(file)} is a link that leads nowhere",
                "a file that is there",
                "mend or remove the link",
            ) from error
        if (there.st_dev, there.st_ino) not in seen:
            seen.add((there.st_dev, there.st_ino))
            yield file
