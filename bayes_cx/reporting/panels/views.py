"""Views of all that is known: of all customers by channel, and of one customer."""

import pandas as pd

from bayes_cx.data import ChannelView, CustomerView
from bayes_cx.page import Block, Number, Text
from bayes_cx.page.words import count, day, plural, shorten
from bayes_cx.reporting.panels.shared import folded, panel, table
from bayes_cx.reporting.what_is_seen import channel_table, channels

__all__ = ["blocks"]

# So many of the last events of a customer are shown.
_LAST, _LONGEST = 20, 40


def blocks(view: ChannelView | CustomerView) -> tuple[Block, ...]:
    """Return what is seen by channel, what is missing, and, of one customer, the last events."""
    return _of_channels(view) if isinstance(view, ChannelView) else _of_customer(view)


def _of_channels(view: ChannelView) -> tuple[Block, ...]:
    return panel(
        plural(view.customers, "customer"),
        [f"in {plural(len(view.by_channel), 'channel')}", view.source],
        channel_table(view),
        Text(view.missing, "bullets") if view.missing else None,
        folded("by month", channels(view)),
    )


def _of_customer(view: CustomerView) -> tuple[Block, ...]:
    own = view.events
    by_channel = view.by_channel.reset_index().to_dict(orient="records")
    begin, end = min(row["first"] for row in by_channel), max(row["last"] for row in by_channel)
    facts = [plural(len(own), "event"), f"{day(begin)} to {day(end)}"]
    last = own.drop(columns=["customer", "known_at"], errors="ignore").tail(_LAST)[::-1]
    names = list(map(str, last.columns))
    rows = [
        ["" if value is None or value != value else shorten(str(value), _LONGEST) for value in row.values()]
        for row in pd.DataFrame(last).to_dict(orient="records")
    ]
    channels_used = [
        (
            str(row["channel"]),
            Number(count(row["events"]), row["events"]),
            day(row["first"]),
            day(row["last"]),
        )
        for row in by_channel
    ]
    return panel(
        f"Customer {shorten(view.customer, _LONGEST)}",
        facts,
        table(("channel", "events", "first", "last"), channels_used, "events by channel"),
        folded(f"the last {plural(len(last), 'event')}", table(names, rows, "events")),
    )
