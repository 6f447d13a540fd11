r"""The log-likelihood where time is counted by a clock of all customers, with slopes by every week.

A customer who buys at rate :math:`\lambda e^{g(v)}` at time v, and leaves after purchases, is one of the same
model with a constant rate in operational time :math:`\tau(v) = \int^v e^{g}`. So the likelihood is that of
:math:`t_x' = \tau(last) - \tau(first)` and :math:`T' = \tau(until) - \tau(first)`, times
:math:`e^{g}` at each purchase: with :math:`n_w` repeat purchases of all customers in week w,

.. math:: \log L = \sum_i \log L_i(x, t_x', T') + \sum_w n_w g_w .

The end of observation is common, so (t_x, T) say the dates of the first and the last purchase. Where
customers leave in real time the chance to have left is an integral in pieces: `pieces`. With a design the
parameters differ between patterns of customers, too; and contacts give customers clocks of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from bayes_cx.data import unique_rows
from bayes_cx.data.contact_paths import paths_of
from bayes_cx.data.weekly import weekly_repeats
from bayes_cx.inference import contacted
from bayes_cx.inference.contacted import Contacted
from bayes_cx.inference.density import in_blocks
from bayes_cx.inference.direct import Coordinates, coordinates, likelihood
from bayes_cx.inference.pieces import InWeeks
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.shifts import Shifts, shifts_of
from bayes_cx.inference.weekly_data import spanned
from bayes_cx.spans import UNITS
from bayes_cx.weeks import overlaps, points

__all__ = ["Clocked"]


@dataclass(frozen=True)
class Clocked:
    """The likelihood and the prior of the parameters, of vectors (coordinates, slopes, g by week, offsets).

    Slopes of covariates and offsets of groups are those of a design, on the scale of the coordinates. Effects
    of contacts come after the other slopes.

    Attributes
    ----------
    prepared : Prepared
    point : Coordinates
    shifts : Shifts, optional
        Of a design.
    """

    prepared: Prepared
    point: Coordinates
    shifts: Shifts | None = None

    @classmethod
    def of(cls, prepared: Prepared) -> "Clocked | None":
        """Return the likelihood of prepared statistics; None with priors that are not known here."""
        point = coordinates(prepared)
        return None if point is None else cls(prepared, point, shifts_of(prepared, point.names))

    @property
    def size(self) -> int:
        """Number of coordinates of the model and of slopes, which come first in a vector."""
        return self.apart + len(self.prepared.layout.contacts)

    @property
    def apart(self) -> int:
        """Number of coordinates and of slopes of covariates, after which effects of contacts come."""
        return len(self.point.names) + (len(self.shifts.slopes) if self.shifts else 0)

    @property
    def weeks(self) -> int:
        """Number of weeks."""
        return self.span[1] - self.span[0] + 1

    @cached_property
    def span(self) -> tuple[int, int]:
        """Numbers of the first and last week."""
        return spanned(self.prepared.table)

    @cached_property
    def purchases(self) -> np.ndarray:
        """Repeat purchases of all customers by week, shape (week,); those of constant rates say nothing."""
        first, last = self.span
        if not self.prepared.layout.design.calendar:
            return np.zeros(last - first + 1)
        begin, counts = weekly_repeats(self.prepared.table)
        found = np.zeros(last - first + 1)
        found[begin - first : begin - first + counts.size] = counts
        return found

    @cached_property
    def _dates(self) -> tuple[np.ndarray, csr_array, csr_array, np.ndarray]:
        """What leads from g to times.

        Returns
        -------
        lengths : numpy.ndarray, shape (date, week)
            Time in each week until each date.
        recency, age : scipy.sparse.csr_array, shape (pattern, date)
            Differences of dates that are t_x and T.
        pattern : numpy.ndarray of int, shape (row,)
        """
        table, attrs = self.prepared.table, self.prepared.table.attrs
        columns, pattern = unique_rows(table, ("t_x", "T", *self.prepared.layout.contacts))
        days = UNITS[attrs["unit"]] / UNITS["day"]
        every = self._points(columns)
        dates, at = np.unique(every, return_inverse=True)
        first, last, end = at.reshape(3, -1)
        n, rows = first.size, np.tile(np.arange(first.size), 2)
        signs = np.repeat([1.0, -1.0], n)
        recency, age = (
            csr_array((signs, (rows, np.concatenate([to, first]))), shape=(n, dates.size))
            for to in (last, end)
        )
        return overlaps(dates, *self.span) / days, recency, age, pattern

    def _points(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the points in time of the first and the last purchase and of the end, shape (3, pattern)."""
        attrs = self.prepared.table.attrs
        days = UNITS[attrs["unit"]] / UNITS["day"]
        until = points(attrs["until"], attrs["unit"])
        first = until - columns["T"] * days
        # Of points that differ in the last digits only one is kept.
        return np.round(np.stack([first, first + columns["t_x"] * days, np.full(first.size, until)]), 6)

    @cached_property
    def _contacted(self) -> Contacted | None:
        """What contacts add to the times of each pattern of dates."""
        sorts = self.prepared.layout.contacts
        if not sorts:
            return None
        table = self.prepared.table
        columns, _ = unique_rows(table, ("t_x", "T", *sorts))
        first, last, end = self._points(columns)
        days = UNITS[table.attrs["unit"]] / UNITS["day"]
        paths = paths_of(
            {name: columns[name] for name in sorts},
            {name: lasts for name, (lasts, _) in sorts.items()},
            float(first.min()),
            float(end.max()),
        )
        total = np.array([n for _, n in sorts.values()], float)
        return Contacted.of(paths, self.span[0], (first, last, end), days, total)

    @cached_property
    def _cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What differs between rows and points at once.

        Returns
        -------
        times, design : numpy.ndarray of int, shape (cell,)
            The pattern of dates of each cell, and the pattern of the design.
        cell : numpy.ndarray of int, shape (row,)
        """
        times = self._dates[3]
        design = np.zeros_like(times) if self.shifts is None else self.shifts.pattern
        different, cell = np.unique(times * (design.max() + 1) + design, return_inverse=True)
        return *np.divmod(different, design.max() + 1), cell

    @cached_property
    def _kernels(self) -> tuple[Any, Any]:
        model, free = self.prepared.model, self.point.free
        times = tuple(name for name in model.statistics if name in ("t_x", "T"))
        columns = {name: c for name, c in self.prepared.columns.items() if name not in times}
        columns["pattern"] = self._cells[2]
        by_pattern = self.shifts is not None
        value, slopes = (
            likelihood(model, free, with_slopes=each, by_pattern=by_pattern, times=times).bind(
                columns, self.prepared.weight
            )
            for each in (False, True)
        )
        return value, slopes

    @cached_property
    def _in_weeks(self) -> list[InWeeks] | None:
        """The likelihood of a model whose customers leave in real time."""
        formulas = self.prepared.model.in_pieces
        return None if formulas is None else InWeeks.of(self.prepared, formulas, self.point.free, self.span)

    def _parts(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the coordinates, g, and what is of a design: slopes and offsets."""
        k, s, m, end = len(self.point.names), self.apart, self.size, self.size + self.weeks
        return vectors[:, :k], vectors[:, m:end], np.concatenate([vectors[:, k:s], vectors[:, end:]], axis=1)

    def effects(self, vectors: np.ndarray) -> np.ndarray:
        """Return the effects of contacts, shape (point, sort)."""
        return vectors[:, self.apart : self.size]

    def _given(self, vectors: np.ndarray) -> tuple[np.ndarray, list[np.ndarray], dict[str, np.ndarray]]:
        """Return the factor, the values at each pattern of the design, and what the kernels read."""
        base, g, elements = self._parts(vectors)
        k, free, n, factor = base.shape[1], self.point.free, len(vectors), np.exp(g)
        if self._in_weeks is not None:  # where all customers are alike
            found = self.point.at(base)
            return factor, found, dict(zip(free, found[k : k + len(free)], strict=True))
        lengths, recency, age, _ = self._dates
        tau = lengths @ factor.T
        times = {"t_x": recency @ tau, "T": age @ tau}
        if self._contacted is not None:
            more = self._contacted.added(self.effects(vectors), factor)
            times = {name: time + more[name] for name, time in times.items()}
        if self.shifts is None:
            found = self.point.at(base)
            return factor, found, {**dict(zip(free, found[k : k + len(free)], strict=True)), **times}
        shifted = base.T[:, None] + self.shifts.added(elements)
        found = [each.reshape(-1, n) for each in self.point.at(shifted.reshape(k, -1).T)]
        of_times, of_design, _ = self._cells
        letters = {name: found[k + i][of_design] for i, name in enumerate(free)}
        return factor, found, letters | {name: each[of_times] for name, each in times.items()}

    def log_prior(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log prior of coordinates and slopes, shape (point,), and its slopes by them."""
        k, free = len(self.point.names), len(self.point.free)
        found = self.point.at(vectors[:, :k])[k + free :]
        height, slope = found[0], np.stack(found[-k:], axis=1)
        if self.shifts is not None:
            more, by_slope = self.shifts.log_prior(vectors[:, k : self.apart])
            height, slope = height + more, np.concatenate([slope, by_slope], axis=1)
        effects = self.effects(vectors)
        return height + contacted.log_prior(effects), np.concatenate([slope, -effects], axis=1)

    def values(self, vectors: np.ndarray) -> np.ndarray:
        """Return the log-likelihood plus the log prior of the parameters, shape (point,)."""
        return in_blocks(self._values)(vectors)

    def _values(self, vectors: np.ndarray) -> np.ndarray:
        factor, _, given = self._given(vectors)
        if self._in_weeks is None:
            (log_lik,) = self._kernels[0](given, len(vectors))
        else:
            log_lik = np.sum([part.values(given, factor.T) for part in self._in_weeks], axis=0)
        return log_lik + self.log_prior(vectors)[0] + self._at_purchases(vectors)

    def _at_purchases(self, vectors: np.ndarray) -> np.ndarray:
        """Return the log of the factors at all purchases, shape (point,)."""
        found = self._parts(vectors)[1] @ self.purchases
        if self._contacted is None:
            return found
        return found + self.effects(vectors) @ self._contacted.total

    def values_and_slopes(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the same with its slopes, shape (point, element)."""
        k, free, n = len(self.point.names), self.point.free, len(vectors)
        factor, found, given = self._given(vectors)
        by_effect = np.zeros((n, 0))
        if self._in_weeks is None:
            log_lik, *slopes = self._kernels[1](given, n)
            by_letter, by_times, by_factor = self._gathered(slopes[: len(free)], slopes[-2:])
            if self._contacted is not None:
                by_effect, more = self._contacted.back(by_times, self.effects(vectors), factor)
                by_factor = by_factor + more
        else:
            parts = [part.slopes(given, factor.T) for part in self._in_weeks]
            log_lik, by_letter, by_factor = (np.sum(each, axis=0) for each in zip(*parts, strict=True))
        # By pattern of the design, of which there is one without it.
        by_u = np.array(found[k + len(free) + 1 :]).reshape(len(free) + 1, k, -1, n)[:-1]
        by_shifted = np.einsum("fpn,fkpn->kpn", np.array(by_letter).reshape(len(free), -1, n), by_u)
        log_prior, by_prior = self.log_prior(vectors)
        by_week = factor * by_factor.T + self.purchases
        height = log_lik + log_prior + self._at_purchases(vectors)
        by_base = by_shifted.sum(axis=1).T
        if self.shifts is None:
            by_fixed = np.concatenate([by_base, by_effect], axis=1) + by_prior
            return height, np.concatenate([by_fixed, by_week], axis=1)
        by_element = self.shifts.back(by_shifted)
        slope, offset = np.split(by_element, [self.apart - k], axis=1)
        by_fixed = np.concatenate([by_base, slope, by_effect], axis=1) + by_prior
        return height, np.concatenate([by_fixed, by_week, offset], axis=1)

    def _gathered(
        self, by_letter: list[np.ndarray], by_times: list[np.ndarray]
    ) -> tuple[list[np.ndarray], tuple[np.ndarray, np.ndarray], np.ndarray]:
        """Return slopes by the letters of each pattern of the design, by its times, and by the factor."""
        if self.shifts is not None:
            of_times, of_design = self._cells[:2]
            by_times = [_same_place(of_times) @ each for each in by_times]
            by_letter = [_same_place(of_design) @ each for each in by_letter]
        lengths, recency, age, _ = self._dates
        by_dates = recency.T @ by_times[0] + age.T @ by_times[1]
        return by_letter, (by_times[0], by_times[1]), lengths.T @ by_dates


def _same_place(place: np.ndarray) -> csr_array:
    """Return the matrix that adds up what has the same place, shape (place, element)."""
    return csr_array((np.ones(place.size), (place, np.arange(place.size))))
