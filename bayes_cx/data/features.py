"""What may be known of a customer at the start of a period, and what each of its columns says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bayes_cx.errors import InputError

__all__ = ["Feature", "Features"]

# More than these are not counted one by one unless they are named.
_MOST_EVENTS, _MOST_CHANNELS = 20, 10


@dataclass(frozen=True)
class Feature:
    """A column that a model of risk reads.

    Attributes
    ----------
    name : str
        Of the column.
    family : str
        Features of a family are about as important as each other: counts, channels, recency, value, season,
        or the name of a column of customers.
    form : {"count", "value", "recency", "number", "share", "category"}
        How its numbers are to be read.
    of : str
        The event, the channel or the column; empty for anything that a customer did.
    window : float
        How far it looks back, in days; 0 without an end.
    """

    name: str
    family: str
    form: str
    of: str = ""
    window: float = 0.0

    def plain(self) -> dict[str, Any]:
        """Return the feature as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Features:
    """What to know of customers at the start of each period.

    Nothing that happened, or was known, later than the start of a period enters.

    Parameters
    ----------
    windows : sequence of spans
        How far back counts and sums look.
    events : sequence of str, optional
        Events, or states where there is a taxonomy, that are counted in each window; by default all, and of
        more than 20 the most frequent.
    channels : sequence of str, optional
        Channels whose events are counted in each window; by default all, and of more than 10 the most
        frequent.
    recency : bool
        Whether the time since the last event of each kind, and since the last of any, is known.
    value : bool
        Whether the values of events are added up in each window; without a column of values they are not.
    season : bool
        Whether the time of the year counts, as two waves a year; useful from two years of data on.
    columns : sequence of str
        Columns of the events that describe the customer, such as a contract; the last known cell counts.
    digits : int, optional
        Significant binary digits of what is kept: with 3, numbers differ by an eighth at most from what was
        seen, and small counts not at all, so that many rows are equal and collapse. None keeps all.

    Raises
    ------
    InputError
        If a name occurs twice, or `digits` is no positive number.

    Examples
    --------
    >>> Features(windows=("7 days",), channels=()).windows
    ('7 days',)
    """

    windows: Sequence[Any] = ("30 days", "90 days")
    events: Sequence[str] | None = None
    channels: Sequence[str] | None = None
    recency: bool = True
    value: bool = True
    season: bool = False
    columns: Sequence[str] = ()
    digits: int | None = 3

    def __post_init__(self) -> None:
        for name in ("windows", "events", "channels", "columns"):
            given = getattr(self, name)
            several = given if given is None or not isinstance(given, str) else (given,)
            if several is not None and len({str(one) for one in several}) < len(several):
                raise InputError(
                    f"{name} {list(map(str, several))}, of which one occurs twice", "each once", "drop one"
                )
            object.__setattr__(self, name, None if several is None else tuple(several))
        if self.digits is not None and not (isinstance(self.digits, int) and self.digits >= 1):
            raise InputError(f"digits={self.digits!r}", "a positive whole number, or None", "pass digits=3")

    def most_frequent(
        self, known: Sequence[str], channels: Sequence[str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the events and channels that are counted, of those that occur, the most frequent first.

        Raises
        ------
        InputError
            If one that is named does not occur.
        """
        found = []
        for what, named, occur, most in (
            ("event", self.events, known, _MOST_EVENTS),
            ("channel", self.channels, channels, _MOST_CHANNELS),
        ):
            if missing := [name for name in named or () if name not in occur]:
                raise InputError(
                    f"no {what} {missing[0]!r} to count",
                    f"one of {', '.join(map(repr, occur[:50]))}" if occur else f"some {what}",
                    "check the spelling, upper and lower case included",
                )
            found.append(tuple(sorted(occur[:most])) if named is None else tuple(named))
        return found[0], found[1]
