r"""Columns by date in the log of the factor of each week, :math:`g_w = Z_w \beta + u_w + e_w + s_w`.

A week has the mean of a column over its days. It is centred over the weeks of the data, since the level is
that of the purchase rates, and divided by two standard deviations; where it has two values only, by their
difference. So neither the unit of a column nor its zero matters, and the effects of all have one prior.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import ByDate
from bayes_cx.errors import InputError
from bayes_cx.inference.weekly_data import spanned
from bayes_cx.model import Prior
from bayes_cx.spans import UNITS
from bayes_cx.weeks import DAYS, monday, points

__all__ = [
    "COLUMN",
    "EFFECTS",
    "PRIORS",
    "Standards",
    "future",
    "observed",
    "past",
    "standards",
    "varying",
    "with_future",
]

EFFECTS, COLUMN = "by_date_effect", "by_date"
"""Name of the effects in draws, over this dimension."""

PRIORS = {
    EFFECTS: Prior(
        "Normal",
        {"mu": 0.0, "sigma": 1.0},
        "effect of a column by date on the log of the purchase rate: between its two values, or of two "
        "standard deviations",
        "two effects in three are a rate of 37 % to 270 % of the usual",
    )
}

type Standards = Mapping[str, tuple[float, float]]


def standards(by_date: ByDate, stats: xr.Dataset) -> dict[str, tuple[float, float]]:
    """Return what is subtracted from each column, and what it is then divided by.

    Raises
    ------
    InputError
        If a day of the data is missing, or a column is the same in all weeks of the data.
    """
    found = {}
    for name, values in zip(by_date.columns, observed(by_date, stats).T, strict=True):
        different = np.unique(values)
        if different.size == 1:
            raise InputError(
                f"{name} by date with the value {different[0]:g} in every week of the data",
                "a column that varies, as its effect is learnt from that",
                "leave the column out",
            )
        spread = np.ptp(different) if different.size == 2 else 2 * values.std()
        found[name] = (float(values.mean()), float(spread))
    return found


def varying(by_date: ByDate, stats: xr.Dataset) -> tuple[str, ...]:
    """Return the columns that are not the same in all weeks of the data, of which alone an effect is learnt.

    Raises
    ------
    InputError
        If a day of the data is missing.
    """
    values = observed(by_date, stats)
    return tuple(
        name for name, column in zip(by_date.columns, values.T, strict=True) if np.unique(column).size > 1
    )


def past(by_date: ByDate, standard: Standards, stats: xr.Dataset) -> np.ndarray:
    """Return Z over the weeks of the data, shape (week, column)."""
    return _standardised(observed(by_date, stats), standard)


def future(by_date: ByDate, standard: Standards, first: int, last: int, end: int) -> np.ndarray:
    """Return Z over weeks to come, shape (week, column).

    Parameters
    ----------
    by_date : ByDate
    standard : mapping of str to (float, float)
    first, last : int
        Numbers of the weeks.
    end : int
        The last day that has to be listed.

    Raises
    ------
    InputError
        If a day is not listed.
    """
    begin = int(monday(first).astype(np.int64))
    return _standardised(by_date.by_week(first, last, begin, end, to_sunday=True), standard)


def with_future(fitted: ByDate | None, stated: Any, monday_of_last: np.datetime64 | None) -> ByDate:
    """Return the columns of a fit with another future, from the week on that follows the last of the fit.

    Raises
    ------
    InputError
        If there are no such columns, or the past is another.
    """
    if fitted is None or monday_of_last is None:
        raise InputError(
            "a future of columns by date for a fit without them",
            "a fit with Design(by_date=...)",
            "fit with these columns",
        )
    other = stated if isinstance(stated, ByDate) else ByDate(stated)
    begin = monday_of_last.astype("datetime64[D]") + np.timedelta64(DAYS, "D")
    return fitted.followed_by(other, str(begin))


def _standardised(values: np.ndarray, standard: Standards) -> np.ndarray:
    centre, spread = np.array([*standard.values()]).T
    return (values - centre) / spread


def observed(by_date: ByDate, stats: xr.Dataset) -> np.ndarray:
    """Return the mean of each column over the days of each week that lie in the data, shape (week, column).

    Raises
    ------
    InputError
        If a day of the data is missing.
    """
    days = UNITS[stats.attrs["unit"]] / UNITS["day"]
    until = points(stats.attrs["until"], stats.attrs["unit"])
    begin = int(np.ceil(np.round(until - float(stats["T"].max()) * days, 6)))
    return by_date.by_week(*spanned(stats), begin, int(np.ceil(until)))
