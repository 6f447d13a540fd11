"""The record of a run: its settings, and the command that repeats it.

Neither contains the folders of the input, the address of a server, a query or a key.
"""

import shlex
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bayes_cx.app.settings import GROUPS, SETTINGS, OfferSettings, Setting, Settings, settings_in
from bayes_cx.privacy import place

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


def command(name: str, options: Mapping[str, Any], *files: Path) -> str:
    """Return the command that repeats a run, without its output.

    Parameters
    ----------
    name : str
    options : mapping
        Settings by key, and ``config``, as the user gave them.
    files : Path
        Files given by position.

    Examples
    --------
    >>> command("report", {"file": "/home/ada/sales.csv", "customer": "id", "strict": True, "out": "x"})
    'bayes-cx report sales.csv --customer id --strict'
    """
    words = ["bayes-cx", name, *map(place, files)]
    for key, value in options.items():
        flag = f"--{key.replace('_', '-')}"
        if value in (None, (), []):
            continue
        if key == "config":
            inside = not Path(str(value)).is_absolute() and ".." not in Path(str(value)).parts
            words += [flag, str(value) if inside else Path(str(value)).name]
            continue
        option = SETTINGS[key].option
        if option.record == "none":
            continue
        if option.argument:
            words.append(_kept(SETTINGS[key], value))
        elif isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        else:
            for one in value if isinstance(value, list | tuple) else [value]:
                day = one.date() if isinstance(one, datetime) else one
                words += [flag, str(_kept(SETTINGS[key], day))]
    return " ".join(word if word == _HIDDEN else shlex.quote(word) for word in words)


def _kept(setting: Setting, value: Any) -> Any:
    """Return the part of a value that may be recorded."""
    match setting.option.record, value:
        case "place", _:
            return place(value)
        case "hidden", _:
            return _HIDDEN
        case _, OfferSettings():
            return _differing(value)
        case _, tuple():
            return [_kept(setting, one) for one in value]
        case _, date():
            return value.isoformat()
        case _:
            return value
