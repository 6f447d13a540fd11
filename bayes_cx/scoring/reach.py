r"""Where journeys lead: the chance to reach a target before its rivals, the time and the steps until then.

With Q the transition probabilities among the states that are passed and r those into the target,

.. math::
    h = (I - Q)^{-1} r

is the chance to reach it from each state, :math:`N = (I - Q)^{-1}` the expected visits of each state on the
way, and N times the mean waiting times the expected time. Within a span of time,

.. math::
    H_s(t) = \int_0^t f_s(u) \Big( r_s + \sum_k Q_{sk} H_k(t - u) \Big) du,

on a grid of times: a stay that ends within a cell of the grid ends half at its beginning and half at its end,
which errs by the square of the cell's length. All is computed draw by draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data.itineraries import EXIT, START
from bayes_cx.errors import InputError
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.inference.posterior import thinned
from bayes_cx.scoring.score_table import Scores
from bayes_cx.spans import Span

__all__ = ["QUANTITIES", "at_states", "journey_draws", "removal_effects", "score_journeys"]

QUANTITIES = {
    "p_next": "chance that the next state is this one",
    "p_reach": "chance to reach the target before its rivals",
    "expected_visits": "expected number of visits until a target, or the end of the journey",
    "expected_time": "expected time until a target, or the end of the journey",
}
"""What can be asked of a journey, and what it means."""

# Cells of the grid of times.
_CELLS = 64
# Spans that differ by less, relatively, are the same, written in two units.
_SAME = 1e-9


@dataclass(frozen=True)
class _Ways:
    """What is counted on the way, draw by draw.

    Attributes
    ----------
    inside : numpy.ndarray, shape (draw, state, state)
        Transition probabilities among the states from which the journey goes on.
    counted : numpy.ndarray, shape (draw, state)
        The chance that the next step is one that counts.
    exits : numpy.ndarray, shape (draw, state)
        The chance that no step comes any more.
    exit_counts : bool
        Whether to exit counts.
    """

    inside: np.ndarray
    counted: np.ndarray
    exits: np.ndarray
    exit_counts: bool

    @classmethod
    def of(
        cls, posterior: JourneyPosterior, p: np.ndarray, counted: Sequence[str], stops: Sequence[str]
    ) -> "_Ways":
        """Return the ways to count steps into some states, until one that stops the count.

        Parameters
        ----------
        posterior : JourneyPosterior
        p : numpy.ndarray, shape (draw, state, next)
        counted, stops : sequence of str
        """
        following, states = list(posterior.following), list(posterior.states)
        exits = p[:, :, following.index(EXIT)] if EXIT in following else np.zeros(p.shape[:2])
        steps = [following.index(name) for name in counted if name != EXIT]
        goes_on = [name for name in states if name in following and name not in stops]
        inside = np.zeros((len(p), len(states), len(states)))
        inside[:, :, [states.index(name) for name in goes_on]] = p[
            :, :, [following.index(k) for k in goes_on]
        ]
        return cls(inside, p[:, :, steps].sum(axis=2), exits, EXIT in counted)

    @property
    def at_once(self) -> np.ndarray:
        """What the next step counts, exits included, shape (draw, state)."""
        return self.counted + (self.exits if self.exit_counts else 0)

    def in_total(self) -> np.ndarray:
        """Return what is counted from each state until the journey ends, shape (draw, state)."""
        size = self.inside.shape[1]
        return np.linalg.solve(np.eye(size) - self.inside, self.at_once[..., None])[..., 0]

    def within(self, ended: np.ndarray, late: np.ndarray) -> np.ndarray:
        """Return what is counted in the step at time 0 and after it, until each time of a grid.

        Parameters
        ----------
        ended : numpy.ndarray, shape (time, draw, state)
            The chance that a stay that is not the last has ended by then.
        late : numpy.ndarray of bool, shape (time,)
            Whether a journey that began at 0 and saw nothing since has ended by then.

        Returns
        -------
        numpy.ndarray, shape (time, draw, state)
        """
        density = np.diff(ended, axis=0)
        after = np.empty((len(ended), *self.counted.shape))
        after[0] = self._stepped(np.zeros(self.counted.shape))
        # Half of the first cell counts at its end, where the unknown itself stands.
        first = 0.5 * density[0]
        matrix = np.eye(self.inside.shape[1]) - first[:, :, None] * self.inside
        root = np.linalg.inv(matrix)
        for m in range(1, len(ended)):
            known = first * (after[m - 1] + self.counted)
            if m > 1:
                middle = 0.5 * (after[: m - 1] + after[1:m])[::-1]
                known = known + (density[1:m] * middle).sum(axis=0)
            if self.exit_counts and late[m]:
                known = known + self.exits
            after[m] = self._stepped(np.einsum("dij,dj->di", root, known))
        return after

    def _stepped(self, from_next: np.ndarray) -> np.ndarray:
        """Return what a step counts and what follows it, given what each next state counts."""
        return self.counted + np.einsum("dsk,dk->ds", self.inside, from_next)


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
        From `open_journeys`, in the unit of the fit, or `at_states`.
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
    found = np.empty((keep.size, state.size))
    for one in np.unique(segment):
        rows = segment == one
        p = posterior.transitions(one if posterior.pooled else None)[keep]
        of_segment = _Segment(posterior, p, keep, quantity, targets, rivals, span)
        for name in np.unique(state[rows]):
            some = np.flatnonzero(rows & (state == name))
            different, place = np.unique(wait[some], return_inverse=True)
            found[:, some] = of_segment.values(name, different)[:, place]
    return found


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


class _Segment:
    """The quantity of the open journeys of one segment."""

    def __init__(
        self,
        posterior: JourneyPosterior,
        p: np.ndarray,
        keep: np.ndarray,
        quantity: str,
        targets: Sequence[str],
        rivals: Sequence[str],
        span: float | None,
    ) -> None:
        self.posterior, self.keep, self.quantity, self.span = posterior, keep, quantity, span
        # A visit does not end the count of visits; where a journey ends by itself, it always does.
        stops = {
            "p_reach": {*targets, *rivals},
            "p_next": set(posterior.states),
        }.get(quantity, set())
        self.ways = _Ways.of(posterior, p, targets, sorted({*stops, *posterior.targets}))
        self.mean = np.zeros(self.ways.counted.shape)
        if quantity == "expected_time":
            self.mean = self._mean_stay()
        if span is not None:
            times = np.linspace(0, span, _CELLS + 1)
            ended = np.stack(
                [self._ended(name, times, np.zeros(1))[:, :, 0] for name in posterior.states], axis=2
            )
            self.after = self.ways.within(ended.transpose(1, 0, 2), _reaches(times, posterior.close))
        else:
            size = self.ways.inside.shape[1]
            reward = self.mean if quantity == "expected_time" else self.ways.at_once
            self.total = np.linalg.solve(np.eye(size) - self.ways.inside, reward[..., None])[..., 0]

    def values(self, state: str, wait: np.ndarray) -> np.ndarray:
        """Return the values of journeys in a state after waits, shape (draw, wait)."""
        place, ways = self.posterior.states.index(state), self.ways
        exits = ways.exits[:, place, None]
        still = self._survival(state, wait)
        # What is known of a journey after its silence: either its next step is due, or there is none.
        due = np.divide(still, (1 - exits) * still + exits, out=np.zeros_like(still), where=still > 0)
        over = 1 - (1 - exits) * due
        if self.quantity == "expected_time":
            onwards = np.einsum("dk,dk->d", ways.inside[:, place], self.total)[:, None]
            rest = due * ((1 - exits) * self._rest(state, wait) + onwards)
            return rest + over * np.maximum(self.posterior.close - wait, 0.0)
        if self.span is None:
            onwards = ways.counted[:, place] + np.einsum("dk,dk->d", ways.inside[:, place], self.total)
            return due * onwards[:, None] + (over if ways.exit_counts else 0.0)
        times = np.linspace(0, self.span, _CELLS + 1)
        density = np.diff(self._ended(state, times, wait), axis=1)
        after = self.after[:, :, place]
        middle = 0.5 * (after[:-1] + after[1:])[::-1].T
        found = due * np.einsum("djw,dj->dw", density, middle)
        if state == START:
            found = due * after[-1][:, None]
        over_in_time = _reaches(wait + self.span, self.posterior.close)
        return found + (over * over_in_time if ways.exit_counts else 0.0)

    def _survival(self, state: str, wait: np.ndarray) -> np.ndarray:
        """Return the chance that a stay that is not the last is longer, shape (draw, wait)."""
        waits = self.posterior.waits.get(state)
        if waits is None:  # the start has no length, and of others none is known
            return np.ones((self.keep.size, wait.size))
        return waits.thinned(self.keep).survival(wait)

    def _ended(self, state: str, times: np.ndarray, wait: np.ndarray) -> np.ndarray:
        """Return the chance that a stay of some length has ended after further times, (draw, time, wait)."""
        if state not in self.posterior.waits:
            return np.ones((self.keep.size, times.size, wait.size)) * (times[:, None] > 0)
        later = self._survival(state, (times[:, None] + wait).ravel()).reshape(-1, times.size, wait.size)
        return 1 - np.divide(later, later[:, :1], out=np.zeros_like(later), where=later[:, :1] > 0)

    def _rest(self, state: str, wait: np.ndarray) -> np.ndarray:
        """Return the mean time that a stay of some length still lasts, shape (draw, wait)."""
        waits = self.posterior.waits.get(state)
        return np.zeros((self.keep.size, wait.size)) if waits is None else waits.thinned(self.keep).rest(wait)

    def _mean_stay(self) -> np.ndarray:
        """Return the mean length of a stay in each state, shape (draw, state)."""
        zero, exits = np.zeros(1), self.ways.exits
        means = np.stack([self._rest(name, zero)[:, 0] for name in self.posterior.states], axis=1)
        return (1 - exits) * means + exits * self.posterior.close


def _reaches(time: np.ndarray, close: float) -> np.ndarray:
    """Return which times are as long as a silence that ends a journey, in whatever unit they were written."""
    return time >= close * (1 - _SAME)


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
        Over ``customer``, which names the states.
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
    p = posterior.transitions(segment)
    whole = _Ways.of(posterior, p, [target], [target, *posterior.targets]).in_total()[:, 0]
    names = [name for name in posterior.states if name not in (START, target)]
    found = []
    for name in names:
        without = _Ways.of(posterior, p, [target], [target, name, *posterior.targets]).in_total()[:, 0]
        found.append(1 - without / whole)
    return xr.DataArray(
        np.array(found).reshape(len(names), -1).T, coords={"state": names}, dims=("draw", "state")
    )


def _checked(
    posterior: JourneyPosterior, quantity: str, target: Any, before: Any, t: Any
) -> tuple[list[str], list[str]]:
    """Return target and rivals as lists, after refusing what cannot be asked."""
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
