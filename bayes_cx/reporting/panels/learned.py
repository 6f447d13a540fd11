"""What a log has taught: a row an action and group, measured or believed."""

from bayes_cx.decision import Learned
from bayes_cx.page import Badge, Block, Number, Text
from bayes_cx.page.words import count, measured
from bayes_cx.reporting.panels.shared import folded, interval, mapping, panel, table

__all__ = ["blocks"]

_SHOWN = 20


def blocks(learned: Learned) -> tuple[Block, ...]:
    """Return what each action changes in each group."""
    frame = learned.table()
    rows = [
        (
            str(row["action"]),
            str(row["group"]),
            Number(measured(row["effect"]), row["effect"]),
            interval(row["low"], row["high"]),
            Number(measured(row["measured"]), row["measured"]),
            Number(count(row["n"]), row["n"]),
            Badge("measured", "passed") if row["n"] else Badge("assumed", "not_run"),
        )
        for row in frame.head(_SHOWN).to_dict("records")
    ]
    more = len(frame) - _SHOWN
    priors = {name: f"Beta({prior.alpha:g}, {prior.beta:g})" for name, prior in learned.priors.items()}
    heads = ("action", "group", "changes by", "90% interval", "in the log alone", "decisions", "")
    return panel(
        "What actions change",
        [
            f"{learned.outcome} within {learned.window}",
            f"{count(learned.sums['n'].to_numpy().sum())} decisions in {learned.rounds:,} rounds",
            f"against {learned.control}",
        ],
        table(heads, rows, "effects"),
        Text((f"{more:,} more in table()",), "note") if more > 0 else None,
        folded("believed before", mapping(priors)),
    )
