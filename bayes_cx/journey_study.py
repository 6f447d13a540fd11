"""The results of a study of journeys, in one record from which its report and its model card are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_cx.errors import BayesCxError, InputError
from bayes_cx.spans import FINE_UNITS, Span
from bayes_cx.study import RunProvenance

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_cx.checks import Check
    from bayes_cx.data import Events
    from bayes_cx.inference import JourneyPosterior
    from bayes_cx.inference.memory import Memory
    from bayes_cx.inference.signals import Signals
    from bayes_cx.validation.journey_holdout import JourneyHoldout

__all__ = ["JourneyStudy", "Outlook", "Terms", "study_journeys"]

# Share of the observed time that the hold-out test is fitted to.
_SHARE_OF_TIME = 2 / 3
# How far ahead chances look where journeys do not end by themselves; a quarter of what was observed, if less.
_AHEAD = Span(30, "day")
# How far signals look back at most, and of how many events they are.
_LOOK_BACK, _LENGTH = Span(60, "day"), 3
# States that a journey of the report is followed through.
_LONGEST = 30
_DRAWS = 400


@dataclass(frozen=True)
class Terms:
    """What a journey of a study is.

    Attributes
    ----------
    goals, rivals : tuple of str
        States that are wanted, and states that are to be avoided; both end a journey.
    journey : str
        As for `summarise_stays`.
    close : str or Span or None
        As for `summarise_stays`.
    by : str
        Column of the segments, empty where there are none.
    horizon : Span or None
        How far ahead chances look; None: to the end of the journey.
    unit : str
        Unit of waiting times.
    """

    goals: tuple[str, ...]
    rivals: tuple[str, ...]
    journey: str = "customer"
    close: Any = None
    by: str = ""
    horizon: Span | None = None
    unit: str = "hour"

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `summarise_stays` and of what else reads journeys."""
        by = (self.by,) if self.by else ()
        targets = (*self.goals, *self.rivals)
        return {"targets": targets, "journey": self.journey, "close": self.close, "by": by}


@dataclass(frozen=True)
class Outlook:
    """The chances to reach some of the states that end a journey.

    Attributes
    ----------
    states : tuple of str
        Any of these.
    start : tuple of three floats
        The chance at the start of a journey: mean, and the ends of its 90% interval.
    by_state : pandas.DataFrame
        From each state, see `state_outlook`.
    by_segment : pandas.DataFrame
        At the start, by ``segment``: ``chance``, ``low``, ``high``, ``journeys``; empty without segments.
    of_open : pandas.DataFrame
        Of each open journey, in the order of `JourneyStudy.open`: ``chance``, ``low``, ``high``.
    contacts : pandas.DataFrame
        If the ``contacts`` open journeys with the largest chances are picked: ``expected`` number that would
        get there, with the 90% interval ``low`` to ``high`` of their number, and ``of`` (expected number of
        all open journeys).
    """

    states: tuple[str, ...]
    start: tuple[float, float, float]
    by_state: Any = field(repr=False)
    by_segment: Any = field(repr=False)
    of_open: Any = field(repr=False)
    contacts: Any = field(repr=False)


@dataclass(frozen=True)
class JourneyStudy:
    """The results of a study of journeys.

    Attributes
    ----------
    events : Events
    stays : xarray.Dataset
        From `summarise_stays`.
    posterior : JourneyPosterior
    terms : Terms
        What a journey is, and which ends are wanted.
    paths : pandas.DataFrame
        From `journey_paths`.
    open : xarray.Dataset
        Journeys that go on at the end of the observation, from `open_journeys`.
    goal, rival : Outlook or None
        The chances to reach a state that is wanted, and one that is to be avoided.
    holdout : JourneyHoldout or None
        What forecasts until an earlier cut were worth.
    holdout_note : str
        Why there is no hold-out.
    signals : Any
        From `signals`, of what comes before the rivals, else before the goals; None if not looked for.
    risk : Any
        A study of who is at risk by features, or None.
    memory : Memory or None
        How much of their past journeys remember, from `compare_memory`.
    by_known : tuple of two dict of str to int, optional
        How many journeys ended in which state, of known customers and of visits of nobody known; None where
        all customers are known.
    provenance : RunProvenance

    Examples
    --------
    See `study_journeys`.
    """

    events: "Events"
    stays: "xr.Dataset"
    posterior: "JourneyPosterior"
    terms: Terms
    paths: Any
    open: "xr.Dataset"
    goal: Outlook | None = None
    rival: Outlook | None = None
    holdout: "JourneyHoldout | None" = None
    holdout_note: str = ""
    signals: "Signals | None" = None
    risk: Any = None
    memory: "Memory | None" = None
    by_known: "tuple[dict[str, int], dict[str, int]] | None" = None
    provenance: RunProvenance = field(default_factory=RunProvenance)

    @property
    def checks(self) -> "tuple[Check, ...]":
        """What was checked of the fit, and of its forecasts where there is a hold-out."""
        return (*self.posterior.checks, *(() if self.holdout is None else self.holdout.checks))

    @property
    def main(self) -> Outlook:
        """The outlook that open journeys are ranked by: of the rivals, else of the goals."""
        found = self.rival if self.rival is not None else self.goal
        assert found is not None
        return found

    @cached_property
    def customers(self) -> int:
        """Number of customers who are known."""
        from bayes_cx.data.journey_paths import known_customers

        return known_customers(self.events)

    @property
    def journeys(self) -> int:
        """Number of journeys."""
        return int(self.paths["n"].sum())

    def at_risk(self) -> "pd.DataFrame":
        """Return the open journeys with their chances, the largest first.

        Returns
        -------
        pandas.DataFrame
            ``rank``, ``customer``, the segment, ``state``, ``since``, ``events`` so far, and for the rivals
            and the goals ``chance``, ``low`` and ``high``.
        """
        import pandas as pd

        table = pd.DataFrame({"customer": self.open["customer"].to_numpy()})
        if "known" in self.open:
            table["known"] = self.open["known"].to_numpy()
        if self.terms.by:
            table[self.terms.by] = self.open[self.terms.by].to_numpy()
        table["state"] = self.open["state"].to_numpy()
        table["since"] = self.open["since"].to_numpy()
        table["events"] = self.open["step"].to_numpy()
        for one in (self.rival, self.goal):
            if one is not None:
                name = " or ".join(one.states)
                for column in ("chance", "low", "high"):
                    table[f"{column} of {name}"] = one.of_open[column].to_numpy()
        order = np.lexsort(
            (table["customer"].to_numpy().astype(str), -self.main.of_open["chance"].to_numpy())
        )
        table = table.iloc[order].reset_index(drop=True)
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table

    def __repr__(self) -> str:
        ends = " or ".join((*self.terms.goals, *self.terms.rivals))
        return f"<JourneyStudy of {self.journeys:,} journeys to {ends}: {self.open.sizes['customer']:,} open>"


def study_journeys(
    events: "Events",
    *,
    target: Sequence[str] | str = (),
    rival: Sequence[str] | str = (),
    until: Any = None,
    journey: str = "",
    close: Any = None,
    by: Sequence[str] | str = "",
    horizon: Any = None,
    holdout: bool = True,
    holdout_from: Any = None,
    seed: int = 1,
    provenance: RunProvenance | None = None,
) -> JourneyStudy:
    """Fit journeys, ask where they lead, and test the forecasts: all that a report of journeys needs.

    Parameters
    ----------
    events : Events
        From `read_events`.
    target, rival : str or sequence of str
        States that are wanted, such as ``purchase``, and states that are to be avoided, such as
        ``termination``. Both end a journey. One of the two is needed.
    until : str, date or datetime, optional
        End of the observation; by default the time of the last event.
    journey : str
        As for `summarise_stays`; by default ``session`` where events have sessions, else ``customer``.
    close : str or Span, optional
        After how long without an event a journey has ended; by default the span of `journey`.
    by : str or sequence of str
        Column of the segments, which are pooled; of several columns each combination is a segment.
    horizon : str or Span, optional
        How far ahead chances look. By default to the end of journeys, where these end by themselves; else 30
        days, or a quarter of the time observed.
    holdout, holdout_from
        Whether to test the forecasts, and the last moment that the test may see; by default two thirds of the
        time.
    seed : int
    provenance : RunProvenance, optional
        What is printed on the report.

    Returns
    -------
    JourneyStudy

    Raises
    ------
    InputError
        If no state is named, a state does not occur, or an argument cannot be read.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> import pandas as pd
    >>> days = pd.date_range("2025-01-01", periods=40, freq="D").repeat(2)
    >>> frame = pd.DataFrame({"who": range(80), "day": days, "what": ["visit", "visit"] * 40})
    >>> bought = frame[::4].assign(what="buy", day=frame["day"] + pd.Timedelta("1h"))
    >>> events = bcx.read_events(pd.concat([frame, bought]), customer="who", time="day", event="what")
    >>> study = bcx.study_journeys(events, target="buy", journey="1 day", holdout=False)
    >>> study
    <JourneyStudy of 80 journeys to buy: 3 open>
    """
    events, segments = in_segments(events, by)
    terms = terms_of(events, target, rival, until, journey, close, segments, horizon)
    found = fitted(events, terms, until, seed)
    tested, note = (
        tested_later(events, terms, until, holdout_from, seed) if holdout else (None, "it was not asked for")
    )
    before, _ = signals_of(events, terms, until, seed)
    return completed(
        events,
        terms,
        until,
        *found,
        holdout=tested,
        note=note,
        signals=before,
        provenance=provenance,
        seed=seed,
    )


def in_segments(events: "Events", by: Sequence[str] | str) -> "tuple[Events, str]":
    """Return the events with a column of segments, of several columns each combination, and its name."""
    from bayes_cx.data.events import check_events

    check_events(events)
    columns = list(dict.fromkeys((by,) if isinstance(by, str) else by))
    if len(columns) < 2:
        return events, next(iter(columns), "")
    return events.crossed(columns), " and ".join(columns)


def terms_of(
    events: "Events", target: Any, rival: Any, until: Any, journey: str, close: Any, by: str, horizon: Any
) -> Terms:
    """Return what a journey is, with the defaults that the events suggest."""
    from bayes_cx.data.itineraries import Journeys
    from bayes_cx.data.journey_paths import median_wait

    goals, rivals = ((one,) if isinstance(one, str) else tuple(one) for one in (target, rival))
    if not goals and not rivals:
        raise InputError(
            "no target", "a state that is wanted, or one to be avoided", "name it as target or as rival"
        )
    if both := set(goals) & set(rivals):
        raise InputError(
            f"{sorted(both)[0]!r} as target and as rival", "a state that is one of the two", "name it once"
        )
    named = journey or ("session" if events.schema.session is not None else "customer")
    groups = (by,) if by else ()
    journeys = Journeys.of(events, (*goals, *rivals), named, close, until, "hour", None, groups)
    wait = median_wait(journeys) or 1.0
    unit = next((u for u in ("day", "hour", "minute") if FINE_UNITS[u] <= wait), "second")
    ahead = None if horizon is None else Span.of(horizon)
    if ahead is None and journeys.close is None:
        days = _days_until(events, journeys.until) / 4
        ahead = _AHEAD if days >= _AHEAD.number else Span(float(f"{max(days, 1e-6):.1g}"), "day")
    return Terms(goals, rivals, named, journeys.close, by, ahead, unit)


def fitted(
    events: "Events", terms: Terms, until: Any, seed: int
) -> "tuple[xr.Dataset, JourneyPosterior, pd.DataFrame]":
    """Return the stays, their fit, and the paths of journeys."""
    from bayes_cx.data import summarise_stays
    from bayes_cx.data.journey_paths import journey_paths
    from bayes_cx.inference import JourneyPosterior, fit
    from bayes_cx.inference.design import Design
    from bayes_cx.models import SEMI_MARKOV

    stays = summarise_stays(events, until=until, unit=terms.unit, before=True, **terms.reading)
    design = Design(pool=[terms.by]) if terms.by else Design()
    posterior = fit(SEMI_MARKOV, stays, design=design, seed=seed)
    assert isinstance(posterior, JourneyPosterior)
    return stays, posterior, journey_paths(events, until=until, longest=_LONGEST, **terms.reading)


def tested_later(
    events: "Events", terms: Terms, until: Any, holdout_from: Any, seed: int
) -> "tuple[JourneyHoldout | None, str]":
    """Return the hold-out test, or why there is none; a cut that the user named has to work."""
    from bayes_cx.validation.journey_holdout import journey_holdout

    try:
        cut = _default_cut(events, until) if holdout_from is None else holdout_from
        found = journey_holdout(
            events,
            cut=cut,
            target=terms.goals,
            rival=terms.rivals,
            until=until,
            journey=terms.journey,
            close=terms.close,
            unit=terms.unit,
            by=(terms.by,) if terms.by else (),
            horizon=terms.horizon,
            seed=seed,
        )
    except BayesCxError as error:
        if holdout_from is not None:
            raise
        return None, error.came
    return found, ""


def signals_of(events: "Events", terms: Terms, until: Any, seed: int) -> "tuple[Signals | None, str]":
    """Return what comes before the rivals, else before the goals; or why that cannot be said."""
    from bayes_cx.data.journey_paths import journeys_like
    from bayes_cx.inference.signals import signals

    target, others = (terms.rivals, ()) if terms.rivals else (terms.goals, ())
    try:
        if terms.journey == "session":
            journey, window = "session", terms.close
        else:
            end = journeys_like(events, terms.unit, terms.reading, until).until
            quarter = Span(_days_until(events, end) / 4, "day")
            journey, window = "customer", min(_LOOK_BACK, quarter, key=lambda span: span.number)
        return signals(
            events, target, window, rivals=others, until=until, journey=journey, seed=seed, length=_LENGTH
        ), ""
    except BayesCxError as error:
        return None, error.came


def _days_until(events: "Events", end: str) -> float:
    """Return the days from the first event to the end of the observation."""
    observed = np.datetime64(end) - np.datetime64(events.dates.first or end)
    return float(observed / np.timedelta64(1, "s")) / 86_400


def _default_cut(events: "Events", until: Any) -> Any:
    """Return the moment, or the day, after two thirds of the observation."""
    from bayes_cx.clock import end_of

    first, last = events.dates.first, events.dates.last
    if first is None or last is None:
        raise events.nothing("events")
    if until is not None:
        last = min(last, end_of(until, "UTC").replace(tzinfo=None))
    cut = first + _SHARE_OF_TIME * (last - first)
    return cut.date() if last - first > timedelta(days=10) else cut


def completed(
    events: "Events",
    terms: Terms,
    until: Any,
    stays: "xr.Dataset",
    posterior: "JourneyPosterior",
    paths: "pd.DataFrame",
    *,
    holdout: "JourneyHoldout | None" = None,
    note: str = "",
    signals: "Signals | None" = None,
    provenance: RunProvenance | None = None,
    seed: int = 1,
) -> JourneyStudy:
    """Return the study with the chances from each state and of each open journey."""
    from bayes_cx.data import open_journeys
    from bayes_cx.data.journey_paths import journeys_of_known
    from bayes_cx.inference.memory import compare_memory

    memory = compare_memory(stays, seed) if "before" in stays else None
    if not posterior.waits:  # of journeys without a second event nothing is known of time
        terms = replace(terms, horizon=None)
    now = open_journeys(events, until=until, unit=terms.unit, **terms.reading)
    known = np.isin(now["state"].to_numpy().astype(str), list(posterior.states))
    now = now.isel(customer=np.flatnonzero(known))
    known_or_not = None
    if events.rows_anonymous:
        known_or_not = journeys_of_known(events, terms.unit, terms.reading, until)
    ends = (terms.goals, terms.rivals), (terms.rivals, terms.goals)
    goal, rival = (
        _outlook(posterior, paths, now, terms, states, others, seed) if states else None
        for states, others in ends
    )
    run = RunProvenance() if provenance is None else provenance
    return JourneyStudy(
        events,
        stays,
        posterior,
        terms,
        paths,
        now,
        goal,
        rival,
        holdout,
        note,
        signals,
        memory=memory,
        by_known=known_or_not,
        provenance=run,
    )


def _outlook(
    posterior: "JourneyPosterior",
    paths: "pd.DataFrame",
    now: "xr.Dataset",
    terms: Terms,
    states: tuple[str, ...],
    others: tuple[str, ...],
    seed: int,
) -> Outlook:
    import pandas as pd

    from bayes_cx.scoring.journey_outlook import open_outlook, predictive_total, rounded, state_draws
    from bayes_cx.scoring.journey_outlook import state_outlook as by_state
    from bayes_cx.scoring.reach import journey_draws

    reached = tuple(name for name in states if name in posterior.following)
    rivals = tuple(name for name in others if name in posterior.following)
    if not reached:
        raise InputError(
            f"no journey until the end of the observation that ended in {' or '.join(states)}",
            "one or more",
            "observe for longer, or name another state",
        )
    start = state_draws(posterior, reached, rivals, terms.horizon)[:, 0]
    rows = []
    for segment in posterior.segments if posterior.pooled else ():
        draws = state_draws(posterior, reached, rivals, terms.horizon, segment)[:, 0]
        n = int(posterior.counts[posterior.segments.index(segment), 0].sum())
        rows.append((segment, float(draws.mean()), *np.quantile(draws, [0.05, 0.95]).tolist(), n))
    of_open = open_outlook(posterior, now, reached, rivals, terms.horizon)
    chance = of_open["chance"].to_numpy()
    order = np.argsort(-chance, kind="stable")
    rng = np.random.default_rng([seed, len(order)])
    contacts = []
    for k in dict.fromkeys(min(size, len(order)) for size in (10, 100, 1000) if len(order)):
        some = rounded(now).isel(customer=order[:k])
        draws = journey_draws(
            posterior, some, "p_reach", t=terms.horizon, target=reached, before=rivals, thin_to=_DRAWS
        )
        low, high = np.quantile(predictive_total(draws, rng), [0.05, 0.95])
        contacts.append((k, float(draws.mean(axis=0).sum()), float(low), float(high), float(chance.sum())))
    return Outlook(
        states,
        (float(start.mean()), *map(float, np.quantile(start, [0.05, 0.95]))),  # pyright: ignore
        by_state(posterior, paths, reached, rivals, terms.horizon),
        pd.DataFrame(rows, columns=["segment", "chance", "low", "high", "journeys"]),
        of_open,
        pd.DataFrame(contacts, columns=["contacts", "expected", "low", "high", "of"]),
    )
