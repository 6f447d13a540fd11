"""What the simulators of models return: purchases, lifetimes of contracts, and amounts."""

from typing import NamedTuple

import numpy as np

__all__ = ["Amounts", "Lifetimes", "Purchases"]


class Purchases(NamedTuple):
    """Simulated purchases, one entry for each, in no particular order.

    Attributes
    ----------
    customer : numpy.ndarray of int, shape (purchase,)
        Position of the customer.
    time : numpy.ndarray of float, shape (purchase,)
        Time since the start of the simulated span, in the model's unit.
    """

    customer: np.ndarray
    time: np.ndarray

    def events(self, exposure: np.ndarray) -> "Purchases":
        """Return the purchases themselves, all of which are made within the exposure."""
        return self

    def counts(self, n_customers: int) -> np.ndarray:
        """Return the number of purchases of each customer, shape (customer,)."""
        return np.bincount(self.customer, minlength=n_customers)

    def last(self, n_customers: int) -> np.ndarray:
        """Return the time of the last purchase of each customer, 0 where there is none, shape (customer,)."""
        last = np.zeros(n_customers)
        np.maximum.at(last, self.customer, self.time)
        return last


class Lifetimes(NamedTuple):
    """Simulated contracts.

    Attributes
    ----------
    left : numpy.ndarray of float, shape (customer,)
        The number of the renewal, from one, at which each customer leaves.
    """

    left: np.ndarray

    def events(self, exposure: np.ndarray) -> Purchases:
        """Return the renewals made by customers who were asked `exposure` times, shape (customer,)."""
        made = np.minimum(self.left - 1, exposure).astype(np.int64)
        customer = np.repeat(np.arange(made.size), made)
        return Purchases(customer, np.arange(customer.size) - np.repeat(np.cumsum(made) - made, made) + 1.0)


class Amounts(NamedTuple):
    """What simulated repeat purchases are worth, one entry for each.

    Attributes
    ----------
    customer : numpy.ndarray of int, shape (purchase,)
        Position of the customer.
    amount : numpy.ndarray of float, shape (purchase,)
        Above zero.
    """

    customer: np.ndarray
    amount: np.ndarray

    def statistics(self, n_customers: int) -> dict[str, np.ndarray]:
        """Return number, mean and log moments of the amounts, each of shape (customer,), NaN of none."""
        n = np.bincount(self.customer, minlength=n_customers)
        log = np.log(self.amount)

        def mean(values: np.ndarray) -> np.ndarray:
            return np.bincount(self.customer, values, n_customers) / np.where(n > 0, n, np.nan)

        log_mean = mean(log)
        sd = np.sqrt(mean((log - log_mean[self.customer]) ** 2))
        return {"spend": mean(self.amount), "paid": n, "log_spend": log_mean, "log_spend_sd": sd}
