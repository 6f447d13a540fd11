"""Views of all that is known: of all customers by channel and month, and of one customer."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.data.events import Events, check_events
from bayes_cx.data.groups import NO_GROUP
from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["ChannelView", "CustomerView", "channel_view", "customer_view"]

# A channel is late where half of its events are known only after so many days.
_LATE = 0.5
_NAMED = 6


@dataclass(frozen=True)
class ChannelView:
    """What is seen of customers, by channel and month.

    Attributes
    ----------
    by_month : pandas.DataFrame
        From `Events.coverage`: by ``month`` and ``channel`` the number of ``events``, the share
        ``identified``, the number of ``customers``, and the share of all customers ``seen``.
    by_channel : pandas.DataFrame
        The same by ``channel`` over the whole time, the most used first, with ``only``, the share of all
        customers who were seen nowhere else, and ``days_late``, after how many days half of the events are
        known.
    customers : int
        Number of different customers.
    missing : tuple of str
        What is not seen, in sentences.
    source : str
    """

    by_month: pd.DataFrame = field(repr=False)
    by_channel: pd.DataFrame
    customers: int
    missing: tuple[str, ...]
    source: str

    def __repr__(self) -> str:
        n = len(self.by_channel)
        return f"<ChannelView of {self.source}: {self.customers:,} customers in {n} channels>"

    def _repr_html_(self) -> str:
        return html("views", self)


@dataclass(frozen=True)
class CustomerView:
    """All that is known of one customer.

    Attributes
    ----------
    customer : str
    events : pandas.DataFrame
        From `Events.of_customer`: one row an event, in order of time.
    by_channel : pandas.DataFrame
        By ``channel``: number of ``events``, ``first`` and ``last``.
    """

    customer: str
    events: pd.DataFrame = field(repr=False)
    by_channel: pd.DataFrame

    def __repr__(self) -> str:
        return f"<CustomerView {self.customer}: {len(self.events):,} events>"

    def _repr_html_(self) -> str:
        return html("views", self)


def channel_view(events: Events) -> ChannelView:
    """Return what is seen of customers, by channel and month, and what is not.

    Parameters
    ----------
    events : Events
        From `read_events`.

    Examples
    --------
    >>> from bayes_cx.data import read_events
    >>> days = ["2025-01-01", "2025-01-02", "2025-03-02"]
    >>> via = ["web", "web", None]
    >>> frame = pd.DataFrame({"who": ["a", "b", "a"], "day": days, "what": "visit", "via": via})
    >>> view = channel_view(read_events(frame, customer="who", time="day", event="what", channel="via"))
    >>> view.by_channel["seen"].tolist(), view.missing[0]
    ([1.0, 0.5], '33% of the events have no channel.')
    """
    check_events(events)
    rows, none = events.rows(), literal(NO_GROUP)
    late = "0.0" if events.schema.known_at is None else "greatest(epoch(known) - epoch(moment), 0) / 86400"
    found = events.table.run(
        f"""WITH seen AS (SELECT coalesce(channel, {none}) AS channel, customer, {late} AS late FROM {rows}),
everybody AS (SELECT customer, count(DISTINCT channel) AS n FROM seen WHERE customer IS NOT NULL
GROUP BY customer)
SELECT channel, count(*) AS events, count(seen.customer) / count(*) AS identified,
count(DISTINCT seen.customer) AS customers,
count(DISTINCT seen.customer) / nullif((SELECT count(*) FROM everybody), 0) AS seen,
count(DISTINCT CASE WHEN everybody.n = 1 THEN seen.customer END)
/ nullif((SELECT count(*) FROM everybody), 0) AS only, median(late) AS days_late
FROM seen LEFT JOIN everybody ON seen.customer = everybody.customer
GROUP BY channel ORDER BY events DESC, channel"""
    ).to_pandas()
    (n,) = events.table.run(f"SELECT count(DISTINCT customer) AS n FROM {rows}")["n"].to_pylist()
    by_channel, by_month = found.set_index("channel"), events.coverage()
    return ChannelView(by_month, by_channel, n, _missing(events, by_month, by_channel), events.source)


def customer_view(events: Events, customer: object) -> CustomerView:
    """Return all that is known of one customer.

    Parameters
    ----------
    events : Events
        From `read_events`.
    customer : str or int
        As in the data; under pseudonyms the pseudonym.

    Raises
    ------
    InputError
        If there is no event of the customer.

    Examples
    --------
    >>> from bayes_cx.data import read_events
    >>> days = ["2025-01-01", "2025-01-02"]
    >>> frame = pd.DataFrame({"who": ["a", "a"], "day": days, "what": ["call", "buy"]})
    >>> view = customer_view(read_events(frame, customer="who", time="day", event="what"), "a")
    >>> view.events["event"].tolist()
    ['call', 'buy']
    """
    check_events(events)
    own = events.of_customer(customer)
    if own.empty:
        raise InputError(
            f"no event of the customer {customer!r}",
            "a customer of the data",
            "check the id; under pseudonyms pass the pseudonym",
        )
    channel = own["channel"] if "channel" in own else pd.Series(None, own.index, dtype="object")
    grouped = own.assign(channel=channel.fillna(NO_GROUP)).groupby("channel")["time"]
    by_channel = grouped.agg(events="count", first="min", last="max")
    order = np.lexsort((np.array(by_channel["first"]), -np.array(by_channel["events"])))
    by_channel = by_channel.iloc[order]
    return CustomerView(str(customer), own, by_channel)


def _missing(events: Events, by_month: pd.DataFrame, by_channel: pd.DataFrame) -> tuple[str, ...]:
    """Return what is not seen, in sentences."""
    said: list[str] = []
    rows: list[dict[str, Any]] = by_channel.reset_index().to_dict(orient="records")
    total = sum(row["events"] for row in rows)
    unnamed = sum(row["events"] for row in rows if row["channel"] == NO_GROUP)
    if unnamed:
        said.append(f"{_share(unnamed / total)} of the events have no channel.")
    unknown = [row["events"] * (1 - row["identified"]) for row in rows]
    if sum(unknown) >= 0.5:
        worst = rows[unknown.index(max(unknown))]
        said.append(
            f"{_share(sum(unknown) / total)} of the events have no customer, most of them in the channel "
            f"{worst['channel']}, where it is {_share(1 - worst['identified'])}."
        )
    seen: dict[str, list[pd.Timestamp]] = {}
    for month, channel in by_month.index.tolist():
        seen.setdefault(channel, []).append(month)
    known = sorted({month for months in seen.values() for month in months})
    everything = list(pd.date_range(known[0], known[-1], freq="MS")) if known else []
    named = [row["channel"] for row in rows if row["channel"] != NO_GROUP]
    for channel in named:
        said += _gaps(channel, seen[channel], everything)
    late = sorted(((row["days_late"], row["channel"]) for row in rows), reverse=True)
    if late := [f"{channel} ({days:.1f} days)" for days, channel in late if days > _LATE]:
        what = "the channel" if len(late) == 1 else "the channels"
        said.append(f"Half of what happens is known only later in {what} {', '.join(late)}.")
    only = sum(row["only"] for row in rows if row["channel"] != NO_GROUP and row["only"] > 0)
    if only and len(rows) > 1:
        said.append(f"{_share(only)} of the customers were seen in one channel only.")
    if events.rows_rejected:
        said.append(f"{events.rows_rejected:,} of {events.rows_read:,} rows could not be used.")
    if lost := sum(events.unmapped["n"].tolist()):
        said.append(f"{lost:,} events have no state in the taxonomy, and are no part of journeys.")
    return tuple(said)


def _gaps(channel: str, own: list[pd.Timestamp], everything: list[pd.Timestamp]) -> Iterator[str]:
    """Yield in which months nothing of a channel is known."""
    if own[0] > everything[0]:
        yield f"Nothing of the channel {channel} is known before {own[0]:%Y-%m}."
    if own[-1] < everything[-1]:
        yield f"Nothing of the channel {channel} is known after {own[-1]:%Y-%m}."
    within = [f"{month:%Y-%m}" for month in everything if own[0] < month < own[-1] and month not in own]
    if within:
        more = f" and {len(within) - _NAMED} more months" if len(within) > _NAMED else ""
        yield f"The channel {channel} has no event in {', '.join(within[:_NAMED])}{more}."


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"
