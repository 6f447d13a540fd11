r"""Ordered groups, such as cohorts by the month of the first purchase, whose offsets drift.

The offset of a group, in standard deviations, is correlated with that of its neighbour: an autoregression
:math:`z_j = \rho_j z_{j-1} + \sqrt{1 - \rho_j^2}\, e_j` with :math:`\rho_j = \phi^{d_j}`, where d is the
distance to the group before, the shortest one being 1. The correlation :math:`\phi` of neighbours is
learnt: at 0 groups are pooled without regard to their order, towards 1 they move smoothly.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from bayes_cx.errors import InputError

__all__ = ["MEMORY_PRIOR", "following", "log_det", "positions", "precision", "root", "within"]

MEMORY_PRIOR = (2.0, 1.0)
"""Beta prior of the correlation of neighbours: two thirds on average, nothing excluded."""

_YEAR_MONTH, _QUARTER = re.compile(r"(\d{4})-(\d{2})"), re.compile(r"(\d{4})-?Q([1-4])")
_WEEK, _DAY = re.compile(r"(\d{4})-?W(\d{2})"), re.compile(r"(\d{4})-(\d{2})-(\d{2})([T ].*)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def positions(groups: Sequence[str], of: str) -> np.ndarray:
    """Return where ordered groups are, shape (group,).

    Parameters
    ----------
    groups : sequence of str
        Numbers, or periods such as 1997-03, 1997-Q1, 1997-W09 or 1997-03-31; all of one form.
    of : str
        The column, for the error.

    Raises
    ------
    InputError
        If groups are none of these.

    Examples
    --------
    >>> positions(["1997-11", "1998-01"], "cohort").tolist()
    [23974.0, 23976.0]
    >>> positions(["1997-Q4", "1998-Q1"], "cohort").tolist()
    [7991.0, 7992.0]
    """
    for form, place in (
        (_NUMBER, lambda number: float(number[0])),
        (_YEAR_MONTH, lambda month: 12.0 * int(month[1]) + date(1, int(month[2]), 1).month - 1),
        (_QUARTER, lambda quarter: 4.0 * int(quarter[1]) + int(quarter[2]) - 1),
        (_WEEK, lambda week: date.fromisocalendar(int(week[1]), int(week[2]), 1).toordinal() / 7),
        (_DAY, lambda day: float(date(int(day[1]), int(day[2]), int(day[3])).toordinal())),
    ):
        matches = [form.fullmatch(group) for group in groups]
        if all(matches):
            try:
                return np.array([place(match) for match in matches if match])
            except ValueError:  # a 13th month, a 31st of February
                break
    raise InputError(
        f"ordered groups of {of} such as {groups[0]!r}",
        "numbers, or periods such as 1997-03, 1997-Q1, 1997-W09 or 1997-03-31, all of one form",
        "name the groups so, or pool over them without an order",
    )


def following(groups: Sequence[str], of: str) -> str:
    """Return the name of the group that comes next: as far from the last as neighbours are at least.

    Parameters
    ----------
    groups, of
        As in `positions`.

    Examples
    --------
    >>> following(["1997-11", "1997-12"], "cohort"), following(["1997-Q3", "1997-Q4"], "cohort")
    ('1998-01', '1998-Q1')
    >>> following(["2023", "2025", "2026"], "year"), following(["2026-01-05", "2026-01-12"], "cohort")
    ('2027', '2026-01-19')
    """
    at = np.unique(positions(groups, of))
    step = float(np.diff(at).min(initial=np.inf))
    place = float(at[-1]) + (step if np.isfinite(step) else 1.0)
    last = groups[0]
    if _NUMBER.fullmatch(last):
        return f"{place:.15g}"
    whole = round(place)
    if _YEAR_MONTH.fullmatch(last):
        return f"{whole // 12:04d}-{whole % 12 + 1:02d}"
    if match := _QUARTER.fullmatch(last):
        return f"{whole // 4:04d}{'-' if '-' in match[0] else ''}Q{whole % 4 + 1}"
    if match := _WEEK.fullmatch(last):
        year, week, _ = date.fromordinal(round(7 * place)).isocalendar()
        return f"{year:04d}{'-' if '-' in match[0] else ''}W{week:02d}"
    return date.fromordinal(whole).isoformat()


def _correlations(memory: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the correlation with the group before, shape (point, group - 1)."""
    return np.asarray(memory)[:, None] ** np.diff(at)


def precision(memory: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the inverse of the correlations of ordered groups, shape (point, group, group)."""
    rho = _correlations(memory, at)
    own = 1 / ((1 - rho) * (1 + rho))
    n = len(at)
    found = np.zeros((len(rho), n, n))
    every = np.arange(n)
    found[:, every, every] = 1.0
    found[:, every[1:], every[1:]] = own
    found[:, every[:-1], every[:-1]] += rho**2 * own
    found[:, every[1:], every[:-1]] = found[:, every[:-1], every[1:]] = -rho * own
    return found


def log_det(memory: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the log determinant of the correlations of ordered groups, shape (point,)."""
    rho = _correlations(memory, at)
    return (np.log1p(-rho) + np.log1p(rho)).sum(axis=1)


def root(memory: Any, at: np.ndarray) -> Any:
    """Return the lower triangular root of the correlations, shape (group, group), also of a tensor `memory`.

    Its column j is what the innovation of group j leaves to those after it.
    """
    apart = np.subtract.outer(at, at)
    first = np.arange(len(at)) == 0
    steps = np.where(first, 1.0, np.diff(at, prepend=at[0]))
    fresh = np.where(first, 1.0, 0.0) + np.where(first, 0.0, 1.0) * (1 - memory ** (2 * steps)) ** 0.5
    return np.tril(np.ones_like(apart)) * memory ** np.maximum(apart, 0) * fresh


def within(
    memory: np.ndarray, at: np.ndarray, known: np.ndarray, new: float, noise: np.ndarray
) -> np.ndarray:
    """Return the offset, in standard deviations, of one more group, given the others.

    Parameters
    ----------
    memory : numpy.ndarray, shape (point,)
    at : numpy.ndarray, shape (group,)
        Where the others are, in order.
    known : numpy.ndarray, shape (point, group)
        Their offsets.
    new : float
        Where it is; not where one of the others is.
    noise : numpy.ndarray, shape (point,)
        Standard normal draws.

    Returns
    -------
    numpy.ndarray, shape (point,)
    """
    after = int(np.searchsorted(at, new))
    # Of the groups before and after only the nearest say something.
    beside = [j for j in (after - 1, after) if 0 <= j < len(at)]
    rho = [memory ** abs(at[j] - new) for j in beside]
    if len(beside) == 1:
        return rho[0] * known[:, beside[0]] + np.sqrt((1 - rho[0]) * (1 + rho[0])) * noise
    left, right = rho
    both = 1 - (left * right) ** 2
    mean = left * (1 - right**2) / both * known[:, beside[0]]
    mean += right * (1 - left**2) / both * known[:, beside[1]]
    return mean + np.sqrt((1 - left**2) * (1 - right**2) / both) * noise
