"""Importance sampling around the mode."""

from dataclasses import dataclass

import numpy as np
from arviz_stats.base.array import array_stats
from rich.progress import track
from scipy.special import gammaln, logsumexp

from bayes_cx.inference.surface import Mode, Surface

__all__ = ["Weighed", "systematic", "weigh"]


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
    log_evidence : float
        Logarithm of the integral of the surface, estimated by the mean of the weights.
    """

    u: np.ndarray
    height: np.ndarray
    khat: float
    ess: float
    log_evidence: float


def weigh(
    f: Surface, mode: Mode, n: int, degrees: float, rng: np.random.Generator, *, progress: bool = False
) -> Weighed:
    """Propose `n` points around the mode, weigh them by the surface and resample them."""
    k = mode.u.size
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    stretch = np.sqrt(degrees / rng.chisquare(degrees, size=n))
    offset = rng.standard_normal((n, k)) * stretch[:, None]
    u = mode.u + offset @ root.T
    steps = track(u, "weighing draws", disable=not progress, transient=True)
    height = np.array([f.value_and_gradient(point)[0] for point in steps])
    height = np.where(np.isfinite(height), height, -np.inf)
    log_proposal = -0.5 * (degrees + k) * np.log1p((offset**2).sum(axis=1) / degrees)
    log_weight = height - log_proposal
    # The smoother takes minus log weights.
    smooth, khat = array_stats.psislw(-(log_weight - log_weight.max()))
    weight = np.exp(smooth - smooth.max())
    weight /= weight.sum()
    chosen = rng.permutation(systematic(weight, n, rng))
    half = gammaln((degrees + k) / 2) - gammaln(degrees / 2) - k / 2 * np.log(degrees * np.pi)
    log_size = np.log(np.diagonal(root)).sum() - half  # of the proposal without its constant
    log_evidence = float(logsumexp(log_weight) - np.log(n) + log_size)
    return Weighed(u[chosen], height[chosen], float(khat), float(1 / (weight**2).sum()), log_evidence)


def systematic(weight: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `n` positions drawn with probability `weight`, with the least noise that resampling allows."""
    ladder = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weight), ladder), weight.size - 1)
