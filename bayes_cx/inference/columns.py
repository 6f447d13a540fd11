"""Check that statistics have the columns of a model, with values that a customer can have."""

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.kinds import kind_of
from bayes_cx.model import Model
from bayes_cx.spans import UNITS

__all__ = ["check_columns"]


def check_columns(model: Model, stats: xr.Dataset) -> None:
    """Refuse statistics that lack a column or hold values that no customer can have.

    Raises
    ------
    InputError
        If the statistics are of another type or kind, lack a column or the unit, or hold impossible values.
    """
    if not isinstance(stats, xr.Dataset):
        raise InputError(
            f"statistics of type {type(stats).__name__}",
            "an xarray.Dataset",
            "use bcx.summarise, or bcx.from_lifetimes for a data frame",
        )
    kind, came = model.kind, kind_of(stats)
    if not kind.reads(came.key):
        raise InputError(
            f"statistics of {came.key}", f"statistics of {kind.key} for {model.name}", kind.source
        )
    missing = [name for name in model.statistics if name not in stats]
    if missing:
        raise InputError(
            f"statistics without {', '.join(missing)}",
            f"the columns {', '.join(model.statistics)} for {model.name}",
            kind.source_of(missing),
        )
    if stats.attrs.get("unit") not in UNITS:
        raise InputError(
            f"statistics in the unit {stats.attrs.get('unit')!r}",
            f"an attribute unit: {', '.join(UNITS)}",
            "use bcx.summarise, or stats.assign_attrs(unit='week')",
        )
    column = {name: stats[name].to_numpy() for name in model.statistics}
    for what, rows in kind.impossible(column):
        if np.any(rows):
            raise InputError(
                f"{int(np.sum(rows))} customers with {what}",
                "values that a customer can have",
                "correct the statistics, or make them with bcx.summarise",
            )
    for demand in kind.demands(column):
        raise InputError(*demand)
