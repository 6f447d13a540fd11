"""What is said of the effect of an offer: its size, whether it is assumed or measured, and on how many."""

from collections.abc import Sequence

from bayes_cx.decision import Offer, Response
from bayes_cx.decision.offers import NEVER
from bayes_cx.page.words import Money, between, count, listing, per_cent

__all__ = ["all_measured", "measured_by", "none_measured", "points", "rise", "size", "what_it_does"]


def points(share: float) -> str:
    """Return a difference of shares in percentage points, with two significant digits.

    Examples
    --------
    >>> points(0.0068), points(-0.0123), points(0.21)
    ('0.68 points', '−1.2 points', '21 points')
    """
    text = f"{100 * share:.2g}" if abs(share) < 0.1 else f"{100 * share:.0f}"
    return f"{text} {'point' if text == '1' else 'points'}".replace("-", "−")


def size(response: Response, amount: float, money: Money) -> str:
    """Return the size of an effect in the unit of its outcome."""
    if response.outcome == "spend":
        return money.bare(amount)
    if response.outcome == "purchases":
        return f"{amount:.3g}".replace("-", "−")
    return per_cent(amount) if response.basis == "stated" else points(amount)


def rise(response: Response, money: Money) -> str:
    """Return what a contact changes, with its interval and where that comes from."""
    low, high = response.interval()
    what = {
        "buying": "the share who buy",
        "purchases": "purchases per customer",
        "spend": "spend per customer",
    }
    verb = "lowers" if response.mean < 0 else "raises"
    around = between(low, high, lambda one: size(response, one, money))
    return (
        f"{verb} {what[response.outcome]} by {size(response, abs(response.mean), money)} "
        f"(90% interval {around}; {response.source})"
    )


def what_it_does(offer: Offer, money: Money) -> str:
    """Return a clause that says what the offer does, and where that is known from."""
    if offer.response is not None:
        return rise(offer.response, money)
    back = offer.effects["win_back"]
    share = per_cent(back.mean) if back.basis == "stated" else f"{100 * back.mean:.2g}%"
    fades = (
        "" if offer.half_life == NEVER else f", half as many for every further {offer.half_life} of silence,"
    )
    known = "" if back.basis == "stated" else f" ({back.source})"
    return (
        f"wins back {share} of those who have just left{known}{fades} and lowers the chance to leave by "
        f"{per_cent(offer.keep.mean)}"
    )


def none_measured(offers: Sequence[Offer]) -> bool:
    """Return whether every effect of the offers is an assumption."""
    return all(effect.basis == "stated" for offer in offers for effect in offer.effects.values())


def all_measured(offers: Sequence[Offer]) -> bool:
    """Return whether no effect of the offers is an assumption."""
    return all(effect.basis != "stated" for offer in offers for effect in offer.effects.values())


def measured_by(offers: Sequence[Offer]) -> str:
    """Return which offers were measured, and by how many customers each."""
    found = [
        f"“{offer.name}” on {count(max(effect.customers for effect in offer.effects.values()))}"
        for offer in offers
        if any(effect.basis != "stated" for effect in offer.effects.values())
    ]
    return listing(found)
