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

Where journeys remember two states, s and k are pairs of a state and the one before it, as
`bayes_cx.inference.places` numbers them; with one state these places are the states.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bayes_cx.data.itineraries import EXIT, START
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.scoring.place_steps import Steps

__all__ = ["OfSegment", "Ways"]

# Cells of the grid of times.
_CELLS = 64
# Spans that differ by less, relatively, are the same, written in two units.
_SAME = 1e-9
_TINY = 1e-300


@dataclass(frozen=True)
class Ways:
    """What is counted on the way, draw by draw.

    Attributes
    ----------
    steps : Steps
        The steps with which the journey goes on.
    counted : numpy.ndarray, shape (draw, place)
        The chance that the next step is one that counts.
    exits : numpy.ndarray, shape (draw, place)
        The chance that no step comes any more.
    exit_counts : bool
        Whether to exit counts.
    """

    steps: Steps
    counted: np.ndarray
    exits: np.ndarray
    exit_counts: bool

    @classmethod
    def of(
        cls, posterior: JourneyPosterior, p: np.ndarray, counted: Sequence[str], stops: Sequence[str]
    ) -> "Ways":
        """Return the ways to count steps into some states, until one that stops the count.

        Parameters
        ----------
        posterior : JourneyPosterior
        p : numpy.ndarray, shape (draw, place, next)
        counted, stops : sequence of str
        """
        following, states = list(posterior.following), list(posterior.states)
        exits = p[:, :, following.index(EXIT)] if EXIT in following else np.zeros(p.shape[:2])
        steps = [following.index(name) for name in counted if name != EXIT]
        goes_on = [following.index(name) for name in states if name in following and name not in stops]
        places = posterior.places
        ways = Steps(p[:, :, goes_on], places.goes_to[:, goes_on], places.state)
        return cls(ways, p[:, :, steps].sum(axis=2), exits, EXIT in counted)

    @property
    def at_once(self) -> np.ndarray:
        """What the next step counts, exits included, shape (draw, place)."""
        return self.counted + (self.exits if self.exit_counts else 0)

    def onwards(self, value: np.ndarray, place: int) -> np.ndarray:
        """Return what comes after the next step from a place, given what comes from each, shape (draw,)."""
        return np.einsum("dk,dk->d", self.steps.moves[:, place], value[:, self.steps.goes_to[place]])

    def in_total(self, reward: np.ndarray | None = None) -> np.ndarray:
        """Return what is counted from each place until the journey ends, shape (draw, place).

        Parameters
        ----------
        reward : numpy.ndarray, shape (draw, place), optional
            What a stay in each place counts; by default what the next step does.
        """
        reward = self.at_once if reward is None else reward
        found = np.empty(reward.shape)
        for part, steps in self.steps.parts():
            found[part] = steps.total(reward[part])
        return found

    def within(self, ended: np.ndarray, late: np.ndarray) -> np.ndarray:
        """Return what is counted in the step at time 0 and after it, until each time of a grid.

        Parameters
        ----------
        ended : numpy.ndarray, shape (time, draw, place)
            The chance that a stay that is not the last has ended by then.
        late : numpy.ndarray of bool, shape (time,)
            Whether a journey that began at 0 and saw nothing since has ended by then.

        Returns
        -------
        numpy.ndarray, shape (time, draw, place)
        """
        after = np.empty((len(ended), *self.counted.shape))
        for part, steps in self.steps.parts():
            after[:, part] = self._part_within(part, steps, ended[:, part], late)
        return after

    def _part_within(self, part: slice, steps: Steps, ended: np.ndarray, late: np.ndarray) -> np.ndarray:
        """Return `within` of some of the draws."""
        counted, exits = self.counted[part], self.exits[part]
        density = np.diff(ended, axis=0)
        after = np.empty((len(ended), *counted.shape))
        after[0], reached = counted, np.zeros(counted.shape)
        # Half of the first cell counts at its end, where the unknown itself stands.
        first = 0.5 * density[0]
        first_cell = steps.damped(first)
        for m in range(1, len(ended)):
            known = first * (after[m - 1] + counted)
            if m > 1:
                middle = 0.5 * (after[: m - 1] + after[1:m])[::-1]
                known = known + (density[1:m] * middle).sum(axis=0)
            if self.exit_counts and late[m]:
                known = known + exits
            reached = first_cell.solve(known, reached)
            after[m] = counted + steps.after(reached)
        return after


class OfSegment:
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
        share: np.ndarray,
    ) -> None:
        self.share = share
        self.after = self.total = np.zeros(0)
        self.posterior, self.keep, self.quantity, self.span = posterior, keep, quantity, span
        # A visit does not end the count of visits; where a journey ends by itself, it always does.
        stops = {
            "p_reach": {*targets, *rivals},
            "p_next": set(posterior.states),
        }.get(quantity, set())
        self.ways = Ways.of(posterior, p, targets, sorted({*stops, *posterior.targets}))
        self.mean = np.zeros(self.ways.counted.shape)
        if quantity == "expected_time":
            self.mean = self._mean_stay()
        if span is not None:
            times = np.linspace(0, span, _CELLS + 1)
            ended = np.stack(
                [self._ended(name, times, np.zeros(1))[:, :, 0] for name in posterior.states], axis=2
            )
            by_place = ended.transpose(1, 0, 2)[:, :, posterior.places.state]
            self.after = self.ways.within(by_place, _reaches(times, posterior.close))
        else:
            self.total = self.ways.in_total(self.mean if quantity == "expected_time" else None)

    @property
    def size(self) -> int:
        """How many numbers are held."""
        return self.after.size + self.total.size + self.ways.steps.moves.size

    def values(self, state: str, wait: np.ndarray, before: str | None = None) -> np.ndarray:
        """Return the values of journeys in a state after waits, shape (draw, wait).

        Parameters
        ----------
        state : str
        wait : numpy.ndarray, shape (wait,)
        before : str, optional
            The state before. If it is not known, the value is the average over those that were seen, each
            with the weight of its stays and of the chance to be still there after the wait.
        """
        places = self.posterior.places.of(self.posterior.states.index(state), before)
        if places.size == 1:
            return self._at_place(state, int(places[0]), wait)
        share = self.share[places]
        some = places[share > 0]
        still = self._survival(state, wait)
        found = weight = np.zeros((len(still), wait.size))
        for place in map(int, some):
            exits = self.ways.exits[:, place, None]
            there = self.share[place] * np.maximum((1 - exits) * still + exits, _TINY)
            found, weight = found + there * self._at_place(state, place, wait), weight + there
        return found / weight

    def _at_place(self, state: str, place: int, wait: np.ndarray) -> np.ndarray:
        """Return the values of journeys in a place after waits, shape (draw, wait)."""
        ways = self.ways
        exits = ways.exits[:, place, None]
        still = self._survival(state, wait)
        # What is known of a journey after its silence: either its next step is due, or there is none.
        due = np.divide(still, (1 - exits) * still + exits, out=np.zeros_like(still), where=still > 0)
        over = 1 - (1 - exits) * due
        if self.quantity == "expected_time":
            onwards = ways.onwards(self.total, place)[:, None]
            rest = due * ((1 - exits) * self._rest(state, wait) + onwards)
            return rest + over * np.maximum(self.posterior.close - wait, 0.0)
        if self.span is None:
            onwards = ways.counted[:, place] + ways.onwards(self.total, place)
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
        """Return the mean length of a stay in each place, shape (draw, place)."""
        zero, exits = np.zeros(1), self.ways.exits
        means = np.stack([self._rest(name, zero)[:, 0] for name in self.posterior.states], axis=1)
        means = means[:, self.posterior.places.state]
        return (1 - exits) * means + exits * self.posterior.close


def _reaches(time: np.ndarray, close: float) -> np.ndarray:
    """Return which times are as long as a silence that ends a journey, in whatever unit they were written."""
    return time >= close * (1 - _SAME)
