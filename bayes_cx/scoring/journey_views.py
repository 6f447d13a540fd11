r"""What journeys look like: counted paths with intervals, as a map, by step, as a funnel, around an event.

A share of k in n journeys has the posterior Beta(k + 1/2, n - k + 1/2), of which the middle 90% are given. It
is a share of the journeys that were seen, those that still go on included.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from bayes_cx.data.itineraries import START
from bayes_cx.errors import InputError

__all__ = [
    "OPEN",
    "OTHER",
    "around",
    "beginnings",
    "each_row",
    "funnel",
    "journey_map",
    "journey_steps",
    "share_interval",
    "variants",
]

OPEN, OTHER = "still on the way", "other states"
"""Names of what has no state: the end of a journey that goes on, and states that are shown together."""

LEVEL = 0.90
"""Probability of the intervals."""


def share_interval(k: np.ndarray | float, n: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the 90% interval of shares of `k` in `n`; 0 and 1 where none or all are.

    Examples
    --------
    >>> low, high = share_interval(30, 100)
    >>> round(float(low), 3), round(float(high), 3)
    (0.229, 0.379)
    """
    k, n = np.asarray(k, float), np.asarray(n, float)
    low, high = (beta.ppf(level, k + 0.5, n - k + 0.5) for level in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return np.where(k <= 0, 0.0, low), np.where(k >= n, 1.0, high)


def variants(paths: pd.DataFrame, top: int = 10) -> pd.DataFrame:
    """Return the most frequent journeys, with their share of all and its 90% interval.

    Parameters
    ----------
    paths : pandas.DataFrame
        From `journey_paths`.
    top : int

    Returns
    -------
    pandas.DataFrame
        ``path``, ``end``, ``n``, ``share``, ``low``, ``high``, the most frequent first.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": [("visit",), ("call",)], "end": ["buy", ""], "n": [3, 1]})
    >>> variants(paths)[["path", "end", "n", "share"]].values.tolist()
    [[('visit',), 'buy', 3, 0.75], [('call',), 'still on the way', 1, 0.25]]
    """
    _checked(paths)
    size = int(paths["n"].to_numpy().sum())
    by_path: Any = paths.groupby(["path", "end"], sort=True)
    found: Any = by_path["n"].sum().reset_index()
    found = found.sort_values("n", ascending=False, kind="stable").head(top).reset_index(drop=True)
    found["end"] = found["end"].replace("", OPEN)
    return _with_shares(found, np.full(len(found), size))


def journey_steps(paths: pd.DataFrame, steps: int = 8) -> pd.DataFrame:
    """Return how journeys end at each step, with 90% intervals.

    Parameters
    ----------
    paths : pandas.DataFrame
        From `journey_paths`.
    steps : int
        At most so many; later ones are left out.

    Returns
    -------
    pandas.DataFrame
        ``step`` (number of states passed before), ``end`` (a target, ``exit``, ``still on the way``, or
        empty for a further state), ``n``, ``of`` (journeys that came so far), ``share``, ``low``, ``high``.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": [("visit",), ("visit", "call")], "end": ["buy", "exit"], "n": [3, 1]})
    >>> journey_steps(paths)[["step", "end", "n", "of"]].values.tolist()
    [[0, '', 4, 4], [1, '', 1, 4], [1, 'buy', 3, 4], [2, 'exit', 1, 1]]
    """
    _checked(paths)
    counts: Counter[tuple[int, str]] = Counter()
    for path, end, longer, n in _rows(paths):
        for step in range(min(len(path), steps + 1)):
            counts[step, ""] += n
        if len(path) <= steps and not longer:
            counts[len(path), end or OPEN] += n
    rows = [(step, end, n) for (step, end), n in sorted(counts.items())]
    found = pd.DataFrame(rows, columns=["step", "end", "n"])
    found["of"] = found.groupby("step")["n"].transform("sum")
    found: Any = found[found["step"] <= steps].reset_index(drop=True)
    return _with_shares(found, found["of"].to_numpy())


def funnel(paths: pd.DataFrame, steps: Sequence[str]) -> pd.DataFrame:
    """Return how many journeys pass some states in this order, whatever lies between, with 90% intervals.

    Parameters
    ----------
    paths : pandas.DataFrame
        From `journey_paths`, with all their states (``longest``).
    steps : sequence of str
        States, the last of which may be the end of a journey.

    Returns
    -------
    pandas.DataFrame
        ``state``, ``n``, ``share`` of all journeys with ``low`` and ``high``, and ``of_those_before``,
        ``low_of_those``, ``high_of_those``: the share of the journeys that passed the step before.

    Raises
    ------
    InputError
        If no journey has a state of that name.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": [("visit", "basket"), ("visit",)], "end": ["buy", "exit"], "n": [1, 3]})
    >>> funnel(paths, ["visit", "basket", "buy"])[["state", "n", "of_those_before"]].values.tolist()
    [['visit', 4, 1.0], ['basket', 1, 0.25], ['buy', 1, 1.0]]
    """
    _checked(paths)
    _known(paths, steps)
    counts = np.zeros(len(steps), np.int64)
    for path, end, _, n in _rows(paths):
        passed = 0
        for state in (*path, end):
            if passed < len(steps) and state == steps[passed]:
                counts[passed] += n
                passed += 1
    size = int(paths["n"].to_numpy().sum())
    found = _with_shares(pd.DataFrame({"state": list(steps), "n": counts}), np.full(len(steps), size))
    before = np.concatenate([[size], counts[:-1]])
    low, high = share_interval(counts, before)
    found["of_those_before"] = np.divide(counts, before, out=np.zeros(len(steps)), where=before > 0)
    return found.assign(low_of_those=low, high_of_those=high)


def around(paths: pd.DataFrame, state: str, window: int = 3) -> pd.DataFrame:
    """Return what comes in the steps before and after the first visit to a state, with 90% intervals.

    Parameters
    ----------
    paths : pandas.DataFrame
        From `journey_paths`.
    state : str
        A state, a target or ``exit``.
    window : int
        Steps on either side.

    Returns
    -------
    pandas.DataFrame
        ``position`` (-1 is right before), ``state`` (``start`` before the first, ``still on the way`` after
        the last), ``n``, ``of`` (journeys with something there), ``share``, ``low`` and ``high``; and
        ``elsewhere``, the share of the state among all steps of journeys that never come there, with the
        upper end ``elsewhere_high`` of its interval; both NaN where there are no such journeys.

    Raises
    ------
    InputError
        If no journey has a state of that name.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": [("visit", "call"), ("visit",)], "end": ["leave", "exit"], "n": [1, 3]})
    >>> around(paths, "leave", 1)[["position", "state", "n", "of"]].values.tolist()
    [[-1, 'call', 1, 1]]
    """
    _checked(paths)
    _known(paths, [state])
    counts: Counter[tuple[int, str]] = Counter()
    others: Counter[str] = Counter()
    for path, end, longer, n in _rows(paths):
        whole = (START, *path, *(() if longer else (end or OPEN,)))
        # What was left out lies between the last state that is kept and the end: the step before is unknown.
        if longer and end == state and state not in path:
            continue
        if state not in whole:
            for name in path:
                others[name] += n
            continue
        at = whole.index(state)
        for position in range(-window, window + 1):
            if position and 0 <= at + position < len(whole):
                counts[position, whole[at + position]] += n
    rows = [(position, name, n) for (position, name), n in counts.items()]
    found = pd.DataFrame(rows, columns=["position", "state", "n"])
    found = found.sort_values(["position", "n", "state"], ascending=[True, False, True], ignore_index=True)
    found["of"] = found.groupby("position")["n"].transform("sum")
    found = _with_shares(found, found["of"].to_numpy())
    total = sum(others.values())
    k = np.array([others[name] for name in found["state"]], float)
    share = k / total if total else np.full(k.size, np.nan)
    high = share_interval(k, total)[1] if total else share
    return found.assign(elsewhere=share, elsewhere_high=high)


def beginnings(paths: pd.DataFrame, ends: Sequence[str] | str, longest: int = 3) -> pd.DataFrame:
    """Rank the beginnings of journeys by how surely they lead to some ends.

    Parameters
    ----------
    paths : pandas.DataFrame
        From `journey_paths`.
    ends : str or sequence of str
        Targets, or ``exit``.
    longest : int
        States in a beginning at most.

    Returns
    -------
    pandas.DataFrame
        ``path`` (the first states), ``n`` (journeys that began like this), ``reached`` (those that have ended
        so), ``share``, ``low`` and ``high``, by the lower end of the 90% interval, so that few lucky
        journeys do not come first; ``overall`` is the share of all journeys.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": [("visit",), ("call",)], "end": ["buy", "exit"], "n": [40, 60]})
    >>> beginnings(paths, "buy")[["path", "n", "share"]].values.tolist()
    [[('visit',), 40, 1.0], [('call',), 60, 0.0]]
    """
    _checked(paths)
    wanted = {ends} if isinstance(ends, str) else set(ends)
    size: Counter[tuple[str, ...]] = Counter()
    reached: Counter[tuple[str, ...]] = Counter()
    for path, end, _, n in _rows(paths):
        for length in range(1, min(len(path), longest) + 1):
            size[path[:length]] += n
            reached[path[:length]] += n * (end in wanted)
    found: Any = pd.DataFrame({"path": list(size), "n": [reached[one] for one in size]})
    of = np.array([size[one] for one in size])
    found = _with_shares(found, of).rename(columns={"n": "reached"})
    found.insert(1, "n", of)
    is_reached = [end in wanted for end in paths["end"]]
    numbers = paths["n"].to_numpy()
    found["overall"] = numbers[is_reached].sum() / numbers.sum()
    return found.sort_values(["low", "n", "path"], ascending=[False, False, True], ignore_index=True)


def journey_map(paths: pd.DataFrame, steps: int = 3, states: int = 8) -> pd.DataFrame:
    """Return the flows of a map of journeys, step by step, with 90% intervals.

    Parameters
    ----------
    paths : pandas.DataFrame
        From `journey_paths`.
    steps : int
        So many states of each journey are shown; then it flows into its end.
    states : int
        So many states are named at most, the most visited of these steps; the rest is ``other states``.

    Returns
    -------
    pandas.DataFrame
        One row for each flow: ``step`` (0 leaves the start), ``state``, ``next``, ``n``, ``share`` of all
        journeys with ``low`` and ``high``. A journey that has ended flows on as its end, so that the last
        step holds how all of them ended. Attributes: ``journeys``, ``merged`` (how many states are shown as
        ``other states``) and ``merged_share`` (of all visits in these steps), ``ends``.

    Raises
    ------
    InputError
        If the number of steps or states is not above zero.

    Examples
    --------
    >>> paths = pd.DataFrame({"path": [("visit",), ("visit", "call")], "end": ["buy", "exit"], "n": [3, 1]})
    >>> journey_map(paths, steps=2)[["step", "state", "next", "n"]].values.tolist()[1:3]
    [[1, 'visit', 'buy', 3], [1, 'visit', 'call', 1]]
    """
    _checked(paths)
    if steps < 1 or states < 1:
        raise InputError(f"steps={steps}, states={states}", "numbers above zero", "leave them out")
    visits: Counter[str] = Counter()
    for path, _, _, n in _rows(paths):
        for name in path[:steps]:
            visits[name] += n
    # Of states that are visited equally often the first by name counts.
    ranked = sorted(visits, key=lambda name: (-visits[name], name))
    named = ranked if len(ranked) <= states + 1 else ranked[:states]
    merged = [name for name in ranked if name not in named]
    flows: Counter[tuple[int, str, str]] = Counter()
    ends: Counter[str] = Counter()
    for path, end, _, n in _rows(paths):
        last = end or OPEN
        ends[last] += n
        shown = [name if name in named else OTHER for name in path[:steps]]
        whole = [START, *shown, *[last] * (steps + 1 - len(shown))]
        for step, (here, following) in enumerate(pairwise(whole)):
            flows[step, here, following] += n
    rows = [(*key, n) for key, n in sorted(flows.items())]
    found = pd.DataFrame(rows, columns=["step", "state", "next", "n"])
    size = int(paths["n"].to_numpy().sum())
    found = _with_shares(found, np.full(len(found), size))
    found.attrs = {
        "journeys": size,
        "merged": len(merged),
        "merged_share": sum(visits[name] for name in merged) / max(1, sum(visits.values())),
        "ends": [name for name, _ in ends.most_common()],
    }
    return found


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a table, with its columns as attributes."""
    yield from table.itertuples()


def _with_shares(found: Any, of: np.ndarray) -> pd.DataFrame:
    n, of = found["n"].to_numpy().astype(float), np.asarray(of, float)
    low, high = share_interval(n, of)
    share = np.divide(n, of, out=np.zeros(len(n)), where=of > 0)
    return found.assign(share=share, low=low, high=high)


def _rows(paths: pd.DataFrame) -> Iterable[tuple[tuple[str, ...], str, bool, int]]:
    longer = paths["longer"] if "longer" in paths else [False] * len(paths)
    return zip(paths["path"], paths["end"], longer, paths["n"], strict=True)


def _checked(paths: pd.DataFrame) -> None:
    if (
        not isinstance(paths, pd.DataFrame)
        or not {"path", "end", "n"} <= set(paths.columns)
        or not len(paths)
    ):
        raise InputError(
            f"{type(paths).__name__} without paths",
            "journeys by their paths",
            "pass bcx.journey_paths(events)",
        )


def _known(paths: pd.DataFrame, names: Sequence[str]) -> None:
    known = {name for path in paths["path"] for name in path} | {*paths["end"]} - {""}
    if missing := [name for name in names if name not in known]:
        raise InputError(
            f"no journey with the state {missing[0]!r}",
            f"one of {', '.join(sorted(known)[:50])}",
            "check the spelling, upper and lower case included",
        )
