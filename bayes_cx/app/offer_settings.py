"""The settings of what can be done for customers: offers and their effects, or several actions with limits.

They are a part of `settings`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from bayes_cx.app.option import Option, at_least, between, checked_span, some_text
from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = ["ActionSettings", "OfferSettings", "ResponseSettings", "Several"]

type Shape = tuple[float, float]


def _shape(numbers: Shape) -> str | None:
    return None if min(numbers) > 0 else "the two numbers of a Beta distribution, above 0"


def _half_life(text: str) -> str:
    return str(text) if text == "never" else str(Span.of(str(text)))


type Capacities = tuple[tuple[str, int], ...]


def _capacities(given: Any) -> Capacities:
    if not isinstance(given, Mapping) or not all(
        isinstance(most, int) and not isinstance(most, bool) and most >= 0 for most in given.values()
    ):
        raise InputError(
            "capacities",
            "a whole number of zero or more for each channel, such as {phone = 200}",
            "correct the key capacities",
        )
    return tuple((str(channel), most) for channel, most in given.items())


@dataclass(frozen=True, kw_only=True)
class ResponseSettings:
    """What a contact changes: stated, or measured by a trial in a file."""

    stated: Annotated[
        Shape | None, Option("The share who buy because of the contact, as a Beta.", check=_shape)
    ] = None
    measured: Annotated[
        str | None,
        Option("Table of a trial, one row a customer, or its posterior (.nc).", path=True, record="place"),
    ] = None
    arm: Annotated[str | None, Option("Column with the arm.", check=some_text)] = None
    control: Annotated[str | None, Option("The arm to compare with.", check=some_text)] = None
    treated: Annotated[
        str | None, Option("The arm that got the offer.", default="the only other", check=some_text)
    ] = None
    outcome: Annotated[
        str | None, Option("Column with the outcome.", default="purchases of the report", check=some_text)
    ] = None
    measure: Annotated[Literal["conversion", "count", "value"] | None, Option("What the outcome is")] = None
    customer: Annotated[str | None, Option("Column with the customer.", check=some_text)] = None
    time: Annotated[str | None, Option("Column with the time of assignment.", check=some_text)] = None
    window: Annotated[
        str | None,
        Option("How long after it purchases count.", parse=lambda span: str(checked_span(span))),
    ] = None


@dataclass(frozen=True, kw_only=True)
class OfferSettings:
    """One offer: its cost, and its effects: assumed as the two numbers of Beta distributions, or measured."""

    name: Annotated[str, Option("What it is called.", check=some_text)]
    cost: Annotated[float, Option("What it costs.", check=at_least(0))]
    win_back: Annotated[Shape, Option("The chance to win back who has left.", check=_shape)] = (2, 18)
    keep: Annotated[Shape, Option("The share by which it lowers the risk to leave.", check=_shape)] = (2, 18)
    charged: Annotated[Literal["contacted", "accepted"], Option("Who costs")] = "contacted"
    half_life: Annotated[
        str,
        Option(
            "The silence after which the chance to win back is half as large, or never.", parse=_half_life
        ),
    ] = "26 weeks"
    response: Annotated[
        ResponseSettings | None,
        Option("What a contact changes, such as a trial measured it, in place of win_back and keep."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ActionSettings(OfferSettings):
    """One of several actions: an offer, and the channel and the message by which it reaches a customer."""

    channel: Annotated[
        str, Option("The channel, by which capacities, opt-outs and contacts count.", check=some_text)
    ] = ""
    message: Annotated[str, Option("What it says, for consistent.", check=some_text)] = ""


@dataclass(frozen=True, kw_only=True)
class Several:
    """Several actions, of which each customer gets at most one, and their limits."""

    actions: Annotated[
        tuple[ActionSettings, ...],
        Option("The actions to choose from, in place of offers and a cost.", flag=False),
    ] = ()
    capacities: Annotated[
        Capacities, Option("Customers that can be reached by each channel.", flag=False, parse=_capacities)
    ] = ()
    most_contacts: Annotated[
        int | None,
        Option("Most contacts of a customer within the period.", flag=False, check=at_least(0)),
    ] = None
    period: Annotated[
        str,
        Option("The time for which contacts count.", flag=False, parse=lambda span: str(checked_span(span))),
    ] = "30 days"
    contact_log: Annotated[
        str | None,
        Option("Earlier contacts: customer, time and message.", flag=False, path=True, record="place"),
    ] = None
    consistent: Annotated[
        bool, Option("Only the same message for who got one within the period.", flag=False)
    ] = False
    opt_outs: Annotated[
        str | None,
        Option("Who refuses what: customer and channel, or all.", flag=False, path=True, record="place"),
    ] = None
    opt_out_column: Annotated[
        str | None,
        Option("Column that says yes or true of customers who refuse all contacts.", flag=False),
    ] = None
    held_out: Annotated[
        float,
        Option("Share held out at random, to measure the plan.", flag=False, check=between(0, 0.9)),
    ] = 0.0
