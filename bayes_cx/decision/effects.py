"""What an offer changes, draw by draw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayes_cx.decision.offers import Offer
from bayes_cx.decision.value import LifetimeValue, Worth
from bayes_cx.scoring import Scorer

__all__ = ["Change", "Effect", "added", "effect"]

# A share of one would make the customer stay for ever, which the formula reaches only as a limit.
_MOST_KEPT = 0.999
# The fields of a change that add over customers.
_SUMS = ("active", "lost", "won_back", "kept_once", "kept_twice")


@dataclass(frozen=True)
class Effect:
    """One offer with draws of what it does.

    Attributes
    ----------
    offer : Offer
    win_back, keep : numpy.ndarray, shape (sample,)
        Draws of the chance to win back and of the share by which dropout falls; the same for all customers.
    less_dropout, least_dropout : Scorer
        Discounted events of an active customer whose chance to leave falls by that share, and by twice it.
    """

    offer: Offer
    win_back: np.ndarray
    keep: np.ndarray
    less_dropout: Scorer
    least_dropout: Scorer

    def of(self, worth: Worth, some: np.ndarray) -> "Change":
        """Return what the offer changes for some customers."""
        once = worth.spend * self.less_dropout.customers(some)
        twice = worth.spend * self.least_dropout.customers(some)
        lost = 1.0 - worth.p_alive
        return Change(
            offer=self.offer,
            chance=self.win_back,
            active=worth.p_alive,
            lost=lost,
            won_back=lost * worth.won_back,
            kept_once=worth.p_alive * (once - worth.active),
            kept_twice=worth.p_alive * (twice - worth.active),
        )


@dataclass(frozen=True)
class Change:
    """What an offer changes, if its effects are `scale` times what was drawn.

    Attributes
    ----------
    offer : Offer
    chance : numpy.ndarray, shape (sample,)
        Chance to win back.
    active, lost : numpy.ndarray, shape (sample, customer)
        Chance to be active and not to be.
    won_back : numpy.ndarray, shape (sample, customer)
        Value if all who are lost came back.
    kept_once, kept_twice : numpy.ndarray, shape (sample, customer)
        Rise of the value with the share kept as drawn, and with twice that share.
    """

    offer: Offer
    chance: np.ndarray
    active: np.ndarray
    lost: np.ndarray
    won_back: np.ndarray
    kept_once: np.ndarray
    kept_twice: np.ndarray

    def winning_back(self, scale: float = 1.0) -> np.ndarray:
        """Return the value won back, shape (sample, customer)."""
        return self._chance(scale)[:, None] * self.won_back

    def response(self, rng: np.random.Generator) -> np.ndarray:
        """Return the value won back where luck decides who had left and comes back, shape (sample, customer).

        What a customer who comes back then brings is taken at its expectation.
        """
        comes_back = rng.random(self.lost.shape) < self._chance(1.0)[:, None] * self.lost
        return comes_back * np.divide(
            self.won_back, self.lost, out=np.zeros_like(self.won_back), where=self.lost > 0
        )

    def keeping(self, scale: float = 1.0) -> np.ndarray:
        """Return the value kept, shape (sample, customer): exact at scales 0, 1 and 2, a parabola between."""
        if scale == 1.0:
            return self.kept_once
        once, twice = _parabola(scale)
        return once * self.kept_once + twice * self.kept_twice

    def cost(self, scale: float = 1.0) -> np.ndarray:
        """Return the cost, shape (sample, customer)."""
        if self.offer.charged == "contacted":
            return self.offer.cost * (self.active + self.lost)
        return self.offer.cost * (self.active + self._chance(scale)[:, None] * self.lost)

    def gain(self, scale: float = 1.0) -> np.ndarray:
        """Return the net gain, shape (sample, customer)."""
        return self.winning_back(scale) + self.keeping(scale) - self.cost(scale)

    def expected(self, scales: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of `gain` and `cost` over the draws, both of shape (scale, customer)."""
        once, twice = np.array([_parabola(scale) for scale in scales]).T[..., None]
        chance = np.array([self._chance(scale) for scale in scales]) / self.chance.size
        if self.offer.charged == "contacted":
            cost = np.full((len(scales), self.lost.shape[1]), self.offer.cost)
        else:
            cost = self.offer.cost * (self.active.mean(axis=0) + chance @ self.lost)
        kept = once * self.kept_once.mean(axis=0) + twice * self.kept_twice.mean(axis=0)
        return chance @ self.won_back + kept - cost, cost

    def total(self, mine: np.ndarray) -> "Change":
        """Return the change of some customers, shape (customer,) of bool, as if of one: sums are linear."""
        return replace(self, **{n: getattr(self, n)[:, mine].sum(axis=1, keepdims=True) for n in _SUMS})

    def _chance(self, scale: float) -> np.ndarray:
        return np.minimum(scale * self.chance, 1.0)


def _parabola(scale: float) -> tuple[float, float]:
    """Return the weights of the values at scales 1 and 2; at scale 0 nothing is kept."""
    return scale * (2.0 - scale), scale * (scale - 1.0) / 2.0


def added(changes: Sequence[Change]) -> Change:
    """Return what one offer changes in all, of its changes for some customers after others."""
    return replace(changes[0], **{n: sum(getattr(each, n) for each in changes) for n in _SUMS})


def effect(offer: Offer, value: LifetimeValue, rng: np.random.Generator) -> Effect:
    """Draw what `offer` does."""
    win_back = offer.win_back.draw(rng, value.draws)
    keep = np.minimum(offer.keep.draw(rng, value.draws), _MOST_KEPT)
    return Effect(offer, win_back, keep, value.less_dropout(keep), value.less_dropout(_twice(keep)))


def _twice(share: np.ndarray) -> np.ndarray:
    return np.minimum(2.0 * share, _MOST_KEPT)
