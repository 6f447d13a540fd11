"""What page one says: computed from the draws, in words, the bad news first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.page.words import Money, about, chance, count, listing, per_cent, plural, shorten, sign
from bayes_cx.reporting.terms import Terms

__all__ = ["COUNTED", "Notice", "actions", "campaign", "customers", "notices", "stronger", "tiles", "value"]

COUNTED = (
    "They differ by what is not known about customers and offer, and by the luck of who comes back; what "
    "they then spend is taken at its expectation."
)
COUNTED_PURCHASES = COUNTED.replace("what they then spend", "how much they then bring")


@dataclass(frozen=True)
class Notice:
    """A warning at the top of page one; `kind` is `failed`, `look` or `not_run`."""

    kind: str
    title: str
    text: str


def notices(
    posteriors: Sequence[Any],
    holdout: Any,
    holdout_note: str = "",
    predictive: Sequence[Mapping[str, str]] = (),
    events: str = "purchases",
) -> list[Notice]:
    """Say what failed, what was not looked at, and where the hold-out contradicts the forecast.

    Parameters
    ----------
    posteriors : sequence of Posterior
    holdout : Holdout or None
    holdout_note : str
        Why there is none.
    predictive : sequence of mapping
        Rows of the predictive checks, as `tables.predictive` makes them.
    events : str
        What customers make.
    """
    found = []
    for posterior in posteriors:
        verdict, name = posterior.verdict, posterior.model.name
        if verdict == "passed":
            continue
        failed = [_check(check, name) for check in posterior.checks if check.status == "failed"]
        open_ = [check.named(name) for check in posterior.checks if check.status == "not_run"]
        if verdict == "failed":
            text = (
                f"{plural(len(failed), 'check')} of the {name} fit failed: {listing(failed)}. The numbers "
                "below may be wrong; do not act on them before the fit is repaired."
            )
            found.append(Notice("failed", "The fit failed its checks.", text))
        else:
            what = f"not run: {listing(open_)}" if open_ else "no check was run"
            text = f"{name}: {what}. Whether the numbers below can be trusted is not known."
            found.append(Notice("not_run", "The fit was not fully checked.", text))
    if holdout is None:
        why = f": {sign(holdout_note)}" if holdout_note else ""
        text = (
            f"The forecasts were not compared with {events} that the model had not seen{why}. How well they "
            "predict these customers is unknown."
        )
        found.append(Notice("not_run", "There is no hold-out evidence.", text))
    else:
        found += _missed(holdout)
    unlike = [row for row in predictive if row["status"] == "failed" and row["source"] == "posterior"]
    if unlike:
        what = listing([row["name"] for row in unlike])
        text = f"Their {events} differ from those that the model makes in {what} (see the appendix)."
        found.append(Notice("look", "The model does not describe these customers in every respect.", text))
    return found


def _check(check: Check, within: str) -> str:
    value = "" if check.value is None else f" is {check.value:.4g}, should be {sign(check.target)}"
    return f"{sign(check.named(within))}{value}"


def _missed(holdout: Any) -> list[Notice]:
    """Say which forecasts did not come true, and in which direction the total missed."""
    failed = [check for check in holdout.checks if check.status == "failed"]
    widest = holdout.coverage.isel(level=int(holdout.coverage["level"].to_numpy().argmax()))
    missed = not bool(widest["total_inside"])
    number = plural(len(holdout.checks), "check")
    named = sign(listing([check.name for check in failed]))
    text = f"{count(len(failed))} of {number} on the hold-out period failed: {named}." if failed else ""
    if missed:
        seen, low, high = (
            float(v) for v in (widest.attrs["total_observed"], widest["total_low"], widest["total_high"])
        )
        wrong = "low" if seen > high else "high"
        total = (
            f"{count(seen)} purchases happened; the {per_cent(float(widest['level']))} interval was "
            f"{count(low)} to {count(high)}. Expect the totals below to be too {wrong}."
        )
        return [Notice("failed", "The forecast missed the hold-out total.", f"{total} {text}".strip())]
    return [Notice("look", "Some forecasts did not come true.", text)] if failed else []


def campaign(data: xr.Dataset, money: Money) -> str:
    """Say whom to contact, what it costs, what it brings and how it may go wrong."""
    number = int(data.attrs["n_contacted"])
    if number == 0:
        best = float(data["gain"].max())
        everybody = plural(data.sizes["customer"], "customer")
        return (
            f"Contact nobody with these offers. Even for the best of the {everybody} a contact is expected "
            f"to {_net(best, money)}."
        )
    gain = data["total_gain_predictive"].to_numpy()
    low, high = np.quantile(gain, [0.05, 0.95])
    mean = float(data["total_gain"].mean())
    who = f"Contact {count(number)} of {plural(data.attrs['n_customers'], 'customer')}"
    offers = _offers(data)
    with_ = f" with the offer “{offers[0][0]}”" if len(offers) == 1 else ""
    cost = float(data.attrs["total_cost"])
    costs = f"costs as much as {money(cost)} are worth" if money.noun else f"costs {money(cost)}"
    loses = "brings less than it costs" if money.noun else "loses money"
    return (
        f"{who}{with_}. The campaign {costs} and is expected to {_net(mean, money)} "
        f"(90% interval {money.range(low, high)}); the chance that it {loses} is "
        f"{chance(float((gain < 0).mean()))}."
    )


def _net(gain: float, money: Money) -> str:
    """Say what is gained after the cost: money is earned or lost, purchases are brought."""
    if money.noun:
        return f"bring {money(abs(gain))} {'more' if gain >= 0 else 'less'} than it costs"
    return f"{'earn' if gain >= 0 else 'lose'} {money(abs(gain))} after its cost"


def customers(data: xr.Dataset, words: Terms, stay: np.ndarray | None = None) -> str:
    """Say how many customers are still active, and how many of these have bought only once.

    Under contract the first is known, and `stay` are draws of how many remain at the end of the horizon.
    """
    if words.contracts:
        return _under_contract(data, stay)
    active = data["total_active"].to_numpy()
    low, high = np.quantile(active, [0.05, 0.95])
    number = int(data.attrs["n_customers"])
    once = data["x"].to_numpy() == 0
    interval = "" if about(low) == about(high) else f" (90% interval {about(low)} to {about(high)})"
    text = f"About {about(active.mean())} of the {plural(number, 'customer')} are still active{interval}."
    if not once.any():
        return text
    still = data["p_alive"].to_numpy()[once]
    if still.min() > 0.999:
        return (
            f"{text} But {count(once.sum())} of these have bought only once: the model counts every one-time "
            "buyer as active, because it lets customers leave only after a repeat purchase. Read them as "
            "not known to have left."
        )
    return f"{text} About {about(still.sum())} of these have bought only once."


def _under_contract(data: xr.Dataset, stay: np.ndarray | None) -> str:
    """Say how many customers there are, which is known, and how many will be left, which is not."""
    number, current = int(data.attrs["n_customers"]), int((data["p_alive"] > 0).sum())
    text = f"{count(current)} of the {plural(number, 'customer')} are under contract; who has left is known."
    if stay is None:
        return text
    left = current - stay
    low, high = np.quantile(left, [0.05, 0.95])
    interval = "" if about(low) == about(high) else f" (90% interval {about(low)} to {about(high)})"
    return (
        f"{text} About {about(left.mean())} of them will leave within the next "
        f"{data.attrs['horizon']}{interval}; when each of them leaves is what is uncertain."
    )


def value(data: xr.Dataset, money: Money) -> str:
    """Say what the customers are worth over the horizon, and how much of that is at risk."""
    total = data["total_value_predictive"].to_numpy()
    risk = data["total_value_at_risk"].to_numpy()
    low, high = np.quantile(total, [0.05, 0.95])
    worth = "are worth" if not money.noun else "are expected to make"
    mean = money(float(data["total_value"].mean()))
    rate = float(data.attrs["discount_rate"])
    later = f"; later ones count for less, by {100 * rate:.3g}% a year" if money.noun and rate else ""
    return (
        f"Over the next {data.attrs['horizon']} the customers {worth} {mean} (90% interval "
        f"{money.range(low, high)}{later}). It would be {money(float(risk.mean()))} more "
        f"({money.range(*np.quantile(risk, [0.05, 0.95]))}) if nobody left: that is the value at risk."
    )


def grounds(plan: Any, money: Money) -> str:
    """Say what the gain rests on that no data have shown: the response, and what counts as value."""
    margin = float(plan.settings.get("margin", 1.0))
    counted = (
        "before the cost of goods" if margin == 1.0 else f"of which {per_cent(margin)} is kept as margin"
    )
    if len(plan.offers) == 1:
        offer = plan.offers[0]
        response = (
            f"the offer is taken to win back {per_cent(offer.win_back.mean)} of those who left and to "
            f"prevent {per_cent(offer.keep.mean)} of leaving"
        )
    else:
        response = "how many customers each offer wins back and keeps is put in, as printed in the appendix"
    amounts = "" if money.noun else f" Amounts are what customers pay, {counted}."
    if (each := plan.data.attrs.get("worth")) is not None:
        event = str(plan.data.attrs["events"]).removesuffix("s")
        amounts = f" Every {event} is taken to be worth {money(float(each))}, {counted}."
    return (
        f"The gain rests on beliefs about the response: {response}. Unless these come from a campaign with a "
        f"control group, test on a part of the list first.{amounts}"
    )


def stronger(sensitivity: xr.Dataset) -> str:
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


def tiles(data: xr.Dataset, money: Money, words: Terms) -> list[dict[str, str]]:
    """Return the four numbers of page one, each with its label and its interval."""
    bare = money.bare
    gain = float(data["total_gain"].mean())
    number = int(data.attrs["n_contacted"])
    horizon = data.attrs["horizon"]
    active = float(data["total_active"].mean())
    noun = money.noun or "value"
    of_all = f"of {count(data.attrs['n_customers'])}"
    current = (
        f"{count(active)} {of_all} under contract"
        if words.contracts
        else f"about {about(active)} {of_all} active"
    )
    worth = data["total_value_predictive"].to_numpy()
    return [
        _tile(
            bare(float(data["total_value"].mean())), f"{noun} in the next {horizon}", _ninety(worth, money)
        ),
        _tile(
            bare(float(data["total_value_at_risk"].mean())),
            f"{noun} at risk",
            _ninety(data["total_value_at_risk"].to_numpy(), money),
        ),
        _tile(
            count(number),
            "customer worth a contact" if number == 1 else "customers worth a contact",
            current,
        ),
        _tile(bare(gain), "expected net gain", _ninety(data["total_gain_predictive"].to_numpy(), money))
        if number
        else _tile("none", "expected net gain", "no contact is expected to be worth its cost"),
    ]


def _tile(number: str, label: str, note: str) -> dict[str, str]:
    return {"number": number, "label": label, "note": note}


def _ninety(draws: np.ndarray, money: Money) -> str:
    return f"90% interval {money.bare.range(*np.quantile(draws, [0.05, 0.95]))}"


def actions(data: xr.Dataset, words: Terms, rows: xr.Dataset | None = None) -> list[dict[str, str]]:
    """Return what to do with each kind of customer, the first step first.

    `rows` stand for customers of the same history, where these are named instead.
    """
    label = data["label"].to_numpy()
    number = {
        name: int((label == name).sum()) for name in ("contact", "wait and see", "needs no offer", "let go")
    }
    steps = []
    if number["contact"]:
        listed = data if rows is None else rows
        chosen = listed["label"].to_numpy() == "contact"
        length = 28 if rows is None else 60
        first = [shorten(str(name), length) for name in listed["customer"].to_numpy()[chosen][:3]]
        offers = [f"{name} for {count(k)}" for name, k in _offers(data)]
        with_ = f"{listing(offers)}; " if len(offers) > 1 else ""
        noun = "customer" if len(first) == 1 else "customers"
        if rows is not None:
            noun, first = "those with", [f"“{name}”" for name in first]
        text = f"{with_}in the order of the priority list, starting with {noun} {listing(first)}."
        steps.append(_step("Contact {}", text, number["contact"]))
    texts = {
        "wait and see": (
            "Wait and see with {}",
            _waiting(data),
        ),
        "needs no offer": ("Send no offer to {}", words.advice["needs no offer"]),
        "let go": ("Let {} go", words.advice["let go"]),
    }
    return steps + [_step(*said, number[name]) for name, said in texts.items() if number[name]]


def _waiting(data: xr.Dataset) -> str:
    """Say why some customers wait: the budget ends before them, or whether a contact is worth it is open."""
    waits = data["label"].to_numpy() == "wait and see"
    beyond = int((waits & (data["gain"].to_numpy() > 0)).sum())
    again = "whether a contact is worth its cost is open. A test of the offer on some of them would tell."
    if not beyond:
        return again
    rest = "" if beyond == waits.sum() else f" For the others {again}"
    return f"{count(beyond)} would be worth a contact, but budget or capacity end before them.{rest}"


def _step(head: str, text: str, number: int) -> dict[str, str]:
    return {"head": head.format(plural(number, "customer")), "text": text}


def _offers(data: xr.Dataset) -> list[tuple[str, int]]:
    """Return the offers that are made and to how many, the most frequent first."""
    names, numbers = np.unique(
        data["offer"].to_numpy()[data["contact"].to_numpy()].astype(str), return_counts=True
    )
    return sorted(
        ((str(n), int(k)) for n, k in zip(names, numbers, strict=True)), key=lambda pair: (-pair[1], pair[0])
    )
