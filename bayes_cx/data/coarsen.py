"""Customers who nearly agree share a row, where tables of many different rows do not collapse."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
import xarray as xr

from bayes_cx.data.compress import compress, unique_rows
from bayes_cx.errors import InputError
from bayes_cx.kinds import kind_of
from bayes_cx.spans import Span

__all__ = ["coarsen"]


def coarsen(
    stats: xr.Dataset,
    within: Span | str | float | None = None,
    on: Sequence[str] | None = None,
    *,
    spend: float | None = None,
) -> xr.Dataset:
    """Collapse rows whose times differ by less than a span, or whose mean spends by less than a share.

    A row has the mean of its customers' times, so what is lost is of second order in the span. Mean spends
    of a cell become two, with their number, mean and variance on the scale of logarithms, so what is lost is
    of third order in the share or less. What it changes in a fit is measured by
    `bayes_cx.validation.coarsening_shift`.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``customer``, or over ``row`` with weights.
    within : Span, str or float, optional
        For example ``"1 week"``; a number is in the unit of the statistics. Times are cut into spans of this
        length; a time of zero keeps to itself.
    on : sequence of str, optional
        The columns to keep, as for `bayes_cx.compress`. By default those that a model of purchases needs
        where `within` is given, and those that a model of spend needs where `spend` is.
    spend : float, optional
        For example .1: mean spends are cut where they have grown by ten percent.

    Returns
    -------
    xarray.Dataset
        Over ``row``: the columns and ``weight`` (int64, number of customers).

    Raises
    ------
    InputError
        If the statistics have no times or no spend, or a width is not positive.

    Examples
    --------
    >>> columns = {"x": [1, 1, 0], "t_x": [2.0, 2.4, 0.0], "T": [9.0, 9.0, 9.0]}
    >>> stats = xr.Dataset({name: ("customer", values) for name, values in columns.items()})
    >>> coarsen(stats.assign_attrs(kind="purchases", unit="week"), "1 week")["t_x"].values
    array([0. , 2.2])
    """
    if within is None and spend is None:
        raise InputError(
            "nothing to coarsen by", "a span or a share", "pass for example '1 week' or spend=0.1"
        )
    kind = kind_of(stats)
    times: list[str] = []
    if within is not None:
        times = [name for name in kind.times if name in stats]
        if not times:
            raise InputError(
                f"statistics of {kind.key}, which count and have no times",
                "statistics with times, such as t_x and T",
                "use bcx.compress, which loses nothing",
            )
    if spend is not None and "spend" not in stats:
        raise InputError("statistics without spend", "a column spend", "summarise transactions with amounts")
    if on is None:
        required = [name for name, column in kind.columns.items() if column.required and within is not None]
        on = list(dict.fromkeys([*required, *(("x", "spend") if spend is not None else ())]))
    for given, columns in ((within, times), (spend, ["spend"])):
        if given is not None and not set(columns) & {*on}:
            raise InputError(
                f"a width for {' and '.join(columns)}, of which none is among the columns {', '.join(on)}",
                "a width for columns that are kept",
                "leave the width out, or correct `on` or the model",
            )
    table = compress(stats, on)
    if times:
        table = _times_together(table, [name for name in times if name in table], _width(within, stats))
    if spend is not None:
        table = _spends_together(table, spend)
    return table


def _width(within: Span | str | float | None, stats: xr.Dataset) -> float:
    unit = str(stats.attrs["unit"])
    try:
        width = Span.of(within, unit).to(unit).number
    except InputError as error:
        raise InputError(f"within={within!r}", "a positive span", "write for example '1 week'") from error
    if not width > 0:
        raise InputError(f"within={within!r}", "a positive span", "write for example '1 week'")
    return width


def _cells(table: xr.Dataset, cut: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the different rows where some columns are replaced by cells, and the place of each row."""
    cells = table.assign({name: ("row", cell) for name, cell in cut.items()})
    return unique_rows(cells, [str(name) for name in cells.data_vars if name != "weight"])


def _table(columns: dict[str, np.ndarray], weight: np.ndarray, like: xr.Dataset) -> xr.Dataset:
    data = {name: ("row", values, like[name].attrs) for name, values in columns.items()}
    return xr.Dataset(data | {"weight": ("row", weight.astype(np.int64))}, attrs=like.attrs)


def _times_together(table: xr.Dataset, times: Sequence[str], width: float) -> xr.Dataset:
    cut = {name: np.where(table[name] > 0, np.floor(table[name] / width), -1.0) for name in times}
    columns, inverse = _cells(table, cut)
    weight = table["weight"].to_numpy()
    total = np.bincount(inverse, weight)
    for name in times:
        columns[name] = np.bincount(inverse, weight * table[name].to_numpy()) / total
    return _table(columns, total, table)


def _spends_together(table: xr.Dataset, share: float) -> xr.Dataset:
    """Put two values in place of all in a cell, as a quadrature of two nodes with whole weights does."""
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 < share < np.inf:
        raise InputError(f"spend={share!r}", "a positive share", "write for example spend=0.1")
    paid = table["spend"].to_numpy().astype(float)
    positive = paid > 0
    y = np.log(np.where(positive, paid, 1.0))
    # A customer who paid nothing, or of whom nothing is known, keeps to those who are the same.
    bare = np.where(paid == 0, -np.inf, np.nan)
    columns, inverse = _cells(table, {"spend": np.where(positive, np.floor(y / np.log1p(share)), bare)})
    weight, rows = table["weight"].to_numpy().astype(float), columns["spend"].size
    n = np.bincount(inverse, weight, rows)
    mean = np.bincount(inverse, weight * y, rows) / n
    apart = y - mean[inverse]
    variance = np.bincount(inverse, weight * apart**2, rows) / n
    third = np.bincount(inverse, weight * apart**3, rows) / n
    sd = np.sqrt(variance)
    known = np.isfinite(columns["spend"])
    spread = known & (np.bincount(inverse) > 1) & (sd > 0)
    skew = np.divide(third, sd**3, out=np.zeros(rows), where=spread)
    below = np.clip(np.round(n * (1.0 + skew / np.sqrt(4.0 + skew**2)) / 2.0), 1, np.maximum(n - 1, 1))
    above = n - below
    step = np.sqrt(np.divide(above, below, out=np.zeros(rows), where=spread))
    low = np.where(known, np.exp(mean - sd * step), np.where(np.isnan(columns["spend"]), np.nan, 0.0))
    high = np.exp(mean + np.divide(sd, step, out=np.zeros(rows), where=spread))
    two = np.concatenate([np.arange(rows), np.flatnonzero(spread)])
    made = {name: values[two] for name, values in columns.items()}
    made["spend"] = np.concatenate([low, high[spread]])
    return _table(made, np.concatenate([np.where(spread, below, n), above[spread]]), table)
