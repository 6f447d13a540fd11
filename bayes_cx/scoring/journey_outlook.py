"""Where journeys lead, for many at once: from each state, and of every open journey, with intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data.itineraries import EXIT, START
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.scoring.journey_views import LEVEL
from bayes_cx.scoring.reach import at_states, journey_draws

__all__ = ["open_outlook", "predictive_total", "rounded", "state_draws", "state_outlook"]

# Open journeys are scored in parts of so many, which bounds the memory of their draws.
_PART = 4_000
# Waiting times that differ by less than this share are taken as equal: far below what is known of any.
_SAME_WAIT = 0.02


def state_draws(
    posterior: JourneyPosterior,
    target: Sequence[str],
    before: Sequence[str] = (),
    t: Any = None,
    segment: str | None = None,
    thin_to: int = 400,
) -> np.ndarray:
    """Return draws of the chance to reach a target from each state, shape (draw, state).

    Parameters
    ----------
    posterior : JourneyPosterior
    target, before : sequence of str
        As for the quantity ``p_reach``.
    t : str or Span, optional
    segment : str, optional
        By default all segments, each with the weight of its visits to the state.
    thin_to : int
    """
    asked: dict[str, Any] = {"t": t, "target": target, "before": before, "thin_to": thin_to}
    if not posterior.pooled or segment is not None:
        return journey_draws(posterior, at_states(posterior, segment), "p_reach", **asked)
    each = [journey_draws(posterior, at_states(posterior, s), "p_reach", **asked) for s in posterior.segments]
    visits = posterior.counts.sum(axis=2).astype(float) + 1e-9
    return np.einsum("gds,gs->ds", np.array(each), visits / visits.sum(axis=0))


def _place_draws(
    posterior: JourneyPosterior,
    target: Sequence[str],
    before: Sequence[str],
    t: Any,
    segment: str | None,
    thin_to: int = 400,
) -> np.ndarray:
    """Return draws of the chance to reach a target from each place, shape (draw, place)."""
    places = posterior.places
    names = np.array(posterior.states, object)[places.state]
    # A state before that is none of those that were seen is any other.
    past = np.array([EXIT if one is None else one for one in places.before], object)
    data: dict[str, Any] = {"state": names, "before": past, "wait": np.zeros(len(places))}
    if posterior.pooled:
        data[posterior.pooled] = np.full(len(places), segment, object)
    at = xr.Dataset({name: ("customer", values) for name, values in data.items()})
    return journey_draws(posterior, at, "p_reach", t=t, target=target, before=before, thin_to=thin_to)


def state_outlook(
    posterior: JourneyPosterior,
    paths: pd.DataFrame,
    target: Sequence[str],
    before: Sequence[str] = (),
    t: Any = None,
) -> pd.DataFrame:
    """Return the chance to reach a target from each state, and what coming into the state changes.

    Coming into a state changes the chance from that of the states before it in the same segment, each with
    the weight of the steps that were seen. Times the number of stays per journey it says how many journeys
    are gained or lost there: an event that few pass, or that changes little, is no place to begin. It is an
    association.

    Parameters
    ----------
    posterior : JourneyPosterior
    paths : pandas.DataFrame
        From `journey_paths`, for how many journeys pass a state.
    target, before : sequence of str
        The target and its rivals.
    t : str or Span, optional

    Returns
    -------
    pandas.DataFrame
        Indexed by ``state``, the largest gain first: ``passed`` (share of journeys that pass it), ``stays``
        (seen), ``others`` (steps from the states right before it that led elsewhere, to compare with),
        ``chance`` from there with ``low`` and ``high``, ``earlier`` (mean chance right before),
        ``change`` and ``gain`` (change per journey), with ``change_low``, ``change_high``, ``gain_low`` and
        ``gain_high``. Intervals hold 90%.
    """
    whole = state_draws(posterior, target, before, t)
    segments = posterior.segments if posterior.pooled else (None,)
    each = [_place_draws(posterior, target, before, t, segment) for segment in segments]
    places, came_to = posterior.places, [posterior.counts_at_places(one).astype(float) for one in segments]
    states, following = list(posterior.states), list(posterior.following)
    size = int(paths["n"].to_numpy().sum())
    passing = dict.fromkeys(states, 0)
    for path, n in zip(paths["path"], paths["n"], strict=True):
        for name in set(path):
            passing[name] = passing.get(name, 0) + int(n)
    counts = posterior.counts.astype(float)
    journeys = max(counts[:, 0].sum(), 1.0)
    rows = []
    for place, name in enumerate(states):
        if name == START or not (seen := counts[:, :, following.index(name)]).sum():
            continue
        column = following.index(name)
        came = np.array([one[:, column] for one in came_to])
        came[:, places.state == place] = 0  # a state that follows itself changes nothing
        to = places.goes_to[:, column]
        # Within segments: who comes to a state at all may be another segment than most.
        share = came / max(came.sum(), 1.0)
        earlier = sum((draws @ part for draws, part in zip(each, share, strict=True)), np.zeros(len(whole)))
        there = sum(
            (draws[:, to] @ part for draws, part in zip(each, share, strict=True)), np.zeros(len(whole))
        )
        change = there - earlier
        left = sum((one.sum(axis=1)[part > 0].sum() for one, part in zip(came_to, came, strict=True)), 0.0)
        rows.append(
            {
                "state": name,
                "passed": passing[name] / size,
                "stays": int(seen.sum()),
                "others": float(left - came.sum()),
                **_summary("chance", there if came.any() else whole[:, place], ""),
                "earlier": float(earlier.mean()),
                **_summary("change", change),
                **_summary("gain", change * came.sum() / journeys),
            }
        )
    names = [f"{name}{end}" for name in ("change", "gain") for end in ("", "_low", "_high")]
    columns = ["state", "passed", "stays", "others", "chance", "low", "high", "earlier", *names]
    found = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[1:], float))
    return found.sort_values(["gain", "state"], ascending=[False, True]).set_index("state")


def open_outlook(
    posterior: JourneyPosterior,
    journeys: xr.Dataset,
    target: Sequence[str],
    before: Sequence[str] = (),
    t: Any = None,
    thin_to: int = 400,
) -> pd.DataFrame:
    """Return the chance of every open journey to reach a target, in the order of the journeys.

    Parameters
    ----------
    posterior : JourneyPosterior
    journeys : xarray.Dataset
        From `open_journeys`; of any number, since they are scored in parts.
    target, before, t
        As for the quantity ``p_reach``.
    thin_to : int

    Returns
    -------
    pandas.DataFrame
        ``chance``, ``low`` and ``high``, the ends of the 90% interval.
    """
    found = np.empty((3, journeys.sizes["customer"]))
    near = rounded(journeys)
    for first in range(0, near.sizes["customer"], _PART):
        part = slice(first, first + _PART)
        some = near.isel(customer=part)
        values = journey_draws(posterior, some, "p_reach", t=t, target=target, before=before, thin_to=thin_to)
        found[0, part] = values.mean(axis=0)
        found[1:, part] = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return pd.DataFrame(dict(zip(("chance", "low", "high"), found, strict=True)))


def rounded(journeys: xr.Dataset) -> xr.Dataset:
    """Return journeys whose waiting times differ by steps of 2%, so that many are equal and computed once."""
    wait = journeys["wait"].to_numpy().astype(float)
    with np.errstate(divide="ignore"):
        grid = np.exp(np.round(np.log(wait) / _SAME_WAIT) * _SAME_WAIT)
    return journeys.assign(wait=("customer", np.where(wait > 0, grid, 0.0)))


def predictive_total(chances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return draws of how many of some journeys get there, from draws of their chances (draw, journey)."""
    return (rng.random(chances.shape) < chances).sum(axis=1)


def _summary(name: str, draws: np.ndarray, prefix: str | None = None) -> dict[str, float]:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    before = f"{name}_" if prefix is None else prefix
    return {name: float(draws.mean()), f"{before}low": float(low), f"{before}high": float(high)}
