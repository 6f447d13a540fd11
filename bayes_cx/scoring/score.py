"""Quantities of every customer: summarised over the draws, or draw by draw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.inference.posterior import Posterior
from bayes_cx.scoring.scorer import Scorer, scorer

__all__ = ["draws", "score"]


def score(
    posterior: Posterior,
    stats: xr.Dataset,
    quantity: str,
    *,
    t: Any = None,
    quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    thin_to: int | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return the mean, standard deviation and quantiles of a quantity of every customer over the draws.

    Equal customers are evaluated once and draws are not kept, so a million customers fit in little memory.

    Parameters
    ----------
    posterior : Posterior
    stats : xarray.Dataset
        Statistics by customer; their unit of time may differ from that of the fit.
    quantity : str
        One of ``posterior.model.quantities``.
    t : str, Span, number or time difference, optional
        Horizon with its unit, such as ``"52 weeks"``; a number is in the unit of `stats`.
    quantiles : sequence of float
        Probabilities of the quantiles.
    thin_to : int, optional
        Use at most this many draws.
    **options
        What else the quantity needs, such as a ``count``, horizons ``t1`` and ``t2``, or ``discount``: a
        `DiscountRate`, or the force of discount per unit of the fit.

    Returns
    -------
    xarray.Dataset
        Variables ``mean`` and ``sd`` over ``customer`` and ``quantile`` over (customer, probability); a
        quantity of customers never seen, such as ``expected_purchases_new``, has no dimension ``customer``.

    Raises
    ------
    InputError
        If the quantity, a statistic or an option is unknown or missing.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> bcx.score(posterior, stats, "expected_purchases", t="26 weeks")["mean"].sum().round(-2).item()
    1200.0
    """
    ready = scorer(posterior, stats, quantity, t=t, thin_to=thin_to, **options)
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
        attrs=_attributes(ready, quantity, t),
    )
    return result if ready.rows else result.isel(customer=0, drop=True)


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
    posterior: Posterior,
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
        Dimensions (chain, draw, customer); with `thin_to` there is one chain.

    Raises
    ------
    InputError
        As `score` does.
    """
    ready = scorer(posterior, stats, quantity, t=t, thin_to=thin_to, **options)
    values = ready.customers()
    chains = posterior.draws["posterior"].sizes["chain"] if values.shape[0] == posterior.n_draws else 1
    result = xr.DataArray(
        values.reshape(chains, -1, values.shape[1]),
        dims=("chain", "draw", "customer"),
        coords={"customer": _customers(stats, ready)},
        name=quantity,
        attrs={
            "meaning": ready.quantity.meaning,
            "unit": ready.quantity.unit,
            "t": "" if t is None else str(t),
        },
    )
    return result if ready.rows else result.isel(customer=0, drop=True)


def _attributes(ready: Scorer, quantity: str, t: Any) -> dict[str, Any]:
    return {
        "quantity": quantity,
        "meaning": ready.quantity.meaning,
        "unit": ready.quantity.unit,
        "t": "" if t is None else str(t),
        "model": ready.posterior.model.name,
        "draws": ready.n_samples,
    }


def _customers(stats: xr.Dataset, ready: Scorer) -> np.ndarray:
    named = "customer" in stats.coords and ready.rows
    return stats["customer"].to_numpy() if named else np.arange(ready.inverse.size)
