"""Many effects at once: most may be none, and how large the others are is learnt from all of them.

Each effect is none with a probability, or normal around none with one of several standard deviations, as in
adaptive shrinkage [stephens2017false]_. The probabilities are Dirichlet, and are integrated over by Gibbs
sampling. What the data say of an effect is given as its log-likelihood on a grid, so that nothing needs to be
nearly normal.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

__all__ = ["GRID", "Shrunk", "log_likelihoods", "shrink"]

GRID = np.arange(-160, 161) / 20
"""Values of an effect, log ratios."""

SCALES = 0.1 * np.sqrt(2.0) ** np.arange(11)
"""Standard deviations of effects that are not none: from 0.1 to 3.2."""

# How many effects that are none, and of each scale, the prior is worth.
_PRIOR = np.array([20.0, *np.ones(SCALES.size)])
_BURN_IN, _SWEEPS = 100, 400


@dataclass(frozen=True)
class Shrunk:
    """Posteriors of many effects.

    Attributes
    ----------
    probability : numpy.ndarray, shape (effect, value)
        Of each value of `GRID`, given that the effect is not none; times the chance of that.
    none : numpy.ndarray, shape (effect,)
        Probability that the effect is none.
    share_none : numpy.ndarray, shape (sweep,)
        Draws of the share of effects that are none.
    """

    probability: np.ndarray
    none: np.ndarray
    share_none: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Posterior means, shape (effect,)."""
        return self.probability @ GRID

    @property
    def sd(self) -> np.ndarray:
        """Posterior standard deviations, shape (effect,)."""
        return np.sqrt(np.maximum(self.probability @ GRID**2 - self.mean**2, 0))

    @property
    def false_sign(self) -> np.ndarray:
        """Local false-sign rates: chances that the likelier sign is wrong, or that there is no effect."""
        half = self.probability[:, GRID == 0].sum(axis=1) / 2
        above = self.probability[:, GRID > 0].sum(axis=1) + half
        below = self.probability[:, GRID < 0].sum(axis=1) + half
        return np.minimum(above, below) + self.none

    def quantiles(self, levels: np.ndarray) -> np.ndarray:
        """Return posterior quantiles, shape (level, effect)."""
        whole = self._whole()
        below = whole.cumsum(axis=1)
        found = [GRID[np.minimum((below < q - 1e-12).sum(axis=1), GRID.size - 1)] for q in levels]
        return np.array(found)

    def draws(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return draws, shape (draw, effect); of different effects they are independent."""
        below = self._whole().cumsum(axis=1)
        u = rng.random((n, len(below)))
        found = [np.searchsorted(row, u[:, j] * row[-1]) for j, row in enumerate(below)]
        return GRID[np.array(found).reshape(len(below), n).T]

    def _whole(self) -> np.ndarray:
        whole = self.probability.copy()
        whole[:, GRID == 0] += self.none[:, None]
        return whole


def shrink(log_likelihood: np.ndarray, rng: np.random.Generator) -> Shrunk:
    """Return the posteriors of many effects.

    Parameters
    ----------
    log_likelihood : numpy.ndarray, shape (effect, value)
        On `GRID`.
    """
    none = log_likelihood[:, np.argmin(np.abs(GRID))]
    prior = -0.5 * (GRID / SCALES[:, None]) ** 2
    prior -= special.logsumexp(prior, axis=1, keepdims=True)
    top = log_likelihood.max(axis=1, keepdims=True)
    likelihood = np.exp(log_likelihood - top)
    evidence = np.column_stack([np.exp(none - top[:, 0]), likelihood @ np.exp(prior).T])
    n = len(evidence)
    weight, total, shares = _PRIOR / _PRIOR.sum(), np.zeros_like(evidence), []
    for sweep in range(_BURN_IN + _SWEEPS):
        belongs = evidence * weight
        belongs /= belongs.sum(axis=1, keepdims=True)
        if sweep >= _BURN_IN:
            total += belongs
            shares.append(weight[0])
        below = belongs.cumsum(axis=1)
        drawn = np.minimum((rng.random(n)[:, None] > below).sum(axis=1), SCALES.size)
        weight = rng.dirichlet(_PRIOR + np.bincount(drawn, minlength=SCALES.size + 1))
    belongs = total / _SWEEPS
    each = belongs[:, 1:] / evidence[:, 1:]
    probability = likelihood * (each @ np.exp(prior))
    return Shrunk(probability, belongs[:, 0], np.array(shares))


def log_likelihoods(
    exposed: np.ndarray, size: np.ndarray, case: np.ndarray, which: np.ndarray, n: int
) -> np.ndarray:
    """Return conditional log-likelihoods of the log rate ratios of exposures, in matched sets.

    In a set of which k of m moments are exposed the case is an exposed one with probability
    k exp(b) / (k exp(b) + m - k).

    Parameters
    ----------
    exposed, size : numpy.ndarray of int, shape (set,)
        Number k of exposed moments, and of all of them m.
    case : numpy.ndarray of bool, shape (set,)
        Whether the case is exposed.
    which : numpy.ndarray of int, shape (set,)
        The exposure that the set tells of.
    n : int
        Number of exposures.

    Returns
    -------
    numpy.ndarray, shape (exposure, value)
        On `GRID`.
    """
    informs = exposed < size
    exposed, size, case, which = (values[informs] for values in (exposed, size, case, which))
    pairs, kind = np.unique(np.stack([exposed, size]), axis=1, return_inverse=True)
    k, m = pairs[:, :, None]
    log_total = np.log(k * np.exp(GRID) + m - k)
    counted = np.zeros((n, pairs.shape[1]))
    np.add.at(counted, (which, kind.ravel()), 1.0)
    positive = np.bincount(which[case], minlength=n)
    return positive[:, None] * GRID - counted @ log_total
