"""When contacts with customers had an effect: stretches of time in which their number stays the same.

A customer's contacts are a path: text of the days in order, such as ``"2026-01-05 2026-02-02"``, a column
for each sort of contact. A contact counts from its day on for so many days, or for good. Contacts of one sort
that overlap add. Points in time are those of `bayes_cx.weeks`: days since 1970, at the end of a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from bayes_cx.errors import InputError
from bayes_cx.weeks import cut, last_cut

__all__ = ["Paths", "days_of", "paths_of", "texts_of"]

type Days = Mapping[str, int | None]
"""For how many days a contact of each sort counts; None: for good."""


@dataclass(frozen=True)
class Paths:
    """The stretches of time with contacts, path by path and week by week, in order.

    Attributes
    ----------
    bounds : numpy.ndarray of int, shape (path + 1,)
        Where the stretches of each path begin among all.
    begin, end : numpy.ndarray, shape (stretch,)
        Points in time.
    cell : numpy.ndarray of int, shape (stretch,)
        What stretches have in common: the week and the contacts.
    week : numpy.ndarray of int, shape (cell,)
        Numbers of weeks.
    z : numpy.ndarray, shape (cell, sort)
        How many contacts of each sort count; never none of all.
    """

    bounds: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    cell: np.ndarray
    week: np.ndarray
    z: np.ndarray

    def within(self, path: np.ndarray, begin: np.ndarray, end: np.ndarray) -> csr_array:
        """Return how many days of each cell lie between points in time.

        Parameters
        ----------
        path : numpy.ndarray of int, shape (row,)
        begin, end : numpy.ndarray, shape (row,)

        Returns
        -------
        scipy.sparse.csr_array, shape (row, cell)
        """
        first, sizes = self.bounds[path], np.diff(self.bounds)[path]
        row = np.repeat(np.arange(path.size), sizes)
        # The stretches of a path follow each other.
        stretch = np.arange(row.size) - np.repeat(np.cumsum(sizes) - sizes, sizes) + first[row]
        days = np.minimum(self.end[stretch], end[row]) - np.maximum(self.begin[stretch], begin[row])
        held = days > 0
        return csr_array(
            (days[held], (row[held], self.cell[stretch[held]])), shape=(path.size, self.week.size)
        )

    def at(self, path: np.ndarray, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of those who have contacts that count at points in time, and their cells.

        Parameters
        ----------
        path, day : numpy.ndarray, shape (row,)
            A point lies in what ends with it.
        """
        before = self.last_begun(path, day)
        found = before >= self.bounds[path]
        found[found] = self.end[before[found]] >= day[found]
        return np.flatnonzero(found), self.cell[before[found]]

    def last_begun(self, path: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the last stretch, among all, that begins before points in time.

        Where the path has none it is one of an earlier path, or -1.
        """
        begun, low, far = self._order
        return np.searchsorted(begun, path * far + np.clip(day - low, 0.0, far - 1.0)) - 1

    @cached_property
    def _order(self) -> tuple[np.ndarray, float, float]:
        """One number for path and beginning, in the order of both; and how it is made of them."""
        own = np.repeat(np.arange(self.bounds.size - 1), np.diff(self.bounds))
        low = float(self.begin.min(initial=np.inf)) if self.begin.size else 0.0
        far = 1.0 + (float(self.end.max(initial=-np.inf)) - low if self.end.size else 0.0)
        return own * far + (self.begin - low), low, far


def paths_of(texts: Mapping[str, np.ndarray], days: Days, begin: float, end: float) -> Paths:
    """Return the stretches of paths that lie between two points in time.

    Parameters
    ----------
    texts : mapping of str to numpy.ndarray of text, shape (path,)
        For each sort of contact.
    days : mapping of str to int or None
    begin, end : float

    Examples
    --------
    >>> found = paths_of({"mail": np.array(["1970-01-05 1970-01-06", ""])}, {"mail": 3}, -4.0, 30.0)
    >>> found.begin.tolist(), found.end.tolist(), found.z[found.cell].tolist(), found.bounds.tolist()
    ([3.0, 4.0, 6.0], [4.0, 6.0, 7.0], [[1.0], [2.0], [1.0]], [0, 3, 3])
    """
    n = next(iter(texts.values())).size
    parts: list[tuple[np.ndarray, ...]] = []
    for i, (name, column) in enumerate(texts.items()):
        path, day = days_of(name, column)
        sort = np.full(path.size, i)
        parts.append((path, day - 1.0, sort, np.ones(path.size)))
        if (length := days[name]) is not None:
            parts.append((path, day - 1.0 + length, sort, -np.ones(path.size)))
    path, point, sort, change = (np.concatenate(each) for each in zip(*parts, strict=True))
    # What began before the time that is asked for has its effect from there on.
    point, kept = np.maximum(point, begin), point < end
    path, point, sort, change = (each[kept] for each in (path, point, sort, change))
    changes, place = np.unique(np.stack([path.astype(float), point], axis=1), axis=0, return_inverse=True)
    steps = np.zeros((len(changes), len(texts)))
    np.add.at(steps, (place.reshape(-1), sort), change)
    path, point = changes[:, 0].astype(np.int64), changes[:, 1]
    total = np.cumsum(steps, axis=0)
    bounds = np.searchsorted(path, np.arange(n + 1))
    before = np.concatenate([np.zeros((1, len(texts))), total])[bounds[path]]
    z = total - before
    stop = np.append(point[1:], end)
    last_of_path = np.append(path[1:] != path[:-1], True)[: path.size]
    stop = np.where(last_of_path, end, stop[: path.size])
    held = z.any(axis=1)
    return _by_week(n, path[held], point[held], stop[held], z[held])


def _by_week(n: int, path: np.ndarray, begin: np.ndarray, end: np.ndarray, z: np.ndarray) -> Paths:
    """Return stretches, in order, cut where weeks begin."""
    first, last = last_cut(begin, inclusive=True), last_cut(end)
    sizes = last - first + 1
    of = np.repeat(np.arange(path.size), sizes)
    week = first[of] + np.arange(of.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kinds, cell = np.unique(np.column_stack([week, z[of]]), axis=0, return_inverse=True)
    return Paths(
        bounds=np.searchsorted(path[of], np.arange(n + 1)),
        begin=np.maximum(begin[of], cut(week)),
        end=np.minimum(end[of], cut(week + 1)),
        cell=cell.reshape(-1),
        week=kinds[:, 0].astype(np.int64),
        z=kinds[:, 1:],
    )


def days_of(name: str, texts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the day of each contact, as numbers, in order of rows.

    Raises
    ------
    InputError
        If a text is not one of days.
    """
    if not all(isinstance(text, str) for text in texts):
        raise InputError(
            f"contacts {name} that are missing for some customers",
            "the days of contact of every customer, an empty text where there were none",
            "make the column with bcx.with_contacts",
        )
    listed = [text.split() for text in texts]
    row = np.repeat(np.arange(len(listed)), [len(one) for one in listed])
    try:
        day = np.array([day for one in listed for day in one], "datetime64[D]").astype(np.int64)
    except ValueError as error:
        raise InputError(
            f"contacts {name} that are not days ({error})",
            "text such as '2026-01-05 2026-02-02'",
            "make the column with bcx.with_contacts",
        ) from error
    return row, day


def texts_of(n: int, row: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the text of each of n rows: its days once each, in order; the inverse of `days_of`."""
    pairs = np.unique(np.stack([row, day], axis=1).astype(np.int64), axis=0)
    written = np.datetime_as_string(pairs[:, 1].astype("datetime64[D]")).tolist()
    bounds: Sequence[int] = np.searchsorted(pairs[:, 0], np.arange(n + 1)).tolist()
    texts = np.empty(n, object)
    for i in range(n):
        texts[i] = " ".join(written[bounds[i] : bounds[i + 1]])
    return texts
