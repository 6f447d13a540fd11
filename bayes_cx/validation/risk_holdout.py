"""Did the forecasts of risk come true? Fitted until a cut, judged on what came later, beside simple rules."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import beta

from bayes_cx.checks import Check, Interval
from bayes_cx.clock import end_of
from bayes_cx.data import at_risk, first_events, summarise_periods
from bayes_cx.errors import InputError
from bayes_cx.inference.design import Design
from bayes_cx.inference.fit import fit
from bayes_cx.inference.hazards import RiskPosterior
from bayes_cx.models.hazard import HAZARD
from bayes_cx.scoring.risk import risk_draws
from bayes_cx.spans import Span
from bayes_cx.validation.capture import MODEL
from bayes_cx.validation.found import found_by_contacts

if TYPE_CHECKING:
    from bayes_cx.data import Events

__all__ = ["RiskHoldout", "judge_risk", "risk_holdout", "risk_rules"]

type Rule = Callable[[xr.Dataset, xr.Dataset], np.ndarray]

_SHARES = (0.01, 0.02, 0.05, 0.10, 0.20, 0.30)
_BINS, _DRAWS = 10, 400
# So many groups of ten may lie outside their 95 % interval: more do in less than 1 of 100 cases.
_OUTSIDE = 2


@dataclass(frozen=True)
class RiskHoldout:
    """How forecasts of risk compare with what came after the cut.

    Attributes
    ----------
    cut, until : str
        When the fit ends, and when the customers are judged.
    target : str
        The event.
    dates : int
        On how many dates, one horizon apart, forecasts are made and judged; the first is the cut.
    customers, observed : int
        Customers at risk at the cut, and how many had the event within the horizon; of several dates, the
        sum.
    expected, low, high : float
        How many were expected, and the 95 % interval of their number.
    calibration : pandas.DataFrame
        Customers in ten groups by their forecast: ``forecast`` (mean), ``customers``, ``observed`` (share),
        ``low`` and ``high`` (90 % interval of the share).
    found : pandas.DataFrame
        If on each date the ``contacts`` customers whom a ``rule`` puts first are contacted: ``share`` of
        those with the event among them, with ``low`` and ``high`` (95 %, bootstrap over customers), and the
        ``difference`` of the model to the rule with ``difference_low`` and ``difference_high``.
    log_loss, log_loss_flat : float
        Mean log loss of the forecasts, and of one chance for all, even if that were the right share.
    checks : tuple of Check
    """

    cut: str
    until: str
    target: str
    dates: int
    customers: int
    observed: int
    expected: float
    low: float
    high: float
    calibration: pd.DataFrame = field(repr=False)
    found: pd.DataFrame = field(repr=False)
    log_loss: float
    log_loss_flat: float
    checks: tuple[Check, ...]

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were compared, the model first."""
        return tuple(dict.fromkeys(self.found["rule"]))

    def at(self, contacts: int) -> pd.DataFrame:
        """Return what each rule finds with as many contacts as were looked at nearest to `contacts`."""
        known = np.asarray(self.found["contacts"])
        nearest = known[np.argmin(np.abs(known - contacts))]
        return pd.DataFrame(self.found[known == nearest]).set_index("rule")

    def __repr__(self) -> str:
        return (
            f"<RiskHoldout of {self.target} after {self.cut[:10]}: {self.customers:,} customers, "
            f"{self.observed:,} events, {self.expected:,.0f} expected>"
        )


def risk_rules() -> dict[str, Rule]:
    """Return simple rules: ``rule(periods, rows)`` gives a score of each row, the higher the more at risk.

    Recency is the time since the last event of any kind; an RFM score adds the ranks of that, of the number
    of events and of their value in the longest window. Both take silence for risk.

    Examples
    --------
    >>> sorted(risk_rules())
    ['RFM score', 'recency']
    """
    return {"recency": _recency, "RFM score": _rfm}


def _recency(periods: xr.Dataset, rows: xr.Dataset) -> np.ndarray:
    since = [name for name in rows.data_vars if str(name).startswith("since ")]
    name = "since any event" if "since any event" in rows else (since or ["age"])[0]
    return rows[name].to_numpy().astype(float)


def _rfm(periods: xr.Dataset, rows: xr.Dataset) -> np.ndarray:
    found = pd.Series(_recency(periods, rows)).rank()
    columns = pd.DataFrame({str(name): rows[name].to_numpy() for name in rows.data_vars})
    windows = sorted({name.rpartition(", ")[2] for name in columns if ", " in name}, key=_length)
    if windows:
        last = [name for name in columns if name.endswith(f", {windows[-1]}")]
        counts = [name for name in last if not name.startswith("value,") and "(channel)" not in name]
        for some in (counts, [name for name in last if name.startswith("value,")]):
            if some:
                found = found - columns[some].astype(float).sum(axis=1).rank()
    return found.to_numpy()


def _length(window: str) -> float:
    try:
        return Span.of(window).in_unit("day")
    except InputError:  # no window, but a comma in a name
        return -1.0


def risk_holdout(
    events: "Events",
    *,
    event: Sequence[str] | str,
    cut: Any,
    t: Any = "30 days",
    until: Any = None,
    target: str | None = None,
    by: Sequence[str] | str = (),
    customers: Any = None,
    rules: Mapping[str, Rule] | None = None,
    seed: int = 1,
    **options: Any,
) -> RiskHoldout:
    """Fit risk to what was known at a cut, and judge its forecasts on what came within `t` after it.

    With a later `until` the same fit is asked again on dates one `t` apart, each time of the customers who
    are at risk then, with what is known of them by then, and all are judged together: the events of one span
    are often too few to tell two lists apart.

    Parameters
    ----------
    events : Events
    event, by, customers, **options
        As for `summarise_periods`; groups in `by` are pooled.
    cut : str, date or datetime
        A date means its last moment.
    t : str, Span or time difference
        How far ahead; periods are so long if no `period` is given.
    until : str, date or datetime, optional
        End of the events that are judged, by default one `t` after the cut; what is left after the last whole
        `t` is not judged. A date means its last moment.
    target : str, optional
        The event that is judged, by default the first.
    rules : mapping of str to callable, optional
        What else ranks customers: ``rule(periods, rows)`` returns a score of each row, the higher the more at
        risk, from the periods until the cut and the customers at risk then; by default `risk_rules`.
    seed : int

    Returns
    -------
    RiskHoldout

    Raises
    ------
    InputError
        If `t` after the cut was not observed, or nobody was at risk.
    """
    span = Span.of(t)
    after = end_of(cut, events.schema.timezone)
    step = timedelta(seconds=round(span.in_unit("second")))
    end = after + step if until is None else end_of(until, events.schema.timezone)
    last = events.dates.last_instant
    if last is not None and end > last.replace(tzinfo=None) + timedelta(days=1):
        raise InputError(
            f"{span} after {after:%Y-%m-%d %H:%M}, of events until {last:%Y-%m-%d %H:%M}"
            if until is None
            else f"until={until!r}, of events until {last:%Y-%m-%d %H:%M}",
            "a span that was observed",
            "choose an earlier cut" if until is None else "choose an earlier until",
        )
    dates = [after + i * step for i in range((end - after) // step)]
    if not dates:
        raise InputError(
            f"{end - after} from the cut to the end",
            f"{span} or more",
            "choose an earlier cut, or a later until",
        )
    asked: dict[str, Any] = {"period": span} | options
    periods = summarise_periods(
        events, event=event, until=after.replace(tzinfo=UTC), by=by, customers=customers, **asked
    )
    groups = (by,) if isinstance(by, str) else tuple(by)
    posterior = fit(HAZARD, periods, design=Design(pool=groups) if groups else Design(), seed=seed)
    cases = []
    for date in dates:
        rows = at_risk(events, periods, until=date.replace(tzinfo=UTC), customers=customers)
        found = first_events(
            events, periods, after=date.replace(tzinfo=UTC), until=(date + step).replace(tzinfo=UTC)
        )
        names = pd.Index(rows["customer"].to_numpy().astype(str))
        cases.append((rows, found.reindex(names).fillna("").to_numpy()))
    return judge_risk(
        posterior,
        periods,
        cases,
        t=span,
        target=target,
        rules=rules,
        seed=seed,
        cut=after.isoformat(" "),
        until=(dates[-1] + step).isoformat(" "),
    )


def judge_risk(
    posterior: RiskPosterior,
    periods: xr.Dataset,
    cases: Sequence[tuple[xr.Dataset, np.ndarray]],
    *,
    t: Any,
    target: str | None = None,
    rules: Mapping[str, Rule] | None = None,
    seed: int = 1,
    cut: str = "",
    until: str = "",
) -> RiskHoldout:
    """Judge forecasts of customers of whom it is known what happened.

    Parameters
    ----------
    posterior : RiskPosterior
    periods : xarray.Dataset
        What it was fitted to, for rules that learn.
    cases : sequence of pairs
        For each date the customers at risk (`at_risk`), and the first event of each within `t` (text, empty
        without one, shape (customer,)).
    t, target, rules, seed
        As for `risk_holdout`.
    cut, until : str
        For the reader.
    """
    target = posterior.causes[0] if target is None else target
    y = np.concatenate([(np.asarray(event_of).astype(str) == target).astype(float) for _, event_of in cases])
    draws = np.concatenate(
        [risk_draws(posterior, rows, "p_event", t=t, target=target, thin_to=_DRAWS) for rows, _ in cases],
        axis=1,
    )
    rng = np.random.default_rng([seed, y.size])
    # How many there would be, one world a draw.
    worlds = (rng.random(draws.shape) < draws).astype(np.uint8)
    low, high = np.quantile(worlds.sum(axis=1), [0.025, 0.975])
    chance = draws.mean(axis=0)
    calibration, outside = _groups(chance, y, worlds)
    scores = {MODEL: chance}
    for name, rule in (rules or risk_rules()).items():
        scores[name] = np.concatenate([np.asarray(rule(periods, rows), float) for rows, _ in cases])
    customer = np.concatenate([rows["customer"].to_numpy().astype(str) for rows, _ in cases])
    date = np.repeat(np.arange(len(cases)), [rows.sizes["customer"] for rows, _ in cases])
    usual = y.size / len(cases)
    contacts = list(dict.fromkeys(max(1, round(share * usual)) for share in _SHARES))
    found = found_by_contacts(scores, y, customer, date, contacts, seed=seed)
    checks = (
        Check(
            "events after the cut",
            float(y.sum()),
            f"between {low:.0f} and {high:.0f}",
            "passed" if low <= y.sum() <= high else "failed",
            about=target,
            interval=Interval(float(low), float(high), 0.95),
        ),
        Check(
            "groups by forecast whose events are outside the 95 % interval",
            float(outside) if len(calibration) > 1 else None,
            f"<= {_OUTSIDE}",
            "not_run" if len(calibration) < 2 else "passed" if outside <= _OUTSIDE else "failed",
            note=f"of {len(calibration)}",
            about=target,
        ),
    )
    flat = float(y.mean())
    losses = _log_loss(chance, y), _log_loss(np.full(y.size, flat), y)
    return RiskHoldout(
        cut, until, target, len(cases), y.size, int(y.sum()), float(chance.sum()), float(low), float(high),
        calibration, found, *losses, checks,
    )  # fmt: skip


def _log_loss(chance: np.ndarray, y: np.ndarray) -> float:
    p = np.clip(np.where(y > 0, chance, 1 - chance), 1e-12, 1.0)
    return float(-np.log(p).mean())


def _groups(chance: np.ndarray, y: np.ndarray, worlds: np.ndarray) -> tuple[pd.DataFrame, int]:
    """Return customers in groups by forecast, and how many have more or fewer events than forecast."""
    order = np.argsort(chance, kind="stable")
    rows, outside = [], 0
    for some in np.array_split(order, min(_BINS, y.size)):
        n, events = some.size, y[some].sum()
        least, most = np.quantile(worlds[:, some].sum(axis=1), [0.025, 0.975])
        outside += not least <= events <= most
        # Jeffreys' interval.
        low, high = beta.ppf([0.05, 0.95], events + 0.5, n - events + 0.5)
        rows.append((chance[some].mean(), n, events / n, low, high))
    return pd.DataFrame(rows, columns=["forecast", "customers", "observed", "low", "high"]), outside
