"""What is seen of customers, as a part of a report: by channel and month, and what is missing."""

from bayes_cx.data import ChannelView
from bayes_cx.page import Block, Column, Number, Picture, Section, Table, Text
from bayes_cx.page.words import count, measured, per_cent, plural
from bayes_cx.reporting.figures.channels import channels

__all__ = ["channel_table", "channels", "coverage_section"]


def coverage_section(view: ChannelView, title: str = "What we see of customers") -> Section:
    """Return what is seen by channel and month, and what is not, as a section of a report.

    Parameters
    ----------
    view : ChannelView
        From `bcx.channel_view`.
    title : str
    """
    picture: Picture | None = channels(view)
    missing = view.missing or ("No gap was found: every event has a customer and a channel, at once.",)
    blocks: list[Block | None] = [picture, channel_table(view), Text(missing, "bullets")]
    return Section(title, tuple(one for one in blocks if one is not None))


def channel_table(view: ChannelView) -> Table:
    """Return one row a channel, the most used first."""
    late = bool((view.by_channel["days_late"] > 0).any())
    heads = ("channel", "events", "with a customer", "of customers seen", "seen only here")
    rows = []
    for row in view.by_channel.reset_index().to_dict(orient="records"):
        shares = (Number(per_cent(row[key]), row[key]) for key in ("identified", "seen", "only"))
        days = (Number(measured(row["days_late"], 2), row["days_late"]),) if late else ()
        rows.append((str(row["channel"]), Number(count(row["events"]), row["events"]), *shares, *days))
    heads = (*heads, "days until known") if late else heads
    return Table(
        tuple(Column(head) for head in heads),
        tuple(rows),
        label=f"what is seen of {plural(view.customers, 'customer')} by channel",
    )
