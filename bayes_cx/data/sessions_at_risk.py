"""Sessions as they go on: what was known after each event, and whether the target came before the end."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data.events import Events, check_events
from bayes_cx.data.features import Feature
from bayes_cx.data.groups import NO_GROUP, as_text, numbered
from bayes_cx.data.itineraries import end_of_observation
from bayes_cx.data.sql import literal
from bayes_cx.data.statistics import column, marked
from bayes_cx.errors import InputError
from bayes_cx.kinds import PERIODS
from bayes_cx.spans import FINE_UNITS, Span

__all__ = ["live_sessions", "summarise_sessions"]

_UNIT, _MOST = "minute", 40


def summarise_sessions(
    events: Events,
    *,
    event: str,
    until: Any = None,
    close: Any = "30 minutes",
    by: Sequence[str] | str = (),
    like: Any = None,
) -> xr.Dataset:
    """Return what was known after each event of a session, and whether the event came before its end.

    A row is a session up to one of its events, before the target: how often each event has been, how many
    there were, the last one, how long the session is and how long ago the event before was. What comes later
    in the session is no part of it. `fit` takes it like periods at risk.

    Parameters
    ----------
    events : Events
        With sessions. Those of visitors who are not known count.
    event : str
        What is hoped for, such as ``"purchase"``.
    until : str, date or datetime, optional
        End of observation, as for `summarise_periods`.
    close : str, timedelta or number, optional
        How long after its last event a session has ended.
    by : str or sequence of str
        Columns of the events, kept as groups; a session has the cells of its first event.

    like : xarray.Dataset or RiskPosterior, optional
        Rows of other sessions, or a fit of them, whose columns these shall have, to test it; `event`, `close`
        and `by` are then those.

    Returns
    -------
    xarray.Dataset
        Over ``row``. All rows of a session have the same end, so the fit counts them as one: attribute
        ``overlap`` is the number of rows a session.

    Raises
    ------
    InputError
        If there are no sessions, no such event, or no session has ended.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_events
    >>> times = ["2025-01-01 10:00", "2025-01-01 10:01", "2025-01-01 10:02", "2025-01-01 10:00"]
    >>> what = ["view", "cart", "buy", "view"]
    >>> frame = pd.DataFrame({"who": "a", "at": times, "what": what, "visit": list("xxxy")})
    >>> events = read_events(frame, customer="who", time="at", event="what", session="visit")
    >>> rows = summarise_sessions(events, event="buy", until="2025-01-02")
    >>> sorted(zip(rows["cart so far"].values.tolist(), rows["event"].values.tolist(), strict=True))
    [(0.0, ''), (0.0, 'buy'), (1.0, 'buy')]
    """
    check_events(events)
    if like is not None:
        return _rows(events, _definition(like), until, live=False)
    states = _states(events)
    if event not in states:
        raise InputError(
            f"no event {event!r} in sessions of {events.source}",
            f"one of {', '.join(map(repr, states[:50]))}" if states else "events with a session",
            "check the spelling, or pass session='...' to bcx.read_events",
        )
    made = {
        "causes": [event],
        "close": Span.of(close, _UNIT).in_unit("day"),
        "by": [by] if isinstance(by, str) else list(by),
        "counted": sorted(name for name in states[:_MOST] if name != event),
    }
    return _rows(events, made, until, live=False)


def live_sessions(events: Events, like: Any, *, until: Any = None) -> xr.Dataset:
    """Return the sessions that go on, as they are known after their last event, to be scored.

    Parameters
    ----------
    events : Events
        Those of the last half hour are enough.
    like : xarray.Dataset or RiskPosterior
        From `summarise_sessions`, or a fit of it.
    until : str, date or datetime, optional
        Now; by default the time of the last event.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, which names the sessions.

    Raises
    ------
    InputError
        If `like` is something else, or no session goes on.
    """
    check_events(events)
    return _rows(events, _definition(like), until, live=True)


def _definition(like: Any) -> dict[str, Any]:
    attrs = like.attrs if isinstance(like, xr.Dataset) else like.provenance["data"]
    made = json.loads(attrs.get("definition", "{}"))
    if "close" not in made:
        raise InputError("rows that are of no sessions", "a fit of bcx.summarise_sessions", "pass that")
    return made


def _states(events: Events) -> list[str]:
    found = events.table.run(
        f"""SELECT state FROM {events.rows()} WHERE state IS NOT NULL AND session IS NOT NULL
GROUP BY state ORDER BY count(*) DESC, state"""
    )
    return [str(name) for name in found["state"].to_pylist()]


def _features(made: dict[str, Any]) -> dict[str, Feature]:
    named = {f"f_{i}": Feature(f"{s} so far", "counts", "count", s) for i, s in enumerate(made["counted"])}
    named["steps"] = Feature("events so far", "length", "count")
    named["last"] = Feature("last event", "last event", "category")
    named["pause"] = Feature("since the event before", "length", "recency")
    return {at: Feature(f.name.replace("/", "\u2215"), f.family, f.form, f.of) for at, f in named.items()}


def _rows(events: Events, made: dict[str, Any], end_at: Any, *, live: bool) -> xr.Dataset:
    until = end_of_observation(events, end_at)
    before = "<=" if end_at is None else "<"
    groups = numbered(made["by"], events.table.types)
    cells, features = as_text(groups), _features(made)
    target, close = literal(made["causes"][0]), made["close"] * 86_400e6
    end = f"epoch_us(TIMESTAMP {literal(until)})"
    counts = "".join(
        f", sum(CAST(state = {literal(name)} AS INTEGER)) OVER past AS f_{place}"
        for place, name in enumerate(made["counted"])
    )
    firsts = "".join(
        f", coalesce(first_value({name}) OVER past, {literal(NO_GROUP)}) AS {name}" for name in cells
    )
    # At equal times events follow in the order of their names, the target last.
    view = events.table.view(
        "sessions_after_events",
        f"""SELECT session, state, state AS last, row_number() OVER past AS steps,
epoch_us(instant) - epoch_us(first_value(instant) OVER past) AS age,
epoch_us(instant) - coalesce(epoch_us(lag(instant) OVER past), epoch_us(instant)) AS pause,
max(CAST(state = {target} AS INTEGER)) OVER past AS reached,
max(CAST(state = {target} AS INTEGER)) OVER whole AS reaches,
{end} - epoch_us(max(instant) OVER whole) AS silent, {end} - epoch_us(min(instant) OVER whole) AS since,
lead(state) OVER past IS NULL AS newest{counts}{firsts}
FROM {events.rows(cells)} WHERE state IS NOT NULL AND session IS NOT NULL AND epoch_us(instant) {before} {end}
WINDOW past AS (PARTITION BY session ORDER BY instant, state = {target}, state
ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), whole AS (PARTITION BY session)""",
    )
    which = (
        f"reached = 0 AND newest AND silent <= {close}"
        if live
        else f"reached = 0 AND since > {close} AND (reaches = 1 OR silent > {close})"
    )
    names = "".join(f", {name}" for name in [*features, *groups])
    if live:
        found = events.table.run(f"SELECT session, age{names} FROM {view} WHERE {which} ORDER BY session")
    else:
        found = events.table.run(
            f"""SELECT age, CASE WHEN reaches = 1 THEN {target} ELSE '' END AS event{names},
count(*) AS weight FROM {view} WHERE {which} GROUP BY ALL ORDER BY ALL"""
        )
    if not found.num_rows:
        raise InputError(
            f"no session {'that goes on' if live else 'that has ended'} at {until}",
            "one or more",
            "pass another until",
        )
    dim, n = ("customer", found.num_rows) if live else ("row", found.num_rows)
    minute = 60e6
    data: dict[str, Any] = {} if live else {"event": ("row", column(found, "event"))}
    if not live:
        data["happened"] = ("row", np.array([name != "" for name in column(found, "event")], np.int64))
    data["age"] = (dim, column(found, "age") / minute, {"unit": _UNIT})
    data["length"] = (dim, np.full(n, made["close"] / FINE_UNITS[_UNIT]), {"unit": _UNIT})
    for at, feature in features.items():
        values = column(found, at)
        if feature.form == "recency":
            values = values / minute
        data[feature.name] = (dim, values if feature.form == "category" else values.astype(float))
    data |= {name: (dim, column(found, prefix)) for prefix, name in groups.items()}
    plain = made | {"period": made["close"], "times": 1, "features": [f.plain() for f in features.values()]}
    content = [events.sha256, until, json.dumps(plain, sort_keys=True)]
    attrs: dict[str, Any] = {
        "kind": PERIODS.key,
        "unit": _UNIT,
        "until": until,
        "period_start": "" if events.first is None else events.first.isoformat(" "),
        "period_end": until,
        "source": events.source,
        "sha256": hashlib.sha256("\n".join(content).encode()).hexdigest(),
        **marked(events.table),
        "rows_read": events.rows_read,
        "rows_rejected": events.rows_rejected,
        "rejected": json.dumps(events.rejected_by_reason),
        "remarks": json.dumps(events.remarks),
        "definition": json.dumps(plain, sort_keys=True),
        "left_early": 0,
    }
    if live:
        return xr.Dataset(data, coords={"customer": column(found, "session")}, attrs=attrs)
    data["weight"] = ("row", column(found, "weight").astype(np.int64))
    counted = events.table.run(f"SELECT count(DISTINCT session) AS n FROM {view} WHERE {which}")
    sessions = int(counted["n"][0].as_py())
    attrs |= {"customers": sessions, "overlap": float(column(found, "weight").sum()) / sessions}
    return xr.Dataset(data, attrs=attrs)
