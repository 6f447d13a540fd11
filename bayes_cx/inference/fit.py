"""From statistics to a posterior."""

import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from platform import python_version
from typing import Any, Literal

import numpy as np
import pymc as pm
import xarray as xr

from bayes_cx.checks import Check, verdict
from bayes_cx.errors import FitError, InputError
from bayes_cx.inference import diagnostics
from bayes_cx.inference.build import pymc_model, statistics_of, weight_of
from bayes_cx.inference.design import CONSTANT, Design, lay_out
from bayes_cx.inference.laplace import weigh
from bayes_cx.inference.methods import MAP, MLE, NUTS, Laplace, Method
from bayes_cx.inference.posterior import Posterior, attributes
from bayes_cx.inference.surface import Surface, climb, surface
from bayes_cx.model import Model
from bayes_cx.models import find

__all__ = ["fit", "sample_prior"]

_TOOLS = ("bayes_cx", "pymc", "pytensor", "nutpie", "arviz", "numpy", "xarray")
_MAX_DEPTH = 10
# What "auto" tries, and what it takes where the first fails its checks.
_FIRST, _SECOND = Laplace(), NUTS()


def fit(
    model: Model | str,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    method: Method | Literal["auto"] = "auto",
    seed: int | None = None,
    progress: bool = True,
) -> Posterior:
    """Find the posterior of `model` given `stats`.

    Parameters
    ----------
    model : Model or str
        For example ``bcx.models.BG_NBD``, or its key ``"bg_nbd"``.
    stats : xarray.Dataset
        Statistics by customer from `bcx.summarise`, or compressed rows with a weight.
    design : Design
        How the parameters differ between customers; by default they do not.
    method : NUTS, Laplace, MAP, MLE or "auto"
        ``"auto"`` takes `Laplace` where its importance weights pass their checks, else `NUTS`. What ran is
        recorded.
    seed : int, optional
        The same seed gives the same draws. If omitted one is drawn and recorded.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        If the statistics do not fit the model.
    FitError
        If no maximum is found.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    <Posterior BG/NBD: 4,000 draws by Laplace, 2,357 customers, checks passed>
    """
    if isinstance(model, str):
        model = find(model)
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    table = statistics_of(model, stats, design)
    built = pymc_model(model, table, design)
    # Fits of different models or data must not share their dice, or their draws would move together; counts
    # alone tell them apart, so that the unit of time or money changes nothing.
    apart = f"{model.key} {design} {int(table['weight'].sum())} {int((table['weight'] * table['x']).sum())}"
    dice = (seed, zlib.crc32(apart.encode()))
    start = time.perf_counter()
    if isinstance(method, NUTS):
        groups, checks = _nuts(built, method, seed, progress)
    elif isinstance(method, MAP | MLE):
        groups, checks = _point(built, method)
    elif isinstance(method, Laplace):
        groups, checks = _laplace(built, method, dice, progress)
    elif method == "auto":
        method = _FIRST
        try:
            groups, checks = _laplace(built, method, dice, progress)
            enough = verdict(checks) == "passed"
        except FitError:  # no mode to propose around; sampling does not need one
            enough = False
        if not enough:
            method = _SECOND
            groups, checks = _nuts(built, method, seed, progress)
    else:
        raise InputError(
            f"method {method!r}", "NUTS(), Laplace(), MAP(), MLE() or 'auto'", "pass one of these"
        )
    told = {
        "method": type(method).__name__,
        "method_settings": asdict(method),
        "seed": seed,
        "seconds": round(time.perf_counter() - start, 3),
    }
    return _posterior(model, stats, table, design, groups, checks, told)


def sample_prior(
    model: Model, stats: xr.Dataset, *, design: Design = CONSTANT, draws: int = 1000, seed: int = 0
) -> Posterior:
    """Draw from the prior of `model`, on the scale of `stats`, as if it were a posterior.

    Whatever reads a posterior can then show what the priors alone imply.
    """
    table = statistics_of(model, stats, design)
    built = pymc_model(model, table, design)
    names = _names(built)
    with built:
        values = pm.draw([built[name] for name in names], draws=draws, random_seed=seed)
    dims = {name: ("chain", "draw", *built.named_vars_to_dims.get(name, ())) for name in names}
    posterior = xr.Dataset(
        {name: (dims[name], value[None]) for name, value in zip(names, values, strict=True)},
        coords={dim: list(built.coords[dim] or ()) for own in dims.values() for dim in own[2:]},
    )
    nothing = Check("posterior", None, "draws of the posterior", "not_run", "these are draws of the prior")
    told = {"method": "prior", "method_settings": {"draws": draws}, "seed": seed, "seconds": 0.0}
    return _posterior(model, stats, table, design, {"posterior": posterior}, (nothing,), told)


def _names(built: pm.Model) -> list[str]:
    return [*(rv.name for rv in built.free_RVs), *(var.name for var in built.deterministics)]


def _nuts(built: pm.Model, method: NUTS, seed: int, progress: bool):
    import nutpie

    compiled = nutpie.compile_pymc_model(built)
    tree = nutpie.sample(
        compiled,
        draws=method.draws,
        tune=method.tune,
        chains=method.chains,
        seed=seed,
        target_accept=method.target_accept,
        maxdepth=_MAX_DEPTH,
        save_warmup=False,
        progress_bar=progress,
    )
    names = _names(built)
    groups = {
        "posterior": tree["posterior"].to_dataset()[names],
        "sample_stats": tree["sample_stats"].to_dataset(),
    }
    return groups, diagnostics.check_nuts(tree, _MAX_DEPTH)


def _laplace(built: pm.Model, method: Laplace, dice: Sequence[int], progress: bool):
    f = surface(built)
    mode = climb(f)
    n = method.draws * method.chains
    weighed = weigh(f, mode, n, method.degrees, np.random.default_rng(dice), progress=progress)
    groups = _groups(f, weighed.u, weighed.height, (method.chains, method.draws))
    return groups, diagnostics.check_weights(weighed, mode)


def _point(built: pm.Model, method: MAP | MLE):
    f = surface(built, priors=isinstance(method, MAP))
    mode = climb(f)
    return _groups(f, mode.u[None], np.array([mode.height]), (1, 1)), diagnostics.check_point(mode)


def _groups(f: Surface, u: np.ndarray, height: np.ndarray, shape: Sequence[int]) -> dict[str, xr.Dataset]:
    """Return the groups of draws at unconstrained points `u`, shape (sample, coordinate)."""
    dims = ("chain", "draw")
    columns = zip(*(f.named(point) for point in u), strict=True)
    values = {
        name: ((*dims, *f.dims[name]), np.array(column).reshape(*shape, *np.shape(column[0])))
        for name, column in zip(f.names, columns, strict=True)
    }
    posterior = xr.Dataset(values, coords=f.coords)
    return {
        "posterior": posterior.assign_coords(chain=np.arange(shape[0]), draw=np.arange(shape[1])),
        "sample_stats": xr.Dataset({"lp": (dims, height.reshape(shape))}),
    }


def _posterior(
    model: Model,
    stats: xr.Dataset,
    table: xr.Dataset,
    design: Design,
    groups: Mapping[str, xr.Dataset],
    checks: tuple[Check, ...],
    told: Mapping[str, Any],
) -> Posterior:
    columns = {name: table[name].to_numpy().astype(float) for name in model.statistics}
    provenance = {
        **{key: value for key, value in stats.attrs.items() if isinstance(value, str | int | float)},
        **told,
        "model": model.key,
        "priors": {name: prior.text for name, prior in model.priors.items()},
        "layout": lay_out(design, model, table).as_dict(),
        "scale": float(model.scale(weight_of(table), **columns)),
        "n_customers": int(table["weight"].sum()),
        "rows": table.sizes["row"],
        "versions": {"python": python_version(), **{tool: version(tool) for tool in _TOOLS}},
    }
    # Attributes of the sampler (creation time, its own versions) would make equal fits differ.
    plain = {name: group.drop_attrs() for name, group in groups.items()}
    tree = xr.DataTree.from_dict(
        {
            **plain,
            "observed_data": table[[*model.statistics, *design.columns]].drop_attrs(),
            "constant_data": table[["weight"]].drop_attrs(),
        }
    )
    tree.attrs = attributes(provenance, checks)
    return Posterior(model, tree)
