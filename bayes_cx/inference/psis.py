"""Pareto-smoothed importance sampling.

Vehtari, Simpson, Gelman, Yao & Gabry (2024), key ``vehtari2024pareto``. ArviZ has it too, and the tests
compare the two; importing ArviZ alone takes longer than a fit, and here many sets of weights, as of the
customers left out one by one, are smoothed together.
"""

import numpy as np

__all__ = ["smooth_weights"]

# A tail of fewer points says nothing of its shape.
_FEWEST = 5
# The prior of the shape counts as so many points, half of which lie at .5.
_PRIOR = 10
# Sets of weights at once: what is computed of their tails fits a cache.
_TOGETHER = 8


def smooth_weights(log_weight: np.ndarray, *, relative_ess: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return log weights with a smooth tail, and the shape k-hat of that tail.

    Parameters
    ----------
    log_weight : numpy.ndarray, shape (..., draw)
        Up to a constant; -inf is a weight of zero.
    relative_ess : float
        Effective share of the draws.

    Returns
    -------
    smooth : numpy.ndarray, shape (..., draw)
        The largest weights replaced by the expected order statistics of a generalised Pareto distribution,
        none above the largest raw weight; they sum to one.
    khat : numpy.ndarray, shape (...)
        Infinite where there are too few different weights to judge.
    """
    smooth = log_weight - np.max(log_weight, axis=-1, keepdims=True)
    n = smooth.shape[-1]
    tail_size = min(int(min(n / 5, 3 * np.sqrt(n / relative_ess))), n - 1)
    khat = np.full(smooth.shape[:-1], np.inf)
    if tail_size >= _FEWEST:
        rows, khats = smooth.reshape(-1, n), khat.reshape(-1)
        for start in range(0, len(rows), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            khats[some] = _smooth_tails(rows[some], tail_size)
    return smooth - np.log(np.exp(smooth).sum(axis=-1, keepdims=True)), khat


def _smooth_tails(smooth: np.ndarray, size: int) -> np.ndarray:
    """Smooth the `size` largest log weights of every row in place, and return the k-hat of each."""
    n = smooth.shape[1]
    largest = np.argpartition(smooth, n - size - 1, axis=1)[:, n - size - 1 :]
    largest = np.take_along_axis(largest, np.argsort(np.take_along_axis(smooth, largest, 1), axis=1), 1)
    heights = np.take_along_axis(smooth, largest, 1)
    cutoff, heights = np.exp(heights[:, :1]), heights[:, 1:]
    khat, sigma = _fit_pareto(np.exp(heights) - cutoff)
    p = (np.arange(size) + 0.5) / size
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.minimum(np.log(sigma * _stretched(khat, -np.log1p(-p)) + cutoff), 0.0)
    # A weight of zero stays one.
    usable = np.isfinite(khat) & (heights > -np.inf)
    np.put_along_axis(smooth, largest[:, 1:], np.where(usable, wanted, heights), 1)
    return khat[:, 0]


def _stretched(k: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return (exp(k x) - 1) / k, and x where k is 0."""
    return np.where(k == 0, x, np.expm1(k * x) / k)


def _fit_pareto(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return shape and scale of generalised Pareto distributions [zhang2009new]_, both of shape (row, 1).

    The shape is infinite where a quarter of the points are equal.

    Parameters
    ----------
    x : numpy.ndarray, shape (row, point)
        Sorted.
    """
    n = x.shape[1]
    quartile = x[:, [int(n / 4 + 0.5) - 1]]
    judged = quartile > x[:, :1]
    quartile, top = (np.where(judged, each, 1.0) for each in (quartile, x[:, -1:]))
    m = 30 + int(np.sqrt(n))
    theta = 1 / top + (1 - np.sqrt(m / (np.arange(m) + 0.5))) / (3 * quartile)
    k = np.log(1 - theta[:, :, None] * np.where(judged, x, 0.0)[:, None, :]).mean(axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        height = n * (np.log(-theta / k) - k - 1)
        weight = np.exp(height - height.max(axis=1, keepdims=True))
        mean = (theta * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
        k_mean = np.log(1 - mean * x).mean(axis=1, keepdims=True)
        khat = (n * k_mean + _PRIOR / 2) / (n + _PRIOR)
        return np.where(judged, khat, np.inf), -k_mean / mean
