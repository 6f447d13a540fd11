"""What actions changed against what was expected: a row an action."""

from bayes_cx.checks import Status
from bayes_cx.page import Badge, Block, Number, Text
from bayes_cx.page.words import count, measured
from bayes_cx.reporting.panels.shared import folded, interval, panel, table, warning
from bayes_cx.validation import Realised

__all__ = ["blocks"]

_GOAL: dict[str, tuple[str, Status | None]] = {
    "missed": ("overestimated", None),
    "beaten": ("underestimated", "passed"),
    "not contradicted": ("not contradicted", "passed"),
    "not known": ("not known", "not_run"),
}


def blocks(found: Realised) -> tuple[Block, ...]:
    """Return one row an action, those whose effect was overestimated named in the title."""
    rows = []
    for name in map(str, found.data["action"].to_numpy()):
        one = {str(key): found.data[key].sel(action=name).item() for key in found.data.data_vars}
        rows.append(
            (
                name,
                Number(count(one["n"]), one["n"]),
                Number(measured(one["expected"]), one["expected"]),
                Number(measured(one["realised"]), one["realised"]),
                interval(one["low"], one["high"]),
                Badge(*_GOAL[one["goal"]]),
                Number(measured(one["corrected"]), one["corrected"]),
            )
        )
    missed = " and ".join(found.missed)
    heads = (
        "action",
        "decisions",
        "expected",
        "realised",
        f"{found.level:.0%} interval",
        "the plan was",
        "from now on",
    )
    return panel(
        f"The plan overestimated {missed}" if missed else "No effect is shown to have been overestimated",
        [f"{found.outcome} of a decision", f"against {found.control}"],
        warning(found.checks),
        table(heads, rows, "actions"),
        folded("in words", *(Text((sentence,)) for sentence in found.sentences)),
    )
