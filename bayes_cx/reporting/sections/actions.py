"""Several actions: on what each rests, how many get it, what limits cost, and why each customer gets it."""

import numpy as np

from bayes_cx.decision import ActionPlan
from bayes_cx.page import Block, Extract, Notice, Number, Section, Table, Text
from bayes_cx.page.blocks import Badge, Cell, Column, Name
from bayes_cx.page.words import Money, chance, plural, shorten
from bayes_cx.reporting.action_parts import best_within, counts, forgone, learning, limits
from bayes_cx.reporting.effects_in_words import size
from bayes_cx.reporting.panels.shared import ids
from bayes_cx.reporting.studied import money_of, plan_of
from bayes_cx.study import Study

__all__ = ["in_short", "section"]

# Customers on paper and on a screen.
_ON_PAPER, _ON_SCREEN = 15, 2_000
_CHANGES = {
    "win_back": "wins back who has just left",
    "keep": "lowers the chance to leave",
    "buying": "share who buy because of it",
    "purchases": "purchases more of a customer",
    "spend": "spend more of a customer",
}


def section(study: Study) -> Section | None:
    """Return which action is for whom; None where the plan is one of offers."""
    if study.plan is None or study.plan.actions is None:
        return None
    plan, actions, money = study.plan, study.plan.actions, money_of(study)
    blocks: list[Block] = [_effects(study, money)]
    if "withheld_contacts" in plan.data.attrs:
        blocks.append(
            Notice(
                "look",
                "This plan is held back.",
                "It would almost surely lose money. What follows is what would be done otherwise.",
            )
        )
    blocks += [counts(actions, money), Text((best_within(actions),))]
    more = (limits(actions, money), learning(actions, "held_out = 0.1 in the settings"), _why(study, money))
    return Section(
        "Which action for whom", (*blocks, *(one for one in more if one is not None)), new_page=True
    )


def in_short(study: Study) -> str | None:
    """Say on page one which limits bind and what they cost; None where the plan is one of offers."""
    plan = plan_of(study)
    if plan.actions is None or "withheld_contacts" in plan.data.attrs:
        return None
    actions, money = plan.actions, money_of(study)
    said = [_binding(actions, money), *forgone(actions, money)]
    if held := int(plan.data["control"].sum()):
        said.append(f"{plural(held, 'customer')} held out at random will show what the plan brings.")
    return " ".join(said)


def _binding(actions: ActionPlan, money: Money) -> str:
    """Say what one more of each limit that binds would gain."""
    found = actions.limits
    names, price = found["limit"].to_numpy().astype(str), found["price"].to_numpy()
    if not names.size:
        return "Neither a budget nor capacities limit the actions."
    binding = [(name, float(one)) for name, one in zip(names, price, strict=True) if one > 0]
    if not binding:
        return "No budget and no capacity binds: more of them would not be used."
    said = [
        f"{money(1)} more of budget would gain {money(gain)}"
        if name == "budget"
        else f"one more of the {name} would gain {money(gain)}"
        for name, gain in binding
    ]
    return f"The limits cost gain: {'; '.join(said)}."


def _effects(study: Study, money: Money) -> Table:
    """Return what each action changes, and whether that is measured or assumed."""
    rows: list[tuple[Cell, ...]] = []
    for offer in plan_of(study).offers:
        for name, effect in offer.effects.items():
            low, high = effect.interval()
            measured = effect.basis != "stated"
            what = _CHANGES[effect.outcome if name == "response" else name]
            rows.append(
                (
                    Name(shorten(offer.name, 40), f"{what}; {shorten(effect.source, 70)}"),
                    Number(size(effect, effect.mean, money), effect.mean, "strong"),
                    Number(f"{size(effect, low, money)} to {size(effect, high, money)}", low, "soft"),
                    Number(money(offer.cost), offer.cost),
                    Badge("measured", "passed") if measured else Badge("assumed", "not_run"),
                )
            )
    heads = ("Action", "Changes by", "90% interval", "Cost", "Effect is")
    return Table(
        tuple(Column(head, wide=i == 0) for i, head in enumerate(heads)),
        tuple(rows),
        label="Effects measured and assumed",
        note="An effect that nobody measured is an assumption, however good the plan made with it.",
    )


def _why(study: Study, money: Money) -> Section | None:
    """Return the first customers with the action and the reason."""
    data = plan_of(study).data
    first = data.isel(customer=slice(0, _ON_SCREEN))
    done = np.where(first["contact"].to_numpy(), first["offer"].to_numpy(), "–")
    gain, reason = first["gain"].to_numpy(), first["reason"].to_numpy()
    best = first["p_action_best"].to_numpy() if "p_action_best" in first else None
    rows = tuple(
        (
            name,
            shorten(str(done[k]), 30),
            Number(money(float(gain[k])), float(gain[k]), "strong"),
            "" if best is None else Number(chance(round(float(best[k]), 6)), float(best[k])),
            str(reason[k]),
        )
        for k, name in enumerate(ids(first))
    )
    heads = ("Customer", "Action", "Net gain", "Surely best", "Why")
    return Section(
        "Why each customer gets it",
        (
            Table(
                tuple(Column(head, wide=head == "Why") for head in heads),
                rows,
                label="Customers with their action and its reason",
                note="Surely best: the chance that the planned action gains most for this customer. Of who "
                "gets nothing, the gain is that of the best action.",
                extract=Extract(min(_ON_PAPER, len(rows)), "The first customers.", ""),
                total=data.sizes["customer"],
                rest="the table of the plan, priority.csv, has them all",
            ),
        ),
    )
