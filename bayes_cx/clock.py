"""Time: spans with their unit, dates as whole steps of a clock, and rates of discount.

A horizon, a date and a rate are read once, where they come in, and travel as records.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite, log1p
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bayes_cx.errors import InputError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["UNITS", "Clock", "DiscountRate", "Span", "check_unit"]

# Days in one unit. A month is a twelfth of a Julian year, so that 12 months are one year exactly.
UNITS: dict[str, float] = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}

_NAMES = ", ".join(UNITS)
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-z]+?)s?\s*", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1)
# A whole number of periods is meant where a span differs from it by less than this share,
_ALMOST = 0.02
# but never by more than this part of a period.
_FAR_OFF = 0.25


def check_unit(unit: str) -> str:
    """Return `unit` if it is one of `UNITS`, else raise `InputError`."""
    if unit not in UNITS:
        raise InputError(f"unit is {unit!r}", f"one of {_NAMES}", "pass for example unit='week'")
    return unit


@dataclass(frozen=True)
class Span:
    """A span of time with its unit, such as a horizon.

    Parameters
    ----------
    number : float
        Zero or more, finite.
    unit : {"hour", "day", "week", "month", "year"}

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
        check_unit(self.unit)
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
            if match is None or name not in UNITS:
                raise _unreadable(value)
            return cls(float(match[1]), name)
        if isinstance(value, timedelta):
            return cls(value / timedelta(days=1), "day")
        if type(value).__name__ == "timedelta64":
            microseconds = float(value.astype("timedelta64[us]").astype("int64"))
            return cls(microseconds / 86_400e6, "day")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise _unreadable(value) from None
        if unit is None:
            raise _unreadable(value)
        return cls(number, unit)

    def in_unit(self, unit: str) -> float:
        """Return the length in another unit."""
        return self.number * UNITS[self.unit] / UNITS[check_unit(unit)]

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
        Above -1; 0.1 is 10 %.

    Raises
    ------
    InputError
        If it is not a finite number above -1.
    """

    per_year: float

    def __post_init__(self) -> None:
        if not (self.per_year > -1.0 and isfinite(self.per_year)):
            raise InputError(
                f"discount_rate={self.per_year}",
                "a finite number above -1, per year",
                "write 0.1 for 10 %",
            )

    def force(self, unit: str) -> float:
        r"""Return the force of discount :math:`\delta` per unit of time.

        Money after t units is worth :math:`\exp(-\delta t) = (1 + rate)^{-t / \text{units in a year}}` now.

        Examples
        --------
        >>> round(DiscountRate(0.10).force("week"), 6)
        0.001827
        """
        return log1p(self.per_year) * UNITS[check_unit(unit)] / UNITS["year"]


@dataclass(frozen=True)
class Clock:
    """Dates as whole steps since 1970: hours when the unit is the hour, else calendar days.

    Differences of steps are exact, so recency and age carry no rounding from times of day, and a day of
    summer time is as long as any other.

    Parameters
    ----------
    unit : {"hour", "day", "week", "month", "year"}
        The unit that lengths of time are expressed in.
    timezone : str
        Where the calendar days of a time with a zone begin. Times without one stay as written.

    Raises
    ------
    InputError
        If the unit is not known.

    Examples
    --------
    >>> clock = Clock("week")
    >>> first, last = clock.step_of("2024-02-01"), clock.step_of("2024-03-07")
    >>> clock.length(first, last), clock.iso(last)
    (5.0, '2024-03-07')
    """

    unit: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        check_unit(self.unit)

    @property
    def step(self) -> str:
        """The unit of a step: hour or day."""
        return "hour" if self.unit == "hour" else "day"

    @property
    def seconds(self) -> int:
        """Seconds in a step."""
        return 3600 if self.unit == "hour" else 86_400

    @property
    def steps_per_unit(self) -> float:
        """Number of steps in one unit."""
        return UNITS[self.unit] / UNITS[self.step]

    def step_of(self, date: Any) -> int:
        """Return the step that a date or time lies in; in hours, a date alone means its last hour.

        Parameters
        ----------
        date : str, datetime.date, datetime.datetime, pandas.Timestamp or numpy.datetime64
            A text is in ISO form.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        when, is_date = _read_date(date, self.timezone)
        if self.unit == "hour" and is_date:
            when += timedelta(hours=23)
        return (when - _EPOCH) // timedelta(seconds=self.seconds)

    def steps_of(self, times: "np.ndarray") -> "np.ndarray":
        """Return the steps that an array of datetime64 lies in, int64 of the same shape."""
        return times.astype("datetime64[s]").astype("int64") // self.seconds

    def iso(self, step: int) -> str:
        """Write a step as an ISO date, or as date and hour."""
        when = _EPOCH + timedelta(seconds=int(step) * self.seconds)
        return when.isoformat(timespec="minutes") if self.unit == "hour" else when.date().isoformat()

    def times_of(self, steps: "np.ndarray") -> "np.ndarray":
        """Return the beginnings of whole steps as datetime64[s] of the same shape."""
        return (steps.astype("int64") * self.seconds).astype("datetime64[s]")

    def length(self, first: Any, last: Any) -> Any:
        """Return the time from one step to another in the unit, number or array: (last - first) / unit."""
        return (last - first) / self.steps_per_unit

    def periods(self, first: int, last: int) -> int:
        """Return how many whole units have passed from one step to another."""
        return int((last - first) // self.steps_per_unit)

    def on_calendar(self, step: int, periods: int) -> int:
        """Return the step some units of the calendar after another, or before it if negative.

        A month after the 31st of January is the last of February.

        Examples
        --------
        >>> clock = Clock("month")
        >>> clock.iso(clock.on_calendar(clock.step_of("2024-01-31"), 1))
        '2024-02-29'
        """
        months = {"month": 1, "year": 12}.get(self.unit)
        if months is None:
            return step + periods * int(self.steps_per_unit)
        day = (_EPOCH + timedelta(days=step)).date()
        year, month = divmod(day.year * 12 + day.month - 1 + months * periods, 12)
        return self.step_of(
            day.replace(year=year, month=month + 1, day=min(day.day, monthrange(year, month + 1)[1]))
        )

    def starts(self, begin: int, periods: "np.ndarray") -> "np.ndarray":
        """Return when periods of one unit each begin, to the second, as datetime64[s].

        Parameters
        ----------
        begin : int
            The step in which period 0 begins.
        periods : numpy.ndarray of int
            Their numbers; negative ones lie before.
        """
        seconds = (periods * self.steps_per_unit * self.seconds).round().astype("int64")
        return (begin * self.seconds + seconds).astype("datetime64[s]")


def _read_date(date: Any, timezone: str) -> tuple[datetime, bool]:
    """Read a date or time, without zone and to the second; tell whether it was a date alone."""
    try:
        if isinstance(date, str):
            is_date = len(date.strip()) <= len("1997-09-30")
            when = datetime.fromisoformat(date.strip())
        elif type(date).__name__ == "datetime64":
            is_date = str(date.dtype) in {f"datetime64[{unit}]" for unit in "DWMY"}
            when = date.astype("datetime64[us]").item()
        else:
            is_date = not isinstance(date, datetime)
            when = datetime(date.year, date.month, date.day) if is_date else date
        if when.tzinfo is not None:
            # Through UTC, so that an hour skipped by summer time becomes the one that the clock shows.
            when = when.astimezone(UTC).astimezone(ZoneInfo(timezone))
        return datetime(when.year, when.month, when.day, when.hour, when.minute, when.second), is_date
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"date {date!r}", "a date such as '1997-09-30'", "write it in ISO form") from error
