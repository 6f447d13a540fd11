r"""Linear equations of journeys, :math:`x = r + Q x`, solved draw by draw.

Where places are few that is done by matrices, and else by iteration: from k states there are up to k + 1
squared places of a journey that remembers two of them. But where a place leads depends on its state alone, so
that each row has only k numbers, and what is expected from two places of one state is nearly the same. So
equations are solved for the states, and what is left over is passed on by single steps, in turn until nothing
is left.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Steps"]

# More places than these are solved by iteration: so many rounds, to such a relative error.
_DENSE, _ROUNDS, _ERROR = 200, 60, 1e-12
# Matrices of several draws are held at once, of so many numbers in all.
_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Steps:
    """The steps of a journey that goes on, of some draws.

    Attributes
    ----------
    moves : numpy.ndarray, shape (draw, place, going on)
        The chance of each next state from which the journey goes on.
    goes_to : numpy.ndarray of int, shape (place, going on)
        The place where it is then, which is the same from all places of a state.
    state : numpy.ndarray of int, shape (place,)
        The state of each place, in increasing order.
    """

    moves: np.ndarray
    goes_to: np.ndarray
    state: np.ndarray

    @property
    def is_dense(self) -> bool:
        """Whether equations are solved by matrices of all places."""
        return len(self.state) <= _DENSE

    def parts(self) -> Iterator[tuple[slice, "Steps"]]:
        """Yield the steps of some draws after the other, so that all arrays are small."""
        draws, size, width = self.moves.shape
        many = max(1, _NUMBERS // (size * (size if self.is_dense else width)))
        for first in range(0, draws, many):
            part = slice(first, min(first + many, draws))
            yield part, Steps(self.moves[part], self.goes_to, self.state)

    def matrix(self) -> np.ndarray:
        """Return the transition probabilities among places, shape (draw, place, place)."""
        draws, size, _ = self.moves.shape
        found = np.zeros((draws, size, size))
        found[:, np.arange(size)[:, None], self.goes_to] = self.moves
        return found

    def after(self, value: np.ndarray) -> np.ndarray:
        """Return what is expected after the next step, given what is from each place; both (draw, place)."""
        found = np.empty(value.shape)
        first = np.flatnonzero(np.diff(self.state, prepend=-1))
        for start, end in zip(first, [*first[1:], len(self.state)], strict=True):
            there = value[:, self.goes_to[start]]
            found[:, start:end] = (self.moves[:, start:end] @ there[..., None])[..., 0]
        return found

    def total(self, reward: np.ndarray) -> np.ndarray:
        """Return the solution of x = reward + Q x, shape (draw, place)."""
        if self.is_dense:
            return self._dense(reward)
        x, solved = self._iterated(reward)
        for draw in np.flatnonzero(~solved):  # of journeys that hardly ever end
            x[draw] = Steps(self.moves[[draw]], self.goes_to, self.state)._dense(reward[[draw]])[0]
        return x

    def _dense(self, reward: np.ndarray) -> np.ndarray:
        size = len(self.state)
        return np.linalg.solve(np.eye(size) - self.matrix(), reward[..., None])[..., 0]

    def _iterated(self, reward: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the solution, and for which draws it was found."""
        number = int(self.state[-1]) + 1
        # Places weigh the same within their state: what is left over is zero in the end, however weighed.
        average = np.zeros((number, len(self.state)))
        average[self.state, np.arange(len(self.state))] = 1
        average /= average.sum(axis=1, keepdims=True)
        coarse = np.zeros((len(reward), number, number))
        to = self.state[self.goes_to[np.flatnonzero(np.diff(self.state, prepend=-1))]]
        coarse[:, np.arange(number)[:, None], to] = average @ self.moves
        root = np.linalg.inv(np.eye(number) - coarse)
        x, left, solved = np.zeros(reward.shape), reward, np.zeros(len(reward), bool)
        for _ in range(_ROUNDS):
            correction = root @ (average @ left[..., None])
            x = x + correction[:, self.state, 0]
            x = reward + self.after(x)
            left = reward + self.after(x) - x
            solved = np.abs(left).max(axis=1) <= _ERROR * np.abs(x).max(axis=1)
            if solved.all():
                break
        return x, solved

    def damped(self, first: np.ndarray) -> "Damped":
        """Return what solves x = known + first Q x, for many known."""
        root = None
        if self.is_dense:
            root = np.linalg.inv(np.eye(len(self.state)) - first[:, :, None] * self.matrix())
        return Damped(self, first, root)


@dataclass(frozen=True)
class Damped:
    """Solves x = known + first Q x, where first is at most a half, so that iteration always ends."""

    steps: Steps
    first: np.ndarray
    root: np.ndarray | None

    def solve(self, known: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Return x, of the shape (draw, place) of what is known; iteration begins with what is near to it."""
        if self.root is not None:
            return np.einsum("dij,dj->di", self.root, known)
        x, size = near, np.abs(known).max()
        while True:
            moved = known + self.first * self.steps.after(x)
            if np.abs(moved - x).max() <= _ERROR * size:
                return moved
            x = moved
