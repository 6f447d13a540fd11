"""Which offer for whom, within a budget and a capacity: arithmetic on expected gains alone."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class Choice:
    """Who gets which offer.

    Attributes
    ----------
    offer : numpy.ndarray of int, shape (customer,)
        Position of the customer's best offer, whether or not it is made.
    priority : numpy.ndarray, shape (customer,)
        Expected gain of that offer less the price of the budget it takes; the customers' order.
    contact : numpy.ndarray of bool, shape (customer,)
    price : float
        What one more unit of budget would gain; 0 where the budget does not bind.
    """

    offer: np.ndarray
    priority: np.ndarray
    contact: np.ndarray
    price: float


def choose(
    gain: np.ndarray, cost: np.ndarray, budget: float | None = None, capacity: int | None = None
) -> Choice:
    r"""Choose at most one offer for each customer.

    Without a budget each customer gets the offer with the largest expected gain, if that is positive, best
    customers first up to the capacity. A budget has a price :math:`\mu`: offers compete by gain less
    :math:`\mu` times cost, and :math:`\mu` is the smallest price at which the chosen offers fit the budget.
    This solves the knapsack up to the gain of one customer; what is left of the budget goes to the next
    customers that fit.

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
    price = 0.0
    if budget is not None and _spent(gain, cost, 0.0, limit) > budget:
        low, high = 0.0, 1.0
        while _spent(gain, cost, high, limit) > budget:
            high *= 2.0
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (middle, high) if _spent(gain, cost, middle, limit) > budget else (low, middle)
        price = high
    offer, priority = _best(gain, cost, price)
    contact = _chosen(priority, limit)
    if price > 0 and budget is not None:
        _fill(contact, gain, cost, offer, budget, limit)
    return Choice(offer, priority, contact, price)


def _best(gain: np.ndarray, cost: np.ndarray, price: float) -> tuple[np.ndarray, np.ndarray]:
    worth = gain - price * cost
    offer = worth.argmax(axis=1)
    return offer, worth[np.arange(offer.size), offer]


def _chosen(priority: np.ndarray, limit: int) -> np.ndarray:
    contact = np.zeros(priority.size, bool)
    contact[np.argsort(-priority, kind="stable")[:limit]] = True
    return contact & (priority > 0)


def _spent(gain: np.ndarray, cost: np.ndarray, price: float, limit: int) -> float:
    offer, priority = _best(gain, cost, price)
    return float(cost[np.arange(offer.size), offer][_chosen(priority, limit)].sum())


def _fill(
    contact: np.ndarray, gain: np.ndarray, cost: np.ndarray, offer: np.ndarray, budget: float, limit: int
) -> None:
    """Spend what is left on the next customers that fit, best gain per cost first; changes `contact`."""
    rows = np.arange(offer.size)
    own_gain, own_cost = gain[rows, offer], cost[rows, offer]
    left, places = budget - own_cost[contact].sum(), limit - int(contact.sum())
    waiting = np.flatnonzero(~contact & (own_gain > 0) & (own_cost <= left))
    for i in waiting[np.argsort(-own_gain[waiting] / np.maximum(own_cost[waiting], 1e-300), kind="stable")]:
        if places == 0:
            break
        if own_cost[i] <= left:
            contact[i] = True
            left -= own_cost[i]
            places -= 1
