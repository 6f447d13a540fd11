"""What happened after the actions of a log: purchases and gain by action."""

from bayes_cx.data import FollowUp
from bayes_cx.page import Block, Number
from bayes_cx.page.words import count, day, measured, per_cent
from bayes_cx.reporting.panels.shared import folded, mapping, panel, table

__all__ = ["blocks"]


def blocks(decided: FollowUp) -> tuple[Block, ...]:
    """Return one row an action."""
    rows = []
    for row in decided.by_action().reset_index().to_dict("records"):
        n = float(row["n"])
        rows.append(
            (
                str(row["action"]),
                Number(count(n), n),
                Number(per_cent(row["buyers"] / n), row["buyers"] / n),
                Number(measured(row["purchases"] / n), row["purchases"] / n),
                Number(measured(row["gain"] / n), row["gain"] / n),
            )
        )
    settings = {"margin": decided.margin, "costs": decided.costs, "source": decided.source}
    return panel(
        f"{count(len(decided.rows))} decisions with what happened",
        [f"purchases within {decided.window}", f"known until {day(decided.until)}", *decided.remarks],
        table(("action", "decisions", "bought", "purchases each", "gain each"), rows, "actions"),
        folded("settings", mapping(settings)),
    )
