"""Draws of scales, of whose density in closed form each value is cheap: importance sampling from kernels."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from bayes_cx.inference.density import Mode
from bayes_cx.inference.laplace import rounded, systematic, times
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import draw_t, log_t

__all__ = ["OfScales", "ScaleDraws", "draw_scales"]

# How many points look for where scales may be, and how often; how many of them become centres of kernels, how
# wide these are and the one around all of them, in spreads of all; and the share of the prior.
_SCOUTS, _ROUNDS, _CENTRES, _NARROW, _WIDE, _PRIOR = 1000, 3, 200, 0.9, 2.0, 0.25
# Distances held at once.
_TOGETHER = 4000


@dataclass(frozen=True)
class OfScales:
    """What is known of the logarithms of scales.

    Attributes
    ----------
    heights : callable
        ``points -> log density``, up to a constant, of shape (point,).
    from_prior : callable
        ``(n, rng) -> points`` drawn from the prior.
    log_prior : callable
        ``points -> log density`` of the prior.
    half_normal : numpy.ndarray of bool, shape (scale,)
        Which have half-normal priors. Where data say little, the density of such a scale is highest at zero,
        and that of its logarithm has a long tail; that of its cube root is nearly normal. So the cube root is
        drawn.
    """

    heights: Callable[[np.ndarray], np.ndarray]
    from_prior: Callable[[int, np.random.Generator], np.ndarray]
    log_prior: Callable[[np.ndarray], np.ndarray]
    half_normal: np.ndarray

    def to_roots(self, points: np.ndarray) -> np.ndarray:
        """Return points with the cube roots of the scales that are half-normal."""
        return np.where(self.half_normal, np.exp(points / 3), points)

    def from_roots(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points with logarithms of all scales, and the log volume; -inf where there is none."""
        positive = np.where(self.half_normal, points, 1.0)
        possible = (positive > 0).all(axis=1)
        log_root = np.log(np.where(positive > 0, positive, 1.0))
        volume = (np.log(3) - log_root)[:, self.half_normal].sum(axis=1)
        found = np.where(self.half_normal, 3 * log_root, points)
        return found, np.where(possible, volume, -np.inf)


@dataclass(frozen=True)
class ScaleDraws:
    """Draws of equal weight.

    Attributes
    ----------
    points : numpy.ndarray, shape (draw, scale)
    khat, ess : float
        Pareto k-hat of the weights, and the effective number of draws.
    log_integral : float
        Logarithm of the integral of the density.
    """

    points: np.ndarray
    khat: float
    ess: float
    log_integral: float


def draw_scales(
    of: OfScales, mode: Mode, n: int, degrees: float, rng: np.random.Generator, *, proposed: int
) -> ScaleDraws:
    """Draw the logarithms of scales, `n` of equal weight.

    What persists for a week is like what does not persist, and few groups say little of how much they differ,
    so the density bends, is skew and may have two tops. First samples find where it is, from around the mode
    on. The last, of `proposed` points, is from a mixture with a kernel at some points of those, drawn
    together so that all of them are as wide as the density, and one that is wider. A quarter of each is from
    the prior, so that no weight is beyond bounds.
    """
    middle = of.to_roots(mode.u[None])[0]
    slope = np.where(of.half_normal, middle / 3, 1.0)
    spread = np.linalg.inv(mode.precision) * slope * slope[:, None]
    mean, root = rounded(middle, np.linalg.cholesky(spread))
    centres = mean[None]
    for _ in range(_ROUNDS):
        points, log_weight = _proposed(of, centres, mean, root, _SCOUTS, degrees, rng)
        weight = np.exp(smooth_weights(log_weight)[0])
        mean = weight @ points
        off = points - mean
        mean, root = rounded(mean, np.linalg.cholesky((off * weight[:, None]).T @ off))
        some = points[systematic(weight, _CENTRES, rng)]
        centres = mean + np.sqrt(1 - _NARROW**2) * (some - mean)
    points, log_weight = _proposed(of, centres, mean, root, proposed, degrees, rng)
    smooth, khat = smooth_weights(log_weight)
    weight = np.exp(smooth)
    chosen = rng.permutation(systematic(weight, n, rng))
    ess = min(float(1 / (weight**2).sum()), float(n))
    return ScaleDraws(
        of.from_roots(points[chosen])[0],
        float(khat),
        ess,
        float(logsumexp(log_weight) - np.log(log_weight.size)),
    )


def _proposed(
    of: OfScales,
    centres: np.ndarray,
    mean: np.ndarray,
    root: np.ndarray,
    n: int,
    degrees: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw from a mixture of t distributions and the prior; return points as roots, and log weights."""
    k = root.shape[0]
    wide = rng.random(n) < 0.5
    middle = np.where(wide[:, None], mean, centres[np.arange(n) % len(centres)])
    points = middle + np.where(wide, _WIDE, _NARROW)[:, None] * times(draw_t(n, k, degrees, rng), root)
    some = rng.random(n) < _PRIOR
    points[some] = of.to_roots(of.from_prior(n, rng)[some])
    white, of_centres, of_mean = (
        solve_triangular(root, each.T, lower=True).T for each in (points, centres, mean[None])
    )
    narrow = np.empty(n)
    for start in range(0, n, _TOGETHER):
        here = slice(start, start + _TOGETHER)
        away = cdist(white[here], of_centres, "sqeuclidean")
        narrow[here] = logsumexp(log_t(away / _NARROW**2, k, degrees) - k * np.log(_NARROW), axis=1)
    narrow -= np.log(len(centres))
    broad = log_t(((white - of_mean) ** 2).sum(axis=1) / _WIDE**2, k, degrees) - k * np.log(_WIDE)
    kernels = np.logaddexp(narrow, broad) - np.log(2) - np.log(np.diagonal(root)).sum()
    logs, volume = of.from_roots(points)
    possible = np.isfinite(volume)
    prior, height = np.full(n, -np.inf), np.full(n, -np.inf)
    prior[possible] = of.log_prior(logs[possible]) + volume[possible]
    height[possible] = of.heights(logs[possible]) + volume[possible]
    return points, height - np.logaddexp(np.log1p(-_PRIOR) + kernels, np.log(_PRIOR) + prior)
