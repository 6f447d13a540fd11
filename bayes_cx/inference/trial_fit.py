"""The posterior of a trial: what each arm brings, and for whom that differs."""

import json
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats as distributions

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path
from bayes_cx.inference.amounts import amounts_of
from bayes_cx.inference.arm_tables import arm_table, arms_of, variance
from bayes_cx.inference.design import CONSTANT, Design
from bayes_cx.inference.methods import Conjugate
from bayes_cx.inference.shrunk_cells import ShrunkCells, shrunk_cells
from bayes_cx.kinds import TRIALS, kind_of
from bayes_cx.models.trial import TRIAL, TrialModel
from bayes_cx.notebook import html

__all__ = ["TrialPosterior", "fit_trial"]

DRAWS = 4000
"""Draws of a trial if nothing else is said; they are exact, so they cost next to nothing."""

# Shares of arms that are less likely than this by chance alone mean that something assigns customers wrongly.
_MISMATCH = 1e-3
# So many customers who were assigned to several arms are no accident.
_MOST_TWICE = 0.01
# From so many amounts in each arm on their mean is worth speaking of.
_FEWEST_AMOUNTS = 20
# How far the mean of the amounts may be from what their distribution says, in standard errors.
_FURTHEST = 4.0
# Half-normal prior of differences between segments, as a share of the outcome of the control.
_DIFFER = 0.5


@dataclass(frozen=True)
class TrialPosterior:
    """Draws from the posterior of a trial, with checks and provenance.

    Attributes
    ----------
    model : TrialModel
    draws : xarray.DataTree
        Group ``posterior`` over (chain, draw): ``mean`` (arm), the expected outcome of a customer, adjusted
        for what was known before where that was given; for value ``responding`` (arm), the share who pay,
        and ``amount`` (arm), what those pay on average; with segments ``effect`` (treatment, segment), by how
        much an arm raises the outcome in a segment, and ``effect_sd`` (treatment, division), how much that
        differs between the segments of a column; for factors ``main`` (term) and ``interaction_sd``. Group
        ``observed_data``: sums over ``arm``; ``observed_segments``: the same over (segment, arm).
    """

    model: TrialModel
    draws: xr.DataTree

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """What was checked of the trial and of the fit."""
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
    def posterior(self) -> xr.Dataset:
        """The draws of the single chain, over ``draw``."""
        return self.draws["posterior"].to_dataset().isel(chain=0, drop=True)

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.draws["posterior"].sizes["draw"]

    @cached_property
    def table(self) -> xr.Dataset:
        """Sums over the customers of each arm: ``n``, ``responded``, ``total``, ``squares`` and more."""
        return self.draws["observed_data"].to_dataset()

    @cached_property
    def by_segment(self) -> xr.Dataset | None:
        """The same over (``segment``, ``arm``); None where there are no segments."""
        return self.draws["observed_segments"].to_dataset() if self.divisions else None

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """The arms, the control first."""
        return tuple(map(str, self.draws["observed_data"]["arm"].to_numpy()))

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return self.arms[0]

    @property
    def measure(self) -> str:
        """What the outcome is: conversion, count or value."""
        return self.provenance["measure"]

    @property
    def divisions(self) -> tuple[str, ...]:
        """The columns that divide customers into segments."""
        return tuple(self.provenance["by"])

    @property
    def factors(self) -> tuple[str, ...]:
        """The columns of a factorial design, empty where there is none."""
        return tuple(self.provenance["factors"])

    @property
    def adjusted(self) -> bool:
        """Whether outcomes are adjusted for what was known before the assignment."""
        return bool(self.provenance["before"])

    @property
    def n_customers(self) -> int:
        """Number of customers in all arms."""
        return int(self.table["n"].sum())

    def arm(self, name: str) -> int:
        """Return the position of an arm.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        if name not in self.arms:
            raise InputError(f"the arm {name!r}", f"one of {', '.join(self.arms)}", "correct the name")
        return self.arms.index(name)

    @classmethod
    def of_tree(cls, tree: xr.DataTree) -> "TrialPosterior":
        """Return the posterior that a tree holds, as `save` wrote it.

        Raises
        ------
        KeyError, ValueError
            If it is none.
        """
        found = cls(TRIAL, tree)
        mean, table = tree["posterior"]["mean"], found.table
        if mean.dims != ("chain", "draw", "arm") or not np.isfinite(mean.to_numpy()).all():
            raise ValueError("draws of the mean are not finite numbers over chain, draw and arm")
        if tuple(map(str, mean["arm"].to_numpy())) != found.arms or not (table["n"] > 0).all():
            raise ValueError("draws and sums are of other arms")
        if found.measure not in ("conversion", "count", "value") or not isinstance(found.adjusted, bool):
            raise ValueError(f"the measure is {found.measure!r}")
        names = ("effect",) if found.divisions else ()
        if missing := [name for name in names if name not in tree["posterior"].data_vars]:
            raise ValueError(f"draws of {missing[0]} are missing")
        _ = found.factors, found.checks, found.by_segment
        return found

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file, whole or not at all; `load` reads it."""
        with atomic_path(Path(path)) as unfinished:
            self.draws.to_netcdf(unfinished, engine="h5netcdf")

    def __repr__(self) -> str:
        return (
            f"<TrialPosterior of {self.measure}: {len(self.arms)} arms, {self.n_customers:,} customers, "
            f"{self.n_draws:,} draws, checks {self.verdict}>"
        )

    def _repr_html_(self) -> str:
        return html("trial", self)


def fit_trial(model: TrialModel, stats: xr.Dataset, design: Design, method: Any, seed: int) -> TrialPosterior:
    """Return the posterior of a trial; see `fit`.

    Raises
    ------
    InputError
        If these are no statistics of a trial, or there is a design or another method.
    """
    start = time.perf_counter()
    if method == "auto":
        method = Conjugate(draws=DRAWS)
    if not isinstance(method, Conjugate):
        raise InputError(f"method {method!r} for a trial", "Conjugate() or 'auto'", "leave the method out")
    if kind_of(stats).key != TRIALS.key:
        raise InputError(f"statistics of {kind_of(stats).key}", "those of a trial", "use bcx.summarise_trial")
    if design != CONSTANT:
        raise InputError(
            f"the design {design!r} for a trial",
            "segments and factors of the statistics",
            "name them in by= and arm= of bcx.summarise_trial",
        )
    for text, wrong in TRIALS.impossible(TRIALS.numbers(stats)):
        if wrong.any():
            raise InputError(f"{int(wrong.sum())} rows with {text}", "possible outcomes", TRIALS.source)
    if "weight" not in stats:
        stats = stats.rename({next(iter(stats.sizes)): "row"}).assign(
            weight=("row", np.ones(stats["y"].size))
        )
    arms = arms_of(stats)
    table = arm_table(stats, arms)
    if len(arms) < 2 or not (table["n"] > 0).all():
        raise InputError(
            f"a trial of the arms {', '.join(arms)}", "the control and one arm more", TRIALS.source
        )
    divisions, factors = (tuple(json.loads(str(stats.attrs.get(n, "[]")))) for n in ("by", "factors"))
    measure, n = str(stats.attrs["measure"]), method.draws
    rng = np.random.default_rng([seed, zlib.crc32(f"{model.key} {measure} {int(table['n'].sum())}".encode())])
    made: dict[str, Any] = {"measure": measure}
    posterior, checks = _arms(model, table, measure, n, rng, made)
    slope, left = _before(table, "before" in stats)
    mean = posterior["mean"][1]
    if "before" in stats:
        mean = _shifted(mean, table, slope, left)
    if factors:
        found = _factors(stats, arms, factors, table, slope, left, n, rng)
        mean = found.cells
        posterior["main"] = (("draw", "term"), found.beta)
        posterior["interaction_sd"] = (("draw",), found.tau)
        made["p_interactions"] = found.p_differ
    posterior["mean"] = (("draw", "arm"), mean)
    coords: dict[str, Any] = {"draw": np.arange(n), "arm": list(arms)}
    if factors:
        coords["term"] = _terms(stats, factors, arms)[1]
    tables = [arm_table(stats, arms, name) for name in divisions]
    if divisions:
        labels = [
            f"{name}: {one}"
            for name, found in zip(divisions, tables, strict=True)
            for one in found["segment"].to_numpy()
        ]
        effect = np.empty((n, len(arms) - 1, len(labels)))
        spread = np.empty((n, len(arms) - 1, len(divisions)))
        differ = np.empty((len(arms) - 1, len(divisions)))
        at = 0
        for i, found in enumerate(tables):
            some = slice(at, at := at + found.sizes["segment"])
            for j in range(1, len(arms)):
                cells = _segments(found, table, j, slope, left, n, rng)
                effect[:, j - 1, some], spread[:, j - 1, i] = cells.cells, cells.tau
                differ[j - 1, i] = cells.p_differ
        posterior["effect"] = (("draw", "treatment", "segment"), effect)
        posterior["effect_sd"] = (("draw", "treatment", "division"), spread)
        coords |= {"treatment": list(arms[1:]), "segment": labels, "division": list(divisions)}
        made["p_differ"] = {
            name: dict(zip(divisions, map(float, row), strict=True))
            for name, row in zip(arms[1:], differ, strict=True)
        }
    provenance = {
        "model": model.key,
        "method": type(method).__name__,
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 3),
        "by": divisions,
        "factors": factors,
        "before": str(stats.attrs.get("before", "")) if "before" in stats else "",
        "explained": 1.0 - left,
        **made,
        "versions": {"python": python_version()} | {name: version(name) for name in ("bayes_cx", "numpy")},
        "data": {
            str(name): value.item() if isinstance(value, np.generic) else value
            for name, value in stats.attrs.items()
            if isinstance(value, str | int | float | np.generic)
        },
    }
    found = xr.Dataset({name: (("chain", *dims), v[None]) for name, (dims, v) in posterior.items()})
    groups = {
        "posterior": found.assign_coords({"chain": [0], **coords}),
        "observed_data": table,
    }
    if divisions:
        together = xr.concat(tables, "segment", combine_attrs="override")
        groups["observed_segments"] = together.assign_coords(segment=coords["segment"])
    tree = xr.DataTree.from_dict(groups)
    checks = [*_of_assignment(stats, table), *checks]
    tree.attrs = {"provenance": json.dumps(provenance, sort_keys=True), "checks": _checks.to_json(checks)}
    return TrialPosterior(model, tree)


def _arms(
    model: TrialModel,
    table: xr.Dataset,
    measure: str,
    draws: int,
    rng: np.random.Generator,
    made: dict[str, Any],
) -> tuple[dict[str, tuple[tuple[str, ...], np.ndarray]], list[Check]]:
    """Return draws of the mean of each arm, and what was checked of them."""
    n, responded, total = (table[name].to_numpy() for name in ("n", "responded", "total"))
    exact = Check("draws", float(draws), "exact draws", "passed", "no chains and no weights are needed")
    if measure == "count":
        mean = total.sum() / n.sum()
        within = np.nansum(variance(table) * (n - 1)) / max(float((n - 1).sum()), 1.0)
        phi = max(1.0, float(within / mean)) if mean > 0 else 1.0
        made["dispersion"] = phi
        prior = 1.0 / mean if mean > 0 else 1.0
        found = rng.gamma(1.0 + total / phi, size=(draws, n.size)) / (prior + n / phi)
        return {"mean": (("draw", "arm"), found)}, [exact]
    p = rng.beta(model.a + responded, model.b + n - responded, (draws, n.size))
    if measure == "conversion":
        return {"mean": (("draw", "arm"), p)}, [exact]
    checks = [
        Check(
            "amounts in the arm with the fewest",
            float(responded.min()),
            f">= {_FEWEST_AMOUNTS}",
            "passed" if responded.min() >= _FEWEST_AMOUNTS else "failed",
            "from fewer the mean of amounts with a heavy tail is hardly known",
        )
    ]
    if not responded.sum():
        raise InputError("a trial of value without any amount", "amounts above 0", "check the outcomes")
    logs, log_squares = table["log_total"].to_numpy(), table["log_squares"].to_numpy()
    amounts = amounts_of(responded, total, logs, log_squares, draws, rng)
    made |= {"family": amounts.family, "log_marginal": amounts.log_marginal}
    checks += [exact, _mean_of_amounts(table, amounts.mean)]
    return {
        "mean": (("draw", "arm"), p * amounts.mean),
        "responding": (("draw", "arm"), p),
        "amount": (("draw", "arm"), amounts.mean),
    }, checks


def _mean_of_amounts(table: xr.Dataset, mean: np.ndarray) -> Check:
    """Check whether the mean of all amounts is what their distribution says."""
    number, total, squares = (float(table[name].sum()) for name in ("responded", "total", "squares"))
    se = np.sqrt(max(squares - total**2 / number, 0.0) / max(number - 1, 1.0) / number)
    expected = float((mean.mean(axis=0) * table["responded"].to_numpy()).sum() / number)
    away = abs(total / number - expected) / se if se > 0 else 0.0
    return Check(
        "mean of the amounts, from what their distribution says, in standard errors",
        float(away),
        f"<= {_FURTHEST:g}",
        "passed" if away <= _FURTHEST else "failed",
        "a mean that is far off would count a tail that is not there, or miss one that is",
        n=int(number),
    )


def _of_assignment(stats: xr.Dataset, table: xr.Dataset) -> list[Check]:
    """Check whether customers came into the arms as planned."""
    n = table["n"].to_numpy()
    given = json.loads(str(stats.attrs.get("shares", "{}"))) or dict.fromkeys(
        map(str, table["arm"].to_numpy()), 1.0
    )
    shares = np.array([given.get(str(name), 0.0) for name in table["arm"].to_numpy()])
    shares = shares / shares.sum()
    p = float(distributions.chisquare(n, shares * n.sum()).pvalue) if (shares > 0).all() else 0.0
    got = ", ".join(
        f"{name} {k:,.0f}, planned {share * n.sum():,.0f}"
        for name, k, share in zip(table["arm"].to_numpy(), n, shares, strict=True)
    )
    reasons = json.loads(str(stats.attrs.get("rejected", "{}")))
    twice = float(reasons.get("assigned twice to different arms", 0)) / max(
        float(stats.attrs.get("rows_read", 0) or n.sum()), 1.0
    )
    return [
        Check(
            "sample ratio: chance of arms as uneven as these",
            p,
            f">= {_MISMATCH:g}",
            "passed" if p >= _MISMATCH else "failed",
            f"customers: {got}"
            + ("" if p >= _MISMATCH else "; something lost customers of an arm, so the arms are not alike"),
            n=int(n.sum()),
            alarm=_MISMATCH,
        ),
        Check(
            "rows of customers who were assigned to different arms",
            twice,
            f"<= {_MOST_TWICE:g} of all",
            "passed" if twice <= _MOST_TWICE else "failed",
            "they are left out",
        ),
    ]


def _before(table: xr.Dataset, given: bool) -> tuple[float, float]:
    """Return the slope of the outcome on what was known before, and the share of its variance left."""
    if not given:
        return 0.0, 1.0
    n, total, squares, x, xx, xy = (
        table[name].to_numpy() for name in ("n", "total", "squares", "before", "before_squares", "crossed")
    )
    within_x, within_y = (xx - x**2 / n).sum(), (squares - total**2 / n).sum()
    both = (xy - x * total / n).sum()
    # A constant tells nothing; what rounding leaves of its variance is no variance.
    if within_x <= 1e-12 * xx.sum() or within_y <= 0:
        return 0.0, 1.0
    return float(both / within_x), float(max(1.0 - both**2 / (within_x * within_y), 0.0))


def _shifted(mean: np.ndarray, table: xr.Dataset, slope: float, left: float) -> np.ndarray:
    """Return draws of the means as they would be if all arms had been alike before."""
    n, x = (table[name].to_numpy() for name in ("n", "before"))
    centre = mean.mean(axis=0)
    return centre - slope * (x / n - x.sum() / n.sum()) + np.sqrt(left) * (mean - centre)


def _cells(table: xr.Dataset, all_: xr.Dataset, slope: float, left: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean outcome of each cell and its variance; each borrows one customer from all cells."""
    n, total, squares, x = (table[name].to_numpy() for name in ("n", "total", "squares", "before"))
    everybody, mean, second, before = (
        float(all_[name].sum()) for name in ("n", "total", "squares", "before")
    )
    mean, second, before = mean / everybody, second / everybody, before / everybody
    if mean == second and mean in (0.0, 1.0):  # where all respond, or nobody, nothing would seem uncertain
        mean = second = 0.5
    y = (total + mean) / (n + 1)
    v = np.maximum((squares + second) / (n + 1) - y**2, 1e-12 * max(second, 1e-300)) / (n + 1)
    return y - slope * ((x + before) / (n + 1) - before), v * max(left, 1e-9)


def _scale(table: xr.Dataset) -> float:
    control = float(table["total"][0] / table["n"][0])
    return _DIFFER * (control or float(table["total"].sum() / table["n"].sum()) or 1.0)


def _segments(
    found: xr.Dataset,
    table: xr.Dataset,
    arm: int,
    slope: float,
    left: float,
    n: int,
    rng: np.random.Generator,
) -> ShrunkCells:
    """Return the effect of an arm in each segment of a column."""
    y, v = _cells(found, table, slope, left)
    ones = np.ones((y.shape[0], 1))
    return shrunk_cells(y[:, arm] - y[:, 0], v[:, arm] + v[:, 0], ones, _scale(table), n, rng)


def _terms(stats: xr.Dataset, factors: Sequence[str], arms: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return the design of the main effects of the factors, (arm, term), and the names of the terms."""
    levels = {}
    arm = stats["arm"].to_numpy().astype(str)
    columns = {name: stats[name].to_numpy().astype(str) for name in factors}
    for name in arms:
        first = int(np.flatnonzero(arm == name)[0])
        levels[name] = {factor: str(column[first]) for factor, column in columns.items()}
    base = levels[arms[0]]
    terms = [("", "")] + [
        (factor, level)
        for factor, column in columns.items()
        for level in sorted({*map(str, column)} - {base[factor]})
    ]
    X = np.array([[float(not f or levels[name][f] == level) for f, level in terms] for name in arms])
    return X, ["control", *(f"{factor}: {level}" for factor, level in terms[1:])]


def _factors(
    stats: xr.Dataset,
    arms: Sequence[str],
    factors: Sequence[str],
    table: xr.Dataset,
    slope: float,
    left: float,
    n: int,
    rng: np.random.Generator,
) -> ShrunkCells:
    """Return what each combination brings: the sum of the factors, and what goes beyond it, shrunk."""
    X, _ = _terms(stats, factors, arms)
    if np.linalg.matrix_rank(X) < X.shape[1]:
        raise InputError(
            f"combinations of {', '.join(factors)} that do not tell the factors apart",
            "combinations in which each factor changes without the others",
            "name one column of arms instead",
        )
    y, v = _cells(table, table, slope, left)
    return shrunk_cells(y, v, X, _scale(table), n, rng)
