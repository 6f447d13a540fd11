"""Statistics made ready for a model: checked, compressed, and laid out by a design. Once for each fit."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from bayes_cx.data import compress
from bayes_cx.inference.columns import check_columns, check_enough
from bayes_cx.inference.contacted import counted_at_purchases
from bayes_cx.inference.design import CONSTANT, Design
from bayes_cx.inference.layout import Layout, check_design, lay_out
from bayes_cx.inference.own_priors import check_priors
from bayes_cx.model import Model

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """What a model is fitted to.

    Attributes
    ----------
    model : Model
    table : xarray.Dataset
        Over ``row``: what the model and the design need, and how many customers each row stands for.
    layout : Layout
    scale : float
        What makes the coordinates unit-free.
    """

    model: Model
    table: xr.Dataset
    layout: Layout
    scale: float

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """The statistics that enter the likelihood, as floats by name, shape (row,)."""
        return _columns(self.model, self.table)

    @property
    def weight(self) -> np.ndarray:
        """The number of customers that each row stands for, shape (row,)."""
        return _weight(self.table)


def prepare(
    model: Model, stats: xr.Dataset, design: Design = CONSTANT, *, scale: float | None = None
) -> Prepared:
    """Return what `model` and `design` need of the statistics, equal rows collapsed to one with a weight.

    Parameters
    ----------
    model : Model
    stats : xarray.Dataset
        Statistics by customer, or compressed rows with a weight.
    design : Design
    scale : float, optional
        By default ``model.scale`` of the statistics.

    Raises
    ------
    InputError
        If the statistics or the design do not fit the model, or a prior is none that PyMC knows.
    """
    check_columns(model, stats, model.statistics)
    check_enough(model, stats)
    check_priors(model)
    check_design(design, model, stats)
    table = compress(stats, on=(*model.statistics, *design.read))
    # Of contacts at purchases the sum over all customers is all that counts.
    table = table.assign_attrs(counted_at_purchases(design, stats))
    if scale is None:
        scale = float(model.scale(_weight(table), **_columns(model, table)))
    return Prepared(model, table, lay_out(design, table), scale)


def _columns(model: Model, table: xr.Dataset) -> dict[str, np.ndarray]:
    # A data container holds no NaN; a spend of 0 marks customers whose repeat purchases tell nothing.
    return {name: np.nan_to_num(table[name].to_numpy().astype(float)) for name in model.statistics}


def _weight(table: xr.Dataset) -> np.ndarray:
    return table["weight"].to_numpy().astype(float)
