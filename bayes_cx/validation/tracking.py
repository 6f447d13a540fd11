"""Purchases period by period: what the model expected, what happened, before and after the cut."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, islice

import numpy as np
import xarray as xr

from bayes_cx.data import UNITS, Split
from bayes_cx.data.occasions import Clock
from bayes_cx.inference import Posterior
from bayes_cx.model import Purchases
from bayes_cx.scoring import predict_events, replicate

__all__ = ["QUANTILES", "Futures", "by_frequency", "futures", "tracking"]

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


@dataclass(frozen=True)
class Futures:
    """Simulated purchases of the customers of a split, one row a draw of the parameters.

    Attributes
    ----------
    before : numpy.ndarray of int, shape (sample, period)
        Repeat purchases until the cut of new customers with the real first days.
    after : numpy.ndarray of int, shape (sample, period)
        Purchases after the cut, given each customer's history.
    counts : numpy.ndarray of int32, shape (sample, customer)
        The latter by customer.

    Notes
    -----
    The rates of a model are those of purchase occasions, so every simulated purchase counts, although two on
    one day would be one occasion in the data. That matters where customers buy nearly every day.
    """

    before: np.ndarray
    after: np.ndarray
    counts: np.ndarray


def futures(purchases: Posterior, split: Split, *, draws: int, seed: int) -> Futures:
    """Simulate both sides of the cut; a posterior with fewer draws is used again with other dice.

    Parameters
    ----------
    purchases : Posterior
        Fitted to ``split.calibration``.
    split : Split
    draws : int
        Number of futures.
    seed : int
    """
    stats, clock = split.calibration, Clock(split.tracking.attrs["unit"])
    periods = split.tracking.sizes["period"]
    begin = clock.number(split.tracking.attrs["start"])
    cut = clock.number(split.holdout.attrs["start"]) - 1
    # Steps (days, or hours) in one unit of the posterior, which need not be the unit of the split.
    steps = UNITS[purchases.provenance["unit"]] / UNITS[clock.unit] * clock.steps_per_unit
    t = timedelta(days=split.holdout.attrs["length"] * UNITS[clock.unit])

    def by_period(events: Purchases, origin: np.ndarray | int) -> np.ndarray:
        if purchases.model.kind.discrete:
            period = origin + events.time - 1
        else:
            # An occasion on the k-th day after the first has time k, so a time belongs to the day it ends in.
            period = (origin + np.ceil(events.time * steps) - begin) // clock.steps_per_unit
        return np.bincount(np.clip(period, 0, periods - 1).astype(np.int64), minlength=periods)

    if purchases.model.kind.discrete:
        # Opportunities are laid out so that those after the cut begin at the same time for everybody.
        cut = split.tracking.attrs["calibration_periods"]
        first = cut - stats["n"].to_numpy()
    else:
        first = clock.numbers(stats["first"].to_numpy())

    before = np.array(
        [
            by_period(events, first[events.customer])
            for events in _repeated(lambda s: replicate(purchases, stats, draws=draws, seed=s), draws, seed)
        ]
    )
    after, counts = [], np.empty((draws, stats.sizes["customer"]), np.int32)
    forward = _repeated(lambda s: predict_events(purchases, stats, t, draws=draws, seed=s), draws, seed + 1)
    for i, events in enumerate(forward):
        after.append(by_period(events, cut))
        counts[i] = events.counts(counts.shape[1])
    return Futures(before, np.array(after), counts)


def _repeated(simulate: Callable[[int], Iterator[Purchases]], draws: int, seed: int) -> Iterator[Purchases]:
    """Yield so many simulations, from as many rounds through the posterior as that takes."""
    rounds = (simulate(int(np.random.SeedSequence([seed, turn]).generate_state(1)[0])) for turn in count())
    return islice((events for turn in rounds for events in turn), draws)


def tracking(split: Split, found: Futures) -> xr.Dataset:
    """Compare purchases period by period and added up.

    Until the cut the bands are those of new customers with the real first days. After it they are those of
    the same customers given what each of them did; the cumulative forecast then starts from what had been
    observed, so its band is narrow after the cut and widens.

    Returns
    -------
    xarray.Dataset
        Over ``period``: ``observed``, ``predicted`` (mean), ``cumulative_observed``,
        ``cumulative_predicted``; over (period, quantile) ``predicted_quantile`` and ``cumulative_quantile``;
        coordinate ``start``. Attributes ``unit``, ``calibration_periods``, ``note``.
    """
    observed = split.tracking["observed"].to_numpy()
    known = split.tracking.attrs["calibration_periods"]
    each = found.before + found.after
    total = np.cumsum(found.before, axis=1)
    total[:, known:] = int(split.calibration["x"].sum()) + np.cumsum(found.after, axis=1)[:, known:]
    return xr.Dataset(
        {
            "observed": ("period", observed),
            "predicted": ("period", each.mean(axis=0)),
            "predicted_quantile": (("period", "quantile"), np.quantile(each, QUANTILES, axis=0).T),
            "cumulative_observed": ("period", observed.cumsum()),
            "cumulative_predicted": ("period", total.mean(axis=0)),
            "cumulative_quantile": (("period", "quantile"), np.quantile(total, QUANTILES, axis=0).T),
        },
        coords={
            "period": split.tracking["period"].to_numpy(),
            "quantile": list(QUANTILES),
            "start": ("period", split.tracking["start"].to_numpy()),
        },
        attrs={
            "unit": split.tracking.attrs["unit"],
            "calibration_periods": known,
            "note": (
                "Bands are posterior predictive. Before the cut: new customers with the real first days. "
                "After it: the same customers given their histories, added to what was observed until then."
            ),
        },
    )


def by_frequency(
    x: np.ndarray, observed: np.ndarray, expected: np.ndarray, counts: np.ndarray, last: int = 7
) -> xr.Dataset:
    """Compare mean hold-out purchases of customers with equally many repeat purchases before.

    Parameters
    ----------
    x, observed, expected : numpy.ndarray, shape (customer,)
        Repeat purchases in calibration; hold-out purchases, observed and expected.
    counts : numpy.ndarray, shape (sample, customer)
        Predictive hold-out purchases.
    last : int
        The last group is this many or more.

    Returns
    -------
    xarray.Dataset
        Over ``frequency`` ("0", "1", ..., "7+"): ``customers``, ``observed``, ``expected`` (NaN where there
        is no customer) and ``expected_quantile`` (frequency, quantile) of the group's mean.
    """
    group = np.minimum(x, last)
    customers = np.bincount(group, minlength=last + 1)
    size = np.where(customers > 0, customers, np.nan)
    sums = np.stack([counts[:, group == k].sum(axis=1) for k in range(last + 1)], axis=1)
    mean = {
        "observed": np.bincount(group, weights=observed, minlength=last + 1) / size,
        "expected": np.bincount(group, weights=expected, minlength=last + 1) / size,
    }
    return xr.Dataset(
        {"customers": ("frequency", customers)}
        | {name: ("frequency", values) for name, values in mean.items()}
        | {"expected_quantile": (("frequency", "quantile"), np.quantile(sums / size, QUANTILES, axis=0).T)},
        coords={
            "frequency": [*map(str, range(last)), f"{last}+"],
            "quantile": list(QUANTILES),
        },
    )
