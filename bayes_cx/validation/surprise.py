"""How surprising each period is, given all until then: standard normal numbers as long as nothing changes.

Where nothing changes, periods could have come in any order. Given what they hold together, the count of one
of them has then a known distribution, whatever the rate is, and its place there is independent of all places
before [vovk2005algorithmic]_. So nothing has to be known of the rate, and earlier periods count as well.
"""

import numpy as np
from scipy.special import bdtr, gammaln, ndtri

__all__ = ["among_periods", "of_counts", "of_rates", "of_values"]

# Counts have fewer different values than this, or are normal.
_WIDE = 4000
_EDGE = 1e-12


def of_counts(k: np.ndarray, n: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the surprise of k successes of n in each period: hypergeometric, given those so far.

    A tie is broken at random, so that the numbers are exactly standard normal. Where all or none so far were
    successes it is 0, and NaN in a period without any case, and in the first.

    Parameters
    ----------
    k, n : numpy.ndarray of int, shape (period,)
    rng : numpy.random.Generator
    """
    successes, cases = np.cumsum(k), np.cumsum(n)
    uniform = rng.random(k.size)
    found = np.full(k.size, np.nan)
    for t in range(k.size):
        if n[t] == 0 or cases[t] == n[t]:
            continue
        if successes[t] in (0, cases[t]):
            found[t] = 0.0
            continue
        low = max(0, n[t] - (cases[t] - successes[t]))
        high = min(n[t], successes[t])
        if high - low > _WIDE:
            found[t] = _normal(k[t], n[t], successes[t], cases[t], uniform[t])
            continue
        x = np.arange(low, high + 1)
        logs = _log_choose(successes[t], x) + _log_choose(cases[t] - successes[t], n[t] - x)
        chance = np.exp(logs - np.logaddexp.reduce(logs))
        at = k[t] - low
        # From the nearer end, so that a small chance is not lost in one minus another.
        below, here, above = chance[:at].sum(), chance[at], chance[at + 1 :].sum()
        found[t] = _placed(below + uniform[t] * here, above + (1.0 - uniform[t]) * here)
    return found


def of_rates(k: np.ndarray, exposure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the surprise of k events in each period: binomial, given those so far and the exposures.

    Parameters
    ----------
    k : numpy.ndarray of int, shape (period,)
    exposure : numpy.ndarray, shape (period,)
    rng : numpy.random.Generator
    """
    k = np.rint(k).astype(np.int64)
    events, total = np.cumsum(k), np.cumsum(exposure)
    uniform = rng.random(k.size)
    share = np.divide(exposure, total, out=np.ones_like(total), where=total > 0)
    below = np.where(k > 0, bdtr(np.maximum(k - 1, 0), events, share), 0.0)
    until = bdtr(k, events, share)
    # The other end by counting what did not fall into the period.
    above = np.where(events > k, bdtr(np.maximum(events - k - 1, 0), events, 1.0 - share), 0.0)
    here = np.maximum(until - below, 0.0)
    found = _placed(below + uniform * here, above + (1.0 - uniform) * here)
    found = np.where(events == 0, 0.0, found)
    return np.where((exposure > 0) & (total > exposure), found, np.nan)


def of_values(periods: list[np.ndarray]) -> np.ndarray:
    """Return the surprise of the ranks of the values in each period among all values so far.

    The sum of ranks is nearly normal from ten values on, however far out single values are.

    Parameters
    ----------
    periods : list of numpy.ndarray, each of shape (value,)
    """
    pool = np.array([])
    found = np.full(len(periods), np.nan)
    for t, values in enumerate(periods):
        n, m = values.size, pool.size
        if n and m:
            more = np.searchsorted(pool, values, "left") + np.searchsorted(pool, values, "right")
            excess = 0.5 * float(more.sum()) - 0.5 * n * m
            pool = np.sort(np.concatenate([pool, values]), kind="stable")
            _, ties = np.unique(pool, return_counts=True)
            total = float(n + m)
            spread = n * m / 12.0 * (total + 1.0 - np.sum(ties**3.0 - ties) / (total * (total - 1.0)))
            found[t] = excess / np.sqrt(spread) if spread > 0 else 0.0
        elif n:
            pool = np.sort(values)
    return found


def among_periods(z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the surprise of the place of each number among those so far.

    Where periods differ more than chance makes them, as weekdays and weekends do, the place is still uniform
    if their order does not matter.

    Parameters
    ----------
    z : numpy.ndarray, shape (period,)
        NaN where a period has nothing.
    rng : numpy.random.Generator
    """
    uniform = rng.random(z.size)
    found = np.full(z.size, np.nan)
    for t in np.flatnonzero(np.isfinite(z)):
        so_far = z[: t + 1]
        so_far = so_far[np.isfinite(so_far)]
        n = so_far.size
        below, same = int((so_far < z[t]).sum()), int((so_far == z[t]).sum())
        if n > 1:
            found[t] = ndtri((below + uniform[t] * same) / n)
    return found


def _placed(low: np.ndarray | float, high: np.ndarray | float) -> np.ndarray:
    """Return the normal number of a place, by the chance of less and of more."""
    low, high = np.maximum(low, _EDGE**6), np.maximum(high, _EDGE**6)
    return np.where(low < high, ndtri(low), -ndtri(high))


def _normal(k: int, n: int, successes: int, cases: int, uniform: float) -> float:
    share = successes / cases
    variance = n * share * (1.0 - share) * (cases - n) / (cases - 1.0)
    return float((k + uniform - 0.5 - n * share) / np.sqrt(variance))


def _log_choose(n: int, k: np.ndarray) -> np.ndarray:
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
