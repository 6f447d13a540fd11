"""Page one: whom to contact, what it brings, how sure that is, and what to do."""

from collections.abc import Sequence

import numpy as np

from bayes_cx.data import provenance_of
from bayes_cx.decision import Offer, Plan
from bayes_cx.page import Picture, Section, Text, Tile, Tiles
from bayes_cx.page.words import (
    Money,
    about,
    about_range,
    agree,
    chance,
    count,
    per_cent,
    plural,
)
from bayes_cx.reporting import figures
from bayes_cx.reporting.effects_in_words import all_measured, measured_by, none_measured, what_it_does
from bayes_cx.reporting.sections.actions import in_short
from bayes_cx.reporting.sections.what_to_do import actions, assumed_active, offers_made
from bayes_cx.reporting.studied import (
    events,
    kind_of_study,
    left_waiting,
    money_of,
    ninety,
    plan_of,
    worth_of,
)
from bayes_cx.study import Study

__all__ = [
    "campaign",
    "choice",
    "customers",
    "drivers",
    "grounds",
    "left_out",
    "remarks",
    "section",
    "tiles",
    "value",
]

_COUNTED = (
    "The futures differ in what is not known about customers and offers, and in who happens to come back; {} "
    "is set to its average."
)
# Reasons for rejected rows that are named; the appendix has them all.
_REASONS = 2


def section(study: Study) -> Section | None:
    """Return what page one says below the warnings."""
    if study.plan is None:
        return None
    rests = study.plan.n_contacted or not none_measured(study.plan.offers)
    lines = [customers(study), value(study), *([grounds(study)] if rests else [])]
    lines += [
        text for text in (in_short(study), choice(study), left_out(study), remarks(study)) if text is not None
    ]
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
        return _nobody(plan_of(study), money)
    gain = data["total_gain_predictive"].to_numpy()
    who = f"Contact {count(number)} of {plural(data.attrs['n_customers'], 'customer')}"
    offers = offers_made(data)
    with_ = f" with the offer “{offers[0][0]}”" if len(offers) == 1 else ""
    cost = money(float(data.attrs["total_cost"]))
    costs = f"costs as much as {cost} are worth" if money.noun else f"costs {cost}"
    loses = "brings less than it costs" if money.noun else "loses money"
    mean, loss = float(data["total_gain"].mean()), float((gain < 0).mean())
    return (
        f"{who}{with_}{_rests_on(study, mean)}. The campaign {costs} and is expected to "
        f"{figures.net(mean, money)} (90% interval {money.range(*ninety(gain))}); "
        f"the chance that it {loses} is {chance(loss)}."
        f"{_disagreement(mean, gain)}"
    )


def _rests_on(study: Study, mean: float) -> str:
    """Name the assumptions without which the campaign would lose, within what the report tries of each."""
    plan = plan_of(study)
    if mean <= 0:
        return ""
    found = plan.drivers
    lost: set[str] = set()
    if "assumption" in found.sizes:
        least = np.minimum(found["half"].to_numpy(), found["twice"].to_numpy())
        lost = {str(name) for name in found["assumption"].to_numpy()[least < 0]}
    assumed = []
    weaker = float(plan.sensitivity["gain"].min()) < 0
    if (weaker or lost - {"margin"}) and not all_measured(plan.offers):
        assumed.append("the assumed response")
    if "margin" in lost:
        assumed.append(f"a margin of {per_cent(float(plan.settings.get('margin', 1.0)))}")
    if not assumed:
        return ""
    return f", if {' and '.join(assumed)} {'hold' if len(assumed) > 1 else 'holds'}"


def _nobody(plan: Plan, money: Money) -> str:
    """Say why nobody is contacted: no contact pays on average, or the plan almost surely loses."""
    data = plan.data
    one = f"the offer “{plan.offers[0].name}”" if len(plan.offers) == 1 else "these offers"
    if (number := data.attrs.get("withheld_contacts")) is not None:
        mean, low, high, loss = (
            float(data.attrs[f"withheld_{name}"]) for name in ("gain", "low", "high", "loss")
        )
        loses = "brings less than it costs" if money.noun else "loses money"
        return (
            f"Contact nobody with {one}. {plural(int(number), 'contact')} would be expected to "
            f"{figures.net(mean, money)}, but the chance that this {loses} is {chance(loss)} (90% interval "
            f"{money.range(low, high)}): the average is positive only because of rare large gains."
        )
    if waiting := left_waiting(data):
        would = agree(waiting, "is", "are")
        return (
            f"Contact nobody: the budget or the capacity is used up before the first contact. "
            f"{plural(waiting, 'customer')} {would} expected to be worth the cost of {one}."
        )
    everybody, best = plural(data.sizes["customer"], "customer"), float(data["gain"].max())
    whose = (
        "For the only customer" if data.sizes["customer"] == 1 else f"Even for the best of the {everybody}"
    )
    return (
        f"Contact nobody with {one}. {whose} a contact is expected to {figures.net(best, money)}."
        f"{_would_pay(plan, money)}"
    )


def _would_pay(plan: Plan, money: Money) -> str:
    """Say below which cost the only offer would pay for anybody, where everybody contacted costs the same."""
    if len(plan.offers) != 1 or plan.offers[0].charged != "contacted":
        return ""
    brings = float(plan.data["gain"].max()) + plan.offers[0].cost
    if brings <= 0:
        return ""
    worth = f" costs as much as {money(brings)} are worth" if money.noun else f" costs {money(brings)}"
    return f" An offer that works as well would pay for somebody only if it{worth} or less."


def _disagreement(mean: float, draws: np.ndarray) -> str:
    """Say why the average and most futures disagree, where they do."""
    if mean <= 0 or float(np.median(draws)) >= 0:
        return ""
    return " Most futures lose; the average is positive because a few gain far more than the others lose."


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
    if assumed := assumed_active(data):
        return _unknown_of(number, active - assumed, assumed)
    text = (
        f"About {about(active.mean())} of the {plural(number, 'customer')} "
        f"{agree(active.mean(), 'is', 'are')} still active{_about(active)}."
    )
    if not once.any():
        return text
    still = data["p_alive"].to_numpy()[once]
    return f"{text} About {about(still.sum())} of these {agree(still.sum(), 'has', 'have')} bought only once."


def _unknown_of(number: int, active: np.ndarray, assumed: int) -> str:
    """Say how many are active of those of whom the model can tell, and that it cannot tell of the others."""
    have = agree(assumed, "has", "have")
    unknown = (
        f"whether {agree(assumed, 'it has', 'they have')} left is not known: the model lets customers leave "
        f"only after a repeat purchase, so it counts {agree(assumed, 'it', 'all of them')} as active by "
        "assumption."
    )
    if assumed == number:
        return f"None of the {plural(number, 'customer')} {have} bought again; {unknown}"
    return (
        f"Of the {plural(number - assumed, 'customer')} who bought again about {about(active.mean())} "
        f"{agree(active.mean(), 'is', 'are')} still active{_about(active)}. "
        f"{count(assumed)} {have} bought only once; {unknown}"
    )


def choice(study: Study) -> str | None:
    """Say why this model was chosen, and what the others say; None where none was chosen."""
    selection = study.selection
    if selection is None:
        return None
    found, others = selection.prospects, [n for n in selection.prospects if n != selection.chosen]
    if not others:
        return selection.reason
    words, latent = events(study), kind_of_study(study).leaving == "latent"
    ahead = plan_of(study).data.attrs["horizon"]
    mine = found[selection.chosen]
    counts = f"counts about {about(mine.active)} customers as active and " if latent else ""
    said = []
    for name in others:
        assumed = (
            " (by assumption all who bought only once are among them)" if name in selection.assuming else ""
        )
        active = f"{about(found[name].active)}{assumed} and " if latent else ""
        said.append(f"{name} would say {active}{about(found[name].events)}")
    expects = f"It {counts}expects about {about(mine.events)} {words.events} in the next {ahead}"
    return f"{selection.reason} {expects}. {'; '.join(said)}."


def _under_contract(study: Study) -> str:
    """Say how many customers there are, which is known, and how many will be left, which is not."""
    from bayes_cx.reporting.sections.staying import survived

    data = plan_of(study).data
    current = int((data["p_alive"] > 0).sum())
    left = current - survived(study)["stay"].to_numpy()
    given = kind_of_study(study).leaving_next(data).any()
    whom = f"the {count(current)}" if given else "these"
    return (
        f"{count(current)} of the {plural(int(data.attrs['n_customers']), 'customer')} "
        f"{agree(current, 'is', 'are')} under contract"
        f"{_notice(study, current)}. About {about(left.mean())} of {whom} will leave within the next "
        f"{data.attrs['horizon']}{_about(left)}."
    )


def _notice(study: Study, current: int) -> str:
    """Say how many have given notice, who leave at the next renewal."""
    number = int(kind_of_study(study).leaving_next(plan_of(study).data).sum())
    ending = int(provenance_of(study.stats).more.get("contracts_ending", 0))
    if number:
        return (
            f" and {agree(current, 'has', 'have')} not given notice; {count(number)} more "
            f"{agree(number, 'has', 'have')}, and {agree(number, 'leaves', 'leave')} at the next renewal"
        )
    if ending:
        return f", {count(ending)} of them with notice given for the next renewal"
    return ""


def _about(draws: np.ndarray) -> str:
    low, high = ninety(draws)
    return "" if about(low) == about(high) else f" (90% interval {about_range(low, high)})"


def value(study: Study) -> str:
    """Say what the customers are worth over the horizon, what counts as value, and how much is at risk."""
    data, money = plan_of(study).data, money_of(study)
    risk = data["total_value_at_risk"].to_numpy()
    rate = float(data.attrs["discount_rate"])
    later = f"; later ones count for less, by {100 * rate:.3g}% a year" if money.noun and rate else ""
    worth = f"are expected to bring {money(float(data['total_value'].mean()))}"
    return (
        f"Over the next {data.attrs['horizon']} the customers {worth} (90% interval "
        f"{money.range(*ninety(data['total_value_predictive']))}{later}){_counts(study)}. "
        f"{_first_upper(worth_of(study))} at risk is what they would bring on top if nobody left: "
        f"{money(float(risk.mean()))} ({money.range(*ninety(risk))})."
    )


def _counts(study: Study) -> str:
    """Say whether value is revenue or margin, and where the amounts come from."""
    plan, money = plan_of(study), money_of(study)
    if money.noun:
        return ""
    margin = float(plan.settings.get("margin", 1.0))
    each = plan.data.attrs.get("worth")
    per_event = "" if each is None else f", at {money(float(each))} for every {events(study).event}"
    if margin == 1.0:
        return f": revenue{per_event}, before the cost of goods; all of the price is taken for profit"
    return f": margin{per_event}, {per_cent(margin)} of what they pay"


def left_out(study: Study) -> str | None:
    """Say which rows of the data are part of no number here, and what they are worth; None where none is."""
    source = provenance_of(study.stats)
    rejected, read = source.rows_rejected or 0, source.rows_read or 0
    if not rejected or not read:
        return None
    money = money_of(study)
    paid = {} if money.noun else source.rejected_amounts
    reasons = sorted(source.rejected.items(), key=lambda item: -item[1])
    named = [
        f"{reason} {count(n)}{f', worth {money(paid[reason])}' if paid.get(reason) else ''}"
        for reason, n in reasons[:_REASONS]
    ]
    more = len(reasons) - len(named)
    rest = f"; {plural(more, 'other reason')} in the appendix" if more > 0 else ""
    return (
        f"Left out: {count(rejected)} of {plural(read, 'row')} ({per_cent(rejected / read)}) — "
        f"{'; '.join(named)}{rest}."
    )


def remarks(study: Study) -> str | None:
    """Say what is odd about rows that are part of the numbers here; None where nothing is."""
    found = provenance_of(study.stats).remarks
    return f"About the data: {'; '.join(found)}." if found else None


def grounds(study: Study) -> str:
    """Say which assumptions about the response the gain rests on, and which of them moves it most."""
    plan, money = plan_of(study), money_of(study)
    offers = plan.offers
    if len(offers) == 1:
        response = f"the offer {what_it_does(offers[0], money)}"
    else:
        response = "the appendix lists what each offer changes"
    if none_measured(offers):
        return (
            f"The gain rests on assumptions: {response}. {drivers(study)} Unless a trial with a control "
            "group has measured the response, test the offer on a part of the list first."
        )
    if all_measured(offers):
        return f"The effect of the offer is measured: {_by(offers, response)}. {drivers(study)}".strip()
    return (
        f"The gain rests on measured effects and on assumptions: {_by(offers, response)}. {drivers(study)} "
        "What is assumed should be tested on a part of the list first."
    )


def _by(offers: Sequence[Offer], response: str) -> str:
    return response if len(offers) == 1 else f"{measured_by(offers)} customers; {response}"


_DRIVERS = {
    "win_back": "the chance to win back",
    "keep": "the share of leaving that the offer prevents",
    "half_life": "the time after which the chance to win back is halved",
    "response": "what a contact changes",
    "margin": "the share of the amounts that is kept",
}


def drivers(study: Study) -> str:
    """Say which single assumption moves the expected gain of the plan most."""
    found, money = plan_of(study).drivers, money_of(study)
    if "assumption" not in found.sizes or not plan_of(study).n_contacted:
        return ""
    half, twice = found["half"].to_numpy(), found["twice"].to_numpy()
    most = int(np.abs(twice - half).argmax())
    name = str(found["assumption"].values[most])
    margin = float(plan_of(study).settings.get("margin", 1.0))
    then = f"; twice as large, it would {figures.net(float(twice[most]), money)}"
    if name == "margin" and margin > 0.5:
        then = ""
    goods = ""
    if name != "margin" and margin == 1.0 and "margin" in found["assumption"]:
        kept = float(found["half"].sel(assumption="margin"))
        goods = f" If half of the revenue went into goods, it would {figures.net(kept, money)}."
    return (
        f"{_first_upper(_DRIVERS[name])} moves the result most: half as large, the campaign would "
        f"{figures.net(float(half[most]), money)}{then}.{goods}"
    )


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def tiles(study: Study) -> Tiles:
    """Return the four numbers of page one, each with its label and its interval."""
    data, money = plan_of(study).data, money_of(study)
    number, noun = int(data.attrs["n_contacted"]), worth_of(study)
    active, of_all = float(data["total_active"].mean()), f"of {count(data.attrs['n_customers'])}"
    observed = kind_of_study(study).leaving == "observed"
    current = (
        f"{count(active)} {of_all} under contract" if observed else f"about {about(active)} {of_all} active"
    )
    if not observed and (assumed := assumed_active(data)):
        of_all = f"of {count(data.attrs['n_customers'] - assumed)}"
        current = f"about {about(active - assumed)} {of_all} repeat buyers active"

    def sure(name: str) -> str:
        return f"90% interval {money.bare.range(*ninety(data[name]))}"

    def mean(name: str) -> str:
        return money.bare(float(data[name].mean()))

    worth = f"{noun} in the next {data.attrs['horizon']}"
    whom = "customer to contact" if number == 1 else "customers to contact"
    why = "no contact is expected to be worth its cost"
    if "withheld_contacts" in data.attrs:
        why = "a campaign would almost surely lose"
    elif left_waiting(data):
        why = "the budget or the capacity is used up"
    gain = Tile("none", "expected net gain", why)
    if number:
        gain = Tile(mean("total_gain"), "expected net gain", sure("total_gain_predictive"))
    return Tiles(
        (
            Tile(mean("total_value"), worth, sure("total_value_predictive")),
            Tile(
                mean("total_value_at_risk"),
                f"{noun} at risk",
                sure("total_value_at_risk"),
            ),
            Tile(count(number), whom, current),
            gain,
        )
    )


def _futures(study: Study) -> Picture:
    plan, money = plan_of(study), money_of(study)
    data = plan.data
    if not plan.n_contacted:
        what = f"{worth_of(study).capitalize()} over the next {data.attrs['horizon']}"
        return figures.futures(data["total_value_predictive"].to_numpy(), money, what=what, line=False)
    what = f"Net gain{money.unit} of contacting {plural(plan.n_contacted, 'customer')}"
    counted = _COUNTED.format("how much they then bring" if money.noun else "what they then spend")
    draws = data["total_gain_predictive"].to_numpy()
    return figures.futures(draws, money, what=what, line=True, counted=counted)
