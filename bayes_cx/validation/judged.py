"""The customers who are part of a hold-out test, the horizon of each, and their forecasts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import Split
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.kinds import Forecast, Kind, kind_of
from bayes_cx.scoring import score
from bayes_cx.spans import Span

__all__ = ["Judged", "judged", "means"]


@dataclass(frozen=True)
class Judged:
    """The hold-out data of those customers who could make an event in it.

    Attributes
    ----------
    kind : Kind
    forecast : Forecast
        That of the kind.
    who : numpy.ndarray of bool, shape (customer of the split,)
        Which customers are part of the test: all; for contracts, those that came up for renewal.
    stats : xarray.Dataset
        The calibration statistics of these customers.
    observed : numpy.ndarray of int, shape (customer,)
        Events in the hold-out.
    span : numpy.ndarray of float, shape (customer,)
        How far the forecast reaches, in `unit`.
    unit : str
    """

    kind: Kind
    forecast: Forecast
    who: np.ndarray
    stats: xr.Dataset
    observed: np.ndarray
    span: np.ndarray
    unit: str

    def of(self, some: np.ndarray) -> "Judged":
        """Return some of the customers."""
        who = self.who.copy()
        who[self.who] = some
        stats = self.stats.isel(customer=np.flatnonzero(some))
        return replace(self, who=who, stats=stats, observed=self.observed[some], span=self.span[some])

    @property
    def events(self) -> str:
        """What is counted, in words."""
        return self.kind.words["en"].events

    def ahead(self, span: float) -> Span:
        """Return `span` as a horizon with its unit."""
        return Span(float(span), self.unit)


def judged(posterior: Posterior, split: Split) -> Judged:
    """Return the customers of a split on whom a posterior is tested.

    Raises
    ------
    InputError
        If there is nothing to count for the model, or the split is of another kind.
    """
    kind, came = posterior.model.kind, kind_of(split.calibration)
    if kind.forecast is None:
        raise InputError(
            f"{posterior.model.name}, a model of {kind.key}",
            "a model of what customers do",
            "pass it as spend",
        )
    if not kind.reads(came.key):
        raise InputError(
            f"a split of {came.key}", f"one of {kind.key} for {posterior.model.name}", kind.source
        )
    after, forecast = split.holdout, kind.forecast
    size = split.calibration.sizes["customer"]
    if forecast.span:
        span = after[forecast.span].to_numpy().astype(float)
    else:
        span = np.full(size, float(after.attrs["length"]))
    who = span > 0
    stats = split.calibration if who.all() else split.calibration.isel(customer=np.flatnonzero(who))
    observed = after[forecast.counted].to_numpy()[who]
    return Judged(kind, forecast, who, stats, observed, span[who], str(after.attrs["unit"]))


def means(
    posterior: Posterior,
    customers: Judged,
    quantity: str,
    *,
    thin_to: int,
    apart: Sequence[int] | np.ndarray | None = None,
    **options: Any,
) -> np.ndarray:
    """Return the posterior mean of a quantity over each customer's own span, shape (customer,).

    Parameters
    ----------
    posterior : Posterior
    customers : Judged
    quantity : str
        With a horizon ``t``.
    thin_to : int
        At most this many draws.
    apart : sequence of int, optional
        A value of the option ``count`` for each customer.
    **options
        Other options, the same for all.
    """
    count = np.zeros(customers.span.size) if apart is None else np.asarray(apart, float)
    found = np.empty(customers.span.size)
    for span, number in np.unique(np.stack([customers.span, count]), axis=1).T:
        these = np.flatnonzero((customers.span == span) & (count == number))
        more = options if apart is None else {**options, "count": int(number)}
        scores = score(
            posterior,
            customers.stats.isel(customer=these),
            quantity,
            t=customers.ahead(span),
            thin_to=thin_to,
            quantiles=(),
            **more,
        )
        found[these] = scores["mean"].to_numpy()
    return found
