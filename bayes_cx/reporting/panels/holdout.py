"""A hold-out: every check with its interval, target and status."""

from bayes_cx.checks import in_words
from bayes_cx.page import Block
from bayes_cx.page.check_table import checks_table
from bayes_cx.reporting.panels.shared import folded, panel, warning
from bayes_cx.validation import Holdout

__all__ = ["blocks"]


def blocks(holdout: Holdout) -> tuple[Block, ...]:
    """Return the checks of all customers; those of groups folded."""
    groups = checks_table(holdout.by_group, about="Of") if holdout.by_group else None
    return panel(
        "Hold-out",
        [in_words(holdout.checks)],
        warning(holdout.checks),
        checks_table(holdout.checks),
        folded("by group", groups),
    )
