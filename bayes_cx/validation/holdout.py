"""The test of a fit: its forecast of a hold-out period that it has not seen, against what happened."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from bayes_cx import checks as _checks
from bayes_cx.checks import Check
from bayes_cx.data import Split, groups_of, provenance_of, unique_rows
from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.notebook import html
from bayes_cx.scoring import payments, score
from bayes_cx.validation.calibration import calibration
from bayes_cx.validation.capture import capture, rules
from bayes_cx.validation.comparable import columns_of, refuse_seen
from bayes_cx.validation.coverage import LEVELS, coverage, inside_randomised
from bayes_cx.validation.holdout_checks import (
    Compared,
    calibration_check,
    capture_checks,
    count_checks,
    tracking_check,
)
from bayes_cx.validation.judged import judged, means
from bayes_cx.validation.spend_coverage import spend_checks, spend_coverage
from bayes_cx.validation.tracking import by_frequency, futures, reached, tracking

__all__ = ["SMALLEST_GROUP", "Holdout", "holdout"]

SMALLEST_GROUP = 100
"""Customers from which on a group is judged alone.

With 100 the share inside an 80% interval is known to eight points either way; with fewer, a group that is
forecast badly cannot be distinguished from one that is not.
"""


@dataclass(frozen=True)
class Holdout:
    """The forecast of a hold-out period, beside what happened.

    Attributes
    ----------
    tracking : xarray.Dataset
        Over ``period`` (and ``quantile``): events period by period and added up; see `tracking.tracking`.
        Attributes ``fitted_until`` and ``until``: the last day that the fit has seen, and the last of the
        hold-out.
    reached : xarray.Dataset
        Over ``number``: customers with so many hold-out events or more, of contracts those still there; see
        `tracking.reached`.
    by_frequency : xarray.Dataset
        Over ``frequency``: mean hold-out events by events before; see `tracking.by_frequency`.
    coverage : xarray.Dataset
        Over ``level``: predictive intervals by customer and in total; see `coverage.coverage`.
    calibration : xarray.Dataset
        Over ``point``: the chance of any purchase, or of being still a customer; see
        `calibration.calibration`.
    capture : xarray.Dataset or None
        Over ``rule``: revenue (without amounts, events) of the best customers by each rule; None where there
        was none or the model has no best ones; see `capture.capture`.
    checks : tuple of Check
        Single numbers, for all customers.
    by_group : tuple of Check
        The same for the groups in the statistics, which ``about`` names: ``"segment: B2B"``. Groups of fewer
        than `SMALLEST_GROUP` customers are judged together: ``"segment: 12 small groups"``.
    by_segment : xarray.Dataset or None
        Over ``segment``, the same groups: ``customers``; ``predicted`` events with their 95% interval ``low``
        and ``high``, and those ``observed``; and over ``level`` the share of customers ``inside`` their
        interval, those at its ends in part. None without groups.
    spend : xarray.Dataset or None
        Over ``level``: what buyers paid, given how often they bought; see `spend_coverage.spend_coverage`.
        None without a posterior of spend, or where nobody paid.
    """

    tracking: xr.Dataset
    reached: xr.Dataset
    by_frequency: xr.Dataset
    coverage: xr.Dataset
    calibration: xr.Dataset
    capture: xr.Dataset | None
    checks: tuple[Check, ...]
    by_group: tuple[Check, ...]
    by_segment: xr.Dataset | None = None
    spend: xr.Dataset | None = None

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks of all customers."""
        return _checks.verdict(self.checks)

    def __repr__(self) -> str:
        passed = sum(check.status == "passed" for check in self.checks)
        return f"<Holdout: {passed} of {len(self.checks)} checks passed>"

    def _repr_html_(self) -> str:
        return html("holdout", self)


def holdout(
    purchases: Posterior, spend: Posterior | None, split: Split, *, draws: int = 500, seed: int = 0
) -> Holdout:
    """Return the forecast of the hold-out period of a split, compared with what happened.

    The kind of the model says what is counted: purchases, opportunities taken, or renewals made by those
    whose contract came up. Every draw of the parameters gets one future: what each customer does by chance is
    part of every interval.

    Parameters
    ----------
    purchases, spend : Posterior
        Fitted to ``split.calibration``: what customers do (renewals too), and what it is worth, if there are
        amounts.
    split : Split
        From `bcx.split` or `bcx.split_contracts`.
    draws : int
        Number of futures, two or more.
    seed : int
        The same seed gives the same result.

    Returns
    -------
    Holdout

    Raises
    ------
    InputError
        If a posterior was fitted to the hold-out period or is of another kind, or for fewer than two draws.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> parts = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30")
    >>> purchases = bcx.fit(bcx.models.BG_NBD, parts.calibration, seed=1, progress=False)
    >>> found = bcx.validation.holdout(purchases, None, parts, draws=200)
    >>> total = found.checks[0]
    >>> print(total.name, total.status, sep=": ")
    predicted purchases in the hold-out: failed
    >>> found.coverage.attrs["total_observed"]
    1882
    """
    for posterior in filter(None, (purchases, spend)):
        refuse_seen(posterior, split)
    if draws < 2:
        raise InputError(f"{draws} draws", "two draws or more", "ask for some hundreds")
    later = judged(purchases, split)
    if not later.observed.size:
        raise InputError(
            f"a hold-out in which no customer can make {later.events}",
            "at least one customer who can",
            "choose a longer hold-out",
        )
    kind, forecast, observed = later.kind, later.forecast, later.observed
    seeds = [int(state) for state in np.random.SeedSequence(seed).generate_state(4)]
    found = futures(purchases, split, draws=draws, seed=seeds[0])
    expected, chance = (
        means(purchases, later, name, thin_to=draws) for name in (forecast.expected, forecast.chance)
    )
    columns = kind.numbers(split.calibration)
    everybody = np.zeros(later.who.size)
    everybody[later.who] = later.span
    rows = later.stats.assign(span=("customer", later.span))
    _, alike = unique_rows(rows, (*columns_of(purchases), "span"))
    compared = Compared(
        later=later,
        counts=found.counts,
        expected=expected,
        chance=chance,
        carried_on=forecast.carried_on(columns, everybody)[later.who],
        alike=alike,
    )
    captured, value = None, (expected, observed, later.events)
    spent = None
    if spend is not None and "spend_holdout" in split.holdout:
        if split.holdout["spend_holdout"].to_numpy().sum() > 0:
            spent = spend_coverage(spend, split, draws=draws, seed=seeds[1])
        paid = split.holdout["spend_holdout"].to_numpy()[later.who]
        prices = payments(spend, later.stats, draws, np.random.default_rng(seeds[1]))
        pays = np.array([pay(n).astype(np.float32) for pay, n in zip(prices, found.counts, strict=True)])
        compared = replace(compared, paid=paid, pays=pays)
        each = score(spend, later.stats, "expected_spend", thin_to=draws)["mean"].to_numpy()
        value = (expected * each, paid, "revenue")
    ranked, came, counted = value
    rival = counted == "revenue" and forecast.peer
    if came.sum() > 0 and np.ptp(ranked) > 0:
        known = later.stats if counted == "revenue" else later.stats.drop_vars("first_spend", errors="ignore")
        length = float(split.holdout.attrs["length"])
        captured = capture(rules(kind, known, ranked, length), came, counted=counted, seed=seeds[2])
    tracked = tracking(kind, split, found).assign_attrs(
        fitted_until=provenance_of(split.calibration).until, until=str(split.holdout.attrs["end"])
    )
    calibrated = calibration(chance, forecast.happened(observed, later.span), seed=seeds[3])
    calibrated = calibrated.assign_attrs(kind=kind.key)
    before = forecast.before(columns)[later.who].astype(np.int64)
    groups = list(_groups(compared))
    return Holdout(
        tracking=tracked,
        reached=reached(later, found.counts),
        by_frequency=by_frequency(before, observed, expected, found.counts).assign_attrs(kind=kind.key),
        coverage=coverage(found.counts, observed).assign_attrs(kind=kind.key),
        calibration=calibrated,
        capture=captured,
        checks=(
            *count_checks(compared),
            tracking_check(tracked, observed.size),
            calibration_check(calibrated, forecast.outcome),
            *(() if captured is None else capture_checks(captured, observed.size, rival)),
            *(() if spent is None else spend_checks(spent)),
        ),
        by_group=tuple(check for name, some in groups for check in count_checks(some, name)),
        by_segment=_table_of(groups) if groups else None,
        spend=spent,
    )


def _groups(compared: Compared) -> Iterator[tuple[str, Compared]]:
    """Yield each group by name; groups too small to judge are judged together, by column."""
    for name in groups_of(compared.later.stats):
        values = compared.later.stats[name].to_numpy().astype(str)
        found, place, size = np.unique(values, return_inverse=True, return_counts=True)
        small = size < SMALLEST_GROUP
        alone = np.flatnonzero(~small) if small.sum() > 1 else np.arange(found.size)
        for i in alone:
            yield f"{name}: {found[i]}", compared.of(place == i)
        if small.sum() > 1:
            yield f"{name}: {small.sum()} small groups", compared.of(small[place])


def _table_of(groups: Sequence[tuple[str, Compared]]) -> xr.Dataset:
    """Return how well the events of each group were forecast."""
    rows = []
    for _, some in groups:
        total, observed = some.counts.sum(axis=1, dtype=np.int64), some.later.observed
        low, high = np.quantile(total, [0.025, 0.975])
        inside = [float(inside_randomised(some.counts, observed, level).mean()) for level in LEVELS]
        rows.append((observed.size, float(total.mean()), low, high, int(observed.sum()), inside))
    names = ("customers", "predicted", "low", "high", "observed")
    columns = {name: ("segment", [row[i] for row in rows]) for i, name in enumerate(names)}
    return xr.Dataset(
        {**columns, "inside": (("segment", "level"), [row[-1] for row in rows])},
        coords={"segment": [name for name, _ in groups], "level": list(LEVELS)},
    )
