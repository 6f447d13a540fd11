"""Page one: whom to contact, what it brings, how sure that is, and what to do."""

import numpy as np
import xarray as xr

from bayes_cx.page import Picture, Section, Strong, Text, Tile, Tiles
from bayes_cx.page.words import Money, about, chance, count, listing, per_cent, plural, shorten
from bayes_cx.reporting import figures
from bayes_cx.reporting.phrases import phrases
from bayes_cx.reporting.studied import events, histories, kind_of_study, money_of, ninety, plan_of
from bayes_cx.study import Study

__all__ = ["actions", "campaign", "customers", "grounds", "section", "tiles", "value"]

_COUNTED = (
    "The futures differ in what is not known about customers and offers, and in who happens to come back; {} "
    "is set to its average."
)


def section(study: Study) -> Section | None:
    """Return what page one says below the warnings."""
    if study.plan is None:
        return None
    lines = [customers(study), value(study), *([grounds(study)] if study.plan.n_contacted else [])]
    return Section(
        "In short",
        (
            Text((campaign(study),), "lead"),
            tiles(study),
            Text(tuple(lines)),
            Section("What to do", (actions(study), _futures(study))),
        ),
    )


def campaign(study: Study) -> str:
    """Say whom to contact, what it costs, what it brings, and the chance that it loses money."""
    data, money = plan_of(study).data, money_of(study)
    number = int(data.attrs["n_contacted"])
    if number == 0:
        best = float(data["gain"].max())
        everybody = plural(data.sizes["customer"], "customer")
        return (
            f"Contact nobody with these offers. Even for the best of the {everybody} a contact is expected "
            f"to {_net(best, money)}."
        )
    gain = data["total_gain_predictive"].to_numpy()
    who = f"Contact {count(number)} of {plural(data.attrs['n_customers'], 'customer')}"
    offers = _offers(data)
    with_ = f" with the offer “{offers[0][0]}”" if len(offers) == 1 else ""
    cost = money(float(data.attrs["total_cost"]))
    costs = f"costs as much as {cost} are worth" if money.noun else f"costs {cost}"
    loses = "brings less than it costs" if money.noun else "loses money"
    net = _net(float(data["total_gain"].mean()), money)
    return (
        f"{who}{with_}. The campaign {costs} and is expected to {net} (90% interval "
        f"{money.range(*ninety(gain))}); the chance that it {loses} is {chance(float((gain < 0).mean()))}."
    )


def _net(gain: float, money: Money) -> str:
    """Say what is gained after the cost: money is earned or lost, purchases are brought."""
    if money.noun:
        return f"bring {money(abs(gain))} {'more' if gain >= 0 else 'less'} than it costs"
    return f"{'earn' if gain >= 0 else 'lose'} {money(abs(gain))} after its cost"


def customers(study: Study) -> str:
    """Say how many customers are still active, and how many of these have bought only once.

    Where dropout is observed the first is known, and what is said is how many will be left.
    """
    data = plan_of(study).data
    if kind_of_study(study).leaving == "observed":
        return _under_contract(study)
    number = int(data.attrs["n_customers"])
    active = data["total_active"].to_numpy()
    once = data["x"].to_numpy() == 0
    text = (
        f"About {about(active.mean())} of the {plural(number, 'customer')} are still active{_about(active)}."
    )
    if not once.any():
        return text
    still = data["p_alive"].to_numpy()[once]
    if still.min() > 0.999:
        return (
            f"{text} But {count(once.sum())} of these have bought only once: the model counts every one-time "
            "buyer as active, because it lets customers leave only after a repeat purchase. It is not known "
            "whether they have left."
        )
    return f"{text} About {about(still.sum())} of these have bought only once."


def _under_contract(study: Study) -> str:
    """Say how many customers there are, which is known, and how many will be left, which is not."""
    from bayes_cx.reporting.sections.staying import survived

    data = plan_of(study).data
    current = int((data["p_alive"] > 0).sum())
    left = current - survived(study)["stay"].to_numpy()
    return (
        f"{count(current)} of the {plural(int(data.attrs['n_customers']), 'customer')} are under contract. "
        f"About {about(left.mean())} of these will leave within the next "
        f"{data.attrs['horizon']}{_about(left)}."
    )


def _about(draws: np.ndarray) -> str:
    low, high = map(about, ninety(draws))
    return "" if low == high else f" (90% interval {low} to {high})"


def value(study: Study) -> str:
    """Say what the customers are worth over the horizon, and how much of that is at risk."""
    data, money = plan_of(study).data, money_of(study)
    risk = data["total_value_at_risk"].to_numpy()
    worth = "are worth" if not money.noun else "are expected to make"
    rate = float(data.attrs["discount_rate"])
    later = f"; later ones count for less, by {100 * rate:.3g}% a year" if money.noun and rate else ""
    return (
        f"Over the next {data.attrs['horizon']} the customers {worth} "
        f"{money(float(data['total_value'].mean()))} (90% interval "
        f"{money.range(*ninety(data['total_value_predictive']))}{later}). It would be "
        f"{money(float(risk.mean()))} more ({money.range(*ninety(risk))}) if nobody left: that is the value "
        "at risk."
    )


def grounds(study: Study) -> str:
    """Say which assumptions the gain rests on: the response to the offers, and what counts as value."""
    plan, money = plan_of(study), money_of(study)
    margin = float(plan.settings.get("margin", 1.0))
    kept = "before the cost of goods" if margin == 1.0 else f"of which {per_cent(margin)} is kept as margin"
    if len(plan.offers) == 1:
        offer = plan.offers[0]
        response = (
            f"the offer is assumed to win back {per_cent(offer.win_back.mean)} of those who left and to "
            f"lower the chance to leave by {per_cent(offer.keep.mean)}"
        )
    else:
        response = "the appendix lists how many customers each offer is assumed to win back and to keep"
    amounts = "" if money.noun else f" Amounts are what customers pay, {kept}."
    if (each := plan.data.attrs.get("worth")) is not None:
        amounts = f" Every {events(study).event} is assumed to be worth {money(float(each))}, {kept}."
    return (
        f"The gain rests on assumptions about the response: {response}. Unless a campaign with a control "
        f"group has measured this, test the offer on a part of the list first.{amounts}"
    )


def tiles(study: Study) -> Tiles:
    """Return the four numbers of page one, each with its label and its interval."""
    data, money = plan_of(study).data, money_of(study)
    number, noun = int(data.attrs["n_contacted"]), money.noun or "value"
    active, of_all = float(data["total_active"].mean()), f"of {count(data.attrs['n_customers'])}"
    observed = kind_of_study(study).leaving == "observed"
    current = (
        f"{count(active)} {of_all} under contract" if observed else f"about {about(active)} {of_all} active"
    )

    def sure(name: str) -> str:
        return f"90% interval {money.bare.range(*ninety(data[name]))}"

    def mean(name: str) -> str:
        return money.bare(float(data[name].mean()))

    worth = f"{noun} in the next {data.attrs['horizon']}"
    whom = "customer worth a contact" if number == 1 else "customers worth a contact"
    gain = Tile("none", "expected net gain", "no contact is expected to be worth its cost")
    if number:
        gain = Tile(mean("total_gain"), "expected net gain", sure("total_gain_predictive"))
    return Tiles(
        (
            Tile(mean("total_value"), worth, sure("total_value_predictive")),
            Tile(mean("total_value_at_risk"), f"{noun} at risk", sure("total_value_at_risk")),
            Tile(count(number), whom, current),
            gain,
        )
    )


def actions(study: Study) -> Text:
    """Return what to do with each kind of customer, the first step first."""
    data, rows = plan_of(study).data, histories(study)
    label = data["label"].to_numpy()
    advice = phrases(kind_of_study(study)).advice
    steps = {
        "contact": ("Contact {}", lambda: _contact(data, rows)),
        "wait and see": ("Wait and see with {}", lambda: _waiting(data)),
        "needs no offer": ("Send no offer to {}", lambda: advice["needs no offer"]),
        "let go": ("Let {} go", lambda: advice["let go"]),
    }
    lines = []
    for name, (head, text) in steps.items():
        if number := int((label == name).sum()):
            lines.append((Strong(head.format(plural(number, "customer"))), f": {text()}"))
    return Text(tuple(lines), "steps")


def _contact(data: xr.Dataset, rows: xr.Dataset | None) -> str:
    """Name the first customers, or the first histories that many share, and what they get."""
    listed = data if rows is None else rows
    chosen = listed["customer"].to_numpy()[listed["label"].to_numpy() == "contact"][:3]
    if rows is None:
        noun, first = "customer" if len(chosen) == 1 else "customers", [shorten(str(c), 28) for c in chosen]
    else:
        noun, first = "those with", [f"“{shorten(str(c), 60)}”" for c in chosen]
    offers = [f"{name} for {count(k)}" for name, k in _offers(data)]
    with_ = f"{listing(offers)}; " if len(offers) > 1 else ""
    return f"{with_}in the order of the priority list, starting with {noun} {listing(first)}."


def _waiting(data: xr.Dataset) -> str:
    """Say why some customers wait: the budget is used up, or it is not clear whether a contact pays."""
    waits = data["label"].to_numpy() == "wait and see"
    beyond = int((waits & (data["gain"].to_numpy() > 0)).sum())
    again = "it is not clear whether a contact is worth its cost. A test of the offer on some would show it."
    if not beyond:
        return again
    rest = "" if beyond == waits.sum() else f" For the others {again}"
    return f"{count(beyond)} would be worth a contact, but the budget or the capacity is used up.{rest}"


def _offers(data: xr.Dataset) -> list[tuple[str, int]]:
    """Return the offers that are made and to how many, the most frequent first."""
    made = data["offer"].to_numpy()[data["contact"].to_numpy()].astype(str)
    names, numbers = np.unique(made, return_counts=True)
    pairs = ((str(n), int(k)) for n, k in zip(names, numbers, strict=True))
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def _futures(study: Study) -> Picture:
    plan, money = plan_of(study), money_of(study)
    data = plan.data
    if not plan.n_contacted:
        what = f"{(money.noun or 'value').capitalize()} over the next {data.attrs['horizon']}"
        return figures.futures(data["total_value_predictive"].to_numpy(), money, what=what, line=False)
    what = f"Net gain{money.unit} of contacting {plural(plan.n_contacted, 'customer')}"
    counted = _COUNTED.format("how much they then bring" if money.noun else "what they then spend")
    draws = data["total_gain_predictive"].to_numpy()
    return figures.futures(draws, money, what=what, line=True, counted=counted)
