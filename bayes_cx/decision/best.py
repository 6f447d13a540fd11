"""The chance of each customer to be among the best so many."""

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["chance_among_best"]


def chance_among_best(rows: Iterable[np.ndarray], n: int, numbers: Sequence[int]) -> np.ndarray:
    """Return the share of draws in which each customer is among the best 1, 2, ... customers.

    Customers with equal values share the last places.

    Parameters
    ----------
    rows : iterable of numpy.ndarray, shape (customer,)
        One a draw, at least one.
    n : int
        Number of customers.
    numbers : sequence of int
        How many customers are the best, 0 to all of them.

    Returns
    -------
    numpy.ndarray, shape (customer, number)
        Each column adds up to its number.

    Examples
    --------
    >>> draws = np.array([[3.0, 1.0, 1.0], [2.0, 5.0, 0.0]])
    >>> chance_among_best(draws, 3, (1, 2)).tolist()
    [[0.5, 1.0], [0.5, 0.75], [0.0, 0.25]]
    """
    share = np.zeros((n, len(numbers)))
    places = [(i, number) for i, number in enumerate(numbers) if 0 < number < n]
    kth = sorted({n - number for _, number in places})
    draws = 0
    for row in rows:
        draws += 1
        in_order = np.partition(row, kth) if kth else row
        for i, number in places:
            least = in_order[n - number]
            above, tied = row > least, row == least
            share[:, i] += above + tied * ((number - above.sum()) / tied.sum())
    share /= draws
    share[:, [number >= n for number in numbers]] = 1.0
    return share
