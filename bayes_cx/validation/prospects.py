"""What several models say of the same customers: how many are active, and what they will do together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.inference import Posterior
from bayes_cx.scoring.scorer import scorer
from bayes_cx.scoring.totals import total, weights_of

__all__ = ["Prospect", "prospects"]

_DRAWS = 400
_ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class Prospect:
    """What a model says of all customers together.

    Attributes
    ----------
    active, events : float
        Expected number of active customers, and of events within the horizon.
    active_interval, events_interval : tuple of float
        Central 90% of the draws: what is not known of the parameters, without the luck of single customers.
    once : float
        Expected number of active customers among those who came only once.
    """

    active: float
    active_interval: tuple[float, float]
    once: float
    events: float
    events_interval: tuple[float, float]


def prospects(posteriors: Mapping[str, Posterior], stats: xr.Dataset, horizon: Any) -> dict[str, Prospect]:
    """Return what each of several models says of the customers, by the names of the posteriors.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
    stats : xarray.Dataset
        Statistics by customer; rows count as often as ``weight`` says.
    horizon : str, Span or number

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> models = (bcx.models.BG_NBD, bcx.models.MBG_NBD)
    >>> fits = {model.key: bcx.fit(model, stats, seed=1, progress=False) for model in models}
    >>> found = prospects(fits, stats, "52 weeks")
    >>> found["mbg_nbd"].active < 0.8 * found["bg_nbd"].active
    True
    """
    return {name: _prospect(fit, stats, horizon) for name, fit in posteriors.items()}


def _prospect(fit: Posterior, stats: xr.Dataset, horizon: Any) -> Prospect:
    weight = weights_of(stats)
    active = total(scorer(fit, stats, "p_alive", thin_to=_DRAWS), weight)
    expected = scorer(fit, stats, f"expected_{fit.model.kind.events}", t=horizon, thin_to=_DRAWS)
    events = total(expected, weight)
    forecast, once = fit.model.kind.forecast, np.nan
    if forecast is not None and fit.model.kind.leaving == "latent":
        only = forecast.before(fit.model.kind.numbers(stats)) == 0
        some = stats.isel(customer=np.flatnonzero(only))
        once = 0.0
        if only.any():
            once = float(total(scorer(fit, some, "p_alive", thin_to=_DRAWS), weights_of(some)).mean())
    return Prospect(float(active.mean()), _ends(active), once, float(events.mean()), _ends(events))


def _ends(draws: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(draws, _ENDS)
    return float(low), float(high)
