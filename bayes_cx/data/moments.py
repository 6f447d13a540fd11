"""Moments before a target and comparable ones: what had happened in a window before each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bayes_cx.data.itineraries import Journeys
from bayes_cx.data.sql import literal
from bayes_cx.data.statistics import column
from bayes_cx.errors import InputError

__all__ = ["Exposures", "Moments", "exposures", "moments_of"]

# Of more journeys than these a random part is looked through for the controls of each case.
_LOOKED_AT = 20_000
_MICRO = 1e6


@dataclass(frozen=True)
class Moments:
    """Moments of journeys: those at which a target was reached (cases), each with controls.

    Attributes
    ----------
    matched : numpy.ndarray of int, shape (moment,)
        Number of the case and its controls, from 0.
    case : numpy.ndarray of bool, shape (moment,)
    journey : numpy.ndarray of int, shape (moment,)
        Number of the journey, in order of customer, visit and number.
    at : numpy.ndarray of int, shape (moment,)
        Microseconds since 1970, in UTC.
    unmatched : int
        Number of cases without anybody to compare with, which are left out.
    cases : int
        Number of journeys that reached the target, those that were not drawn and not matched among them.
    """

    matched: np.ndarray
    case: np.ndarray
    journey: np.ndarray
    at: np.ndarray
    unmatched: int
    cases: int

    @property
    def n_sets(self) -> int:
        """Number of cases with controls."""
        return int(self.case.sum())


@dataclass(frozen=True)
class Exposures:
    """Which sequences of events had happened before which moments.

    Attributes
    ----------
    sequences : tuple of tuple of str
        Different sequences.
    moment, sequence : numpy.ndarray of int, shape (exposure,)
        Each sequence at most once at a moment.
    seconds : numpy.ndarray of float, shape (exposure,)
        How long before the moment the sequence was complete for the first time within the window.
    """

    sequences: tuple[tuple[str, ...], ...]
    moment: np.ndarray
    sequence: np.ndarray
    seconds: np.ndarray


def moments_of(
    journeys: Journeys,
    wanted: Sequence[str],
    window: float,
    controls: int,
    most: int,
    rng: np.random.Generator,
) -> Moments:
    """Return the moments at which journeys reach their target, each with others at risk at the same time.

    A control of a customer is another customer at the same moment who has not reached the target yet, and of
    about the same age (time since the first event). Where journeys are visits, it is another visit that went
    on for as long, one of those nearest in time.

    Parameters
    ----------
    journeys : Journeys
        Which end with the target, or with what rules it out.
    wanted : sequence of str
        The states that are the target.
    window : float
        In seconds.
    controls : int
        At most so many for each case.
    most : int
        Of more cases so many are drawn at random.
    """
    targets = ", ".join(map(literal, wanted))
    names = "".join(f", any_value(first_{name}) AS {name}" for name in journeys.groups)
    of_customers = journeys.journey == "customer"
    known = "WHERE who IS NOT NULL" if of_customers else ""
    found = journeys.events.table.run(
        f"""SELECT journey, min(epoch_us(instant)) AS origin, max(epoch_us(instant)) AS last,
min(epoch_us(instant)) FILTER (is_target) AS ended,
bool_or(state IN ({targets})) FILTER (is_target AND targets_before = 0) AS reached{names}
FROM {_numbered(journeys)} {known}
GROUP BY journey ORDER BY journey"""
    )
    number = column(found, "journey").astype(np.int64)
    origin = column(found, "origin").astype(np.int64)
    target = np.array([-1 if at is None else at for at in found["ended"].to_pylist()], np.int64)
    reached = np.array([bool(one) for one in found["reached"].to_pylist()], bool)
    if not reached.any():
        raise InputError(
            f"no journey that reaches {' or '.join(wanted)}" + (" of somebody known" if of_customers else ""),
            "one or more before the end of observation",
            "pass a later end of observation (until), or another target",
        )
    (end,) = journeys.events.table.run(f"SELECT epoch_us(TIMESTAMP {literal(journeys.until)}) AS at")[
        "at"
    ].to_pylist()
    # A visit goes on until its last event, a customer until the end of observation.
    over = np.full(number.size, end) if of_customers else column(found, "last").astype(np.int64)
    stop = np.where(target >= 0, target, over)
    group = np.zeros(number.size, np.int64)
    for name in journeys.groups:
        _, place = np.unique(column(found, name).astype(str), return_inverse=True)
        group = group * (place.max() + 1) + place
    cases = np.flatnonzero(reached)
    if cases.size > most:
        cases = np.sort(rng.choice(cases, most, replace=False))
    chosen: list[tuple[np.ndarray, np.ndarray]] = []
    for case in cases:
        some = np.arange(number.size)
        if some.size > _LOOKED_AT:
            some = np.unique(rng.integers(0, number.size, _LOOKED_AT))
        age = target[case] - origin[case]
        at = np.full(some.size, target[case]) if of_customers else origin[some] + age
        fits = (stop[some] >= at) & (origin[some] <= at) & (group[some] == group[case]) & (some != case)
        if of_customers:
            fits &= (stop[some] > at) & (_age_class(at - origin[some], window) == _age_class(age, window))
        some, at = some[fits], at[fits]
        if not of_customers and some.size > 4 * controls:
            near = np.argsort(np.abs(at - target[case]), kind="stable")[: 4 * controls]
            some, at = some[near], at[near]
        if some.size > controls:
            kept = rng.choice(some.size, controls, replace=False)
            some, at = some[kept], at[kept]
        chosen.append((some, at))
    full = [(case, *pair) for case, pair in zip(cases, chosen, strict=True) if pair[0].size]
    if not full:
        raise InputError(
            f"nobody to compare with those who reach {' or '.join(wanted)}",
            "others of the same age who have not reached it",
            "pass fewer columns in by, or more events",
        )
    sizes = [some.size + 1 for _, some, _ in full]
    rows = np.concatenate([np.append(case, some) for case, some, _ in full])
    at = np.concatenate([np.append(target[case], at) for case, _, at in full])
    first = np.cumsum([0, *sizes[:-1]])
    case = np.zeros(rows.size, bool)
    case[first] = True
    matched = np.repeat(np.arange(len(full)), sizes)
    return Moments(matched, case, number[rows], at, len(cases) - len(full), int(reached.sum()))


def exposures(
    journeys: Journeys, moments: Moments, window: float, length: int, support: int, most: int
) -> Exposures:
    """Return which sequences of events had happened, and were known, in the window before each moment.

    Parameters
    ----------
    journeys : Journeys
    moments : Moments
    window : float
        In seconds.
    length : int
        Of so many events a sequence consists at most; others may lie between.
    support : int
        Sequences that came before fewer moments are left out, whether of cases or of controls.
    most : int
        Of each length so many are kept, the most frequent.
    """
    rows = _in_window(journeys, moments, window)
    connection = journeys.events.table.connection
    names = sorted(set(rows["state"].to_pylist()))
    place = {name: number for number, name in enumerate(names)}
    code = np.array([place[name] for name in rows["state"].to_pylist()], np.int64)
    table = pa.table(
        {"moment": rows["moment"], "place": rows["place"], "seconds": rows["seconds"], "state": code}
    )
    sequences: list[tuple[str, ...]] = []
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    base = max(len(names), 1)
    connection.register("window_events", table)
    try:
        found = connection.sql(
            """SELECT moment, state AS code, min(place) AS place, arg_min(seconds, place) AS seconds
FROM window_events GROUP BY ALL ORDER BY ALL"""
        ).to_arrow_table()
        for level in range(length):
            if level:
                connection.register("sequences_so_far", found)
                found = connection.sql(
                    f"""SELECT s.moment, s.code * {base} + w.state AS code, min(w.place) AS place,
arg_min(w.seconds, w.place) AS seconds
FROM sequences_so_far AS s JOIN window_events AS w ON s.moment = w.moment AND w.place > s.place
GROUP BY ALL ORDER BY ALL"""
                ).to_arrow_table()
            codes = column(found, "code").astype(np.int64)
            different, which, n = np.unique(codes, return_inverse=True, return_counts=True)
            order = np.argsort(-n, kind="stable")[:most]
            kept = np.zeros(different.size, bool)
            kept[order[n[order] >= support]] = True
            rows_kept = kept[which] if which.size else np.zeros(0, bool)
            found = found.filter(pa.array(rows_kept))
            renumbered = np.cumsum(kept) - 1 + len(sequences)
            parts.append(
                (
                    column(found, "moment").astype(np.int64),
                    renumbered[which[rows_kept]],
                    column(found, "seconds").astype(float),
                )
            )
            sequences += [_spelled(int(one), level + 1, names) for one in different[kept]]
    finally:
        connection.unregister("window_events")
        connection.unregister("sequences_so_far")
    moment, sequence, seconds = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Exposures(tuple(sequences), moment, sequence, seconds)


def _numbered(journeys: Journeys) -> str:
    """View of the events of journeys, the journeys numbered in order."""
    return journeys.events.table.view(
        "numbered_journeys",
        f"SELECT *, dense_rank() OVER (ORDER BY who, visit, number) AS journey FROM {journeys.steps}",
    )


def _in_window(journeys: Journeys, moments: Moments, window: float) -> pa.Table:
    """Return the events in the window before each moment: their place, state, and how long before."""
    connection = journeys.events.table.connection
    micro = round(window * _MICRO)
    table = pa.table({"moment": np.arange(moments.at.size), "journey": moments.journey, "at": moments.at})
    zone = journeys.events.schema.timezone
    clock = "make_timestamp(m.at)"
    if zone != "UTC":
        clock = f"timezone({literal(zone)}, timezone('UTC', {clock}))"
    known = "" if journeys.events.schema.known_at is None else f" AND s.known <= {clock}"
    connection.register("moments", table)
    try:
        return journeys.events.table.run(
            f"""SELECT m.moment, s.place, s.state, (m.at - epoch_us(s.instant)) / 1e6 AS seconds
FROM {_numbered(journeys)} AS s JOIN moments AS m ON s.journey = m.journey
WHERE epoch_us(s.instant) < m.at AND epoch_us(s.instant) >= m.at - {micro}{known} ORDER BY ALL"""
        )
    finally:
        connection.unregister("moments")


def _age_class(age: np.ndarray | int, window: float) -> np.ndarray:
    """Return classes of ages that differ by a factor of 1.4 at most, or by less than half the window."""
    return np.floor(2 * np.log2(1 + np.maximum(age, 0) / (window * _MICRO))).astype(int)


def _spelled(code: int, length: int, names: Sequence[str]) -> tuple[str, ...]:
    """Return the events of a sequence from its code, a number to the base of how many names there are."""
    found = []
    for _ in range(length):
        code, last = divmod(code, len(names))
        found.append(names[last])
    return tuple(reversed(found))
