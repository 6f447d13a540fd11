"""What the campaign is worth: by number of contacts, by response, by label and group of customers."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from bayes_cx.decision import Offer
from bayes_cx.page import Block, Cell, Column, Name, Number, Section, Share, Table, Text
from bayes_cx.page.words import Money, about, count, per_cent, plural, shorten
from bayes_cx.reporting import figures
from bayes_cx.reporting.alike import group_columns
from bayes_cx.reporting.effects_in_words import size
from bayes_cx.reporting.phrases import phrases
from bayes_cx.reporting.studied import kind_of_study, left_waiting, money_of, plan_of, worth_of
from bayes_cx.study import Study

__all__ = ["section"]

_MOST_GROUPS = 8
_AT_RISK = "At risk: what would be added over the horizon if nobody left; a campaign saves only a part of it."


def section(study: Study) -> Section | None:
    """Return the gain of the campaign, what it depends on and which customers it comes from."""
    if study.plan is None:
        return None
    plan, money = study.plan, money_of(study)
    data = plan.data
    blocks: list[Block] = [
        figures.gain_curve(data["curve"], data["curve_predictive"], plan.n_contacted, money)
    ]
    if plan.n_contacted:
        blocks.append(figures.sensitivity(plan.sensitivity, money))
        if (rests := _rests(study)) is not None:
            blocks.append(Section("What the gain rests on", (rests,)))
    elif not left_waiting(data):
        blocks.append(Text((_stronger(plan.sensitivity),)))
    blocks.append(Section("Kinds of customers", (_kinds(study),)))
    for name in group_columns(plan.data):
        blocks.append(Section(f"By {name}", (_groups(study, name),)))
    return Section("What the campaign is worth", tuple(blocks), new_page=True)


def _stronger(sensitivity: xr.Dataset) -> str:
    """Say how much better an offer would have to work before anybody is worth a contact."""
    more = (sensitivity["contacts"] > 0) & (sensitivity["scale"] > 1)
    pays = sensitivity.isel(scale=np.flatnonzero(more.to_numpy()))
    if not pays.sizes["scale"]:
        most = float(sensitivity["scale"].max())
        return f"Even with {most:g} times the assumed response nobody would be worth a contact."
    first = pays.isel(scale=0)
    return (
        f"With {float(first['scale']):g} times the assumed response "
        f"{plural(int(first['contacts']), 'contact')} would be worth the cost on average."
    )


def _rests(study: Study) -> Table | None:
    """Return what the plan would gain if one assumption were half and twice as large."""
    plan, money = plan_of(study), money_of(study).bare
    found = plan.drivers
    if "assumption" not in found.sizes:
        return None
    half, twice = found["half"].to_numpy(), found["twice"].to_numpy()
    margin = float(plan.settings.get("margin", 1.0))
    rows = []
    for i in np.argsort(-np.abs(twice - half), kind="stable"):
        name = str(found["assumption"].values[i])
        most = "–" if name == "margin" and margin > 0.5 else money(float(twice[i]))
        rows.append(
            (
                Name(_ASSUMPTIONS[name], _stated(study, name)),
                Number(money(float(half[i])), float(half[i])),
                Number(money(float(found.attrs["gain"])), float(found.attrs["gain"]), "strong"),
                Number(most, float(twice[i])),
            )
        )
    heads = ("Assumption, largest effect first", "If half as large", "As assumed", "If twice as large")
    note = "Expected net gain of this plan, one assumption changed at a time."
    if "half_life" in found["assumption"]:
        note += (
            f" With half the half-life {plural(int(found.attrs['contacts_half_life_half']), 'contact')} "
            "would be best, with twice the half-life "
            f"{count(float(found.attrs['contacts_half_life_twice']))}."
        )
    columns = tuple(Column(head, wide=i == 0) for i, head in enumerate(heads))
    return Table(columns, tuple(rows), label="What the gain rests on", note=note)


_ASSUMPTIONS = {
    "win_back": "Chance to win back who has just left",
    "keep": "Share of leaving that the offer prevents",
    "half_life": "Half-life of the chance to win back",
    "response": "What a contact changes",
    "margin": "Share of the amounts that is kept",
}


def _stated(study: Study, name: str) -> str:
    """Return the assumption as it was stated, of every offer."""
    plan = plan_of(study)
    if name == "margin":
        return per_cent(float(plan.settings.get("margin", 1.0)))
    money = money_of(study)

    def said(offer: Offer) -> str:
        if name == "half_life":
            return offer.half_life
        effect = offer.effects[name]
        known = "" if effect.basis == "stated" else ", measured"
        return f"{size(effect, effect.mean, money)}{known}"

    own = [offer for offer in plan.offers if (offer.response is not None) == (name == "response")]
    if len(plan.offers) == 1:
        return said(own[0])
    return ", ".join(f"{offer.name} {said(offer)}" for offer in own)


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
        *map(Column, ("Customers", "", phrases(kind_of_study(study)).current)),
        *map(Column, (worth_of(study).capitalize(), "")),
        *map(Column, ("At risk", "Contacts", "Cost", "Net gain")),
    )
    known = kind_of_study(study).leaving == "observed"
    rows = tuple((name, *_sum(data, mask, total, money, count if known else about)) for name, mask in parts)
    return Table(columns, rows, label=f"Sums by {head.lower()}", note=_AT_RISK)


def _sum(
    data: xr.Dataset, mask: np.ndarray, total: float, money: Money, counted: Callable[[float], str]
) -> tuple[Cell, ...]:
    contacted = data["contact"].to_numpy() & mask
    active, value, risk = (
        float(data[name].to_numpy()[mask].sum()) for name in ("p_alive", "value", "value_at_risk")
    )
    cost, gain = (float(data[name].to_numpy()[contacted].sum()) for name in ("cost", "gain"))
    some = contacted.any()
    return (
        Number(count(float(mask.sum())), float(mask.sum())),
        Share(float(mask.mean()) if mask.size else 0.0),
        Number(counted(active), active),
        Number(money(value), value),
        Share(value / total if total > 0 else 0.0, "green"),
        Number(money(risk), risk),
        Number(count(float(contacted.sum())), float(contacted.sum())),
        Number(money(cost) if some else "–", cost),
        Number(money(gain) if some else "–", gain, "strong"),
    )
