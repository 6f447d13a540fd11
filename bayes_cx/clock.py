"""Dates as whole steps of a clock, days or hours, read once, where they come in."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bayes_cx.errors import InputError
from bayes_cx.spans import UNITS, check_unit

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Clock", "end_of"]

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Clock:
    """Dates as whole steps since 1970: hours of UTC when the unit is the hour, else calendar days.

    Differences of steps are exact, so recency and age carry no rounding from times of day. A day of a change
    of summer time is one day like any other, and 23 or 25 hours.

    Parameters
    ----------
    unit : {"hour", "day", "week", "month", "year"}
        The unit that lengths of time are expressed in.
    timezone : str
        Where the calendar days of a time with a zone begin. A time without one is of a clock in this zone.

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

    Clocks in New York go back on 3 November 2024, so that hours between times are more than they show:

    >>> clock = Clock("hour", "America/New_York")
    >>> first, last = clock.step_of("2024-11-03 00:30"), clock.step_of("2024-11-03 07:30")
    >>> clock.length(first, last), clock.iso(last)
    (8.0, '2024-11-03T07:00-05:00')
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

    def step_of(self, date: Any, hour: int = 23) -> int:
        """Return the step that a date or time lies in.

        Parameters
        ----------
        date : str, datetime.date, datetime.datetime, pandas.Timestamp or numpy.datetime64
            A text is in ISO form.
        hour : int
            The hour of the day that a date alone means, in hours: its last one by default.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        when, is_date = _read_date(date)
        try:
            return self._step(when, hour if is_date else 0)
        except OverflowError as error:
            raise InputError(
                f"date {date!r}", "a date within the years 2 to 9998", "pass one that was observed"
            ) from error

    def _step(self, when: datetime, hours: int) -> int:
        """Return the step of a time, in hours after so many more."""
        zone = _zone(self.timezone)
        if self.unit != "hour":
            # Through UTC, so that an hour skipped by summer time becomes the one that the clock shows.
            local = when if when.tzinfo is None else when.astimezone(UTC).astimezone(zone)
            return (local.replace(tzinfo=None) - _EPOCH) // timedelta(days=1)
        if hours:  # of a date; adding to a time would forget which of two equal clock times it is
            when += timedelta(hours=hours)
        if when.tzinfo is None:
            # A time that clocks show twice is the later one, as DuckDB takes it, where data are read.
            when = max(when.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        local = when.astimezone(UTC).astimezone(zone)
        # The hour begins where the clock of the zone shows a full one, also in zones half an hour from UTC.
        begin = local.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second)
        return (begin.replace(tzinfo=None) - _EPOCH) // timedelta(hours=1)

    def steps_of(self, times: "np.ndarray") -> "np.ndarray":
        """Return the steps that an array of datetime64 lies in (hours: of UTC), int64 of the same shape."""
        return times.astype("datetime64[s]").astype("int64") // self.seconds

    def iso(self, step: int) -> str:
        """Write a step as an ISO date, or as date and hour, with the distance to UTC if that is not 0."""
        when = _EPOCH + timedelta(seconds=int(step) * self.seconds)
        if self.unit != "hour":
            return when.date().isoformat()
        if self.timezone == "UTC":
            return when.isoformat(timespec="minutes")
        local = when.replace(tzinfo=UTC).astimezone(_zone(self.timezone))
        past = timedelta(minutes=local.minute, seconds=local.second)
        # The first full hour of the zone that begins within the step.
        begin = local.astimezone(UTC) + (timedelta(hours=1) - past if past else timedelta(0))
        return begin.astimezone(_zone(self.timezone)).isoformat(timespec="minutes")

    def times_of(self, steps: "np.ndarray") -> "np.ndarray":
        """Return the beginnings of whole steps (in hours, of UTC) as datetime64[s] of the same shape."""
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


def end_of(date: Any, timezone: str = "UTC") -> datetime:
    """Return the end of a day, or a time itself, in UTC, without a zone.

    Parameters
    ----------
    date : str, datetime.date, datetime.datetime, pandas.Timestamp or numpy.datetime64
        As for `Clock.step_of`.
    timezone : str
        Where the day ends, and whose clock shows a time without a zone.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> end_of("2025-01-31", "Europe/Berlin"), end_of("2025-01-31 10:00")
    (datetime.datetime(2025, 1, 31, 23, 0), datetime.datetime(2025, 1, 31, 10, 0))
    """
    when, is_date = _read_date(date)
    if is_date:
        when += timedelta(days=1)
    if when.tzinfo is None:
        when = when.replace(tzinfo=_zone(timezone))
    return when.astimezone(UTC).replace(tzinfo=None)


def _read_date(date: Any) -> tuple[datetime, bool]:
    """Read a date or time to the microsecond; tell whether it was a date alone."""
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
        when = datetime(
            *(when.year, when.month, when.day, when.hour, when.minute, when.second, when.microsecond),
            tzinfo=when.tzinfo,
            fold=when.fold,
        )
        when.utcoffset()  # raises if a zone cannot say it
        return when, is_date
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"date {date!r}", "a date such as '1997-09-30'", "write it in ISO form") from error


def _zone(name: str) -> tzinfo:
    """Return a zone by name.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name == "UTC":  # also where no data of zones are installed
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(
            f"timezone={name!r}", "a name such as 'Europe/Berlin'", "correct the spelling"
        ) from error
