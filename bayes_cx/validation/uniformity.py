"""Whether ranks are uniform, judged by their whole distribution function at once."""

from functools import lru_cache

import numpy as np
from scipy.stats import binom

__all__ = ["band", "p_value"]

# Number of simulated sets of uniform ranks.
_SETS = 10_000


def p_value(ranks: np.ndarray, draws: int, *, seed: int = 0) -> float:
    r"""Return the chance that the largest deviation of uniform ranks is as large as that of these.

    At each of the possible ranks the number of simulations up to it is binomial if ranks are uniform. The
    statistic is the smallest two-sided binomial tail over all places [sailynoja2022graphical]_; how small it
    is by chance, with all places looked at together, is found by simulation.

    Parameters
    ----------
    ranks : numpy.ndarray of int, shape (simulation,)
        Each from 0 to `draws`.
    draws : int
    seed : int
        Of the simulated sets.

    Examples
    --------
    >>> p_value(np.arange(100), draws=99)
    1.0
    >>> p_value(np.full(100, 50), draws=99) < 0.001
    True
    """
    own = _smallest(_tails(ranks.size, draws), np.bincount(ranks, minlength=draws + 1)[None])[0]
    by_chance = _by_chance(ranks.size, draws, seed)
    # The ranks themselves count as one more set, so that a simulated p-value is never zero.
    return float((1 + np.sum(by_chance <= own)) / (by_chance.size + 1))


def band(simulations: int, draws: int, level: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the band that holds the whole distribution function of uniform ranks with chance `level`.

    Returns
    -------
    low, high : numpy.ndarray, shape (draws + 1,)
        Shares of simulations up to each rank.

    Examples
    --------
    >>> low, high = band(200, 99, 0.95)
    >>> bool(low[49] < 0.5 < high[49])
    True
    """
    by_chance = _by_chance(simulations, draws, seed)
    tail = np.quantile(by_chance, 1 - level, method="lower")
    share = _shares(draws)
    low, high = (
        binom.ppf(np.clip(q, 0, 1), simulations, share) / simulations for q in (tail / 2, 1 - tail / 2)
    )
    return low, high


def _shares(draws: int) -> np.ndarray:
    return np.arange(1, draws + 2) / (draws + 1)


def _tails(simulations: int, draws: int) -> np.ndarray:
    """Return twice the smaller binomial tail of each number of simulations, shape (number, place)."""
    number, share = np.arange(simulations + 1)[:, None], _shares(draws)
    tails = 2 * np.minimum(binom.cdf(number, simulations, share), binom.sf(number - 1, simulations, share))
    return np.minimum(tails, 1.0)


def _smallest(tails: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the smallest tail of each set; `counts` of each rank have shape (set, rank)."""
    up_to = counts.cumsum(axis=1)
    return tails[up_to, np.arange(counts.shape[1])].min(axis=1)


@lru_cache(maxsize=8)
def _by_chance(simulations: int, draws: int, seed: int) -> np.ndarray:
    """Return the smallest tails of sets of uniform ranks."""
    rng, even = np.random.default_rng(seed), np.full(draws + 1, 1 / (draws + 1))
    return _smallest(_tails(simulations, draws), rng.multinomial(simulations, even, size=_SETS))
