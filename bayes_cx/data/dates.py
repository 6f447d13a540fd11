"""The dates of the rows that were read: from when to when, and which of them stand alone far off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from bayes_cx.clock import Clock
from bayes_cx.errors import InputError

__all__ = ["Dates", "LoneDates", "lone_dates"]

# Dates are lone where nobody could have observed for so long without a purchase,
_DECADE = 3_652
# or where the gap before them is this many times the longest gap between the others,
_UNUSUAL = 10
# and longer than a tenth of the time that these span, or than three months,
_SHARE_OF_SPAN, _QUARTER = 0.1, 90
# if there are enough others to tell, and if no more than one day in a hundred is lone.
_ENOUGH, _FEW = 30, 0.01


@dataclass(frozen=True)
class LoneDates:
    """Dates that stand alone, far before or far after all others.

    Attributes
    ----------
    dates : tuple of date
        In order.
    rows : int
        Rows that have these dates.
    nearest : date
        The nearest of the other dates.
    """

    dates: tuple[date, ...]
    rows: int
    nearest: date

    @property
    def gap(self) -> timedelta:
        """Time between them and the nearest other date."""
        return min(abs(one - self.nearest) for one in self.dates)

    def __str__(self) -> str:
        """Name them: how many rows, which dates, and how far off they are."""
        shown = ", ".join(str(one) for one in self.dates[:3]) + (", ..." if len(self.dates) > 3 else "")
        years = self.gap / timedelta(days=365.25)
        far = f"{years:,.0f} years" if years >= 2 else f"{self.gap.days} days"
        side = "after" if self.nearest < min(self.dates) else "before"
        are = "1 row is" if self.rows == 1 else f"{self.rows:,} rows are"
        return f"{are} dated {shown}, {far} {side} all others ({self.nearest})"


def lone_dates(days: Mapping[date, int]) -> tuple[LoneDates | None, LoneDates | None]:
    """Find dates that stand alone far off: before all others, and after them.

    Dates at an end are lone if the gap between them and the others is longer than ten years and than the
    time that the others span; or if there are at least 30 other dates, a hundred times as many as lone ones,
    and the gap is ten times the longest among the others, and longer than a tenth of their span or than 90
    days. Typing errors (2042 for 2024) and stand-ins for an unknown date (1900-01-01) are such.

    Parameters
    ----------
    days : mapping of date to int
        The number of rows of each date.

    Examples
    --------
    >>> days = {date(2024, month, 1): 5 for month in range(1, 13)} | {date(2042, 3, 1): 1}
    >>> print(*lone_dates(days))
    None 1 row is dated 2042-03-01, 17 years after all others (2024-12-01)
    """
    ordered = sorted(days)
    number = np.array([one.toordinal() for one in ordered], np.int64)
    late, early = _lone(number), _lone(-number[::-1])
    return (
        _named(ordered[:early], ordered[early], days) if early else None,
        _named(ordered[-late:], ordered[-late - 1], days) if late else None,
    )


def _lone(days: np.ndarray) -> int:
    """Return how many of the last days stand alone; the greatest such number."""
    if days.size < 3:
        return 0
    gaps = np.diff(days)
    # At each gap: what would be the others before it, and how many days would be lone after it.
    others = np.arange(1, days.size)
    lone = days.size - others
    span = days[:-1] - days[0]
    longest = np.concatenate([[0], np.maximum.accumulate(gaps)[:-1]])
    decades = (gaps > np.maximum(span, _DECADE)) & (lone < others)
    unusual = (
        (others >= _ENOUGH)
        & (lone <= np.maximum(1, _FEW * others))
        & (gaps > _UNUSUAL * longest)
        & (gaps > np.minimum(_SHARE_OF_SPAN * span, _QUARTER))
    )
    return int(lone[decades | unusual].max(initial=0))


def _named(found: Sequence[date], nearest: date, days: Mapping[date, int]) -> LoneDates:
    return LoneDates(tuple(found), sum(days[one] for one in found), nearest)


@dataclass(frozen=True)
class Dates:
    """What is known of the times of the accepted rows.

    Attributes
    ----------
    first, last : datetime or None
        The earliest and the latest, as a clock of the zone shows them.
    last_instant : datetime or None
        The latest, with its zone.
    rows, rows_zoned : int
        Number of rows, and of those whose time carries a zone.
    with_clock : bool
        Whether any has a time of day, and not only a date.
    lone_first, lone_last : LoneDates or None
        Dates that stand alone far before, and far after all others.
    timezone : str
    """

    first: datetime | None
    last: datetime | None
    last_instant: datetime | None
    rows: int
    rows_zoned: int
    with_clock: bool
    lone_first: LoneDates | None
    lone_last: LoneDates | None
    timezone: str

    @classmethod
    def of(cls, found: Mapping[str, Any], timezone: str) -> "Dates":
        """Return what a row of a query says of the accepted rows.

        Parameters
        ----------
        found : mapping
            ``first``, ``last`` (datetime), ``instant`` (the last one in UTC); the numbers of rows ``n``, of
            those with a zone (``zoned``); ``clocked``, whether any has a time of day; ``days``, a list of
            ``{"day", "n"}``. All may be missing.
        timezone : str
        """
        early, late = lone_dates({one["day"]: one["n"] for one in found.get("days") or ()})
        instant = found.get("instant")
        return cls(
            first=found.get("first"),
            last=found.get("last"),
            last_instant=instant.replace(tzinfo=UTC) if instant else None,
            rows=found.get("n", 0),
            rows_zoned=found.get("zoned", 0),
            with_clock=bool(found.get("clocked", 0)),
            lone_first=early,
            lone_last=late,
            timezone=timezone,
        )

    def step_of(self, until: Any, clock: Clock) -> int:
        """Return the step that observation ends with; that of the last row if `until` is None.

        In hours a date alone means its last hour, or the first one if no time of day was recorded at all: a
        day lasts as long at the end as between two purchases.

        Raises
        ------
        InputError
            If the date cannot be read; or if it is None and the last date stands alone, far off.
        """
        if until is not None:
            return clock.step_of(until, 23 if self.with_clock else 0)
        if self.lone_last is not None:
            raise InputError(
                f"{self.lone_last}, and no end of observation was given",
                "an end of observation (until)",
                f"pass until {self.lone_last.nearest} or the day you know to be the last; "
                f"{max(self.lone_last.dates)} if that date is right",
            )
        return 0 if self.last_instant is None else clock.step_of(self.last_instant)

    def remarks(self) -> Iterator[str]:
        """Yield what a reader should know of the dates, as sentences."""
        if 0 < self.rows_zoned < self.rows:
            yield (
                f"{self.rows_zoned:,} of {self.rows:,} times carry a zone and the others do not; "
                f"those were taken for times of a clock in {self.timezone}"
            )
        if self.lone_first is not None:
            yield f"{self.lone_first}; they count, so correct them if they stand for an unknown date"
