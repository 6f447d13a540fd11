"""The chance of each customer to be among the best so many."""

from collections.abc import Sequence

import numpy as np

__all__ = ["chance_among_best"]


def chance_among_best(values: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Return the share of draws in which each customer is among the best 1, 2, ... customers.

    Customers with equal values share the last places.

    Parameters
    ----------
    values : numpy.ndarray, shape (sample, customer)
    numbers : sequence of int
        How many customers are the best, 0 to all of them.

    Returns
    -------
    numpy.ndarray, shape (customer, number)
        Each column adds up to its number.

    Examples
    --------
    >>> chance_among_best(np.array([[3.0, 1.0, 1.0], [2.0, 5.0, 0.0]]), (1, 2)).tolist()
    [[0.5, 1.0], [0.5, 0.75], [0.0, 0.25]]
    """
    draws, n = values.shape
    share = np.zeros((n, len(numbers)))
    share[:, [number >= n for number in numbers]] = 1.0
    places = [(i, number) for i, number in enumerate(numbers) if 0 < number < n]
    if not places:
        return share
    kth = sorted({n - number for _, number in places})
    for row in values:
        in_order = np.partition(row, kth)
        for i, number in places:
            least = in_order[n - number]
            above, tied = row > least, row == least
            share[:, i] += above + tied * ((number - above.sum()) / tied.sum())
    share[:, [i for i, _ in places]] /= draws
    return share
