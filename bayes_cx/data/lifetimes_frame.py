"""Data frames of the lifetimes and pymc-marketing packages: frequency, recency, T, monetary_value."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.statistics import undated
from bayes_cx.errors import InputError
from bayes_cx.kinds import PURCHASES

__all__ = ["from_lifetimes", "to_lifetimes"]

_CUSTOMER = ("customer_id", "customer")
_STATISTICS = {"frequency", "recency", "T", "monetary_value"}


def to_lifetimes(stats: xr.Dataset) -> pd.DataFrame:
    """Convert statistics to the frame that lifetimes and pymc-marketing use.

    Parameters
    ----------
    stats : xarray.Dataset
        From `summarise`.

    Returns
    -------
    pandas.DataFrame
        Index ``customer``; ``frequency`` (x), ``recency`` (t_x), ``T`` and, with amounts, ``monetary_value``
        (mean spend of repeat occasions, by the custom of lifetimes 0 where there are none).

    Examples
    --------
    >>> frame = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]}, index=["00003"])
    >>> to_lifetimes(from_lifetimes(frame, unit="week")).loc["00003"].tolist()
    [2.0, 30.43, 38.86]
    """
    columns = {
        "frequency": stats["x"].to_numpy(),
        "recency": stats["t_x"].to_numpy(),
        "T": stats["T"].to_numpy(),
    }
    if "spend" in stats:
        columns["monetary_value"] = np.nan_to_num(stats["spend"].to_numpy(), nan=0.0)
    return pd.DataFrame(columns, index=pd.Index(stats.customer.values, name="customer"))


def from_lifetimes(frame: pd.DataFrame, unit: str, until: Any = None) -> xr.Dataset:
    """Convert a frame of lifetimes or pymc-marketing to statistics.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a customer, the customer in the index or in a column ``customer_id`` or ``customer``, with
        ``frequency``, ``recency``, ``T`` and optionally ``monetary_value``.
    unit : {"hour", "day", "week", "month", "year"}
        Unit of recency and T.
    until : str, date or datetime, optional
        End of observation. Without it the statistics have no dates.

    Returns
    -------
    xarray.Dataset
        As from `summarise`; ``first_spend`` is not known (NaN), nor is ``first`` without `until`.

    Raises
    ------
    InputError
        If a column is missing, a customer appears twice, the index has only row numbers although another
        column may name the customers, or a row is impossible: a frequency that is not a whole number of zero
        or more, a recency outside 0 to T, a recency above 0 without repeat purchases, a negative spend.
    """
    clock = Clock(unit)
    missing = [name for name in ("frequency", "recency", "T") if name not in frame.columns]
    if missing:
        known = ", ".join(map(repr, frame.columns))
        expected = f"frequency, recency and T, not only {known}"
        raise InputError(f"no column {', '.join(missing)}", expected, "rename the columns")
    frame = _with_customers(frame)
    if frame.index.has_duplicates:
        came = "an index in which customers appear twice"
        raise InputError(came, "one row a customer", "set the customer as index")
    frame = frame.sort_index()
    x, t_x, age = (frame[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    _check_rows(
        frame, (x >= 0) & (x == np.rint(x)) & np.isfinite(x), "frequency of zero or more, a whole number"
    )
    _check_rows(frame, (t_x >= 0) & (t_x <= age) & np.isfinite(age), "recency between 0 and T")
    _check_rows(frame, (t_x == 0) | (x > 0), "recency of 0 without repeat purchases")
    data: dict[str, Any] = {
        "x": ("customer", x.astype(np.int64)),
        "t_x": ("customer", t_x, {"unit": unit}),
        "T": ("customer", age, {"unit": unit}),
    }
    if "monetary_value" in frame:
        spend = np.where(x > 0, frame["monetary_value"].to_numpy(float), np.nan)
        possible = (spend >= 0) & np.isfinite(spend)
        _check_rows(frame, (x == 0) | possible, "monetary_value of zero or more with repeat purchases")
        data["spend"] = ("customer", spend)
        data["spend_sum"] = ("customer", np.nan_to_num(spend * x, nan=0.0))
        data["first_spend"] = ("customer", np.full(len(x), np.nan))
    attrs = undated(PURCHASES, unit, "frame of statistics", len(frame), frame.to_csv())
    first = np.full(len(x), np.datetime64("NaT", "s"))
    if until is not None and len(x):
        end = clock.step_of(until)
        steps = end - np.rint(age * clock.steps_per_unit)
        first = clock.times_of(steps)
        begin = clock.iso(int(steps.min()))
        attrs |= {"until": clock.iso(end), "period_start": begin, "period_end": clock.iso(end)}
    data["first"] = ("customer", first)
    attrs |= {"returns": "not known", "zero_amounts": "not known", "rows_zero": 0, "varying": "{}"}
    return xr.Dataset(data, coords={"customer": frame.index.to_numpy()}, attrs=attrs)


def _with_customers(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the customers into the index; refuse row numbers where another column may name them."""
    if named := [name for name in _CUSTOMER if name in frame.columns]:
        return frame.set_index(named[0])
    others = [str(name) for name in frame.columns if name not in _STATISTICS]
    if others and isinstance(frame.index, pd.RangeIndex):
        raise InputError(
            f"row numbers as index beside the column{'s' * (len(others) > 1)} {', '.join(others)}",
            "the customer in the index, or in a column customer_id",
            "set the customer as index",
        )
    return frame


def _check_rows(frame: pd.DataFrame, good: np.ndarray, expected: str) -> None:
    if not good.all():
        raise InputError(
            f"{int((~good).sum())} customers without {expected} (the first is {frame.index[~good][0]!r})",
            expected,
            "correct or remove these rows",
        )
