"""Proper scores of predictive counts: smaller is better."""

import numpy as np

__all__ = ["crps", "log_score", "pooled", "pooled_crps"]


def crps(counts: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return the continuous ranked probability score of each customer, E|X - y| - E|X - X'| / 2.

    The estimator is the fair one: it takes pairs of different draws only, so that its mean does not depend on
    the number of draws.

    Parameters
    ----------
    counts : numpy.ndarray, shape (sample, customer)
        Predictive draws X, two or more.
    observed : numpy.ndarray, shape (customer,)
        What happened, y.

    Returns
    -------
    numpy.ndarray, shape (customer,)
        In the unit of the counts.

    Examples
    --------
    >>> crps(np.array([[0], [2]]), np.array([1]))
    array([0.])
    """
    m = counts.shape[0]
    distance = np.abs(counts - observed).mean(axis=0)
    # Over sorted draws the sum of |X_i - X_j|, i < j, is linear in them.
    weight = 2.0 * np.arange(1, m + 1) - m - 1.0
    return distance - weight @ np.sort(counts, axis=0) / (m * (m - 1.0))


def pooled(counts: np.ndarray, largest: int) -> np.ndarray:
    """Return the predictive distribution of a customer taken at random, over 0 to `largest`.

    Every count gets one extra draw, so that no count has probability zero.
    """
    found = np.bincount(counts.ravel(), minlength=largest + 1) + 1.0
    return found / found.sum()


def log_score(
    counts: np.ndarray, observed: np.ndarray, everybody: np.ndarray, alike: np.ndarray | None = None
) -> np.ndarray:
    """Return minus the logarithm of the predictive probability of what each customer did.

    The probability is the share of draws that equal the observation, after one draw from `everybody` is
    added, so that no count has probability zero. Customers with equal histories have the same predictive
    distribution, so their draws are pooled.

    Parameters
    ----------
    counts : numpy.ndarray, shape (sample, customer)
    observed : numpy.ndarray, shape (customer,)
    everybody : numpy.ndarray, shape (count,)
        From `pooled`.
    alike : numpy.ndarray of int, shape (customer,), optional
        The number of each customer's history; by default all differ.

    Returns
    -------
    numpy.ndarray, shape (customer,)
    """
    hits, draws = (counts == observed).sum(axis=0), np.full(observed.size, counts.shape[0])
    order = np.array([], int) if alike is None else np.argsort(alike, kind="stable")
    ends = [] if alike is None else np.cumsum(np.bincount(alike))[:-1]
    for some in np.split(order, ends):
        if some.size > 1:
            drawn = np.bincount(counts[:, some].ravel(), minlength=int(observed[some].max()) + 1)
            hits[some], draws[some] = drawn[observed[some]], counts.shape[0] * some.size
    return -np.log((hits + everybody[observed]) / (draws + 1.0))


def pooled_crps(everybody: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return the score of the forecast `everybody`, the same for all customers, shape (customer,)."""
    k = np.arange(everybody.size)
    F = np.cumsum(everybody)
    spread = np.sum(F * (1.0 - F))
    values, inverse = np.unique(observed, return_inverse=True)
    return (np.abs(k - values[:, None]) @ everybody - spread)[inverse]
