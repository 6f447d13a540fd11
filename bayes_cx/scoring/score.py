"""Quantities of every customer: summarised over the draws, or draw by draw."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsFloat

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference.hazards import RiskPosterior
from bayes_cx.inference.journeys import JourneyPosterior
from bayes_cx.inference.posterior import Posterior
from bayes_cx.scoring.options import HORIZONS, several, unit_of
from bayes_cx.scoring.reach import score_journeys
from bayes_cx.scoring.risk import RISK_QUANTITIES, risk_draws, score_risk
from bayes_cx.scoring.score_table import Scores
from bayes_cx.scoring.scorer import Scorer, scorer
from bayes_cx.spans import DiscountRate, Span

__all__ = ["check_quantiles", "draws", "score"]


def score(
    posterior: Posterior | JourneyPosterior | RiskPosterior,
    stats: xr.Dataset,
    quantity: str,
    *,
    t: Any = None,
    quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    thin_to: int | None = None,
    **options: Any,
) -> Scores:
    """Return the mean, standard deviation and quantiles of a quantity of every customer over the draws.

    Equal customers are evaluated once and draws are not kept, so a million customers fit in little memory.

    An option such as ``t`` has one value for all customers, or

    - several: a list. The result gets a dimension of that name, ``t=[4, 8]`` or ``count=[0, 1, 2]``.
    - one for each customer: an `xarray.DataArray` over ``customer``, such as a column of `stats`, or a
      `pandas.Series` indexed by the customers. Both are matched by the names of the customers.

    An array as long as the customers could be either, and is refused.

    Parameters
    ----------
    posterior : Posterior, JourneyPosterior or RiskPosterior
    stats : xarray.Dataset
        Statistics by customer; their unit of time may differ from that of the fit. For journeys those that
        are open, from `open_journeys`, or `at_states`; for risk the customers from `at_risk`.
    quantity : str
        One of ``posterior.model.quantities``; of journeys ``p_next``, ``p_reach``, ``expected_visits`` or
        ``expected_time``; of risk ``p_event``, ``p_no_event`` or ``rate``.
    t : str, Span, number or time difference, optional
        Horizon with its unit, such as ``"52 weeks"``; a number is in the unit of `stats`.
    quantiles : sequence of float
        Probabilities of the quantiles.
    thin_to : int, optional
        Use at most this many draws.
    **options
        What else the quantity needs: a ``count``, horizons ``t1`` and ``t2``, a ``discount_rate`` per year
        (0.1, ``"10 %"`` or a `DiscountRate`), or the share ``keep`` by which the chance to leave falls. Of
        journeys the ``target``, and what counts only ``before`` its rivals.

    Returns
    -------
    Scores
        An `xarray.Dataset` with ``mean`` and ``sd`` over ``customer`` and ``quantile`` over (customer,
        probability), and over the options with several values; horizons are then in the unit of `stats`. A
        quantity of customers never seen, such as ``expected_purchases_new``, has no dimension ``customer``
        unless an option has. ``.table()`` makes a data frame of it with one row a customer. Groups that the
        fit has not seen are named by a warning and by the attribute ``groups_not_in_fit``.

    Raises
    ------
    InputError
        If the quantity is unknown, the statistics are not possible, or a statistic or an option is missing or
        outside its range.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> bcx.score(posterior, stats, "expected_purchases", t="26 weeks")["mean"].sum().round(-2).item()
    1200.0
    >>> bcx.score(posterior, stats, "p_purchases", t="26 weeks", count=[0, 1])["mean"].sizes["count"]
    2
    """
    check_quantiles(quantiles)
    if isinstance(posterior, JourneyPosterior):
        return score_journeys(posterior, stats, quantity, quantiles, t=t, thin_to=thin_to, **options)

    if isinstance(posterior, RiskPosterior):
        return score_risk(posterior, stats, quantity, quantiles, t=t, thin_to=thin_to, **options)

    def summarised(**given: Any) -> xr.Dataset:
        ready = scorer(posterior, stats, quantity, thin_to=thin_to, **given)
        return _summary(ready, stats, quantity, quantiles)

    found = _several(summarised, stats, {"t": t, **options})
    found = found.transpose("customer", ..., "probability", missing_dims="ignore")
    new = {} if posterior.layout.design.is_constant else posterior.new_groups(stats)
    attrs = {**found.attrs, "t": _text(t), **({"groups_not_in_fit": sorted(new)} if new else {})}
    return Scores(found.data_vars, found.coords, attrs)


def _summary(ready: Scorer, stats: xr.Dataset, quantity: str, quantiles: Sequence[float]) -> xr.Dataset:
    size = max((column.size for column in ready.rows.values()), default=1)
    mean, sd, quantile = np.empty(size), np.empty(size), np.empty((size, len(quantiles)))
    for some, values in ready.chunks():
        mean[some] = values.mean(axis=0)
        sd[some] = _sd(values, mean[some])
        quantile[some] = _quantiles(values, quantiles).T
    rows = ready.inverse
    result = xr.Dataset(
        {
            "mean": ("customer", mean[rows]),
            "sd": ("customer", sd[rows]),
            "quantile": (("customer", "probability"), quantile[rows]),
        },
        coords={"customer": _customers(stats, ready), "probability": list(quantiles)},
        attrs={
            "quantity": quantity,
            "meaning": ready.quantity.meaning,
            "unit": ready.quantity.unit,
            "model": ready.posterior.model.name,
            "draws": ready.n_samples,
        },
    )
    return result if ready.rows else result.isel(customer=0, drop=True)


def _several(make: Callable[..., Any], stats: xr.Dataset, options: Mapping[str, Any]) -> Any:
    """Return what `make` makes of the options, with a dimension for each that has several values."""
    found = several(options, stats)
    if not found:
        return make(**options)
    name, values = next(iter(found.items()))
    attrs = {"unit": unit_of(stats)} if name in HORIZONS else {}
    labels = xr.DataArray([_label(name, value, stats) for value in values], dims=name, name=name, attrs=attrs)
    made = [_several(make, stats, {**options, name: value}) for value in values]
    return xr.concat(made, labels, combine_attrs="override")


def _label(name: str, value: Any, stats: xr.Dataset) -> Any:
    """Return the coordinate of a value: horizons in the unit of the statistics, rates per year."""
    if name in HORIZONS:
        return Span.of(value, unit_of(stats)).in_unit(unit_of(stats))
    return DiscountRate.of(value).per_year if name == "discount_rate" else value


def _text(t: Any) -> str:
    """Return horizons as words."""
    if t is None:
        return ""
    if isinstance(t, (xr.DataArray, pd.Series)) and np.ndim(t):
        return "one for each customer"
    return ", ".join(map(str, t)) if np.ndim(t) and not isinstance(t, (str, Span)) else str(t)


def check_quantiles(quantiles: Sequence[float]) -> None:
    """Refuse what are no different probabilities in a list."""
    probabilities = np.asarray(quantiles, dtype=object)
    possible = probabilities.ndim == 1 and all(
        isinstance(p, SupportsFloat) and 0 <= float(p) <= 1 for p in probabilities
    )
    if not possible or len({float(p) for p in probabilities}) < probabilities.size:
        raise InputError(
            f"quantiles {quantiles}",
            "different probabilities from 0 to 1, in a list",
            "pass for example quantiles=(0.05, 0.95)",
        )


def _sd(values: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the standard deviation over draws; infinite where some draws are."""
    finite = np.isfinite(mean)
    return np.where(finite, np.where(finite, values, 0.0).std(axis=0), np.inf)


def _quantiles(values: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
    """Return quantiles over draws, shape (probability, row); infinite values are not interpolated."""
    if np.all(np.isfinite(values)):
        return np.quantile(values, probabilities, axis=0, overwrite_input=True)
    return np.quantile(values, probabilities, axis=0, method="higher")


def draws(
    posterior: Posterior | RiskPosterior,
    stats: xr.Dataset,
    quantity: str,
    *,
    t: Any = None,
    thin_to: int | None = None,
    **options: Any,
) -> xr.DataArray:
    """Return a quantity of every customer draw by draw.

    Parameters
    ----------
    posterior, stats, quantity, t, thin_to, **options
        As in `score`.

    Returns
    -------
    xarray.DataArray
        Dimensions (chain, draw, customer), and those of options with several values; with `thin_to` there is
        one chain.

    Raises
    ------
    InputError
        As `score` does.
    """
    if isinstance(posterior, RiskPosterior):
        values = risk_draws(posterior, stats, quantity, t=t, thin_to=thin_to, **options)
        dim, n = next(iter(stats.sizes.items()))
        return xr.DataArray(
            values[None],
            dims=("chain", "draw", "customer"),
            coords={"customer": stats[dim].to_numpy() if dim in stats.coords else np.arange(n)},
            name=quantity,
            attrs={"meaning": RISK_QUANTITIES[quantity], "t": _text(t)},
        )

    def every(**given: Any) -> xr.DataArray:
        ready = scorer(posterior, stats, quantity, thin_to=thin_to, **given)
        values = ready.customers()
        chains = posterior.draws["posterior"].sizes["chain"] if values.shape[0] == posterior.n_draws else 1
        result = xr.DataArray(
            values.reshape(chains, -1, values.shape[1]),
            dims=("chain", "draw", "customer"),
            coords={"customer": _customers(stats, ready)},
            name=quantity,
            attrs={"meaning": ready.quantity.meaning, "unit": ready.quantity.unit},
        )
        return result if ready.rows else result.isel(customer=0, drop=True)

    found = _several(every, stats, {"t": t, **options})
    return found.transpose("chain", "draw", "customer", ..., missing_dims="ignore").assign_attrs(t=_text(t))


def _customers(stats: xr.Dataset, ready: Scorer) -> np.ndarray:
    named = "customer" in stats.coords and ready.rows
    return stats["customer"].to_numpy() if named else np.arange(ready.inverse.size)
