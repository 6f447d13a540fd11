"""From statistics to a posterior."""

import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from platform import python_version
from typing import Any, Literal, overload

import numpy as np
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.checks import Check
from bayes_cx.compiling import AS_WRITTEN
from bayes_cx.data import provenance_of
from bayes_cx.errors import InputError
from bayes_cx.inference.choices import explore_choices
from bayes_cx.inference.design import CONSTANT, Design
from bayes_cx.inference.diagnostics import check_against_prior
from bayes_cx.inference.explore import variables
from bayes_cx.inference.hazards import RiskPosterior, fit_hazards
from bayes_cx.inference.journeys import JourneyMemory, JourneyPosterior, fit_journeys
from bayes_cx.inference.methods import MAP, MLE, Conjugate, Laplace, Method
from bayes_cx.inference.own_priors import own_priors
from bayes_cx.inference.posterior import Posterior, attributes, shared_priors
from bayes_cx.inference.prepare import Prepared, prepare
from bayes_cx.inference.provenance import Provenance
from bayes_cx.inference.trial_fit import TrialPosterior, fit_trial
from bayes_cx.inference.uplift_fit import UpliftPosterior, fit_uplift
from bayes_cx.inference.weekly_data import spanned
from bayes_cx.kinds import check_dataset
from bayes_cx.model import Model
from bayes_cx.models import find
from bayes_cx.models.hazard import HazardModel
from bayes_cx.models.semi_markov import JourneyModel
from bayes_cx.models.trial import TrialModel
from bayes_cx.models.uplift import UpliftModel
from bayes_cx.seeds import checked_seed

__all__ = ["described", "fit", "posterior_of", "sample_prior"]

_TOOLS = ("bayes_cx", "pymc", "pytensor", "nutpie", "arviz", "numpy", "xarray")


@overload
def fit(
    model: JourneyModel,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Conjugate | Literal["auto"] = "auto",
    memory: JourneyMemory = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> JourneyPosterior: ...
@overload
def fit(
    model: HazardModel,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Laplace | Literal["auto"] = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> RiskPosterior: ...
@overload
def fit(
    model: UpliftModel,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Laplace | Literal["auto"] = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> UpliftPosterior: ...
@overload
def fit(
    model: TrialModel,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Conjugate | Literal["auto"] = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> TrialPosterior: ...
@overload
def fit(
    model: Model | str,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Method | Literal["auto"] = "auto",
    scale: float | None = None,
    seed: int | None = None,
    progress: bool = True,
) -> Posterior: ...
def fit(
    model: Model | JourneyModel | HazardModel | TrialModel | UpliftModel | str,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Method | Conjugate | Literal["auto"] = "auto",
    scale: float | None = None,
    memory: JourneyMemory = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> Posterior | JourneyPosterior | RiskPosterior | TrialPosterior | UpliftPosterior:
    """Find the posterior of `model` given `stats`.

    A model with choices, such as the regularity k of `BG_CNBD`, is fitted at every value. Each value gets
    draws in proportion to its marginal likelihood; `provenance.choices` has their posterior probabilities.

    Parameters
    ----------
    model : Model, JourneyModel, HazardModel, TrialModel, UpliftModel or str
        For example ``bcx.models.BG_NBD``, or its key ``"bg_nbd"``; ``bcx.models.SEMI_MARKOV`` for journeys,
        ``bcx.models.HAZARD`` for risk, ``bcx.models.TRIAL`` for trials, ``bcx.models.UPLIFT`` for whom a
        treatment changes.
    stats : xarray.Dataset
        Statistics by customer from `bcx.summarise`, or compressed rows with a weight; for journeys stays from
        `bcx.summarise_stays`, for risk periods from `bcx.summarise_periods`, for trials outcomes from
        `bcx.summarise_trial`, for uplift the trial from `bcx.summarise_uplift`.
    design : Design
        How the parameters differ between customers; by default they do not.
    method : NUTS, Laplace, MAP, MLE, Conjugate or "auto"
        ``"auto"`` takes `Laplace` where its importance weights pass their checks, else `NUTS`. What ran is
        recorded. Journeys and trials are always fitted by `Conjugate`, risk and uplift by `Laplace`.
    scale : float, optional
        What makes the coordinates of the priors unit-free, such as purchases per unit of time; by default the
        data's own. Fix it to keep the same priors for other data.
    memory : {"auto", 1, 2}
        Of journeys: whether what comes next depends on the last state, or on the one before it as well, which
        needs stays with ``before=True``. ``"auto"`` takes two where they have it and the log marginal
        likelihood is larger by 3 or more; what was taken is in ``provenance["memory"]``.
    seed : int, optional
        The same seed gives the same draws. If omitted one is drawn and recorded.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Posterior, JourneyPosterior, RiskPosterior, TrialPosterior or UpliftPosterior

    Raises
    ------
    InputError
        If the statistics do not fit the model, or the method is none for it.
    FitError
        If no maximum is found.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    <Posterior BG/NBD: 4,000 draws by Laplace, 2,357 customers, checks passed>
    """
    check_types(fit, {"model": model}, {"model": "write the model first, as in bcx.fit('bg_nbd', stats)"})
    if isinstance(model, str):
        model = find(model)
    check_dataset(stats, model.kind)
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    seed = checked_seed(seed)
    if isinstance(model, JourneyModel):
        return fit_journeys(model, stats, design, Conjugate() if method == "auto" else method, seed, memory)
    if memory != "auto":
        raise InputError(f"memory={memory!r} for {model.name}", "a model of journeys", "leave memory out")
    if isinstance(model, HazardModel):
        return fit_hazards(model, stats, design, Laplace(draws=1000) if method == "auto" else method, seed)
    if isinstance(model, UpliftModel):
        return fit_uplift(model, stats, design, method, seed)
    if isinstance(model, TrialModel):
        return fit_trial(model, stats, design, method, seed)
    if isinstance(method, Conjugate):
        raise InputError(
            f"method Conjugate for {model.name}", "NUTS, Laplace, MAP, MLE or 'auto'", "leave the method out"
        )
    prepared = prepare(model, stats, design, scale=scale)
    rng = _random_stream(prepared, seed)
    start = time.perf_counter()
    found, probabilities = explore_choices(prepared, method, seed, rng, progress=progress)
    provenance = described(
        prepared,
        stats,
        method=type(found.method).__name__,
        method_settings=asdict(found.method),
        seed=seed,
        seconds=round(time.perf_counter() - start, 3),
        choices=probabilities,
    )
    checks = found.checks
    if not isinstance(found.method, MAP | MLE):
        own = provenance.own_priors
        checks = (*checks, check_against_prior(model, found.groups["posterior"], own))
    return posterior_of(prepared, provenance, found.groups, checks)


def _random_stream(prepared: Prepared, seed: int) -> tuple[int, int]:
    """Return the seed of a random stream of its own for every model, design and data set.

    If they shared one, the draws of different fits would be correlated. Only counts of the data enter, so
    that the unit of time or money changes nothing.
    """
    model, weight = prepared.model, prepared.table["weight"]
    counted = int((weight * prepared.table[model.kind.counted]).sum())
    apart = f"{model.key} {prepared.layout.design} {int(weight.sum())} {counted}"
    return seed, zlib.crc32(apart.encode())


def sample_prior(
    model: Model,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    draws: int = 1000,
    seed: int = 0,
    scale: float | None = None,
) -> Posterior:
    """Return draws from the prior of `model` as a `Posterior`.

    Everything that reads a posterior can then show what the priors alone imply. The scale is that of `stats`
    unless one is given.
    """
    import pymc as pm

    from bayes_cx.inference.build import build

    seed = checked_seed(seed)
    prepared = prepare(model, stats, design, scale=scale)
    built = build(prepared)
    names = variables(built)
    with built:
        values = pm.draw([built[name] for name in names], draws=draws, random_seed=seed, mode=AS_WRITTEN)
    if draws == 1:  # of which PyMC leaves out the dimension
        values = [value[None] for value in values]
    dims = {name: ("chain", "draw", *built.named_vars_to_dims.get(name, ())) for name in names}
    posterior = xr.Dataset(
        {name: (dims[name], value[None]) for name, value in zip(names, values, strict=True)},
        coords={dim: list(built.coords[dim] or ()) for own in dims.values() for dim in own[2:]},
    )
    rng = np.random.default_rng([seed, 1])
    chosen = {name: rng.choice(known, (1, draws)).astype(float) for name, known in model.choices.items()}
    posterior = posterior.assign({name: (("chain", "draw"), value) for name, value in chosen.items()})
    nothing = Check("posterior", None, "draws of the posterior", "not_run", "these are draws of the prior")
    provenance = described(
        prepared,
        stats,
        method="prior",
        method_settings={"draws": draws},
        seed=seed,
        seconds=0.0,
    )
    return posterior_of(prepared, provenance, {"posterior": posterior}, (nothing,))


def described(prepared: Prepared, stats: xr.Dataset, **made: Any) -> Provenance:
    """Return the provenance of draws for prepared statistics; `made` says how they were made."""
    design = prepared.layout.design
    weeks = 0
    if design.calendar:
        first, last = spanned(prepared.table)
        weeks = last - first + 1
    priors = {**prepared.model.priors, **shared_priors(design, weeks)}
    return Provenance(
        model=prepared.model.key,
        priors={name: prior.text for name, prior in priors.items()},
        own_priors=own_priors(prepared.model),
        layout=prepared.layout,
        scale=prepared.scale,
        n_customers=int(prepared.table["weight"].sum()),
        rows=prepared.table.sizes["row"],
        versions={"python": python_version(), **{tool: version(tool) for tool in _TOOLS}},
        data=provenance_of(stats),
        **made,
    )


def posterior_of(
    prepared: Prepared,
    provenance: Provenance,
    groups: Mapping[str, xr.Dataset],
    checks: tuple[Check, ...],
) -> Posterior:
    """Return the posterior of these groups of draws."""
    model, table = prepared.model, prepared.table
    # Attributes of the sampler (creation time, its own versions) would make equal fits differ.
    plain = {name: group.drop_attrs() for name, group in groups.items()}
    if note := groups["posterior"].attrs.get("draws"):
        plain["posterior"] = plain["posterior"].assign_attrs(draws=note)
    tree = xr.DataTree.from_dict(
        {
            **plain,
            "observed_data": table[[*model.statistics, *prepared.layout.design.read]].drop_attrs(),
            "constant_data": table[["weight"]].drop_attrs(),
        }
    )
    named = (replace(check, about=", ".join(filter(None, (model.name, check.about)))) for check in checks)
    tree.attrs = attributes(provenance, tuple(named))
    return Posterior(model, tree)
