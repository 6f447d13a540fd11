"""What can be done for a customer, and what limits it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal

import numpy as np

from bayes_cx.decision.offers import Offer
from bayes_cx.decision.responses import Beta, Response
from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = ["NOTHING", "Action", "Exploration", "Limits"]

NOTHING = "nothing"
"""The action that is always possible, costs nothing and changes nothing."""


@dataclass(frozen=True)
class Action:
    """Something that can be done for a customer: an offer, a message in a channel, a voucher, a call.

    Attributes
    ----------
    name : str
    cost : float
        What it costs for each customer.
    channel : str
        Where it reaches the customer. Capacities, opt-outs and contact limits count by channel. Without a
        channel nobody is contacted, as by a lower price on a bill, and these do not apply.
    message : str
        What it says; actions in several channels may say the same.
    response : Response, optional
        What it changes, where gains are not given: `Uplift`, `Measured` or `Stated`.
    worth : float, optional
        What one more outcome of the response is worth. Needed where a response meets a table of customers, as
        there is no lifetime value that says it; 1 for a response in money.
    charged : {"contacted", "accepted"}
        Whether the cost is paid for everybody, or only where the customer takes the offer up.
    win_back, keep, half_life : optional
        What is assumed where there is a lifetime value and no response: the effects of an `Offer`, with the
        same meaning and defaults.

    Raises
    ------
    InputError
        If the name is empty or "nothing", a number is none, or there is a response beside other effects.

    Examples
    --------
    >>> Action("call", cost=4.0, channel="phone").channel
    'phone'
    """

    name: str
    cost: float = 0.0
    channel: str = ""
    message: str = ""
    response: Response | None = None
    worth: float | None = None
    charged: Literal["contacted", "accepted"] = "contacted"
    win_back: Beta | Response | None = None
    keep: Beta | None = None
    half_life: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip() or self.name == NOTHING:
            raise InputError(f"an action named {self.name!r}", f"a name other than {NOTHING!r}", "name it")
        for name, value in (("cost", self.cost), ("worth", self.worth)):
            if name == "worth" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < np.inf:
                raise InputError(
                    f"{name}={value!r} of {self.name!r}", "a number of zero or more", "correct it"
                )
        for name, value in (("channel", self.channel), ("message", self.message)):
            if not isinstance(value, str):
                raise InputError(f"{name}={value!r} of {self.name!r}", "a text", f"correct the {name}")
        if self.response is not None and not isinstance(self.response, Response):
            raise InputError(
                f"response={self.response!r} of {self.name!r}",
                "a response",
                "write for example bcx.Uplift(...)",
            )
        if self.charged not in ("contacted", "accepted"):
            raise InputError(f"charged={self.charged!r}", "'contacted' or 'accepted'", "pass one of these")
        self.as_offer()

    def as_offer(self) -> Offer:
        """Return the offer that has this cost and these effects."""
        assumed: dict[str, Any] = {"win_back": self.win_back, "keep": self.keep, "half_life": self.half_life}
        return Offer(
            self.name,
            cost=float(self.cost),
            charged=self.charged,
            response=self.response,
            **{name: effect for name, effect in assumed.items() if effect is not None},
        )


@dataclass(frozen=True)
class Limits:
    """What a plan must keep within.

    Attributes
    ----------
    budget : float, optional
        Most that may be spent.
    capacity : mapping of str to int
        Most customers who can be reached in a channel.
    contacts : int, optional
        Most contacts of a customer within `period`, those of the contact log included.
    period : str
        The time for which contacts count.
    preferences : table, optional
        Who does not want to be contacted: a data frame with columns ``customer`` and ``channel``, a row for
        each refusal; the channel ``"all"`` refuses every contact. With a column ``allowed`` only rows in
        which it is false refuse. Or a mapping of customers to the channels that they refuse.
    consistent : bool
        Whether a customer who got a message within `period` gets only the same message, in any channel.

    Raises
    ------
    InputError
        If a limit is negative or none.

    Examples
    --------
    >>> Limits(budget=1000, capacity={"phone": 50}, contacts=2).period
    '30 days'
    """

    budget: float | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)
    contacts: int | None = None
    period: str = "30 days"
    preferences: Any = None
    consistent: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.capacity, Mapping):
            raise InputError(
                f"capacity={self.capacity!r}",
                "the most customers by channel",
                "write for example capacity={'phone': 50}",
            )
        numbers = {"budget": self.budget, "contacts": self.contacts}
        numbers |= {f"capacity of {name!r}": value for name, value in self.capacity.items()}
        for name, value in numbers.items():
            known = value is None and name in ("budget", "contacts")
            if known or (isinstance(value, Real) and not isinstance(value, bool) and float(value) >= 0):
                continue
            raise InputError(
                f"{name}={value!r}", "a number of zero or more", f"correct the {name}, or leave it out"
            )
        Span.of(self.period)


@dataclass(frozen=True)
class Exploration:
    """How a plan makes sure that it can be learnt from: some customers get something else at random.

    Attributes
    ----------
    share : float
        With ``"holdout"``, the share of customers who get nothing whatever the plan says, drawn at random.
    method : {"holdout", "thompson"}
        ``"thompson"``: customers are dealt at random to groups, and each group gets the plan that would be
        best if one draw of the gains were true. The less is known of which action is best, the more the
        actions vary.
    draws : int
        With ``"thompson"``, among how many draws each group chooses.

    Raises
    ------
    InputError
        If the share is not between 0 and 1, or the method is another.

    Examples
    --------
    >>> Exploration(share=0.1)
    Exploration(share=0.1, method='holdout', draws=20)
    """

    share: float = 0.1
    method: Literal["holdout", "thompson"] = "holdout"
    draws: int = 20

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, Real) or not 0 < self.share < 1:
            raise InputError(f"share={self.share!r}", "a share between 0 and 1", "write for example 0.1")
        if self.method not in ("holdout", "thompson"):
            raise InputError(f"method={self.method!r}", "'holdout' or 'thompson'", "choose one")
        if isinstance(self.draws, bool) or not isinstance(self.draws, int) or self.draws < 2:
            raise InputError(f"draws={self.draws!r}", "two or more", "write for example 20")
