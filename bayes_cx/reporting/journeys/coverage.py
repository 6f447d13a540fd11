"""What we see of customers: events, identities and channels, month by month, and what is missing."""

from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Column, Number, Section, Table, Text
from bayes_cx.page.words import count, listing, per_cent, plural, shorten
from bayes_cx.scoring.journey_views import each_row

__all__ = ["section"]

_CHANNELS, _MONTHS = 8, 12


def section(study: JourneyStudy) -> Section:
    """Return how many events have an identity and what share of customers each channel sees."""
    table: Any = study.events.coverage().reset_index()
    channels = table.groupby("channel")["events"].sum().sort_values(ascending=False, kind="stable")
    lines = [_seen(study), *_missing(study, table, channels)]
    return Section("What we see of customers", (Text(tuple(lines)), _table(table, channels)))


def _seen(study: JourneyStudy) -> str:
    events = study.events
    known = events.rows_accepted - events.rows_anonymous
    states = len(study.posterior.states) - 1
    return (
        f"{count(events.rows_accepted)} events of {plural(study.customers, 'customer')}, of which "
        f"{per_cent(known / max(1, events.rows_accepted))} have a customer. They are "
        f"{plural(study.journeys, 'journey')} through {plural(states, 'state')}."
    )


def _missing(study: JourneyStudy, table: Any, channels: Any) -> list[str]:
    """Say what is not seen: channels that are not named, months without one, anonymous channels."""
    found = []
    if study.events.schema.channel is None:
        found.append("No channel was named, so nothing can be said by channel.")
    elif "missing" in channels.index:
        share = per_cent(channels["missing"] / channels.sum())
        found.append(f"Without a channel: {count(channels['missing'])} events ({share}).")
    months = table["month"].drop_duplicates()
    gaps = [
        f"“{shorten(str(name), 24)}” in {count(len(months) - len(own))} of {plural(len(months), 'month')}"
        for name, own in table.groupby("channel")
        if name in channels.index[:_CHANNELS] and len(own) < len(months)
    ]
    if gaps:
        found.append(f"Nothing was seen of {listing(gaps)}.")
    total = table.assign(known=table["events"] * table["identified"]).groupby("channel")
    shares = total["known"].sum() / total["events"].sum()
    hidden = [
        f"“{shorten(str(name), 24)}” ({per_cent(float(shares[name]))} known)"
        for name in channels.index[:_CHANNELS]
        if shares[name] < 0.5
    ]
    if hidden:
        found.append(f"Most events have no customer in {listing(hidden)}.")
    if study.events.schema.known_at is None:
        found.append(
            "It is not said when the company knew of an event; each counts as known when it happened, which "
            "makes forecasts look better than they are if news arrives late."
        )
    return found


def _table(table: Any, channels: Any) -> Table:
    names = [str(name) for name in channels.index[:_CHANNELS]]
    months = sorted(table["month"].unique())[-_MONTHS:]
    seen = {(row.month, row.channel): float(row.seen) for row in each_row(table)}
    rows = []
    for month in months:
        cells = [seen.get((month, name)) for name in names]
        rows.append(
            (
                f"{pd.Timestamp(month):%Y-%m}",
                *(
                    Number("–") if one is None or not np.isfinite(one) else Number(per_cent(one), one)
                    for one in cells
                ),
            )
        )
    rest = len(channels) - len(names)
    more = f" {plural(rest, 'channel')} with fewer events left out." if rest else ""
    return Table(
        (Column("Month", wide=True), *(Column(shorten(name, 14)) for name in names)),
        tuple(rows),
        caption="Share of all customers who were seen in a channel, by month.",
        legend=f"A dash: nobody was.{more}",
        label="Coverage by month and channel",
    )
