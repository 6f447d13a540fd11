"""Events period by period: expected by the model and observed, before and after the cut."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data import Split
from bayes_cx.inference import Posterior
from bayes_cx.kinds import Kind
from bayes_cx.scoring import columns_of_kind, predict_events, replicate
from bayes_cx.simulated import Purchases
from bayes_cx.spans import Span
from bayes_cx.validation.judged import Judged, judged

__all__ = [
    "QUANTILES",
    "Futures",
    "by_frequency",
    "events_after",
    "futures",
    "predicted",
    "reached",
    "tracking",
]

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


@dataclass(frozen=True)
class Futures:
    """Simulated events of the customers of a split, one row a draw of the parameters.

    Attributes
    ----------
    before : numpy.ndarray of int, shape (sample, period)
        Events until the cut of new customers with the real first days.
    after : numpy.ndarray of int, shape (sample, period)
        Events after the cut, given each customer's history.
    counts : numpy.ndarray of int32, shape (sample, customer)
        The events after the cut, for each customer in the test.

    Notes
    -----
    The rates of a model are those of purchase occasions, so every simulated purchase counts, although two on
    one day would be one occasion in the data. That matters where customers buy nearly every day.
    """

    before: np.ndarray
    after: np.ndarray
    counts: np.ndarray


def futures(posterior: Posterior, split: Split, *, draws: int, seed: int) -> Futures:
    """Simulate both sides of the cut; where the posterior has fewer draws they are used repeatedly.

    Parameters
    ----------
    posterior : Posterior
        Fitted to ``split.calibration``.
    split : Split
    draws : int
        Number of futures.
    seed : int
    """
    stats, clock, later = split.calibration, Clock(split.tracking.attrs["unit"]), judged(posterior, split)
    periods = split.tracking.sizes["period"]
    begin = clock.step_of(split.tracking.attrs["start"])
    cut = clock.step_of(split.holdout.attrs["start"]) - 1
    # Steps (days, or hours) in one unit of the posterior, which need not be the unit of the split.
    steps = Span(1.0, posterior.provenance.data.unit).in_unit(clock.step)
    kind, columns = later.kind, columns_of_kind(posterior, stats)

    def by_period(events: Purchases, origin: np.ndarray | int) -> np.ndarray:
        if kind.discrete:
            period = origin + events.time - 1
        else:
            # An occasion on the k-th day after the first has time k, so a time belongs to the day it ends in.
            period = (origin + np.ceil(events.time * steps) - begin) // clock.steps_per_unit
        return np.bincount(np.clip(period, 0, periods - 1).astype(np.int64), minlength=periods)

    if kind.discrete:
        # Opportunities are laid out so that those after the cut begin at the same time for everybody.
        cut = split.tracking.attrs["calibration_periods"]
        first = cut - later.forecast.passed(columns)
    else:
        first = clock.steps_of(stats["first"].to_numpy())

    exposure = kind.observed(columns)[kind.exposure]
    before = []
    for made in _repeated(lambda s: replicate(posterior, stats, draws=draws, seed=s), draws, seed):
        events = made.events(exposure)
        before.append(by_period(events, first[events.customer]))
    after, counts = [], np.empty((draws, later.span.size), np.int32)
    forward = _repeated(lambda s: events_after(posterior, later, draws=draws, seed=s), draws, seed + 1)
    for i, events in enumerate(forward):
        after.append(by_period(events, cut))
        counts[i] = events.counts(counts.shape[1])
    return Futures(np.array(before), np.array(after), counts)


def predicted(posterior: Posterior, later: Judged, *, draws: int, seed: int) -> np.ndarray:
    """Return the number of events of every customer within their span, shape (sample, customer)."""
    found = events_after(posterior, later, draws=draws, seed=seed)
    return np.array([events.counts(later.span.size).astype(np.int32) for events in found])


def events_after(posterior: Posterior, later: Judged, *, draws: int, seed: int) -> Iterator[Purchases]:
    """Yield, draw by draw, the events of the customers who are judged, within the span of each."""
    furthest = later.span.max()
    shorter = (later.span < furthest).any()
    # The simulation runs forward in time, so its events within a shorter span are the future over that span.
    for events in predict_events(posterior, later.stats, later.ahead(furthest), draws=draws, seed=seed):
        if shorter:
            within = events.time <= later.span[events.customer]
            yield Purchases(events.customer[within], events.time[within])
        else:
            yield events


def _repeated(simulate: Callable[[int], Iterator[Any]], draws: int, seed: int) -> Iterator[Any]:
    """Yield `draws` simulations, from as many passes through the posterior as needed."""
    rounds = (simulate(int(np.random.SeedSequence([seed, turn]).generate_state(1)[0])) for turn in count())
    return islice((events for turn in rounds for events in turn), draws)


def tracking(kind: Kind, split: Split, found: Futures) -> xr.Dataset:
    """Compare events period by period and added up.

    Until the cut the bands are those of new customers with the real first days. After it they are those of
    the same customers given what each of them did; the cumulative forecast then starts from what had been
    observed, so its band is narrow after the cut and widens.

    Returns
    -------
    xarray.Dataset
        Over ``period``: ``observed``, ``predicted`` (mean), ``cumulative_observed``,
        ``cumulative_predicted``; over (period, quantile) ``predicted_quantile`` and ``cumulative_quantile``;
        coordinate ``start``. Attributes ``kind``, ``unit``, ``calibration_periods``, ``note``.
    """
    observed = split.tracking["observed"].to_numpy()
    known = split.tracking.attrs["calibration_periods"]
    each = found.before + found.after
    total = np.cumsum(found.before, axis=1)
    columns = kind.numbers(split.calibration)
    made = 0 if kind.forecast is None else int(kind.forecast.before(columns).sum())
    total[:, known:] = made + np.cumsum(found.after, axis=1)[:, known:]
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
            "kind": kind.key,
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
    """Compare the mean hold-out events of customers with equally many events before.

    Parameters
    ----------
    x, observed, expected : numpy.ndarray, shape (customer,)
        Events in calibration; hold-out events, observed and expected.
    counts : numpy.ndarray, shape (sample, customer)
        Predictive hold-out events.
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


def reached(later: Judged, counts: np.ndarray) -> xr.Dataset:
    """Compare how many customers made 1, 2, ... or more events in the hold-out.

    For contracts these are the customers still there after each later renewal. Customers who were asked less
    often count as long as they stayed.

    Parameters
    ----------
    later : Judged
    counts : numpy.ndarray, shape (sample, customer)
        Predictive hold-out events.

    Returns
    -------
    xarray.Dataset
        Over ``number`` (1, 2, ...): ``observed`` and ``predicted`` (mean) customers and, with ``quantile``,
        ``predicted_quantile``. Attributes ``kind``, ``customers`` (who are judged).
    """
    numbers = range(1, later.forecast.furthest(later.span) + 1)
    came = later.forecast.reached
    observed = [int(came(later.observed, later.span, number).sum()) for number in numbers]
    predicted = np.stack([came(counts, later.span, number).sum(axis=1) for number in numbers], axis=1)
    return xr.Dataset(
        {
            "observed": ("number", observed),
            "predicted": ("number", predicted.mean(axis=0)),
            "predicted_quantile": (("number", "quantile"), np.quantile(predicted, QUANTILES, axis=0).T),
        },
        coords={"number": list(numbers), "quantile": list(QUANTILES)},
        attrs={"kind": later.kind.key, "customers": later.observed.size},
    )
