"""The record of a run: its settings, and the command that repeats it.

Neither contains a folder outside the working folder, the address of a server, a query or a key.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bayes_cx.app.settings import (
    GROUPS,
    SETTINGS,
    OfferSettings,
    ResponseSettings,
    Setting,
    Settings,
    settings_in,
)
from bayes_cx.privacy import is_address, place

__all__ = ["command", "recorded"]

# Printed in place of a text that may contain secrets.
_HIDDEN = "…"


def recorded(settings: Settings) -> dict[str, Any]:
    """Return the settings that differ from the defaults, by key, in types that JSON has.

    The time of the run is not among them: the record of the run has it separately.
    """
    kept = {key: value for group in GROUPS for key, value in _differing(getattr(settings, group)).items()}
    kept.pop("timestamp", None)
    return kept


def _differing(record: Any) -> dict[str, Any]:
    return {
        setting.key: _kept(setting, value)
        for setting in settings_in(type(record))
        if setting.option.record != "none" and (value := getattr(record, setting.key)) != setting.default
    }


def command(name: str, options: Mapping[str, Any], *files: Path, more: Sequence[str] = ()) -> str:
    """Return the command that repeats a run, from the working folder of that run.

    It shows no folder outside the working folder, no address, no query and no key; where one of these is
    needed, a comment of the shell at its end says so.

    Parameters
    ----------
    name : str
    options : mapping
        Settings by key, and ``config``, as the user gave them.
    files : Path
        Files given by position.
    more : sequence of str
        Further words.

    Examples
    --------
    >>> command("report", {"file": "sales.csv", "customer": "id", "strict": True}, more=["--out", "report"])
    'bayes-cx report sales.csv --customer id --strict --out report'
    >>> command("report", {"file": "/home/ada/sales.csv", "query": "SELECT 1"})
    'bayes-cx report sales.csv --query "$QUERY"  # in the folder with sales.csv; the query in QUERY'
    """
    words = ["bayes-cx", name]
    outside: list[str] = []
    needed: list[str] = []

    def path(given: object) -> str:
        if is_address(given):
            needed.append("the address in SOURCE")
            return '"$SOURCE"'
        near = os.path.relpath(str(given))
        if os.path.isabs(near) or near.startswith(os.pardir):
            near = Path(str(given)).name or str(given)
            outside.append(near)
        return shlex.quote(f"./{near}" if near.startswith("-") else near)

    words += map(path, files)
    for key, value in options.items():
        flag = f"--{key.replace('_', '-')}"
        if value in (None, (), []):
            continue
        if key == "config":
            words += [flag, path(value)]
            continue
        setting = SETTINGS[key]
        if setting.option.record == "none":
            continue
        if setting.option.record == "place":
            words += [path(value)] if setting.option.argument else [flag, path(value)]
        elif setting.option.record == "hidden":
            needed.append(f"the {key} in {key.upper()}")
            words += [flag, f'"${key.upper()}"']
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                day = one.date() if isinstance(one, datetime) else one
                words += [flag, shlex.quote(str(_kept(setting, day)))]
    if options.get("pseudonymise"):
        needed.append("the key in BAYES_CX_KEY")
    words += map(shlex.quote, more)
    notes = [f"in the folder with {' and '.join(outside)}"] if outside else []
    notes += needed
    return " ".join(words) + (f"  # {'; '.join(notes)}" if notes else "")


def _kept(setting: Setting, value: Any) -> Any:
    """Return the part of a value that may be recorded."""
    match setting.option.record, value:
        case "place", _:
            return place(value)
        case "hidden", _:
            return _HIDDEN
        case _, OfferSettings() | ResponseSettings():
            return _differing(value)
        case _, tuple():
            return [_kept(setting, one) for one in value]
        case _, date():
            return value.isoformat()
        case _:
            return value
