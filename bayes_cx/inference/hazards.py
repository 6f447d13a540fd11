"""The posterior of risk: how fast events come to customers of whom so much is known."""

import json
import time
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.errors import FitError, InputError
from bayes_cx.files import atomic_path
from bayes_cx.inference.density import Mode
from bayes_cx.inference.design import Design, groupings
from bayes_cx.inference.diagnostics import ESS_LIMIT, KHAT_LIMIT
from bayes_cx.inference.hazard_likelihood import PeriodCounts
from bayes_cx.inference.hazard_scales import GivenScales, mode_of
from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.methods import Laplace
from bayes_cx.inference.outer_draws import OuterDraws
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.risk_design import RiskDesign
from bayes_cx.inference.scale_draws import draw_scales
from bayes_cx.kinds import PERIODS, kind_of
from bayes_cx.models.hazard import HAZARD, HazardModel
from bayes_cx.notebook import html
from bayes_cx.spans import FINE_UNITS

__all__ = ["RiskPosterior", "fit_hazards", "period_counts"]

# How many draws are proposed for each that is kept; rounds of scales and effects, and steps of Newton in
# each.
_PROPOSED, _ROUNDS, _NEWTON = 2, 8, 40
# Steps towards the normal effects that are nearest to the posterior, and the gain below which they end.
_NEARER, _ENOUGH = 20, 0.01
# From this k-hat on effects are drawn again where the weighed ones are, so often at most.
_SKEW, _MOVED = 0.3, 2


@dataclass(frozen=True)
class RiskPosterior:
    """Draws from the posterior of risk, with checks and provenance.

    Attributes
    ----------
    model : HazardModel
    draws : xarray.DataTree
        Group ``posterior`` over (chain, draw): ``intercept`` (cause), logarithm of the rate per day of an
        average customer; ``effect`` (cause, column), change of that for one standard deviation of a number,
        or for being of a level; ``scale`` (cause, family), how strong the effects of a family are. Group
        ``observed_data``: ``events`` (cause) and ``at_risk``, the time at risk in days.
    """

    model: HazardModel
    draws: xr.DataTree

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What was checked of the fit."""
        return _checks.from_json(self.draws.attrs["checks"])

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Where the draws come from: data, method, seed, versions."""
        return json.loads(self.draws.attrs["provenance"])

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.draws["posterior"].sizes["draw"]

    @cached_property
    def design(self) -> RiskDesign:
        """The columns of the fit."""
        return RiskDesign.from_plain(self.provenance["design"])

    @property
    def causes(self) -> tuple[str, ...]:
        """The events that are waited for."""
        return tuple(self.provenance["causes"])

    @property
    def length(self) -> float:
        """How long the events were waited for in each period, in days."""
        return float(self.provenance["length"])

    @cached_property
    def beta(self) -> np.ndarray:
        """Intercepts, then effects: shape (draw, cause, 1 + column)."""
        posterior = self.draws["posterior"]
        intercept = posterior["intercept"].to_numpy()[0]
        return np.concatenate([intercept[..., None], posterior["effect"].to_numpy()[0]], axis=2)

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file, whole or not at all; `load` reads it."""
        with atomic_path(Path(path)) as unfinished:
            self.draws.to_netcdf(unfinished, engine="h5netcdf")

    @classmethod
    def of_tree(cls, tree: xr.DataTree) -> "RiskPosterior":
        """Return the posterior that a tree holds, as `save` wrote it.

        Raises
        ------
        KeyError, ValueError
            If it is none.
        """
        if json.loads(tree.attrs["provenance"])["model"] != HAZARD.key:
            raise ValueError("it is of another model")
        found = cls(HAZARD, tree)
        if found.beta.shape[1:] != (len(found.causes), 1 + len(found.design.columns)):
            raise ValueError("effects are not over cause and column")
        return found

    def __repr__(self) -> str:
        events = int(self.draws["observed_data"]["events"].to_numpy().sum())
        return (
            f"<RiskPosterior {self.model.name} of {', '.join(self.causes)}: {self.n_draws:,} draws, "
            f"{len(self.design.features)} features, {events:,} events, checks {self.verdict}>"
        )

    def _repr_html_(self) -> str:
        return html("risk", self)


def fit_hazards(
    model: HazardModel, periods: xr.Dataset, design: Design, method: Any, seed: int
) -> RiskPosterior:
    """Return the posterior of risk; see `fit`.

    Raises
    ------
    InputError
        If these are no periods at risk, the design is another than groups that are pooled, or the method is
        another.
    FitError
        If no most probable effects are found.
    """
    start = time.perf_counter()
    if not isinstance(method, Laplace):
        raise InputError(f"method {method!r} for risk", "Laplace() or 'auto'", "leave the method out")
    if kind_of(periods).key != PERIODS.key:
        raise InputError(
            f"statistics of {kind_of(periods).key}", "periods at risk", "use bcx.summarise_periods"
        )
    for wrong, rows in PERIODS.impossible(PERIODS.numbers(periods)):
        if rows.any():
            raise InputError(f"periods with {wrong}", "what bcx.summarise_periods returns", "correct them")
    for demand in PERIODS.demands(PERIODS.numbers(periods)):
        raise InputError(*demand)
    pooled = _pooled(design)
    said = json.loads(periods.attrs.get("definition", "{}"))
    columns = RiskDesign.of(periods, pooled)
    causes = tuple(said["causes"])
    counts = period_counts(columns, causes, periods)
    if never := [cause for cause, n in zip(causes, counts.happened.sum(axis=0), strict=True) if n == 0]:
        raise InputError(
            f"no period in which {never[0]!r} came first", "one or more of each event", "leave it out"
        )
    # Periods of one customer that overlap see the same event several times.
    overlap = float(periods.attrs.get("overlap", said["times"]))
    tempered = PeriodCounts(counts.X, counts.log_length, counts.happened / overlap, counts.none / overlap)
    text = f"{model.key} {causes} {columns.names} {int(counts.happened.sum())} {int(counts.none.sum())}"
    rng = np.random.default_rng([seed, zlib.crc32(text.encode())])
    found = _explored(model, tempered, columns, method, rng)
    coords = {
        "chain": [0], "draw": np.arange(method.draws), "cause": list(causes),
        "column": columns.names, "family": columns.families,
    }  # fmt: skip
    posterior = {
        "intercept": (("chain", "draw", "cause"), found.beta[None, :, :, 0]),
        "effect": (("chain", "draw", "cause", "column"), found.beta[None, :, :, 1:]),
        "scale": (("chain", "draw", "cause", "family"), np.exp(found.log_scale)[None]),
    }
    time_at_risk = float((np.exp(counts.log_length) * (counts.none + counts.happened.sum(axis=1))).sum())
    observed = {"events": ("cause", counts.happened.sum(axis=0)), "at_risk": ((), time_at_risk)}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, coords=coords),
            "observed_data": xr.Dataset(observed, coords={"cause": list(causes)}),
        }
    )
    provenance = {
        "model": model.key,
        "method": type(method).__name__,
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 3),
        "causes": causes,
        "pooled": pooled,
        "length": said["period"] * said["times"],
        "overlap": overlap,
        "rows": int(counts.none.size),
        "design": columns.plain(),
        "versions": {"python": python_version()} | {name: version(name) for name in ("bayes_cx", "numpy")},
        "data": {
            name: value for name, value in periods.attrs.items() if isinstance(value, str | int | float)
        },
    }
    tree.attrs = {
        "provenance": json.dumps(provenance, sort_keys=True),
        "checks": _checks.to_json(found.checks),
    }
    return RiskPosterior(model, tree)


def period_counts(design: RiskDesign, causes: tuple[str, ...], periods: xr.Dataset) -> PeriodCounts:
    """Return periods as the likelihood needs them, times in days.

    Raises
    ------
    InputError
        If there is an event that is none of the causes, or nothing says what happened.
    """
    if "event" not in periods:
        raise InputError("customers at risk", "periods with what happened", "use bcx.summarise_periods")
    event = periods["event"].to_numpy().astype(str)
    if unknown := sorted({*event} - {*causes, ""}):
        raise InputError(f"the event {unknown[0]!r}", f"one of {', '.join(causes)}", "fit it as well")
    weight = periods["weight"].to_numpy().astype(float) if "weight" in periods else np.ones(event.size)
    matrix = np.concatenate([np.ones((event.size, 1)), design.matrix(periods)], axis=1)
    happened = np.stack([(event == cause) * weight for cause in causes], axis=1)
    length = periods["length"].to_numpy().astype(float) * FINE_UNITS[periods.attrs["unit"]]
    return PeriodCounts(matrix, np.log(length), happened, np.where(event == "", weight, 0.0))


def _pooled(design: Design) -> tuple[str, ...]:
    """Return the columns of groups of a design."""
    if design.covariates or design.formulas or design.pooled or design.calendar:
        raise InputError(
            f"the design {design!r} for risk",
            "groups that are pooled; features come with the periods",
            "write Design(pool=['segment']), and pass features= to bcx.summarise_periods",
        )
    return tuple(dict.fromkeys(name for text in design.pool for group in groupings(text) for name in group))


@dataclass(frozen=True)
class _Explored:
    """Draws, of shapes (draw, cause, 1 + column) and (draw, cause, family), and what was checked of them."""

    beta: np.ndarray
    log_scale: np.ndarray
    checks: tuple[Check, ...]


def _explored(
    model: HazardModel, counts: PeriodCounts, design: RiskDesign, method: Laplace, rng: np.random.Generator
) -> _Explored:
    """Draw scales given a quadratic likelihood, effects given scales; weigh them by the likelihood.

    The quadratic likelihood is that of the normal effects that are nearest to the posterior (`_nearest`).
    """
    causes, columns, families = counts.causes, 1 + len(design.columns), len(design.families)
    at_risk = np.exp(counts.log_length) @ (counts.none + counts.happened.sum(axis=1))
    beta = np.zeros((causes, columns))
    beta[:, 0] = np.log(counts.happened.sum(axis=0) / at_risk)
    centre = beta[:, 0].copy()
    log_scale = np.full((causes, families), np.log(0.2))
    given: list[GivenScales] = []
    modes: list[Mode] = []
    normal: _Normal | None = None
    for _ in range(_ROUNDS):
        priors = [_given(model, design, centre[c], families) for c in range(causes)]
        precision = np.stack([p.precisions(log_scale[c]) for c, p in enumerate(priors)])
        centres = np.stack([p.centre for p in priors])
        if normal is None:
            normal = _Normal(_climbed(counts, beta, precision, centres), None)
        normal, slope, curve = _nearest(counts, normal, precision, centres)
        given = [
            _given(model, design, centre[c], families, curve[c], slope[c] + curve[c] @ normal.mean[c])
            for c in range(causes)
        ]
        if not families:
            break
        modes = [mode_of(each, log_scale[c]) for c, each in enumerate(given)]
        last, log_scale = log_scale, np.stack([mode.u for mode in modes])
        if np.abs(log_scale - last).max() < 0.02:
            break
    assert normal is not None
    return _weighed(counts, given, modes, method, rng)


def _given(
    model: HazardModel,
    design: RiskDesign,
    log_rate: float,
    size: int,
    curve: np.ndarray | None = None,
    tilt: np.ndarray | None = None,
) -> GivenScales:
    """Return the priors of the effects on one cause, and its likelihood where it is known."""
    columns = 1 + len(design.columns)
    centre, precision = np.zeros(columns), np.zeros(columns)
    centre[0], precision[0] = log_rate, model.intercept**-2
    return GivenScales(
        np.zeros((columns, columns)) if curve is None else curve,
        np.zeros(columns) if tilt is None else tilt,
        np.concatenate([[-1], design.family]),
        centre,
        precision,
        model.scale,
        size,
    )


def _positive(curve: np.ndarray) -> np.ndarray:
    """Return a curvature without directions in which it bends upwards."""
    values, vectors = np.linalg.eigh((curve + curve.T) / 2)
    return (vectors * np.maximum(values, 1e-9 * max(values[-1], 1e-300))) @ vectors.T


def _climbed(counts: PeriodCounts, beta: np.ndarray, precision: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the most probable effects at these prior precisions, by Newton's steps; (cause, column)."""

    def height(at: np.ndarray) -> float:
        return counts.height(at) - 0.5 * float((precision * (at - centre) ** 2).sum())

    now = height(beta)
    for _ in range(_NEWTON):
        slope, curve = counts.quadratic(beta)
        slope = slope - precision * (beta - centre)
        step = np.stack(
            [
                np.linalg.solve(_positive(curve[c, :, c]) + np.diag(precision[c]), slope[c])
                for c in range(len(beta))
            ]
        )
        gain, size = float((slope * step).sum()), 1.0
        if gain < 1e-6:
            return beta
        while not (then := height(beta + size * step)) > now + 1e-4 * size * gain:
            size /= 2
            if size < 1e-6:
                return beta
        beta, now = beta + size * step, then
    raise FitError(
        "effects without a most probable value",
        "features that do not tell all events from all others",
        "look for a feature that says whether the event happened, and drop it",
    )


@dataclass(frozen=True)
class _Normal:
    """Normal effects: means (cause, column), and curvatures of the likelihood (cause, column, column)."""

    mean: np.ndarray
    curve: np.ndarray | None


def _nearest(
    counts: PeriodCounts, start: _Normal, precision: np.ndarray, centre: np.ndarray
) -> tuple[_Normal, np.ndarray, np.ndarray]:
    """Return the normal effects that are nearest to the posterior, given the precision of their prior.

    A feature that is seldom seen has few events, and its likelihood is skew: its mean is not where it is
    highest, and its curvature there is not that of where most of it lies. With 90 features all of that adds
    up, and few draws of the quadratic form at the highest point would count. So slope and curvature are means
    over the effects, and these are moved until the mean slope is zero, which is where the Kullback-Leibler
    divergence from normal effects to the posterior is least. Curvatures are averaged with those of the step
    before, since a wide normal is followed by a narrow one and that by a wide one otherwise.

    Returns
    -------
    normal : _Normal
    slope, curve : numpy.ndarray, shapes (cause, column) and (cause, column, column)
        Of the log-likelihood, means over these effects.
    """
    mean, kept = start.mean, start.curve
    if kept is None:
        kept = _blocks(counts.quadratic(mean)[1])
    for _ in range(_NEARER):
        spread = np.linalg.inv(kept + _diagonals(precision))
        slope, curve = counts.quadratic(mean, spread)
        pull = slope - precision * (mean - centre)
        kept = (kept + _blocks(curve)) / 2
        step = np.linalg.solve(kept + _diagonals(precision), pull[..., None])[..., 0]
        mean = mean + step
        if float((pull * step).sum()) < _ENOUGH:
            break
    spread = np.linalg.inv(kept + _diagonals(precision))
    slope, curve = counts.quadratic(mean, spread)
    return _Normal(mean, kept), slope, _blocks(curve)


def _blocks(curve: np.ndarray) -> np.ndarray:
    """Return the curvature of each cause by itself, shape (cause, column, column)."""
    return np.stack([_positive(curve[c, :, c]) for c in range(len(curve))])


def _diagonals(values: np.ndarray) -> np.ndarray:
    """Return diagonal matrices, shape (cause, column, column)."""
    return values[..., None] * np.eye(values.shape[-1])


def _weighed(
    counts: PeriodCounts,
    given: list[GivenScales],
    modes: list[Mode],
    method: Laplace,
    rng: np.random.Generator,
) -> _Explored:
    """Draw scales and effects of each cause, weigh the draws by the likelihood, and resample them.

    A likelihood of few events is skew. Where the weights show it, effects are drawn again where the weighed
    ones say that they are, and as skew; the best draws count.
    """
    draws = OuterDraws(sum(each.tilt.size for each in given), 0, method.degrees)
    best = found = _proposed(counts, given, modes, draws, method, rng)
    for _ in range(_MOVED):
        if best.khat < _SKEW and best.ess >= ESS_LIMIT:
            break
        draws = draws.moved(found.z, found.weight, skew=True)
        found = _proposed(counts, given, modes, draws, method, rng)
        best = max(best, found, key=lambda one: (one.khat < KHAT_LIMIT, one.ess))
    chosen = rng.permutation(systematic(best.weight, method.draws, rng))
    checks = _weights_checked("effects", best.khat, best.ess)
    if modes:
        checks = (*_weights_checked("scales of effects", best.of_scales[0], best.of_scales[1]), *checks)
    return _Explored(best.effects[chosen], best.scales[chosen], checks)


@dataclass(frozen=True)
class _Proposed:
    """Proposals, and what they weigh.

    Attributes
    ----------
    z : numpy.ndarray, shape (draw, effect of all causes)
        The effects, standard normal where the likelihood is quadratic.
    effects, scales : numpy.ndarray, shapes (draw, cause, 1 + column) and (draw, cause, family)
        Scales in logarithms.
    weight : numpy.ndarray, shape (draw,)
        Smoothed, with the sum one.
    khat : float
    of_scales : tuple of two floats
        The largest k-hat and the fewest effective draws of scales.
    """

    z: np.ndarray
    effects: np.ndarray
    scales: np.ndarray
    weight: np.ndarray
    khat: float
    of_scales: tuple[float, float]

    @property
    def ess(self) -> float:
        """The effective number of draws."""
        return float(1 / (self.weight**2).sum())


def _proposed(
    counts: PeriodCounts,
    given: list[GivenScales],
    modes: list[Mode],
    draws: OuterDraws,
    method: Laplace,
    rng: np.random.Generator,
) -> _Proposed:
    n = _PROPOSED * method.draws
    scales = np.zeros((n, len(given), modes[0].u.size if modes else 0))
    effects = np.empty((n, len(given), given[0].tilt.size))
    z, log_q = draws.draw(n, rng)
    # The log density of normal z, up to what is the same for all.
    log_weight = -0.5 * (z**2).sum(axis=1) - log_q
    worst, fewest = -np.inf, np.inf
    for c, (each, own) in enumerate(zip(given, np.split(z, len(given), axis=1), strict=True)):
        if modes:
            drawn = draw_scales(each.of_scales, modes[c], n, method.degrees, rng, proposed=2 * n)
            scales[:, c], worst, fewest = drawn.points, max(worst, drawn.khat), min(fewest, drawn.ess)
        effects[:, c] = x = each.effects(scales[:, c], own)
        log_weight -= x @ each.tilt - 0.5 * np.einsum("dj,dj->d", x @ each.curve, x)
    smooth, khat = smooth_weights(counts.heights(effects) + log_weight)
    return _Proposed(z, effects, scales, np.exp(smooth), float(khat), (worst, fewest))


def _weights_checked(about: str, khat: float, ess: float) -> tuple[Check, ...]:
    """Return the checks of importance weights."""
    return (
        Check(
            "Pareto k-hat of the importance weights",
            khat,
            f"< {KHAT_LIMIT:g}",
            "passed" if khat < KHAT_LIMIT else "failed",
            about=about,
        ),
        Check(
            "effective draws before resampling",
            ess,
            f">= {ESS_LIMIT:g}",
            "passed" if ess >= ESS_LIMIT else "failed",
            about=about,
        ),
    )
