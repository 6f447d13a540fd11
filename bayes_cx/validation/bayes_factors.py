"""Bayes factors for a change between two tables, against that both have the same chances, rate or values."""

import numpy as np
from scipy.special import betaln, gammaln

__all__ = ["of_counts", "of_events", "of_shares", "of_shift"]

# The prior weight of a category, of an event, and the standard deviation of a shift in those of a value.
_WEIGHT, _EVENTS, _SHIFT = 0.5, 0.5, 0.5


def of_counts(before: np.ndarray, after: np.ndarray) -> float:
    """Return the log Bayes factor of two rows of counts, Dirichlet-multinomial with half a case a category.

    Parameters
    ----------
    before, after : numpy.ndarray, shape (category,)
        Counts; they need not be whole.

    Examples
    --------
    >>> round(of_counts(np.array([50, 50]), np.array([50, 50])), 2)
    -2.19
    >>> round(of_counts(np.array([50, 50]), np.array([90, 10])), 1)
    18.2
    """
    return _marginal(before) + _marginal(after) - _marginal(before + after) - _marginal(np.zeros(before.size))


def of_shares(k_before: float, n_before: float, k_after: float, n_after: float) -> float:
    """Return the log Bayes factor of two shares."""
    counts = (np.array([k, n - k], dtype=float) for k, n in ((k_before, n_before), (k_after, n_after)))
    return of_counts(*counts)


def of_events(k_before: float, e_before: float, k_after: float, e_after: float) -> float:
    """Return the log Bayes factor of two rates, gamma-Poisson with half an event at the common rate.

    Examples
    --------
    >>> round(of_events(100, 1000, 10, 100), 2), round(of_events(100, 1000, 30, 100), 1)
    (-1.62, 8.9)
    """
    exposure, events = e_before + e_after, k_before + k_after
    if not (exposure > 0 and e_before > 0 and e_after > 0):
        return 0.0
    beta = _EVENTS * exposure / max(events, _EVENTS)

    def marginal(k: float, e: float) -> float:
        return (
            gammaln(_EVENTS + k)
            - gammaln(_EVENTS)
            + _EVENTS * np.log(beta)
            - ((_EVENTS + k) * np.log(beta + e))
        )

    return float(marginal(k_before, e_before) + marginal(k_after, e_after) - marginal(events, exposure))


def of_shift(z: float, n_before: float, n_after: float) -> float:
    """Return the log Bayes factor of a shift, from its distance from none in standard errors.

    The shift is normal around none, with half a standard deviation of a value [wakefield2009bayes]_.

    Examples
    --------
    >>> round(of_shift(0.0, 100, 100), 2), round(of_shift(5.0, 100, 100), 2)
    (-1.3, 10.27)
    """
    if not (n_before > 0 and n_after > 0 and np.isfinite(z)):
        return 0.0
    ratio = _SHIFT**2 / (1.0 / n_before + 1.0 / n_after)
    return float(0.5 * z**2 * ratio / (1.0 + ratio) - 0.5 * np.log1p(ratio))


def _marginal(counts: np.ndarray) -> float:
    if counts.size == 2:
        return float(betaln(*(counts + _WEIGHT)))
    return float(gammaln(counts + _WEIGHT).sum() - gammaln(counts.sum() + _WEIGHT * counts.size))
