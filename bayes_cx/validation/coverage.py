"""Coverage of predictive intervals; they are intervals of counts, so ties matter."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.stats import norm

__all__ = [
    "LEVELS",
    "TOLERANCE",
    "binomial_interval",
    "coverage",
    "inside_interval",
    "inside_randomised",
    "randomised_share",
]

LEVELS = (0.5, 0.8, 0.95)
# Coverage may differ from its level by this much more than chance explains: two points change no decision.
TOLERANCE = 0.02


def coverage(counts: np.ndarray, observed: np.ndarray, levels: Sequence[float] = LEVELS) -> xr.Dataset:
    """Compare central predictive intervals with what happened, by customer and in total.

    An interval of counts includes both its ends, so it holds more customers than its level. The randomised
    share counts a customer at an end of the interval only in part, as much as the level needs; this share
    should equal the level.

    Parameters
    ----------
    counts : numpy.ndarray of int, shape (sample, customer)
        Posterior predictive counts.
    observed : numpy.ndarray of int, shape (customer,)
    levels : sequence of float
        Probabilities of the intervals.

    Returns
    -------
    xarray.Dataset
        Over ``level``: ``customer`` (share of customers inside their interval), ``customer_randomised``, each
        with a 95% binomial interval (``_low``, ``_high``), ``n``, ``total_low`` and ``total_high`` (interval
        of the sum over customers) and ``total_inside``. Attributes ``total_observed``, ``total_predicted``
        and ``note``.
    """
    n = observed.size
    total, seen = counts.sum(axis=1, dtype=np.int64), int(observed.sum())
    rows = []
    for level in levels:
        plain = float(inside_interval(counts, observed, level).mean())
        randomised = float(inside_randomised(counts, observed, level).mean())
        low, high = np.quantile(total, [(1 - level) / 2, (1 + level) / 2])
        rows.append(
            {
                "customer": plain,
                **_named("customer", binomial_interval(plain, n)),
                "customer_randomised": randomised,
                **_named("customer_randomised", binomial_interval(randomised, n)),
                "n": n,
                "total_low": low,
                "total_high": high,
                "total_inside": bool(low <= seen <= high),
            }
        )
    return xr.Dataset(
        {name: ("level", [row[name] for row in rows]) for name in rows[0]},
        coords={"level": list(levels)},
        attrs={
            "total_observed": seen,
            "total_predicted": float(total.mean()),
            "note": (
                "An interval of counts includes both its ends, so it holds more customers than its level. "
                "The randomised share counts customers at an end only in part, and should equal the level."
            ),
        },
    )


def _named(name: str, interval: tuple[float, float]) -> dict[str, float]:
    return {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def inside_interval(counts: np.ndarray, observed: np.ndarray, level: float) -> np.ndarray:
    """Return who is inside the central interval from quantile (1 - level)/2 to (1 + level)/2, with its ends.

    With F the predictive distribution of a customer: F(y) >= (1 - level)/2 and F(y - 1) < (1 + level)/2.

    Returns
    -------
    numpy.ndarray of bool, shape (customer,)

    Examples
    --------
    >>> inside_interval(np.array([[0], [0], [0], [1]]), np.array([1]), 0.95)
    array([ True])
    """
    m = counts.shape[0]
    below, equal = _ranks(counts, observed)
    # Numbers of draws are compared, so that rounding of the level does not matter.
    tail = (1 - level) / 2 * m
    return (below + equal >= tail - 1e-9) & (below < m - tail - 1e-9)


def inside_randomised(counts: np.ndarray, observed: np.ndarray, level: float) -> np.ndarray:
    """Return the chance that the randomised PIT of each customer lies in the central interval.

    The PIT is u = (B + V (E + 1)) / (m + 1), with B of m draws below the observation, E equal to it and V
    uniform on (0, 1). If the observation is one more draw, u is exactly uniform, however few the draws. The
    chance over V has a closed form, so that no random number is needed.

    Returns
    -------
    numpy.ndarray of float, shape (customer,)

    Examples
    --------
    >>> inside_randomised(np.array([[0], [0], [0]]), np.array([0]), 0.5)
    array([0.5])
    """
    return randomised_share(*_ranks(counts, observed), counts.shape[0], level)


def randomised_share(below: np.ndarray, equal: np.ndarray, m: int, level: float) -> np.ndarray:
    """Return the same from the number of m draws below and equal to each observation, shape (customer,)."""
    low, high = below / (m + 1), (below + equal + 1) / (m + 1)
    inside = np.minimum(high, (1 + level) / 2) - np.maximum(low, (1 - level) / 2)
    return np.clip(inside, 0.0, None) / (high - low)


def _ranks(counts: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (counts < observed).sum(axis=0), (counts == observed).sum(axis=0)


def binomial_interval(share: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a share of n (Brown, Cai & DasGupta 2001, ``brown2001interval``).

    Examples
    --------
    >>> low, high = binomial_interval(0.5, 100)
    >>> round(low, 3), round(high, 3)
    (0.404, 0.596)
    """
    z = norm.ppf((1 + level) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
