"""What the campaign is worth: by number of contacts, by response, by label and group of customers."""

import numpy as np
import xarray as xr

from bayes_cx.page import Block, Cell, Column, Name, Number, Section, Share, Table, Text
from bayes_cx.page.words import Money, about, count, plural, shorten
from bayes_cx.reporting import figures
from bayes_cx.reporting.alike import group_columns
from bayes_cx.reporting.phrases import phrases
from bayes_cx.reporting.studied import kind_of_study, money_of, plan_of
from bayes_cx.study import Study

__all__ = ["section"]

_MOST_GROUPS = 8


def section(study: Study) -> Section | None:
    """Return the gain of the campaign, what it depends on and which customers it comes from."""
    if study.plan is None:
        return None
    plan, money = study.plan, money_of(study)
    blocks: list[Block] = [figures.gain_curve(plan.data["curve"], plan.n_contacted, money)]
    if plan.n_contacted:
        blocks.append(figures.sensitivity(plan.sensitivity, money))
    else:
        blocks.append(Text((_stronger(plan.sensitivity),)))
    blocks.append(Section("Kinds of customers", (_kinds(study),)))
    for name in group_columns(plan.data):
        blocks.append(Section(f"By {name}", (_groups(study, name),)))
    return Section("What the campaign is worth", tuple(blocks), new_page=True)


def _stronger(sensitivity: xr.Dataset) -> str:
    """Say how much better an offer would have to work before anybody is worth a contact."""
    pays = sensitivity.isel(scale=np.flatnonzero(sensitivity["contacts"].to_numpy() > 0))
    if not pays.sizes["scale"]:
        most = float(sensitivity["scale"].max())
        return f"Even with {most:g} times the assumed response nobody would be worth a contact."
    first = pays.isel(scale=0)
    return (
        f"With {float(first['scale']):g} times the assumed response "
        f"{plural(int(first['contacts']), 'contact')} would be worth the cost."
    )


def _kinds(study: Study) -> Table:
    """Return one row for each label of the plan, and their sum."""
    data, meaning = plan_of(study).data, phrases(kind_of_study(study)).meaning
    label = data["label"].to_numpy()
    parts = [(Name(name.capitalize(), meaning[name]), label == name) for name in meaning]
    some = [(name, mask) for name, mask in parts if mask.any()]
    return _sums(study, "Advice", [*some, (Name("All customers"), np.ones(label.size, bool))])


def _groups(study: Study, column: str) -> Table:
    """Return one row for each group of customers, those of the highest value first, the smallest joined."""
    data = plan_of(study).data
    group, value = data[column].to_numpy().astype(str), data["value"].to_numpy()
    names = sorted(np.unique(group), key=lambda name: -value[group == name].sum())
    kept, rest = names[:_MOST_GROUPS], names[_MOST_GROUPS:]
    parts = [(Name(shorten(name, 30)), group == name) for name in kept]
    if rest:
        parts.append((Name(plural(len(rest), "other group")), np.isin(group, rest)))
    return _sums(study, f"{column[0].upper()}{column[1:]}", parts)


def _sums(study: Study, head: str, parts: list[tuple[Name, np.ndarray]]) -> Table:
    data, money = plan_of(study).data, money_of(study).bare
    total = max((float(data["value"].to_numpy()[mask].sum()) for _, mask in parts), default=0.0)
    columns = (
        Column(head, wide=True),
        *map(Column, ("Customers", "", phrases(kind_of_study(study)).current, "Value", "")),
        *map(Column, ("At risk", "Contacts", "Cost", "Net gain")),
    )
    rows = tuple((name, *_sum(data, mask, total, money)) for name, mask in parts)
    return Table(columns, rows, label=f"Sums by {head.lower()}")


def _sum(data: xr.Dataset, mask: np.ndarray, total: float, money: Money) -> tuple[Cell, ...]:
    contacted = data["contact"].to_numpy() & mask
    active, value, risk = (
        float(data[name].to_numpy()[mask].sum()) for name in ("p_alive", "value", "value_at_risk")
    )
    cost, gain = (float(data[name].to_numpy()[contacted].sum()) for name in ("cost", "gain"))
    some = contacted.any()
    return (
        Number(count(float(mask.sum())), float(mask.sum())),
        Share(float(mask.mean()) if mask.size else 0.0),
        Number(about(active), active),
        Number(money(value), value),
        Share(value / total if total > 0 else 0.0, "green"),
        Number(money(risk), risk),
        Number(count(float(contacted.sum())), float(contacted.sum())),
        Number(money(cost) if some else "–", cost),
        Number(money(gain) if some else "–", gain, "strong"),
    )
