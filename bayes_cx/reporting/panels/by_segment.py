"""Segments compared: what their customers will do, and how likely each brings more than the others."""

from bayes_cx.decision import BySegment
from bayes_cx.page import Block, Cell, Number
from bayes_cx.page.words import chance, count
from bayes_cx.reporting.panels.shared import interval, panel, table

__all__ = ["blocks"]


def blocks(found: BySegment) -> tuple[Block, ...]:
    """Return one row a segment, in the order of names."""
    better = found.p_above_others()
    parts = {name: found.summary(name) for name in ("active", "events", "value")}
    rows: list[tuple[Cell, ...]] = []
    for i, name in enumerate(found.names):
        n = float(found.data["customers"][i])
        cells = [interval(*parts[one][["low", "high"]].iloc[i], share=one == "active") for one in parts]
        rows.append((name, Number(count(n), n), *cells, Number(chance(float(better[i])), float(better[i]))))
    heads = (
        found.by,
        "customers",
        "active",
        f"{found.data.attrs['events']} each",
        "value each",
        "more than the others",
    )
    return panel(
        f"Segments by {found.by}",
        [f"the next {found.data.attrs['horizon']}", "90% intervals with all luck"],
        table(heads, rows, "segments"),
    )
