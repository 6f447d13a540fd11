"""The next cohort beside the last ones: what their customers do in the time after the first purchase."""

from bayes_cx.decision import NextCohort
from bayes_cx.page import Block, Cell, Number
from bayes_cx.page.words import count
from bayes_cx.reporting.panels.shared import interval, panel, table

__all__ = ["blocks"]


def blocks(found: NextCohort) -> tuple[Block, ...]:
    """Return one row a cohort, the next one last."""
    parts = {name: found.summary(name) for name in ("again", "events", "value")}
    rows: list[tuple[Cell, ...]] = []
    for i, name in enumerate(found.names):
        n = float(found.data["customers"][i])
        cells = [interval(*parts[one][["low", "high"]].iloc[i], share=one == "again") for one in parts]
        rows.append((f"{name}, the next" if name == found.name else name, Number(count(n), n), *cells))
    heads = (found.by, "customers", "come back", f"{found.data.attrs['events']} each", "value each")
    return panel(
        f"New customers by {found.by}",
        [f"{found.data.attrs['horizon']} from the first", "90% intervals with all luck"],
        table(heads, rows, "cohorts"),
    )
