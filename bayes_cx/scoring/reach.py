"""Where journeys lead: what can be asked of open ones, draw by draw or in short."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data.itineraries import EXIT, START
from bayes_cx.errors import InputError
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.inference.posterior import thinned
from bayes_cx.scoring.options import check_one
from bayes_cx.scoring.score_table import Scores
from bayes_cx.scoring.ways import OfSegment, Ways
from bayes_cx.spans import Span

__all__ = ["QUANTITIES", "at_states", "journey_draws", "removal_effects", "score_journeys"]

# Numbers that are held of what was solved before.
_HELD = 30_000_000

QUANTITIES = {
    "p_next": "chance that the next state is this one",
    "p_reach": "chance to reach the target before its rivals",
    "expected_visits": "expected number of visits until a target, or the end of the journey",
    "expected_time": "expected time until a target, or the end of the journey",
}
"""What can be asked of a journey, and what it means."""


def journey_draws(
    posterior: JourneyPosterior,
    journeys: xr.Dataset,
    quantity: str,
    *,
    t: Any = None,
    target: str | Sequence[str] = (),
    before: str | Sequence[str] = (),
    thin_to: int | None = None,
) -> np.ndarray:
    """Return a quantity of every open journey draw by draw.

    Parameters
    ----------
    posterior : JourneyPosterior
    journeys : xarray.Dataset
        From `open_journeys`, in the unit of the fit, or `at_states`. With a memory of two states journeys
        without the state before have the average over those that were seen before theirs.
    quantity : str
        One of `QUANTITIES`.
    t : str, Span, number or time difference, optional
        Only what happens within this span counts.
    target : str or sequence of str
        The states that are reached, visited, or come next.
    before : str or sequence of str
        Rivals of the target: once one of them is reached, the target no longer counts.
    thin_to : int, optional
        Use at most this many draws.

    Returns
    -------
    numpy.ndarray, shape (draw, customer)

    Raises
    ------
    InputError
        If a state or a segment is not in the fit, or an argument is missing.
    """
    _check_open(journeys)
    targets, rivals = _checked(posterior, quantity, target, before, t)
    keep = thinned(posterior.n_draws, thin_to)
    span = None if t is None else Span.of(t, posterior.unit).in_unit(posterior.unit)
    state = journeys["state"].to_numpy().astype(str)
    if unknown := sorted(set(state) - set(posterior.states)):
        raise InputError(
            f"journeys in the state {unknown[0]!r}", f"one of {', '.join(posterior.states)}", "fit it as well"
        )
    _check_like_the_fit(posterior, journeys)
    segment = np.full(state.size, "")
    if posterior.pooled:
        if posterior.pooled not in journeys:
            raise InputError(
                f"journeys without {posterior.pooled}", "the segments of the fit", "pass by=... as in the fit"
            )
        segment = journeys[posterior.pooled].to_numpy().astype(str)
    wait = journeys["wait"].to_numpy().astype(float)
    remembered = posterior.memory == 2 and "before" in journeys
    before_it = journeys["before"].to_numpy().astype(str) if remembered else np.full(state.size, "")
    found = np.empty((keep.size, state.size))
    for one in np.unique(segment):
        rows = segment == one
        named = one if posterior.pooled else None
        of_segment = _of_segment(posterior, named, keep, quantity, targets, rivals, span)
        for name, past in sorted({*zip(state[rows], before_it[rows], strict=True)}):
            some = np.flatnonzero(rows & (state == name) & (before_it == past))
            different, place = np.unique(wait[some], return_inverse=True)
            found[:, some] = of_segment.values(name, different, past if remembered else None)[:, place]
    return found


def _of_segment(
    posterior: JourneyPosterior,
    segment: str | None,
    keep: np.ndarray,
    quantity: str,
    targets: list[str],
    rivals: list[str],
    span: float | None,
) -> OfSegment:
    """Return the quantity from every place, as it was solved before, if it was."""
    key = (segment, keep.size, quantity, tuple(targets), tuple(rivals), span)
    if key not in posterior.solved:
        p, share = posterior.at_places(segment, keep), posterior.shares(segment)
        found = OfSegment(posterior, p, keep, quantity, targets, rivals, span, share)
        while posterior.solved and found.size + sum(one.size for one in posterior.solved.values()) > _HELD:
            posterior.solved.pop(next(iter(posterior.solved)))  # the oldest
        posterior.solved[key] = found
    return posterior.solved[key]


def score_journeys(
    posterior: JourneyPosterior,
    journeys: xr.Dataset,
    quantity: str,
    quantiles: Sequence[float],
    *,
    t: Any = None,
    **options: Any,
) -> Scores:
    """Return mean, standard deviation and quantiles of a quantity of every open journey; see `score`."""
    if unknown := options.keys() - {"target", "before", "thin_to"}:
        raise InputError(
            f"{sorted(unknown)[0]}=... for journeys", "target, before, t and thin_to", "leave it out"
        )
    values = journey_draws(posterior, journeys, quantity, t=t, **options)
    names = journeys["customer"].to_numpy() if "customer" in journeys.coords else np.arange(values.shape[1])
    data: dict[str, Any] = {
        "mean": ("customer", values.mean(axis=0)),
        "sd": ("customer", values.std(axis=0)),
        "quantile": (("customer", "probability"), np.quantile(values, quantiles, axis=0).T),
    }
    attrs = {
        "quantity": quantity,
        "meaning": QUANTITIES[quantity],
        "unit": posterior.unit if quantity == "expected_time" else "",
        "model": posterior.model.name,
        "draws": len(values),
        "t": "" if t is None else str(t),
    }
    return Scores(data, {"customer": names, "probability": list(quantiles)}, attrs)


def _check_open(journeys: Any) -> None:
    """Refuse what are no open journeys, such as the events that they are made of."""
    lacks = "" if isinstance(journeys, xr.Dataset) else f"of type {type(journeys).__name__}"
    if not lacks and (missing := [name for name in ("state", "wait") if name not in journeys]):
        lacks = f"without {' and '.join(missing)}"
    if lacks:
        raise InputError(f"journeys {lacks}", "open journeys", "use bcx.open_journeys, or bcx.at_states")


def _check_like_the_fit(posterior: JourneyPosterior, journeys: xr.Dataset) -> None:
    """Refuse journeys that were made otherwise than those of the fit."""
    if "row" in journeys.sizes:
        raise InputError("stays", "open journeys", "use bcx.open_journeys, or bcx.at_states")
    fitted = posterior.provenance["data"]
    for name in ("unit", "journey", "targets", "close"):
        own, other = journeys.attrs.get(name), fitted.get(name)
        if own is not None and other is not None and own != other:
            raise InputError(
                f"journeys with {name} = {own!r}, of a fit with {other!r}",
                f"the same {name}",
                "pass it alike",
            )


def at_states(posterior: JourneyPosterior, segment: str | None = None) -> xr.Dataset:
    """Return journeys that have just come into each state, to be scored like open ones.

    Parameters
    ----------
    posterior : JourneyPosterior
    segment : str, optional
        Where the fit has segments.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, which names the states. What came before them is left open: with a memory of two
        states what they score is the average over it. To ask of one, add ``before``, the state before.
    """
    names = np.array(posterior.states, object)
    data: dict[str, Any] = {"state": ("customer", names), "wait": ("customer", np.zeros(names.size))}
    if posterior.pooled:
        if segment is None:
            raise InputError("no segment", f"one of {', '.join(posterior.segments)}", "pass segment='...'")
        data[posterior.pooled] = ("customer", np.full(names.size, segment, object))
    return xr.Dataset(data, coords={"customer": names}, attrs={"unit": posterior.unit})


def removal_effects(posterior: JourneyPosterior, target: str, segment: str | None = None) -> xr.DataArray:
    """Return by which share fewer journeys would reach a target if all that pass a state ended there.

    It says what goes together with reaching the target. It is no proof that the state is the cause: who comes
    through it may be more willing anyway.

    Parameters
    ----------
    posterior : JourneyPosterior
    target : str
    segment : str, optional

    Returns
    -------
    xarray.DataArray
        Over (draw, state), without the start.
    """
    _checked(posterior, "p_reach", target, (), None)
    p = posterior.at_places(segment)
    whole = Ways.of(posterior, p, [target], [target, *posterior.targets]).in_total()[:, 0]
    names = [name for name in posterior.states if name not in (START, target)]
    found = []
    for name in names:
        without = Ways.of(posterior, p, [target], [target, name, *posterior.targets]).in_total()[:, 0]
        found.append(1 - without / whole)
    return xr.DataArray(
        np.array(found).reshape(len(names), -1).T, coords={"state": names}, dims=("draw", "state")
    )


def _checked(
    posterior: JourneyPosterior, quantity: str, target: Any, before: Any, t: Any
) -> tuple[list[str], list[str]]:
    """Return target and rivals as lists, after refusing what cannot be asked."""
    check_one(quantity)
    targets, rivals = ([one] if isinstance(one, str) else list(one) for one in (target, before))
    if quantity not in QUANTITIES:
        raise InputError(
            f"the quantity {quantity!r}", f"one of {', '.join(QUANTITIES)}", "choose one of these"
        )
    if (quantity == "expected_time") == bool(targets):
        came, do = ("no target", "pass target='...'") if not targets else ("a target", "leave it out")
        raise InputError(f"{came} for {quantity}", "the state that is meant", do)
    if unknown := [name for name in (*targets, *rivals) if name not in posterior.following]:
        raise InputError(
            f"the state {unknown[0]!r}", f"one of {', '.join(posterior.following)}", "check the spelling"
        )
    if t is not None and (quantity == "expected_time" or not posterior.waits):
        why = "expected_time has no horizon" if posterior.waits else "no waiting times are known"
        raise InputError(f"t={t!r}: {why}", "no span of time", "leave t out")
    if (
        quantity in ("expected_visits", "expected_time")
        and t is None
        and not (posterior.targets or EXIT in posterior.following)
    ):
        raise InputError(
            f"{quantity} of journeys that never end",
            "targets, or a span after which a silent journey has ended",
            "pass targets= or close= to bcx.summarise_stays, or t=",
        )
    return targets, rivals
