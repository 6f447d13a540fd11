"""A trial before it begins: how many customers each arm needs, and in all, for how long."""

from bayes_cx.decision import TrialPlan
from bayes_cx.page import Block, Cell, Number, Text
from bayes_cx.page.words import count
from bayes_cx.reporting.panels.shared import panel, table

__all__ = ["blocks"]


def blocks(plan: TrialPlan) -> tuple[Block, ...]:
    """Return the size of the trial by how often one looks, and what is behind it in sentences."""
    looked = {
        "once, at the end": (plan.n, plan.days),
        f"up to {plan.looks} times": (plan.n_anytime, plan.days_anytime),
    }
    rows: list[tuple[Cell, ...]] = []
    for name, (n, days) in looked.items():
        row: tuple[Cell, ...] = (
            name,
            Number(count(n), float(n)),
            Number(count(n * plan.arms), float(n * plan.arms)),
        )
        rows.append(row if days is None else (*row, Number(count(days), days)))
    heads = ("one looks", "customers in each arm", "in all", *(() if plan.days is None else ("days",)))
    return panel(
        f"A trial of {plan.arms} arms",
        [f"from {plan.control:g} by {plan.effect:g}", f"power {plan.power:.0%}"],
        table(heads, rows, "size of the trial"),
        Text((str(plan),)),
    )
