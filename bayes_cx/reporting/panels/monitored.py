"""What changed between two tables: the parts that did, with the evidence."""

from bayes_cx.page import Badge, Block, Number, Text
from bayes_cx.page.words import measured
from bayes_cx.reporting.panels.shared import check_badges, folded, panel, table
from bayes_cx.validation import Monitored

__all__ = ["blocks"]

_SHOWN = 15


def blocks(found: Monitored) -> tuple[Block, ...]:
    """Return what changed in words, and one row a part, the one with the most evidence first."""
    rows = []
    frame = found.table()
    for row in frame.head(_SHOWN).to_dict("records"):
        rows.append(
            (
                str(row["part"]) or "all",
                str(row["quantity"]),
                Number(measured(row["before"]), row["before"]),
                Number(measured(row["after"]), row["after"]),
                Number(measured(row["evidence"]), row["evidence"]),
                Number(measured(row["log_bayes_factor"]), row["log_bayes_factor"]),
                Badge("changed", "failed") if row["alarm"] else "",
            )
        )
    heads = ("part", "quantity", "before", "after", "evidence", "log Bayes factor", "")
    more = len(frame) - _SHOWN
    return panel(
        f"{', '.join(filter(None, found.parts)) or 'Something'} changed"
        if found.changed
        else "Nothing changed",
        [f"{found.data.sizes['look']:,} looks", f"a false alarm, ever: at most {found.level:.0%}"],
        *(Text((sentence,)) for sentence in found.sentences),
        table(heads, rows, "parts"),
        Text((f"{more:,} more in table()",), "note") if more > 0 else None,
        folded("checks", check_badges(found.checks)),
    )
