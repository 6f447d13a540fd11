"""What can be offered to a customer, what it costs and what it may change."""

from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal

import numpy as np

from bayes_cx.decision.responses import Beta, Response, response_of
from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = ["NEVER", "Beta", "Offer"]

NEVER = "never"
"""The half-life of a chance to win back that does not fall with the silence."""

# What is assumed of an offer of which nothing is known.
_ASSUMED = Beta(2, 18)


@dataclass(frozen=True)
class Offer:
    """An offer that may win an inactive customer back or keep an active one.

    Attributes
    ----------
    name : str
    cost : float
        In the unit of the value: the currency of the amounts, or purchases where there are no amounts.
    win_back : Beta or Response
        Chance that the offer brings back a customer who has just left.
    half_life : str
        The silence after which that chance is half as large, such as ``"26 weeks"``: the longer nothing was
        heard of a customer, the less likely an answer. An assumption until a trial measures it; ``"never"``
        for a chance that does not fall.
    keep : Beta
        Share by which the offer lowers an active customer's chance to leave after a purchase.
    charged : {"contacted", "accepted"}
        Whether the cost is paid for everybody contacted, or only when the offer is taken up. An active
        customer is then assumed to take it up always, an inactive one when won back. Where a trial measured
        the response, those take it up who bought in its arm.
    response : Response, optional
        What a contact changes of the outcome itself, such as `Measured`, in place of `win_back` and `keep`,
        which do not count then. Who buys because of the offer brings one purchase, and one who had left what
        a customer who is won back brings besides; spend counts as it was measured, times the margin.

    Raises
    ------
    InputError
        If the cost is negative or not finite, `half_life` is no span above zero, `charged` is something
        else, or an effect is none; or if both a response and other effects are given.

    Examples
    --------
    >>> offer = Offer("Voucher", cost=5.0)
    >>> offer.win_back, offer.half_life, offer.half_life_in("day")
    (Beta(alpha=2, beta=18), '26 weeks', 182.0)
    """

    name: str
    cost: float
    win_back: Beta | Response = field(default=_ASSUMED)
    keep: Beta = field(default=_ASSUMED)
    charged: Literal["contacted", "accepted"] = "contacted"
    half_life: str = "26 weeks"
    response: Response | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InputError("an offer without a name", "a name", "name the offer")
        for name, effect, allowed in (
            ("win_back", self.win_back, Beta | Response),
            ("keep", self.keep, Beta),
            ("response", self.response, Response | None),
        ):
            if not isinstance(effect, allowed):
                raise InputError(
                    f"{name}={effect!r} of offer {self.name!r}",
                    "a response" if name == "response" else "a distribution",
                    "write for example Stated(Beta(2, 18))"
                    if name == "response"
                    else "write for example Beta(2, 18), whose mean is 0.1",
                )
        if isinstance(self.win_back, Response) and self.win_back.outcome != "buying":
            raise InputError(
                f"a win_back of offer {self.name!r} that was measured in {self.win_back.outcome}",
                "the share who bought because of the offer",
                "pass it as response",
            )
        if self.response is not None and not (self.win_back == self.keep == _ASSUMED):
            raise InputError(
                f"a response and other effects of offer {self.name!r}",
                "one of the two: the response is the whole effect",
                "leave out win_back and keep",
            )
        if not isinstance(self.cost, Real) or not 0 <= float(self.cost) < np.inf:
            raise InputError(
                f"cost {self.cost!r} of offer {self.name!r}",
                "a number of zero or more, without a currency",
                "write for example cost=3",
            )
        if self.half_life != NEVER:
            object.__setattr__(self, "half_life", str(self._span()))
        if self.charged not in ("contacted", "accepted"):
            raise InputError(f"charged={self.charged!r}", "'contacted' or 'accepted'", "pass one of these")

    @property
    def effects(self) -> dict[str, Response]:
        """The effects that count, by name: ``response``, or ``win_back`` and ``keep``."""
        if self.response is not None:
            return {"response": self.response}
        return {"win_back": response_of(self.win_back), "keep": response_of(self.keep)}

    def as_dict(self) -> dict[str, Any]:
        """Return the offer in types that JSON has, for the record of a run."""
        own = {"name": self.name, "cost": self.cost, "charged": self.charged}
        if self.response is None:
            own["half_life"] = self.half_life
        return own | {name: effect.as_dict() for name, effect in self.effects.items()}

    def half_life_in(self, unit: str) -> float:
        """Return the half-life in a unit of time, infinite where the chance does not fall."""
        return np.inf if self.half_life == NEVER else Span.of(self.half_life).in_unit(unit)

    def _span(self) -> Span:
        try:
            span = Span.of(self.half_life)
        except InputError:
            span = None
        if span is None or not span.number > 0:
            raise InputError(
                f"half_life={self.half_life!r} of offer {self.name!r}",
                f"a span above zero, or {NEVER!r}",
                "write for example '26 weeks'",
            )
        return span
