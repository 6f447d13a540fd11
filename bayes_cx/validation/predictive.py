"""Predictive checks: the data against replications simulated from the posterior, or from the prior."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, Interval, Status, verdict
from bayes_cx.data import expand
from bayes_cx.inference import Posterior, sample_prior
from bayes_cx.model import Model
from bayes_cx.scoring import replicate_statistics

__all__ = ["PredictiveCheck", "predictive_check", "prior_predictive_check"]

LEVEL = 0.95
# Draws of the prior may have customers who buy ten thousand times; with fewer customers that stays fast.
_PRIOR_CUSTOMERS = 1000
_LARGEST_BAR = 20


@dataclass(frozen=True)
class PredictiveCheck:
    """Statistics of the data beside the same statistics of simulated data.

    Attributes
    ----------
    model : str
        Name of the model.
    source : {"posterior", "prior"}
        Where the parameters of the replications came from.
    statistics : xarray.Dataset
        Over ``statistic``: ``observed``, ``median``, ``low``, ``high`` (95% interval of the replications)
        and ``p``, the share of replications above what was observed, ties counted half. Attributes ``level``,
        ``n_customers``, ``draws``, ``note``.
    histogram : xarray.Dataset or None
        Over ``frequency``: number of customers with so many repeat purchases, or who left at that renewal,
        ``observed``, ``low``, ``median`` and ``high``; attribute ``kind``. None for a model of spend.
    """

    model: str
    source: Literal["posterior", "prior"]
    statistics: xr.Dataset
    histogram: xr.Dataset | None

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether each statistic of the data lies inside its interval; not run where it is not defined."""
        level, n = self.statistics.attrs["level"], self.statistics.attrs["n_customers"]
        found = []
        for i, name in enumerate(self.statistics["statistic"].to_numpy()):
            one = self.statistics.isel(statistic=i)
            value, low, high = (float(one[column]) for column in ("observed", "low", "high"))
            about, target = self.model, "inside the interval"
            if np.isfinite([value, low, high]).all():
                status: Status = "passed" if low <= value <= high else "failed"
                interval, alarm = Interval(low, high, level), 1 - level
                check = Check(str(name), value, target, status, "", about, interval, n, alarm)
            else:
                check = Check(str(name), value, target, "not_run", "not defined for these data", about, n=n)
            found.append(check)
        return tuple(found)

    @property
    def verdict(self) -> Status:
        """The verdict over the checks."""
        return verdict(self.checks)


def predictive_check(
    posterior: Posterior, stats: xr.Dataset, *, draws: int = 200, seed: int = 0
) -> PredictiveCheck:
    """Compare the data with data simulated from the fitted model (``gabry2019visualization``).

    Each replication takes one draw of the parameters and makes as many new customers, observed for the same
    spans. The rates of the models are those of purchase occasions, so simulated purchases are counted one by
    one even where two fall on one day, which the data would count as one.

    Parameters
    ----------
    posterior : Posterior
    stats : xarray.Dataset
        The statistics it was fitted to.
    draws : int
        Number of replications.
    seed : int

    Returns
    -------
    PredictiveCheck

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30")
    >>> posterior = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> check = predictive_check(posterior, stats).statistics.sel(statistic="share of one-time buyers")
    >>> bool(check.low < check.observed < check.high)
    True
    """
    return _check(posterior, expand(stats), "posterior", draws, seed, "")


def prior_predictive_check(
    model: Model, stats: xr.Dataset, *, draws: int = 200, seed: int = 0
) -> PredictiveCheck:
    """Compare the data with data simulated from the prior, for which only the scale of the data is used.

    Some draws of the prior mean customers who buy thousands of times, so the comparison takes at most 1,000
    customers, evenly spaced over the data; nothing else is cut off.

    Parameters
    ----------
    model : Model
    stats : xarray.Dataset
        The statistics that the model will be fitted to.
    draws, seed
        As in `predictive_check`.

    Returns
    -------
    PredictiveCheck
    """
    some = expand(stats)
    n = some.sizes["customer"]
    keep = np.unique(np.linspace(0, n - 1, min(n, _PRIOR_CUSTOMERS)).astype(int))
    note = "" if keep.size == n else f"{keep.size:,} of {n:,} customers, evenly spaced over the data"
    prior = sample_prior(model, stats, draws=draws, seed=seed)
    return _check(prior, some.isel(customer=keep), "prior", draws, seed, note)


def _check(
    posterior: Posterior,
    stats: xr.Dataset,
    source: Literal["posterior", "prior"],
    draws: int,
    seed: int,
    note: str,
) -> PredictiveCheck:
    kind = posterior.model.kind
    statistics, bars_of = kind.features, kind.bars
    observed = {name: stats[name].to_numpy() for name in posterior.model.statistics}
    if kind.usable is not None and not (usable := kind.usable(observed)).all():
        left_out = f"less {int((~usable).sum()):,} {kind.unusable}"
        stats, note = stats.isel(customer=usable), ", ".join([note or f"{usable.size:,} customers", left_out])
        observed = {name: values[usable] for name, values in observed.items()}
    n = stats.sizes["customer"]
    rows, bars = [], []
    # Under a wide prior a rate may be 0 in floating point: that customer never buys.
    with np.errstate(divide="ignore", over="ignore"):
        for data in replicate_statistics(posterior, stats, draws=draws, seed=seed):
            if bars_of is not None:
                bars.append(_histogram(bars_of(data)))
            rows.append([statistic(data) for statistic in statistics.values()])
    values = np.array(rows)
    seen = np.array([statistic(observed) for statistic in statistics.values()])
    table = _beside("statistic", seen, values)
    above = np.where(np.isfinite(values), (values > seen) + 0.5 * (values == seen), np.nan)
    table["p"] = ("statistic", _of_defined(lambda v: np.nanmean(v, axis=0), above + 0 * seen))
    table = table.assign_coords(statistic=list(statistics)).assign_attrs(
        level=LEVEL, n_customers=n, draws=len(values), note=note
    )
    histogram = None
    if bars_of is not None:
        seen_bars = _histogram(bars_of(observed))
        histogram = _beside("frequency", seen_bars, np.array(bars)).assign_coords(
            frequency=[*map(str, range(_LARGEST_BAR)), f"{_LARGEST_BAR}+"]
        )
        histogram = histogram.assign_attrs(kind=kind.key)
    return PredictiveCheck(posterior.model.name, source, table, histogram)


def _histogram(number: np.ndarray) -> np.ndarray:
    return np.bincount(np.minimum(number.astype(np.int64), _LARGEST_BAR), minlength=_LARGEST_BAR + 1)


def _beside(dim: str, observed: np.ndarray, values: np.ndarray) -> xr.Dataset:
    """Return what was observed beside the median and the interval of the replications."""
    q = [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]
    low, median, high = _of_defined(lambda v: np.nanquantile(v, q, axis=0), values)
    columns = {"observed": observed, "median": median, "low": low, "high": high}
    return xr.Dataset({name: (dim, column) for name, column in columns.items()})


def _of_defined(reduce: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Reduce the replications in which a statistic is defined; NaN where there is none."""
    never = np.isnan(values).all(axis=0)
    return np.where(never, np.nan, reduce(np.where(never, 0.0, values)))
