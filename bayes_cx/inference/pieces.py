r"""The odds of having left where customers buy in operational time and leave in real time, with slopes.

The odds are an integral over the silence of a customer, from the last purchase to the end of observation. It
is cut where the pace of operational time changes, at the ends of weeks. Histories with the same x and T share
the pieces of whole weeks, and each has a piece of its own before them: the odds of having left from some week
on are sums from the end backwards, and their slopes go the same way forwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from bayes_cx.compiling import kept
from bayes_cx.inference.prepare import Prepared
from bayes_cx.kernels import WIDTH, Kernel, make
from bayes_cx.model import Formula, InPieces, arguments
from bayes_cx.spans import UNITS
from bayes_cx.weeks import DAYS, cut, last_cut, overlaps, points

__all__ = ["InWeeks", "Silences", "in_parts"]

# Pieces whose values are held at once, and pieces x points.
_PIECES, _CELLS = 200_000, 4_000_000


@dataclass(frozen=True)
class Silences:
    """The silences of some histories, in pieces: first the own pieces, then those of weeks, the last first.

    Attributes
    ----------
    dates : numpy.ndarray, shape (date,)
        Points in time whose operational time is needed.
    columns : dict of str to numpy.ndarray, shape (piece,)
        The number of purchases, the time from the first purchase to the beginning of the piece, its length,
        the time from its beginning to the end of observation, and the ``pattern`` of its dates.
    times : dict of str to scipy.sparse.csr_array, shape (pattern, date)
        What leads from operational time at dates to that passed until a piece begins, the pace in it, and
        what passes from its beginning on.
    silent : numpy.ndarray of int, shape (silence,)
        The rows that have one; the own pieces are in this order.
    chain : numpy.ndarray of int, shape (silence,)
        Which of the distinct (x, T).
    weeks : list of (slice, int, numpy.ndarray of int)
        Of each week, from the last to the first: its pieces, which are those of the first chains, how many,
        and the silences whose own piece ends where the week begins.
    """

    dates: np.ndarray
    columns: dict[str, np.ndarray]
    times: dict[str, csr_array]
    silent: np.ndarray
    chain: np.ndarray
    weeks: list[tuple[slice, int, np.ndarray]]

    @classmethod
    def of(cls, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, until: float, days: float) -> "Silences":
        """Return those of histories, shape (row,).

        Parameters
        ----------
        x, t_x, T : numpy.ndarray
        until : float
            The end of observation, a point in time.
        days : float
            In a unit of time.
        """
        # Of points that differ in the last digits only one is kept.
        first = np.round(until - T * days, 6)
        last = np.minimum(np.round(until - T * days + t_x * days, 6), until)
        silent = np.flatnonzero(last < until)
        x, first, last = (np.asarray(each, float)[silent] for each in (x, first, last))
        final, following = last_cut(until), last_cut(last, inclusive=True) + 1
        goes_on = following <= final
        chains, chain = np.unique(np.stack([x, first]), axis=1, return_inverse=True)
        begins = np.full(chains.shape[1], final + 1)
        np.minimum.at(begins, chain[goes_on], following[goes_on])
        order = np.argsort(begins, kind="stable")
        (chain_x, chain_first), begins = chains[:, order], begins[order]
        chain = np.argsort(order)[chain]
        own_end = np.where(goes_on, cut(following), until)
        parts, weeks, at = [(x, first, last, own_end)], [], silent.size
        for week in range(final, int(begins.min(initial=final + 1)) - 1, -1):
            n = int(np.searchsorted(begins, week, "right"))
            begin, end = np.full(n, float(cut(week))), np.full(n, min(float(cut(week + 1)), until))
            parts.append((chain_x[:n], chain_first[:n], begin, end))
            weeks.append((slice(at, at + n), n, np.flatnonzero(goes_on & (following == week))))
            at += n
        x, first, begin, end = map(np.concatenate, zip(*parts, strict=True))
        patterns, pattern = np.unique(np.stack([first, begin, end]), axis=1, return_inverse=True)
        dates, where = np.unique(np.concatenate([patterns.ravel(), [until]]), return_inverse=True)
        to_first, to_begin, to_end = where[:-1].reshape(3, -1)
        to_until = np.full(to_first.size, where[-1])
        pace = days / (patterns[2] - patterns[1])
        times = {
            "passed": _differences(to_begin, to_first, dates.size),
            "pace": _differences(to_end, to_begin, dates.size, pace),
            "passes": _differences(to_until, to_begin, dates.size),
        }
        columns = {
            "x": x,
            "begin": (begin - first) / days,
            "width": (end - begin) / days,
            "rest": (until - begin) / days,
            "pattern": pattern,
        }
        return cls(dates, columns, times, silent, chain, weeks)

    @cached_property
    def by_pattern(self) -> csr_array:
        """What sums over the pieces of each pattern, shape (pattern, piece)."""
        pattern = self.columns["pattern"]
        shape = (int(pattern.max(initial=-1)) + 1, pattern.size)
        return csr_array((np.ones(pattern.size), (pattern, np.arange(pattern.size))), shape=shape)

    def summed(self, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log odds from those of the pieces.

        Parameters
        ----------
        logs : numpy.ndarray, shape (piece, point)

        Returns
        -------
        odds : numpy.ndarray, shape (silence, point)
            Of each silence.
        since : numpy.ndarray, shape (piece, point)
            From the beginning of each week on; the own pieces as they came.
        """
        since = logs.copy()
        odds = logs[: self.silent.size].copy()
        after = None
        for some, n, ending in self.weeks:
            # Letters beyond floating point give no number, which whoever asked finds.
            with np.errstate(invalid="ignore"):
                if after is not None:
                    np.logaddexp(since[some], after[:n], out=since[some])
                after = since[some]
                odds[ending] = np.logaddexp(odds[ending], after[self.chain[ending]])
        return odds, since

    def shares(self, slope: np.ndarray, logs: np.ndarray, odds: np.ndarray, since: np.ndarray) -> np.ndarray:
        """Return slopes by the log odds of the pieces, shape (piece, point), from those by `summed`.

        Parameters
        ----------
        slope : numpy.ndarray, shape (silence, point)
        logs, odds, since : numpy.ndarray
            What came to `summed`, and from it.
        """
        found = np.empty_like(logs)
        n_own = self.silent.size
        found[:n_own] = slope * np.exp(logs[:n_own] - odds)
        by_before, before = np.zeros((0, logs.shape[1])), np.zeros((0, logs.shape[1]))
        for some, n, ending in reversed(self.weeks):
            own, known = since[some], len(before)
            by_since = np.zeros((n, logs.shape[1]))
            by_since[:known] = by_before * np.exp(own[:known] - before)
            chain = self.chain[ending]
            np.add.at(by_since, chain, slope[ending] * np.exp(own[chain] - odds[ending]))
            found[some] = by_since * np.exp(logs[some] - own)
            by_before, before = by_since, own
        return found


@dataclass(frozen=True)
class InWeeks:
    """The log-likelihood of some customers, given the factor of every week.

    Attributes
    ----------
    formulas : InPieces
    free : tuple of str
        The parameters, by letter.
    rows : dict of str to numpy.ndarray, shape (row,)
        ``x``, ``T`` and the ``pattern`` of T.
    weight : numpy.ndarray, shape (row,)
    silences : Silences
    age, lengths : numpy.ndarray
        Time in each week from the first purchase to the end of observation, by pattern of T, shape
        (pattern, week), and until the dates of the silences, shape (date, week).
    """

    formulas: InPieces
    free: tuple[str, ...]
    rows: dict[str, np.ndarray]
    weight: np.ndarray
    silences: Silences
    age: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(
        cls, prepared: Prepared, formulas: InPieces, free: tuple[str, ...], span: tuple[int, int]
    ) -> "list[InWeeks]":
        """Return those of parts of the customers, whose values add.

        Parameters
        ----------
        prepared : Prepared
        formulas : InPieces
        free : tuple of str
        span : tuple of int
            Numbers of the first and last week.
        """
        attrs, columns = prepared.table.attrs, prepared.columns
        days = UNITS[attrs["unit"]] / UNITS["day"]
        until = points(attrs["until"], attrs["unit"])
        x, t_x, T = (columns[name] for name in ("x", "t_x", "T"))
        longest = float(((T - t_x) * days).max(initial=0.0)) / DAYS + 1
        found = []
        for some in in_parts(x, T, longest):
            silences = Silences.of(x[some], t_x[some], T[some], until, days)
            ages, pattern = np.unique(T[some], return_inverse=True)
            to_end = overlaps(np.array([until]), *span) - overlaps(np.round(until - ages * days, 6), *span)
            lengths = overlaps(silences.dates, *span) / days
            rows = {"x": x[some], "T": T[some], "pattern": pattern}
            found.append(cls(formulas, free, rows, prepared.weight[some], silences, to_end / days, lengths))
        return found

    @cached_property
    def _active(self) -> tuple[Any, Any]:
        value, slopes = (
            _kernel(self.formulas.log_active, ("x", "T"), ("tau",), self.free, slopes=each, summed=True).bind(
                self.rows, self.weight
            )
            for each in (False, True)
        )
        return value, slopes

    @cached_property
    def _gone(self) -> tuple[Any, Any]:
        columns = ("x", "begin", "width", "rest")
        value, slopes = (
            _kernel(self.formulas.log_gone, columns, tuple(self.silences.times), self.free, slopes=each).bind(
                self.silences.columns
            )
            for each in (False, True)
        )
        return value, slopes

    def values(self, letters: Mapping[str, np.ndarray], factor: np.ndarray) -> np.ndarray:
        """Return the log-likelihood without the factor at each purchase, shape (point,).

        Parameters
        ----------
        letters : mapping of str to numpy.ndarray, shape (point,)
        factor : numpy.ndarray, shape (week, point)
        """
        return np.concatenate([self._values(*each) for each in self._blocks(letters, factor)])

    def slopes(
        self, letters: Mapping[str, np.ndarray], factor: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the same and its slopes, by letters (letter, point) and by the factor (week, point)."""
        parts = [self._slopes(*each) for each in self._blocks(letters, factor)]
        values, by_letter, by_factor = zip(*parts, strict=True)
        return np.concatenate(values), np.concatenate(by_letter, axis=1), np.concatenate(by_factor, axis=1)

    def _blocks(
        self, letters: Mapping[str, np.ndarray], factor: np.ndarray
    ) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
        n = factor.shape[1]
        together = max(WIDTH, _CELLS // max(self.silences.columns["x"].size, 1) // WIDTH * WIDTH)
        for start in range(0, n, together):
            some = slice(start, start + together)
            yield {name: values[some] for name, values in letters.items()}, factor[:, some]

    def _times(self, factor: np.ndarray) -> dict[str, np.ndarray]:
        tau = self.lengths @ factor
        return {name: matrix @ tau for name, matrix in self.silences.times.items()}

    def _values(self, letters: Mapping[str, np.ndarray], factor: np.ndarray) -> np.ndarray:
        n = factor.shape[1]
        (total,) = self._active[0]({**letters, "tau": self.age @ factor}, n)
        if self.silences.silent.size:
            (logs,) = self._gone[0]({**letters, **self._times(factor)}, n)
            odds, _ = self.silences.summed(logs)
            total = total + self.weight[self.silences.silent] @ _softplus(odds)
        return total

    def _slopes(
        self, letters: Mapping[str, np.ndarray], factor: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n, silences = factor.shape[1], self.silences
        total, *by = self._active[1]({**letters, "tau": self.age @ factor}, n)
        by_letter, by_factor = np.array(by[:-1]), self.age.T @ by[-1]
        if silences.silent.size:
            logs, *by = self._gone[1]({**letters, **self._times(factor)}, n)
            odds, since = silences.summed(logs)
            weight = self.weight[silences.silent]
            total = total + weight @ _softplus(odds)
            share = silences.shares(weight[:, None] * expit(odds), logs, odds, since)
            by_letter = by_letter + np.array([(share * each).sum(axis=0) for each in by[: len(self.free)]])
            by_date = np.zeros((silences.dates.size, n))
            for matrix, each in zip(silences.times.values(), by[len(self.free) :], strict=True):
                by_date += matrix.T @ (silences.by_pattern @ (share * each))
            by_factor = by_factor + self.lengths.T @ by_date
        return total, by_letter, by_factor


def _softplus(odds: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.logaddexp(0.0, odds)


def _kernel(
    formula: Formula,
    columns: tuple[str, ...],
    cells: tuple[str, ...],
    free: tuple[str, ...],
    *,
    slopes: bool,
    summed: bool = False,
) -> Kernel:
    """Return the kernel of a formula, with slopes by the letters and the times of the clock if asked."""
    by = (*free, *cells) if slopes else ()

    def compile_() -> Kernel:
        return make(
            formula, arguments(formula), columns=columns, drawn=free, cells=cells, slopes=by, summed=summed
        )

    return kept(("in weeks", formula, columns, cells, free, slopes, summed), compile_)


def _differences(to: np.ndarray, since: np.ndarray, size: int, factor: Any = 1.0) -> csr_array:
    """Return the matrix, shape (pattern, date), of differences of what is known at dates."""
    n = to.size
    values = np.concatenate([np.broadcast_to(factor, n), -np.broadcast_to(factor, n)])
    return csr_array((values, (np.tile(np.arange(n), 2), np.concatenate([to, since]))), shape=(n, size))


def in_parts(x: np.ndarray, T: np.ndarray, weeks: float) -> Iterator[np.ndarray]:
    """Yield positions of histories, those with the same x and T together, with few enough pieces for memory.

    Parameters
    ----------
    x, T : numpy.ndarray, shape (row,)
    weeks : float
        The longest silence.
    """
    order = np.lexsort((x, T))
    new = (np.diff(x[order], prepend=np.nan) != 0) | (np.diff(T[order], prepend=np.nan) != 0)
    pieces = np.cumsum(1 + new * weeks)
    yield from np.split(order, np.searchsorted(pieces, np.arange(_PIECES, pieces[-1], _PIECES)))
