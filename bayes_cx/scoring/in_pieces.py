"""Scores of models whose customers buy in the time of a clock that all share, and leave in real time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import expit

from bayes_cx.data import unique_rows
from bayes_cx.inference.pieces import Silences, in_parts
from bayes_cx.model import Formula, InPieces, Model, Total, arguments
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.scoring.operational import CalendarClock
from bayes_cx.weeks import DAYS

__all__ = ["log_likelihood_in_pieces", "value_in_pieces"]

# Pieces x draws held at once.
_CELLS = 4_000_000
# Quantities that ask for no chance to be active.
_ALONE = ("_new", "_if_won_back")

type _Values = Mapping[str, np.ndarray]


def value_in_pieces(
    model: Model, name: str, clock: CalendarClock, rows: _Values, samples: _Values
) -> np.ndarray:
    """Return the values of a quantity, shape (sample, row).

    Parameters
    ----------
    model : Model
        With formulas in pieces.
    name : str
        Of the quantity.
    clock : CalendarClock
        Of the same draws as the samples.
    rows, samples : mapping of str to numpy.ndarray
        As of `evaluate`, in calendar time.
    """
    formulas, E = model.in_pieces, model.kind.events
    assert formulas is not None
    if name in formulas.totals and (model.quantities[name].if_active or name.endswith(_ALONE)):
        return _total(formulas.totals[name], clock, rows, samples)
    alive = expit(-_log_odds_gone(formulas, clock, rows, samples))
    if name == "p_alive":
        return alive
    if name == f"expected_{E}_between":
        mean = formulas.totals[f"expected_{E}_if_active"]
        later, sooner = (_total(mean, clock, *_renamed(rows, samples, end)) for end in ("t2", "t1"))
        return alive * (later - sooner)
    found = alive * _total(
        formulas.totals[name if name in formulas.totals else f"{name}_if_active"], clock, rows, samples
    )
    if name == f"p_{E}":  # one who has left buys nothing
        found = found + (1.0 - alive) * (np.asarray({**samples, **rows}["count"]) == 0)
    return found


def log_likelihood_in_pieces(
    model: Model, clock: CalendarClock, rows: _Values, samples: _Values
) -> np.ndarray:
    """Return the log-likelihood without the factor at each purchase, shape (sample, row)."""
    formulas = model.in_pieces
    assert formulas is not None
    active = _Ready.of(formulas.log_active, clock, rows, samples).each()
    return active + np.logaddexp(0.0, _log_odds_gone(formulas, clock, rows, samples))


def _log_odds_gone(formulas: InPieces, clock: CalendarClock, rows: _Values, samples: _Values) -> np.ndarray:
    """Return the log odds of having left, shape (sample, row), -inf without silence."""
    n = len(clock.factor)
    found = np.full((rows["x"].size, n), -np.inf)
    letters = {name: samples[name] for name in arguments(formulas.log_gone) if name in samples}
    longest = float(np.max((rows["T"] - rows["t_x"]) * clock.days, initial=0.0)) / DAYS + 1
    for part in in_parts(rows["x"], rows["T"], longest):
        x, t_x, T = (rows[name][part] for name in ("x", "t_x", "T"))
        silences = Silences.of(x, t_x, T, clock.until, clock.days)
        if not silences.silent.size:
            continue
        together = max(1, _CELLS // silences.columns["x"].size)
        for start in range(0, n, together):
            some = np.arange(start, min(start + together, n))
            tau = clock.draws(some).at(silences.dates).T
            given = {name: value[some] if np.ndim(value) else value for name, value in letters.items()}
            given |= {name: (matrix @ tau).T for name, matrix in silences.times.items()}
            odds, _ = silences.summed(evaluate(formulas.log_gone, silences.columns, given).T)
            found[np.ix_(part[silences.silent], some)] = odds
    return found.T


@dataclass(frozen=True)
class _Ready:
    """A formula of histories, to be evaluated for the distinct ones among the rows that it reads.

    Attributes
    ----------
    formula : callable
    rows : dict of str to numpy.ndarray, shape (distinct,)
    inverse : numpy.ndarray of int, shape (row,)
        The distinct history of each row; empty if the formula reads none.
    samples : dict of str to numpy.ndarray
    """

    formula: Formula
    rows: dict[str, np.ndarray]
    inverse: np.ndarray
    samples: dict[str, np.ndarray]

    @classmethod
    def of(cls, formula: Formula, clock: CalendarClock, rows: _Values, samples: _Values) -> "_Ready":
        names = arguments(formula)
        given = {name: samples[name] for name in names if name in samples}
        read = [name for name in rows if name in names or (name == "T" and "tau" in names)]
        if not read:
            return cls(formula, {}, np.zeros(0, int), given)
        table = xr.Dataset({name: ("customer", np.asarray(rows[name], float)) for name in read})
        different, inverse = unique_rows(table, read)
        if "tau" in names:
            ages, different["pattern"] = np.unique(different["T"], return_inverse=True)
            given["tau"] = clock.history(None, ages)["T"]
        return cls(formula, different, inverse, given)

    def __call__(self, more: _Values) -> np.ndarray:
        """Return the values for distinct histories, shape (sample, distinct)."""
        return evaluate(self.formula, self.rows, {**self.samples, **more})

    def each(self, values: np.ndarray | None = None, **more: np.ndarray) -> np.ndarray:
        """Return values, those of the formula if none are given, for every row, shape (sample, row)."""
        values = self(more) if values is None else values
        return values.T[self.inverse].T if self.rows else values


def _renamed(rows: _Values, samples: _Values, end: str) -> list[dict[str, np.ndarray]]:
    return [{"t" if n == end else n: v for n, v in part.items()} for part in (rows, samples)]


def _total(total: Total, clock: CalendarClock, rows: _Values, samples: _Values) -> np.ndarray:
    """Return the values of a quantity of active customers, shape (sample, row)."""
    if "t" in rows:  # one horizon for each customer: those with the same together
        different, inverse = np.unique(rows["t"], return_inverse=True)
        found = np.empty((inverse.size, len(clock.factor)))
        for i, t in enumerate(different):
            mine = inverse == i
            some = {name: column[mine] for name, column in rows.items() if name != "t"}
            found[mine] = _total(total, clock, some, {**samples, "t": np.asarray(t)}).T
        return found.T
    found = np.zeros((len(clock.factor), 1))
    t = float(samples["t"])
    if total.piece is not None:
        piece = _Ready.of(total.piece, clock, rows, samples)
        edges = clock.edges(t)
        passed = clock.ahead(edges)
        for j, width in enumerate(np.diff(edges)):
            if width > 0:
                pace = (passed[:, j + 1] - passed[:, j]) / width
                now = {"begin": edges[j], "width": width, "passed": passed[:, j], "pace": pace}
                found = found + piece(now)
        found = piece.each(found)
    if total.factor is not None:
        found = found * _Ready.of(total.factor, clock, rows, samples).each()
    if total.start is not None:
        found = found + _Ready.of(total.start, clock, rows, samples).each(ahead=clock.ahead(np.asarray(t)))
    return found
