"""Signals: what comes before a target more, or less, often than with comparable others."""

from bayes_cx.inference.signals import Signals
from bayes_cx.page import Block, Text
from bayes_cx.page.words import count, measured, per_cent, plural
from bayes_cx.reporting.before_target import signals_table
from bayes_cx.reporting.panels.shared import folded, mapping, panel

__all__ = ["blocks"]


def blocks(signals: Signals) -> tuple[Block, ...]:
    """Return the surest signals in a table, the same in words, and what was compared, folded."""
    mean, low, high = signals.share_none
    compared = {
        "source": signals.source,
        "reached": f"{count(signals.reached)} journeys",
        "compared": f"{count(signals.cases)} of these with {count(signals.controls)} moments of others",
        "sequences": count(signals.data.sizes["sequence"]),
        "of these without effect": f"{per_cent(mean)} ({per_cent(low)} to {per_cent(high)})",
        "largest log rate ratio": measured(float(abs(signals.data["log_rate_ratio"]).max())),
    }
    return panel(
        f"Before {' or '.join(signals.target)}",
        [
            plural(len(signals.found()), "signal"),
            f"within {signals.window}",
            "an association, no proof of a cause",
        ],
        signals_table(signals, 12),
        folded("in words", Text(signals.sentences(), "bullets")),
        folded("what was compared", mapping(compared)),
    )
