"""A check, and the verdict over many: what was not checked never counts as passed."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Literal

from bayes_cx.errors import InputError

__all__ = ["Check", "Interval", "Status", "from_json", "in_words", "to_json", "verdict"]

Status = Literal["passed", "failed", "not_run"]


@dataclass(frozen=True)
class Interval:
    """An interval and its probability level.

    Raises
    ------
    InputError
        If the ends are not finite numbers in order, or the level is not between 0 and 1.
    """

    low: float
    high: float
    level: float

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high) and self.low <= self.high):
            raise InputError(
                f"an interval from {self.low} to {self.high}",
                "two numbers, the smaller one first",
                "swap them, or give no interval",
            )
        if not 0 < self.level < 1:
            raise InputError(f"the level {self.level}", "a number between 0 and 1", "write 0.95 for 95%")


@dataclass(frozen=True)
class Check:
    """One quantity that was checked: its value, the condition for passing, and the status.

    Attributes
    ----------
    name : str
        What was looked at, in words.
    value : float or None
        The value found; None when the check was not run, or the value is not finite.
    target : str
        The condition for passing, as printed ("<= 1.01").
    status : {"passed", "failed", "not_run"}
    note : str
        One sentence for the reader, if one is needed.
    about : str
        What the check is about: the name of a model, or a part of the customers such as ``"channel: web"``;
        empty for everything.
    interval : Interval or None
        Of the value.
    n : int or None
        Number of customers it was computed from.
    alarm : float or None
        The largest probability that it fails by chance although model and forecast are right; None if
        unknown.

    Raises
    ------
    InputError
        If the status is passed but there is no value.
    """

    name: str
    value: float | None
    target: str
    status: Status
    note: str = ""
    about: str = ""
    interval: Interval | None = None
    n: int | None = None
    alarm: float | None = None

    def __post_init__(self) -> None:
        value = None if self.value is None or not isfinite(self.value) else float(self.value)
        object.__setattr__(self, "value", value)
        if self.status == "passed" and value is None:
            raise InputError(
                f"check {self.name!r} with status passed and no value",
                "the value that passed",
                "give the value, or set the status to not_run",
            )

    def named(self, within: str = "") -> str:
        """Return the name, followed by what the check is about unless that is `within`.

        Examples
        --------
        >>> check = Check("divergences", 0, "0", "passed", about="BG/NBD")
        >>> check.named(), check.named(within="BG/NBD")
        ('divergences (BG/NBD)', 'divergences')
        """
        return self.name if self.about in ("", within) else f"{self.name} ({self.about})"


def verdict(checks: Iterable[Check]) -> Status:
    """Return the verdict over checks: failed if one failed, passed if all passed, else not_run.

    Examples
    --------
    >>> verdict([])
    'not_run'
    >>> verdict([Check("divergences", 0, "0", "passed")])
    'passed'
    """
    statuses = {check.status for check in checks}
    if "failed" in statuses:
        return "failed"
    return "passed" if statuses == {"passed"} else "not_run"


def in_words(checks: Sequence[Check]) -> str:
    """Return the verdict over checks in words.

    Examples
    --------
    >>> in_words([Check("R-hat", 1.2, "<= 1.01", "failed"), Check("divergences", 0, "0", "passed")])
    '1 of 2 checks failed'
    >>> in_words([])
    'no check was run'
    """
    found = verdict(checks)
    if not checks:
        return "no check was run"
    number = sum(check.status == found for check in checks)
    return f"{number} of {len(checks)} checks {found.replace('_', ' ')}"


def to_json(checks: Iterable[Check]) -> str:
    """Return checks as JSON text."""
    return json.dumps([asdict(check) for check in checks])


def from_json(text: str) -> tuple[Check, ...]:
    """Return the checks that `to_json` wrote.

    Raises
    ------
    InputError
        If the text is not a list of checks.
    """
    try:
        found = [dict(one) for one in json.loads(text)]
        for one in found:
            one["interval"] = Interval(**one["interval"]) if one.get("interval") else None
        return tuple(Check(**one) for one in found)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"checks that cannot be read ({error})", "a list that checks.to_json wrote", "write them again"
        ) from error
