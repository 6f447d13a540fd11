"""A plan of next best actions as pages for people: who gets what, what limits cost, and on what it rests."""

import numpy as np

from bayes_cx.decision import ActionPlan
from bayes_cx.decision.actions import NOTHING
from bayes_cx.page import Block, Notice, Number, Page, Section, Text, Tile, Tiles
from bayes_cx.page.blocks import Badge, Cell, Column, Name, Table
from bayes_cx.page.words import Money, agree, chance, count, day, listing, measured, per_cent, plural, shorten
from bayes_cx.reporting.action_parts import best_within, counts, learning, limits
from bayes_cx.reporting.panels.shared import ids
from bayes_cx.reporting.report import Report
from bayes_cx.study import RunProvenance

__all__ = ["actions_report"]

_FIRST = 15
_BASIS = {
    "stated": ("assumed", "not_run"),
    "measured": ("measured", "passed"),
    "uplift": ("measured", "passed"),
}


def actions_report(plan: ActionPlan, run: RunProvenance | None = None) -> Report:
    """Put a plan of next best actions into pages: who gets what, what limits cost, and on what it rests.

    Parameters
    ----------
    plan : ActionPlan
        From `bcx.next_best_action`.
    run : RunProvenance, optional
        Title, organisation, currency, command and time of the run.

    Returns
    -------
    Report
        With ``to_pdf``, ``to_html`` and ``to_markdown``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> import bayes_cx as bcx
    >>> gains = xr.DataArray(
    ...     np.array([[3.0, 5.0], [2.0, 6.0], [1.0, 0.5]]), dims=("customer", "action"),
    ...     coords={"customer": ["ann", "bob", "cyd"], "action": ["mail", "call"]},
    ... )
    >>> actions = [bcx.Action("mail", cost=0.5, channel="mail"), bcx.Action("call", cost=1, channel="phone")]
    >>> plan = bcx.next_best_action(gains, actions, limits=bcx.Limits(capacity={"phone": 1}))
    >>> bcx.actions_report(plan).sentences[0]
    'Act on all 3 customers: that is expected to gain 8.00 after a cost of 2.00.'
    """
    run = RunProvenance() if run is None else run
    facts = (
        ("Prepared for", run.organisation),
        ("Customers", count(plan.data.sizes["customer"])),
        ("Actions", count(len(plan.actions))),
        ("Made", day(run.timestamp)),
    )
    sections = (
        _short(plan, run),
        _basis(plan),
        limits(plan, Money(run.currency)),
        learning(plan, "explore=bcx.Exploration(share=0.1)"),
        _first(plan, run),
        _method(plan, run),
    )
    return Report(
        Page(
            run.title or "Next best actions",
            tuple(section for section in sections if section is not None),
            subtitle="What to do for each customer, what the limits cost, and on what it rests",
            facts=tuple((name, value) for name, value in facts if value),
            organisation=run.organisation,
            foot="bayes_cx",
            timestamp=run.timestamp,
        )
    )


def _short(plan: ActionPlan, run: RunProvenance) -> Section:
    money, data = Money(run.currency), plan.data
    n, cost = data.sizes["customer"], float(data["cost"].sum())
    acted = n - plan.counts.get(NOTHING, 0)
    held = int(data["control"].sum())
    who = f"all {plural(n, 'customer')}" if acted == n else f"{count(acted)} of {plural(n, 'customer')}"
    lead = f"Act on {who}: that is expected to gain {money(plan.gain)} after a cost of {money(cost)}."
    if not acted:
        lead = f"Do nothing for {plural(n, 'customer')}: no action is expected to gain more than it costs."
    tiles = [
        Tile(money(plan.gain), "expected gain", "after cost"),
        Tile(money(cost), "cost", f"{money(cost / acted)} a customer" if acted else ""),
        Tile(count(acted), "customers who get something", f"{per_cent(acted / n)} of all" if n else ""),
    ]
    if held:
        tiles.append(Tile(count(held), "held out at random", "to measure what the plan brings"))
    blocks: list[Block] = [Text((lead,), "lead"), Tiles(tuple(tiles))]
    assumed = [
        action.name for action in plan.actions if action.response and action.response.basis == "stated"
    ]
    if used := [name for name in assumed if plan.counts.get(name)]:
        names = listing([f"“{shorten(name, 30)}”" for name in used[:4]])
        blocks.append(
            Notice(
                "look",
                f"What {names} {agree(len(used), 'changes', 'change')} is assumed.",
                "Nobody has measured it: hold some customers out, and compare.",
            )
        )
    blocks.append(counts(plan, money))
    return Section("In short", tuple(blocks))


def _basis(plan: ActionPlan) -> Section | None:
    """Say for each action where its effect comes from."""
    rows: list[tuple[Cell, ...]] = []
    for action in plan.actions:
        if (response := action.response) is None:
            continue
        word, status = _BASIS[response.basis]
        low, high = response.interval(0.9)
        rows.append(
            (
                Name(shorten(action.name, 40), shorten(response.source, 70)),
                Number(measured(response.mean), response.mean, "strong"),
                Number(f"{measured(low)} to {measured(high)}", low, "soft"),
                Number("–", np.nan) if action.worth is None else Number(measured(action.worth), action.worth),
                Number(measured(action.cost), action.cost),
                Badge(word, status),  # pyright: ignore[reportArgumentType]
            )
        )
    if not rows:
        return None
    heads = ("Action", "Changes by", "90% interval", "Worth of one", "Cost", "Effect is")
    return Section(
        "On what it rests",
        (
            Table(
                tuple(Column(head, wide=i == 0) for i, head in enumerate(heads)),
                tuple(rows),
                label="Where effects come from",
                note="The change of the outcome of a customer, on average: a share who respond because of "
                "it, a number of purchases, or an amount.",
            ),
        ),
    )


def _first(plan: ActionPlan, run: RunProvenance) -> Section | None:
    money, data = Money(run.currency), plan.data
    order = np.argsort(-data["gain"].to_numpy(), kind="stable")[:_FIRST]
    order = order[data["action"].to_numpy().astype(str)[order] != NOTHING]
    if not order.size:
        return None
    first = data.isel(customer=order)
    rows = [
        (
            name,
            shorten(str(first["action"].to_numpy()[k]), 30),
            Number(money(float(first["gain"][k])), float(first["gain"][k]), "strong"),
            Number(chance(float(first["p_best"][k])), float(first["p_best"][k])) if "p_best" in first else "",
            why,
        )
        for k, (name, why) in enumerate(zip(ids(first), plan.reasons(order), strict=True))
    ]
    heads = ("Customer", "Action", "Gain", "Best", "Why")
    return Section(
        "The largest gains",
        (
            Table(
                tuple(Column(head, wide=i == 4) for i, head in enumerate(heads)),
                tuple(rows),
                label="The largest gains",
                total=data.sizes["customer"],
                rest="all are in the table of the plan",
            ),
        ),
    )


def _method(plan: ActionPlan, run: RunProvenance) -> Section:
    what = (
        "For each customer the action with the largest expected gain is chosen, less its cost; budget and "
        "capacities are shared out so that the sum of all gains is as large as it can be. "
        f"{best_within(plan)}"
    )
    blocks: list[Block] = [
        Text((what,)),
        Text(
            (
                "The gain is expected, not certain: effects are known as well as the table above says.",
                "Two actions do not work together: a customer gets one.",
                "What an action does to others than the customer who gets it is not seen.",
            ),
            "bullets",
        ),
    ]
    if run.command:
        blocks.append(Text((run.command,), "code"))
    return Section("How it was computed", tuple(blocks))
