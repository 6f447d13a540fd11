"""What a report calls things: customers who leave unseen, and customers under contract."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Terms", "terms"]


@dataclass(frozen=True)
class Terms:
    """The words that depend on what is known of a customer.

    Attributes
    ----------
    kind : {"purchases", "contracts"}
    event, events : str
        What customers make, and many of it.
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
    condition : str
        The customer of whom the decision rule speaks, in typst markup.
    """

    kind: str
    event: str
    events: str
    current: str
    bar: str
    bars: str
    meaning: dict[str, str]
    advice: dict[str, str]
    condition: str

    @property
    def contracts(self) -> bool:
        """Whether it is seen who has left."""
        return self.kind == "contracts"


_UNSEEN = {
    "current": "Active",
    "bar": "Active",
    "bars": "chance that the customer is still active",
    "meaning": {
        "contact": "a contact is expected to be worth its cost",
        "wait and see": "a contact may be worth its cost",
        "needs no offer": "active, and an offer would not be worth its cost",
        "let go": "probably left, and too dear to win back",
    },
    "advice": {
        "needs no offer": (
            "they are active as far as the model can tell, and an offer would cost more than it keeps."
        ),
        "let go": "they have probably left, and winning them back would cost more than it brings.",
    },
    "condition": "a customer who is active with probability",
}
_SEEN = {
    "current": "Current",
    "bar": "Stays",
    "bars": "chance to be still a customer at the end of the horizon",
    "meaning": {
        "contact": "a contact is expected to be worth its cost",
        "wait and see": "a contact may be worth its cost",
        "needs no offer": "under contract, and an offer would not be worth its cost",
        "let go": "left, and too dear to win back",
    },
    "advice": {
        "needs no offer": "they are under contract, and an offer would cost more than it keeps.",
        "let go": "they have left, and winning them back would cost more than it brings.",
    },
    "condition": "a customer who is under contract, where it is known that",
}


def terms(model: Any) -> Terms:
    """Return the words for a model of purchases or of contracts."""
    words = _SEEN if model.kind.leaving == "observed" else _UNSEEN
    named = model.kind.words["en"]
    return Terms(kind=model.kind.key, event=named.event, events=named.events, **words)
