"""The one place where a `pymc.Model` is made."""

from collections.abc import Mapping

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from bayes_cx.data import compress
from bayes_cx.errors import InputError
from bayes_cx.model import Model

__all__ = ["pymc_model", "statistics_of", "weight_of"]


def statistics_of(model: Model, stats: xr.Dataset) -> xr.Dataset:
    """Return the statistics that `model` needs, equal rows collapsed to one with a weight.

    Raises
    ------
    InputError
        If a column is missing, or if no customer was observed for any time or bought again.
    """
    missing = [name for name in model.statistics if name not in stats]
    if missing:
        raise InputError(
            f"statistics without {', '.join(missing)}",
            f"the columns {', '.join(model.statistics)} for {model.name}",
            "summarise the transactions with an amount column" if "spend" in missing else "use bcx.summarise",
        )
    table = compress(stats, on=model.statistics)
    if "T" in model.statistics and not float(table["T"].max()) > 0:
        raise InputError(
            "an observation period of no length",
            "customers observed for some time after their first purchase",
            "choose a later end of observation (until)",
        )
    if "spend" in model.statistics and not int((table["x"] > 0).sum()):
        raise InputError(
            "no customer with a repeat purchase",
            "repeat purchases with an amount",
            "observe for longer, or use purchases alone",
        )
    return table


def pymc_model(model: Model, stats: xr.Dataset) -> pm.Model:
    """Return `model` on `stats` as a PyMC model, to sample, to look at or to extend.

    The random variables are the unit-free coordinates of `model`, the parameters of the paper are
    deterministic, and the likelihood of the compressed rows is the potential ``log_lik``.

    Parameters
    ----------
    model : Model
    stats : xarray.Dataset
        Statistics by customer, or compressed rows with a weight.

    Returns
    -------
    pymc.Model

    Raises
    ------
    InputError
        If the statistics do not fit the model.
    """
    table = statistics_of(model, stats)
    columns = {name: table[name].to_numpy().astype(float) for name in model.statistics}
    weight = weight_of(table)
    scale = model.scale(weight, **columns)
    with pm.Model(coords={"row": np.arange(weight.size)}) as built:
        coordinates = {
            name: getattr(pm, prior.distribution)(name, **prior.arguments)
            for name, prior in model.priors.items()
        }
        letters = {
            name: pm.Deterministic(name, value) for name, value in model.natural(scale, **coordinates).items()
        }
        pm.Potential("log_lik", _log_lik(model, columns, weight, letters))
    return built


def weight_of(table: xr.Dataset) -> np.ndarray:
    """Return the number of customers that each row stands for, shape (row,)."""
    return table["weight"].to_numpy().astype(float)


def _log_lik(
    model: Model,
    columns: Mapping[str, np.ndarray],
    weight: np.ndarray,
    letters: Mapping[str, pt.TensorVariable],
) -> pt.TensorVariable:
    data = {name: pt.as_tensor(values) for name, values in columns.items()}
    return (pt.as_tensor(weight) * model.log_lik(**data, **letters)).sum()
