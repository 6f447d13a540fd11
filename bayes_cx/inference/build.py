"""The one place where a `pymc.Model` is made."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from bayes_cx.data import compress, unique_rows
from bayes_cx.data.units import UNITS
from bayes_cx.errors import InputError
from bayes_cx.inference.design import CONSTANT, SLOPE, SPREAD, Design, Layout, lay_out
from bayes_cx.model import Model

__all__ = ["pymc_model", "statistics_of", "weight_of"]

# The links of `design.LINKS`, in PyTensor.
_LINKS: dict[str, tuple[Any, Any]] = {"LogNormal": (pt.log, pt.exp), "Beta": (pm.math.logit, pt.sigmoid)}


def statistics_of(model: Model, stats: xr.Dataset, design: Design = CONSTANT) -> xr.Dataset:
    """Return what `model` and `design` need of the statistics, equal rows collapsed to one with a weight.

    Raises
    ------
    InputError
        If a column is missing, or if no customer was observed for any time or bought again.
    """
    if not isinstance(stats, xr.Dataset):
        raise InputError(
            f"statistics of type {type(stats).__name__}",
            "an xarray.Dataset",
            "use bcx.summarise, or bcx.from_lifetimes for a data frame",
        )
    missing = [name for name in model.statistics if name not in stats]
    if missing:
        raise InputError(
            f"statistics without {', '.join(missing)}",
            f"the columns {', '.join(model.statistics)} for {model.name}",
            "summarise the transactions with an amount column" if "spend" in missing else "use bcx.summarise",
        )
    lay_out(design, model, stats)  # says what is wrong with a design before anything else fails on it
    _check_values(stats)
    table = compress(stats, on=(*model.statistics, *design.columns))
    if "T" in model.statistics and not float(table["T"].max()) > 0:
        raise InputError(
            "an observation period of no length",
            "customers observed for some time after their first purchase",
            "choose a later end of observation (until)",
        )
    if "spend" in model.statistics and not int(((table["x"] > 0) & (table["spend"] > 0)).sum()):
        raise InputError(
            "no customer with a paid repeat purchase",
            "repeat purchases with an amount",
            "observe for longer, or use purchases alone",
        )
    return table


def _check_values(stats: xr.Dataset) -> None:
    """Refuse values that no customer can have, before a likelihood makes something of them."""
    if stats.attrs.get("unit") not in UNITS:
        raise InputError(
            f"statistics in the unit {stats.attrs.get('unit')!r}",
            f"an attribute unit: {', '.join(UNITS)}",
            "use bcx.summarise, or stats.assign_attrs(unit='week')",
        )
    x, t_x, T = (stats[name].to_numpy() if name in stats else None for name in ("x", "t_x", "T"))
    spend = stats["spend"].to_numpy() if "spend" in stats else None
    wrong = {
        "x that is not a whole number of zero or more": x is not None and ((x < 0) | (x != np.floor(x))),
        "T that is negative or missing": T is not None and ~((T >= 0) & np.isfinite(T)),
        # A last purchase is at most one rounding error after the end.
        "t_x outside 0 to T": t_x is not None and T is not None and ~((t_x >= 0) & (t_x <= T * (1 + 1e-9))),
        "repeat purchases at time 0": x is not None and t_x is not None and (x > 0) & (t_x <= 0),
        "negative spend": spend is not None and spend < 0,
    }
    for what, rows in wrong.items():
        if np.any(rows):
            raise InputError(
                f"{int(np.sum(rows))} customers with {what}",
                "whole x >= 0, 0 < t_x <= T where x > 0, and spend >= 0",
                "correct the statistics, or make them with bcx.summarise",
            )


def pymc_model(model: Model, stats: xr.Dataset, design: Design = CONSTANT) -> pm.Model:
    """Return `model` on `stats` as a PyMC model, to sample, to look at or to extend.

    The random variables are the unit-free coordinates of `model`, the parameters of the paper are
    deterministic, and the likelihood of the compressed rows is the potential ``log_lik``. With a design the
    parameters are those of a customer with average covariates in an average group; slopes and the groups'
    offsets, in standard deviations of the groups, are random variables of their own.

    Parameters
    ----------
    model : Model
    stats : xarray.Dataset
        Statistics by customer, or compressed rows with a weight.
    design : Design
        How the coordinates differ between customers.

    Returns
    -------
    pymc.Model

    Raises
    ------
    InputError
        If the statistics do not fit the model.
    """
    layout = lay_out(design, model, stats)
    table = statistics_of(model, stats, design)
    columns = {name: table[name].to_numpy().astype(float) for name in model.statistics}
    weight = weight_of(table)
    scale = model.scale(weight, **columns)
    patterns, row = unique_rows(table, design.columns) if design.columns else ({}, np.zeros(weight.size, int))
    with pm.Model(coords=_coords(layout, weight.size)) as built:
        common = {
            name: getattr(pm, prior.distribution)(name, **prior.arguments)
            for name, prior in model.priors.items()
        }
        for name, value in model.natural(scale, **common).items():
            pm.Deterministic(name, value)
        own = {name: _own(layout, model, name, value, patterns) for name, value in common.items()}
        letters = model.natural(scale, **own)
        if design.columns:
            letters = {name: pt.broadcast_to(value, (row.max() + 1,))[row] for name, value in letters.items()}
        data = {name: pt.as_tensor(values) for name, values in columns.items()}
        pm.Potential("log_lik", (pt.as_tensor(weight) * model.log_lik(**data, **letters)).sum())
    return built


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


def weight_of(table: xr.Dataset) -> np.ndarray:
    """Return the number of customers that each row stands for, shape (row,)."""
    return table["weight"].to_numpy().astype(float)
