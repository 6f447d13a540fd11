"""The one place where a `pymc.Model` is made."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from bayes_cx.data import compress, unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference.columns import check_columns
from bayes_cx.inference.design import CONSTANT, SLOPE, SPREAD, Design, Layout, lay_out
from bayes_cx.model import Model, Prior

__all__ = ["columns_of", "first_choice", "give", "pymc_model", "statistics_of", "structure_of", "weight_of"]

# The links of `design.LINKS`, in PyTensor.
_LINKS: dict[str, tuple[Any, Any]] = {"LogNormal": (pt.log, pt.exp), "Beta": (pm.math.logit, pt.sigmoid)}


def statistics_of(model: Model, stats: xr.Dataset, design: Design = CONSTANT) -> xr.Dataset:
    """Return what `model` and `design` need of the statistics, equal rows collapsed to one with a weight.

    Raises
    ------
    InputError
        If a column is missing, or if no customer was observed for any time or bought again.
    """
    check_columns(model, stats)
    lay_out(design, model, stats)  # says what is wrong with a design before anything else fails on it
    return compress(stats, on=(*model.statistics, *design.columns))


def pymc_model(
    model: Model, stats: xr.Dataset, design: Design = CONSTANT, *, scale: float | None = None
) -> pm.Model:
    """Return `model` on `stats` as a PyMC model, to sample, to look at or to extend.

    The random variables are the unit-free coordinates of `model`, the parameters of the paper are
    deterministic, and the likelihood of the compressed rows is the potential ``log_lik``. The statistics,
    their weight, the scale and the arguments of the priors are data containers. With a design the parameters
    are those of a customer with average covariates in an average group; slopes and the groups' offsets, in
    standard deviations of the groups, are random variables of their own.

    Parameters
    ----------
    model : Model
        Of a model with `choices` every choice must be made, as in ``BG_CNBD.at(k=2)``.
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
        If the statistics do not fit the model, or a choice is open.
    """
    fixed = _chosen(model)
    table = statistics_of(model, stats, design)
    layout = lay_out(design, model, table)
    columns, weight = columns_of(model, table), weight_of(table)
    if scale is None:
        scale = float(model.scale(weight, **columns))
    patterns, row = unique_rows(table, design.columns) if design.columns else ({}, np.zeros(weight.size, int))
    with pm.Model(coords=_coords(layout, weight.size)) as built:
        size = pm.Data("scale", scale)
        common = {name: _prior(name, prior) for name, prior in model.priors.items()}
        for name, value in model.natural(size, **common).items():
            pm.Deterministic(name, value)
        own = {name: _own(layout, model, name, value, patterns) for name, value in common.items()}
        letters = model.natural(size, **own)
        if design.columns:
            letters = {name: pt.broadcast_to(value, (row.max() + 1,))[row] for name, value in letters.items()}
        letters |= {name: pm.Data(name, value) for name, value in fixed.items()}
        data = {name: pm.Data(f"{name}_data", values, dims="row") for name, values in columns.items()}
        weights = pm.Data("weight", weight, dims="row")
        pm.Potential("log_lik", (weights * model.log_lik(**data, **letters)).sum())
    return built


def structure_of(model: Model, design: Design = CONSTANT) -> Hashable:
    """Return what tells PyMC models apart but for the values of their data containers."""
    if not design.is_constant:
        return object()  # its groups and covariates are part of the model
    priors = tuple((name, prior.distribution, *prior.arguments) for name, prior in model.priors.items())
    return (model.log_lik, model.natural, model.statistics, tuple(model.choices), priors)


def _prior(name: str, prior: Prior) -> Any:
    arguments = {key: pm.Data(f"{name}_{key}", value) for key, value in prior.arguments.items()}
    return getattr(pm, prior.distribution)(name, **arguments)


def give(built: pm.Model, model: Model, table: xr.Dataset) -> None:
    """Put other compressed statistics of the same model into `built`, which must have no design."""
    columns = {f"{name}_data": values for name, values in columns_of(model, table).items()}
    weight = weight_of(table)
    with built:
        pm.set_data({**columns, "weight": weight}, coords={"row": np.arange(weight.size)})


def first_choice(model: Model) -> Model:
    """Return the model with the first value of every choice."""
    return model.at(**{name: values[0] for name, values in model.choices.items()})


def _chosen(model: Model) -> dict[str, float]:
    """Return the values of the choices, each of which must be one."""
    for name, values in model.choices.items():
        if len(values) > 1:
            raise InputError(
                f"{model.name} with {name} open",
                f"one of {', '.join(map(str, values))}",
                f"write model.at({name}={values[0]}), or let bcx.fit weigh the values",
            )
    return {name: float(values[0]) for name, values in model.choices.items()}


def _coords(layout: Layout, rows: int) -> dict[str, Any]:
    design = layout.design
    return {
        "row": np.arange(rows),
        **{f"{name}_covariate": list(columns) for name, columns in design.covariates.items()},
        **{f"{name}_group": list(layout.groups[column]) for name, column in design.pooled.items()},
    }


def _own(layout: Layout, model: Model, name: str, common: Any, patterns: Mapping[str, np.ndarray]) -> Any:
    """Return the coordinate of each pattern, or the common one where the design does not touch it."""
    design = layout.design
    if name not in design.covariates and name not in design.pooled:
        return common
    to_link, back = _LINKS[model.priors[name].distribution]
    linked = to_link(common)
    if name in design.covariates:
        slope = pm.Normal(f"{name}_slope", 0.0, SLOPE, dims=f"{name}_covariate")
        linked = linked + slope @ layout.standardised(name, patterns)
    if name in design.pooled:
        spread = pm.HalfNormal(f"{name}_spread", SPREAD)
        offset = pm.Normal(f"{name}_offset", 0.0, 1.0, dims=f"{name}_group")
        linked = linked + spread * offset[layout.membership(name, patterns)]
    return back(linked)


def columns_of(model: Model, table: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the statistics that enter the likelihood, as floats by name, shape (row,).

    A data container holds no NaN, so who has not bought again has a spend of 0, which tells as little.
    """
    return {name: np.nan_to_num(table[name].to_numpy().astype(float)) for name in model.statistics}


def weight_of(table: xr.Dataset) -> np.ndarray:
    """Return the number of customers that each row stands for, shape (row,)."""
    return table["weight"].to_numpy().astype(float)
