"""What new customers will do, of whom nothing is known but what the design reads."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior
from bayes_cx.scoring.options import horizon_in_fit
from bayes_cx.scoring.predict import counted_and_paid, letters_by_draw, replicate
from bayes_cx.spans import DiscountRate

__all__ = ["predict_newcomers"]


def predict_newcomers(
    purchases: Posterior,
    spend: Posterior | float | np.ndarray,
    stats: xr.Dataset,
    t: Any,
    *,
    discount_rate: DiscountRate | float | str = 0.0,
    draws: int = 500,
    seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, draw by draw, purchases and spend of new customers, both of shape (customer,).

    Parameters
    ----------
    purchases : Posterior
        Of a model of purchases, or of renewals.
    spend : Posterior, float or numpy.ndarray of shape (customer,)
        Of a model of spend, or the worth of every purchase, one for all or one a customer.
    stats : xarray.Dataset
        One row for each new customer, over ``customer``, with the columns that the designs of the fits read;
        groups that a fit has not seen are drawn. What the customer of the row did does not count.
    t : str, Span, number or time difference
        How long after the first purchase.
    discount_rate : DiscountRate, float or str
        Per year; to the day of the first purchase.
    draws : int
        Number of futures, evenly through the draws of the posteriors.
    seed : int

    Raises
    ------
    InputError
        If the rates of the fit change over time: a new customer has no date.
    """
    kind, n = purchases.model.kind, stats.sizes["customer"]
    if purchases.layout.design.has_clock:
        raise InputError(
            "new customers of a fit with calendar time or contacts",
            "a fit in which rates depend on no date",
            "fit without calendar, season, by_date and contacts",
        )
    span = horizon_in_fit(t, stats, purchases).number
    read = [name for name in purchases.layout.design.columns if name not in kind.columns]
    nothing = {name: ("customer", np.zeros(n)) for name, column in kind.columns.items() if column.required}
    known = stats[read].assign(nothing)
    known = known.assign({kind.exposure: ("customer", np.full(n, span))})
    known = known.assign_attrs(stats.attrs | {"unit": purchases.provenance.data.unit})
    delta = DiscountRate.of(discount_rate).force(purchases.provenance.data.unit)
    pays = _first_payments(spend, stats, draws, np.random.default_rng([seed, 1]))
    for made, pay in zip(replicate(purchases, known, draws=draws, seed=seed), pays, strict=True):
        yield counted_and_paid(made.events(np.full(n, span)), pay, n, delta)


def _first_payments(
    spend: Posterior | float | np.ndarray, stats: xr.Dataset, draws: int, rng: np.random.Generator
) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Yield, draw by draw, a function from numbers of purchases of new customers to what they cost."""
    if not isinstance(spend, Posterior):
        for _ in range(draws):
            yield lambda count: count * np.asarray(spend, float)
        return
    model = spend.model

    def total(count: np.ndarray, one: dict[str, np.ndarray]) -> np.ndarray:
        mean = model.observe(model.simulate(rng, count, **one), count)["spend"]
        return count * np.where(count > 0, mean, 0.0)

    for one in letters_by_draw(spend, stats, draws):
        yield partial(total, one=one)
