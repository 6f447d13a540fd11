"""What to expect of customers under contract: the next renewal, further renewals, residual lifetime."""

import numpy as np
import xarray as xr

from bayes_cx.inference.posterior import Posterior
from bayes_cx.scoring.score import score
from bayes_cx.spans import Span

__all__ = ["outlook"]


def outlook(posterior: Posterior, stats: xr.Dataset, horizon: str | Span, discount_rate: float) -> xr.Dataset:
    """Return the renewals to expect of customers under contract.

    Parameters
    ----------
    posterior : Posterior
        Of a model of contracts.
    stats : xarray.Dataset
        Statistics by ``customer``, none of whom has left.
    horizon : str or Span
    discount_rate : float
        Per year.

    Returns
    -------
    xarray.Dataset
        By ``customer``: ``next``, the chance to renew next time, and ``renewals``, how many to expect over
        the horizon, each with ``_interval`` (``end``: 5 and 95%); ``median``, the renewals that half of such
        customers make, infinite where there is no end; ``derl``, the discounted expected residual lifetime in
        renewals, only where there is a rate of discount.
    """
    after = score(posterior, stats, "retention", t=1)
    ahead = score(posterior, stats, "expected_renewals", t=horizon)
    median = score(posterior, stats, "median_lifetime")["quantile"].sel(probability=0.5).to_numpy()
    ends = ("customer", "end")
    columns = {
        "next": ("customer", after["mean"].to_numpy()),
        "next_interval": (ends, _ends(after)),
        "renewals": ("customer", ahead["mean"].to_numpy()),
        "renewals_interval": (ends, _ends(ahead)),
        "median": ("customer", np.where(np.isfinite(median), median, np.inf)),
    }
    if discount_rate > 0:
        derl = score(posterior, stats, "derl", discount_rate=discount_rate)
        columns["derl"] = ("customer", derl["mean"].to_numpy())
    return xr.Dataset(columns)


def _ends(found: xr.Dataset) -> np.ndarray:
    return found["quantile"].sel(probability=[0.05, 0.95]).transpose("customer", "probability").to_numpy()
