"""Columns by date: promotions, prices, holidays, what all customers meet on the same days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.weeks import DAYS, monday, week_of

__all__ = ["ByDate", "read_by_date"]

# How many dates a message names.
_NAMED = 3


@dataclass(frozen=True, init=False, repr=False)
class ByDate:
    """Columns by date, of the past and, as it is planned or assumed, of the future.

    Dates that are all seven days apart, or a multiple of that, stand for their weeks, Monday to Sunday;
    others for single days.

    Parameters
    ----------
    table : pandas.DataFrame, pandas.Series, xarray.Dataset or xarray.DataArray
        Numbers or booleans, a column for each effect, indexed by date.
    otherwise : float, optional
        The value of all columns on days that the table does not list; by default every day has to be listed.
        With it dates always stand for single days.

    Attributes
    ----------
    dates : tuple of str
        In order, such as ``"2026-11-27"``.
    columns : mapping of str to tuple of float
    weekly : bool
        Whether the dates stand for weeks.
    otherwise : float or None

    Raises
    ------
    InputError
        If there are no dates, dates that occur twice, or values that are not finite numbers.

    Examples
    --------
    >>> ByDate(pd.DataFrame({"promotion": [1, 1]}, index=["2026-11-27", "2026-11-30"]), otherwise=0)
    ByDate(promotion: 2 days from 2026-11-27 to 2026-11-30, otherwise 0)
    """

    dates: tuple[str, ...]
    columns: Mapping[str, tuple[float, ...]]
    weekly: bool
    otherwise: float | None

    def __init__(self, table: Any, *, otherwise: float | None = None) -> None:
        frame = _frame(table)
        day = _days(frame.index)
        order = np.argsort(day, kind="stable")
        day = day[order]
        if twice := day[1:][np.diff(day) == 0].tolist():
            raise InputError(
                f"columns by date with {_named([*map(_text, twice)])} twice", "one row a date", "keep one"
            )
        columns = {str(name): _numbers(str(name), column)[order] for name, column in frame.items()}
        for name, values in columns.items():
            if missing := day[~np.isfinite(values)].tolist():
                raise InputError(
                    f"no number for {name} on {_named([*map(_text, missing)])}",
                    "a number for every date",
                    "fill it in",
                )
        if otherwise is not None and not np.isfinite(otherwise):
            raise InputError(f"otherwise={otherwise!r}", "a finite number", "pass for example otherwise=0")
        weekly = otherwise is None and day.size > 1 and not np.any(np.diff(day) % DAYS)
        self._set(tuple(map(_text, day.tolist())), columns, weekly, otherwise)

    def _set(
        self, dates: tuple[str, ...], columns: Mapping[str, Any], weekly: bool, otherwise: float | None
    ) -> "ByDate":
        made = {
            "dates": dates,
            # In the order of the alphabet, so that it does not depend on how the table was made.
            "columns": {name: tuple(map(float, columns[name])) for name in sorted(columns)},
            "weekly": bool(weekly),
            "otherwise": None if otherwise is None else float(otherwise),
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)
        return self

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "ByDate":
        """Return the columns from plain data, as `dataclasses.asdict` gives them."""
        return object.__new__(cls)._set(**{**plain, "dates": tuple(plain["dates"])})

    def only(self, names: Sequence[str]) -> "ByDate":
        """Return the columns of these names.

        Examples
        --------
        >>> days = ["2026-01-05", "2026-01-06"]
        >>> table = pd.DataFrame({"price": [1.0, 2.0], "promotion": [0, 1]}, index=days)
        >>> ByDate(table).only(["promotion"]).columns
        {'promotion': (0.0, 1.0)}
        """
        columns = {name: self.columns[name] for name in names}
        return object.__new__(ByDate)._set(self.dates, columns, self.weekly, self.otherwise)

    def rows(self, *, daily: bool = False) -> dict[str, tuple[float, ...]]:
        """Return the values of each date; `daily` lists every day of a week."""
        found = dict(zip(self.dates, zip(*self.columns.values(), strict=True), strict=True))
        if not (daily and self.weekly):
            return found
        week = week_of(np.asarray(self.dates, "datetime64[D]").astype(np.int64))
        first = monday(week).astype(np.int64).tolist()
        return {_text(one + i): v for one, v in zip(first, found.values(), strict=True) for i in range(DAYS)}

    def followed_by(self, other: "ByDate", begin: str) -> "ByDate":
        """Return what is listed before a date, and from then on what another lists, of the same columns.

        Raises
        ------
        InputError
            If the columns are others, or what both list before the date differs.
        """
        if [*other.columns] != [*self.columns]:
            raise InputError(
                f"a future of {', '.join(other.columns)}",
                f"one of {', '.join(self.columns)}, the columns by date of the fit",
                "give these columns",
            )
        mixed = self.weekly != other.weekly
        known, stated = self.rows(daily=mixed), other.rows(daily=mixed)
        if differ := [
            date for date in known if date < begin and stated.get(date, known[date]) != known[date]
        ]:
            raise InputError(
                f"other values by date than those of the fit on {_named(differ)}",
                f"another future, from {begin} on: from what has been the fit has learnt",
                "change only what is to come",
            )
        rows = {date: values for date, values in known.items() if date < begin}
        rows |= {date: values for date, values in stated.items() if date >= begin}
        columns = dict(zip(self.columns, zip(*rows.values(), strict=True), strict=True))
        return object.__new__(ByDate)._set(
            tuple(rows), columns, self.weekly and other.weekly, other.otherwise
        )

    def by_week(self, first: int, last: int, begin: int, end: int, *, to_sunday: bool = False) -> np.ndarray:
        """Return the mean of the columns over the days of each week.

        Parameters
        ----------
        first, last : int
            Numbers of the weeks.
        begin, end : int
            The first and the last day that has to be listed, as numbers of days since 1970. Days before and
            after them do not count; a week without a day between them has the value of the nearest.
        to_sunday : bool
            Days after `end` in its week count as well where they are listed.

        Returns
        -------
        numpy.ndarray, shape (week, column)

        Raises
        ------
        InputError
            If a day is not listed.

        Examples
        --------
        >>> days = pd.date_range("1970-01-05", periods=8).strftime("%Y-%m-%d")
        >>> found = ByDate(pd.DataFrame({"promotion": [1, 0, 0, 0, 0, 0, 0, 1]}, index=days))
        >>> found.by_week(1, 2, 4, 11).round(3).tolist()
        [[0.143], [1.0]]
        """
        day = np.arange(begin, max(end, begin) + DAYS)
        values = self._on(day)
        if absent := day[(day <= end) & np.isnan(values[:, 0])].tolist():
            every = "week" if self.weekly else "day"
            raise InputError(
                f"columns by date without {_named([*map(_text, absent)])}",
                f"{' and '.join(self.columns)} for each {every} from {_text(begin)} to {_text(end)}",
                f"add rows for every {every}, those to come included, or shorten the horizon; or say what "
                "holds where nothing is listed, by ByDate(table, otherwise=0) or --by-date-otherwise 0",
            )
        counts = ~np.isnan(values[:, 0]) & ((day <= end) | (to_sunday & (week_of(day) == week_of(end))))
        week = np.arange(first, last + 1)
        near = np.clip(week, week_of(begin), week_of(max(end, begin)))
        return np.stack([values[counts & (week_of(day) == one)].mean(axis=0) for one in near])

    def _on(self, day: np.ndarray) -> np.ndarray:
        """Return the columns on days, shape (day, column); NaN where they are not listed."""
        listed = np.asarray(self.dates, "datetime64[D]").astype(np.int64)
        known, at = (week_of(listed), week_of(day)) if self.weekly else (listed, day)
        where = np.clip(np.searchsorted(known, at), 0, known.size - 1)
        otherwise = np.nan if self.otherwise is None else self.otherwise
        table = np.column_stack([*self.columns.values()])
        return np.where((known[where] == at)[:, None], table[where], otherwise)

    def __repr__(self) -> str:
        size, every = len(self.dates), "week" if self.weekly else "day"
        rest = "" if self.otherwise is None else f", otherwise {self.otherwise:g}"
        span = f"{size} {every}{'s' if size > 1 else ''} from {self.dates[0]} to {self.dates[-1]}"
        return f"ByDate({', '.join(self.columns)}: {span}{rest})"


def read_by_date(path: str | Path) -> pd.DataFrame:
    """Read columns by date from a CSV file, whose first column holds the dates.

    Raises
    ------
    InputError
        If the file cannot be read as such.
    """
    try:
        return pd.read_csv(path, index_col=0)
    # pandas' own errors of parsing are ValueErrors.
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).strip()
        raise InputError(
            f"{path} cannot be read ({why})",
            "a CSV file with a column of dates, and a column of numbers for each effect",
            "check the path and the file",
        ) from error


def _named(dates: Sequence[str]) -> str:
    more = len(dates) - _NAMED
    return ", ".join(dates[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _text(day: int) -> str:
    return str(np.datetime64(int(day), "D"))


def _frame(table: Any) -> pd.DataFrame:
    if isinstance(table, xr.DataArray | xr.Dataset) and len(table.dims) == 1:
        table = table.to_pandas()
    if isinstance(table, pd.Series):
        table = table.to_frame("effect" if table.name is None else str(table.name))
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"columns by date of type {type(table).__name__}",
            "a pandas DataFrame or Series, or an xarray Dataset, indexed by date",
            "pass for example pd.DataFrame({'promotion': [0, 1]}, index=['2026-11-26', '2026-11-27'])",
        )
    if not table.columns.is_unique:
        raise InputError("two columns by date of the same name", "a name for each", "rename one of them")
    if table.empty:
        raise InputError("an empty table of columns by date", "a row a date", "leave it out, or fill it in")
    return table


def _days(index: pd.Index) -> np.ndarray:
    """Return dates as numbers of days since 1970."""
    problem = None
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if pd.api.types.is_numeric_dtype(index.dtype):
        problem = "numbers"
    else:
        try:
            dates = pd.DatetimeIndex(pd.to_datetime(index, format="ISO8601")).tz_localize(None)
        except (TypeError, ValueError) as error:
            problem = str(error).partition(". ")[0]
        else:
            if not dates.hasnans and (dates == dates.normalize()).all():
                return dates.to_numpy().astype("datetime64[D]").astype(np.int64)
            problem = "a date that is missing, or a time of day"
    raise InputError(
        f"columns by date with an index that is not of dates ({problem})",
        "dates such as 2026-11-27",
        "write dates so, and make them the index, in pandas by table.set_index('date')",
    )


def _numbers(name: str, column: pd.Series) -> np.ndarray:
    try:
        return column.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a column {name} by date that does not hold numbers",
            "numbers, or True and False",
            "code it as one column of 0 and 1 for each value, in pandas by pd.get_dummies",
        ) from error
