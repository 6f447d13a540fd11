"""Importance sampling around the mode."""

from dataclasses import dataclass

import numpy as np
from rich.progress import track
from scipy.special import gammaln, logsumexp

from bayes_cx.inference.density import Density, Mode
from bayes_cx.inference.psis import smooth_weights

__all__ = ["Weighed", "rounded", "systematic", "times", "weigh"]

# From this Pareto k on the proposal is so thin in some tail that a run may have no point there, and then its
# weights do not show what it missed. Spreads are up to a tenth too small even below .5, from where on weights
# have no variance.
_THIN = 0.2
# From here on weights have no mean, and the moments of the weighed points say nothing.
_HOPELESS = 1.0
# A proposal with the moments of the posterior still misses a tail that is longer on one side. Half as wide
# again reaches it, at the price of some six draws in ten.
_WIDER = 1.5
# To so many parts of its spread a proposal is rounded.
_PARTS = 256
# Draws weighed at once; after each of them the progress bar moves.
_BLOCK = 256


@dataclass(frozen=True)
class Weighed:
    """Draws after importance resampling.

    Attributes
    ----------
    u : numpy.ndarray, shape (draw, coordinate)
        Resampled draws, in random order.
    height : numpy.ndarray, shape (draw,)
        Log density at the draws.
    khat : float
        Pareto k of the importance weights; below .5 they have a variance.
    ess : float
        Effective number of independent draws before resampling.
    log_marginal : float
        Logarithm of the integral of the density, the marginal likelihood, estimated by the mean of the
        weights.
    """

    u: np.ndarray
    height: np.ndarray
    khat: float
    ess: float
    log_marginal: float


@dataclass(frozen=True)
class _Proposed:
    """Points of a proposal, what they weigh, and their smoothed weights, which sum to one."""

    u: np.ndarray
    height: np.ndarray
    log_weight: np.ndarray
    weight: np.ndarray
    khat: float


def weigh(
    f: Density, mode: Mode, n: int, degrees: float, rng: np.random.Generator, *, progress: bool = False
) -> Weighed:
    """Propose points around the mode, weigh them by the density and resample `n` of them.

    Where the weights show that the proposal misses a tail, a second proposal is fitted: to the moments of the
    weighed points, wider, and with twice as many points [cornuet2012adaptive]_.
    """
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    points = _propose(f, mode.u, root, n, degrees, rng, progress)
    if _THIN <= points.khat < _HOPELESS:
        centre = points.weight @ points.u
        offset = points.u - centre
        root = _WIDER * np.linalg.cholesky((offset * points.weight[:, None]).T @ offset)
        points = _propose(f, centre, root, 2 * n, degrees, rng, progress)
    chosen = rng.permutation(systematic(points.weight, n, rng))
    log_marginal = float(logsumexp(points.log_weight) - np.log(points.log_weight.size))
    ess = float(1 / (points.weight**2).sum())
    return Weighed(points.u[chosen], points.height[chosen], points.khat, ess, log_marginal)


def _propose(
    f: Density,
    centre: np.ndarray,
    root: np.ndarray,
    n: int,
    degrees: float,
    rng: np.random.Generator,
    progress: bool,
) -> _Proposed:
    """Draw from the multivariate t with this centre and root of its scale matrix, and weigh the draws."""
    centre, root = rounded(centre, root)
    k = centre.size
    stretch = np.sqrt(degrees / rng.chisquare(degrees, size=n))
    offset = rng.standard_normal((n, k)) * stretch[:, None]
    u = centre + times(offset, root)
    blocks = np.array_split(u, max(1, n // _BLOCK))
    steps = track(blocks, "weighing draws", disable=not progress, transient=True)
    height = np.concatenate([f.heights(block) for block in steps])
    height = np.where(np.isfinite(height), height, -np.inf)
    at_centre = gammaln((degrees + k) / 2) - gammaln(degrees / 2) - k / 2 * np.log(degrees * np.pi)
    at_centre -= np.log(np.diagonal(root)).sum()
    log_weight = height - at_centre + 0.5 * (degrees + k) * np.log1p((offset**2).sum(axis=1) / degrees)
    smooth, khat = smooth_weights(log_weight)
    return _Proposed(u, height, log_weight, np.exp(smooth), float(khat))


def rounded(centre: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round a proposal to parts of its spread, so that it is the same on every machine.

    Where a search ends depends on the last bits of sums, which differ between processors, and all draws would
    differ with it. The weights make up for where a proposal is, so nothing is lost.
    """
    # Of each coordinate given all others, as a power of two, by which numbers divide without rounding.
    spread = 1 / np.sqrt((np.linalg.inv(root) ** 2).sum(axis=0))
    step = np.exp2(np.floor(np.log2(spread))) / _PARTS
    return np.round(centre / step) * step, np.round(root / step[:, None]) * step[:, None]


def times(offset: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return ``offset @ root.T``, added up in the same order on every machine."""
    total = np.zeros_like(offset)
    for column in range(root.shape[1]):
        total += offset[:, column, None] * root[:, column]
    return total


def systematic(weight: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` positions drawn with probability `weight`, with the least noise that resampling allows."""
    ladder = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weight), ladder), weight.size - 1)
