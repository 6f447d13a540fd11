"""The one place where a `pymc.Model` is made."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
import xarray as xr

from bayes_cx.data import unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference.design import CONSTANT, Design
from bayes_cx.inference.drift import MEMORY_PRIOR, root
from bayes_cx.inference.predictor import SLOPE, SPREAD, arrays, coordinates, structure
from bayes_cx.inference.prepare import Prepared, prepare
from bayes_cx.model import Model, Prior

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["build", "build_priors", "pymc_model", "structure_of"]


def pymc_model(
    model: Model, stats: xr.Dataset, design: Design = CONSTANT, *, scale: float | None = None
) -> "pm.Model":
    """Return `model` on `stats` as a PyMC model, to sample, to look at or to extend.

    The random variables are the unit-free coordinates of `model`, the parameters of the paper are
    deterministic, and the likelihood of the compressed rows is the potential ``log_lik``. The statistics,
    their weight, the scale and the arguments of the priors are data containers. With a design the parameters
    are those of a customer with average covariates in an average group; slopes and the groups' offsets, in
    standard deviations of the groups, are random variables of their own.

    Parameters
    ----------
    model : Model
        Every one of its `choices` must have a single value, as in ``BG_CNBD.at(k=2)``.
    stats : xarray.Dataset
        Statistics by customer, or compressed rows with a weight.
    design : Design
        How the coordinates differ between customers.
    scale : float, optional
        What makes the coordinates unit-free; by default ``model.scale`` of the statistics.

    Returns
    -------
    pymc.Model

    Raises
    ------
    InputError
        If the statistics do not fit the model, or a choice has several values.
    """
    return build(prepare(model, stats, design, scale=scale), _chosen(model))


def build(prepared: Prepared, chosen: dict[str, float] | None = None) -> "pm.Model":
    """Return the PyMC model of prepared statistics; choices not given in `chosen` have their first value."""
    import pymc as pm

    model = prepared.model
    fixed = {name: float(values[0]) for name, values in model.choices.items()} if chosen is None else chosen
    built, letters = build_priors(prepared)
    with built:
        if not prepared.layout.design.is_constant:
            _, row = unique_rows(prepared.table, prepared.layout.design.columns)
            at = pm.Data("pattern", row, dims="row")
            letters = {name: value[at] for name, value in letters.items()}
        letters = letters | {name: pm.Data(name, value) for name, value in fixed.items()}
        data = {
            name: pm.Data(f"{name}_data", column, dims="row") for name, column in prepared.columns.items()
        }
        weight = pm.Data("weight", prepared.weight, dims="row")
        pm.Potential("log_lik", (weight * model.log_lik(**data, **letters)).sum())
    return built


def build_priors(prepared: Prepared) -> "tuple[pm.Model, dict[str, Any]]":
    """Return the PyMC model without its likelihood, and its parameters by letter.

    The latter are numbers or, with a design, of shape (pattern,): one for each combination of its columns.
    """
    import pymc as pm

    model = prepared.model
    if prepared.layout.design.has_clock:
        what = "calendar time" if prepared.layout.design.calendar else "contacts"
        raise InputError(
            f"{what} in a PyMC model", "a design without it", "fit it with bcx.fit, which needs no PyMC"
        )
    with pm.Model(coords=_coords(prepared)) as built:
        scale = pm.Data("scale", prepared.scale)
        values = {name: _prior(name, prior) for name, prior in model.priors.items()}
        for name, value in model.letters(scale, **values).items():
            pm.Deterministic(name, value, dims=model.params[name].dims or None)
        if prepared.layout.design.is_constant:
            return built, model.letters(scale, **values)
        return built, _letters(prepared, scale, values)


def _letters(prepared: Prepared, scale: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of each pattern by letter, with the effects of the design as random variables."""
    import pymc as pm

    model, layout = prepared.model, prepared.layout
    patterns, row = unique_rows(prepared.table, layout.design.columns)
    for name in model.priors:
        if name in layout.matrix:
            values[f"{name}_slope"] = pm.Normal(f"{name}_slope", 0.0, SLOPE, dims=f"{name}_covariate")
        for pool in layout.pools(name):
            values[pool.spread] = pm.HalfNormal(pool.spread, SPREAD)
            if not pool.ordered:
                values[pool.offset] = pm.Normal(pool.offset, 0.0, 1.0, dims=pool.dim)
                continue
            memory = pm.Beta(pool.memory, *MEMORY_PRIOR)
            step = pm.Normal(f"{pool.name}_step", 0.0, 1.0, dims=pool.dim)
            drifted = pt.dot(root(memory, pool.steps()), step)
            values[pool.offset] = pm.Deterministic(pool.offset, drifted, dims=pool.dim)
    data = {
        name: pm.Data(f"{name}_of_pattern", value) for name, value in arrays(layout, model, patterns).items()
    }
    n = pm.Data("patterns", row.max() + 1)
    own = model.letters(scale, **coordinates(layout, model, values, data))
    return {name: pt.broadcast_to(value, (n,)) for name, value in own.items()}


def structure_of(prepared: Prepared) -> Hashable:
    """Return a key that is equal for models that differ only in the values of their data containers."""
    model = prepared.model
    priors = tuple((name, prior.distribution, *prior.arguments) for name, prior in model.priors.items())
    design = structure(prepared.layout, model)
    return (model.log_lik, model.letters, model.statistics, tuple(model.choices), priors, design)


def _prior(name: str, prior: Prior) -> Any:
    import pymc as pm

    arguments = {key: pm.Data(f"{name}_{key}", value) for key, value in prior.arguments.items()}
    return getattr(pm, prior.distribution)(name, **arguments)


def _chosen(model: Model) -> dict[str, float]:
    """Return the value of each choice; raise if one has several."""
    for name, values in model.choices.items():
        if len(values) > 1:
            raise InputError(
                f"{model.name} with {len(values)} values of {name}",
                f"one of {', '.join(map(str, values))}",
                f"write model.at({name}={values[0]}), or let bcx.fit weigh the values",
            )
    return {name: float(values[0]) for name, values in model.choices.items()}


def _coords(prepared: Prepared) -> dict[str, Any]:
    model, layout = prepared.model, prepared.layout
    return {
        "row": np.arange(prepared.table.sizes["row"]),
        **{f"{name}_covariate": list(columns) for name, columns in layout.matrix.items()},
        **{pool.dim: list(pool.groups) for name in model.priors for pool in layout.pools(name)},
    }
