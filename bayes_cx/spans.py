"""Lengths of time with their unit, and rates of discount.

A horizon and a rate are read once, where they come in, and travel as records.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import log1p
from typing import Any, SupportsFloat, cast

from bayes_cx.errors import InputError

__all__ = ["FINE_UNITS", "UNITS", "DiscountRate", "Span", "check_unit"]

# Days in one unit. A month is a twelfth of a Julian year, so that 12 months are one year exactly.
UNITS: dict[str, float] = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}

# Those that a span may have as well, and waiting times within a visit.
FINE_UNITS: dict[str, float] = {"second": 1 / 86_400, "minute": 1 / 1440, **UNITS}

_NAMES = ", ".join(FINE_UNITS)
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-z]+?)s?\s*", re.IGNORECASE)
_RATE = re.compile(r"\s*(-?\d*\.?\d+)\s*(%?)\s*")
# A rate of more than 100 % a year is a percentage that was not divided by 100.
_MOST = 1.0
# A whole number of periods is meant where a span differs from it by less than this share,
_ALMOST = 0.02
# but never by more than this part of a period.
_FAR_OFF = 0.25


def check_unit(unit: str, units: Mapping[str, float] = UNITS) -> str:
    """Return `unit` if it is one of `units`, else raise `InputError`."""
    if unit not in units:
        raise InputError(f"unit is {unit!r}", f"one of {', '.join(units)}", "pass for example unit='week'")
    return unit


@dataclass(frozen=True)
class Span:
    """A span of time with its unit, such as a horizon.

    Parameters
    ----------
    number : float
        Zero or more, finite.
    unit : {"second", "minute", "hour", "day", "week", "month", "year"}

    Raises
    ------
    InputError
        If the number is negative or not finite, or the unit is not known.

    Examples
    --------
    >>> Span.of("52 weeks").to("day")
    Span(number=364.0, unit='day')
    >>> print(Span.of(26, "week"))
    26 weeks
    """

    number: float
    unit: str

    def __post_init__(self) -> None:
        check_unit(self.unit, FINE_UNITS)
        if not 0 <= self.number < float("inf"):
            raise InputError(
                f"horizon {self.number:g} {self.unit}s",
                "a finite span of zero or more",
                "write for example '52 weeks'",
            )

    @classmethod
    def of(cls, value: Any, unit: str | None = None) -> "Span":
        """Read a span.

        Parameters
        ----------
        value : Span, str, datetime.timedelta, numpy.timedelta64 or number
            A text such as ``"52 weeks"`` or ``"1 year"``, a time difference, or a number in `unit`.
        unit : str, optional
            The unit of a number.

        Raises
        ------
        InputError
            If it cannot be read, or is negative or not finite.

        Examples
        --------
        >>> Span.of("1 year").in_unit("month")
        12.0
        """
        if isinstance(value, Span):
            return value
        if isinstance(value, str):
            match = _TEXT.fullmatch(value)
            name = match[2].lower() if match else ""
            if match is None or name not in FINE_UNITS:
                raise _unreadable(value)
            return cls(float(match[1]), name)
        if isinstance(value, timedelta):
            return cls(value / timedelta(days=1), "day")
        if type(value).__name__ == "timedelta64":
            microseconds = float(value.astype("timedelta64[us]").astype("int64"))
            return cls(microseconds / 86_400e6, "day")
        # Whether float() takes an array of one number depends on the version of NumPy.
        if unit is None or getattr(value, "shape", ()):
            raise _unreadable(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise _unreadable(value) from None
        return cls(number, unit)

    def in_unit(self, unit: str) -> float:
        """Return the length in another unit."""
        return self.number * FINE_UNITS[self.unit] / FINE_UNITS[check_unit(unit, FINE_UNITS)]

    def to(self, unit: str) -> "Span":
        """Return the same span in another unit."""
        return Span(self.in_unit(unit), unit)

    def whole(self, unit: str, because: str) -> "Span":
        """Return the span as a whole number of periods of one unit each.

        A year is not quite 52 weeks, and nobody means to ask for less than one: a span that is nearly whole
        (within 2 %, and within a quarter of a period) is taken to be so.

        Parameters
        ----------
        unit : str
        because : str
            Why it must be whole, for the message.

        Raises
        ------
        InputError
            If it is not.

        Examples
        --------
        >>> print(Span.of("1 year").whole("week", "BG/BB counts opportunities"))
        52 weeks
        """
        value = self.in_unit(unit)
        if abs(value - round(value)) > min(_ALMOST * max(value, 1.0), _FAR_OFF):
            raise InputError(
                f"{self}, which is {value:.2f} times a {unit}",
                f"a whole number of {unit}s, because {because}",
                f"ask for '{Span(max(round(value), 1), unit)}'",
            )
        return Span(float(round(value)), unit)

    def __str__(self) -> str:
        short = f"{self.number:g}"
        number = short if float(short) == self.number else repr(float(self.number))
        return f"{number} {self.unit}{'' if self.number == 1 else 's'}"


def _unreadable(value: Any) -> InputError:
    return InputError(f"horizon {value!r}", f"a number and a unit ({_NAMES})", "write for example '52 weeks'")


@dataclass(frozen=True)
class DiscountRate:
    r"""A yearly rate of discount: money in a year is worth 1 / (1 + rate) now, continuously in between.

    Parameters
    ----------
    per_year : float
        Above -1, and at most 1: 0.1 is 10 %, and a 10 is refused, because 10 % is meant.

    Raises
    ------
    InputError
        If it is not a number in this range.
    """

    per_year: float

    def __post_init__(self) -> None:
        number = isinstance(self.per_year, SupportsFloat) and not getattr(self.per_year, "shape", ())
        if not (number and -1.0 < float(self.per_year) <= _MOST):
            raise InputError(
                f"discount_rate={self.per_year!r}",
                f"one number above -1 and at most {_MOST:g}, per year",
                "write 0.1 for 10 % a year",
            )

    @classmethod
    def of(cls, value: Any) -> "DiscountRate":
        """Read a yearly rate.

        Parameters
        ----------
        value : DiscountRate, number or str
            A share, or a text such as ``"10 %"``.

        Raises
        ------
        InputError
            If it is none.

        Examples
        --------
        >>> DiscountRate.of("10 %")
        DiscountRate(per_year=0.1)
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and (match := _RATE.fullmatch(value)):
            return cls(float(match[1]) / (100 if match[2] else 1))
        return cls(cast("float", value))  # which refuses what is no number

    def force(self, unit: str) -> float:
        r"""Return the force of discount :math:`\delta` per unit of time.

        Money after t units is worth :math:`\exp(-\delta t) = (1 + rate)^{-t / \text{units in a year}}` now.

        Examples
        --------
        >>> round(DiscountRate(0.10).force("week"), 6)
        0.001827
        """
        return log1p(self.per_year) * UNITS[check_unit(unit)] / UNITS["year"]
