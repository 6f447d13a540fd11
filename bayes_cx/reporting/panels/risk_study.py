"""A study of risk: how many are expected, the first of the list, and whether forecasts came true."""

from bayes_cx.checks import in_words
from bayes_cx.page import Block, Number, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import about, about_range, chance, count, plural, shorten
from bayes_cx.reporting.panels.shared import check_badges, folded, interval, panel, table, warning
from bayes_cx.reporting.rows import rows_of
from bayes_cx.risk_study import RiskStudy

__all__ = ["blocks"]

_MOST, _LONGEST = 10, 40


def blocks(study: RiskStudy) -> tuple[Block, ...]:
    """Return what is expected, and the customers with the largest chances."""
    mean, low, high = study.total
    tested = f"not tested: {study.holdout_note}"
    if study.holdout is not None:
        tested = (
            f"tested: {count(study.holdout.observed)} came, {about(study.holdout.expected)} were expected "
            f"({about_range(study.holdout.low, study.holdout.high)})"
        )
    first = study.table.head(_MOST)
    rows = [
        (
            shorten(str(row.customer), _LONGEST),
            Number(chance(row.chance), float(row.chance)),
            interval(row.low, row.high, share=True),
            str(row.reasons),
        )
        for row in rows_of(first)
    ]
    return panel(
        f"{study.target} within {study.horizon}",
        [
            f"{plural(len(study.table), 'customer')} at risk",
            f"{about(mean)} expected ({about_range(low, high)})",
            tested,
        ],
        check_badges(study.checks),
        warning(study.checks),
        table(("customer", "chance", "90% interval", "why"), rows, "customers at risk"),
        folded(
            "what comes before it",
            None if study.signals is None else Text(study.signals.sentences(5), "bullets"),
        ),
        folded(f"checks: {in_words(study.checks)}", checks_table(study.checks)),
    )
