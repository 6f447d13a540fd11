"""The posterior of journeys: where they go from each state, in each segment, and after how long."""

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
import pandas as pd
import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.data.itineraries import EXIT, START
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path
from bayes_cx.inference.design import Design, groupings
from bayes_cx.inference.diagnostics import ESS_LIMIT, KHAT_LIMIT
from bayes_cx.inference.methods import Conjugate
from bayes_cx.inference.transitions import common_of, dirichlet, log_marginal
from bayes_cx.inference.waits import Waits, waits_of
from bayes_cx.kinds import STAYS, kind_of
from bayes_cx.models.semi_markov import SEMI_MARKOV, JourneyModel

__all__ = ["JourneyPosterior", "fit_journeys"]

_ALL = "all"
# More different waiting times in a state than these are rounded, to steps of such a share.
_MOST_WAITS, _SAME_WAIT = 2_000, 0.01


@dataclass(frozen=True)
class JourneyPosterior:
    """Draws from the posterior of journeys, with checks and provenance.

    Attributes
    ----------
    model : JourneyModel
    draws : xarray.DataTree
        Group ``posterior`` over (chain, draw): ``mean`` (state, next), the transition probabilities that
        segments have in common, or those of all where there are none; with segments ``concentration``
        (state), how alike they are; ``wait_scale`` and ``wait_shape`` (timed). Group ``observed_data``:
        ``transitions``, counts over (segment, state, next).
    """

    model: JourneyModel
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
    def counts(self) -> np.ndarray:
        """Transitions seen, shape (segment, state, next)."""
        return self.draws["observed_data"]["transitions"].to_numpy()

    @cached_property
    def states(self) -> tuple[str, ...]:
        """The states that a journey can be in, the start first."""
        return self._names("state")

    @cached_property
    def following(self) -> tuple[str, ...]:
        """The states that can follow: those of `states` but the start, the targets, and the exit."""
        return self._names("next")

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The segments of the fit; one called ``all`` where nothing was pooled."""
        return self._names("segment")

    @property
    def targets(self) -> tuple[str, ...]:
        """The states that end a journey."""
        return tuple(self.provenance["targets"])

    @property
    def pooled(self) -> str:
        """The column of the segments, empty where there are none."""
        return self.provenance["pooled"]

    @property
    def close(self) -> float:
        """After how long without an event a journey has ended, 0 where it never does."""
        return float(self.provenance["close"])

    @property
    def unit(self) -> str:
        """The unit of waiting times."""
        return self.provenance["unit"]

    def _names(self, dim: str) -> tuple[str, ...]:
        return tuple(map(str, self.draws["observed_data"][dim].to_numpy()))

    @classmethod
    def of_tree(cls, tree: xr.DataTree) -> "JourneyPosterior":
        """Return the posterior that a tree holds, as `save` wrote it.

        Raises
        ------
        KeyError, ValueError
            If it is none.
        """
        made = json.loads(tree.attrs["provenance"])
        if made["model"] != SEMI_MARKOV.key:
            raise ValueError(f"it is of the model {made['model']!r}")
        found = cls(SEMI_MARKOV, tree)
        if not {"mean", *(("concentration",) if made["pooled"] else ())} <= set(tree["posterior"].data_vars):
            raise ValueError("draws are missing")
        if found.counts.shape != (len(found.segments), len(found.states), len(found.following)):
            raise ValueError("transitions are not over segment, state and next")
        return found

    def transitions(self, segment: str | None = None) -> np.ndarray:
        """Return draws of the transition probabilities, shape (draw, state, next).

        Parameters
        ----------
        segment : str, optional
            One of `segments`; None for all journeys where nothing was pooled, else for the average of the
            segments, each with the weight of its journeys. A segment that is not in the fit is drawn from the
            distribution of segments.

        Examples
        --------
        See `fit`.
        """
        posterior = self.draws["posterior"]
        mean = posterior["mean"].to_numpy()[0]
        if not self.pooled:
            return mean
        if segment is None:
            weight = self.counts[:, 0].sum(axis=1).astype(float)
            some = [self.transitions(name) for name in self.segments]
            return np.tensordot(weight / weight.sum(), np.array(some), axes=1)
        known = segment in self.segments
        counts = self.counts[self.segments.index(segment)] if known else 0
        alpha = posterior["concentration"].to_numpy()[0][..., None] * mean + counts
        own = [int(self.provenance["seed"]), zlib.crc32(segment.encode())]
        return dirichlet(np.maximum(alpha, 1e-12), np.random.default_rng(own))

    @cached_property
    def waits(self) -> dict[str, Waits]:
        """Draws of the waiting times by state; states of which no waiting time is known are left out."""
        posterior = self.draws["posterior"]
        found = {}
        for position, state in enumerate(map(str, posterior["timed"].to_numpy())):
            made = self.provenance["waits"][state]
            found[state] = Waits(
                made["family"],
                posterior["wait_scale"].to_numpy()[0, :, position],
                posterior["wait_shape"].to_numpy()[0, :, position],
                made["probability"],
                made["khat"],
                made["ess"],
            )
        return found

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file, whole or not at all; `load` reads it."""
        with atomic_path(Path(path)) as unfinished:
            self.draws.to_netcdf(unfinished, engine="h5netcdf")

    def __repr__(self) -> str:
        n = int(self.counts[:, 0].sum())
        return (
            f"<JourneyPosterior {self.model.name}: {self.n_draws:,} draws, {len(self.states) - 1} states, "
            f"{n:,} journeys, checks {self.verdict}>"
        )


def fit_journeys(
    model: JourneyModel, stays: xr.Dataset, design: Design, method: Any, seed: int
) -> JourneyPosterior:
    """Return the posterior of journeys; see `fit`.

    Raises
    ------
    InputError
        If these are no stays, the design is another than groups that are pooled, or the method is another.
    """
    start = time.perf_counter()
    if not isinstance(method, Conjugate):
        raise InputError(f"method {method!r} for journeys", "Conjugate() or 'auto'", "leave the method out")
    if kind_of(stays).key != STAYS.key:
        raise InputError(
            f"statistics of {kind_of(stays).key}", "stays of journeys", "use bcx.summarise_stays"
        )
    pooled = _pooled(design, stays)
    for demand in STAYS.demands(STAYS.numbers(stays)):
        raise InputError(*demand)
    targets = tuple(json.loads(stays.attrs.get("targets", "[]")))
    counts = _counts(stays, targets, pooled)
    segments, states, following = (list(map(str, counts[dim].to_numpy())) for dim in counts.dims)
    rng = np.random.default_rng([seed, zlib.crc32(f"{model.key} {pooled} {int(counts.sum())}".encode())])
    n, checks = method.draws, []
    table = counts.to_numpy()
    mean = np.empty((n, len(states), len(following)))
    posterior: dict[str, Any] = {}
    if pooled:
        concentration = np.empty((n, len(states)))
        weighed = [common_of(table[:, place], model.a, n, rng) for place in range(len(states))]
        for place, found in enumerate(weighed):
            mean[:, place], concentration[:, place] = found.mean, found.concentration
        evidence = sum(found.log_marginal for found in weighed)
        posterior["concentration"] = (("chain", "draw", "state"), concentration[None])
        checks += _weights_checked("transitions", states, [w.khat for w in weighed], [w.ess for w in weighed])
    else:
        mean[:] = dirichlet(np.broadcast_to(table[0] + model.a, mean.shape), rng)
        evidence = log_marginal(table[0], model.a)
    posterior["mean"] = (("chain", "draw", "state", "next"), mean[None])
    waits = _waits(stays, n, rng)
    for name in ("scale", "shape"):
        values = np.array([getattr(found, name) for found in waits.values()]).reshape(len(waits), n)
        posterior[f"wait_{name}"] = (("chain", "draw", "timed"), values.T[None])
    if waits:
        each = waits.values()
        checks += _weights_checked(
            "waiting times", list(waits), [w.khat for w in each], [w.ess for w in each]
        )
    if not checks:
        checks.append(
            Check("draws", float(n), "exact draws", "passed", "no chains and no weights are needed")
        )
    coords = {"chain": [0], "draw": np.arange(n), "state": states, "next": following, "timed": list(waits)}
    provenance = {
        "model": model.key,
        "method": type(method).__name__,
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 3),
        "pooled": pooled,
        "targets": targets,
        "close": float(stays.attrs.get("close", 0.0)),
        "unit": stays.attrs.get("unit", ""),
        "log_marginal": evidence,
        "waits": {
            state: {"family": w.family, "probability": w.probability, "khat": w.khat, "ess": w.ess}
            for state, w in waits.items()
        },
        "versions": {"python": python_version()} | {name: version(name) for name in ("bayes_cx", "numpy")},
        "data": {name: value for name, value in stays.attrs.items() if isinstance(value, str | int | float)},
    }
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(posterior, coords=coords),
            "observed_data": xr.Dataset({"transitions": counts.assign_coords(segment=segments)}),
        }
    )
    tree.attrs = {"provenance": json.dumps(provenance, sort_keys=True), "checks": _checks.to_json(checks)}
    return JourneyPosterior(model, tree)


def _pooled(design: Design, stays: xr.Dataset) -> str:
    """Return the column of groups of a design, empty without."""
    found = [name for text in design.pool for grouping in groupings(text) for name in grouping]
    if design.covariates or design.formulas or design.pooled or design.has_clock or len(found) > 1:
        raise InputError(
            f"the design {design!r} for journeys",
            "one column of groups that are pooled",
            "write Design(pool=['segment']); join several columns to one before",
        )
    if missing := [name for name in found if name not in stays]:
        raise InputError(
            f"stays without {missing[0]}", "the columns of the design", "pass by=... to bcx.summarise_stays"
        )
    return found[0] if found else ""


def _counts(stays: xr.Dataset, targets: Sequence[str], pooled: str) -> xr.DataArray:
    """Return the counts of transitions over (segment, state, next)."""
    left = stays["left"].to_numpy() == 1
    state, following = (stays[name].to_numpy().astype(str) for name in ("state", "next"))
    segment = stays[pooled].to_numpy().astype(str) if pooled else np.full(state.size, _ALL)
    states = sorted({*state, *following[left]} - {START, EXIT, *targets})
    ends = [*targets, *([EXIT] if (following == EXIT).any() else [])]
    names = {"segment": sorted(set(segment)), "state": [START, *states], "next": [*states, *ends]}
    columns = {"segment": segment, "state": state, "next": following}
    cells = tuple(pd.Index(names[dim]).get_indexer(pd.Index(values[left])) for dim, values in columns.items())
    table = np.zeros([len(known) for known in names.values()], np.int64)
    np.add.at(table, cells, stays["weight"].to_numpy()[left])
    return xr.DataArray(table, coords=names, dims=list(names))


def _waits(stays: xr.Dataset, n: int, rng: np.random.Generator) -> dict[str, Waits]:
    """Return draws of the waiting times of each state; how long it took to leave for good is not seen."""
    state, following = (stays[name].to_numpy().astype(str) for name in ("state", "next"))
    wait, weight = stays["wait"].to_numpy(), stays["weight"].to_numpy().astype(float)
    ended = stays["left"].to_numpy() == 1
    timed = (state != START) & (following != EXIT) & (wait > 0)
    if not (timed & ended).any():
        return {}
    centre = float(np.average(wait[timed & ended], weights=weight[timed & ended]))
    found = {}
    for name in sorted(set(state[timed])):
        rows = timed & (state == name)
        # Equal waits of several next states are one row.
        both, place = np.unique(np.stack([_near(wait[rows]), ended[rows]]), axis=1, return_inverse=True)
        found[name] = waits_of(both[0], both[1] > 0, np.bincount(place.ravel(), weight[rows]), centre, n, rng)
    return found


def _near(wait: np.ndarray) -> np.ndarray:
    """Return waiting times; where very many differ, to half a percent, far below what is known of any."""
    if np.unique(wait).size <= _MOST_WAITS:
        return wait
    return np.exp(np.round(np.log(wait) / _SAME_WAIT) * _SAME_WAIT)


def _weights_checked(
    about: str, states: Sequence[str], khat: Sequence[float], ess: Sequence[float]
) -> list[Check]:
    """Return the checks of importance weights: the worst over the states."""
    worst, fewest = int(np.argmax(khat)), int(np.argmin(ess))
    return [
        Check(
            "largest Pareto k-hat of the importance weights",
            khat[worst],
            f"< {KHAT_LIMIT:g}",
            "passed" if khat[worst] < KHAT_LIMIT else "failed",
            f"of {states[worst]}",
            about=about,
        ),
        Check(
            "effective draws before resampling",
            ess[fewest],
            f">= {ESS_LIMIT:g}",
            "passed" if ess[fewest] >= ESS_LIMIT else "failed",
            f"of {states[fewest]}",
            about=about,
        ),
    ]
