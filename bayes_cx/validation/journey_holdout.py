r"""Did the forecasts of journeys come true? Fitted until a cut, judged on what came after it.

Three things are judged: which state came next, how long a stay lasted, and which journeys reached a target.

A waiting time w is compared with its forecast distribution F: F(w) is uniform if the forecasts are right. Of
a stay that still goes on only a lower bound of F(w) is known, so the distribution is estimated as Kaplan and
Meier do [kaplan1958nonparametric]_, with Greenwood's standard error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.checks import Check, Interval
from bayes_cx.data.itineraries import EXIT, START, Journeys
from bayes_cx.data.journey_paths import forecast_cases, journeys_like
from bayes_cx.data.summarise_stays import stays_of
from bayes_cx.errors import InputError
from bayes_cx.inference.design import Design
from bayes_cx.inference.fit import fit
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.models.semi_markov import SEMI_MARKOV
from bayes_cx.scoring.journey_outlook import rounded
from bayes_cx.scoring.journey_views import each_row, share_interval
from bayes_cx.scoring.reach import journey_draws
from bayes_cx.spans import FINE_UNITS, Span

__all__ = ["JourneyHoldout", "Reached", "journey_holdout"]

# Levels at which waiting times are compared, and how far a share may be off before forecasts are no good.
_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
_TOLERANCE = 0.05
_DRAWS, _DRAWS_OF_WAITS = 400, 100
_BINS = 10
# Fewer say nothing about a share.
_FEWEST = 20


@dataclass(frozen=True)
class Reached:
    """How many journeys reached some states, and how many should have.

    Attributes
    ----------
    states : tuple of str
    since : {"open", "begun"}
        Journeys that were on the way at the cut, or those that began later, after their first event.
    journeys, observed : int
        Number of journeys, and of those that got there.
    expected, low, high : float
        How many were expected, and the 95% interval of their number.
    skill : float
        By which share the squared error of the chances is smaller than that of one chance for all, even if
        that were the right share.
    calibration : pandas.DataFrame
        Journeys by their forecast chance: ``forecast`` (mean), ``journeys``, ``observed`` (share), ``low``
        and ``high`` (90%).
    """

    states: tuple[str, ...]
    since: str
    journeys: int
    observed: int
    expected: float
    low: float
    high: float
    skill: float
    calibration: Any


@dataclass(frozen=True)
class JourneyHoldout:
    """How forecasts of journeys compare with what came after the cut.

    Attributes
    ----------
    cut, until : str
        Last moment that the fit has seen, and of the observation.
    lead : Span or None
        How far ahead chances to reach a target look; None: to the end of the journey.
    steps : int
        Changes of state that were forecast.
    surprises : int
        Changes of state from or into states that had not been seen before the cut; no part of the log losses.
    log_loss, log_loss_without : float
        Mean log loss of the next state by the model, and without memory: the same chances in every state.
    log_loss_difference : Interval
        Of the first minus the second, 95%.
    memory : int
        How many states the forecasts look at: the last, or the last two.
    log_loss_one : float
        Mean log loss of forecasts that look at the last state alone; the same where `memory` is 1.
    next_states : pandas.DataFrame
        Steps by their forecast chance: ``forecast``, ``steps``, ``observed``, ``low``, ``high`` (90%).
    waits : pandas.DataFrame
        ``level`` of the forecast distribution of waiting times, and the ``share`` of stays that were shorter,
        with ``low`` and ``high`` (95%).
    reached : tuple of Reached
    checks : tuple of Check
    """

    cut: str
    until: str
    lead: Span | None
    steps: int
    surprises: int
    log_loss: float
    log_loss_without: float
    log_loss_difference: Interval
    memory: int
    log_loss_one: float
    next_states: Any
    waits: Any
    reached: tuple[Reached, ...]
    checks: tuple[Check, ...]

    def __repr__(self) -> str:
        better = "better" if self.log_loss < self.log_loss_without else "worse"
        return (
            f"<JourneyHoldout after {self.cut[:10]}: {self.steps:,} steps, log loss {self.log_loss:.3f}, "
            f"{better} than {self.log_loss_without:.3f} without memory>"
        )


def journey_holdout(
    events: Any,
    *,
    cut: Any,
    target: Sequence[str] | str = (),
    rival: Sequence[str] | str = (),
    until: Any = None,
    journey: str = "customer",
    close: Any = None,
    unit: str = "hour",
    by: Sequence[str] | str = (),
    horizon: Any = None,
    seed: int = 1,
) -> JourneyHoldout:
    """Fit journeys until a cut, and judge the forecasts by what came after it.

    Parameters
    ----------
    events : Events
    cut : str, date or datetime
        Last moment that the fit may see; a date means its last moment. What was known later is not used.
    target, rival : str or sequence of str
        States that end a journey; wanted and not wanted.
    until, journey, close, unit, by
        As for `summarise_stays`; `by` is pooled.
    horizon : str or Span, optional
        How far ahead chances to reach a target look, at most to the end of the observation; None looks to the
        end of journeys, which needs `close`.
    seed : int

    Returns
    -------
    JourneyHoldout

    Raises
    ------
    InputError
        If nothing happened before the cut or after it.
    """
    goals, rivals = ((one,) if isinstance(one, str) else tuple(one) for one in (target, rival))
    how = {"targets": (*goals, *rivals), "journey": journey, "close": close, "by": by}
    whole = journeys_like(events, unit, how, until)
    early = Journeys.of(events, (), journey, close, cut, unit, None, by)
    if early.until >= whole.until:
        raise InputError(
            f"a cut at {early.until}, of an observation until {whole.until}",
            "a moment before its end",
            "choose an earlier one",
        )
    if missing := [name for name in how["targets"] if name not in early.states]:
        raise InputError(
            f"no {missing[0]} until the cut at {early.until}", "one event or more", "choose a later cut"
        )
    early = journeys_like(events, unit, how, cut)
    groups = list(whole.groups.values())
    design = Design(pool=groups) if groups else Design()
    stays = stays_of(early, True)
    posterior = fit(SEMI_MARKOV, stays, design=design, seed=seed)
    one = posterior
    if posterior.memory == 2 and posterior.pooled:
        one = fit(SEMI_MARKOV, stays, design=design, seed=seed, memory=1)
    later = stays_of(whole, True, since=early.until)
    next_step = _next_step(posterior, one, later)
    waits = _waits(posterior, later)
    lead = None
    if horizon is not None and posterior.waits:
        lead = _lead(Span.of(horizon), early.until, whole.until, unit)
    span = None if lead is None else lead.in_unit(unit)
    cases: Any = forecast_cases(early, whole, span)
    reached = []
    for states, others in ((goals, rivals), (rivals, goals)):
        for since in ("open", "begun"):
            some = cases[(cases["since"] == since) & cases["state"].isin(posterior.states)]
            if states and len(some) >= _FEWEST:
                reached.append(_reached(posterior, some, since, states, others, span, seed))
    return JourneyHoldout(
        cut=early.until,
        until=whole.until,
        lead=lead,
        waits=waits,
        reached=tuple(reached),
        checks=_checks(next_step, waits, reached),
        **next_step,
    )


def _lead(horizon: Span, cut: str, until: str, unit: str) -> Span:
    """Return the horizon, or half of the time after the cut where that is shorter."""
    days = (np.datetime64(until) - np.datetime64(cut)) / np.timedelta64(1, "s") / 86_400
    half = float(days) / 2
    return horizon if horizon.in_unit("day") <= half else Span(half / FINE_UNITS[unit], unit)


def _probabilities(posterior: JourneyPosterior, cells: Any) -> np.ndarray:
    """Return the mean chance of each following state of each cell, shape (cell, next)."""
    states = list(posterior.states)
    found = np.empty((len(cells), len(posterior.following)))
    for segment in cells["segment"].unique():
        rows = np.flatnonzero(cells["segment"] == segment)
        p = posterior.at_places(segment if posterior.pooled else None).mean(axis=0)
        for row in rows:
            place = posterior.places.of(states.index(cells["state"].iat[row]), cells["before"].iat[row])
            found[row] = p[place[0]]
    return found


def _of_one_state(one: JourneyPosterior, cells: Any) -> np.ndarray:
    """Return the mean chance of each following state, given the last state alone, shape (cell, next)."""
    if one.memory == 1:
        return _probabilities(one, cells)
    seen = one.counts[0] + one.model.a
    return (seen / seen.sum(axis=1, keepdims=True))[pd.Index(one.states).get_indexer(cells["state"])]


def _next_step(posterior: JourneyPosterior, one: JourneyPosterior, later: xr.Dataset) -> dict[str, Any]:
    """Return the log losses of the next state, and how often what was forecast with a chance came."""
    ended = later.isel(row=np.flatnonzero(later["left"].to_numpy() == 1))
    before, state, following = (ended[name].to_numpy().astype(str) for name in ("before", "state", "next"))
    weight = ended["weight"].to_numpy()
    states, names = list(posterior.states), list(posterior.following)
    known = np.isin(state, states) & np.isin(following, names)
    if not known.any():
        raise InputError("no step after the cut", "one step or more", "choose an earlier cut")
    pooled = posterior.pooled
    segment = ended[pooled].to_numpy().astype(str) if pooled else np.full(state.size, "")
    if posterior.memory == 1:
        before = np.full(state.size, "")
    columns = {"segment": segment, "before": before, "state": state, "next": following}
    cells: Any = pd.DataFrame(columns | {"n": weight})[known]
    cells = cells.groupby(list(columns), sort=True)["n"].sum().reset_index()
    p, to = _probabilities(posterior, cells), pd.Index(names).get_indexer(cells["next"])
    every = np.arange(len(cells))
    seen = posterior.counts.sum(axis=(0, 1)) + posterior.model.a
    without = -np.log((seen / seen.sum())[to])
    loss, n = -np.log(p[every, to]), cells["n"].to_numpy(float)
    loss_one = loss if posterior.memory == 1 else -np.log(_of_one_state(one, cells)[every, to])
    mean, plain = float(np.average(loss, weights=n)), float(np.average(without, weights=n))
    spread = float(np.sqrt(np.average((loss - without - (mean - plain)) ** 2, weights=n) / n.sum()))
    return {
        "steps": int(n.sum()),
        "surprises": int(weight[~known].sum()),
        "log_loss": mean,
        "log_loss_without": plain,
        "log_loss_difference": Interval(mean - plain - 1.96 * spread, mean - plain + 1.96 * spread, 0.95),
        "memory": posterior.memory,
        "log_loss_one": float(np.average(loss_one, weights=n)),
        "next_states": _by_chance(p, to, n),
    }


def _by_chance(p: np.ndarray, to: np.ndarray, n: np.ndarray) -> pd.DataFrame:
    """Return all forecasts of a next state by their chance, with how often they came true."""
    came = np.zeros(p.shape)
    came[np.arange(len(p)), to] = 1
    chance, happened = p.ravel(), came.ravel()
    return _binned(chance, happened, np.repeat(n, p.shape[1])).rename(columns={"journeys": "steps"})


def _binned(chance: np.ndarray, happened: np.ndarray, weight: np.ndarray) -> Any:
    """Return forecasts in tenths of probability, with the share that came true and its 90% interval."""
    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    rows = []
    for place in np.unique(bins):
        some = bins == place
        size, k = float(weight[some].sum()), float((weight * happened)[some].sum())
        low, high = share_interval(k, size)
        rows.append(
            {
                "forecast": float(np.average(chance[some], weights=weight[some])),
                "journeys": int(size),
                "observed": k / size,
                "low": float(low),
                "high": float(high),
            }
        )
    return pd.DataFrame(rows, columns=["forecast", "journeys", "observed", "low", "high"])


def _waits(posterior: JourneyPosterior, later: xr.Dataset) -> pd.DataFrame:
    """Return at each level of the forecast distribution the share of stays that were shorter."""
    state, following = (later[name].to_numpy().astype(str) for name in ("state", "next"))
    timed = (state != START) & (following != EXIT) & np.isin(state, list(posterior.waits))
    wait, ended = later["wait"].to_numpy(), later["left"].to_numpy() == 1
    weight = later["weight"].to_numpy().astype(float)
    level = np.zeros(state.size)
    for name in np.unique(state[timed]):
        some = timed & (state == name)
        waits = posterior.waits[str(name)].thinned(np.arange(min(posterior.n_draws, _DRAWS_OF_WAITS)))
        # Waiting times of nearly the same length are computed once.
        grid, place = np.unique(np.round(np.log(wait[some]), 2), return_inverse=True)
        level[some] = (1 - waits.survival(np.exp(grid)).mean(axis=0))[place.ravel()]
    columns = ["level", "share", "low", "high"]
    if not (timed & ended).any():
        return pd.DataFrame(columns=columns, dtype=float)
    place = np.argsort(level[timed], kind="stable")
    at, n, left = level[timed][place], weight[timed][place], ended[timed][place]
    times, first = np.unique(at, return_index=True)
    events, total = np.add.reduceat(n * left, first), np.add.reduceat(n, first)
    at_risk = n.sum() - np.concatenate([[0.0], np.cumsum(total)[:-1]])
    survival = np.cumprod(1 - events / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(at_risk > events, events / (at_risk * (at_risk - events)), 0.0)
    error = survival * np.sqrt(np.cumsum(terms))
    rows = []
    for one in _LEVELS:
        last = int(np.searchsorted(times, one, side="right")) - 1
        share, spread = (1 - survival[last], error[last]) if last >= 0 else (0.0, 0.0)
        rows.append((one, share, max(0.0, share - 1.96 * spread), min(1.0, share + 1.96 * spread)))
    return pd.DataFrame(rows, columns=columns)


def _reached(
    posterior: JourneyPosterior,
    cases: Any,
    since: str,
    states: Sequence[str],
    others: Sequence[str],
    span: float | None,
    seed: int,
) -> Reached:
    """Return how many journeys reached some states within a span, beside the forecasts."""
    data: dict[str, Any] = {"state": ("customer", cases["state"].to_numpy(object))}
    if posterior.memory == 2:
        data["before"] = ("customer", cases["before"].to_numpy(object))
    data["wait"] = ("customer", cases["wait"].to_numpy(float))
    if posterior.pooled:
        data[posterior.pooled] = ("customer", cases[posterior.pooled].to_numpy(object))
    journeys = rounded(xr.Dataset(data))
    # Journeys alike have the same chance.
    keys = journeys.to_dataframe()[list(data)]
    group, alike = keys.groupby(list(data), sort=True).ngroup().to_numpy(), keys.drop_duplicates()
    order = alike.groupby(list(data), sort=True).ngroup().to_numpy()
    alike = alike.iloc[np.argsort(order)]
    different = xr.Dataset({name: ("customer", alike[name].to_numpy()) for name in data})
    different.attrs["unit"] = posterior.unit
    t = None if span is None else Span(span, posterior.unit)
    few = journey_draws(posterior, different, "p_reach", t=t, target=states, before=others, thin_to=_DRAWS)
    rng = np.random.default_rng([seed, len(cases), len(states)])
    size = np.bincount(group)
    total = rng.binomial(size, np.clip(few, 0, 1)).sum(axis=1)
    chance = few.mean(axis=0)[group]
    happened = cases["end"].isin(states).to_numpy().astype(float)
    low, high = np.quantile(total, [0.025, 0.975])
    error, plain = ((chance - happened) ** 2).mean(), happened.var()
    return Reached(
        states=tuple(states),
        since=since,
        journeys=len(cases),
        observed=int(happened.sum()),
        expected=float(chance.sum()),
        low=float(low),
        high=float(high),
        skill=float(1 - error / plain) if plain > 0 else float("nan"),
        calibration=_binned(chance, happened, np.ones(len(cases))),
    )


def _checks(next_step: Mapping[str, Any], waits: Any, reached: Sequence[Reached]) -> tuple[Check, ...]:
    """Return what the hold-out says of next states, waiting times and targets."""
    better = next_step["log_loss_difference"]
    found = [
        Check(
            "log loss of the next state, less that without memory",
            next_step["log_loss"] - next_step["log_loss_without"],
            "< 0",
            "passed" if better.high < 0 else "failed",
            interval=better,
            n=next_step["steps"],
        )
    ]
    for row in each_row(waits):
        if row.level == 0.5:
            ends = Interval(float(row.low), float(row.high), 0.95)
            near = ends.low <= 0.5 + _TOLERANCE and ends.high >= 0.5 - _TOLERANCE
            found.append(
                Check(
                    "share of waiting times below their forecast median",
                    float(row.share),
                    f"0.5, give or take {_TOLERANCE:g}",
                    "passed" if near else "failed",
                    interval=ends,
                )
            )
    if waits.empty:
        found.append(Check("share of waiting times below their forecast median", None, "0.5", "not_run"))
    for one in reached:
        when = "on the way at the cut" if one.since == "open" else "that began after the cut"
        found.append(
            Check(
                f"journeys {when} that reached {' or '.join(one.states)}",
                float(one.observed),
                f"{one.low:.0f} to {one.high:.0f}",
                "passed" if one.low <= one.observed <= one.high else "failed",
                f"{one.expected:.1f} were expected of {one.journeys:,}",
                n=one.journeys,
                alarm=0.05,
            )
        )
    if not reached:
        found.append(
            Check(
                "journeys that reached a target", None, "inside the interval", "not_run", "too few journeys"
            )
        )
    return tuple(found)
