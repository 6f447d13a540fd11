r"""The posterior of a design with groups: normal approximations inside, importance sampling outside.

Given the scales of groups, how much these differ, the effects of a design are nearly normal. So

- the log-likelihood of each pattern of customers is taken as quadratic around the mode, which gives the
  scales a density in closed form. They are sampled by importance sampling, as any few parameters are;
- given the scales, the outer effects (`group_effects.py`) are drawn from a normal distribution, each group of
  the inner ones being integrated out;
- given those, groups are independent. Each has a few candidates for its offsets, most from its own normal
  distribution and one from that of the groups. Their weights by the likelihood itself say how probable the
  group is, and one of them is drawn [tran2013importance]_. So what is not normal in one group is made up for
  in that group, and does not thin out the draws of all of them;
- importance weights make up for what is left, which Pareto k-hat checks. Where they fail, scales and outer
  effects are drawn anew where the first weights say that the density is: few of them together, and many of
  them the effects alone, skew if need be, with more scales to choose from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from bayes_cx.compiling import uses_kernels
from bayes_cx.data import unique_rows
from bayes_cx.inference.by_pattern import ByPattern
from bayes_cx.inference.density import Mode
from bayes_cx.inference.diagnostics import ESS_LIMIT, KHAT_LIMIT
from bayes_cx.inference.group_effects import Effects, adding
from bayes_cx.inference.group_mode import find_groups
from bayes_cx.inference.group_quadratic import TOGETHER, GroupQuadratic, blocks
from bayes_cx.inference.laplace import Weighed, systematic
from bayes_cx.inference.methods import Laplace
from bayes_cx.inference.outer_draws import OuterDraws
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import draw_t, log_t
from bayes_cx.inference.scale_draws import OfScales, draw_scales

__all__ = ["Grouped", "grouped"]

# How often scales and outer effects are drawn again where the first weights fail, if they are not too many;
# by how many points for each of them moments are taken; and how much wider than these the proposal is.
_REFINED, _MANY, _SHARED, _WIDER = 3, 24, 12, 1.2
# How often only effects move, and how many times as many scales are proposed where one move is not enough.
_MOVED, _PLENTY = 4, 10
# A log-likelihood that is as good as none.
_LOWEST = -1e6
# Pairs of candidates of a group, at least and at most; those of the pilot and its draws; and the variance,
# relative to the square of its mean, that the estimates of all groups may have together.
_PAIRS, _PILOT, _VARIANCE = (2, 32), (16, 24), 0.3


@dataclass(frozen=True)
class _Weights:
    """Smoothed importance weights, which sum to one, and what they say of draws."""

    weight: np.ndarray
    khat: float
    ess: float
    log_marginal: float

    @classmethod
    def of(cls, log_weight: np.ndarray, khat: float, ess: float, log_integral: float) -> "_Weights":
        """Return the weights of draws; of those that were resampled before, with the figures of that."""
        n = log_weight.size
        smooth, own = smooth_weights(np.where(np.isfinite(log_weight), log_weight, -np.inf))
        weight = np.exp(smooth)
        log_marginal = log_integral + float(logsumexp(log_weight) - np.log(n))
        # Of the draws that were resampled once, so many are left.
        return cls(weight, max(float(own), khat), ess * float(1 / (weight**2).sum()) / n, log_marginal)

    @property
    def good(self) -> bool:
        """Whether the checks of a fit would pass, as far as so many draws allow."""
        return self.khat < KHAT_LIMIT and self.ess >= min(ESS_LIMIT, self.weight.size / 10)

    @property
    def quality(self) -> tuple[bool, float]:
        """What makes some draws better than others."""
        return self.khat < KHAT_LIMIT, self.ess


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
        # Numbers of candidates, the groups that have so many, and the likelihood of these.
        self._classes: list[tuple[int, np.ndarray, ByPattern]] = []

    def explore(
        self, method: Laplace, rng_seed: Sequence[int]
    ) -> tuple[Weighed, Mode, dict[str, xr.Dataset]]:
        """Return weighed draws, the mode of the scales, and the groups of the draws.

        The vectors of the draws are (inner effects, outer effects, scales).

        Raises
        ------
        FitError
            If no maximum is found.
        """
        try:
            return self._explored(method, rng_seed, apart=False)
        except np.linalg.LinAlgError:
            return self._explored(method, rng_seed, apart=True)

    def _explored(
        self, method: Laplace, rng_seed: Sequence[int], *, apart: bool
    ) -> tuple[Weighed, Mode, dict[str, xr.Dataset]]:
        rng, n, degrees = np.random.default_rng(rng_seed), method.draws, method.degrees
        quadratic, mode = find_groups(self.likelihood, self.effects, apart=apart)
        effects = self.effects
        of_groups = np.arange(len(effects.scales)) < len(effects.pools)
        of = OfScales(quadratic.heights, effects.sample_scales, effects.log_prior, of_groups)
        # Their weights are cheap, and so are more of them.
        of_scales = draw_scales(of, mode, n, degrees, rng, proposed=2 * n)
        scales = of_scales.points
        # Coordinates and slopes come last, so that they are those that long tails belong to.
        slopes = sum(place.stop - place.start for place in effects.slopes.values())
        draws = OuterDraws(effects.size, effects.k + slopes, degrees)
        outer, log_q, z = self._outer(quadratic, scales, draws, rng)
        inner, log_p, height = self._effects(quadratic, scales, outer, rng)
        found = _Weights.of(log_p - log_q, of_scales.khat, of_scales.ess, of_scales.log_integral)
        best = found, scales, outer, inner, height
        first = found.weight
        for _ in range(_REFINED if scales.shape[1] + outer.shape[1] <= _MANY else 0):
            if found.good:
                break
            # Where groups tell little, what is quadratic says little of the scales: look around the best.
            scales, outer, log_q = _nearer(of, scales, outer, log_p - log_q, degrees, rng)
            inner, log_p, height = self._effects(quadratic, scales, outer, rng)
            found = _Weights.of(log_p - log_q, -np.inf, n, 0.0)
            if found.quality > best[0].quality:
                best = found, scales, outer, inner, height
        # With many of them what is known of the scales is kept, and only the effects given these move.
        weight = first
        for again in range(_MOVED):
            if best[0].good or 1 / (weight**2).sum() < _SHARED * outer.shape[1]:
                break
            if again:
                of_scales = draw_scales(of, mode, n, degrees, rng, proposed=_PLENTY * n)
            scales = of_scales.points
            draws = draws.moved(z, weight, skew=again > 0)
            outer, log_q, z = self._outer(quadratic, scales, draws, rng)
            inner, log_p, height = self._effects(quadratic, scales, outer, rng)
            found = _Weights.of(log_p - log_q, of_scales.khat, of_scales.ess, of_scales.log_integral)
            weight = found.weight
            if found.quality > best[0].quality:
                best = found, scales, outer, inner, height
        found, scales, outer, inner, height = best
        chosen = rng.permutation(systematic(found.weight, n, rng))
        vectors = np.concatenate([*inner, outer, scales], axis=1)
        weighed = Weighed(vectors[chosen], height[chosen], found.khat, found.ess, found.log_marginal)
        groups = self._named(inner[:, chosen], outer[chosen], scales[chosen], weighed.height)
        return weighed, mode, groups

    def _outer(
        self, quadratic: GroupQuadratic, scales: np.ndarray, draws: OuterDraws, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the outer effects given each vector of scales; return the log density of both, and z."""
        effects = self.effects
        found, log_q, white = [], [], []
        for some in blocks(scales, quadratic.together):
            normal = quadratic.given(some)
            z, own = draws.draw(len(some), rng)
            found.append(normal.outer(z))
            own += np.log(np.diagonal(normal.lower, axis1=1, axis2=2)).sum(axis=1)
            log_q.append(own + normal.log_size)
            white.append(z)
        log_density = np.concatenate(log_q) + effects.log_prior(scales)
        return np.concatenate(found), log_density, np.concatenate(white)

    def _effects(
        self, quadratic: GroupQuadratic, scales: np.ndarray, outer: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw the inner effects given scales and outer effects.

        Returns
        -------
        inner : numpy.ndarray, shape (inner pool, point, group)
        log_p, height : numpy.ndarray, shape (point,)
            The log density of scales and outer effects, estimated, and that of all.
        """
        effects, (most, some) = self.effects, _PILOT
        if effects.inner and not self._classes:
            pilot = np.linspace(0, len(scales) - 1, some).astype(int)
            self._classes = [(2 * most + 1, np.arange(effects.groups), self.likelihood)]
            *_, variance = self._drawn(quadratic, scales[pilot], outer[pilot], rng)
            self._classes = self._classes_for(variance)
        parts = []
        together = max(1, min(quadratic.together, TOGETHER // (effects.patterns * effects.k * 8)))
        for block in blocks(np.arange(len(scales)), together):
            parts.append(self._drawn(quadratic, scales[block], outer[block], rng)[:3])
        inner = np.concatenate([part[0] for part in parts], axis=1)
        log_p, height = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
        return inner, log_p, height

    def _classes_for(self, variance: np.ndarray) -> list[tuple[int, np.ndarray, ByPattern]]:
        """Return numbers of candidates, the groups that have so many, and the likelihood of these."""
        least, most = _PAIRS
        wanted = variance * variance.size / _VARIANCE
        number = 2 * np.clip(2 ** np.ceil(np.log2(np.maximum(wanted, 1.0))), least, most).astype(int) + 1
        found = []
        for each in np.unique(number):
            groups = np.flatnonzero(number == each)
            only = np.flatnonzero(np.isin(self.effects.group, groups))
            part = ByPattern.of(self.prepared, self.chosen, self.row, only)
            assert part is not None
            found.append((int(each), groups, part))
        return found

    def _drawn(
        self, quadratic: GroupQuadratic, scales: np.ndarray, outer: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return what `_effects` does, for some scales, and the variance of a pair's weight, by group."""
        effects, n = self.effects, len(scales)
        log_p = self._log_prior(scales, outer)
        inner = np.zeros((len(effects.inner), n, effects.groups))
        variance = np.zeros(effects.groups)
        if not effects.inner:
            log_p = log_p + self.likelihood(effects.eta(inner, outer)).sum(axis=1)
            return inner, log_p, log_p, variance
        normal = quadratic.given(scales)
        base, mean, spread = effects.eta(inner, outer), normal.inner(outer), effects.spread(scales)
        log_total, height = np.zeros(n), np.zeros(n)
        for number, groups, likelihood in self._classes:
            roots = normal.root[..., groups], normal.inverse[..., groups]
            offset, log_weight, log_lik = _candidates(
                base, mean[..., groups], roots, spread, number, groups, effects, likelihood, rng
            )
            top = log_weight.max(axis=1, keepdims=True)
            weight = np.exp(log_weight - top)
            level = weight.mean(axis=1, keepdims=True)
            log_total += (np.log(level) + top).sum(axis=(1, 2))
            weight /= level
            pairs = (weight[:, : number // 2] + weight[:, number // 2 : -1]) / 2
            variance[groups] = pairs.var(axis=1).mean(axis=0)
            # One of the candidates, with a chance that is its weight.
            ladder = weight.cumsum(axis=1) < rng.random((n, 1, groups.size)) * number
            pick = np.minimum(ladder.sum(axis=1), number - 1)[:, None]
            inner[..., groups] = np.take_along_axis(offset, pick[None], axis=2)[:, :, 0]
            height += np.take_along_axis(log_lik, pick, axis=1)[:, 0].sum(axis=1)
        white = inner / spread.T[..., None]
        of_offsets = -0.5 * (white**2).sum(axis=(0, 2)) - effects.groups * np.log(spread).sum(axis=1)
        of_offsets -= 0.5 * white[:, 0].size * np.log(2 * np.pi)
        return inner, log_p + log_total, log_p + height + of_offsets, variance

    def _log_prior(self, scales: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Return the log prior of scales and outer effects, shape (point,)."""
        effects, k = self.effects, self.effects.k
        of_coordinates = self.likelihood.point.at(outer[:, -k:])[k + len(self.likelihood.point.free)]
        size = outer.shape[1] - k
        squared = np.einsum("ni,nij,nj->n", outer, effects.precision(scales), outer)
        log_size = effects.log_size(scales) + effects.groups * np.log(effects.spread(scales)).sum(axis=1)
        normal = log_size - 0.5 * squared - 0.5 * size * np.log(2 * np.pi)
        return of_coordinates + normal + effects.log_prior(scales)

    def _named(
        self, inner: np.ndarray, outer: np.ndarray, scales: np.ndarray, height: np.ndarray
    ) -> dict[str, xr.Dataset]:
        """Return the groups of the draws: coordinates, letters, and effects by name."""
        effects, point = self.effects, self.likelihood.point
        dims, n = ("chain", "draw"), len(outer)
        letters = point.at(outer[:, -effects.k :])[: effects.k + len(point.free)]
        named = zip((*point.names, *point.free), letters, strict=True)
        columns: dict[str, Any] = {name: (dims, value[None]) for name, value in named}
        coords: dict[str, Sequence[object]] = {}
        for name, place in effects.slopes.items():
            columns[f"{name}_slope"] = ((*dims, f"{name}_covariate"), outer[None, :, place])
            coords[f"{name}_covariate"] = list(self.prepared.layout.matrix[name])
        places = dict(effects.outer)
        for i, (_, pool) in enumerate(effects.pools):
            own = outer[:, places[i]] if i in places else inner[effects.inner.index(i)]
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
    roots: tuple[np.ndarray, np.ndarray],
    spread: np.ndarray,
    number: int,
    groups: np.ndarray,
    effects: Effects,
    likelihood: ByPattern,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw candidates for the offsets of some groups: all but the last from a normal, that from their prior.

    Those from the normal come in pairs, on opposite sides of its mean, so that what is skew cancels out.

    Parameters
    ----------
    base : numpy.ndarray, shape (point, pattern, coordinate)
        The coordinates without inner effects.
    mean : numpy.ndarray, shape (inner pool, point, group)
    roots : tuple of numpy.ndarray, shape (inner pool, inner pool, point, group)
        Of the precision, and their inverses.
    spread : numpy.ndarray, shape (point, inner pool)
    number : int
    groups : numpy.ndarray of int, shape (group,)
    effects : Effects
    likelihood : ByPattern
        Of the patterns of these groups.
    rng : numpy.random.Generator

    Returns
    -------
    offset : numpy.ndarray, shape (inner pool, point, candidate, group)
    log_weight, log_lik : numpy.ndarray, shape (point, candidate, group)
    """
    (e, n, some), (root, inverse) = mean.shape, roots
    half = rng.standard_normal((e, n, number // 2 + 1, some))
    z = np.concatenate([half[:, :, :-1], -half], axis=2)
    offset = np.empty_like(z)
    for j in range(e):
        offset[j] = mean[j, :, None] + sum(inverse[i, j, :, None] * z[i] for i in range(j, e))
    last = offset[:, :, -1] = spread.T[..., None] * z[:, :, -1]
    away = last - mean
    for j in range(e):
        z[j, :, -1] = (root[j:, j] * away[j:]).sum(axis=0)
    log_prior = -0.5 * sum((offset[j] / spread[:, j, None, None]) ** 2 for j in range(e))
    log_prior -= np.log(spread).sum(axis=1)[:, None, None]
    log_own = -0.5 * (z**2).sum(axis=0) + np.log(root.diagonal()).sum(axis=2)[:, None]
    share = 1 / number
    log_q = np.logaddexp(np.log1p(-share) + log_own, np.log(share) + log_prior)
    place = np.full(effects.groups, -1)
    place[groups] = np.arange(some)
    at = place[effects.group]
    only = np.flatnonzero(at >= 0)
    eta = np.repeat(base[:, None, only], number, axis=1)
    for j, c in enumerate(effects.columns):
        eta[..., c] += offset[j][..., at[only]]
    flat = likelihood(eta.reshape(n * number, only.size, -1))
    # Far away the likelihood may be none that numbers can hold.
    flat = np.where(np.isfinite(flat), flat, _LOWEST)
    log_lik = (adding(at[only], some) @ flat.T).T.reshape(n, number, some)
    return offset, log_lik + log_prior - log_q, log_lik


def _nearer(
    of: OfScales,
    scales: np.ndarray,
    outer: np.ndarray,
    log_weight: np.ndarray,
    degrees: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw scales and outer effects where weighed ones say that the density is; return its log too.

    Weights that few points share are tempered, so that the moments are those of many points.
    """
    points = np.concatenate([of.to_roots(scales), outer], axis=1)
    n, k = points.shape
    possible = log_weight > -np.inf
    for power in np.linspace(1.0, 0.0, 41):
        # What is impossible stays so, whatever the power.
        tempered = np.where(possible, power * np.where(possible, log_weight, 0.0), -np.inf)
        weight = np.exp(smooth_weights(tempered)[0])
        if 1 / (weight**2).sum() >= _SHARED * k:
            break
    off = points - weight @ points
    root = _WIDER * np.linalg.cholesky((off * weight[:, None]).T @ off)
    z = draw_t(n, k, degrees, rng)
    log_q = log_t((z**2).sum(axis=1), k, degrees) - np.log(np.diagonal(root)).sum()
    drawn = weight @ points + z @ root.T
    found, volume = of.from_roots(drawn[:, : scales.shape[1]])
    return found, drawn[:, scales.shape[1] :], log_q - volume
