"""Calendar weeks, Monday to Sunday, numbered since 1970: what all customers share changes by the week.

A point in time is a number of days since 1970, at the end of a day: day 3 lasts from 2 to 3. So a span from
one point to another holds the days after the first, the last one included, as the statistics count them.
"""

from typing import Any

import numpy as np

from bayes_cx.clock import Clock

__all__ = ["DAYS", "cut", "day_of", "last_cut", "monday", "number_of", "overlaps", "points", "week_of"]

DAYS = 7
# Day 0, the first of 1970, was a Thursday; week 0 begins on the Monday before it.
_MONDAY = -3


def week_of(day: Any) -> Any:
    """Return the number of the week that days lie in, numbers or arrays.

    Examples
    --------
    >>> week_of(np.array([-4, -3, 3, 4])).tolist()
    [-1, 0, 0, 1]
    """
    return np.floor((np.asarray(day) - _MONDAY) / DAYS).astype(np.int64)


def day_of(step: Any, clock: Clock) -> Any:
    """Return the days that steps of a clock lie in, numbers or arrays."""
    return np.floor_divide(step, 24) if clock.step == "hour" else step


def monday(week: Any) -> Any:
    """Return the Mondays of weeks as datetime64[D].

    Examples
    --------
    >>> str(monday(0)), monday(np.array([1])).astype(str).tolist()
    ('1969-12-29', ['1970-01-05'])
    """
    return (np.asarray(week) * DAYS + _MONDAY).astype("datetime64[D]")


def number_of(mondays: Any) -> Any:
    """Return the numbers of the weeks that dates lie in: the inverse of `monday`.

    Examples
    --------
    >>> int(number_of("1970-01-05"))
    1
    """
    return week_of(np.asarray(mondays, "datetime64[D]").astype(np.int64))


def points(until: str, unit: str) -> float:
    """Return the point in time at which an observation ends.

    Parameters
    ----------
    until : str
        Of the attributes of statistics.
    unit : str
        Their unit.

    Examples
    --------
    >>> points("1970-01-04", "week"), points("1970-01-04T11:00", "hour")
    (3.0, 2.5)
    """
    clock = Clock(unit)
    step = clock.step_of(until)
    return (step + 1) / 24 - 1 if clock.step == "hour" else float(step)


def cut(week: Any) -> Any:
    """Return the points in time at which weeks begin, numbers or arrays.

    Examples
    --------
    >>> float(cut(0)), cut(np.array([1, 2])).tolist()
    (-4.0, [3.0, 10.0])
    """
    return np.asarray(week) * float(DAYS) + _MONDAY - 1.0


def last_cut(point: Any, *, inclusive: bool = False) -> Any:
    """Return the numbers of the last weeks that begin before points in time, or then, numbers or arrays.

    Examples
    --------
    >>> int(last_cut(3.0)), int(last_cut(3.0, inclusive=True)), int(last_cut(3.5))
    (0, 1, 1)
    """
    passed = (np.asarray(point, float) - cut(0)) / DAYS
    return (np.floor(passed) if inclusive else np.ceil(passed) - 1).astype(np.int64)


def overlaps(at: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return how many days of each week lie between the beginning of the first and points in time.

    Parameters
    ----------
    at : numpy.ndarray, shape (point,)
        None before the beginning of the first week.
    first, last : int
        Numbers of weeks; what lies after the last counts as a part of it.

    Returns
    -------
    numpy.ndarray, shape (point, week)

    Examples
    --------
    >>> overlaps(np.array([-4.0, 4.5]), 0, 1)
    array([[0. , 0. ],
           [7. , 1.5]])
    """
    begin = cut(np.arange(first, last + 1))
    days = np.maximum(np.asarray(at, float)[:, None] - begin, 0.0)
    days[:, :-1] = np.minimum(days[:, :-1], DAYS)
    return days
