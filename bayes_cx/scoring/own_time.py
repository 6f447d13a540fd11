"""What contacts add to the operational time of single customers, in each draw."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import contacts_of, unique_rows
from bayes_cx.data.contact_paths import Paths, paths_of
from bayes_cx.errors import InputError
from bayes_cx.inference.layout import Layout

__all__ = ["OwnTime", "own_time", "with_paths"]


@dataclass(frozen=True)
class OwnTime:
    r"""The integral :math:`\int e^g (e^{\beta' z} - 1)` over the time with contacts of each path.

    Attributes
    ----------
    paths : Paths
    future : numpy.ndarray of int, shape (path,)
        The same number for paths that are alike after the end of observation.
    effects : numpy.ndarray, shape (sample, sort)
    gain : numpy.ndarray, shape (cell, sample)
        What a day of each cell adds, in units of time.
    followed : int, optional
        The path whose future is that of all customers.
    """

    paths: Paths
    future: np.ndarray
    effects: np.ndarray
    gain: np.ndarray
    followed: int | None = None

    def draws(self, some: np.ndarray) -> "OwnTime":
        """Return the same for some draws."""
        return replace(self, effects=self.effects[some], gain=self.gain[:, some])

    def between(self, path: np.ndarray, begin: Any, end: Any) -> np.ndarray:
        """Return what contacts add between points in time, shape (sample, row)."""
        begin, end = (np.broadcast_to(np.asarray(each, float), path.shape) for each in (begin, end))
        return (self.paths.within(path, begin, end) @ self.gain).T

    def ahead(self, path: np.ndarray, until: float, end: Any) -> np.ndarray:
        """Return what contacts add from the end of observation on, shape (sample, row).

        What is the same for several rows is computed once.
        """
        end = np.broadcast_to(np.asarray(end, float), path.shape)
        table = xr.Dataset({"future": ("row", self.future[path]), "end": ("row", end)})
        different, inverse = unique_rows(table, ("future", "end"))
        _, like = np.unique(self.future, return_index=True)
        found = self.between(like[different["future"]], until, different["end"])
        return found[:, inverse]

    def edges(self, until: float) -> np.ndarray:
        """Return the points after the end of observation at which the path that is followed changes."""
        if self.followed is None:
            return np.zeros(0)
        own = slice(*self.paths.bounds[[self.followed, self.followed + 1]])
        found = np.unique(np.concatenate([self.paths.begin[own], self.paths.end[own]]))
        return found[found > until]

    def log_factor(self, path: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the log of the factor of contacts at points in time, shape (sample, row)."""
        found = np.zeros((len(self.effects), path.size))
        rows, cells = self.paths.at(path, day)
        found[:, rows] = self.effects @ self.paths.z[cells].T
        return found

    def since_start(self, path: np.ndarray, point: np.ndarray) -> np.ndarray:
        """Return what contacts add up to points in time, of the first draw, shape (event,)."""
        before, rate, total = self._sums
        stretch = self.paths.last_begun(path, point)
        own = stretch >= self.paths.bounds[path]
        stretch, path, point = stretch[own], path[own], point[own]
        found = np.zeros(own.size)
        in_it = np.minimum(point, self.paths.end[stretch]) - self.paths.begin[stretch]
        found[own] = before[stretch] - total[self.paths.bounds[path]] + rate[stretch] * in_it
        return found

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What stretches before each add, what a day of each adds, and what all before each place add."""
        rate = self.gain[self.paths.cell, 0]
        total = np.concatenate([[0.0], np.cumsum(rate * (self.paths.end - self.paths.begin))])
        return total[:-1], rate, total


def own_time(
    layout: Layout,
    stats: xr.Dataset,
    effects: np.ndarray,
    factor: np.ndarray,
    first: int,
    span: tuple[float, float, float],
    days: float,
) -> OwnTime:
    """Return what contacts add to the time of the paths of statistics.

    Parameters
    ----------
    layout : Layout
    stats : xarray.Dataset
        By customer.
    effects : numpy.ndarray, shape (sample, sort)
    factor : numpy.ndarray, shape (sample, week)
        Of all customers.
    first : int
        Number of the first week.
    span : tuple of float
        Points in time: the first of all, the end of observation, and how far ahead.
    days : float
        In a unit of time.

    Raises
    ------
    InputError
        If the statistics have no such contacts, or contacts that count for another time than in the fit.
    """
    texts, _ = _paths(layout, stats)
    lasts = {name: each for name, (each, _) in layout.contacts.items()}
    begin, until, end = span
    paths = paths_of(texts, lasts, begin, max(end, until))
    week = np.clip(paths.week - first, 0, factor.shape[1] - 1)
    gain = np.expm1(paths.z @ effects.T) * factor.T[week] / days
    return OwnTime(paths, _futures(paths, until), effects, gain)


def with_paths(layout: Layout, stats: xr.Dataset) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Return statistics with the number of each customer's path, and the column's name, if there are any.

    Raises
    ------
    InputError
        As `own_time` does.
    """
    if not layout.contacts:
        return stats, ()
    _, path = _paths(layout, stats)
    (dim,) = stats[next(iter(layout.contacts))].dims
    return stats.assign(path=(dim, path)), ("path",)


def _paths(layout: Layout, stats: xr.Dataset) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the different paths of statistics, and the number of each customer's."""
    known = contacts_of(stats)
    for name, (days, _) in layout.contacts.items():
        if name not in stats:
            raise InputError(
                f"statistics without contacts {name}",
                f"the contacts of the fit: {', '.join(layout.contacts)}",
                "add them with bcx.with_contacts",
            )
        if known.get(name, days) != days:
            came, expected = (
                "for good" if each is None else f"for {each} days" for each in (known[name], days)
            )
            raise InputError(
                f"contacts {name} that count {came}, for a fit in which they count {expected}",
                "the same as in the fit",
                "pass the same lasts= to bcx.with_contacts",
            )
    return unique_rows(stats, [*layout.contacts])


def _futures(paths: Paths, until: float) -> np.ndarray:
    """Return a number for each path, the same for those that are alike after a point in time."""
    coming = paths.end > until
    kinds = np.column_stack([np.maximum(paths.begin, until), paths.end, paths.cell])[coming]
    _, kind = np.unique(kinds, axis=0, return_inverse=True)
    of = np.repeat(np.arange(paths.bounds.size - 1), np.diff(paths.bounds))[coming]
    bounds = np.searchsorted(of, np.arange(paths.bounds.size))
    kind = kind.reshape(-1)
    known: dict[bytes, int] = {}
    return np.array([known.setdefault(kind[a:b].tobytes(), len(known)) for a, b in pairwise(bounds)], int)
