r"""The posterior of a design with groups: normal approximations inside, importance sampling outside.

Given the scales of groups, how much these differ, the effects of a design are nearly normal. So

- the log-likelihood of each pattern of customers is taken as quadratic around the mode, which gives the
  scales a density in closed form. They are sampled by importance sampling, as any few parameters are;
- given the scales, the outer effects (`effects.py`) are drawn from a normal distribution, each group of the
  inner ones being integrated out;
- given those, groups are independent. Each has a few candidates for its offsets, most from its own normal
  distribution and one from that of the groups. Their weights by the likelihood itself say how probable the
  group is, and one of them is drawn [tran2013importance]_. So what is not normal in one group is made up for in
  that group, and does not thin out the draws of all of them;
- importance weights make up for what is left, which Pareto k-hat checks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from scipy.sparse import bsr_array, csr_array
from scipy.special import logsumexp

from bayes_cx.compiling import uses_kernels
from bayes_cx.data import unique_rows
from bayes_cx.errors import FitError
from bayes_cx.inference.by_pattern import ByPattern
from bayes_cx.inference.density import Density, Mode, find_mode
from bayes_cx.inference.effects import Effects
from bayes_cx.inference.laplace import Weighed, systematic
from bayes_cx.inference.methods import Laplace
from bayes_cx.inference.predictor import SPREAD
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import draw_t, log_t

__all__ = ["Grouped", "grouped"]

# Steps to the mode, at most; and how near the last one has to come, in units of log density.
_STEPS, _NEAR = 100, 1e-6
# Scales are not looked at before the search is as near as this; then they are improved, so often at each step
# and by so much at most; the best are looked for at the end.
_FAR, _CLOSE, _IMPROVED, _FASTEST = 20.0, 0.5, 3, 1.0
# For differences of slopes.
_STEP = 1e-4
# Of the scales: how many points look for where they may be, and how often; how many of them become centres of
# kernels, how wide these are, in turn, as shares of the spread of all; and the share of the prior.
_SCOUTS, _ROUNDS, _CENTRES, _WIDTHS, _PRIOR = 500, 3, 300, (0.5, 1.3), 0.1
# Numbers held at once where scales are looked at together.
_TOGETHER = 2_000_000
# Candidates of a group, at least and at most; those of the pilot and its draws; and the variance, relative to
# the square of its mean, that the estimates of all groups may have together.
_CANDIDATES, _PILOT, _VARIANCE = (4, 64), (32, 24), 0.3


@dataclass(frozen=True)
class Quadratic:
    """The log-likelihood of patterns, taken as quadratic, as a function of effects.

    With v the inner effects of a group and r the outer ones, it is the sum over groups of
    ``own' v - v' blocks v / 2 - v' joint r``, plus ``rest' r - r' outer r / 2 + height``. The prior of the
    coordinates is part of it.

    Attributes
    ----------
    effects : Effects
    height : float
    own : numpy.ndarray, shape (group, inner pool)
    blocks : numpy.ndarray, shape (group, inner pool, inner pool)
    joint : numpy.ndarray, shape (group, inner pool, outer effect)
    rest : numpy.ndarray, shape (outer effect,)
    outer : numpy.ndarray, shape (outer effect, outer effect)
    """

    effects: Effects
    height: float
    own: np.ndarray
    blocks: np.ndarray
    joint: np.ndarray
    rest: np.ndarray
    outer: np.ndarray

    def given(self, scales: np.ndarray) -> "Normal":
        """Return the normal distribution of the effects given scales, shape (point, scale)."""
        effects = self.effects
        precision = self.outer + effects.precision(scales)
        rest = np.broadcast_to(self.rest, (len(scales), self.rest.size))
        log_size = effects.log_size(scales) + self.height
        gain = mean = spread = None
        if effects.inner:
            own = self.blocks + _diagonal(effects.spread(scales) ** -2.0)[:, None]
            spread = np.linalg.inv(own)
            log_size = log_size - 0.5 * np.linalg.slogdet(own)[1].sum(axis=1)
            mean = np.einsum("ngij,gj->ngi", spread, self.own)
            gain = spread @ self.joint
            n, _, _, size = gain.shape
            flat = self.joint.reshape(-1, size)
            precision = precision - flat.T @ gain.reshape(n, -1, size)
            rest = rest - mean.reshape(n, -1) @ flat
            log_size = log_size + 0.5 * np.einsum("ngi,gi->n", mean, self.own)
        root = np.linalg.cholesky(precision)
        white = np.linalg.solve(root, rest[..., None])[..., 0]
        log_size = log_size - np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        log_size = log_size + 0.5 * (white**2).sum(axis=1) + 0.5 * effects.k * np.log(2 * np.pi)
        return Normal(effects, scales, log_size, root, white, mean, gain, spread)

    @property
    def together(self) -> int:
        """How many scales are looked at together."""
        return max(1, _TOGETHER // (self.joint.size + self.outer.size + 1))

    def heights(self, scales: np.ndarray) -> np.ndarray:
        """Return the log posterior density of scales, effects integrated out, shape (point,)."""
        parts = [self.given(some).log_size for some in _blocks(scales, self.together)]
        return np.concatenate(parts) + self.effects.log_prior(scales)


@dataclass(frozen=True)
class Normal:
    """The normal distribution of effects given scales.

    Attributes
    ----------
    effects : Effects
    scales : numpy.ndarray, shape (point, scale)
    log_size : numpy.ndarray, shape (point,)
        Log of the integral over the effects.
    root, white : numpy.ndarray
        Of the outer effects r, ``root' r`` is normal with mean `white` and variance 1.
    mean, gain, spread : numpy.ndarray, optional
        Given r the inner effects of a group have the mean ``mean - gain r`` and the covariance `spread`.
    """

    effects: Effects
    scales: np.ndarray
    log_size: np.ndarray
    root: np.ndarray
    white: np.ndarray
    mean: np.ndarray | None
    gain: np.ndarray | None
    spread: np.ndarray | None

    def outer(self, z: np.ndarray) -> np.ndarray:
        """Return the outer effects at standard normal z, shape (point, outer effect)."""
        return np.linalg.solve(self.root.transpose(0, 2, 1), (self.white + z)[..., None])[..., 0]

    def inner(self, outer: np.ndarray) -> np.ndarray:
        """Return the means of the inner effects given the outer ones, shape (point, group, inner pool)."""
        if self.mean is None or self.gain is None:
            return np.zeros((len(outer), 0, 0))
        return self.mean - (self.gain @ outer[:, None, :, None])[..., 0]


    def squares(self) -> np.ndarray:
        """Return the mean of the sum of squares of the offsets of each pool, shape (point, pool).

        Where groups are ordered it is that of the innovations, in the metric of their correlations.
        """
        effects = self.effects
        outer = self.outer(np.zeros_like(self.white))
        inverse = np.linalg.inv(self.root)
        covariance = inverse.transpose(0, 2, 1) @ inverse
        found = np.empty((len(outer), len(effects.pools)))
        for i, place in effects.outer:
            second = covariance[:, place, place] + outer[:, place, None] * outer[:, None, place]
            found[:, i] = (effects.metric(self.scales, i) * second).sum(axis=(1, 2))
        if self.spread is not None and self.gain is not None:
            variance = np.diagonal(self.spread, axis1=2, axis2=3)
            variance = variance + ((self.gain @ covariance[:, None]) * self.gain).sum(axis=3)
            found[:, list(effects.inner)] = (self.inner(outer) ** 2 + variance).sum(axis=1)
        return found


class Grouped:
    """A design with groups on prepared statistics, ready to be explored.

    Parameters
    ----------
    prepared : Prepared
    chosen : mapping of str to float
        The values of the choices.
    likelihood : ByPattern
    effects : Effects
    row : numpy.ndarray of int, shape (row,)
        The pattern of each row.
    """

    def __init__(
        self,
        prepared: Prepared,
        chosen: Mapping[str, float],
        likelihood: ByPattern,
        effects: Effects,
        row: np.ndarray,
    ) -> None:
        self.prepared, self.chosen = prepared, chosen
        self.likelihood, self.effects, self.row = likelihood, effects, row

    def explore(self, method: Laplace, rng_seed: Sequence[int]) -> "tuple[Weighed, Mode, dict[str, xr.Dataset]]":
        """Return weighed draws, the mode of the scales, and the groups of the draws.

        The vectors of the draws are (inner effects, outer effects, scales).

        Raises
        ------
        FitError
            If no maximum is found.
        """
        rng, n = np.random.default_rng(rng_seed), method.draws
        quadratic, mode = self._search()
        scales, scales_khat, scales_ess, log_marginal = self._scales(quadratic, mode, n, method.degrees, rng)
        inner, outer, log_weight, height = self._effects(quadratic, scales, method.degrees, rng)
        smooth, khat = smooth_weights(log_weight)
        weight = np.exp(smooth)
        chosen = rng.permutation(systematic(weight, n, rng))
        vectors = np.concatenate([inner.reshape(n, -1), outer, scales], axis=1)
        weighed = Weighed(
            u=vectors[chosen],
            height=height[chosen],
            khat=max(float(khat), scales_khat),
            # Of the draws that were resampled once, so many are left.
            ess=scales_ess * float(1 / (weight**2).sum()) / n,
            log_marginal=log_marginal + float(logsumexp(log_weight) - np.log(n)),
        )
        groups = self._named(inner[chosen], outer[chosen], scales[chosen], weighed.height)
        return weighed, mode, groups

    def _search(self) -> tuple[Quadratic, Mode]:
        """Return the likelihood around the mode of the effects, at the most probable scales, and those."""
        effects = self.effects
        inner = np.zeros((1, effects.groups, len(effects.inner)))
        outer = np.zeros((1, effects.matrix.shape[1]))
        outer[0, -effects.k :] = self.likelihood.point.start
        scales = np.zeros(len(effects.scales))
        scales[: len(effects.pools)] = np.log(0.3)
        newton, mode = np.inf, None
        for _ in range(_STEPS):
            quadratic = self._expanded(inner, outer)
            if newton < _CLOSE:
                mode = find_mode(_density(quadratic, scales))
                scales = mode.u
            elif newton < _FAR:
                scales = _improved(quadratic, scales)
            normal = quadratic.given(scales[None])
            to_outer = normal.outer(np.zeros_like(outer))
            to_inner = normal.inner(to_outer)
            step_outer, step_inner = to_outer - outer, to_inner - inner
            newton = 0.5 * float(((normal.root[0].T @ step_outer[0]) ** 2).sum())
            if effects.inner and normal.spread is not None and normal.gain is not None:
                apart = step_inner + (normal.gain @ step_outer[:, None, :, None])[..., 0]
                white = np.linalg.solve(np.linalg.cholesky(normal.spread), apart[..., None])
                newton += 0.5 * float((white**2).sum())
            if newton < _NEAR and mode is not None:
                return quadratic, mode
            # No step is so long that the quadratic would say nothing of where it ends.
            longest = max(np.abs(step_outer).max(), np.abs(step_inner).max(initial=0.0))
            outer, inner = outer + step_outer / max(1.0, longest), inner + step_inner / max(1.0, longest)
        raise FitError(
            "a posterior of groups without a maximum that a search comes to",
            "a maximum inside the parameter space",
            "give more data, or sample by method=NUTS()",
        )

    def _expanded(self, inner: np.ndarray, outer: np.ndarray) -> Quadratic:
        """Return the quadratic around effects, by differences of the slopes."""
        effects, k = self.effects, self.effects.k
        eta = effects.eta(inner, outer)
        steps = _STEP * np.eye(k)[:, None]
        points = np.concatenate([eta, eta + steps, eta - steps])
        heights, slopes = self.likelihood.with_slopes(points)
        curvature = (slopes[k + 1 :] - slopes[1 : k + 1]).transpose(1, 0, 2) / (2 * _STEP)
        eta, slope = eta[0], slopes[0]
        curvature = self._bent((curvature + curvature.transpose(0, 2, 1)) / 2, slope)
        lean = slope + np.einsum("pij,pj->pi", curvature, eta)
        height = float((heights[0] - (slope * eta).sum(axis=1)).sum())
        height -= 0.5 * float(np.einsum("pi,pij,pj->", eta, curvature, eta))
        n, every = effects.patterns, np.arange(effects.patterns)
        block = bsr_array((curvature, every, np.arange(n + 1)), shape=(n * k, n * k))
        spread = csr_array(block @ effects.matrix)
        size = effects.matrix.shape[1]
        full = np.asarray((effects.matrix.T @ spread).todense())
        rest = effects.matrix.T @ lean.ravel()
        at_prior, prior_slope, prior_curvature = self._coordinates_prior(outer[0, -k:])
        centre = outer[0, -k:]
        full[-k:, -k:] += np.diag(prior_curvature)
        rest[-k:] += prior_slope + prior_curvature * centre
        height += at_prior - float(prior_slope @ centre + 0.5 * prior_curvature @ centre**2)
        groups, on = effects.groups, effects.columns
        if not effects.inner:
            nothing = np.zeros((0, 0))
            return Quadratic(effects, height, nothing, nothing[..., None], np.zeros((0, 0, size)), rest, full)
        total = self._sums
        own = total @ lean[:, on]
        blocks = (total @ curvature[:, on][:, :, on].reshape(n, -1)).reshape(groups, on.size, on.size)
        joint = np.stack([np.asarray((total @ spread[c::k]).todense()) for c in on], axis=1)
        return Quadratic(effects, height, own, blocks, joint, rest, full)

    def _bent(self, curvature: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Return curvatures with those of groups mended that are not bent downwards everywhere.

        Of the likelihood of few customers some are not. Negative ones are set to zero, and one in the direction
        of the slope keeps the quadratic from rising more than a unit of log density.
        """
        effects, k = self.effects, self.effects.k
        group = effects.group if effects.inner else np.zeros(effects.patterns, int)
        total = (_adding(group, max(effects.groups, 1)) @ curvature.reshape(-1, k * k)).reshape(-1, k, k)
        bad = (np.linalg.eigvalsh(total)[:, 0] < 0)[group]
        if not bad.any():
            return curvature
        size, directions = np.linalg.eigh(curvature[bad])
        mended = (directions * np.maximum(size, 0.0)[:, None]) @ directions.transpose(0, 2, 1)
        found = curvature.copy()
        found[bad] = mended + 0.5 * slope[bad, :, None] * slope[bad, None]
        return found

    @cached_property
    def _sums(self) -> csr_array:
        """What adds patterns up to their groups, shape (group, pattern)."""
        return _adding(self.effects.group, self.effects.groups)

    def _coordinates_prior(self, u: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log prior of the coordinates, its slopes, and minus its second derivatives."""
        k, f = u.size, len(self.likelihood.point.free)
        steps = _STEP * np.eye(k)
        found = self.likelihood.point.at(np.concatenate([u[None], u + steps, u - steps]))
        slopes = np.array(found[-k:])
        curvature = np.diagonal(slopes[:, k + 1 :] - slopes[:, 1 : k + 1]) / (2 * _STEP)
        return float(found[k + f][0]), slopes[:, 0], np.maximum(curvature, 0.0)

    def _scales(
        self, quadratic: Quadratic, mode: Mode, n: int, degrees: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, float, float, float]:
        """Draw `n` vectors of scales of equal weight; Pareto k-hat, the effective number, the log integral."""
        effects = self.effects
        root = np.linalg.cholesky(np.linalg.inv(mode.precision))
        centres = np.repeat(mode.u[None], 2, axis=0)
        for size in (*[_SCOUTS] * _ROUNDS, n):
            points, log_weight = _proposed(
                quadratic.heights, effects, centres, root, size, degrees, rng
            )
            smooth, khat = smooth_weights(log_weight)
            weight = np.exp(smooth)
            off = points - weight @ points
            root = np.linalg.cholesky((off * weight[:, None]).T @ off)
            centres = points[systematic(weight, _CENTRES, rng)]
        chosen = rng.permutation(systematic(weight, n, rng))
        log_integral = float(logsumexp(log_weight) - np.log(n))
        return points[chosen], float(khat), float(1 / (weight**2).sum()), log_integral

    def _effects(
        self, quadratic: Quadratic, scales: np.ndarray, degrees: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Draw the effects given each vector of scales.

        Returns
        -------
        inner : numpy.ndarray, shape (point, group, inner pool)
        outer : numpy.ndarray, shape (point, outer effect)
        log_weight, height : numpy.ndarray, shape (point,)
            Log ratio of the density to that from which they were drawn, and the log density.
        """
        effects, (most, some) = self.effects, _PILOT
        classes: list[tuple[int, np.ndarray, ByPattern]] = []
        if effects.inner:
            pilot = np.linspace(0, len(scales) - 1, some).astype(int)
            everyone = [(most, np.arange(effects.groups), self.likelihood)]
            *_, variance = self._drawn(quadratic, scales[pilot], degrees, rng, everyone)
            classes = self._classes(variance)
        parts = []
        together = max(1, min(quadratic.together, _TOGETHER // (effects.patterns * effects.k * 8)))
        for block in _blocks(scales, together):
            parts.append(self._drawn(quadratic, block, degrees, rng, classes)[:4])
        inner, outer, log_weight, height = (np.concatenate(part) for part in zip(*parts, strict=True))
        return inner, outer, log_weight, height + effects.log_prior(scales)

    def _classes(self, variance: np.ndarray) -> list[tuple[int, np.ndarray, ByPattern]]:
        """Return numbers of candidates, the groups that have so many, and the likelihood of these."""
        least, most = _CANDIDATES
        wanted = variance * variance.size / _VARIANCE
        number = np.clip(2 ** np.ceil(np.log2(np.maximum(wanted, 1.0))), least, most).astype(int)
        found = []
        for each in np.unique(number):
            groups = np.flatnonzero(number == each)
            only = np.flatnonzero(np.isin(self.effects.group, groups))
            part = ByPattern.of(self.prepared, self.chosen, self.row, only)
            assert part is not None
            found.append((int(each), groups, part))
        return found

    def _drawn(
        self,
        quadratic: Quadratic,
        scales: np.ndarray,
        degrees: float,
        rng: np.random.Generator,
        classes: Sequence[tuple[int, np.ndarray, ByPattern]],
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what `_effects` does, for some scales, and the variance of one weight of each group."""
        effects, k, n = self.effects, self.effects.k, len(scales)
        normal = quadratic.given(scales)
        # Coordinates and slopes come last, so that they are those that long tails belong to.
        size = effects.matrix.shape[1]
        few = k + sum(place.stop - place.start for place in effects.slopes.values())
        z = rng.standard_normal((n, size))
        z[:, size - few :] = draw_t(n, few, degrees, rng)
        outer = normal.outer(z)
        log_q = -0.5 * (z[:, : size - few] ** 2).sum(axis=1) - 0.5 * (size - few) * np.log(2 * np.pi)
        log_q += log_t((z[:, size - few :] ** 2).sum(axis=1), few, degrees)
        log_q += np.log(np.diagonal(normal.root, axis1=1, axis2=2)).sum(axis=1)
        log_p = self._log_prior(scales, outer)
        inner = np.zeros((n, effects.groups, len(effects.inner)))
        variance = np.zeros(effects.groups)
        if not effects.inner:
            total = self.likelihood(effects.eta(inner, outer)).sum(axis=1)
            return inner, outer, log_p + total - log_q - normal.log_size, log_p + total, variance
        base, mean = effects.eta(inner, outer), normal.inner(outer)
        assert normal.spread is not None
        root, spread = np.linalg.cholesky(normal.spread), effects.spread(scales)
        log_total, height = np.zeros(n), np.zeros(n)
        for number, groups, likelihood in classes:
            offset, log_weight, log_lik = _candidates(
                base, mean[:, groups], root[:, groups], spread, number, groups, effects, likelihood, rng
            )
            log_total += (logsumexp(log_weight, axis=1) - np.log(number)).sum(axis=1)
            weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
            weight /= weight.mean(axis=1, keepdims=True)
            variance[groups] = weight.var(axis=1).mean(axis=0)
            # One of the candidates, with a chance that is its weight.
            ladder = weight.cumsum(axis=1) < rng.random((n, 1, groups.size)) * number
            pick = np.minimum(ladder.sum(axis=1), number - 1)[:, None]
            inner[:, groups] = np.take_along_axis(offset, pick[..., None], axis=1)[:, 0]
            height += np.take_along_axis(log_lik, pick, axis=1)[:, 0].sum(axis=1)
        white = inner / spread[:, None]
        of_offsets = -0.5 * (white**2).sum(axis=(1, 2)) - effects.groups * np.log(spread).sum(axis=1)
        of_offsets -= 0.5 * white[0].size * np.log(2 * np.pi)
        return inner, outer, log_p + log_total - log_q - normal.log_size, log_p + height + of_offsets, variance

    def _log_prior(self, scales: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Return the log prior of the outer effects given scales, shape (point,)."""
        effects, k = self.effects, self.effects.k
        of_coordinates = self.likelihood.point.at(outer[:, -k:])[k + len(self.likelihood.point.free)]
        size = outer.shape[1] - k
        squared = np.einsum("ni,nij,nj->n", outer, effects.precision(scales), outer)
        inner = effects.groups * effects.spread(scales) if effects.inner else None
        log_size = effects.log_size(scales)
        if inner is not None:
            log_size = log_size + effects.groups * np.log(effects.spread(scales)).sum(axis=1)
        return of_coordinates - 0.5 * squared + log_size - 0.5 * size * np.log(2 * np.pi)

    def _named(
        self, inner: np.ndarray, outer: np.ndarray, scales: np.ndarray, height: np.ndarray
    ) -> dict[str, xr.Dataset]:
        """Return the groups of the draws: coordinates, letters, and effects by name."""
        effects, point = self.effects, self.likelihood.point
        dims, n = ("chain", "draw"), len(outer)
        letters = point.at(outer[:, -effects.k :])[: effects.k + len(point.free)]
        columns = {
            name: (dims, value[None]) for name, value in zip((*point.names, *point.free), letters, strict=True)
        }
        coords: dict[str, Sequence[object]] = {}
        for name, place in effects.slopes.items():
            columns[f"{name}_slope"] = ((*dims, f"{name}_covariate"), outer[None, :, place])
            coords[f"{name}_covariate"] = list(self.prepared.layout.matrix[name])
        places = dict(effects.outer)
        for i, (_, pool) in enumerate(effects.pools):
            own = outer[:, places[i]] if i in places else inner[..., effects.inner.index(i)]
            spread = np.exp(scales[:, i])
            columns[pool.offset] = ((*dims, pool.dim), (own / spread[:, None])[None])
            columns[pool.spread] = (dims, spread[None])
            coords[pool.dim] = list(pool.groups)
            if pool.ordered:
                columns[pool.memory] = (dims, effects.memory(scales, i)[None])
        posterior = xr.Dataset(columns, coords={"chain": [0], "draw": np.arange(n), **coords})
        return {"posterior": posterior, "sample_stats": xr.Dataset({"lp": (dims, height[None])})}


def grouped(prepared: Prepared, chosen: Mapping[str, float]) -> Grouped | None:
    """Return a design with groups on prepared statistics, ready to be explored.

    It is None without groups, and where kernels cannot compute the likelihood and the priors.
    """
    layout, model = prepared.layout, prepared.model
    if not uses_kernels() or not any(layout.pools(name) for name in model.priors):
        return None
    patterns, row = unique_rows(prepared.table, layout.design.columns)
    likelihood = ByPattern.of(prepared, chosen, row)
    if likelihood is None:
        return None
    return Grouped(prepared, chosen, likelihood, Effects.of(layout, model, patterns), row)


def _candidates(
    base: np.ndarray,
    mean: np.ndarray,
    root: np.ndarray,
    spread: np.ndarray,
    number: int,
    groups: np.ndarray,
    effects: Effects,
    likelihood: ByPattern,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw candidates for the offsets of some groups: all but the last from a normal, that from their prior.

    Parameters
    ----------
    base : numpy.ndarray, shape (point, pattern, coordinate)
        The coordinates without inner effects.
    mean : numpy.ndarray, shape (point, group, inner pool)
    root : numpy.ndarray, shape (point, group, inner pool, inner pool)
    spread : numpy.ndarray, shape (point, inner pool)
    number : int
    groups : numpy.ndarray of int, shape (group,)
    effects : Effects
    likelihood : ByPattern
        Of the patterns of these groups.
    rng : numpy.random.Generator

    Returns
    -------
    offset : numpy.ndarray, shape (point, candidate, group, inner pool)
    log_weight, log_lik : numpy.ndarray, shape (point, candidate, group)
    """
    n, some, e = mean.shape
    z = rng.standard_normal((n, number, some, e))
    offset = mean[:, None] + (root[:, None] @ z[..., None])[..., 0]
    offset[:, -1] = spread[:, None] * z[:, -1]
    of_groups = offset / spread[:, None, None]
    z[:, -1] = np.linalg.solve(root, (offset[:, -1] - mean)[..., None])[..., 0]
    log_prior = -0.5 * (of_groups**2).sum(axis=3) - np.log(spread).sum(axis=1)[:, None, None]
    log_own = -0.5 * (z**2).sum(axis=3)
    log_own -= np.log(np.diagonal(root, axis1=2, axis2=3)).sum(axis=2)[:, None]
    share = 1 / number
    log_q = np.logaddexp(np.log1p(-share) + log_own, np.log(share) + log_prior)
    place = np.full(effects.groups, -1)
    place[groups] = np.arange(some)
    at = place[effects.group]
    only = np.flatnonzero(at >= 0)
    eta = np.repeat(base[:, None, only], number, axis=1)
    eta[..., effects.columns] += offset[:, :, at[only]]
    flat = likelihood(eta.reshape(n * number, only.size, -1))
    log_lik = (_adding(at[only], some) @ flat.T).T.reshape(n, number, some)
    return offset, log_lik + log_prior - log_q, log_lik


def _density(quadratic: Quadratic, start: np.ndarray) -> Density:
    """Return the log density of the scales, with slopes by differences."""
    effects, names = quadratic.effects, quadratic.effects.scales
    n = len(effects.pools)
    steps = _STEP * np.eye(start.size)
    sizes = np.array([len(pool.groups) for _, pool in effects.pools])

    def value_and_gradient(u: np.ndarray) -> tuple[float, np.ndarray]:
        heights = quadratic.heights(np.concatenate([u[None], u + steps[n:], u - steps[n:]]))
        up, down = np.split(heights[1:], 2)
        sd = np.exp(u[:n])
        by_spread = quadratic.given(u[None]).squares()[0] / sd**2 - sizes + 1 - (sd / SPREAD) ** 2
        return float(heights[0]), np.concatenate([by_spread, (up - down) / (2 * _STEP)])

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


def _improved(quadratic: Quadratic, scales: np.ndarray) -> np.ndarray:
    """Return more probable standard deviations, by steps of expectation and maximisation."""
    n = len(quadratic.effects.pools)
    free = np.array([len(pool.groups) for _, pool in quadratic.effects.pools]) - 1
    for _ in range(_IMPROVED):
        squares = quadratic.given(scales[None]).squares()[0]
        variance = 2 * squares / (free + np.sqrt(free**2 + 4 * squares / SPREAD**2))
        step = np.clip(0.5 * np.log(variance) - scales[:n], -_FASTEST, _FASTEST)
        scales = np.concatenate([scales[:n] + step, scales[n:]])
    return scales


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


def _diagonal(values: np.ndarray) -> np.ndarray:
    return values[..., None] * np.eye(values.shape[-1])


def _adding(group: np.ndarray, groups: int) -> csr_array:
    return csr_array((np.ones(group.size), (group, np.arange(group.size))), shape=(groups, group.size))


def _blocks(points: np.ndarray, together: int) -> list[np.ndarray]:
    return np.array_split(points, max(1, -(-len(points) // together)))
