"""A quantity made ready to be evaluated: its rows and draws, in the unit of time of the fit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior
from bayes_cx.model import Quantity, arguments
from bayes_cx.progress import counted
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.spans import DiscountRate, Span, check_unit

__all__ = ["Scorer", "force", "horizon_in_fit", "in_unit", "scorer"]

# Options that are horizons.
_SPANS = {"t", "t1", "t2"}
# Draws x rows held at once while summarising: 80 MB of doubles, and as much again for the quantiles.
_CHUNK_CELLS = 10_000_000


@dataclass(frozen=True)
class Scorer:
    """A quantity ready to be evaluated: equal customers are evaluated once.

    Attributes
    ----------
    posterior : Posterior
    quantity : Quantity
    rows : dict of str to numpy.ndarray, shape (row,)
        The unique rows of statistics that the formula reads, and ``pattern`` where parameters differ.
    inverse : numpy.ndarray of int, shape (customer,)
        The row of each customer.
    samples : dict of str to numpy.ndarray, shape (sample,), (sample, pattern) or ()
        Parameters and options.
    """

    posterior: Posterior
    quantity: Quantity
    rows: dict[str, np.ndarray]
    inverse: np.ndarray
    samples: dict[str, np.ndarray]

    @property
    def n_samples(self) -> int:
        """Number of draws."""
        return max((np.shape(value)[0] for value in self.samples.values() if np.ndim(value)), default=1)

    def chunks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of the unique rows and their values, shape (sample, rows of the slice)."""
        size = max((column.size for column in self.rows.values()), default=1)
        step = max(1, _CHUNK_CELLS // self.n_samples)
        slices = (slice(start, min(start + step, size)) for start in range(0, size, step))
        for some in counted(slices, "histories", size):
            rows = {name: column[some] for name, column in self.rows.items()}
            yield some, self._evaluate(rows, self.samples)

    def _evaluate(self, rows: Mapping[str, np.ndarray], samples: Mapping[str, np.ndarray]) -> np.ndarray:
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

    def draw(self, i: int) -> np.ndarray:
        """Return the values of all customers in draw i, shape (customer,)."""
        one = {n: value[i : i + 1] if np.ndim(value) else value for n, value in self.samples.items()}
        return self._evaluate(self.rows, one)[0][self.inverse]


def scorer(
    posterior: Posterior, stats: xr.Dataset, quantity: str, *, thin_to: int | None = None, **options: Any
) -> Scorer:
    """Return a quantity of the posterior's model, ready to be evaluated for the customers of `stats`.

    Raises
    ------
    InputError
        If the model has no such quantity, a statistic or an option is missing, or an option is not used.
    """
    known = posterior.model.quantities
    if quantity not in known:
        raise InputError(
            f"quantity {quantity!r}",
            f"one that {posterior.model.name} has: {', '.join(known)}",
            "choose one of these",
        )
    needed = arguments(known[quantity].formula)
    given = {name: value for name, value in options.items() if value is not None}
    wanted = set(needed) - set(posterior.model.params) - _statistics(posterior)
    if wanted != set(given):
        raise InputError(
            f"options {', '.join(sorted(given)) or 'none'} for {quantity}",
            f"options {', '.join(sorted(wanted)) or 'none'}",
            "pass for example t='52 weeks'" if "t" in wanted else "leave the others out",
        )
    columns = tuple(name for name in needed if name in _statistics(posterior))
    missing = [name for name in columns if name not in stats]
    if missing:
        raise InputError(
            f"statistics without {', '.join(missing)}",
            f"the columns {', '.join(columns)} for {quantity}",
            "summarise transactions with amounts"
            if "spend" in missing
            else "pass what bcx.summarise returns",
        )
    parameters, table = posterior.parameters(thin_to), in_unit(stats, posterior)
    if not posterior.layout.design.is_constant:
        parameters, pattern = posterior.parameters_of(stats, thin_to)
        table, columns = table.assign(pattern=("customer", pattern)), (*columns, "pattern")
    rows, inverse = unique_rows(table, columns) if columns else ({}, np.zeros(1, int))
    given |= {name: horizon_in_fit(given[name], stats, posterior).number for name in _SPANS & given.keys()}
    if "discount" in given:
        given["discount"] = force(given["discount"], posterior)
    samples = {name: np.asarray(value, float) for name, value in given.items()}
    _check_count(samples)
    samples |= {name: value for name, value in parameters.items() if name in needed}
    return Scorer(posterior, known[quantity], rows, inverse, samples)


def _statistics(posterior: Posterior) -> set[str]:
    return set(posterior.model.statistics)


def horizon_in_fit(t: Any, stats: xr.Dataset, posterior: Posterior) -> Span:
    """Return a horizon in the unit of the fit; a bare number is in the unit of the statistics.

    Raises
    ------
    InputError
        If it cannot be read, or is no whole number of opportunities where the model counts these.
    """
    span, unit = Span.of(t, _unit_of(stats)), posterior.provenance.data.unit
    if posterior.model.kind.discrete:
        return span.whole(unit, f"{posterior.model.name} counts opportunities")
    return span.to(unit)


def force(discount: DiscountRate | float, posterior: Posterior) -> float:
    """Return the force of discount per unit of the fit; a number is returned as it is."""
    return discount.force(posterior.provenance.data.unit) if isinstance(discount, DiscountRate) else discount


def _check_count(samples: dict[str, np.ndarray]) -> None:
    n = samples.get("count", np.zeros(()))
    if np.any((n < 0) | (n != np.floor(n))):
        raise InputError(f"count = {n:g}", "a whole number of zero or more", "ask for a number of purchases")


def _unit_of(stats: xr.Dataset) -> str:
    """Return the unit of time of the statistics; raise if they have none."""
    if "unit" not in stats.attrs:
        raise InputError(
            "statistics without a unit of time", "an attribute unit", "write stats.assign_attrs(unit='week')"
        )
    return check_unit(stats.attrs["unit"])


def in_unit(stats: xr.Dataset, posterior: Posterior) -> xr.Dataset:
    """Return the statistics with times in the unit of the fit, so that a posterior scores data of any unit.

    Raises
    ------
    InputError
        If the statistics have no unit, or count opportunities of another length than the fit.
    """
    came, unit = _unit_of(stats), posterior.provenance.data.unit
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
