"""A plan of next best actions: how many get what, what limits cost, and the first customers with reasons."""

import numpy as np

from bayes_cx.decision import ActionPlan
from bayes_cx.page import Block, Number
from bayes_cx.page.words import count, measured, per_cent
from bayes_cx.reporting.panels.shared import badges, folded, ids, panel, table

__all__ = ["blocks"]

_FIRST = 10


def blocks(plan: ActionPlan) -> tuple[Block, ...]:
    """Return customers by action, limits with their prices, and the first customers."""
    data = plan.data
    gain, action = data["gain"].to_numpy(), data["action"].to_numpy().astype(str)
    rows = [
        (
            name,
            Number(count(n), n),
            Number(measured(float(gain[action == name].sum())), float(gain[action == name].sum())),
        )
        for name, n in plan.counts.items()
    ]
    limits = plan.limits
    prices = [
        (
            str(name),
            *(
                Number(measured(float(limits[key][k])), float(limits[key][k]))
                for key in ("used", "available", "price")
            ),
        )
        for k, name in enumerate(limits["limit"].to_numpy())
    ]
    order = np.argsort(-gain, kind="stable")[:_FIRST]
    first = data.isel(customer=order)
    p_best = first["p_best"].to_numpy() if "p_best" in data else None
    listed = [
        (name, what, "" if p_best is None else per_cent(float(p_best[k])), why)
        for k, (name, what, why) in enumerate(
            zip(ids(first), first["action"].to_numpy(), plan.reasons(order), strict=True)
        )
    ]
    facts = [f"expected gain {measured(plan.gain)}", f"at most {plan.gap:.1%} from the best plan"]
    held = int(data["control"].sum())
    return panel(
        "Next best actions",
        [f"{count(data.sizes['customer'])} customers"],
        badges([*facts, *([f"{count(held)} held out"] if held else [])]),
        table(("action", "customers", "expected gain"), rows, "actions"),
        table(("limit", "used", "available", "one more would gain"), prices, "limits"),
        folded("the largest gains", table(("customer", "action", "P(best)", "why"), listed, "customers")),
    )
