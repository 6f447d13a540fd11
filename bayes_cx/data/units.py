"""Units of time, and horizons that carry them."""

import re
from datetime import timedelta
from typing import Any

from bayes_cx.errors import InputError

__all__ = ["UNITS", "check_unit", "horizon"]

# Days in one unit. A month is a twelfth of a Julian year, so that 12 months are one year exactly.
UNITS: dict[str, float] = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}

_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", re.IGNORECASE)
_NAMES = ", ".join(UNITS)


def check_unit(unit: str) -> str:
    """Return `unit` if it is one of `UNITS`, else raise `InputError`."""
    if unit not in UNITS:
        raise InputError(f"unit is {unit!r}", f"one of {_NAMES}", "pass for example unit='week'")
    return unit


def horizon(value: str | float | timedelta | Any, unit: str) -> float:
    """Express a span of time in `unit`.

    Parameters
    ----------
    value : str, number, datetime.timedelta or numpy.timedelta64
        A text such as ``"52 weeks"`` or ``"1 year"``, a time difference, or a number that is already in
        `unit`.
    unit : {"hour", "day", "week", "month", "year"}
        The unit of the result.

    Returns
    -------
    float
        The span in `unit`.

    Raises
    ------
    InputError
        If the text cannot be read or the span is negative or not finite.

    Examples
    --------
    >>> horizon("52 weeks", "day")
    364.0
    >>> horizon("1 year", "month")
    12.0
    >>> horizon(26, "week")
    26.0
    """
    check_unit(unit)
    span = _in_unit(value, unit)
    if not 0 <= span < float("inf"):
        raise InputError(
            f"horizon {value!r}", "a finite span of zero or more", "write for example '52 weeks'"
        )
    return span


def _in_unit(value: Any, unit: str) -> float:
    if isinstance(value, str):
        match = _SPAN.fullmatch(value)
        name = match[2].lower() if match else ""
        if match is None or name not in UNITS:
            raise InputError(
                f"horizon {value!r}", f"a number and a unit ({_NAMES})", "write for example '52 weeks'"
            )
        return float(match[1]) * UNITS[name] / UNITS[unit]
    seconds = _seconds(value)
    return float(value) if seconds is None else seconds / 86_400 / UNITS[unit]


def _seconds(value: Any) -> float | None:
    """Return the seconds of a time difference, None for a plain number."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if type(value).__name__ == "timedelta64":
        return float(value.astype("timedelta64[us]").astype("int64")) / 1e6
    return None
