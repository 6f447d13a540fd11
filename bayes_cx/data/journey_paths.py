"""Journeys as paths: which states they passed in which order, how they ended, and how many did the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.data.events import Events
from bayes_cx.data.itineraries import KEY, Journeys
from bayes_cx.data.sql import literal
from bayes_cx.spans import FINE_UNITS

__all__ = [
    "forecast_cases",
    "journey_paths",
    "journeys_like",
    "journeys_of_known",
    "known_customers",
    "median_wait",
]


def journey_paths(
    events: Events,
    *,
    targets: Sequence[str] | str = (),
    until: Any = None,
    journey: str = "customer",
    close: Any = None,
    by: Sequence[str] | str = (),
    repeats: bool = False,
    longest: int = 30,
) -> pd.DataFrame:
    """Count journeys by the states that they passed and how they ended.

    Parameters
    ----------
    events, targets, until, journey, close, by
        As for `summarise_stays`.
    repeats : bool
        Whether a state that follows itself counts again; else several in a row are one.
    longest : int
        Only the first so many states of a journey are kept.

    Returns
    -------
    pandas.DataFrame
        One row for each way, the most frequent first: ``path`` (tuple of str, without start and end), ``end``
        (the target, ``exit``, or empty while the journey goes on), ``longer`` (whether states were left out),
        ``last`` (the state before the end, empty for a journey that is nothing but its target), the groups,
        and ``n``, the number of journeys. Tables of different customers add by rows.

    Raises
    ------
    InputError
        As `summarise_stays`.

    Examples
    --------
    >>> from bayes_cx.data import read_events
    >>> times = ["2025-01-01 10:00", "2025-01-01 10:20", "2025-01-01 11:00", "2025-01-01 12:00"]
    >>> frame = pd.DataFrame({"who": list("aabb"), "at": times, "what": ["visit", "buy", "visit", "call"]})
    >>> events = read_events(frame, customer="who", time="at", event="what")
    >>> journey_paths(events, targets="buy")[["path", "end", "n"]].values.tolist()
    [[('visit',), 'buy', 1], [('visit', 'call'), '', 1]]
    """
    journeys = Journeys.of(events, targets, journey, close, until, "hour", None, by)
    view, run = events.table.view, events.table.run
    names = list(journeys.groups)
    groups = "".join(f", {name}" for name in names)
    kept = "place > 0" if repeats else "place > 0 AND state <> before"
    ways = view(
        "ways",
        f"""SELECT list(state ORDER BY place) FILTER ({kept}) AS path,
max_by(coalesce(next, ''), place) AS ended, max_by(state, place) FILTER (place > 0) AS last
{"".join(f", min({name}) AS {name}" for name in names)} FROM {journeys.stays} GROUP BY {KEY}""",
    )
    found = run(
        f"""SELECT coalesce(path[:{int(longest)}], []) AS path, ended AS "end",
coalesce(len(path) > {int(longest)}, false) AS longer, coalesce(last, '') AS last{groups},
count(*) AS n FROM {ways} GROUP BY ALL ORDER BY n DESC, path, "end", longer, last{groups}"""
    ).to_pandas()
    found["path"] = [tuple(map(str, path)) for path in found["path"]]
    return found.rename(columns=journeys.groups)


def known_customers(events: Events) -> int:
    """Return how many different customers the accepted rows have."""
    return int(
        events.table.run(f"SELECT count(DISTINCT customer) AS n FROM {events.rows()}")["n"].to_pylist()[0]
    )


def journeys_of_known(
    events: Events, unit: str, settings: dict[str, Any], until: Any
) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many journeys ended where, of known customers and of visits of nobody known.

    The keys are states, empty for journeys that go on.
    """
    journeys = journeys_like(events, unit, settings, until)
    table = events.table.run(
        f"""SELECT known, ended, count(*) AS n FROM (
SELECT bool_or(customer IS NOT NULL) AS known, max_by(coalesce(next, ''), place) AS ended
FROM {journeys.stays} GROUP BY {KEY}) GROUP BY ALL ORDER BY ALL"""
    )
    found: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for row in table.to_pylist():
        found[0 if row["known"] else 1][str(row["ended"])] = int(row["n"])
    return found


def journeys_like(events: Events, unit: str, settings: dict[str, Any], until: Any) -> Journeys:
    """Return journeys until a moment by the settings of a study: targets, journey, close and by."""
    return Journeys.of(
        events, settings["targets"], settings["journey"], settings["close"], until, unit, None, settings["by"]
    )


def median_wait(journeys: Journeys) -> float | None:
    """Return the median time between events of a journey in days, None where there are none."""
    found = journeys.events.table.run(
        f"""SELECT median(seconds) AS median FROM {journeys.stays}
WHERE place > 0 AND next IS NOT NULL AND next <> 'exit' AND seconds > 0"""
    )
    seconds = found["median"].to_pylist()[0]
    return None if seconds is None else float(seconds) / 86_400


def forecast_cases(cut: Journeys, whole: Journeys, lead: float | None) -> pd.DataFrame:
    """Return the journeys of a hold-out about which something can be forecast, with how they ended.

    Parameters
    ----------
    cut, whole : Journeys
        The same journeys, as observed until the cut and until the end.
    lead : float or None
        How far ahead the forecasts look, in the unit of the journeys; None for the end of a journey, which
        all must have reached then.

    Returns
    -------
    pandas.DataFrame
        ``since`` (``open``: on the way at the cut; ``begun``: after their first event, which came later),
        ``before``, ``state``, ``wait`` (how long they have been there), ``end`` (the target or ``exit`` that
        was reached within `lead`, else empty) and the groups.
    """
    view = whole.events.table.view
    groups = "".join(f", {name}" for name in whole.groups)
    seconds = FINE_UNITS[whole.unit] * 86_400
    moment, last = (f"TIMESTAMP {literal(one.until)}" for one in (cut, whole))
    within = "true" if lead is None else f"epoch(ended_at - since) <= {lead * seconds!r}"
    ends = view(
        "ends_of_journeys",
        f"""SELECT {KEY}, max_by(coalesce(next, ''), place) AS ended,
max_by(instant + to_microseconds(CAST(seconds * 1e6 AS BIGINT)), place) AS ended_at
FROM {whole.stays} GROUP BY {KEY}""",
    )
    same = " AND ".join(f"asked.{name} IS NOT DISTINCT FROM ends.{name}" for name in KEY.split(", "))
    begun = "true" if lead is None else f"epoch({last} - instant) >= {lead * seconds!r}"
    asked = view(
        "asked_journeys",
        f"""SELECT 'open' AS since_when, {KEY}, before, state, seconds, {moment} AS since{groups}
FROM {cut.stays} WHERE next IS NULL AND place > 0
UNION ALL SELECT 'begun', {KEY}, before, state, 0.0, instant{groups}
FROM {whole.stays} WHERE place = 1 AND instant >= {moment} AND {begun}""",
    )
    unresolved = "AND ends.ended <> ''" if lead is None else ""
    found = whole.events.table.run(
        f"""SELECT since_when AS since, before, state, seconds / {seconds!r} AS wait,
CASE WHEN {within} THEN ended ELSE '' END AS "end"{groups}
FROM {asked} AS asked JOIN {ends} AS ends ON {same} WHERE true {unresolved} ORDER BY ALL"""
    ).to_pandas()
    found["wait"] = np.maximum(found["wait"].to_numpy(float), 0.0)
    return found.rename(columns=whole.groups)
