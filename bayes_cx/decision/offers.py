"""What can be offered to a customer, what it costs and what it may change."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bayes_cx.errors import InputError
from bayes_cx.spans import Span

__all__ = ["NEVER", "Beta", "Offer"]

NEVER = "never"
"""The half-life of a chance to win back that does not fall with the silence."""


@dataclass(frozen=True)
class Beta:
    """A distribution on (0, 1) by the two parameters of the beta distribution.

    A measured campaign with s successes in n trials and a uniform prior is ``Beta(1 + s, 1 + n - s)``.

    Examples
    --------
    >>> Beta(2, 18).mean
    0.1
    """

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        if not (0 < self.alpha < np.inf and 0 < self.beta < np.inf):
            raise InputError(
                f"{self}", "two positive numbers", "write for example Beta(2, 18), whose mean is 0.1"
            )

    @property
    def mean(self) -> float:
        """The mean."""
        return self.alpha / (self.alpha + self.beta)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return n draws, shape (sample,)."""
        return rng.beta(self.alpha, self.beta, n)


@dataclass(frozen=True)
class Offer:
    """An offer that may win an inactive customer back or keep an active one.

    Attributes
    ----------
    name : str
    cost : float
        In the unit of the value: the currency of the amounts, or purchases where there are no amounts.
    win_back : Beta
        Chance that the offer brings back a customer who has just left.
    half_life : str
        The silence after which that chance is half as large, such as ``"26 weeks"``: the longer nothing was
        heard of a customer, the less likely an answer. An assumption until a trial measures it; ``"never"``
        for a chance that does not fall.
    keep : Beta
        Share by which the offer lowers an active customer's chance to leave after a purchase.
    charged : {"contacted", "accepted"}
        Whether the cost is paid for everybody contacted, or only when the offer is taken up. An active
        customer is then assumed to take it up always, an inactive one when won back.

    Raises
    ------
    InputError
        If the cost is negative or not finite, `half_life` is no span above zero, or `charged` is something
        else.

    Examples
    --------
    >>> offer = Offer("Voucher", cost=5.0)
    >>> offer.win_back, offer.half_life, offer.half_life_in("day")
    (Beta(alpha=2, beta=18), '26 weeks', 182.0)
    """

    name: str
    cost: float
    win_back: Beta = field(default=Beta(2, 18))
    keep: Beta = field(default=Beta(2, 18))
    charged: Literal["contacted", "accepted"] = "contacted"
    half_life: str = "26 weeks"

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InputError("an offer without a name", "a name", "name the offer")
        for name, effect in (("win_back", self.win_back), ("keep", self.keep)):
            if not isinstance(effect, Beta):
                raise InputError(
                    f"{name}={effect!r} of offer {self.name!r}",
                    "a distribution",
                    "write for example Beta(2, 18), whose mean is 0.1",
                )
        if isinstance(self.cost, str) or not 0 <= self.cost < np.inf:
            raise InputError(
                f"cost {self.cost} of offer {self.name!r}", "a cost of zero or more", "correct the cost"
            )
        if self.half_life != NEVER:
            object.__setattr__(self, "half_life", str(self._span()))
        if self.charged not in ("contacted", "accepted"):
            raise InputError(f"charged={self.charged!r}", "'contacted' or 'accepted'", "pass one of these")

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
