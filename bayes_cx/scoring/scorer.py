"""A quantity made ready to be evaluated: its rows and draws, in the unit of time of the fit."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import unique_rows
from bayes_cx.errors import BayesCxWarning, InputError
from bayes_cx.inference.columns import check_columns
from bayes_cx.inference.posterior import Posterior, check_posterior
from bayes_cx.kinds.kind import plural
from bayes_cx.model import Quantity, arguments
from bayes_cx.progress import counted
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.scoring.in_pieces import value_in_pieces
from bayes_cx.scoring.operational import (
    CalendarClock,
    calendar_clock,
    check_quantity,
    in_operational_time,
)
from bayes_cx.scoring.options import HORIZONS, check_names, check_one, read, several, unit_of
from bayes_cx.scoring.own_time import with_paths
from bayes_cx.spans import Span

__all__ = ["Scorer", "in_unit", "scorer"]

# Draws x rows held at once while summarising: 80 MB of doubles, and as much again for the quantiles.
_CHUNK_CELLS = 10_000_000
# The same where values are passed on draw by draw.
_FEW_CELLS = 2_000_000


@dataclass(frozen=True)
class Scorer:
    """A quantity ready to be evaluated: equal customers are evaluated once.

    Attributes
    ----------
    posterior : Posterior
    quantity : Quantity
    rows : dict of str to numpy.ndarray, shape (row,)
        The unique rows of statistics that the formula reads, ``pattern`` where parameters differ, and
        ``path`` where contacts do.
    inverse : numpy.ndarray of int, shape (customer,)
        The row of each customer.
    samples : dict of str to numpy.ndarray, shape (sample,), (sample, pattern) or ()
        Parameters and options.
    name : str
        Of the quantity.
    clock : CalendarClock, optional
        Of a fit with calendar time.
    """

    posterior: Posterior
    quantity: Quantity
    rows: dict[str, np.ndarray]
    inverse: np.ndarray
    samples: dict[str, np.ndarray]
    name: str = ""
    clock: CalendarClock | None = None

    def __repr__(self) -> str:
        return (
            f"<Scorer of {self.quantity.meaning}: {self.inverse.size:,} customers, {self.n_samples:,} draws>"
        )

    @property
    def n_samples(self) -> int:
        """Number of draws."""
        return max((np.shape(value)[0] for value in self.samples.values() if np.ndim(value)), default=1)

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of the unique rows and their values, shape (sample, rows of the slice)."""
        size = max((column.size for column in self.rows.values()), default=1)
        # With a clock of each draw the times of every row and draw are held as well, and with a design its
        # parameters.
        held = 3 + sum(np.ndim(value) == 2 for value in self.samples.values())
        step = max(1, _CHUNK_CELLS // self.n_samples // (1 if self.clock is None else held))
        slices = (slice(start, min(start + step, size)) for start in range(0, size, step))
        for some in counted(slices, "histories", size):
            rows = {name: column[some] for name, column in self.rows.items()}
            yield some, self._evaluate(rows, self.samples)

    def _evaluate(
        self,
        rows: Mapping[str, np.ndarray],
        samples: Mapping[str, np.ndarray],
        clock: CalendarClock | None = None,
    ) -> np.ndarray:
        clock = self.clock if clock is None else clock
        model = self.posterior.model
        if clock is not None:
            score = in_operational_time if model.operational_time else value_in_pieces
            return score(model, self.name, clock, rows, samples)
        return evaluate(self.quantity.formula, rows, samples, never=self.quantity.never)

    @cached_property
    def _table(self) -> np.ndarray | None:
        """The values of all unique rows where they are few enough to keep, shape (sample, row)."""
        size = max((column.size for column in self.rows.values()), default=1)
        if size * self.n_samples > _CHUNK_CELLS:
            return None
        return self._evaluate(self.rows, self.samples)

    def customers(self, some: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Return the values of some customers, shape (sample, customer), or (sample, 1) if all are equal."""
        if not self.rows:
            return self._evaluate({}, self.samples)
        if self._table is not None:
            return self._table.T[self.inverse[some]].T
        rows, inverse = np.unique(self.inverse[some], return_inverse=True)
        columns = {name: column[rows] for name, column in self.rows.items()}
        return self._evaluate(columns, self.samples).T[inverse].T

    def each(self, positions: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the values of all customers in the draws at these positions, each of shape (customer,)."""
        size = max((column.size for column in self.rows.values()), default=1)
        # Some draws are computed at once, which costs little more than one of them.
        together = max(1, _FEW_CELLS // size)
        for start in range(0, len(positions), together):
            some = np.asarray(positions[start : start + together])
            given = {n: value[some] if np.ndim(value) else value for n, value in self.samples.items()}
            clock = None if self.clock is None else self.clock.draws(some)
            values = self._evaluate(self.rows, given, clock)
            for one in np.broadcast_to(values, (some.size, values.shape[1])):
                yield one[self.inverse]


def scorer(
    posterior: Posterior,
    stats: xr.Dataset,
    quantity: str,
    *,
    thin_to: int | None = None,
    drawn: Mapping[str, np.ndarray] | None = None,
    **options: Any,
) -> Scorer:
    """Return a quantity of the posterior's model, ready to be evaluated for the customers of `stats`.

    Parameters
    ----------
    posterior, stats, quantity, thin_to
        As in `score`.
    drawn : mapping of str to numpy.ndarray, shape (sample,)
        Options with one value for each draw.
    **options
        Options with one value, or one for each customer.

    Raises
    ------
    InputError
        If the model has no such quantity, the statistics are not possible, a statistic or an option is
        missing, or an option is not used.
    """
    check_posterior(posterior)
    check_one(quantity)
    known, drawn = posterior.model.quantities, drawn or {}
    if quantity not in known:
        raise InputError(
            f"quantity {quantity!r}",
            f"one that {posterior.model.name} has: {', '.join(known)}",
            "choose one of these",
        )
    check_quantity(posterior, quantity)
    needed, statistics = arguments(known[quantity].formula), set(posterior.model.statistics)
    given = {name: value for name, value in options.items() if value is not None}
    check_names(quantity, set(needed) - set(posterior.model.params) - statistics, {*given, *drawn})
    if many := several(given, stats):
        raise InputError(
            f"several values of {', '.join(many)}",
            "one value, or one for each customer",
            "use bcx.score or bcx.draws for several, or ask for one after the other",
        )
    columns = tuple(name for name in needed if name in statistics)
    table = in_unit(stats, posterior, columns)
    if posterior.layout.design.is_constant:
        parameters = posterior.parameters(thin_to)
    else:
        parameters, pattern = posterior.parameters_of(stats, thin_to)
        _say_what_is_new(posterior, stats)
        table, columns = table.assign(pattern=("customer", pattern)), (*columns, "pattern")
    if columns:  # a quantity of new customers reads none, who had no contacts
        table, more = with_paths(posterior.layout, table)
        columns = (*columns, *more)
    values = read(given, stats, posterior)
    own = {name: ("customer", value) for name, value in values.items() if value.ndim}
    columns = (*columns, *own)
    rows, inverse = unique_rows(table.assign(own), columns) if columns else ({}, np.zeros(1, int))
    samples = {name: value for name, value in values.items() if name not in own}
    samples |= {name: np.asarray(value, float) for name, value in drawn.items()}
    samples |= {name: value for name, value in parameters.items() if name in needed}
    furthest = max((float(np.max(values[name])) for name in HORIZONS if name in values), default=0.0)
    clock = calendar_clock(posterior, stats, furthest, thin_to)
    return Scorer(posterior, known[quantity], rows, inverse, samples, quantity, clock)


def _say_what_is_new(posterior: Posterior, stats: xr.Dataset) -> None:
    """Warn of groups that the fit has not seen."""
    if new := posterior.new_groups(stats):
        named = ", ".join(f"{group} ({plural(n, 'customer')})" for group, n in [*new.items()][:3])
        more = f" and {len(new) - 3} more" if len(new) > 3 else ""
        warnings.warn(
            f"{plural(len(new), 'group')} not in the fit: {named}{more}. What is new is scored by the "
            f"distribution of the groups that are, or of covariates by the prior; fit again with it to score "
            f"it by its own data.",
            BayesCxWarning,
            stacklevel=2,
        )


def in_unit(stats: xr.Dataset, posterior: Posterior, columns: Sequence[str] = ()) -> xr.Dataset:
    """Return the statistics with times in the unit of the fit, so that a posterior scores data of any unit.

    They pass the same gate as those of a fit.

    Parameters
    ----------
    stats : xarray.Dataset
    posterior : Posterior
    columns : sequence of str
        What is read of them, beside what all statistics of the kind have.

    Raises
    ------
    InputError
        If the statistics are not possible, lack a column or the unit, or count opportunities of another
        length than the fit.
    """
    check_columns(posterior.model, stats, columns)
    came, unit = unit_of(stats), posterior.provenance.data.unit
    kind = posterior.model.kind
    if came == unit or not (kind.discrete or kind.times):
        return stats
    if kind.discrete:
        raise InputError(
            f"statistics by the {came}",
            f"by the {unit}, as in the fit: opportunities of one length do not convert to another",
            f"make the statistics with unit='{unit}'",
        )
    factor = Span(1.0, came).in_unit(unit)
    times = {name: stats[name] * factor for name in kind.times if name in stats}
    return stats.assign(times).assign_attrs(unit=unit)
