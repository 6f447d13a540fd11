"""From events to stays in states: how often customers went from each state to another, and how soon."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data.events import Events
from bayes_cx.data.itineraries import START, Journeys
from bayes_cx.data.sql import literal
from bayes_cx.data.statistics import column, marked
from bayes_cx.errors import InputError
from bayes_cx.kinds import STAYS
from bayes_cx.spans import FINE_UNITS

__all__ = ["open_journeys", "stays_of", "summarise_stays"]


def summarise_stays(
    events: Events,
    *,
    targets: Sequence[str] | str = (),
    until: Any = None,
    journey: str = "customer",
    close: Any = None,
    unit: str = "hour",
    resolution: Any = None,
    by: Sequence[str] | str = (),
    before: bool = False,
) -> xr.Dataset:
    """Reduce events to stays in states, equal ones together with their number.

    Each journey begins in the state ``start``. An event brings it into the state of that event, where it
    stays until the next one. A target ends it, and what follows within the journey is cut: otherwise what
    people do after a purchase would count as ways to it. Events at the same time follow in the order of their
    rows.

    Parameters
    ----------
    events : Events
        From `read_events`. With a taxonomy only events with a state count.
    targets : str or sequence of str
        States that end a journey, such as ``("purchase", "termination")``.
    until : str, date or datetime, optional
        End of observation: a date means its last moment; by default the time of the last event. What happened
        later, or was known later, does not count.
    journey : str
        ``"customer"``: all that a customer did is one journey. ``"session"``: each visit is one. A span such
        as ``"30 minutes"``: a new one begins after so long without an event.
    close : str, timedelta or number, optional
        With sessions, how long after its last event a visit without a target has ended; 30 minutes by
        default. With customers, after how long without an event a journey has ended, never by default. Such a
        journey ends in the state ``exit``, reached after that span. Stays that began within that span of the
        end of observation are left out: nobody knows yet whether they were the last.
    unit : {"second", "minute", "hour", "day", "week", "month", "year"}
        Unit of waiting times.
    resolution : str, timedelta or number, optional
        Waiting times are rounded to whole multiples of it, a sixtieth of the unit by default; those that
        would be zero are half of it.
    by : str or sequence of str
        Columns to keep as groups; a journey has the values of its first event.
    before : bool
        Whether to keep the state before as well, so that a fit may use a memory of two states.

    Returns
    -------
    xarray.Dataset
        Over ``row``, sorted: ``state`` and ``next`` (text; ``next`` is empty while a stay goes on), ``wait``
        (float64, in `unit`), ``left`` (int64, 1 if the stay has ended), the groups, and ``weight`` (int64,
        number of stays). Attributes name the targets (as JSON), the period, and how many journeys there are.
        Stays of different journeys add (`add`).

    Raises
    ------
    InputError
        If there is no event left, a target is no state, or an argument cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_events
    >>> times = ["2025-01-01 10:00", "2025-01-01 10:20", "2025-01-01 11:00", "2025-01-01 12:00"]
    >>> frame = pd.DataFrame({"who": list("aabb"), "at": times, "what": ["visit", "buy", "visit", "call"]})
    >>> events = read_events(frame, customer="who", time="at", event="what")
    >>> stays = summarise_stays(events, targets="buy", until="2025-01-01 13:00", unit="minute")
    >>> stays[["state", "next", "weight"]].to_dataframe().values.tolist()
    [['call', '', 1], ['start', 'visit', 2], ['visit', 'buy', 1], ['visit', 'call', 1]]
    >>> stays.wait.values.round(9)
    array([60.,  0., 20., 60.])
    """
    journeys = Journeys.of(events, targets, journey, close, until, unit, resolution, by)
    return stays_of(journeys, before)


def stays_of(journeys: Journeys, before: bool, since: str = "") -> xr.Dataset:
    """Return the stays as `summarise_stays` does; with `since`, only those that begin then or later."""
    found, grid, unit = _collapsed(journeys, before, since), journeys.resolution, journeys.unit
    if not found.num_rows:
        span = f"from {since} until {journeys.until}" if since else f"until {journeys.until}"
        raise InputError(
            f"no event of a journey {span}" if since else f"no event with a state {span}",
            "one event or more",
            "pass a later end of observation (until), or map events to states",
        )
    ticks = column(found, "ticks").astype(float)
    start = column(found, "state") == START
    # A change of state within less than the resolution took some time all the same.
    wait = np.where(start, 0.0, np.maximum(ticks, 0.5)) * grid.in_unit("day") / FINE_UNITS[unit]
    following = column(found, "next")
    left = np.array([name != "" for name in following], np.int64)
    data: dict[str, Any] = {"before": ("row", column(found, "before"))} if before else {}
    data |= {
        "state": ("row", column(found, "state")),
        "next": ("row", following),
        "wait": ("row", wait, {"unit": unit}),
        "left": ("row", left),
    }
    data |= {name: ("row", column(found, prefix)) for prefix, name in journeys.groups.items()}
    data["weight"] = ("row", column(found, "weight"))
    return xr.Dataset(data, attrs=_attrs(journeys, int(column(found, "weight")[start].sum())))


def open_journeys(
    events: Events,
    *,
    targets: Sequence[str] | str = (),
    until: Any = None,
    journey: str = "customer",
    close: Any = None,
    unit: str = "hour",
    by: Sequence[str] | str = (),
    before: bool = True,
) -> xr.Dataset:
    """Return the journeys that go on at the end of observation: where each customer is, and for how long.

    Parameters
    ----------
    events, targets, until, journey, close, unit, by
        As for `summarise_stays`.
    before : bool
        Whether to keep the state before, which a memory of two states needs.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, in order: ``before`` and ``state`` (text), ``wait`` (float64, how long so far, in
        `unit`), ``since`` (datetime64, in UTC), ``step`` (int64, events so far), and the groups; where there
        are sessions, the last one (``session``) and whether the customer is ``known``: visits of nobody known
        are called by their session.

    Raises
    ------
    InputError
        If a target is no state, or an argument cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_events
    >>> frame = pd.DataFrame({"who": ["a", "b"], "day": "2025-01-01", "what": ["call", "buy"]})
    >>> events = read_events(frame, customer="who", time="day", event="what")
    >>> found = open_journeys(events, targets="buy", until="2025-01-03", unit="day")
    >>> found.customer.values, found.state.values, found.wait.values
    (array(['a'], dtype=object), array(['call'], dtype=object), array([3.]))
    """
    journeys = Journeys.of(events, targets, journey, close, until, unit, None, by)
    names = "".join(f", {name}" for name in journeys.groups)
    found = events.table.run(
        f"""SELECT coalesce(CAST(customer AS VARCHAR), session) AS customer, before, state, seconds, instant,
place, session, customer IS NOT NULL AS known{names} FROM {journeys.stays} WHERE next IS NULL ORDER BY ALL"""
    )
    data: dict[str, Any] = {"before": ("customer", column(found, "before"))} if before else {}
    if events.schema.session is not None:
        data["session"] = ("customer", column(found, "session"))
        data["known"] = ("customer", column(found, "known"))
    data |= {
        "state": ("customer", column(found, "state")),
        "wait": ("customer", column(found, "seconds") / 86_400 / FINE_UNITS[unit], {"unit": unit}),
        "since": ("customer", column(found, "instant").astype("datetime64[ns]")),
        "step": ("customer", column(found, "place").astype(np.int64)),
    }
    data |= {name: ("customer", column(found, prefix)) for prefix, name in journeys.groups.items()}
    attrs = _attrs(journeys, found.num_rows)
    return xr.Dataset(data, coords={"customer": column(found, "customer")}, attrs=attrs)


def _collapsed(journeys: Journeys, before: bool, since: str) -> Any:
    """Return the stays with their number, in order; waiting times in whole multiples of the resolution."""
    ticks = f"CAST(round(seconds / {journeys.resolution.in_unit('second')!r}) AS BIGINT) AS ticks"
    names = "".join(f", {name}" for name in journeys.groups)
    earlier = "before, " if before else ""
    close, where = journeys.close, f"instant >= TIMESTAMP {literal(since)}" if since else "true"
    if close is not None:
        # Selected by when they began alone, so that neither long nor short stays are preferred.
        until = f"TIMESTAMP {literal(journeys.until)}"
        where += f" AND epoch({until} - instant) > {close.in_unit('second')!r}"
    return journeys.events.table.run(
        f"""SELECT {earlier}state, coalesce(next, '') AS next, {ticks}{names}, count(*) AS weight
FROM {journeys.stays} WHERE {where} GROUP BY ALL ORDER BY ALL"""
    )


def _attrs(journeys: Journeys, number: int) -> dict[str, str | int | float]:
    """Return the attributes of stays."""
    events = journeys.events
    rejected = events.rejected_by_reason
    content = [events.sha256, journeys.until, journeys.journey, str(journeys.close), *journeys.targets]
    return {
        "kind": STAYS.key,
        "unit": journeys.unit,
        "until": journeys.until,
        "period_start": "" if events.first is None else events.first.isoformat(" "),
        "period_end": journeys.until,
        "source": events.source,
        "sha256": hashlib.sha256("\n".join(content).encode()).hexdigest(),
        **marked(events.table),
        "rows_read": events.rows_read,
        "rows_rejected": events.rows_rejected,
        "rejected": json.dumps(rejected),
        "remarks": json.dumps(events.remarks),
        "journeys": number,
        "journey": journeys.journey,
        "targets": json.dumps(journeys.targets),
        "close": 0.0 if journeys.close is None else journeys.close.in_unit("day") / FINE_UNITS[journeys.unit],
    }
