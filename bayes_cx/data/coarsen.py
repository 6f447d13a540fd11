"""Customers whose times nearly agree share a row, where tables of many different rows do not collapse."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from bayes_cx.data.compress import compress, unique_rows
from bayes_cx.errors import InputError
from bayes_cx.kinds import kind_of
from bayes_cx.spans import Span

__all__ = ["coarsen"]


def coarsen(stats: xr.Dataset, within: Span | str | float, on: Sequence[str] | None = None) -> xr.Dataset:
    """Collapse rows whose times differ by less than a span to one row with a weight.

    The row has the mean of their times, so what is lost is of second order in the span. What it changes in a
    fit is told by `bayes_cx.validation.coarsening_shift`.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``customer``, or over ``row`` with weights.
    within : Span, str or float
        For example ``"1 week"``; a number is in the unit of the statistics. Times are cut into spans of this
        length; a time of zero keeps to itself.
    on : sequence of str, optional
        The columns to keep, as for `bayes_cx.compress`.

    Returns
    -------
    xarray.Dataset
        Over ``row``: the columns and ``weight`` (int64, number of customers).

    Raises
    ------
    InputError
        If the statistics have no times, or the span is not positive.

    Examples
    --------
    >>> columns = {"x": [1, 1, 0], "t_x": [2.0, 2.4, 0.0], "T": [9.0, 9.0, 9.0]}
    >>> stats = xr.Dataset({name: ("customer", values) for name, values in columns.items()})
    >>> coarsen(stats.assign_attrs(kind="purchases", unit="week"), "1 week")["t_x"].values
    array([0. , 2.2])
    """
    kind = kind_of(stats)
    times = [name for name in kind.times if name in stats]
    if not times:
        raise InputError(
            f"statistics of {kind.key}, which count and have no times",
            "statistics with times, such as t_x and T",
            "use bcx.compress, which loses nothing",
        )
    width = Span.of(within, str(stats.attrs["unit"])).to(str(stats.attrs["unit"])).number
    if not width > 0:
        raise InputError(f"within={within!r}", "a positive span", "write for example '1 week'")
    table = compress(stats, on)
    cut = {name: np.where(table[name] > 0, np.floor(table[name] / width), -1.0) for name in times}
    cells = table.assign({name: ("row", cell) for name, cell in cut.items() if name in table})
    columns, inverse = unique_rows(cells, [str(name) for name in cells.data_vars if name != "weight"])
    weight = table["weight"].to_numpy()
    total = np.bincount(inverse, weight)
    for name in set(times) & set(columns):
        columns[name] = np.bincount(inverse, weight * table[name].to_numpy()) / total
    data = {name: ("row", values, table[name].attrs) for name, values in columns.items()}
    return xr.Dataset(data | {"weight": ("row", total.astype(np.int64))}, attrs=table.attrs)
