"""Pareto-smoothed importance sampling.

Vehtari, Simpson, Gelman, Yao & Gabry (2024), key ``vehtari2024pareto``. ArviZ has it too, and the tests
compare the two; importing ArviZ alone takes longer than a fit.
"""

import numpy as np

__all__ = ["smooth_weights"]

# A tail of fewer points says nothing of its shape.
_FEWEST = 5
# The prior of the shape counts as so many points, half of which lie at .5.
_PRIOR = 10


def smooth_weights(log_weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Return log weights with a smooth tail, and the shape k-hat of that tail.

    Parameters
    ----------
    log_weight : numpy.ndarray, shape (draw,)
        Up to a constant; -inf is a weight of zero.

    Returns
    -------
    smooth : numpy.ndarray, shape (draw,)
        The largest weights replaced by the expected order statistics of a generalised Pareto distribution,
        none above the largest raw weight; they sum to one.
    khat : float
        Infinite where there are too few different weights to judge.
    """
    smooth = log_weight - np.max(log_weight)
    n = smooth.size
    tail_size = int(min(n / 5, 3 * np.sqrt(n)))
    order = np.argsort(smooth, kind="stable")
    tail = order[n - tail_size :]
    cutoff = max(smooth[order[n - tail_size - 1]], np.log(np.finfo(float).tiny)) if tail_size < n else -np.inf
    tail = tail[smooth[tail] > cutoff]
    khat = np.inf
    if tail.size >= _FEWEST:
        above = np.exp(smooth[tail]) - np.exp(cutoff)
        khat, sigma = _fit_pareto(above)
        if np.isfinite(khat):
            p = (np.arange(tail.size) + 0.5) / tail.size
            quantile = sigma * np.expm1(-khat * np.log1p(-p)) / khat if khat != 0 else -sigma * np.log1p(-p)
            smooth[tail] = np.minimum(np.log(quantile + np.exp(cutoff)), 0.0)
    return smooth - _log_sum(smooth), float(khat)


def _fit_pareto(x: np.ndarray) -> tuple[float, float]:
    """Return shape and scale of a generalised Pareto distribution [zhang2009new]_, x sorted."""
    n = x.size
    quartile = x[int(n / 4 + 0.5) - 1]
    if quartile <= x[0]:
        return np.inf, np.nan
    m = 30 + int(np.sqrt(n))
    theta = 1 / x[-1] + (1 - np.sqrt(m / (np.arange(m) + 0.5))) / (3 * quartile)
    k = np.log1p(-theta[:, None] * x).mean(axis=1)
    height = n * (np.log(-theta / k) - k - 1)
    weight = np.exp(height - _log_sum(height))
    mean = float(theta @ weight)
    k_mean = float(np.log1p(-mean * x).mean())
    sigma = -k_mean / mean
    return (n * k_mean + _PRIOR / 2) / (n + _PRIOR), sigma


def _log_sum(values: np.ndarray) -> float:
    top = np.max(values)
    return float(top + np.log(np.exp(values - top).sum()))
