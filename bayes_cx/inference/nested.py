r"""The posterior with calendar time: a normal approximation inside, importance sampling outside.

Given their scales, the process g of the weeks and the offsets of groups are normal, and so, nearly, is the
likelihood of both and the model's coordinates: thousands of purchases tell some dozens of weeks. So the
log-likelihood is taken as quadratic around its mode. With h for g and the offsets,

- the scales have a density in closed form: with the curvature of the likelihood written as :math:`R R'` (the
  other coordinates integrated out) and its centre :math:`\hat h`, the vector :math:`y = R' \hat h` is normal
  with covariance :math:`I + R' K R`, K being the covariance of h. They are sampled as any few parameters are:
  that of few groups is skew, and what is drawn of it is not approximated;
- given the scales, h and the coordinates are drawn from a normal distribution, by adding to a draw from the
  prior what the data correct (Matheron's rule);
- importance weights make up for the likelihood being not quite quadratic, which Pareto k-hat checks. Where
  it is far from that in the coordinates, as where customers leave in real time and little is known of when,
  weights have no variance: then the coordinates given h are drawn anew from their weighed moments, wider.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from bayes_cx.checks import Check
from bayes_cx.compiling import uses_kernels
from bayes_cx.data import compress
from bayes_cx.errors import FitError, InputError
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.contacted import CONTACT
from bayes_cx.inference.contacted import EFFECTS as CONTACT_EFFECTS
from bayes_cx.inference.dated import COLUMN, EFFECTS, past
from bayes_cx.inference.density import Density, Mode, find_mode
from bayes_cx.inference.design import CONSTANT
from bayes_cx.inference.diagnostics import KHAT_LIMIT, check_weights
from bayes_cx.inference.direct import direct
from bayes_cx.inference.laplace import Weighed, systematic
from bayes_cx.inference.layout import Layout, lay_out
from bayes_cx.inference.methods import Laplace, Method
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.process import EFFECT, OPENING, process_of
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import Marginal, Quadratic, blocks
from bayes_cx.inference.scale_draws import OfScales, draw_scales
from bayes_cx.inference.scales import Scales
from bayes_cx.inference.shifts import Shifts
from bayes_cx.weeks import monday

__all__ = ["Nested", "explore_calendar", "explore_nested"]

# Steps to the mode, at most; and how near the last one has to come, in units of log density.
_STEPS, _NEAR = 30, 1e-6
# For differences of slopes.
_STEP = 1e-4
# To so many parts of its spread the centre of the quadratic is rounded.
_PARTS = 64
# With groups there are more scales, of which fewer points have weight.
_MORE = 4
# Where weights have no variance coordinates are drawn anew, so often at most, and so many times as many.
_ROUNDS, _AGAIN = 2, 2


@dataclass(frozen=True)
class Nested:
    """Draws of the posterior.

    Attributes
    ----------
    weighed : Weighed
        Its vectors are (coordinates, slopes, g by week, offsets, logarithms of the scales).
    mode : Mode
        Of the scales.
    level : numpy.ndarray, shape (draw,)
        What persists, u, in the last week.
    season : numpy.ndarray, shape (draw, wave)
    effects : numpy.ndarray, shape (draw, column)
        Of the process's `columns`.
    """

    weighed: Weighed
    mode: Mode
    level: np.ndarray
    season: np.ndarray
    effects: np.ndarray


def explore_calendar(
    prepared: Prepared, method: Method | Literal["auto"], rng_seed: Sequence[int]
) -> tuple[dict[str, xr.Dataset], tuple[Check, ...], Laplace, float]:
    """Return the groups of draws, the checks, the method used, and the log of the marginal likelihood.

    Raises
    ------
    InputError
        If the method is none of these, or the priors are none that can be computed without PyMC.
    FitError
        If no maximum is found.
    """
    method = Laplace() if method == "auto" else method
    if not isinstance(method, Laplace):
        raise InputError(
            f"method {method!r} with calendar time", "Laplace() or 'auto'", "leave the method out"
        )
    if not uses_kernels():
        raise InputError(
            "calendar time with the engine pytensor", "the kernels", "leave out bcx.engine('pytensor')"
        )
    # The search begins where all customers are alike.
    alike = replace(
        prepared,
        table=compress(prepared.table, prepared.model.statistics),
        layout=lay_out(CONSTANT, prepared.table),
    )
    f, own = Clocked.of(prepared), direct(alike, {})
    if f is None or own is None:
        raise InputError(
            "calendar time with a prior that is neither log-normal, beta nor normal",
            "LogNormal, Beta and Normal priors",
            "choose one of these, or leave out calendar",
        )
    first, last = f.span
    layout = prepared.layout
    process = process_of(first, last - first + 1, season=layout.design.season)
    if layout.design.by_date is not None:
        process = replace(process, dated=past(layout.design.by_date, layout.by_date, prepared.table))
    pools, places = (f.shifts.pools, f.shifts.blocks) if f.shifts else ((), ())
    scales = Scales(process, tuple(pool.spread for pool in pools), places)
    start = find_mode(own).u
    found = explore_nested(f, scales, method.draws, method.degrees, rng_seed, start)
    checks = check_weights(found.weighed, found.mode)
    return _groups(found, f, scales, tuple(layout.by_date)), checks, method, found.weighed.log_marginal


def explore_nested(
    f: Clocked, scales: Scales, n: int, degrees: float, rng_seed: Sequence[int], start: np.ndarray
) -> Nested:
    """Return `n` draws of equal weight.

    Parameters
    ----------
    f : Clocked
    scales : Scales
    n : int
    degrees : float
        Degrees of freedom of the proposal of the scales.
    rng_seed : sequence of int
    start : numpy.ndarray, shape (coordinate,)
        Where the search for the mode begins.

    Raises
    ------
    FitError
        If no maximum is found.
    """
    marginal, mode = _search(f, scales, start)
    rng = np.random.default_rng(rng_seed)
    few = -(-n // marginal.each)
    for more in (1, *[_AGAIN] * _ROUNDS):
        found = draw_scales(
            OfScales(
                heights=_of_scales(marginal).heights,
                from_prior=lambda many, rng: scales.from_normal(rng.standard_normal((many, mode.u.size))),
                log_prior=lambda points: scales.log_prior(points)[0],
                half_normal=np.arange(mode.u.size) >= len(scales.process.priors),
            ),
            mode,
            more * few,
            degrees,
            rng,
            proposed=more * few * (_MORE if scales.spreads else 1),
        )
        drawn = marginal.draw(found.points, degrees, rng)
        theta = np.repeat(found.points, marginal.each, axis=0)
        height = f.values(drawn.vectors)
        height = np.where(np.isfinite(height), height, -np.inf)
        log_weight = height - marginal.log_lik(drawn.vectors) + drawn.log_weight
        smooth, own_khat = smooth_weights(log_weight)
        if own_khat < KHAT_LIMIT:
            break
        # Where the likelihood is far from quadratic in the coordinates, their weights say where they are.
        marginal = marginal.refitted(drawn.vectors, np.exp(smooth))
    weight = np.exp(smooth)
    chosen = rng.permutation(systematic(weight, n, rng))
    vectors, theta = drawn.vectors[chosen], theta[chosen]
    prior = scales.log_density(vectors[:, f.size :], theta) + scales.log_prior(theta)[0]
    weighed = Weighed(
        u=np.concatenate([vectors, theta], axis=1),
        height=height[chosen] + prior,
        khat=max(float(own_khat), found.khat),
        # Of the draws that were resampled once, so many are left.
        ess=found.ess * float(1 / (weight**2).sum()) / len(weight),
        log_marginal=found.log_integral + float(logsumexp(log_weight) - np.log(log_weight.size)),
    )
    return Nested(weighed, mode, drawn.level[chosen], drawn.season[chosen], drawn.effects[chosen])


def _search(f: Clocked, scales: Scales, start: np.ndarray) -> tuple[Marginal, Mode]:
    """Return the likelihood around the mode of vectors, at the most probable scales, and those."""
    others = f.size - start.size + f.weeks + scales.offsets
    centre, theta = np.concatenate([start, np.zeros(others)]), scales.start
    for _ in range(_STEPS):
        quadratic = _expanded(f, centre)
        try:
            marginal = quadratic.marginal(scales)
        except np.linalg.LinAlgError:
            break
        mode = find_mode(_of_scales(marginal, theta))
        theta = mode.u
        step = marginal.mean(theta) - centre
        newton = 0.5 * float(step @ quadratic.curvature @ step)
        if newton < _NEAR:
            return _from_rounded(f, scales, quadratic), mode
        # No step is so long that the quadratic would say nothing of where it ends.
        centre = centre + step / max(1.0, np.abs(step).max())
    raise FitError(
        "a posterior with calendar time without a maximum that a search comes to",
        "a maximum inside the parameter space",
        "give more data, or leave out calendar",
    )


def _from_rounded(f: Clocked, scales: Scales, quadratic: Quadratic) -> Marginal:
    """Return the normal likelihood around a rounded centre, the same on every machine."""
    step = np.exp2(np.floor(-0.5 * np.log2(np.maximum(np.diagonal(quadratic.curvature), 1.0)))) / _PARTS
    return _expanded(f, np.round(quadratic.centre / step) * step).marginal(scales).rounded()


def _expanded(f: Clocked, centre: np.ndarray) -> Quadratic:
    """Return the quadratic at a vector, by differences of the slopes."""
    _, slope = f.values_and_slopes(centre[None])
    steps = _STEP * np.eye(centre.size)
    points = np.concatenate([centre + steps, centre - steps])
    slopes = np.concatenate([f.values_and_slopes(block)[1] for block in blocks(points)])
    up, down = np.split(slopes, 2)
    curvature = (down - up) / (2 * _STEP)
    return Quadratic(centre, slope[0], (curvature + curvature.T) / 2, f.size)


def _of_scales(marginal: Marginal, start: np.ndarray | None = None) -> Density:
    """Return the log density of the logarithms of the scales."""
    scales = marginal.scales

    def heights(points: np.ndarray) -> np.ndarray:
        return marginal.evidence(points) + scales.log_prior(points)[0]

    def value_and_gradient(u: np.ndarray) -> tuple[float | np.ndarray, np.ndarray]:
        slope = marginal.slopes(u[None]) + scales.log_prior(u[None])[1]
        return heights(u[None])[0], slope[0]

    names = scales.names
    return Density(
        value_and_gradient=value_and_gradient,
        heights=heights,
        named=lambda points: list(np.exp(points).T),
        names=names,
        dims=dict.fromkeys(names, ()),
        coords={},
        start=scales.start if start is None else start,
        elements=names,
    )


def _groups(found: Nested, f: Clocked, scales: Scales, dated: Sequence[str]) -> dict[str, xr.Dataset]:
    """Return the groups of the draws: coordinates, letters, effects, the factor of each week, and scales."""
    u, process, names = found.weighed.u, scales.process, f.point.names
    fixed, g, offsets, theta = np.split(
        u, np.cumsum([f.size, process.weeks, scales.offsets]).tolist(), axis=1
    )
    letters = f.point.at(fixed[:, : len(names)])[: len(names) + len(f.point.free)]
    dims = ("chain", "draw")
    values = dict(zip((*names, *f.point.free), letters, strict=True))
    values |= dict(zip(scales.names, np.exp(theta).T, strict=True))
    values |= {"calendar_level": found.level, OPENING: process.opening(found.effects)}
    columns: dict[str, Any] = {name: (dims, value[None]) for name, value in values.items()}
    columns[EFFECT] = ((*dims, "week"), g[None])
    coords: dict[str, Any] = {
        "week": monday(process.first + np.arange(process.weeks)).astype("datetime64[ns]")
    }
    if process.has_season:
        columns["season"] = ((*dims, "wave"), found.season[None])
        coords["wave"] = np.arange(found.season.shape[1])
    if dated:
        columns[EFFECTS] = ((*dims, COLUMN), process.by_date(found.effects)[None])
        coords[COLUMN] = np.array(dated, dtype=object)
    if f.shifts is not None:
        slopes = fixed[:, len(names) : f.apart]
        own, more = _effects(f.shifts, f.prepared.layout, slopes, offsets / scales.sd(theta))
        columns |= {name: ((*dims, dim), value[None]) for name, (dim, value) in own.items()}
        coords |= more
    if sorts := [*f.prepared.layout.contacts]:
        columns[CONTACT_EFFECTS] = ((*dims, CONTACT), f.effects(u)[None])
        coords[CONTACT] = np.array(sorts, dtype=object)
    posterior = xr.Dataset(columns, coords={"chain": [0], "draw": np.arange(len(u)), **coords})
    return {
        "posterior": posterior,
        "sample_stats": xr.Dataset({"lp": (dims, found.weighed.height[None])}),
    }


def _effects(
    shifts: Shifts, layout: Layout, slopes: np.ndarray, offsets: np.ndarray
) -> tuple[dict[str, tuple[str, np.ndarray]], dict[str, list[str]]]:
    """Return slopes, and offsets in standard deviations of the groups, by name, and their coordinates."""
    found: dict[str, tuple[str, np.ndarray]] = {}
    coords: dict[str, list[str]] = {}
    of = np.array(shifts.slopes)
    for name in dict.fromkeys(shifts.slopes):
        found[f"{name}_slope"] = f"{name}_covariate", slopes[:, of == name]
        coords[f"{name}_covariate"] = [*layout.matrix[name]]
    for pool, place in zip(shifts.pools, shifts.blocks, strict=True):
        found[pool.offset] = pool.dim, offsets[:, place]
        coords[pool.dim] = [*pool.groups]
    return found, coords
