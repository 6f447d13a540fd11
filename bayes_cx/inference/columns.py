"""The gate for statistics, the same for fits and scores: their kind, columns, unit and possible values."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.kinds import check_dataset, kind_of
from bayes_cx.kinds.kind import not_whole, plural
from bayes_cx.model import Model
from bayes_cx.spans import UNITS

__all__ = ["check_columns", "check_enough"]


def check_columns(model: Model, stats: xr.Dataset, columns: Iterable[str] = ()) -> None:
    """Refuse statistics that lack a column or hold values that no customer can have.

    What the kind of the model calls impossible is looked for in all columns that the kind knows.

    Parameters
    ----------
    model : Model
    stats : xarray.Dataset
        Over ``customer``, or over ``row`` with a weight.
    columns : iterable of str
        Columns that are needed beside those that all statistics of the kind have.

    Raises
    ------
    InputError
        If the statistics are of another type or kind, lack a column or the unit, name a customer twice, or
        hold impossible values.
    """
    _check_form(model, stats)
    kind = model.kind
    required = (name for name, column in kind.columns.items() if column.required)
    missing = [name for name in dict.fromkeys((*required, *columns)) if name not in stats]
    if missing:
        raise InputError(
            f"statistics without {', '.join(missing)}",
            f"the columns {', '.join(model.statistics)} for {model.name}",
            kind.source_of(missing),
        )
    for name in model.statistics:
        if name in stats and stats[name].dtype.kind not in "biuf":
            raise InputError(
                f"a column {name} of {stats[name].dtype}",
                f"numbers: {kind.columns[name].meaning}",
                "convert it with .astype(float), or make the statistics with bcx.summarise",
            )
    if "weight" in stats and np.any(wrong := not_whole(stats["weight"].to_numpy())):
        _refuse(wrong, "a weight that is not a whole number of zero or more")
    for what, rows in kind.impossible(kind.numbers(stats)):
        _refuse(rows, what)


def check_enough(model: Model, stats: xr.Dataset) -> None:
    """Refuse statistics that, as a whole, no fit can be made to.

    Raises
    ------
    InputError
        If the kind of the model demands what the table does not have.
    """
    if not stats.get("weight", np.array(1)).sum() > 0:
        raise InputError("statistics of weight 0", "one customer or more", "correct the column weight")
    for demand in model.kind.demands(model.kind.numbers(stats)):
        raise InputError(*demand)


def _check_form(model: Model, stats: xr.Dataset) -> None:
    """Refuse what is no table of statistics of this kind with a unit and one row for each customer."""
    check_dataset(stats, model.kind)
    kind, came = model.kind, kind_of(stats)
    if not kind.reads(came.key):
        raise InputError(
            f"statistics of {came.key}", f"statistics of {kind.key} for {model.name}", kind.source
        )
    if stats.attrs.get("unit") not in UNITS:
        raise InputError(
            f"statistics in the unit {stats.attrs.get('unit')!r}",
            f"an attribute unit: {', '.join(UNITS)}",
            "use bcx.summarise, or stats.assign_attrs(unit='week')",
        )
    if not {"customer", "row"} & {*stats.sizes}:
        raise InputError(
            "statistics without a dimension customer",
            "a row for each customer",
            "keep the dimension of a single one by a list: stats.isel(customer=[7])",
        )
    if wide := [name for name in (*model.statistics, "weight") if name in stats and stats[name].ndim > 1]:
        raise InputError(
            f"a column {wide[0]} with the dimensions {', '.join(map(str, stats[wide[0]].dims))}",
            "one value for each customer",
            "select one of them, as by stats.isel(...)",
        )
    if "customer" in stats.indexes and not (index := stats.indexes["customer"]).is_unique:
        raise InputError(
            f"{int(index.duplicated(keep=False).sum())} rows of customers who are there more than once",
            "one row for each customer",
            "add two periods with bcx.add, or leave one of the rows out",
        )


def _refuse(rows: np.ndarray, what: str) -> None:
    if np.any(rows):
        raise InputError(
            f"{plural(np.sum(rows), 'customer')} with {what}",
            "values that a customer can have",
            "correct the statistics, or make them with bcx.summarise",
        )
