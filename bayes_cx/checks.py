"""A check and the verdict over many: nothing unchecked reads as passed."""

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
    """An interval and the probability that it is meant to hold.

    Raises
    ------
    InputError
        If its ends are no numbers in order, or its level is not between 0 and 1.
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
    """One thing that was looked at, what it should have been, and how it stands.

    Attributes
    ----------
    name : str
        What was looked at, in words.
    value : float or None
        The value found; None when the check was not run, or what it found is no finite number.
    target : str
        The condition for passing, as printed ("<= 1.01").
    status : {"passed", "failed", "not_run"}
    note : str
        One sentence for the reader, if one is needed.
    about : str
        Whose check it is: the name of a model, or a part of the customers such as ``"channel: web"``; empty
        for everything.
    interval : Interval or None
        Of the value.
    n : int or None
        Number of customers it was computed from.
    alarm : float or None
        How often, at most, it fails by chance although model and forecast are right; None if not known.

    Raises
    ------
    InputError
        If it says passed but shows no value.
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
                f"{self.name!r} says passed but shows no value",
                "the value that passed",
                "give it, or say not_run",
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
    """Return the verdict over checks: one failure fails; one gap, or no check at all, is not a pass.

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
        If the text is no list of checks.
    """
    try:
        found = [dict(one) for one in json.loads(text)]
        for one in found:
            one["interval"] = Interval(**one["interval"]) if one.get("interval") else None
        return tuple(Check(**one) for one in found)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"checks that cannot be read ({error})", "what bayes_cx wrote", "write them again"
        ) from error
