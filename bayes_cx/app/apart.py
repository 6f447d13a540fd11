"""No output may be an input: refused before anything is read, under whatever name the file is given."""

import fnmatch
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from bayes_cx.errors import InputError
from bayes_cx.files import check_output
from bayes_cx.privacy import is_address

__all__ = ["check_apart"]


def check_apart(inputs: Iterable[str | Path | None], outputs: Iterable[Path | None]) -> None:
    """Refuse outputs that are an input or would be one in the next run, or that are the same file.

    Parameters
    ----------
    inputs : iterable of path or None
        Files, folders, patterns and addresses that are read; None is skipped.
    outputs : iterable of Path or None
        Files that are written.

    Raises
    ------
    InputError
        If an output is an input (also by a symbolic or a hard link), lies in a folder or matches a pattern
        that is read, is the same file as another output, or is a folder or a symbolic link.
    """
    read = [Path(path) for one in inputs if one is not None for path in _paths(str(one))]
    known = {identity: file for path in read for file in _files(path) for identity in _identity(file)}
    seen: dict[object, Path] = {}
    for out in (one for one in outputs if one is not None):
        for identity in _identity(out):
            if identity in known:
                raise _is_read(out, f"the same file as the input {known[identity]}")
            if identity in seen:
                raise InputError(
                    f"the outputs {seen[identity]} and {out} are the same file", "two", "rename one"
                )
            seen[identity] = out
        for path in read:
            if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
                raise _is_read(out, f"in the input folder {path}")
            if _is_pattern(path) and fnmatch.fnmatch(os.path.abspath(out), os.path.abspath(path)):
                raise _is_read(out, f"one of the inputs {path}")
        if out.exists() or out.is_symlink():
            check_output(out)


def _is_read(out: Path, what: str) -> InputError:
    return InputError(f"the output {out} is {what}", "an output that is not read", "choose another output")


def _paths(source: str) -> Iterator[str]:
    """Yield the path of a source: of an address only what may be one, such as ``sqlite:shop.db``."""
    if not is_address(source):
        yield source
    elif os.path.exists(rest := source.partition(":")[2]):
        yield rest


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for folder, _, names in os.walk(path):
            yield from (Path(folder, name) for name in names)
    elif _is_pattern(path):
        yield from map(Path, glob.glob(str(path), recursive=True))
    else:
        yield path


def _is_pattern(path: Path) -> bool:
    return glob.has_magic(str(path)) and not path.exists()


def _identity(path: Path) -> list[object]:
    """Return what the names of one file have in common: its place and, if it is there, its number."""
    where: list[object] = [path.resolve()]
    try:
        found = path.stat()
    except OSError:
        return where
    return [*where, (found.st_dev, found.st_ino)]
