"""An action log: rows read and rejected by reason; how often each action, with which probabilities."""

from bayes_cx.data import Actions
from bayes_cx.page import Block, Number
from bayes_cx.page.words import count, day
from bayes_cx.reporting.panels.shared import (
    folded,
    interval,
    mapping,
    panel,
    read_and_rejected,
    reasons,
    table,
)

__all__ = ["blocks"]


def blocks(log: Actions) -> tuple[Block, ...]:
    """Return how many decisions can be used, why the others cannot, and what was done how often."""
    rejected = dict(log.rejected_by_reason)
    rows = [
        (
            str(row["action"]),
            Number(count(row["n"]), float(row["n"])),
            Number(count(row["customers"]), float(row["customers"])),
            interval(row["propensity_low"], row["propensity_high"], share=True),
        )
        for row in log.counts.to_dict("records")
    ]
    dates = f"{day(log.first)} to {day(log.last)}" if log.first and log.last else ""
    return panel(
        f"{count(log.rows_accepted)} decisions",
        [dates, *log.remarks],
        read_and_rejected(log.rows_read, rejected),
        reasons(rejected),
        table(("action", "decisions", "customers", "propensity"), rows, "actions"),
        folded("provenance", mapping({"source": log.source, "sha256": log.sha256})),
    )
