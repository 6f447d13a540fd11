"""What an offer changes, draw by draw."""

from dataclasses import dataclass

import numpy as np

from bayes_cx.decision.offers import Offer
from bayes_cx.decision.value import LifetimeValue, Worth
from bayes_cx.scoring import Scorer

__all__ = ["Change", "Effect", "effect"]

# A share of one would make the customer stay for ever, which the formula reaches only as a limit.
_MOST_KEPT = 0.999


@dataclass(frozen=True)
class Effect:
    """One offer with draws of what it does.

    Attributes
    ----------
    offer : Offer
    win_back, keep : numpy.ndarray, shape (sample,)
        Draws of the chance to win back and of the share by which dropout falls; the same for all customers.
    less_dropout, least_dropout : Scorer
        Discounted purchases of an active customer whose chance to leave falls by that share, and by twice it.
    """

    offer: Offer
    win_back: np.ndarray
    keep: np.ndarray
    less_dropout: Scorer
    least_dropout: Scorer

    def of(self, worth: Worth, some: np.ndarray) -> "Change":
        """Return what the offer changes for some customers."""
        once = worth.spend * self.less_dropout.customers(some) / (1.0 - self.keep[:, None])
        twice = worth.spend * self.least_dropout.customers(some) / (1.0 - _twice(self.keep)[:, None])
        return Change(
            offer=self.offer,
            worth=worth,
            win_back=self.win_back[:, None],
            kept_once=worth.p_alive * (once - worth.active),
            kept_twice=worth.p_alive * (twice - worth.active),
        )


@dataclass(frozen=True)
class Change:
    """What an offer changes for some customers, if its effects are `scale` times what was drawn."""

    offer: Offer
    worth: Worth
    win_back: np.ndarray
    kept_once: np.ndarray
    kept_twice: np.ndarray

    def winning_back(self, scale: float = 1.0) -> np.ndarray:
        """Return the value won back, shape (sample, customer)."""
        return (1.0 - self.worth.p_alive) * self._chance(scale) * self.worth.won_back

    def keeping(self, scale: float = 1.0) -> np.ndarray:
        """Return the value kept, shape (sample, customer): exact at scales 0, 1 and 2, a parabola between."""
        return scale * (2.0 - scale) * self.kept_once + scale * (scale - 1.0) / 2.0 * self.kept_twice

    def cost(self, scale: float = 1.0) -> np.ndarray:
        """Return the cost, shape (sample, customer)."""
        p_alive = self.worth.p_alive
        if self.offer.charged == "contacted":
            return np.full(p_alive.shape, self.offer.cost)
        return self.offer.cost * (p_alive + (1.0 - p_alive) * self._chance(scale))

    def gain(self, scale: float = 1.0) -> np.ndarray:
        """Return the net gain, shape (sample, customer)."""
        return self.winning_back(scale) + self.keeping(scale) - self.cost(scale)

    def _chance(self, scale: float) -> np.ndarray:
        return np.minimum(scale * self.win_back, 1.0)


def effect(offer: Offer, value: LifetimeValue, rng: np.random.Generator) -> Effect:
    """Draw what `offer` does."""
    win_back = offer.win_back.draw(rng, value.draws)
    keep = np.minimum(offer.keep.draw(rng, value.draws), _MOST_KEPT)
    return Effect(offer, win_back, keep, value.less_dropout(keep), value.less_dropout(_twice(keep)))


def _twice(share: np.ndarray) -> np.ndarray:
    return np.minimum(2.0 * share, _MOST_KEPT)
