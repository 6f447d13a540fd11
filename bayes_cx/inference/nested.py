r"""The posterior with calendar time: a normal approximation inside, importance sampling outside.

Given its scales, the process g of the weeks is normal, and so, nearly, is the likelihood of g and the model's
coordinates: thousands of purchases tell some dozens of weeks. So the log-likelihood is taken as quadratic
around its mode. Then

- the scales have a density in closed form: with the curvature of the likelihood written as :math:`R R'` (the
  other coordinates integrated out) and its centre :math:`\hat g`, the vector :math:`y = R' \hat g` is normal
  with covariance :math:`I + R' K R`, K being the covariance of g. They are sampled as any few parameters are;
- given the scales, g and the coordinates are drawn from a normal distribution, by adding to a draw from the
  prior what the data correct (Matheron's rule);
- importance weights make up for the likelihood being not quite quadratic, which Pareto k-hat checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from bayes_cx.checks import Check
from bayes_cx.compiling import uses_kernels
from bayes_cx.errors import FitError, InputError
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.dated import COLUMN, EFFECTS, past
from bayes_cx.inference.density import Density, Mode, find_mode
from bayes_cx.inference.diagnostics import check_weights
from bayes_cx.inference.direct import direct
from bayes_cx.inference.laplace import Weighed, systematic
from bayes_cx.inference.methods import Laplace, Method
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.process import EFFECT, OPENING, Process, process_of
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.quadratic import Marginal, Quadratic, blocks, draw_t, log_t
from bayes_cx.weeks import monday

__all__ = ["Nested", "explore_calendar", "explore_nested"]

# Steps to the mode, at most; and how near the last one has to come, in units of log density.
_STEPS, _NEAR = 30, 1e-6
# For differences of slopes.
_STEP = 1e-4
# Of the scales: how many points look for where they may be, and how often; how many of them become centres of
# kernels, how wide these are, in turn, as shares of the spread of all; and the share of the prior.
_SCOUTS, _ROUNDS, _CENTRES, _WIDTHS, _PRIOR = 1000, 3, 400, (0.5, 1.3), 0.25


@dataclass(frozen=True)
class Nested:
    """Draws of the posterior.

    Attributes
    ----------
    weighed : Weighed
        Its vectors are (coordinates, g by week, logarithms of the scales).
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
) -> tuple[dict[str, xr.Dataset], tuple[Check, ...], Laplace]:
    """Return the groups of draws, the checks, and the method used.

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
    f, own = Clocked.of(prepared), direct(prepared, {})
    if f is None or own is None:
        raise InputError(
            "calendar time with a prior that is neither log-normal nor beta",
            "LogNormal and Beta priors",
            "choose one of these, or leave out calendar",
        )
    first, last = f.span
    layout = prepared.layout
    process = process_of(first, last - first + 1, season=layout.design.season)
    if layout.design.by_date is not None:
        process = replace(process, dated=past(layout.design.by_date, layout.by_date, prepared.table))
    start = find_mode(own).u
    found = explore_nested(f, process, method.draws, method.degrees, rng_seed, start)
    return _groups(found, f, process, tuple(layout.by_date)), check_weights(found.weighed, found.mode), method


def explore_nested(
    f: Clocked, process: Process, n: int, degrees: float, rng_seed: Sequence[int], start: np.ndarray
) -> Nested:
    """Return `n` draws of equal weight.

    Parameters
    ----------
    f : Clocked
    process : Process
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
    quadratic, mode = _search(f, process, start)
    rng, marginal = np.random.default_rng(rng_seed), quadratic.marginal(process)
    theta, scales_khat, scales_ess = _scales(
        _of_scales(marginal), process, mode, -(-n // marginal.each), degrees, rng
    )
    drawn = marginal.draw(theta, degrees, rng)
    theta = np.repeat(theta, marginal.each, axis=0)
    height = f.values(drawn.vectors)
    log_weight = np.where(np.isfinite(height), height, -np.inf) - quadratic(drawn.vectors) + drawn.log_weight
    smooth, khat = smooth_weights(log_weight)
    weight = np.exp(smooth)
    chosen = rng.permutation(systematic(weight, n, rng))
    weighed = Weighed(
        u=np.concatenate([drawn.vectors, theta], axis=1)[chosen],
        height=(height + process.log_prior(theta)[0])[chosen],
        khat=max(float(khat), scales_khat),
        # Of the draws that were resampled once, so many are left.
        ess=scales_ess * float(1 / (weight**2).sum()) / len(theta),
        log_marginal=np.nan,
    )
    return Nested(weighed, mode, drawn.level[chosen], drawn.season[chosen], drawn.effects[chosen])


def _scales(
    f: Density, process: Process, mode: Mode, n: int, degrees: float, rng: np.random.Generator
) -> tuple[np.ndarray, float, float]:
    """Draw the logarithms of the scales: `n` of equal weight; Pareto k-hat and the effective number.

    What persists for a week is like what does not persist, so the density bends and may have two tops. First
    samples find where it is, from around the mode on. The last is from a mixture with a kernel at some points
    of those. A quarter of each is from the prior, so that no weight is beyond bounds.
    """
    root = np.linalg.cholesky(np.linalg.inv(mode.precision))
    centres = np.repeat(mode.u[None], 2, axis=0)
    for _ in range(_ROUNDS):
        points, log_weight = _proposed(f, process, centres, root, _SCOUTS, degrees, rng)
        weight = np.exp(smooth_weights(log_weight)[0])
        off = points - weight @ points
        root = np.linalg.cholesky((off * weight[:, None]).T @ off)
        centres = points[systematic(weight, _CENTRES, rng)]
    points, log_weight = _proposed(f, process, centres, root, n, degrees, rng)
    smooth, khat = smooth_weights(log_weight)
    weight = np.exp(smooth)
    return points[rng.permutation(systematic(weight, n, rng))], float(khat), float(1 / (weight**2).sum())


def _proposed(
    f: Density,
    process: Process,
    centres: np.ndarray,
    root: np.ndarray,
    n: int,
    degrees: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw from a mixture of t distributions and the prior; return points and their log weights."""
    k = root.shape[0]
    mu, sigma = process.moments
    width = np.resize(_WIDTHS, len(centres))
    which = np.arange(n) % len(centres)
    points = centres[which] + width[which, None] * draw_t(n, k, degrees, rng) @ root.T
    some = rng.random(n) < _PRIOR
    points[some] = mu + sigma * rng.standard_normal((n, k))[some]
    away = np.linalg.solve(root, (points[:, None] - centres).reshape(-1, k).T).T.reshape(n, -1, k)
    kernels = log_t((away**2).sum(axis=2) / width**2, k, degrees) - k * np.log(width)
    kernels = logsumexp(kernels, axis=1) - np.log(np.abs(np.diagonal(root))).sum() - np.log(len(centres))
    proposal = np.logaddexp(np.log1p(-_PRIOR) + kernels, np.log(_PRIOR) + process.log_prior(points)[0])
    return points, f.heights(points) - proposal


def _search(f: Clocked, process: Process, start: np.ndarray) -> tuple[Quadratic, Mode]:
    """Return the likelihood around the mode of vectors, at the most probable scales, and those."""
    centre = np.concatenate([start, np.zeros(process.weeks)])
    scales = process.moments[0]
    for _ in range(_STEPS):
        quadratic = _expanded(f, centre)
        try:
            marginal = quadratic.marginal(process)
        except np.linalg.LinAlgError:
            break
        mode = find_mode(_of_scales(marginal, scales))
        scales = mode.u
        step = marginal.mean(scales) - centre
        newton = 0.5 * float(step @ quadratic.curvature @ step)
        if newton < _NEAR:
            return quadratic, mode
        # No step is so long that the quadratic would say nothing of where it ends.
        centre = centre + step / max(1.0, np.abs(step).max())
    raise FitError(
        "a posterior with calendar time without a maximum that a search comes to",
        "a maximum inside the parameter space",
        "give more data, or leave out calendar",
    )


def _expanded(f: Clocked, centre: np.ndarray) -> Quadratic:
    """Return the quadratic at a vector, by differences of the slopes."""
    height, slope = f.values_and_slopes(centre[None])
    steps = _STEP * np.eye(centre.size)
    points = np.concatenate([centre + steps, centre - steps])
    slopes = np.concatenate([f.values_and_slopes(block)[1] for block in blocks(points)])
    up, down = np.split(slopes, 2)
    curvature = (down - up) / (2 * _STEP)
    return Quadratic(centre, float(height[0]), slope[0], (curvature + curvature.T) / 2, f.size)


def _of_scales(marginal: Marginal, start: np.ndarray | None = None) -> Density:
    """Return the log density of the logarithms of the scales."""
    process = marginal.process

    def heights(points: np.ndarray) -> np.ndarray:
        return marginal.evidence(points) + process.log_prior(points)[0]

    def value_and_gradient(u: np.ndarray) -> tuple[float | np.ndarray, np.ndarray]:
        slope = marginal.slopes(u[None]) + process.log_prior(u[None])[1]
        return heights(u[None])[0], slope[0]

    names = tuple(process.priors)
    return Density(
        value_and_gradient=value_and_gradient,
        heights=heights,
        named=lambda points: list(np.exp(points).T),
        names=names,
        dims=dict.fromkeys(names, ()),
        coords={},
        start=process.moments[0] if start is None else start,
        elements=names,
    )


def _groups(found: Nested, f: Clocked, process: Process, dated: Sequence[str]) -> dict[str, xr.Dataset]:
    """Return the groups of the draws: coordinates, letters, the factor of each week, and its scales."""
    u, k = found.weighed.u, f.size
    letters = f.point.at(u[:, :k])[: k + len(f.point.free)]
    dims = ("chain", "draw")
    values = dict(zip((*f.point.names, *f.point.free), letters, strict=True))
    values |= dict(zip(process.priors, np.exp(u[:, k + process.weeks :]).T, strict=True))
    values |= {"calendar_level": found.level, OPENING: process.opening(found.effects)}
    columns: dict[str, Any] = {name: (dims, value[None]) for name, value in values.items()}
    columns[EFFECT] = ((*dims, "week"), u[None, :, k : k + process.weeks])
    coords = {"week": monday(process.first + np.arange(process.weeks)).astype("datetime64[ns]")}
    if process.has_season:
        columns["season"] = ((*dims, "wave"), found.season[None])
        coords["wave"] = np.arange(found.season.shape[1])
    if dated:
        columns[EFFECTS] = ((*dims, COLUMN), process.by_date(found.effects)[None])
        coords[COLUMN] = np.array(dated, dtype=object)
    posterior = xr.Dataset(columns, coords={"chain": [0], "draw": np.arange(len(u)), **coords})
    return {
        "posterior": posterior,
        "sample_stats": xr.Dataset({"lp": (dims, found.weighed.height[None])}),
    }
