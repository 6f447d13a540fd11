"""Covariates of customers: columns that are read as text, and may be numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data.groups import NO_GROUP

__all__ = ["as_numbers", "with_numbers"]

# What stands for "not known" in a column of text that holds numbers.
_NOT_KNOWN = {"", NO_GROUP, "nan", "none", "null", "na", "<na>"}


def as_numbers(values: Any) -> np.ndarray | None:
    """Return a column as numbers, NaN where one is missing; None if it holds other text.

    Columns that `bcx.summarise` keeps by customer are text, also those of numbers.

    Examples
    --------
    >>> as_numbers(["31", "missing", "4.5"]), as_numbers(["31", "north"])
    (array([31. ,  nan,  4.5]), None)
    """
    column = np.asarray(values)
    if column.dtype.kind in "fiub":
        return column.astype(float)
    found, place = np.unique(column.astype(str), return_inverse=True)
    different = np.empty(found.size)
    for i, text in enumerate(found):
        try:
            different[i] = np.nan if text.strip().lower() in _NOT_KNOWN else float(text)
        except ValueError:
            return None
    return different[place]


def with_numbers(stats: xr.Dataset, names: Sequence[str]) -> xr.Dataset:
    """Return the statistics with these columns of text as numbers, NaN where one is missing.

    Examples
    --------
    >>> stats = xr.Dataset({"age": ("customer", ["31", "missing"])})
    >>> with_numbers(stats, ["age"])["age"].values
    array([31., nan])
    """
    found = {name: as_numbers(stats[name]) for name in names}
    return stats.assign({name: (stats[name].dims, v) for name, v in found.items() if v is not None})
