r"""The log-likelihood where time is counted by a clock of all customers, with slopes by every week.

A customer who buys at rate :math:`\lambda e^{g(v)}` at time v, and leaves after purchases, is one of the same
model with a constant rate in operational time :math:`\tau(v) = \int^v e^{g}`. So the likelihood is that of
:math:`t_x' = \tau(last) - \tau(first)` and :math:`T' = \tau(until) - \tau(first)`, times
:math:`e^{g}` at each purchase: with :math:`n_w` repeat purchases of all customers in week w,

.. math:: \log L = \sum_i \log L_i(x, t_x', T') + \sum_w n_w g_w .

The end of observation is common, so (t_x, T) say the dates of the first and the last purchase. Where
customers leave in real time the chance to have left is an integral in pieces: `pieces`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from bayes_cx.data import unique_rows
from bayes_cx.data.weekly import weekly_repeats
from bayes_cx.inference.density import in_blocks
from bayes_cx.inference.direct import Coordinates, coordinates, likelihood
from bayes_cx.inference.pieces import InWeeks
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.weekly_data import spanned
from bayes_cx.spans import UNITS
from bayes_cx.weeks import overlaps, points

__all__ = ["Clocked"]


@dataclass(frozen=True)
class Clocked:
    """The likelihood and the prior of the parameters, of vectors (coordinates of the model, g by week).

    Attributes
    ----------
    prepared : Prepared
    point : Coordinates
    """

    prepared: Prepared
    point: Coordinates

    @classmethod
    def of(cls, prepared: Prepared) -> "Clocked | None":
        """Return the likelihood of prepared statistics; None with priors that are not known here."""
        point = coordinates(prepared)
        return None if point is None else cls(prepared, point)

    @property
    def size(self) -> int:
        """Number of coordinates of the model, which come first in a vector."""
        return len(self.point.names)

    @cached_property
    def span(self) -> tuple[int, int]:
        """Numbers of the first and last week."""
        return spanned(self.prepared.table)

    @cached_property
    def purchases(self) -> np.ndarray:
        """Repeat purchases of all customers by week, shape (week,)."""
        first, last = self.span
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
        columns, pattern = unique_rows(table, ("t_x", "T"))
        days = UNITS[attrs["unit"]] / UNITS["day"]
        until = points(attrs["until"], attrs["unit"])
        first = until - columns["T"] * days
        # Of points that differ in the last digits only one is kept.
        every = np.round(np.stack([first, first + columns["t_x"] * days, np.full(first.size, until)]), 6)
        dates, at = np.unique(every, return_inverse=True)
        first, last, end = at.reshape(3, -1)
        n, rows = first.size, np.tile(np.arange(first.size), 2)
        signs = np.repeat([1.0, -1.0], n)
        recency, age = (
            csr_array((signs, (rows, np.concatenate([to, first]))), shape=(n, dates.size))
            for to in (last, end)
        )
        return overlaps(dates, *self.span) / days, recency, age, pattern

    @cached_property
    def _kernels(self) -> tuple[Any, Any]:
        model, free = self.prepared.model, self.point.free
        times = tuple(name for name in model.statistics if name in ("t_x", "T"))
        columns = {name: c for name, c in self.prepared.columns.items() if name not in times}
        columns["pattern"] = self._dates[3]
        value, slopes = (
            likelihood(model, free, with_slopes=each, times=times).bind(columns, self.prepared.weight)
            for each in (False, True)
        )
        return value, slopes

    @cached_property
    def _in_weeks(self) -> list[InWeeks] | None:
        """The likelihood of a model whose customers leave in real time."""
        formulas = self.prepared.model.in_pieces
        return None if formulas is None else InWeeks.of(self.prepared, formulas, self.point.free, self.span)

    def _given(self, vectors: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, dict[str, np.ndarray]]:
        k = self.size
        found, factor = self.point.at(vectors[:, :k]), np.exp(vectors[:, k:])
        letters = dict(zip(self.point.free, found[k : k + len(self.point.free)], strict=True))
        if self._in_weeks is not None:
            return found, factor, letters
        lengths, recency, age, _ = self._dates
        tau = lengths @ factor.T
        return found, factor, {**letters, "t_x": recency @ tau, "T": age @ tau}

    def values(self, vectors: np.ndarray) -> np.ndarray:
        """Return the log-likelihood plus the log prior of the parameters, shape (point,)."""
        return in_blocks(self._values)(vectors)

    def _values(self, vectors: np.ndarray) -> np.ndarray:
        found, factor, given = self._given(vectors)
        if self._in_weeks is None:
            (log_lik,) = self._kernels[0](given, len(vectors))
        else:
            log_lik = np.sum([part.values(given, factor.T) for part in self._in_weeks], axis=0)
        return log_lik + found[self.size + len(self.point.free)] + vectors[:, self.size :] @ self.purchases

    def values_and_slopes(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the same with its slopes, shape (point, element)."""
        k, free, n = self.size, self.point.free, len(vectors)
        found, factor, given = self._given(vectors)
        if self._in_weeks is None:
            log_lik, *slopes = self._kernels[1](given, n)
            lengths, recency, age, _ = self._dates
            by_letter, by_factor = (
                slopes[: len(free)],
                lengths.T @ (recency.T @ slopes[-2] + age.T @ slopes[-1]),
            )
        else:
            parts = [part.slopes(given, factor.T) for part in self._in_weeks]
            log_lik, by_letter, by_factor = (np.sum(each, axis=0) for each in zip(*parts, strict=True))
        by_u = np.array(found[k + len(free) + 1 :]).reshape(len(free) + 1, k, n)
        by_coordinate = np.einsum("fn,fkn->nk", np.array(by_letter), by_u[:-1]) + by_u[-1].T
        by_week = factor * by_factor.T + self.purchases
        height = log_lik + found[k + len(free)] + vectors[:, k:] @ self.purchases
        return height, np.concatenate([by_coordinate, by_week], axis=1)
