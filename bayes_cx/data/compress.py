"""Equal rows collapse to one row with a weight. Equal rows have equal likelihoods, so this is exact."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.kinds import kind_of

__all__ = ["compress", "unique_rows"]


def unique_rows(stats: xr.Dataset, on: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Find the different rows of some columns.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``customer`` or ``row``, n long.
    on : sequence of str
        The columns that must agree. Two NaN agree.

    Returns
    -------
    columns : dict of str to numpy.ndarray
        The different rows, m long, sorted by the columns in the order given.
    inverse : numpy.ndarray
        For each of the n rows its position in `columns`: ``columns[name][inverse]`` is the column of `stats`.

    Raises
    ------
    InputError
        If a column does not exist.

    Examples
    --------
    >>> stats = xr.Dataset({"x": ("customer", [2, 0, 2])})
    >>> unique_rows(stats, on=("x",))
    ({'x': array([0, 2])}, array([1, 0, 1]))
    """
    missing = [name for name in on if name not in stats.variables]
    if missing or not on:
        known = ", ".join(map(str, stats.variables))
        raise InputError(
            f"no column {', '.join(missing) or 'named'} to compress on", f"of {known}", "correct `on`"
        )
    code = np.zeros(stats.sizes[_dim(stats)], np.int64)
    for name in on:
        values, own = np.unique(stats[name].values, return_inverse=True)
        # Both codes are below n, so their combination fits 64 bits; numbering anew keeps it that way.
        _, code = np.unique(code * max(len(values), 1) + own, return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return {name: stats[name].values[first] for name in on}, code


def compress(stats: xr.Dataset, on: Sequence[str] | None = None) -> xr.Dataset:
    """Collapse equal rows to one row with a weight.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``customer``, or over ``row`` with weights.
    on : sequence of str, optional
        The columns to keep, by default those that the kind of the statistics must have; for a model of spend
        ``("x", "spend")``, for groups their columns too.

    Returns
    -------
    xarray.Dataset
        Over ``row``, sorted by `on`: these columns and ``weight`` (int64, number of customers). Attributes
        are kept. The result does not depend on the order of the rows, and compressing it again changes
        nothing.

    Examples
    --------
    >>> stats = xr.Dataset({"x": ("customer", [2, 0, 2])})
    >>> compress(stats, on=("x",)).weight.values
    array([1, 2])
    """
    if on is None:
        on = [name for name, column in kind_of(stats).columns.items() if column.required]
    columns, inverse = unique_rows(stats, on)
    rows = len(next(iter(columns.values())))
    if "weight" in stats:
        weight = np.zeros(rows, np.int64)
        np.add.at(weight, inverse, stats["weight"].values)
    else:
        weight = np.bincount(inverse, minlength=rows).astype(np.int64)
    data = {name: ("row", values, stats[name].attrs) for name, values in columns.items()}
    return xr.Dataset(data | {"weight": ("row", weight)}, attrs=stats.attrs)


def _dim(stats: xr.Dataset) -> str:
    return "row" if "row" in stats.sizes else "customer"
