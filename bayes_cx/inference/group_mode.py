"""The mode of the effects of a design with groups, and the quadratic likelihood around it."""

import numpy as np
from scipy.sparse import bsr_array, csr_array

from bayes_cx.errors import FitError
from bayes_cx.inference.by_pattern import ByPattern
from bayes_cx.inference.density import Density, Mode, find_mode
from bayes_cx.inference.group_effects import Effects, adding
from bayes_cx.inference.group_quadratic import GroupQuadratic
from bayes_cx.inference.predictor import SPREAD

__all__ = ["expanded", "find_groups"]

# Steps to the mode, at most; and how near the last one has to come, in units of log density.
_STEPS, _NEAR = 60, 1e-4
# Scales are not looked at before the search is as near as this; then they are improved, so often at each step
# and by so much at most; the best are looked for at the end.
_FAR, _CLOSE, _IMPROVED, _FASTEST = 20.0, 0.5, 3, 1.0
# For differences of slopes.
_STEP = 1e-4


def find_groups(
    likelihood: ByPattern, effects: Effects, *, apart: bool = False
) -> tuple[GroupQuadratic, Mode]:
    """Return the likelihood around the mode of the effects, at the most probable scales, and those.

    Parameters
    ----------
    likelihood : ByPattern
    effects : Effects
    apart : bool
        Whether that of each pattern is bent downwards, and not only that of each group.

    Raises
    ------
    FitError
        If no maximum is found.
    numpy.linalg.LinAlgError
        If the quadratic is not bent downwards, which it always is where patterns are taken apart.
    """
    inner = np.zeros((len(effects.inner), 1, effects.groups))
    outer = np.zeros((1, effects.size))
    outer[0, -effects.k :] = likelihood.point.start
    scales = np.zeros(len(effects.scales))
    scales[: len(effects.pools)] = np.log(0.3)
    newton, mode = np.inf, None
    for _ in range(_STEPS):
        quadratic = expanded(likelihood, effects, inner, outer, apart=apart)
        if newton < _CLOSE:
            mode = find_mode(_density(quadratic, scales))
            scales = mode.u
        elif newton < _FAR:
            scales = _improved(quadratic, scales)
        normal = quadratic.given(scales[None])
        to_outer = normal.outer(np.zeros_like(outer))
        to_inner = normal.inner(to_outer)
        step_outer, step_inner = to_outer - outer, to_inner - inner
        newton = 0.5 * float(((normal.lower[0].T @ step_outer[0]) ** 2).sum())
        own = step_inner + np.einsum("irng,nr->ing", normal.gain, step_outer)
        for j in range(len(own)):
            newton += 0.5 * float(((normal.root[j:, j] * own[j:]).sum(axis=0) ** 2).sum())
        if newton < _NEAR and mode is not None:
            return quadratic, mode
        # No step is so long that the quadratic would say nothing of where it ends.
        longest = max(np.abs(step_outer).max(), np.abs(step_inner).max(initial=0.0))
        outer, inner = outer + step_outer / max(1.0, longest), inner + step_inner / max(1.0, longest)
    if newton < _CLOSE and mode is not None:
        return quadratic, mode
    raise FitError(
        "a posterior of groups without a maximum that a search comes to",
        "a maximum inside the parameter space",
        "give more data, or sample by method=NUTS()",
    )


def expanded(
    likelihood: ByPattern, effects: Effects, inner: np.ndarray, outer: np.ndarray, *, apart: bool = False
) -> GroupQuadratic:
    """Return the quadratic around effects, by differences of the slopes."""
    k = effects.k
    eta = effects.eta(inner, outer)
    steps = _STEP * np.eye(k)[:, None]
    points = np.concatenate([eta, eta + steps, eta - steps])
    heights, slopes = likelihood.with_slopes(points)
    curvature = (slopes[k + 1 :] - slopes[1 : k + 1]).transpose(1, 0, 2) / (2 * _STEP)
    eta, slope = eta[0], slopes[0]
    curvature = _bent(effects, (curvature + curvature.transpose(0, 2, 1)) / 2, slope, apart)
    lean = slope + np.einsum("pij,pj->pi", curvature, eta)
    height = float((heights[0] - (slope * eta).sum(axis=1)).sum())
    height -= 0.5 * float(np.einsum("pi,pij,pj->", eta, curvature, eta))
    n, every = effects.patterns, np.arange(effects.patterns)
    block = bsr_array((curvature, every, np.arange(n + 1)), shape=(n * k, n * k))
    spread = csr_array(block @ effects.matrix)
    size = effects.size
    full = np.asarray((effects.matrix.T @ spread).todense())
    rest = effects.matrix.T @ lean.ravel()
    at_prior, prior_slope, prior_curvature = _coordinates_prior(likelihood, outer[0, -k:])
    centre = outer[0, -k:]
    full[-k:, -k:] += np.diag(prior_curvature)
    rest[-k:] += prior_slope + prior_curvature * centre
    height += at_prior - float(prior_slope @ centre + 0.5 * prior_curvature @ centre**2)
    groups, on = effects.groups, effects.columns
    own = (effects.adding @ lean[:, on]).T
    block = (effects.adding @ curvature[:, on][:, :, on].reshape(n, -1)).reshape(groups, on.size, on.size)
    joint = np.zeros((on.size, size, groups))
    for i, c in enumerate(on):
        joint[i] = np.asarray((effects.adding @ spread[c::k]).todense()).T
    return GroupQuadratic(effects, height, own, block.transpose(1, 2, 0), joint, rest, full)


def _bent(effects: Effects, curvature: np.ndarray, slope: np.ndarray, apart: bool) -> np.ndarray:
    """Return curvatures with those of groups mended that are not bent downwards everywhere.

    Of the likelihood of few customers some are not. What is negative is set to zero, and as much in the
    direction of the slope keeps the quadratic from rising by more than a unit of log density.
    """
    k = effects.k
    group = np.arange(effects.patterns) if apart else effects.group
    total_of = adding(group, int(group.max()) + 1)
    total = (total_of @ curvature.reshape(-1, k * k)).reshape(-1, k, k)
    size, directions = np.linalg.eigh(total)
    bad = size[:, 0] < 0
    if not bad.any():
        return curvature
    size, directions, steep = size[bad], directions[bad], (total_of @ slope)[bad]
    more = (directions * np.maximum(-size, 0.0)[:, None]) @ directions.transpose(0, 2, 1)
    share = np.minimum(0.5, -size[:, 0] / np.maximum((steep**2).sum(axis=1), 1e-300))
    more += share[:, None, None] * steep[:, :, None] * steep[:, None]
    mended = np.zeros_like(total)
    mended[bad] = more
    return curvature + (mended / np.bincount(group)[:, None, None])[group]


def _coordinates_prior(likelihood: ByPattern, u: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log prior of the coordinates, its slopes, and minus its second derivatives."""
    k, f = u.size, len(likelihood.point.free)
    steps = _STEP * np.eye(k)
    found = likelihood.point.at(np.concatenate([u[None], u + steps, u - steps]))
    slopes = np.array(found[-k:])
    curvature = np.diagonal(slopes[:, k + 1 :] - slopes[:, 1 : k + 1]) / (2 * _STEP)
    return float(found[k + f][0]), slopes[:, 0], np.maximum(curvature, 0.0)


def _density(quadratic: GroupQuadratic, start: np.ndarray) -> Density:
    """Return the log density of the scales."""
    effects, names = quadratic.effects, quadratic.effects.scales

    def value_and_gradient(u: np.ndarray) -> tuple[float, np.ndarray]:
        normal = quadratic.given(u[None])
        return float(normal.log_size[0] + effects.log_prior(u[None])[0]), normal.slopes()[0]

    return Density(
        value_and_gradient=value_and_gradient,
        heights=quadratic.heights,
        named=lambda points: list(np.exp(points).T),
        names=names,
        dims=dict.fromkeys(names, ()),
        coords={},
        start=start,
        elements=names,
    )


def _improved(quadratic: GroupQuadratic, scales: np.ndarray) -> np.ndarray:
    """Return more probable standard deviations, by steps of expectation and maximisation."""
    n = len(quadratic.effects.pools)
    free = np.array([len(pool.groups) for _, pool in quadratic.effects.pools]) - 1
    for _ in range(_IMPROVED):
        squares = quadratic.given(scales[None]).squares()[0]
        variance = 2 * squares / (free + np.sqrt(free**2 + 4 * squares / SPREAD**2))
        step = np.clip(0.5 * np.log(variance) - scales[:n], -_FASTEST, _FASTEST)
        scales = np.concatenate([scales[:n] + step, scales[n:]])
    return scales
