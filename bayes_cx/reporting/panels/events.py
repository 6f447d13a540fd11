"""Events: rows read, accepted and rejected by reason; which events, in which channels."""

from bayes_cx.data import Events
from bayes_cx.page import Block
from bayes_cx.page.words import count
from bayes_cx.reporting.panels.shared import folded, mapping, panel, read_and_rejected, reasons

__all__ = ["blocks"]

# So many kinds of events a panel names.
_SHOWN = 12


def blocks(events: Events) -> tuple[Block, ...]:
    """Return how many rows can be used, why the others cannot, and what happened how often."""
    rejected = dict(events.rejected_by_reason)
    by_event = events.counts.groupby("event")["n"].sum().sort_values(ascending=False, kind="stable")
    rest = (
        {f"{by_event.size - _SHOWN:,} others": int(by_event[_SHOWN:].sum())} if by_event.size > _SHOWN else {}
    )
    named = {str(name): count(int(n)) for name, n in by_event[:_SHOWN].items()}
    source = {"source": events.source, "sha256": events.sha256}
    return panel(
        f"{count(events.rows_accepted)} events",
        [f"{by_event.size:,} different", *events.remarks],
        read_and_rejected(events.rows_read, rejected),
        reasons(rejected),
        folded("what happened", mapping(named | {name: count(n) for name, n in rest.items()})),
        folded("provenance", mapping(source)),
    )
