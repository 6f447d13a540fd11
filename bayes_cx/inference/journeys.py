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
from typing import Any, Literal

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
from bayes_cx.inference.memory import DECIDES, FEW_DRAWS
from bayes_cx.inference.methods import Conjugate
from bayes_cx.inference.places import Places, places_of
from bayes_cx.inference.transitions import Common, common_of, dirichlet, log_marginal
from bayes_cx.inference.two_states import (
    common_of_pairs,
    counts_of_places,
    draw_places,
    pair_counts,
    share_of_places,
)
from bayes_cx.inference.wait_families import TWO_KINDS
from bayes_cx.inference.waits import Short, Waits, waits_of
from bayes_cx.kinds import STAYS, kind_of
from bayes_cx.models.semi_markov import SEMI_MARKOV, JourneyModel

__all__ = ["JourneyMemory", "JourneyPosterior", "fit_journeys"]

type JourneyMemory = Literal[1, 2, "auto"]

_ALL = "all"
_SHORT = ("share", "scale", "shape")


@dataclass(frozen=True)
class JourneyPosterior:
    """Draws from the posterior of journeys, with checks and provenance.

    Attributes
    ----------
    model : JourneyModel
    draws : xarray.DataTree
        Group ``posterior`` over (chain, draw): ``mean`` (state, next), the transition probabilities that
        segments have in common, or those of all where there are none; with segments ``concentration``
        (state), how alike they are; ``wait_scale`` and ``wait_shape`` (timed), and where waiting times of a
        state are of two kinds ``wait_short_share``, ``wait_short_scale`` and ``wait_short_shape`` of the
        short one, NaN of states with one kind. Group ``observed_data``:
        ``transitions``, counts over (segment, state, next). With a memory of two states what segments are is
        each pair of a segment and a state before, and ``pairs`` has counts over (segment, before, state,
        next); ``concentration`` is NaN of a state that only one state comes before.
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
    def memory(self) -> int:
        """The number of states that what comes next depends on, 1 or 2."""
        return int(self.provenance.get("memory", {}).get("states", 1))

    @property
    def limits(self) -> tuple[str, ...]:
        """What the fit cannot see, in plain words."""
        first, *others = self.model.limits
        if self.memory == 2:
            first = (
                "Where a journey goes next depends on its last two states, and not on how it came to them."
            )
        return (first, *others)

    @cached_property
    def places(self) -> Places:
        """The places of a journey: its states, or with a memory of two these with the state before."""
        if self.memory == 1:
            return places_of(self.states, self.following)
        seen = self.draws["observed_data"]["pairs"].to_numpy().sum(axis=(0, 3)) > 0
        return places_of(self.states, self.following, seen)

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
        shared = ("concentration",) if made["pooled"] or found.memory == 2 else ()
        if not {"mean", *shared} <= set(tree["posterior"].data_vars):
            raise ValueError("draws are missing")
        if found.memory == 2 and "pairs" not in tree["observed_data"]:
            raise ValueError("transitions of pairs are missing")
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

        Notes
        -----
        With a memory of two states those of a state are the average over the states before it, each with the
        weight of its stays; `at_places` has each.

        Examples
        --------
        See `fit`.
        """
        if self.memory == 2:
            share = self.shares(segment)[:, None] * self.at_places(segment)
            states = range(len(self.states))
            return np.stack([share[:, self.places.of(state)].sum(axis=1) for state in states], axis=1)
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

    def at_places(self, segment: str | None = None, keep: np.ndarray | None = None) -> np.ndarray:
        """Return draws of the transition probabilities from each of `places`, shape (draw, place, next).

        Parameters
        ----------
        segment : str, optional
            As for `transitions`.
        keep : numpy.ndarray of int, optional
            Positions of the draws that are wanted; by default all.
        """
        keep = np.arange(self.n_draws) if keep is None else keep
        if self.memory == 1:
            return self.transitions(segment)[keep]
        if self.pooled and segment is None:
            weight = self.counts[:, 0].sum(axis=1) / self.counts[:, 0].sum()
            each = zip(weight, self.segments, strict=True)
            return sum((w * self.at_places(name, keep) for w, name in each), np.zeros(()))
        posterior, name = self.draws["posterior"], segment if self.pooled else _ALL
        mean, concentration = (posterior[one].to_numpy()[0, keep] for one in ("mean", "concentration"))
        seed = int(self.provenance["seed"])
        return draw_places(self.places, mean, concentration, self.counts_at_places(name), str(name), seed)

    def shares(self, segment: str | None = None) -> np.ndarray:
        """Return which share of the stays seen in its state each of `places` has, shape (place,)."""
        if self.memory == 1:
            return np.ones(len(self.places))
        known = self.pooled and segment in self.segments
        seen = self.counts_at_places(segment if known else None).sum(axis=1)
        every = self.counts_at_places().sum(axis=1)
        # A segment without stays in a state has come there as all have.
        none = np.bincount(self.places.state, seen)[self.places.state] == 0
        return share_of_places(self.places, np.where(none, every, seen))

    @cached_property
    def solved(self) -> dict[Any, Any]:
        """What scores have solved before, so that the same need not be solved again; not part of the fit."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled, which is the fit alone."""
        return {name: value for name, value in self.__dict__.items() if name != "solved"}

    def counts_at_places(self, segment: str | None = None) -> np.ndarray:
        """Return the transitions seen from each of `places`, of a segment or of all, shape (place, next)."""
        if self.memory == 1:
            return self.counts.sum(axis=0) if segment is None else self.counts[self.segments.index(segment)]
        pairs = self.draws["observed_data"]["pairs"].to_numpy()
        if segment is None:
            return counts_of_places(self.places, pairs.sum(axis=0), self.states)
        if segment not in self.segments:
            return np.zeros((len(self.places), len(self.following)), np.int64)
        return counts_of_places(self.places, pairs[self.segments.index(segment)], self.states)

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
                self._short(position) if made["family"] in TWO_KINDS else None,
            )
        return found

    def _short(self, position: int) -> Short:
        """Return the short kind of waiting times of a state that has two."""
        drawn = (self.draws["posterior"][f"wait_short_{name}"].to_numpy() for name in _SHORT)
        return Short(*(one[0, :, position] for one in drawn))

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file, whole or not at all; `load` reads it."""
        with atomic_path(Path(path)) as unfinished:
            self.draws.to_netcdf(unfinished, engine="h5netcdf")

    def __repr__(self) -> str:
        n = int(self.counts[:, 0].sum())
        return (
            f"<JourneyPosterior {self.model.name}: {self.n_draws:,} draws, {len(self.states) - 1} states, "
            f"{n:,} journeys, {'memory of two states, ' if self.memory == 2 else ''}checks {self.verdict}>"
        )


def fit_journeys(
    model: JourneyModel,
    stays: xr.Dataset,
    design: Design,
    method: Any,
    seed: int,
    memory: JourneyMemory = "auto",
) -> JourneyPosterior:
    """Return the posterior of journeys; see `fit`.

    Raises
    ------
    InputError
        If these are no stays, the design is another than groups that are pooled, the method is another, or
        the memory is none, or one that the stays do not have.
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
    found, memory_made, pairs = _remembered(stays, counts, model.a, n, seed, rng, pooled, memory)
    mean = np.stack([one.mean for one in found], axis=1)
    posterior: dict[str, Any] = {}
    if pooled or pairs is not None:
        concentration = np.stack([one.concentration for one in found], axis=1)
        posterior["concentration"] = (("chain", "draw", "state"), concentration[None])
    weighed = [(name, one) for name, one in zip(states, found, strict=True) if np.isfinite(one.ess)]
    if weighed:
        names, each = zip(*weighed, strict=True)
        checks += _weights_checked("transitions", names, [w.khat for w in each], [w.ess for w in each])
    if "gain" in memory_made:
        checks.append(_memory_checked(memory_made["states"], memory_made["gain"]))
    posterior["mean"] = (("chain", "draw", "state", "next"), mean[None])
    waits = _waits(stays, n, rng)
    for name in ("scale", "shape"):
        values = np.array([getattr(found, name) for found in waits.values()]).reshape(len(waits), n)
        posterior[f"wait_{name}"] = (("chain", "draw", "timed"), values.T[None])
    shorts = [found.short for found in waits.values()]
    for name in _SHORT if any(shorts) else ():
        values = [np.full(n, np.nan) if one is None else getattr(one, name) for one in shorts]
        posterior[f"wait_short_{name}"] = (("chain", "draw", "timed"), np.stack(values, axis=1)[None])
    if waits:
        each = waits.values()
        checks += _weights_checked(
            "waiting times", list(waits), [w.khat for w in each], [w.ess for w in each]
        )
    if not weighed and not waits:
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
        "log_marginal": sum(one.log_marginal for one in found),
        "memory": memory_made,
        "waits": {
            state: {"family": w.family, "probability": w.probability, "khat": w.khat, "ess": w.ess}
            for state, w in waits.items()
        },
        "versions": {"python": python_version()} | {name: version(name) for name in ("bayes_cx", "numpy")},
        "data": {name: value for name, value in stays.attrs.items() if isinstance(value, str | int | float)},
    }
    observed = xr.Dataset({"transitions": counts.assign_coords(segment=segments)})
    if pairs is not None:
        observed["pairs"] = (("segment", "before", "state", "next"), pairs)
        observed = observed.assign_coords(before=["", *states])
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset(posterior, coords=coords), "observed_data": observed}
    )
    tree.attrs = {"provenance": json.dumps(provenance, sort_keys=True), "checks": _checks.to_json(checks)}
    return JourneyPosterior(model, tree)


def _remembered(
    stays: xr.Dataset,
    counts: xr.DataArray,
    a: float,
    n: int,
    seed: int,
    rng: np.random.Generator,
    pooled: str,
    memory: JourneyMemory,
) -> tuple[list[Common], dict[str, Any], np.ndarray | None]:
    """Return what segments have in common by state, how much is remembered, and with two states the pairs."""
    if memory not in (1, 2, "auto"):
        raise InputError(f"memory={memory!r}", "1, 2 or 'auto'", "choose one of these")
    if "before" not in stays:
        if memory == 2:
            raise InputError(
                "stays without the state before, for a memory of two states",
                "the state before",
                "pass before=True to bcx.summarise_stays",
            )
        made = {"states": 1, "asked": memory, "why": "the stays have no state before"}
        return _one_state(counts.to_numpy(), a, n, rng, pooled), made, None
    segment = stays[pooled].to_numpy().astype(str) if pooled else np.full(stays.sizes["row"], _ALL)
    pairs = pair_counts(stays, counts, segment)
    two = common_of_pairs(pairs, a, FEW_DRAWS if memory == 1 else n, seed, bool(pooled))
    one = _one_state(counts.to_numpy(), a, n, rng, pooled)
    gain = sum(each.log_marginal for each in two) - sum(each.log_marginal for each in one)
    states = memory if memory != "auto" else 2 if gain > DECIDES else 1
    made = {"states": states, "asked": memory, "gain": gain}
    return (two, made, pairs) if states == 2 else (one, made, None)


def _one_state(table: np.ndarray, a: float, n: int, rng: np.random.Generator, pooled: str) -> list[Common]:
    """Return what the segments have in common, state by state; without segments exact draws."""
    if pooled:
        return [common_of(table[:, place], a, n, rng) for place in range(table.shape[1])]
    mean = dirichlet(np.broadcast_to(table[0] + a, (n, *table.shape[1:])), rng)
    none = np.full(n, np.nan)
    return [
        Common(mean[:, place], none, np.nan, np.nan, log_marginal(table[0, place], a))
        for place in range(table.shape[1])
    ]


def _memory_checked(states: int, gain: float) -> Check:
    """Return whether a memory of as many states explains the steps as well as the other one does."""
    enough = gain < DECIDES if states == 1 else gain > -DECIDES
    return Check(
        "log marginal likelihood of a memory of two states, less that of one",
        gain,
        f"< {DECIDES:g}" if states == 1 else f"> -{DECIDES:g}",
        "passed" if enough else "failed",
        f"the fit remembers {'the last state' if states == 1 else 'the last two states'}",
        about="memory",
    )


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
    code, names = pd.factorize(state[timed], sort=True)
    order = np.flatnonzero(timed)[np.argsort(code, kind="stable")]
    found = {}
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(code))[:-1]), strict=True):
        found[str(name)] = waits_of(wait[rows], ended[rows], weight[rows], centre, n, rng)
    return found


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
