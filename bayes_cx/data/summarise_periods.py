"""From events to periods at risk: what was known of each customer at the start, and what came first."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.clock import end_of
from bayes_cx.data.customers_table import CustomersTable
from bayes_cx.data.events import Events, check_events
from bayes_cx.data.features import Features
from bayes_cx.data.groups import numbered
from bayes_cx.data.itineraries import end_of_observation
from bayes_cx.data.periods_at_risk import PeriodsAtRisk
from bayes_cx.data.statistics import column, marked
from bayes_cx.errors import InputError
from bayes_cx.kinds import PERIODS
from bayes_cx.spans import FINE_UNITS, Span, check_unit

__all__ = ["at_risk", "first_events", "summarise_periods"]


def summarise_periods(
    events: Events,
    *,
    event: Sequence[str] | str,
    until: Any = None,
    period: Any = "30 days",
    horizon: Any = None,
    features: Features | None = None,
    by: Sequence[str] | str = (),
    customers: Any = None,
    start: str | None = None,
    repeats: Sequence[str] | str = (),
    since: Any = None,
    unit: str = "day",
) -> xr.Dataset:
    """Reduce events to periods at risk: what was known at the start of each, and which event came first.

    Periods are those of the calendar: they follow each other, and the last one ends with the observation. A
    customer is at risk from the first one that begins after the customer came, until one of the events
    happens. A period that was not observed to its end is left out.

    Parameters
    ----------
    events : Events
        From `read_events`. With a taxonomy only events with a state count; those without a customer do not.
    event : str or sequence of str
        What is waited for, such as ``"termination"``; of several the first that happens counts, at equal
        times the one that is named first.
    until : str, date or datetime, optional
        End of observation: a date means its last moment; by default the time of the last event, included,
        or its day. What happened later, or was known later, does not count.
    period : str, Span, number or time difference
        Length of a period, such as ``"week"`` long ones by ``"1 week"``; a number is in `unit`.
    horizon : str, Span, number or time difference, optional
        For how long the event is waited for, a whole number of periods, by default one. With several, rows
        of one customer overlap; the fit then counts them as so many fewer.
    features : Features, optional
        What is known at the start of each period; by default ``Features()``.
    by : str or sequence of str
        Columns of the events, kept as groups that can be pooled; the last known cell counts.
    customers : pandas.DataFrame or path, optional
        What else is known of customers, a row each, or several with a column ``known_at``: from when on each
        row is known. All its columns are features.
    start : str, optional
        The event that puts a customer at risk, such as the begin of a contract; by default the first of any.
    repeats : str or sequence of str
        Those of `event` after which a customer is still at risk, such as calls. After the others, never
        again.
    since : str, date or datetime, optional
        Periods that begin earlier are left out, such as those whose windows reach before the data begin.
    unit : {"second", "minute", "hour", "day", "week", "month", "year"}
        Unit of times.

    Returns
    -------
    xarray.Dataset
        Over ``row``, sorted: ``age`` (at the start of the period) and ``length`` in `unit`, ``event`` (text,
        empty without one), ``happened`` (0 or 1), a column a feature (times since an event in `unit`), the
        groups, and ``weight`` (int64, number of periods). Attribute ``definition`` (JSON) says what the
        columns are; ``customers`` how many different ones are at risk, and ``left_early`` how many had the
        event before their first period began. Periods of different customers add (`add`) if `features` name
        the same events and channels.

    Raises
    ------
    InputError
        If there is no event of that name, no period at risk, or an argument cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import Features, read_events
    >>> days = ["2025-01-01", "2025-01-12", "2025-01-01", "2025-01-25"]
    >>> frame = pd.DataFrame({"who": list("aabb"), "day": days, "what": ["join", "call", "join", "leave"]})
    >>> events = read_events(frame, customer="who", time="day", event="what")
    >>> periods = summarise_periods(
    ...     events, event="leave", until="2025-01-31", period="10 days",
    ...     features=Features(windows=["10 days"], events=["call"], recency=False),
    ... )
    >>> periods[["call, 10 days", "event", "weight"]].to_dataframe().values.tolist()
    [[0.0, '', 2], [0.0, '', 2], [1.0, '', 1], [0.0, 'leave', 1]]
    """
    made = _Definition.of(events, event, period, horizon, features, by, start, repeats, unit)
    rows = made.rows(events, _end(events, until), since, customers)
    last = -made.times
    shown = rows.table(last, labelled=True)
    names = [*rows.columns, *(prefix for prefix in rows.groups if prefix not in rows.columns)]
    every = "".join(f", {name}" for name in names)
    found = events.table.run(
        f"SELECT age, event{every}, count(*) AS weight FROM {shown} GROUP BY ALL ORDER BY ALL"
    )
    if not found.num_rows:
        raise InputError(
            f"no customer at risk of {', '.join(made.causes)} for a whole period until {rows.until}",
            "customers who came a period before the end of observation or earlier",
            "choose a shorter period, or a later end of observation (until)",
        )
    happened = np.array([name != "" for name in column(found, "event")], np.int64)
    data = {
        "event": ("row", column(found, "event")),
        "happened": ("row", happened),
        **made.variables(rows, found, "row"),
        "weight": ("row", column(found, "weight").astype(np.int64)),
    }
    grid, risk = rows.grid(last), rows._risk
    counted = events.table.run(
        f"""SELECT (SELECT count(DISTINCT customer) FROM {grid}) AS customers,
(SELECT count(*) FROM {risk} WHERE ended IS NOT NULL AND enters >= {rows._cell("ended")}) AS early"""
    ).to_pylist()[0]
    attrs = made.attrs(rows) | {"customers": counted["customers"], "left_early": counted["early"]}
    return xr.Dataset(data, attrs=attrs)


def at_risk(
    events: Events,
    like: Any,
    *,
    until: Any = None,
    customers: Any = None,
) -> xr.Dataset:
    """Return the customers who are at risk at the end of observation, with what is known of them by then.

    Parameters
    ----------
    events : Events
    like : xarray.Dataset or RiskPosterior
        The periods from `summarise_periods`, or a fit of them: the same features are computed.
    until : str, date or datetime, optional
        The moment from which forecasts are made; a date means its last moment; by default the time of the
        last event.
    customers : pandas.DataFrame or path, optional
        As for `summarise_periods`.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, in order: the columns of the periods but for what happened.

    Raises
    ------
    InputError
        If nobody is at risk, `like` is something else, or the table of customers has other columns.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import Features, read_events
    >>> days = ["2025-01-01", "2025-01-22", "2025-01-01", "2025-01-25"]
    >>> frame = pd.DataFrame({"who": list("aabb"), "day": days, "what": ["join", "call", "join", "leave"]})
    >>> events = read_events(frame, customer="who", time="day", event="what")
    >>> some = Features(windows=["10 days"], events=["call"], channels=(), recency=False)
    >>> periods = summarise_periods(
    ...     events, event="leave", until="2025-01-31", period="10 days", features=some
    ... )
    >>> at_risk(events, periods, until="2025-01-31")["call, 10 days"].to_series().to_dict()
    {'a': 1.0}
    """
    check_events(events)
    made = _Definition.like(like)
    rows = made.rows(events, _end(events, until), None, customers)
    names = [feature.plain() for feature in rows.columns.values()]
    if names != made.features:
        own, wanted = ({one["name"] for one in some} for some in (names, made.features))
        differ = sorted(own ^ wanted) or sorted(own)
        raise InputError(
            f"features other than those of the fit ({', '.join(differ[:5])})",
            "events, and a table of customers, with the same columns",
            "pass customers= as to bcx.summarise_periods, or leave it out as there",
        )
    shown = rows.table(0, labelled=False, single=True)
    found = events.table.run(f"SELECT * EXCLUDE (j) FROM {shown} ORDER BY customer")
    if not found.num_rows:
        raise InputError(
            f"no customer at risk of {', '.join(made.causes)} at {rows.until}",
            "one customer or more",
            "pass another end of observation (until)",
        )
    data = made.variables(rows, found, "customer")
    return xr.Dataset(data, coords={"customer": column(found, "customer")}, attrs=made.attrs(rows))


def first_events(events: Events, like: Any, *, after: Any, until: Any) -> pd.Series:
    """Return what came first to each customer within a span, of the events that periods are about.

    Parameters
    ----------
    events : Events
    like : xarray.Dataset or RiskPosterior
        Periods, customers at risk, or a fit.
    after, until : str, date or datetime
        Begin and end of the span; a date means its last moment.

    Returns
    -------
    pandas.Series
        Of the event, indexed by the customer, of those who had one.

    Raises
    ------
    InputError
        If the span does not end after it begins.

    Examples
    --------
    See `bayes_cx.validation.risk_holdout`.
    """
    check_events(events)
    made = _Definition.like(like)
    begin, end = (end_of(date, events.schema.timezone) for date in (after, until))
    if not end > begin:
        raise InputError(f"a span from {after} to {until}", "an end after the begin", "exchange them")
    rows = made.rows_of(events, _end(events, until), begin - end)
    found = events.table.run(
        f"SELECT customer, event FROM {rows.first_events()} WHERE j = -1 ORDER BY customer"
    )
    return pd.Series(column(found, "event"), index=pd.Index(column(found, "customer"), name="customer"))


@dataclass(frozen=True)
class _Definition:
    """What makes periods of events; it travels as text in the attributes of statistics."""

    causes: tuple[str, ...]
    repeats: tuple[str, ...]
    start: str
    period: float
    times: int
    windows: tuple[float, ...]
    counted: tuple[str, ...]
    channels: tuple[str, ...]
    settings: Mapping[str, Any]
    by: tuple[str, ...]
    unit: str
    features: list[dict[str, Any]]

    @classmethod
    def of(
        cls,
        events: Any,
        event: Sequence[str] | str,
        period: Any,
        horizon: Any,
        features: Features | None,
        by: Sequence[str] | str,
        start: str | None,
        repeats: Sequence[str] | str,
        unit: str,
    ) -> "_Definition":
        """Return the definition from what users write."""
        check_events(events)
        check_unit(unit, FINE_UNITS)
        wanted = Features() if features is None else features
        causes, again, groups = (
            (some,) if isinstance(some, str) else tuple(some) for some in (event, repeats, by)
        )
        known, channels = _frequent(events)
        for name in (*causes, *(() if start is None else (start,))):
            if name not in known:
                raise InputError(
                    f"no event {name!r} in {events.source}",
                    f"one of {', '.join(map(repr, known[:50]))}",
                    "check the spelling, upper and lower case included",
                )
        if not causes or len(set(causes)) < len(causes):
            raise InputError(f"event={event!r}", "one event or several different ones", "name it")
        if unknown := [name for name in again if name not in causes]:
            raise InputError(
                f"repeats={unknown[0]!r}", f"one of {', '.join(causes)}", "name it in event= too"
            )
        step = _days_of("period", period, unit)
        ahead = step if horizon is None else _days_of("horizon", horizon, unit)
        times = round(ahead / step)
        if times < 1 or abs(times - ahead / step) > 1e-6:
            raise InputError(
                f"a horizon of {horizon} with periods of {period}",
                "a whole number of periods",
                "choose a period that divides the horizon",
            )
        # After an event that ends the risk nobody is at risk, so it is never seen before a landmark.
        final = {cause for cause in causes if cause not in again}
        counted, by_channel = wanted.most_frequent([name for name in known if name not in final], channels)
        settings = {
            "recency": wanted.recency, "value": wanted.value, "season": wanted.season,
            "columns": list(wanted.columns), "digits": wanted.digits,
        }  # fmt: skip
        windows = tuple(_days_of("window", window, unit) for window in wanted.windows)
        return cls(
            causes, again, start or "", step, times, windows, counted, by_channel, settings, groups, unit, []
        )

    @classmethod
    def like(cls, like: Any) -> "_Definition":
        """Return the definition of periods, or of a fit of them."""
        attrs = getattr(like, "attrs", None)
        if attrs is None and hasattr(like, "provenance"):
            attrs = like.provenance.get("data", {}) if isinstance(like.provenance, dict) else None
        if not isinstance(attrs, Mapping) or "definition" not in attrs:
            raise InputError(
                f"a {type(like).__name__} to be like",
                "periods from bcx.summarise_periods, or a fit of them",
                "pass one of these",
            )
        plain = json.loads(attrs["definition"])
        if "close" in plain:
            raise InputError("rows of sessions", "periods at risk", "use bcx.live_sessions for sessions")
        made: dict[str, Any] = {
            name: tuple(value) if isinstance(value := plain[name], list) else value for name in _FIELDS
        }
        return cls(**made, unit=str(attrs["unit"]), features=plain["features"])

    def rows(self, events: Events, until: str, since: Any, customers: Any) -> PeriodsAtRisk:
        """Return the periods of these events."""
        wanted = Features(windows=(), **self.settings)
        names = numbered([*dict.fromkeys([*self.by, *wanted.columns])], events.table.types)
        if taken := [name for name in names.values() if name in PERIODS.columns]:
            raise InputError(f"the column {taken[0]!r}", "a name that is no statistic", "rename the column")
        begin = 0.0
        if since is not None:
            begin = (end_of(since, events.schema.timezone) - end_of(until)).total_seconds() / 86_400
            if begin >= 0:
                raise InputError(f"since={since!r}", f"a time before {until}", "choose an earlier one")
        table = None if customers is None else CustomersTable.of(events, customers, until)
        rows = PeriodsAtRisk(
            events, self.causes, self.repeats, self.start, until, self.period, self.times, begin,
            self.counted, self.channels, self.windows, wanted, names, table,
        )  # fmt: skip
        columns = [feature.name for feature in rows.columns.values()]
        taken = {*PERIODS.columns, "weight", "row", "customer", *self.by}
        clash = [name for name in columns if columns.count(name) > 1 or name in taken]
        if clash:
            raise InputError(
                f"two columns called {clash[0]!r}", "a name for each", "rename one of the columns or events"
            )
        return rows

    def rows_of(self, events: Events, until: str, span: timedelta) -> PeriodsAtRisk:
        """Return periods that are as long as a span, without features."""
        days = -span.total_seconds() / 86_400
        bare = Features(windows=(), recency=False, value=False)
        return PeriodsAtRisk(
            events, self.causes, self.repeats, self.start, until, days, 1, 0.0, (), (), (), bare, {}, None
        )

    def variables(self, rows: PeriodsAtRisk, found: Any, dim: str) -> dict[str, Any]:
        """Return the columns of statistics: times in the unit, features, groups."""
        per = self.period / FINE_UNITS[self.unit]
        age = column(found, "age").astype(float) * per
        length = np.full(found.num_rows, per * self.times)
        data: dict[str, Any] = {
            "age": (dim, age, {"unit": self.unit}),
            "length": (dim, length, {"unit": self.unit}),
        }
        for at, feature in rows.columns.items():
            values = column(found, at)
            if feature.form == "recency":
                data[feature.name] = (dim, values.astype(float) * per, {"unit": self.unit})
            else:
                data[feature.name] = (dim, values if feature.form == "category" else values.astype(float))
        left = {prefix: name for prefix, name in rows.groups.items() if prefix not in rows.columns}
        return data | {name: (dim, column(found, prefix)) for prefix, name in left.items()}

    def attrs(self, rows: PeriodsAtRisk) -> dict[str, str | int | float]:
        """Return the attributes of statistics."""
        events = rows.events
        plain = {name: getattr(self, name) for name in _FIELDS}
        plain["features"] = [feature.plain() for feature in rows.columns.values()]
        content = [events.sha256, rows.until, json.dumps(plain, sort_keys=True)]
        return {
            "kind": PERIODS.key,
            "unit": self.unit,
            "until": rows.until,
            "period_start": "" if events.first is None else events.first.isoformat(" "),
            "period_end": rows.until,
            "source": events.source,
            "sha256": hashlib.sha256("\n".join(content).encode()).hexdigest(),
            **marked(events.table),
            "rows_read": events.rows_read,
            "rows_rejected": events.rows_rejected,
            "rejected": json.dumps(events.rejected_by_reason),
            "remarks": json.dumps(events.remarks),
            "definition": json.dumps(plain, sort_keys=True),
        }


_FIELDS = (
    "causes",
    "repeats",
    "start",
    "period",
    "times",
    "windows",
    "counted",
    "channels",
    "settings",
    "by",
)


def _end(events: Events, until: Any) -> str:
    """Return the end of observation in UTC, by default right after the last event, or the day it is of."""
    if until is None and (last := events.last) is not None and events.dates.lone_last is None:
        midnight = last == datetime.combine(last, datetime.min.time())
        until = last.date() if midnight else None
    end = end_of_observation(events, until)
    if until is not None:
        return end
    return (datetime.fromisoformat(end) + timedelta(microseconds=1)).isoformat(" ")


def _days_of(name: str, span: Any, unit: str) -> float:
    """Return a span that is above zero in days; a unit alone is one of it."""
    text = f"1 {span.strip()}" if isinstance(span, str) and not any(map(str.isdigit, span)) else span
    days = Span.of(text, unit).in_unit("day")
    if not days > 0:
        raise InputError(f"{name}={span!r}", "a span above zero", "write for example '1 week'")
    return days


def _frequent(events: Events) -> tuple[list[str], list[str]]:
    """Return the states, and the channels, of events of customers, the most frequent first."""
    view = events.rows()
    found = []
    for name in ("state", "channel"):
        counts = events.table.run(
            f"""SELECT {name} AS name FROM {view} WHERE {name} IS NOT NULL AND customer IS NOT NULL
AND state IS NOT NULL GROUP BY {name} ORDER BY count(*) DESC, {name}"""
        )
        found.append([str(one) for one in counts["name"].to_pylist()])
    return found[0], found[1]
