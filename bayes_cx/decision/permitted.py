"""Which actions are possible for each customer: opt-outs, contacts within a period, messages that agree."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.decision.actions import Action, Limits
from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = ["FREE", "FULL", "OTHER_MESSAGE", "REFUSED", "permitted"]

FREE, REFUSED, FULL, OTHER_MESSAGE = 0, 1, 2, 3
"""Whether an action is possible, or why not: refused, enough contacts, another message was sent."""

ALL = "all"


def permitted(
    customers: np.ndarray, actions: Sequence[Action], limits: Limits, log: Any, until: Any
) -> np.ndarray:
    """Return for each customer and action whether it is possible, `FREE`, and if not why.

    Parameters
    ----------
    customers : numpy.ndarray, shape (customer,)
    actions : sequence of Action
    limits : Limits
    log : pandas.DataFrame or None
        Earlier contacts: ``customer``, ``time``, and for `Limits.consistent` ``message``.
    until : date or None
        The end of the period that counts; by default the last time of the log.

    Returns
    -------
    numpy.ndarray of int8, shape (customer, action)

    Raises
    ------
    InputError
        If a table lacks a column, or names a channel that no action has.
    """
    found = np.zeros((len(customers), len(actions)), np.int8)
    # Ids are compared as text: an opt-out of customer 7 must not be lost because the other table says "7".
    asked = log is not None or limits.preferences is not None
    places: Any = pd.Index([_id(each) for each in customers] if asked else [])
    contacts = np.array([bool(action.channel) for action in actions])
    if log is not None:
        _from_log(found, places, actions, contacts, limits, _log(log), until)
    elif limits.consistent:
        raise InputError("consistent=True without a contact log", "earlier contacts", "pass log=")
    if limits.contacts is not None and limits.contacts < 1:
        found[:, contacts] = FULL
    if limits.preferences is not None:
        _refused(found, places, actions, limits.preferences)
    return found


def _id(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value).strip()


def _refused(
    found: np.ndarray,
    places: Any,
    actions: Sequence[Action],
    preferences: Any,
) -> None:
    """Mark what customers refuse, in place."""
    if isinstance(preferences, Mapping):
        if wrong := [each for each in preferences.values() if not isinstance(each, str | Iterable)]:
            raise InputError(
                f"preferences with {wrong[0]!r} for a customer",
                "the channel, or the channels, that the customer refuses",
                "write for example {'ann': 'phone'}",
            )
        pairs = [
            (customer, channel)
            for customer, channels in preferences.items()
            for channel in ([channels] if isinstance(channels, str) else channels)
        ]
        preferences = pd.DataFrame(pairs, columns=["customer", "channel"])
    table: Any = _table(preferences, ("customer", "channel"), "preferences")
    if "allowed" in table:
        allowed = table["allowed"].map(lambda value: str(value).strip().casefold())
        if unknown := sorted(set(allowed) - _YES - _NO):
            raise InputError(f"allowed={unknown[0]!r} in preferences", "true or false", "correct the column")
        table = table[allowed.isin(_NO).to_numpy()]
    channel = table["channel"].map(lambda value: str(value).strip())
    known = {action.channel for action in actions if action.channel} | {ALL}
    if unknown := sorted(set(channel) - known):
        # A spelling that nobody knows would otherwise be an opt-out that is not kept.
        raise InputError(
            f"the channel {unknown[0]!r} in preferences",
            f"one of {', '.join(sorted(known))}",
            "correct the name, or leave rows of channels that are not in use out",
        )
    who = [_id(each) for each in table["customer"]]
    for name in sorted(set(channel)):
        mine = places.isin({each for each, one in zip(who, channel, strict=True) if one == name})
        columns = [place for place, a in enumerate(actions) if a.channel and name in (ALL, a.channel)]
        found[np.ix_(np.flatnonzero(mine), columns)] = REFUSED


_YES, _NO = {"true", "yes", "1", "1.0"}, {"false", "no", "0", "0.0"}


def _from_log(
    found: np.ndarray,
    places: Any,
    actions: Sequence[Action],
    contacts: np.ndarray,
    limits: Limits,
    log: Any,
    until: Any,
) -> None:
    """Mark who had enough contacts, and who got another message lately, in place."""
    end = log["time"].max() if until is None else _utc(until)
    span = pd.Timedelta(days=Span.of(limits.period).in_unit("day"))
    recent = log[((log["time"] > end - span) & (log["time"] <= end)).to_numpy()]
    who = recent["customer"].map(_id)
    if limits.contacts is not None:
        count = who.value_counts()
        full = places.isin(set(count.index[count >= limits.contacts]))
        found[np.ix_(np.flatnonzero(full), np.flatnonzero(contacts))] = FULL
    if limits.consistent:
        if "message" not in recent:
            raise InputError("a contact log without message", "what was said", "add the column message")
        sent = recent["message"].map(lambda value: str(value).strip())
        for place, action in enumerate(actions):
            other = set(who[(sent != action.message).to_numpy()]) if action.message else set()
            mine = places.isin(other) & (found[:, place] == FREE)
            found[mine, place] = OTHER_MESSAGE


def _utc(date: Any) -> pd.Timestamp:
    """Return a time without a zone, in UTC where it has one."""
    try:
        time: Any = pd.Timestamp(date)
    except (ValueError, TypeError) as error:
        raise InputError(f"until={date!r}", "a date", "write for example '2026-01-31'") from error
    return time if time.tzinfo is None else time.tz_convert("UTC").tz_localize(None)


def _log(log: Any) -> pd.DataFrame:
    table = _table(log, ("customer", "time"), "the contact log")
    try:
        time = pd.to_datetime(table["time"])
    except (ValueError, TypeError) as error:
        raise InputError(f"times of the contact log ({error})", "dates", "correct the column time") from error
    if time.isna().any():
        raise InputError("a contact without a time", "a time for each contact", "fill it in, or drop the row")
    if getattr(time.dt, "tz", None) is not None:
        time = time.dt.tz_convert("UTC").dt.tz_localize(None)
    return table.assign(time=time)


def _table(given: Any, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    if not isinstance(given, pd.DataFrame):
        raise InputError(f"{what} of type {type(given).__name__}", "a data frame", "convert it to one")
    if missing := [name for name in columns if name not in given]:
        raise InputError(f"{what} without {missing[0]}", f"columns {', '.join(columns)}", "name them so")
    if np.any(pd.isna(given["customer"].to_numpy())):
        raise InputError(f"{what} with a row without a customer", "a customer in each row", "complete it")
    return given
