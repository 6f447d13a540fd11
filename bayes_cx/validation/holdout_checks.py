"""The checks of a hold-out: single numbers, each with its interval and its target."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, Interval, Status
from bayes_cx.validation.calibration import FALSE_ALARMS
from bayes_cx.validation.capture import MODEL, POINT_ESTIMATE
from bayes_cx.validation.coverage import (
    LEVELS,
    TOLERANCE,
    binomial_interval,
    inside_interval,
    inside_randomised,
)
from bayes_cx.validation.judged import Judged
from bayes_cx.validation.scores import crps, log_score, pooled, pooled_crps

__all__ = [
    "TOLERANCE",
    "Compared",
    "calibration_check",
    "capture_checks",
    "count_checks",
    "mean_interval",
    "tracking_check",
]

# What a 95% interval leaves outside.
_LEVEL = 0.05


@dataclass(frozen=True)
class Compared:
    """What a metric is computed from, customer by customer.

    Attributes
    ----------
    later : Judged
        The customers, and what they did in the hold-out.
    counts : numpy.ndarray of int, shape (sample, customer)
        Predictive hold-out events.
    expected, chance : numpy.ndarray, shape (customer,)
        Expected events, and the chance that there is any or that the customer stays.
    carried_on : numpy.ndarray, shape (customer,)
        What a simple rule expects that continues the past.
    alike : numpy.ndarray of int, shape (customer,)
        A number for each customer's history: equal histories have the same predictive distribution.
    paid : numpy.ndarray, shape (customer,), or None
        Hold-out spend.
    pays : numpy.ndarray, shape (sample, customer), or None
        Predictive hold-out spend.
    """

    later: Judged
    counts: np.ndarray
    expected: np.ndarray
    chance: np.ndarray
    carried_on: np.ndarray
    alike: np.ndarray
    paid: np.ndarray | None = None
    pays: np.ndarray | None = None

    def of(self, some: np.ndarray) -> "Compared":
        """Return the same of some customers."""
        return Compared(
            self.later.of(some),
            self.counts[:, some],
            self.expected[some],
            self.chance[some],
            self.carried_on[some],
            np.unique(self.alike[some], return_inverse=True)[1],
            None if self.paid is None else self.paid[some],
            None if self.pays is None else self.pays[:, some],
        )


def count_checks(compared: Compared, of: str = "") -> Iterator[Check]:
    """Yield the checks of all customers or of a group.

    Parameters
    ----------
    compared : Compared
        On the customers of the group.
    of : str
        What the group is called; empty for all customers.
    """
    later, counts = compared.later, compared.counts
    observed, events, forecast = later.observed, later.events, later.forecast
    happened = forecast.happened(observed, later.span)
    happens = forecast.happened(counts, later.span)
    yield _total(f"{events} in the hold-out", counts.sum(axis=1, dtype=np.int64), observed, of)
    yield _total(forecast.whom, happens.sum(axis=1), happened, of)
    if compared.pays is not None and compared.paid is not None:
        yield _total("spend in the hold-out", compared.pays.sum(axis=1, dtype=float), compared.paid, of)
    for level in LEVELS:
        yield _covered(counts, observed, level, of, observed.size)
    everybody = pooled(counts, int(observed.max(initial=0)))
    flat = "the same forecast for everybody"
    yield _score(
        f"CRPS of {events}", crps(counts, observed), pooled_crps(everybody, observed).mean(), flat, of
    )
    logs = log_score(counts, observed, everybody, compared.alike)
    yield _score(f"log score of {events}", logs, -np.log(everybody[observed]).mean(), flat, of)
    yield _score(
        f"absolute error of expected {events}",
        np.abs(compared.expected - observed),
        np.abs(compared.carried_on - observed).mean(),
        forecast.rule,
        of,
    )
    yield _score(
        f"Brier score of {forecast.outcome}",
        (compared.chance - happened) ** 2,
        happened.mean() * (1 - happened.mean()),
        "the true share for everybody",
        of,
        most=1.0,
    )


def mean_interval(values: np.ndarray, most: float) -> tuple[float, float]:
    """Return a 95% interval of a mean of values between 0 and `most`, on a scale that ends there.

    The scale is that of the log, or of the log odds where there is a largest value, so that the interval
    reaches nothing impossible however few the values are; of many it is the usual one.
    """
    mean = float(values.mean())
    if values.size < 2:
        return np.nan, np.nan
    error = 1.96 * float(values.std(ddof=1)) / np.sqrt(values.size)
    if not 0 < mean < most or error == 0:
        return mean, mean
    if np.isinf(most):
        return mean * np.exp(-error / mean), mean * np.exp(error / mean)
    share = mean / most
    odds, step = share / (1 - share), error / most / (share * (1 - share))
    low, high = odds * np.exp(-step), odds * np.exp(min(step, 700.0))
    return most * low / (1 + low), most * high / (1 + high)


def _total(name: str, sums: np.ndarray, observed: np.ndarray, of: str) -> Check:
    seen = float(observed.sum())
    low, high = np.quantile(sums, [0.025, 0.975])
    value = float(sums.mean())
    error = f", error {value / seen - 1:+.1%}" if seen else ""
    return _check(
        f"predicted {name}",
        value,
        float(low),
        float(high),
        of,
        observed.size,
        f"interval holds {seen:,.0f}",
        _status(low <= seen <= high),
        f"observed {seen:,.0f}{error}",
        _LEVEL,
    )


def _covered(counts: np.ndarray, observed: np.ndarray, level: float, of: str, n: int) -> Check:
    share = float(inside_randomised(counts, observed, level).mean())
    plain = float(inside_interval(counts, observed, level).mean())
    low, high = binomial_interval(share, n)
    return _check(
        f"customers inside their {level:.0%} interval",
        share,
        low,
        high,
        of,
        n,
        f"interval reaches {level:g} ± {TOLERANCE:g}",
        _status(low - TOLERANCE <= level <= high + TOLERANCE),
        f"{plain:.3f} if customers at the ends of the interval count in full",
        _LEVEL,
    )


def _score(name: str, values: np.ndarray, rival: float, whose: str, of: str, most: float = np.inf) -> Check:
    value = float(values.mean())
    low, high = mean_interval(values, most)
    return _check(
        name,
        value,
        low,
        high,
        of,
        values.size,
        f"<= {rival:.4g}",
        _status(value <= rival),
        f"{whose}: {rival:.4g}",
    )


def calibration_check(table: xr.Dataset, outcome: str) -> Check:
    """Return the share of customers at whom the calibration curve of an outcome lies inside its band."""
    inside, least = (float(table.attrs[name]) for name in ("inside", "least_inside"))
    return _check(
        f"calibration curve of {outcome} inside its 95% band",
        inside,
        np.nan,
        np.nan,
        "",
        table.sizes["point"],
        f">= {np.floor(1000 * least) / 1000:g} of customers",
        _status(inside >= least),
        f"{1 - inside:.0%} of customers outside; if the forecasts were right, more than {1 - least:.0%} "
        f"would be outside only {FALSE_ALARMS:.0%} of the time",
        FALSE_ALARMS,
    )


def tracking_check(table: xr.Dataset, n: int) -> Check:
    """Return the share of hold-out periods inside their 95% band."""
    kept = table.isel(period=slice(table.attrs["calibration_periods"], None))
    low, high = (kept["predicted_quantile"].sel(quantile=q) for q in (0.025, 0.975))
    inside = ((kept["observed"] >= low) & (kept["observed"] <= high)).to_numpy()
    share = float(inside.mean())
    interval = binomial_interval(share, inside.size)
    return _check(
        f"single {table.attrs['unit']}s of the hold-out inside their 95% band",
        share,
        *interval,
        "",
        n,
        "interval contains 0.95",
        _status(interval[0] <= 0.95 <= interval[1]),
        f"{int(inside.sum())} of {inside.size}",
    )


def capture_checks(table: xr.Dataset, n: int, rival: bool) -> Iterator[Check]:
    """Yield the lead of the model over each rule in the share of revenue that its best customers brought.

    With `rival` the maximum-likelihood baseline is expected among the rules; where it is missing, its check
    is `not_run`.
    """
    top, counted = f"{table.attrs['top_share']:.0%}", table.attrs["counted"]
    ours = float(table["share"].sel(rule=MODEL))
    known = [str(name) for name in table["rule"].to_numpy() if name != MODEL]
    target = "interval reaches 0 or more"
    for name in known:
        one = table.sel(rule=name)
        value, low, high = (float(one[c]) for c in ("difference", "difference_low", "difference_high"))
        yield _check(
            f"lead in {counted} of the best {top} over {name}",
            value,
            low,
            high,
            "",
            n,
            target,
            _status(high >= 0),
            f"share of {counted} {ours:.3f} against {float(one['share']):.3f}",
            _LEVEL / 2,
        )
    if rival and POINT_ESTIMATE not in known:
        name = f"lead in revenue of the best {top} over {POINT_ESTIMATE}"
        why = "lifetimes found no maximum in these data"
        yield Check(name, None, target, "not_run", why, n=n)


def _check(
    name: str,
    value: float,
    low: float,
    high: float,
    about: str,
    n: int,
    target: str,
    status: Status,
    note: str = "",
    alarm: float | None = None,
) -> Check:
    """Return a check with a 95% interval, or with none where its ends are no numbers."""
    interval = Interval(low, high, 1 - _LEVEL) if np.isfinite([low, high]).all() else None
    return Check(name, value, target, status, note, about, interval, n, alarm)


def _status(good: bool | np.bool_) -> Status:
    return "passed" if good else "failed"
