"""Parts of pages on a plan of several actions: who gets what, what limits cost, and what will be learned."""

from bayes_cx.decision import ActionPlan
from bayes_cx.decision.actions import NOTHING
from bayes_cx.page import Block, Notice, Number, Section, Text
from bayes_cx.page.blocks import Cell, Column, Share, Table
from bayes_cx.page.words import Money, agree, chance, count, plural, shorten

__all__ = ["best_within", "counts", "forgone", "learning", "limits"]


def counts(plan: ActionPlan, money: Money) -> Table:
    """Return one row for each action: customers, cost, gain and how surely it is the best."""
    data = plan.data
    action = data["action"].to_numpy().astype(str)
    rows: list[tuple[Cell, ...]] = []
    for name in (*(one.name for one in plan.actions), NOTHING):
        mine = action == name
        gain, cost = (float(data[key].to_numpy()[mine].sum()) for key in ("gain", "cost"))
        sure = ""
        if "p_best" in data and mine.any() and name != NOTHING:
            p = float(data["p_best"].to_numpy()[mine].mean())
            sure = Number(chance(round(p, 6)), p)
        rows.append(
            (
                shorten(name, 40),
                Number(count(int(mine.sum())), int(mine.sum())),
                Share(float(mine.mean()) if mine.size else 0.0),
                Number(money(cost) if name != NOTHING else "–", cost, "soft"),
                Number(money(gain) if name != NOTHING else "–", gain, "strong"),
                sure,
            )
        )
    heads = ("Action", "Customers", "", "Cost", "Expected gain", "Surely the best")
    note = ""
    if "p_best" in data:
        note = "“Surely the best”: the mean probability that the planned action gains most for its customers."
    return Table(
        tuple(Column(head, wide=i == 0) for i, head in enumerate(heads)),
        tuple(rows),
        label="Customers by action",
        note=note,
    )


def best_within(plan: ActionPlan) -> str:
    """Say how close the plan is to the best one within its limits."""
    if plan.gap < 1e-9:
        return "It is the best plan within the limits, given the expected gains."
    share = f"{100 * plan.gap:.2g}%"
    return f"No plan within the limits can be better by more than {share}, given the expected gains."


def limits(plan: ActionPlan, money: Money) -> Section | None:
    """Return what each limit costs, None where there is none."""
    found = plan.limits
    lines, rows = [], []
    for k, name in enumerate(found["limit"].to_numpy().astype(str)):
        there, used, price = (float(found[key][k]) for key in ("available", "used", "price"))
        as_money = money if name == "budget" else count
        rows.append(
            (
                name,
                Number(as_money(there), there),
                Number(as_money(used), used),
                Number(money(price) if price > 0 else "nothing", price, "strong" if price > 0 else "soft"),
            )
        )
        if price > 0:
            unit = f"{money(1)} more of budget" if name == "budget" else f"one more of the {name}"
            lines.append(f"{unit[:1].upper()}{unit[1:]} would gain {money(price)}.")
        else:
            lines.append(f"The {name} costs no gain: more of it would not be used.")
    lines += forgone(plan, money)
    if not lines:
        return None
    blocks: list[Block] = [Text(tuple(lines), "bullets")]
    if rows:
        heads = ("Limit", "There is", "Used", "One more gains")
        blocks.append(
            Table(
                tuple(Column(head, wide=i == 0) for i, head in enumerate(heads)),
                tuple(rows),
                label="What limits cost",
                note="What one more would gain holds near the limit, and becomes less the more there is.",
            )
        )
    return Section("What limits cost", tuple(blocks))


def forgone(plan: ActionPlan, money: Money) -> list[str]:
    """Say what opt-outs, contacts and consistency cost, where they cost something."""
    return [
        f"{name[:1].upper()}{name[1:]} are kept whatever they cost: without them all {money(gain)} more "
        "would be expected."
        for name, gain in plan.rules.items()
        if gain > 0
    ]


def learning(plan: ActionPlan, how: str) -> Section | None:
    """Say what the plan does to learn, or that it learns nothing, and `how` it would."""
    data = plan.data
    held = int(data["control"].sum())
    other = int((data["action"] != data["planned"]).sum()) - held
    least = float(data["taken"].min()) if data.sizes["customer"] else 1.0
    if not held and not other:
        if least < 1:
            return None
        text = (
            "Everybody gets what seems best, so nobody will know what it changed. Hold some customers out at "
            f"random: {how}."
        )
        return Section("What will be learned", (Notice("look", "The plan learns nothing.", text),))
    lines = []
    if held:
        lines.append(
            f"{plural(held, 'customer')} would get something and {agree(held, 'is', 'are')} held out at "
            "random."
        )
    if other:
        lines.append(
            f"{plural(other, 'customer')} {agree(other, 'gets', 'get')} another action, drawn at random."
        )
    lines.append(
        "The probability of every choice is written down for every customer, so that the log can tell what "
        "actions changed, and what another rule would have gained."
    )
    return Section("What will be learned", (Text(tuple(lines), "bullets"),))
