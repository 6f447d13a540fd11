"""Settings of a run: from a TOML file and from flags, where a flag wins.

Keys of the file are the names of the settings, without tables, so that a key and a flag are the same word.
Only offers, of which there may be several, stand in tables of their own, ``[[offers]]``.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING
from datetime import date
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from bayes_cx.app.settings import (
    GROUPS,
    SETTINGS,
    ActionSettings,
    OfferSettings,
    ResponseSettings,
    Setting,
    Settings,
    Several,
    settings_in,
)
from bayes_cx.errors import InputError, nearest
from bayes_cx.privacy import is_address

__all__ = ["load"]

# Numbers beyond these mean nothing as money, share, count or seed, and overflow somewhere.
_MOST, _MOST_WHOLE = 1e15, 2**32 - 1
# The keys of several actions and their limits.
_OF_ACTIONS = tuple(setting.key for setting in settings_in(Several))
# How much of a value is shown in a message.
_SHOWN = 80
# Pairs of settings that exclude each other, and what was expected.
_APART = (
    ("file", "dataset", "one source of transactions"),
    ("start", "time", "contracts (start and end) or transactions (time)"),
    ("worth", "amount", "amounts, or what a purchase is worth without them"),
)


def load(flags: Mapping[str, Any]) -> Settings:
    """Return the settings of the TOML file that `flags` names under `config`, if any, and of the other flags.

    Parameters
    ----------
    flags : mapping
        Options as the command line gives them; None and an empty sequence mean "not given".

    Returns
    -------
    Settings

    Raises
    ------
    InputError
        If the file cannot be read, or a key is unknown or has a value that cannot be used: it is named as the
        user wrote it, as a key or as a flag.
    """
    config = flags.get("config")
    values = {} if config is None else _read(Path(config))
    given = {key: value for key, value in flags.items() if key != "config" and value not in (None, (), [])}
    # Naming another source on the command line replaces the one of the file.
    if "file" in given or "dataset" in given:
        values = {key: value for key, value in values.items() if key not in ("file", "dataset")}
    # A cost on the command line replaces what the file offers: it describes the one offer.
    if "cost" in given:
        for key in ("offers", *_OF_ACTIONS):
            values.pop(key, None)
    checked = {
        **_check(SETTINGS.values(), values, f"in {config}"),
        **_check(SETTINGS.values(), given, None),
    }
    for one, other, expected in _APART:
        if checked.get(one) is not None and checked.get(other) is not None:
            raise InputError(f"both {one} and {other} are given", expected, "keep one of them")
    if checked.get("by_date_otherwise") is not None and checked.get("by_date") is None:
        raise InputError("by_date_otherwise without by_date", "a file by date", "name it, or leave this out")
    if checked.get("contacts_last") and checked.get("contacts") is None:
        raise InputError("contacts_last without contacts", "a file of contacts", "name it, or leave this out")
    _check_actions(checked)
    return Settings(
        **{
            name: record(**{s.key: checked[s.key] for s in settings_in(record) if s.key in checked})
            for name, record in GROUPS.items()
        }
    )


def _check_actions(checked: Mapping[str, Any]) -> None:
    """Refuse limits without actions, actions beside offers, and channels that no action has."""
    actions: tuple[ActionSettings, ...] = checked.get("actions", ())
    limits = [key for key in _OF_ACTIONS if key != "actions" and key in checked]
    if not actions:
        if limits:
            raise InputError(
                f"{limits[0]} without actions", "actions to choose from", "begin each with [[actions]]"
            )
        return
    for key, instead in (
        ("offers", "each offer is one of the actions"),
        ("cost", "each action has its own"),
        ("capacity", "capacities = {phone = 200}, by channel"),
    ):
        if checked.get(key) not in (None, ()):
            raise InputError(f"both actions and {key}", f"actions alone: {instead}", f"leave out {key}")
    channels = sorted({action.channel for action in actions if action.channel})
    known = ", ".join(channels) or "none, since no action has a channel"
    for channel, _ in checked.get("capacities", ()):
        if channel not in channels:
            raise InputError(
                f"a capacity of {channel!r}", f"a channel of the actions: {known}", "correct its name"
            )
    for key in ("contacts", "opt_outs", "opt_out_column", "contact_log"):
        if checked.get(key) is not None and not channels:
            raise InputError(
                f"{key} with actions that have no channel",
                "the channel by which each action reaches a customer",
                'add for example channel = "e-mail"',
            )
    if checked.get("consistent") and not any(action.message for action in actions):
        raise InputError(
            "consistent with actions that have no message",
            "what each action says",
            'add for example message = "spring"',
        )
    if checked.get("consistent") and checked.get("contact_log") is None:
        raise InputError("consistent without contact_log", "earlier contacts", "name their file")


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror})", "a TOML file with settings", "check --config"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deep", "lines such as unit = 'week'", "correct it") from error
    except ValueError as error:  # of TOML, of UTF-8, or of a number of thousands of digits
        raise InputError(
            f"{path} is not TOML ({error})", "lines such as unit = 'week'", "correct it"
        ) from error
    for table in GROUPS.keys() & values.keys():
        raise InputError(f"a table [{table}] in {path}", "keys without a table", "remove its heading")
    for key, value in values.items():
        if key in SETTINGS and SETTINGS[key].option.path and isinstance(value, str) and not is_address(value):
            values[key] = str(path.parent / value)
    tables = [values[key] for key in ("offers", "actions") if isinstance(values.get(key), list)]
    for offer in (one for table in tables for one in table):
        response = offer.get("response") if isinstance(offer, dict) else None
        if isinstance(response, dict) and isinstance(file := response.get("measured"), str):
            response["measured"] = file if is_address(file) else str(path.parent / file)
    return values


def _check(known: Iterable[Setting], values: Mapping[str, Any], where: str | None) -> dict[str, Any]:
    """Return the values, checked and converted; `where` names the file of the keys, None for flags."""
    by_key = {setting.key: setting for setting in known}
    for key in values:
        if key not in by_key:
            if close := nearest(key, by_key):
                raise InputError(f"unknown key {key!r} {where}", f"{close!r} perhaps", "correct its name")
            raise InputError(f"unknown key {key!r} {where}", f"one of {', '.join(by_key)}", "remove it")
    for key, setting in by_key.items():
        if setting.default is MISSING and key not in values:
            raise InputError(f"the key {key} is missing {where}", "a value for it", "add it")
    return {key: _value(by_key[key], value, where) for key, value in values.items()}


def _value(setting: Setting, value: Any, where: str | None) -> Any:
    if setting.type in (tuple[OfferSettings, ...], tuple[ActionSettings, ...]):
        return _offers(setting, value, where)
    if setting.type == ResponseSettings | None:
        return _response(value, where)
    option = setting.option
    named = (option.metavar or setting.key) if option.argument else f"--{setting.key.replace('_', '-')}"
    do = f"pass another value with {named}" if where is None else f"correct the key {setting.key}"
    try:
        parsed = value if option.parse is None else option.parse(value)
        made = TypeAdapter(setting.type).validate_python(parsed)
        problem = _beyond(made)
        if problem is None and made is not None and option.check is not None:
            problem = option.check(made)
        if problem is None:
            return made
    except InputError as error:
        problem, do = error.expected, error.do
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        problem = found["msg"].removeprefix("Input should be ")
        if found["type"] in ("missing", "too_long"):
            problem = "two numbers"
    shown = value.isoformat() if isinstance(value, date) else _short(repr(value))
    came = f"{named} is {shown}" if where is None else f"{setting.key} is {shown} {where}"
    raise InputError(came, problem, do)


def _beyond(value: Any) -> str | None:
    """Return what was expected in place of a number beyond all use, or of a text that names nothing."""
    match value:
        case bool():
            return None
        case int() if abs(value) > _MOST_WHOLE:
            return f"a whole number up to {_MOST_WHOLE:,}"
        case float() if not abs(value) <= _MOST:
            return f"a finite number up to {_MOST:g}"
        case str() | Path() if "\0" in str(value):
            return "a text without the character NUL"
        case tuple() | list():
            return next((problem for one in value if (problem := _beyond(one)) is not None), None)
        case _:
            return None


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _offers(setting: Setting, tables: Any, where: str | None) -> tuple[OfferSettings, ...]:
    record, key = get_args(setting.type)[0], setting.key
    if not isinstance(tables, list | tuple) or not all(isinstance(table, Mapping) for table in tables):
        raise InputError(
            f"{key} is {_short(repr(tables))} {where}", "tables", f"begin each {key[:-1]} with [[{key}]]"
        )
    known = settings_in(record)
    offers = tuple(
        record(**_check(known, table, f"in {key[:-1]} {number} of {str(where).removeprefix('in ')}"))
        for number, table in enumerate(tables, 1)
    )
    if len({offer.name for offer in offers}) < len(offers):
        names = ", ".join(offer.name for offer in offers)
        raise InputError(f"{key} named {names} {where}", "a name of its own for each", "rename one of them")
    return offers


def _response(table: Any, where: str | None) -> ResponseSettings | None:
    if not isinstance(table, Mapping):
        raise InputError(
            f"response is {_short(repr(table))} {where}",
            'such as {measured = "campaign.csv", arm = "group", control = "none", outcome = "bought"}',
            "correct the key response",
        )
    found = ResponseSettings(**_check(settings_in(ResponseSettings), table, f"in the response {where}"))
    if (found.stated is None) == (found.measured is None):
        raise InputError(
            f"a response {where} that is {'neither' if found.stated is None else 'both'} stated and measured",
            "one of the two",
            'write stated = [2, 18], or measured = "campaign.csv"',
        )
    if found.measured is None or found.measured.lower().endswith(".nc"):
        return found
    if missing := [key for key in ("arm", "control") if getattr(found, key) is None]:
        raise InputError(
            f"a response {where} without {' and '.join(missing)}",
            "the column of arms, and the control",
            "add it",
        )
    if found.outcome is None and (found.customer is None or found.time is None):
        raise InputError(
            f"a response {where} without outcome",
            "a column with the outcome, or customer and time, of whom the report knows the purchases",
            "add one of them",
        )
    return found
