"""Events: rows read, accepted and rejected by reason; which events, in which channels."""

from collections import Counter

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
    by_event: Counter[str] = Counter()
    for name, n in zip(events.counts["event"].tolist(), events.counts["n"].tolist(), strict=True):
        by_event[name] += n
    named = {name: count(n) for name, n in by_event.most_common(_SHOWN)}
    if others := by_event.most_common()[_SHOWN:]:
        named[f"{len(others):,} others"] = count(sum(n for _, n in others))
    source = {"source": events.source, "sha256": events.sha256}
    return panel(
        f"{count(events.rows_accepted)} events",
        [f"{len(by_event):,} different", *events.remarks],
        read_and_rejected(events.rows_read, rejected),
        reasons(rejected),
        folded("what happened", mapping(named)),
        folded("provenance", mapping(source)),
    )
