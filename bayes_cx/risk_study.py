"""The results of a study of risk, in one record from which its report and its model card are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_cx.errors import BayesCxError, InputError
from bayes_cx.notebook import html
from bayes_cx.spans import Span
from bayes_cx.study import RunProvenance

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayes_cx.checks import Check
    from bayes_cx.data import Events, Features
    from bayes_cx.inference import RiskPosterior
    from bayes_cx.inference.signals import Signals
    from bayes_cx.validation.risk_holdout import RiskHoldout

__all__ = ["RiskStudy", "study_risk"]

_DRAWS = 400
# On how many dates the test judges forecasts at most, and in which share of the time observed.
_DATES, _SHARE_OF_TIME = 6, 0.4
_QUANTILES = (0.05, 0.95)
# How far signals look back at most, and of how many events they are.
_LOOK_BACK, _LENGTH = Span(30, "day"), 2


@dataclass(frozen=True)
class RiskStudy:
    """The results of a study of who is at risk of an event.

    Attributes
    ----------
    events : Events
    periods : xarray.Dataset
        From `summarise_periods`.
    posterior : RiskPosterior
    target : str
        The event.
    horizon : Span
        How far ahead.
    today : xarray.Dataset
        The customers at risk at the end of observation, from `at_risk`.
    table : pandas.DataFrame
        One row a customer, the largest chance first: ``rank``, ``customer``, ``chance``, ``low`` and ``high``
        (90 % interval), ``times_average`` (chance over that of all), ``reasons`` (text), and the groups.
    contacts : pandas.DataFrame
        If the first ``contacts`` of the table are contacted: ``expected`` number who would have the event,
        ``low`` and ``high`` (90 % interval of their number), ``share`` of all that are expected.
    total : tuple of three floats
        Expected number with the event among all, and its 90 % interval.
    holdout : RiskHoldout or None
        What forecasts until an earlier cut were worth.
    holdout_note : str
        Why there is no hold-out.
    signals : Signals or None
        Of what comes before the event, from `signals`; None where that cannot be said.
    signals_note : str
        Why not.
    provenance : RunProvenance

    Examples
    --------
    See `study_risk`.
    """

    events: "Events"
    periods: "xr.Dataset"
    posterior: "RiskPosterior"
    target: str
    horizon: Span
    today: "xr.Dataset"
    table: "pd.DataFrame" = field(repr=False)
    contacts: "pd.DataFrame" = field(repr=False)
    total: tuple[float, float, float]
    holdout: "RiskHoldout | None" = None
    holdout_note: str = ""
    signals: "Signals | None" = None
    signals_note: str = ""
    provenance: RunProvenance = field(default_factory=RunProvenance)

    @cached_property
    def checks(self) -> "tuple[Check, ...]":
        """Those of the fit and of the hold-out."""
        return (*self.posterior.checks, *(() if self.holdout is None else self.holdout.checks))

    def __repr__(self) -> str:
        return (
            f"<RiskStudy of {self.target} within {self.horizon}: {len(self.table):,} customers at risk, "
            f"{self.total[0]:,.0f} expected>"
        )

    def _repr_html_(self) -> str:
        return html("risk_study", self)


def study_risk(
    events: "Events",
    *,
    target: str,
    horizon: Any = "30 days",
    period: Any = None,
    until: Any = None,
    by: Sequence[str] | str = (),
    features: "Features | None" = None,
    customers: Any = None,
    holdout_from: Any = None,
    holdout: bool = True,
    provenance: RunProvenance | None = None,
    seed: int = 1,
) -> RiskStudy:
    """Return who is at risk of an event, how sure that is, why, and whether such forecasts came true before.

    Parameters
    ----------
    events : Events
    target : str
        The event, such as ``"termination"``.
    horizon : str, Span or time difference
        How far ahead.
    period : str, Span or time difference, optional
        Length of the periods, by default a third of the horizon: what happens shortly before the event is
        then seen, and held for the rest of the horizon. The test says whether such forecasts come true.
    until, by, features, customers
        As for `summarise_periods`; groups in `by` are pooled.
    holdout_from : str, date or datetime, optional
        End of what the test is fitted to. By default six horizons before the end of observation, or fewer
        where that is more than 40 % of it; forecasts are judged on dates one horizon apart from then on.
    holdout : bool
        Whether forecasts are tested.
    provenance : RunProvenance, optional
    seed : int

    Returns
    -------
    RiskStudy

    Raises
    ------
    InputError
        If the event never happens, nobody is at risk, or an argument cannot be read.
    """
    from bayes_cx.data import at_risk, summarise_periods
    from bayes_cx.inference import RiskPosterior, fit
    from bayes_cx.inference.design import Design
    from bayes_cx.models import HAZARD

    span = Span.of(horizon)
    step = Span(span.in_unit("day") / 3, "day") if period is None else Span.of(period)
    groups = (by,) if isinstance(by, str) else tuple(by)
    periods = summarise_periods(
        events, event=target, until=until, period=step, by=groups, features=features, customers=customers
    )
    posterior = fit(HAZARD, periods, design=Design(pool=groups) if groups else Design(), seed=seed)
    assert isinstance(posterior, RiskPosterior)
    today = at_risk(events, periods, until=_moment(periods), customers=customers)
    found, note = None, "it was not asked for"
    if holdout:
        found, note = _tested(
            events, periods, target, span, step, groups, features, customers, holdout_from, seed
        )
    table, contacts, total = _ranked(posterior, today, span, groups, seed)
    before, why_not = _signals(events, periods, target, seed)
    return RiskStudy(
        events, periods, posterior, target, span, today, table, contacts, total, found, note,
        before, why_not, provenance or RunProvenance(),
    )  # fmt: skip


def _moment(periods: "xr.Dataset") -> Any:
    """Return the end of observation, to the microsecond."""
    import pandas as pd

    return pd.Timestamp(periods.attrs["until"]).tz_localize("UTC")


def _signals(events: "Events", periods: "xr.Dataset", target: str, seed: int) -> "tuple[Signals | None, str]":
    """Return what comes before the event in a month, or in a quarter of the time observed if that is less."""
    import pandas as pd

    from bayes_cx.inference.signals import signals

    end = _moment(periods)
    first = (
        end if events.dates.first is None else pd.Timestamp(events.dates.first.replace(tzinfo=None), tz="UTC")
    )
    quarter = Span(max((end - first) / pd.Timedelta(days=4), 1 / 24), "day")
    window = min(_LOOK_BACK, quarter, key=lambda span: span.number)
    try:
        return signals(events, target, window, until=end, length=_LENGTH, seed=seed), ""
    except BayesCxError as error:
        return None, error.came if isinstance(error, InputError) else str(error)


def _tested(
    events: "Events",
    periods: "xr.Dataset",
    target: str,
    span: Span,
    step: Span,
    groups: tuple[str, ...],
    features: "Features | None",
    customers: Any,
    holdout_from: Any,
    seed: int,
) -> "tuple[RiskHoldout | None, str]":
    """Return the hold-out test, or why there is none; a cut that the user named has to work."""
    import pandas as pd

    from bayes_cx.clock import end_of
    from bayes_cx.validation.risk_holdout import risk_holdout

    end, length = _moment(periods), pd.Timedelta(seconds=span.in_unit("second"))
    cut, until = holdout_from, end
    if cut is None:
        first = pd.Timestamp(periods.attrs["period_start"]).tz_localize("UTC")
        dates = min(_DATES, max(1, int(_SHARE_OF_TIME * (end - first) / length)))
        cut = end - dates * length
    else:
        until = max(until, pd.Timestamp(end_of(cut, events.schema.timezone)).tz_localize("UTC") + length)
    try:
        found = risk_holdout(
            events,
            event=target,
            cut=cut,
            t=span,
            until=until,
            period=step,
            by=groups,
            features=features,
            customers=customers,
            seed=seed,
        )
    except BayesCxError as error:
        if holdout_from is not None:
            raise
        return None, error.came if isinstance(error, InputError) else str(error)
    return found, ""


def _ranked(
    posterior: "RiskPosterior", today: "xr.Dataset", span: Span, groups: tuple[str, ...], seed: int
) -> "tuple[pd.DataFrame, pd.DataFrame, tuple[float, float, float]]":
    """Return the customers by their chance, what contacting the first of them finds, and the total."""
    import pandas as pd

    from bayes_cx.scoring import reasons, score
    from bayes_cx.scoring.risk import risk_draws

    scores = score(posterior, today, "p_event", t=span, quantiles=_QUANTILES).table()
    why = reasons(posterior, today)
    said = why["text"].groupby(level="customer", sort=False).agg("; ".join)
    chance = scores["mean"].to_numpy()
    order = np.lexsort((np.arange(chance.size), -chance))
    table = pd.DataFrame(
        {
            "customer": scores.index,
            "chance": chance,
            "low": scores["quantile_5"].to_numpy(),
            "high": scores["quantile_95"].to_numpy(),
            "times_average": chance / chance.mean(),
            "reasons": said.reindex(scores.index).fillna("").to_numpy(),
            **{name: today[name].to_numpy() for name in groups},
        }
    ).iloc[order]
    table.insert(0, "rank", np.arange(1, chance.size + 1))
    rng = np.random.default_rng([seed, chance.size])
    draws = risk_draws(posterior, today.isel(customer=order), "p_event", t=span, thin_to=_DRAWS)
    worlds = np.cumsum(rng.random(draws.shape) < draws, axis=1, dtype=np.int64)
    rows = []
    for k in dict.fromkeys(min(size, chance.size) for size in (10, 50, 100, 500, 1000, 5000)):
        low, high = np.quantile(worlds[:, k - 1], [0.05, 0.95])
        expected = float(chance[order[:k]].sum())
        rows.append((k, expected, float(low), float(high), expected / float(chance.sum())))
    contacts = pd.DataFrame(rows, columns=["contacts", "expected", "low", "high", "share"])
    low, high = np.quantile(worlds[:, -1], [0.05, 0.95])
    total = float(chance.sum()), float(low), float(high)
    return table.reset_index(drop=True), contacts, total
