"""Where a journey is: in a state, or in a state together with the one before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Places", "places_of"]


@dataclass(frozen=True)
class Places:
    """The places of a journey, on which it has no further memory.

    With a memory of one state the places are the states. With two they are the states together with the state
    before, as far as both were seen; of each state there is one more, for all others before it.

    Attributes
    ----------
    before : tuple of (str or None)
        The state before, empty before the start; None where it is any other, or not remembered.
    state : numpy.ndarray of int, shape (place,)
        Position of the state.
    goes_to : numpy.ndarray of int, shape (place, next)
        The place after each following state; -1 where it is the end of a journey.
    """

    before: tuple[str | None, ...]
    state: np.ndarray
    goes_to: np.ndarray

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.before)

    def of(self, state: int, before: str | None = None) -> np.ndarray:
        """Return the places of a state; of one state before, if it is named."""
        found = np.flatnonzero(self.state == state)
        if before is None or found.size == 1:
            return found
        exact = [place for place in found if self.before[place] == before]
        return np.array(exact or [place for place in found if self.before[place] is None], np.intp)


def places_of(states: Sequence[str], following: Sequence[str], seen: np.ndarray | None = None) -> Places:
    """Return the places of journeys between states.

    Parameters
    ----------
    states, following : sequence of str
        The states that a journey can be in, the start first, and those that can follow.
    seen : numpy.ndarray of bool, shape (before, state), optional
        With a memory of two states: whether a stay was seen in a state after another, the first row being of
        those after none.

    Examples
    --------
    >>> places_of(["start", "a"], ["a", "exit"], np.array([[1, 0], [0, 1], [0, 0]], bool)).before
    ('', 'start', None)
    """
    size = len(states)
    if seen is None:
        pairs: list[tuple[int | None, int]] = [(None, state) for state in range(size)]
    else:
        pairs = []
        for state in range(size):
            pairs += [(int(past), state) for past in np.flatnonzero(seen[:, state])]
            if state > 0 or not seen[:, state].any():  # nothing comes before the start
                pairs.append((None, state))
    number = {pair: place for place, pair in enumerate(pairs)}
    goes_to = np.full((len(pairs), len(following)), -1)
    for column, name in enumerate(following):
        if name in states:
            to = list(states).index(name)
            for place, (_, state) in enumerate(pairs):
                # The first row of `seen` is of those after none, so states before are counted from one.
                goes_to[place, column] = number.get((state + 1, to), number.get((None, to), -1))
    names = ("", *states)
    return Places(
        tuple(None if past is None else names[past] for past, _ in pairs),
        np.array([state for _, state in pairs], np.intp),
        goes_to,
    )
