"""Which customer gets which offer, within a budget and a capacity, from expected gains and costs alone."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Allocation", "allocate"]

# Costs are sums of rounded numbers: a customer must not be left out for a rounding error.
_ROUNDING = 1e-9
# Equal customers get gains that differ by at most this share, so that a budget can divide them.
_APART = 1e-6


@dataclass(frozen=True)
class Allocation:
    """Who gets which offer.

    Attributes
    ----------
    offer : numpy.ndarray of int, shape (customer,)
        Position of the customer's best offer, whether or not it is made.
    priority : numpy.ndarray, shape (customer,)
        Expected gain of that offer less the price of its cost; customers are ordered by it.
    contact : numpy.ndarray of bool, shape (customer,)
    price : float
        What one more unit of budget would gain; 0 where the budget does not bind.
    """

    offer: np.ndarray
    priority: np.ndarray
    contact: np.ndarray
    price: float


def allocate(
    gain: np.ndarray, cost: np.ndarray, budget: float | None = None, capacity: int | None = None
) -> Allocation:
    r"""Return at most one offer for each customer, within a budget and a capacity.

    Without a budget each customer gets the offer with the largest expected gain, if that is positive, best
    customers first up to the capacity. With a budget, offers compete by gain less :math:`\mu` times cost,
    where :math:`\mu` is the smallest price at which the selected offers fit the budget. What is left of the
    budget goes to the next customers that fit.

    No allocation within the limits gains more than this one by more than the largest gain of one customer
    (and a millionth): just below that price one more offer, or a better one, would exceed the budget.

    Parameters
    ----------
    gain, cost : numpy.ndarray, shape (customer, offer)
        Expected net gain and expected cost.
    budget : float, optional
    capacity : int, optional
        Most customers that can be contacted.
    """
    n = gain.shape[0]
    limit = n if capacity is None else min(capacity, n)
    price, most = 0.0, np.inf if budget is None else budget * (1.0 + _ROUNDING)
    apart = gain
    if _spent(gain, cost, 0.0, limit) > most:
        apart = gain * (1.0 - _APART * np.arange(n)[:, None] / n)
        low, high = 0.0, 1.0
        while _spent(apart, cost, high, limit) > most:
            high *= 2.0
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (middle, high) if _spent(apart, cost, middle, limit) > most else (low, middle)
        price = high
    offer, priority = _best(apart, cost, price)
    contact = _chosen(priority, limit)
    own_gain, own_cost = gain[np.arange(n), offer], cost[np.arange(n), offer]
    if price > 0:
        _fill(contact, own_gain, own_cost, most, limit)
    return Allocation(offer, own_gain - price * own_cost, contact, price)


def _best(gain: np.ndarray, cost: np.ndarray, price: float) -> tuple[np.ndarray, np.ndarray]:
    worth = gain - price * cost
    offer = worth.argmax(axis=1)
    return offer, worth[np.arange(offer.size), offer]


def _chosen(priority: np.ndarray, limit: int) -> np.ndarray:
    """Return which priorities are positive and among the `limit` largest; of equal ones the first."""
    contact = priority > 0
    if contact.sum() <= limit:
        return contact
    if limit == 0:
        return np.zeros_like(contact)
    least = np.partition(priority, -limit)[-limit]
    contact = priority > least
    contact[np.flatnonzero(priority == least)[: limit - contact.sum()]] = True
    return contact


def _spent(gain: np.ndarray, cost: np.ndarray, price: float, limit: int) -> float:
    offer, priority = _best(gain, cost, price)
    return float(cost[np.arange(offer.size), offer][_chosen(priority, limit)].sum())


def _fill(contact: np.ndarray, gain: np.ndarray, cost: np.ndarray, budget: float, limit: int) -> None:
    """Spend the rest of the budget on the next customers that fit, best gain per cost first; in place."""
    left, places = budget - cost[contact].sum(), limit - int(contact.sum())
    waiting = np.flatnonzero(~contact & (gain > 0) & (cost <= left))
    waiting = waiting[np.argsort(-gain[waiting] / np.maximum(cost[waiting], 1e-300), kind="stable")]
    while places and waiting.size:
        fit = int(np.searchsorted(np.cumsum(cost[waiting]), left, side="right"))
        chosen, waiting = np.split(waiting, [min(fit, places)])
        contact[chosen] = True
        left, places = left - cost[chosen].sum(), places - chosen.size
        waiting = waiting[cost[waiting] <= left]
