"""A check and the verdict over many: nothing unchecked reads as passed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Status", "verdict"]

Status = Literal["passed", "failed", "not_run"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what it should have been, and how it stands.

    Attributes
    ----------
    name : str
        What was looked at, in words.
    value : float or None
        The value found; None when the check was not run.
    target : str
        The condition for passing, as printed ("<= 1.01").
    status : {"passed", "failed", "not_run"}
    note : str
        One sentence for the reader, if one is needed.
    about : str
        Whose check it is: the name of a model, or a part of the customers such as ``"channel: web"``; empty
        for everything.
    """

    name: str
    value: float | None
    target: str
    status: Status
    note: str = ""
    about: str = ""


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
