"""What rules would have gained: a row a rule, and whether the log can judge it."""

from bayes_cx.page import Badge, Block, Number, Text
from bayes_cx.page.words import count, measured
from bayes_cx.reporting.panels.shared import check_badges, folded, interval, panel, table, warning
from bayes_cx.validation import PolicyValue

__all__ = ["blocks"]


def blocks(found: PolicyValue) -> tuple[Block, ...]:
    """Return one row a rule, by the doubly robust estimate; that of SNIPS beside it."""
    rows = []
    for name in map(str, found.data["policy"].to_numpy()):
        one = found.data.sel(policy=name, estimator="doubly robust")
        other = float(found.data["value"].sel(policy=name, estimator="snips"))
        value = {str(key): float(one[key]) for key in one.data_vars}
        judged = found.can_judge(name)
        rows.append(
            (
                name,
                Number(measured(value["value"]), value["value"]),
                interval(value["value_low"], value["value_high"]),
                Number(measured(other), other),
                Number(measured(value["lift"]), value["lift"]),
                interval(value["lift_low"], value["lift_high"]),
                Number(count(value["ess"]), value["ess"]),
                Badge("yes" if judged else "no", "passed" if judged else "failed"),
            )
        )
    level = f"{found.level:.0%} interval"
    heads = ("rule", "gain a decision", level, "by SNIPS", "more than was done", level)
    return panel(
        "What rules would have gained",
        [f"{count(found.data.attrs['decisions'])} decisions", f"gains are {found.values}"],
        warning(found.checks),
        table((*heads, "effective decisions", "can be judged"), rows, "rules"),
        folded("in words", *(Text((sentence,)) for sentence in found.sentences)),
        folded("checks", *(check_badges(found.checks, name) for name in found.data["policy"].to_numpy()[1:])),
    )
