"""A trial: what each arm brings, how sure it is which is best, and for whom that differs."""

from bayes_cx.checks import in_words
from bayes_cx.inference import TrialPosterior
from bayes_cx.page import Block
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import count
from bayes_cx.reporting.panels.shared import check_badges, folded, mapping, panel, warning
from bayes_cx.reporting.trial.tables import arms_table, segments_table

__all__ = ["blocks"]


def blocks(posterior: TrialPosterior) -> tuple[Block, ...]:
    """Return the arms of a trial with its checks; segments folded."""
    made = posterior.provenance
    return panel(
        f"Trial of {posterior.measure}",
        [
            f"{count(posterior.n_customers)} customers",
            f"{len(posterior.arms)} arms against {posterior.control}",
            f"adjusted for {made['before']}" if posterior.adjusted else "",
        ],
        check_badges(posterior.checks),
        warning(posterior.checks),
        arms_table(posterior),
        folded("by segment", segments_table(posterior)) if posterior.divisions else None,
        folded(f"checks: {in_words(posterior.checks)}", checks_table(posterior.checks)),
        folded("data and provenance", mapping(made["data"])),
    )
