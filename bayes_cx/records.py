"""The record of a report, ``run.json`` in its folder: which files there are part of it."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

__all__ = ["MADE_BY", "RECORD", "files_of_report", "read_object"]

RECORD = "run.json"
"""The file that says what a report is, and which files are part of it."""

MADE_BY = "bayes-cx report"
"""What a record says under ``made_by``."""


def files_of_report(folder: Path) -> set[str]:
    """Return the files of the last report in a folder, by its record; none where the record is not ours."""
    record = read_object(folder / RECORD)
    if record.get("made_by") != MADE_BY or not isinstance(record.get("files"), list):
        return set()
    return {name for name in record["files"] if isinstance(name, str) and _is_inside(name)}


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one where there is none."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _is_inside(name: str) -> bool:
    """Say whether a name is that of a file in a folder, so that nobody's record can name others."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
