"""The words of a report that depend on whether it is observed who has left."""

from collections.abc import Mapping
from dataclasses import dataclass

from bayes_cx.kinds import Kind

__all__ = ["RETURNS", "Phrases", "phrases"]

RETURNS = {
    "reject": "rows with a negative amount are rejected",
    "net": "a return is deducted from the customer's latest purchase before it",
    "ignore": "rows with a negative amount are left out",
    "keep": "a purchase with a negative amount counts, and adds nothing to the spend",
}
"""What is done with negative amounts, by the setting of that name."""


@dataclass(frozen=True)
class Phrases:
    """Words that depend on whether dropout is observed.

    Attributes
    ----------
    current : str
        Head of the column that counts customers who have not left.
    bar : str
        Head of the bar of the priority list.
    bars : str
        What that bar shows.
    meaning : mapping of str to str
        The labels of a plan, for a table.
    advice : mapping of str to str
        Why these customers get no offer, for page one.
    condition, then : str
        The customer in the decision rule, in the words before and after the letter p.
    won_back : str
        What is assumed of a customer who is won back.
    """

    current: str
    bar: str
    bars: str
    meaning: Mapping[str, str]
    advice: Mapping[str, str]
    condition: str
    then: str
    won_back: str


_OF_ACTIONS = {
    "held out": "left alone at random, to measure what the plan brings",
    "not possible": "a contact may be worth its cost, but the customer must not get one",
}
_LATENT = Phrases(
    current="Active",
    bar="Active",
    bars="chance that the customer is still active",
    meaning={
        "contact": "a contact is expected to be worth its cost",
        **_OF_ACTIONS,
        "wait and see": "a contact may be worth its cost",
        "needs no offer": "active, and an offer would not be worth its cost",
        "let go": "probably left, and too expensive to win back",
    },
    advice={
        "needs no offer": ("as far as known they are active, and an offer would cost more than it saves."),
        "let go": "they have probably left, and winning them back would cost more than it brings.",
    },
    condition="a customer who is active with probability ",
    then="",
    won_back=(
        "returns at once, the less likely the longer the silence (see the half-life); from then on buys at a "
        "pace that takes the silence into account, and is less loyal for having left once"
    ),
)
_OBSERVED = Phrases(
    current="Current",
    bar="Stays",
    bars="chance to be still a customer at the end of the horizon",
    meaning={
        "contact": "a contact is expected to be worth its cost",
        **_OF_ACTIONS,
        "notice given": "leaves at the next renewal, and an offer would not be worth its cost",
        "wait and see": "a contact may be worth its cost",
        "needs no offer": "under contract, and an offer would not be worth its cost",
        "let go": "left, and too expensive to win back",
    },
    advice={
        "notice given": "they leave at the next renewal, and an offer would cost more than it brings.",
        "needs no offer": "they are under contract, and an offer would cost more than it saves.",
        "let go": "they have left, and winning them back would cost more than it brings.",
    },
    condition="a customer who is under contract or has left (",
    then=" is 1 or 0)",
    won_back=(
        "returns at once, the less likely the longer ago the contract ended (see the half-life); it goes on "
        "at the age that it had, and the customer is less loyal for having left once"
    ),
)


def phrases(kind: Kind) -> Phrases:
    """Return the words for models of this kind."""
    return _OBSERVED if kind.leaving == "observed" else _LATENT
