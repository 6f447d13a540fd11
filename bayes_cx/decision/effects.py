"""What an offer changes, draw by draw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayes_cx.decision.offers import Offer
from bayes_cx.decision.responses import Changed, response_of
from bayes_cx.decision.value import LifetimeValue, Worth
from bayes_cx.errors import InputError
from bayes_cx.scoring import Scorer

__all__ = ["Change", "Effect", "added", "effect"]

# A share of one would make the customer stay for ever, which the formula reaches only as a limit.
_MOST_KEPT = 0.999
# The fields of a change that are summed over customers, and those of a measured outcome.
_SUMS = ("active", "lost", "returning", "won_back", "kept_once", "kept_twice")
_MEASURED = ("outcome", "responding", "taking")


@dataclass(frozen=True)
class Effect:
    """One offer with draws of its effects.

    Attributes
    ----------
    offer : Offer
    win_back, keep : numpy.ndarray, shape (sample,)
        Draws of the chance to win back and of the share by which dropout falls; the same for all customers,
        and 0 where the offer has a response.
    less_dropout, least_dropout : Scorer or None
        Discounted events of an active customer whose chance to leave falls by that share, and by twice it.
    half_lives : numpy.ndarray, shape (customer,)
        How often the chance to win back has halved since the customer was last heard of.
    changed : Changed or None
        Draws of the response.
    margin : float
        Share of the spend that counts as value.
    """

    offer: Offer
    win_back: np.ndarray
    keep: np.ndarray
    less_dropout: Scorer | None
    least_dropout: Scorer | None
    half_lives: np.ndarray
    changed: Changed | None = None
    margin: float = 1.0

    def of(self, worth: Worth, some: np.ndarray) -> "Change":
        """Return what the offer changes for some customers."""
        lost = 1.0 - worth.p_alive
        if self.less_dropout is None or self.least_dropout is None:
            return self._responding(worth, some, lost)
        once = worth.spend * self.less_dropout.customers(some)
        twice = worth.spend * self.least_dropout.customers(some)
        returning = lost * self.fade(some)
        return Change(
            offer=self.offer,
            chance=self.win_back,
            active=worth.p_alive,
            lost=lost,
            returning=returning,
            won_back=returning * worth.won_back,
            kept_once=worth.p_alive * (once - worth.active),
            kept_twice=worth.p_alive * (twice - worth.active),
        )

    def _responding(self, worth: Worth, some: np.ndarray, lost: np.ndarray) -> "Change":
        r"""Return the change of the outcome that a response is about, in the value of each customer.

        Who buys because of the offer brings :math:`z + (1 - p) V_{new}`, one more purchase :math:`z`, and an
        amount itself, of which the margin counts.
        """
        response, changed = self.offer.response, self.changed
        assert response is not None
        assert changed is not None
        effect, taking = changed.of(some)
        each = {
            "buying": worth.spend + lost * worth.won_back,
            "purchases": worth.spend,
            "spend": np.full_like(lost, self.margin),
        }[response.outcome]
        # By whom the change is made: the share who buy because of the offer, else those who buy with it.
        share = np.abs(effect) if response.outcome == "buying" or taking is None else taking
        nothing = np.zeros_like(lost)
        return Change(
            offer=self.offer,
            chance=self.win_back,
            active=worth.p_alive,
            lost=lost,
            returning=nothing,
            won_back=nothing,
            kept_once=nothing,
            kept_twice=nothing,
            outcome=effect * each,
            responding=nothing + np.clip(share, 0.0, 1.0),
            # As for an offer without a trial, an active customer is else assumed to take it up always.
            taking=nothing + taking if taking is not None else worth.p_alive + lost * np.clip(effect, 0, 1),
        )

    def fade(self, some: np.ndarray, times: float = 1.0) -> np.ndarray:
        """Return the share of the chance to win back that is left, if the half-life is `times` as long."""
        return np.exp2(-self.half_lives[some] / times)

    def fading(self, change: "Change", won_back: np.ndarray, some: np.ndarray, times: float) -> "Change":
        """Return the change for the same customers if the half-life is `times` as long.

        Parameters
        ----------
        change : Change
        won_back : numpy.ndarray, shape (sample, customer)
            What those who had left are worth if they come back.
        some : numpy.ndarray of int, shape (customer,)
            The positions of these customers.
        times : float
        """
        returning = change.lost * self.fade(some, times)
        return replace(change, returning=returning, won_back=returning * won_back)


@dataclass(frozen=True)
class Change:
    """What an offer changes, if its effects are `strength` times what was drawn.

    Attributes
    ----------
    offer : Offer
    chance : numpy.ndarray, shape (sample,)
        Chance to win back a customer who has just left.
    active, lost : numpy.ndarray, shape (sample, customer)
        Chance to be active and not to be.
    returning : numpy.ndarray, shape (sample, customer)
        `lost` times the share of the chance to win back that the silence has left.
    won_back : numpy.ndarray, shape (sample, customer)
        `returning` times the value of a customer who comes back.
    kept_once, kept_twice : numpy.ndarray, shape (sample, customer)
        Rise of the value with the share kept as drawn, and with twice that share.
    outcome : numpy.ndarray of shape (sample, customer), or None
        Rise of the value by the response of the offer, where it has one.
    responding, taking : numpy.ndarray of shape (sample, customer), or None
        Chance that a customer is one of those who make the rise, and that the customer takes the offer up.
    """

    offer: Offer
    chance: np.ndarray
    active: np.ndarray
    lost: np.ndarray
    returning: np.ndarray
    won_back: np.ndarray
    kept_once: np.ndarray
    kept_twice: np.ndarray
    outcome: np.ndarray | None = None
    responding: np.ndarray | None = None
    taking: np.ndarray | None = None

    @property
    def _summed(self) -> tuple[str, ...]:
        return _SUMS if self.outcome is None else (*_SUMS, *_MEASURED)

    def winning_back(self, strength: float = 1.0) -> np.ndarray:
        """Return the value won back, shape (sample, customer)."""
        return self._chance(strength)[:, None] * self.won_back

    def luck(
        self, uniform: np.ndarray, strength: float = 1.0, place: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """Return by how much the value won back differs from `winning_back`, with the luck of who comes back.

        What a customer who comes back then brings is set to its expectation.

        Parameters
        ----------
        uniform : numpy.ndarray, shape (sample, customer)
            Random numbers between 0 and 1; the same ones make several strengths comparable.
        strength : float
        place : numpy.ndarray of int or slice
            Which of the customers of this change those of `uniform` are.
        """
        if self.outcome is not None and self.responding is not None:
            mean, share = strength * self.outcome[:, place], self.responding[:, place]
            each = np.divide(mean, share, out=np.zeros_like(mean), where=share > 0)
            return (uniform < share) * each - mean * (share > 0)
        comes_back = uniform < (self._chance(strength)[:, None] * self.returning)[:, place]
        each = np.divide(
            self.won_back, self.returning, out=np.zeros_like(self.won_back), where=self.returning > 0
        )
        return comes_back * each[:, place] - self.winning_back(strength)[:, place]

    def keeping(self, strength: float = 1.0) -> np.ndarray:
        """Return the value kept, shape (sample, customer): exact at 0, 1 and 2, a parabola between."""
        if strength == 1.0:
            return self.kept_once
        once, twice = _parabola(strength)
        return once * self.kept_once + twice * self.kept_twice

    def response(self, strength: float = 1.0) -> np.ndarray:
        """Return the rise of the value by the response of the offer, shape (sample, customer)."""
        return strength * (np.zeros_like(self.lost) if self.outcome is None else self.outcome)

    def cost(self, strength: float = 1.0) -> np.ndarray:
        """Return the cost, shape (sample, customer)."""
        if self.offer.charged == "contacted":
            return self.offer.cost * (self.active + self.lost)
        if self.taking is not None:
            return self.offer.cost * self.taking
        return self.offer.cost * (self.active + self._chance(strength)[:, None] * self.returning)

    def gain(self, strength: float = 1.0) -> np.ndarray:
        """Return the net gain, shape (sample, customer)."""
        brought = self.winning_back(strength) + self.keeping(strength)
        return brought + (0.0 if self.outcome is None else self.response(strength)) - self.cost(strength)

    def expected(self, strengths: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the means of `gain` and `cost` over the draws, both of shape (strength, customer)."""
        once, twice = np.array([_parabola(strength) for strength in strengths]).T[..., None]
        chance = np.array([self._chance(strength) for strength in strengths]) / self.chance.size
        if self.offer.charged == "contacted":
            cost = np.full((len(strengths), self.lost.shape[1]), self.offer.cost)
        elif self.taking is not None:
            cost = np.tile(self.offer.cost * self.taking.mean(axis=0), (len(strengths), 1))
        else:
            cost = self.offer.cost * (self.active.mean(axis=0) + chance @ self.returning)
        kept = once * self.kept_once.mean(axis=0) + twice * self.kept_twice.mean(axis=0)
        gain = chance @ self.won_back + kept - cost
        if self.outcome is not None:
            gain = gain + np.outer(strengths, self.outcome.mean(axis=0))
        return gain, cost

    def only(self, mine: np.ndarray) -> "Change":
        """Return the changes of the customers in `mine` (their places, or bool)."""
        return replace(self, **{n: getattr(self, n)[:, mine] for n in self._summed})

    def total(self) -> "Change":
        """Return the sum of the changes, as a change of one customer."""
        return replace(self, **{n: getattr(self, n).sum(axis=1, keepdims=True) for n in self._summed})

    def _chance(self, strength: float) -> np.ndarray:
        return np.minimum(strength * self.chance, 1.0)


def _parabola(strength: float) -> tuple[float, float]:
    """Return the weights of the values at strengths 1 and 2; at strength 0 nothing is kept."""
    return strength * (2.0 - strength), strength * (strength - 1.0) / 2.0


def added(changes: Sequence[Change]) -> Change:
    """Return the sum of the changes that one offer makes for several blocks of customers."""
    names = changes[0]._summed
    return replace(changes[0], **{n: sum(getattr(each, n) for each in changes) for n in names})


def effect(offer: Offer, value: LifetimeValue, rng: np.random.Generator) -> Effect:
    """Return draws of the effects of `offer`."""
    half_lives = value.silence / offer.half_life_in(str(value.stats.attrs["unit"]))
    if offer.response is not None:
        if offer.response.outcome == "spend" and value.spend is None:
            raise InputError(
                f"a response of offer {offer.name!r} in money, where value is counted in {value.events}",
                "what a purchase is worth",
                "pass spend to bcx.lifetime_value, or measure who buys",
            )
        nothing = np.zeros(value.draws)
        changed = offer.response.draw(rng, value.draws, value.stats)
        return Effect(offer, nothing, nothing, None, None, half_lives, changed, value.margin)
    win_back = response_of(offer.win_back).draw(rng, value.draws, value.stats).effect
    keep = np.minimum(offer.keep.draw(rng, value.draws), _MOST_KEPT)
    return Effect(
        offer, win_back, keep, value.less_dropout(keep), value.less_dropout(_twice(keep)), half_lives
    )


def _twice(share: np.ndarray) -> np.ndarray:
    return np.minimum(2.0 * share, _MOST_KEPT)
