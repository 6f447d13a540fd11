"""Where the uncertainty of a total comes from."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.inference.posterior import Posterior
from bayes_cx.scoring.operational import calendar_clock
from bayes_cx.scoring.options import horizon_in_fit
from bayes_cx.scoring.predict import predict_events
from bayes_cx.scoring.scorer import scorer
from bayes_cx.scoring.totals import total

__all__ = ["sources_of_total"]

_FUTURES = 100


def sources_of_total(
    posterior: Posterior, stats: xr.Dataset, t: Any, *, draws: int = 400, seed: int = 0
) -> xr.Dataset:
    r"""Return how much of the variance of the purchases of all customers within t comes from where.

    With :math:`\theta` what is learnt of the customers and g the weeks to come, the variance of the total N
    is

    .. math:: \mathrm{Var}\, E[N | \theta] + E\, \mathrm{Var}(E[N | \theta, g] | \theta)
              + E\, \mathrm{Var}(N | \theta, g) .

    The first is the covariance between two futures of the same draw, the second what is left of the variance
    of the expected total, and the third comes from simulated purchases.

    Parameters
    ----------
    posterior : Posterior
        Of a model of purchases.
    stats : xarray.Dataset
        Statistics by customer.
    t : str, Span, number or time difference
        Horizon.
    draws : int
        At most so many draws.
    seed : int
        Of the simulated purchases.

    Returns
    -------
    xarray.Dataset
        Over ``source``: ``variance`` and ``share``. The sources are ``"parameters"``, not knowing them;
        ``"shared"``, what all customers will share, zero without calendar time; and ``"luck"``, that of each
        customer, whose own rate and chance to leave are part of it. Attributes ``mean`` and ``sd`` of the
        total.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> found = sources_of_total(posterior, stats, "39 weeks")
    >>> float(found["share"].sel(source="shared"))
    0.0
    """
    ready = scorer(posterior, stats, f"expected_{posterior.model.kind.events}", t=t, thin_to=draws)
    expected = total(ready)
    other = expected
    if ready.clock is not None:
        ahead = horizon_in_fit(t, stats, posterior).number
        other = total(replace(ready, clock=calendar_clock(posterior, stats, ahead, draws, future=1)))
    # Luck is a mean of squares, for which few futures do; simulating them takes the most time.
    few = min(expected.size, _FUTURES)
    paired = total(scorer(posterior, stats, ready.name, t=t, thin_to=few))
    futures = predict_events(posterior, stats, t, draws=few, seed=seed)
    made = np.array([events.customer.size for events in futures])
    # All with the divisor of the covariance matrix; two futures of one draw have the mean of their variances.
    cov = np.cov(expected, other) if expected.size > 1 else np.zeros((2, 2))
    between, spread = float(cov[0, 1]), float(np.trace(cov)) / 2
    variance = np.maximum([between, spread - between, np.mean((made - paired) ** 2)], 0.0)
    if ready.clock is None:
        variance[:2] = spread, 0.0
    return xr.Dataset(
        {"variance": ("source", variance), "share": ("source", variance / variance.sum())},
        coords={"source": ["parameters", "shared", "luck"]},
        attrs={"mean": float(expected.mean()), "sd": float(np.sqrt(variance.sum()))},
    )
