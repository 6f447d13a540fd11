"""The posterior of what treatments change, by the features of customers."""

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.data.feature_levels import features_from_json
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path
from bayes_cx.inference.design import Design
from bayes_cx.inference.diagnostics import ESS_LIMIT, KHAT_LIMIT
from bayes_cx.inference.methods import Laplace
from bayes_cx.inference.noise import Noise
from bayes_cx.inference.posterior import thinned
from bayes_cx.inference.shrunk import Regression, Shrunk, draw_shrunk
from bayes_cx.inference.uplift_terms import Terms
from bayes_cx.kinds import TREATMENTS, kind_of
from bayes_cx.models.uplift import UPLIFT, UpliftModel
from bayes_cx.notebook import html

__all__ = ["UpliftPosterior", "fit_uplift"]

# The prior standard deviation of the constant, around the log odds of the whole trial.
_CONSTANT = 2.5
_DRAWS = 1000


@dataclass(frozen=True)
class UpliftPosterior:
    """Draws from the posterior of what treatments change, with checks and provenance.

    Attributes
    ----------
    model : UpliftModel
    draws : xarray.DataTree
        Group ``posterior`` over (chain, draw): ``constant``; ``main`` (term), what features mean for
        customers without treatment; ``effect`` (arm), what a treatment changes for the average customer, in
        its largest dose; ``interaction`` (arm, term), by how much that differs; the scales ``main_sd``,
        ``effect_sd`` and
        ``interaction_sd`` (arm); ``shape``, the power of the dose. In log odds, or, where the outcome is an
        amount, in its unit; then there is ``outcome_sd`` (treatment), by how much amounts differ beyond all
        this. Group ``observed_data``: the statistics over ``row``.

    Examples
    --------
    See `bayes_cx.contrast`.
    """

    model: UpliftModel
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

    @cached_property
    def terms(self) -> Terms:
        """Features, treatments and doses."""
        return Terms.from_dict(self.provenance["terms"])

    @property
    def family(self) -> Literal["bernoulli", "normal"]:
        """``bernoulli`` where the outcome is 0 or 1, ``normal`` where it is an amount."""
        return self.provenance["family"]

    @property
    def outcome(self) -> str:
        """The name of the outcome."""
        return self.provenance["response"]

    @property
    def control(self) -> str:
        """The name of the control."""
        return self.terms.control

    @property
    def arms(self) -> tuple[str, ...]:
        """The treatments, without the control."""
        return self.terms.arms

    @property
    def n_draws(self) -> int:
        """Number of draws."""
        return self.draws["posterior"].sizes["draw"]

    @property
    def n_customers(self) -> int:
        """Number of customers in the trial."""
        return int(self.observed()["weight"].sum())

    def coefficients(self, draws: int | None = None) -> dict[str, np.ndarray]:
        """Return draws of all variables by name, shape (draw, ...).

        Parameters
        ----------
        draws : int, optional
            At most this many, evenly spaced.
        """
        keep = thinned(self.n_draws, draws)
        return {
            str(name): values.to_numpy()[0][keep]
            for name, values in self.draws["posterior"].data_vars.items()
        }

    def observed(self) -> xr.Dataset:
        """Return the statistics that the model was fitted to, over ``row``."""
        return self.draws["observed_data"].to_dataset().assign_attrs(self.provenance["data"])

    @staticmethod
    def patterns(levels: Mapping[str, np.ndarray], n: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return the different combinations of levels, and which of them each of `n` customers has.

        Parameters
        ----------
        levels : mapping of str to numpy.ndarray, shape (customer,)
            The level of each feature.
        n : int
        """
        if not levels:
            return {}, np.zeros(n, int)
        code = np.zeros(n, np.int64)
        for values in levels.values():
            _, own = np.unique(values.astype(str), return_inverse=True)
            _, code = np.unique(code * (int(own.max(initial=0)) + 1) + own, return_inverse=True)
        _, first, place = np.unique(code, return_index=True, return_inverse=True)
        return {name: values[first] for name, values in levels.items()}, place

    @classmethod
    def of_tree(cls, tree: xr.DataTree) -> "UpliftPosterior":
        """Return the posterior that a tree holds, as `save` wrote it.

        Raises
        ------
        KeyError, ValueError
            If it is none.
        """
        found = cls(UPLIFT, tree)
        if found.provenance["model"] != UPLIFT.key:
            raise ValueError(f"it is of the model {found.provenance['model']!r}")
        posterior = tree["posterior"]
        expected = {
            "constant",
            "main",
            "effect",
            "interaction",
            "main_sd",
            "effect_sd",
            "interaction_sd",
            "shape",
        }
        if missing := expected - set(map(str, posterior.data_vars)):
            raise ValueError(f"draws of {', '.join(sorted(missing))} are missing")
        if posterior["interaction"].shape[2:] != (len(found.arms), len(found.terms.names)):
            raise ValueError("interactions are not over arm and term")
        return found

    def save(self, path: str | Path) -> None:
        """Write everything to one netCDF file, whole or not at all; `load` reads it."""
        with atomic_path(Path(path)) as unfinished:
            self.draws.to_netcdf(unfinished, engine="h5netcdf")

    def __repr__(self) -> str:
        return (
            f"<UpliftPosterior of {self.outcome}: {self.n_draws:,} draws, {', '.join(self.arms)} against "
            f"{self.control}, {self.n_customers:,} customers, checks {self.verdict}>"
        )

    def _repr_html_(self) -> str:
        return html("uplift", self)


def fit_uplift(
    model: UpliftModel, stats: xr.Dataset, design: Design, method: Any, seed: int
) -> UpliftPosterior:
    """Return the posterior of what treatments change; see `fit`.

    Raises
    ------
    InputError
        If these are no statistics of a trial, a design is given (features are part of the statistics), or the
        method is another than `Laplace`.
    """
    start = time.perf_counter()
    if method == "auto":
        method = Laplace(draws=_DRAWS)
    if not isinstance(method, Laplace):
        raise InputError(f"method {method!r} for uplift", "Laplace() or 'auto'", "leave the method out")
    if not design.is_constant:
        raise InputError(
            "a design for uplift", "the features of the statistics", "name features in bcx.summarise_uplift"
        )
    if kind_of(stats).key != TREATMENTS.key:
        raise InputError(
            f"statistics of {kind_of(stats).key}", "the customers of a trial", "use bcx.summarise_uplift"
        )
    for what, rows in TREATMENTS.impossible(TREATMENTS.numbers(stats)):
        if rows.any():
            raise InputError(
                f"{int(rows.sum())} rows with {what}", "possible ones", "use bcx.summarise_uplift"
            )
    for demand in TREATMENTS.demands(TREATMENTS.numbers(stats)):
        raise InputError(*demand)
    if np.ptp(stats["outcome"].to_numpy()) == 0:
        raise InputError(
            "an outcome that is the same for all customers",
            "customers who responded and customers who did not",
            "wait longer, or choose an outcome that happens more often",
        )
    terms = _terms(stats)
    outcome, weight = stats["outcome"].to_numpy().astype(float), stats["weight"].to_numpy().astype(float)
    family = "bernoulli" if np.isin(outcome, (0, 1)).all() else "normal"
    rng = np.random.default_rng([seed, zlib.crc32(f"{model.key} {terms.names} {int(weight.sum())}".encode())])
    shapes = model.shapes if _has_doses(stats, terms) else (1.0,)
    rows = [_regression(model, stats, terms, family, shape) for shape in shapes]
    found = [draw_shrunk(one, method.draws, method.degrees, rng) for one in rows]
    evidence = np.array([one.log_marginal for one in found])
    chance = np.exp(evidence - evidence.max())
    chance /= chance.sum()
    mixed, shape = _mixed(found, shapes, chance, method.draws, rng)
    posterior = _named(mixed, shape, terms)
    provenance = {
        "model": model.key,
        "method": "Laplace",
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 3),
        "family": family,
        "response": str(stats.attrs.get("response", "outcome")),
        "terms": asdict(terms),
        "shapes": {f"{value:g}": float(p) for value, p in zip(shapes, chance, strict=True)},
        "scales": dict(model.scales),
        "log_marginal": float(evidence.max() + np.log(np.mean(np.exp(evidence - evidence.max())))),
        "versions": {"python": python_version()}
        | {name: version(name) for name in ("bayes_cx", "numpy", "scipy")},
        "data": {name: value for name, value in stats.attrs.items() if isinstance(value, str | int | float)},
    }
    tree = xr.DataTree.from_dict({"posterior": posterior, "observed_data": stats.drop_attrs()})
    checks = _weights_checked(found, chance)
    tree.attrs = {"provenance": json.dumps(provenance, sort_keys=True), "checks": _checks.to_json(checks)}
    return UpliftPosterior(model, tree)


def _terms(stats: xr.Dataset) -> Terms:
    """Return features, treatments and doses of statistics."""
    if missing := [name for name in ("control", "features") if name not in stats.attrs]:
        raise InputError(
            f"statistics without the attribute {missing[0]}", "those of bcx.summarise_uplift", "use it"
        )
    features = features_from_json(str(stats.attrs["features"]))
    weight = stats["weight"].to_numpy().astype(float)
    arm, control = stats["arm"].to_numpy().astype(str), str(stats.attrs["control"])
    if missing := [feature.name for feature in features if feature.name not in stats]:
        raise InputError(f"statistics without {missing[0]}", "all features", "use bcx.summarise_uplift")
    shares = []
    for feature in features:
        values = stats[feature.name].to_numpy().astype(str)
        counts = [float(weight[values == level].sum()) for level in feature.levels]
        shares.append(tuple(count / weight.sum() for count in counts))
    arms = tuple(sorted(set(arm.tolist()) - {control}))
    if not arms or control not in arm:
        raise InputError(
            "a trial without control or treatment" if arms else "nobody who was treated",
            "customers of the control and of a treatment",
            "keep both when you select rows",
        )
    largest = ()
    if "dose" in stats:
        dose = stats["dose"].to_numpy().astype(float)
        largest = tuple(float(dose[arm == name].max()) for name in arms)
        if nothing := [name for name, most in zip(arms, largest, strict=True) if not most > 0]:
            raise InputError(
                f"no dose above zero of {nothing[0]!r}",
                "a dose for each treatment",
                "write 1 where it has no doses",
            )
    return Terms(features, tuple(shares), control, arms, largest)


def _has_doses(stats: xr.Dataset, terms: Terms) -> bool:
    """Return whether a treatment was given in several doses."""
    if not terms.largest:
        return False
    treated = stats["arm"].to_numpy().astype(str) != terms.control
    arm, dose = stats["arm"].to_numpy()[treated], stats["dose"].to_numpy()[treated]
    return len(set(zip(arm.tolist(), dose.tolist(), strict=True))) > len(terms.arms)


def _regression(
    model: UpliftModel, stats: xr.Dataset, terms: Terms, family: Literal["bernoulli", "normal"], shape: float
) -> Regression:
    """Return rows and priors for one shape of the effect of doses."""
    outcome, weight = stats["outcome"].to_numpy().astype(float), stats["weight"].to_numpy().astype(float)
    arm = stats["arm"].to_numpy().astype(str)
    levels = {feature.name: stats[feature.name].to_numpy() for feature in terms.features}
    dose = stats["dose"].to_numpy() if terms.largest else None
    x = terms.matrix(levels, arm, dose, shape)
    m, k = len(terms.names), len(terms.arms)
    scale = np.concatenate([[-1], np.zeros(m), np.ones(k), np.repeat(2 + np.arange(k), m)]).astype(int)
    sizes = dict(model.scales)
    wide = np.array([sizes["main"], sizes["effect"], *[sizes["interaction"]] * k])
    constant, unit, noise = np.average(outcome, weights=weight), 1.0, None
    if family == "bernoulli":
        constant = np.log(constant / (1 - constant))
    else:
        group = np.array([terms.treatments.index(name) for name in arm])
        # The same for all shapes of doses, so that these can be compared.
        one = x if shape == 1.0 else terms.matrix(levels, arm, dose, 1.0)
        noise, unit = Noise.of(one, outcome, weight, group, np.append(wide, _CONSTANT)[scale])
    centre = np.zeros(x.shape[1])
    centre[0] = constant
    return Regression(x, outcome, weight, family, scale, _CONSTANT * unit, centre, wide * unit, noise)


def _mixed(
    found: list[Shrunk], shapes: tuple[float, ...], chance: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[Shrunk, np.ndarray]:
    """Return draws of all shapes, each as often as it is probable, and the shape of each draw."""
    if len(found) == 1:
        return found[0], np.full(n, shapes[0])
    which = np.sort(rng.choice(len(found), n, p=chance))
    which = rng.permutation(which)
    coefficients = np.stack([one.coefficients for one in found])[which, np.arange(n)]
    scales = np.stack([one.scales for one in found])[which, np.arange(n)]
    noise = np.stack([one.noise for one in found])[which, np.arange(n)]
    return Shrunk(coefficients, scales, noise, 0.0, 0.0, 0.0), np.array(shapes)[which]


def _named(found: Shrunk, shape: np.ndarray, terms: Terms) -> xr.Dataset:
    """Return draws by name."""
    m, k, n = len(terms.names), len(terms.arms), len(shape)
    b, scales = found.coefficients, found.scales
    main, effect = slice(1, 1 + m), slice(1 + m, 1 + m + k)
    data: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "constant": ((), b[:, 0]),
        "main": (("term",), b[:, main]),
        "effect": (("arm",), b[:, effect]),
        "interaction": (("arm", "term"), b[:, 1 + m + k :].reshape(n, k, m)),
        "main_sd": ((), scales[:, 0]),
        "effect_sd": ((), scales[:, 1]),
        "interaction_sd": (("arm",), scales[:, 2:]),
        "shape": ((), shape),
    }
    coords = {"chain": [0], "draw": np.arange(n), "term": list(terms.names), "arm": list(terms.arms)}
    if found.noise.size:
        data["outcome_sd"] = (("treatment",), found.noise)
        coords["treatment"] = list(terms.treatments)
    return xr.Dataset({name: (("chain", "draw", *dims), v[None]) for name, (dims, v) in data.items()}, coords)


def _weights_checked(found: list[Shrunk], chance: np.ndarray) -> list[Check]:
    """Return the checks of importance weights, the worst over the shapes that matter."""
    used = [one for one, p in zip(found, chance, strict=True) if p > 0.01]
    khat, ess = max(one.khat for one in used), min(one.ess for one in used)
    return [
        Check(
            "Pareto k-hat of the importance weights",
            khat,
            f"< {KHAT_LIMIT:g}",
            "passed" if khat < KHAT_LIMIT else "failed",
            about=UPLIFT.name,
        ),
        Check(
            "effective draws before resampling",
            ess,
            f">= {ESS_LIMIT:g}",
            "passed" if ess >= ESS_LIMIT else "failed",
            about=UPLIFT.name,
        ),
    ]
