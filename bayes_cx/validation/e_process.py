"""Evidence for a change that may be looked at every day: bets that win only if something changed."""

import numpy as np

__all__ = ["e_values", "since"]

# How large a shift of one look may be, in standard deviations: bets on small and on large ones.
_SHIFTS = (0.2, 1.0)


def e_values(z: np.ndarray) -> np.ndarray:
    r"""Return the evidence after each look that a sequence shifted at some look, against that it never did.

    If nothing changed, the :math:`z_t` are independent and standard normal (or less extreme), and the
    evidence ever reaches :math:`1 / \alpha` with probability :math:`\alpha` at most, however often one looks
    [ville1939]_. Of a shift that began with look :math:`s`, with the sum :math:`S` of the :math:`k` numbers
    since then, and a size of it that is normal with standard deviation :math:`\tau`, the evidence is
    :math:`(1 + \tau^2 k)^{-1/2} \exp\{\tau^2 S^2 / 2 (1 + \tau^2 k)\}` [robbins1970statistical]_. The
    result is its mean over two :math:`\tau` and over the beginning, of weight :math:`1 / s (s + 1)`.

    Parameters
    ----------
    z : numpy.ndarray, shape (look,)
        NaN where a look has nothing new.

    Returns
    -------
    numpy.ndarray, shape (look,)

    Examples
    --------
    >>> [round(float(e), 1) for e in e_values(np.array([0.0, 3.0, 3.0, 3.0]))]
    [0.9, 1.9, 31.8, 1419.8]
    """
    new = np.isfinite(z)
    known = z[new]
    found = np.empty(known.size)
    for t in range(1, known.size + 1):
        logs = _log_evidence(known[:t])
        # Beginnings that are still to come have won and lost nothing.
        found[t - 1] = np.exp(np.minimum(np.logaddexp.reduce(logs), 700.0)) + 1.0 / (t + 1)
    every = np.concatenate([[1.0], found])
    return every[np.cumsum(new)]


def since(z: np.ndarray, level: float = 0.9) -> tuple[int, int, int]:
    """Return the most probable first look of a shift, and the first and last of those that are probable.

    Parameters
    ----------
    z : numpy.ndarray, shape (look,)
        NaN where a look has nothing new.
    level : float
        Probability that the shift began between the last two, if every look was equally likely.
    """
    places = np.flatnonzero(np.isfinite(z))
    logs = _log_shifted(z[places])
    chance = np.exp(logs - np.logaddexp.reduce(logs))
    order = np.argsort(-chance, kind="stable")
    some = order[: int(np.searchsorted(np.cumsum(chance[order]), level)) + 1]
    return int(places[order[0]]), int(places[some.min()]), int(places[some.max()])


def _log_evidence(z: np.ndarray) -> np.ndarray:
    """Return the log of weight times evidence for each beginning, shape (beginning,)."""
    s = np.arange(1, z.size + 1)
    return _log_shifted(z) - np.log(s * (s + 1.0))


def _log_shifted(z: np.ndarray) -> np.ndarray:
    """Return the log of the evidence that a shift began with each look, shape (beginning,)."""
    n = z.size
    sums = np.cumsum(z[::-1])[::-1]
    k = np.arange(n, 0, -1)
    each = []
    for tau in _SHIFTS:
        spread = 1.0 + tau**2 * k
        each.append(tau**2 * sums**2 / (2.0 * spread) - 0.5 * np.log(spread))
    return np.logaddexp.reduce(each, axis=0) - np.log(len(_SHIFTS))
