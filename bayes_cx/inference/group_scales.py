"""Draws of how much groups differ: importance sampling of a density in closed form."""

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp

from bayes_cx.inference.density import Mode
from bayes_cx.inference.group_effects import Effects
from bayes_cx.inference.group_quadratic import GroupQuadratic
from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import draw_t, log_t

__all__ = ["draw_scales"]

# Points for each draw: weights are cheap, and so are more of them.
_MORE = 2
# Of the scales: how many points look for where they may be, and how often; how many of them become centres of
# kernels, how wide these are, in turn, as shares of the spread of all; and the share of the prior.
_SCOUTS, _ROUNDS, _CENTRES, _WIDTHS, _PRIOR = 500, 3, 300, (0.5, 1.3), 0.1


def draw_scales(
    quadratic: GroupQuadratic, mode: Mode, n: int, degrees: float, rng: np.random.Generator
) -> tuple[np.ndarray, float, float, float]:
    """Draw `n` vectors of scales of equal weight.

    Returns
    -------
    scales : numpy.ndarray, shape (n, scale)
    khat, ess, log_integral : float
        Pareto k-hat, the effective number of draws, and the log of the integral of the density.
    """
    effects = quadratic.effects
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    centres = np.repeat(mode.u[None], 2, axis=0)
    for size in (*[_SCOUTS] * _ROUNDS, _MORE * n):
        points, log_weight = _proposed(quadratic.heights, effects, centres, root, size, degrees, rng)
        smooth, khat = smooth_weights(log_weight)
        weight = np.exp(smooth)
        off = points - weight @ points
        root = np.linalg.cholesky((off * weight[:, None]).T @ off)
        centres = points[systematic(weight, _CENTRES, rng)]
    chosen = rng.permutation(systematic(weight, n, rng))
    log_integral = float(logsumexp(log_weight) - np.log(len(points)))
    return points[chosen], float(khat), min(float(1 / (weight**2).sum()), float(n)), log_integral


def _proposed(
    heights: Callable[[np.ndarray], np.ndarray],
    effects: Effects,
    centres: np.ndarray,
    root: np.ndarray,
    n: int,
    degrees: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw from a mixture of t distributions and the prior; return points and their log weights."""
    k = root.shape[0]
    width = np.resize(_WIDTHS, len(centres))
    which = np.arange(n) % len(centres)
    points = centres[which] + width[which, None] * draw_t(n, k, degrees, rng) @ root.T
    some = rng.random(n) < _PRIOR
    points[some] = effects.sample_scales(n, rng)[some]
    white = np.linalg.solve(root, points.T).T, np.linalg.solve(root, centres.T).T
    kernels = np.empty(n)
    for start in range(0, n, _SCOUTS):
        here = slice(start, start + _SCOUTS)
        away = ((white[0][here, None] - white[1]) ** 2).sum(axis=2)
        kernels[here] = logsumexp(log_t(away / width**2, k, degrees) - k * np.log(width), axis=1)
    kernels -= np.log(np.abs(np.diagonal(root))).sum() + np.log(len(centres))
    proposal = np.logaddexp(np.log1p(-_PRIOR) + kernels, np.log(_PRIOR) + effects.log_prior(points))
    return points, heights(points) - proposal
