"""What models share in which customers buy at gamma rates and leave, after a purchase, with beta chances."""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.model import Param, Prior, Purchases
from bayes_cx.special import beta_gamma_mean, discounted_flow, one_minus_power_over

__all__ = [
    "PARAMS",
    "PRIORS",
    "buy_until_gone",
    "discounted",
    "discounted_if_kept",
    "natural",
    "observe",
    "scale",
    "with_less_dropout",
]

PARAMS = {
    "r": Param("", "shape of the purchase rates: the smaller, the more customers differ"),
    "alpha": Param("time", "scale of the purchase rates: the mean rate is r / alpha"),
    "a": Param("", "weight of leaving: the mean chance to leave after a purchase is a / (a + b)"),
    "b": Param("", "weight of staying"),
}

PRIORS = {
    "purchase_rate": Prior(
        "LogNormal",
        {"mu": 0.5, "sigma": 1.0},
        "mean purchase rate of active customers, relative to the purchases per unit of time in the data",
        "active customers buy somewhat faster than all customers together; 95% between 0.23 and 12 times",
    ),
    "rate_cv": Prior(
        "LogNormal",
        {"mu": 0.0, "sigma": 1.0},
        "coefficient of variation of purchase rates between customers",
        "from nearly equal customers (0.14) to a few who buy nearly everything (7.1)",
    ),
    "dropout": Prior(
        "Beta",
        {"alpha": 1.0, "beta": 3.0},
        "mean chance to leave after a purchase",
        "most customers stay after most purchases; 95% between 0.8% and 71%",
    ),
    "dropout_size": Prior(
        "LogNormal",
        {"mu": 1.0, "sigma": 1.0},
        "a + b, how alike customers are in their chance to leave",
        "from nearly all-or-nothing customers (0.4) to nearly equal ones (19)",
    ),
}


def scale(weight, x, t_x, T):
    """Return the purchases per unit of time that the data show; half a purchase more keeps it positive."""
    return (np.sum(weight * x) + 0.5) / np.sum(weight * T)


def natural(scale, purchase_rate, rate_cv, dropout, dropout_size):
    """Return the letters of the papers from the unit-free coordinates."""
    r = rate_cv**-2
    return {
        "r": r,
        "alpha": r / (purchase_rate * scale),
        "a": dropout * dropout_size,
        "b": (1.0 - dropout) * dropout_size,
    }


def discounted(t, discount, s, beta, a, b):
    """Return the discounted purchases within t at rate ~ Gamma(s, beta) with dropout ~ Beta(a, b)."""
    later = tuple(pt.expand_dims(value, -1) for value in (s, beta, a, b))
    return discounted_flow(lambda u: beta_gamma_mean(u, *later), t, discount, beta)


def discounted_if_kept(t, discount, x, T, r, alpha):
    """Return the discounted purchases within t of an active customer who cannot leave."""
    return (r + x) / (alpha + T) * one_minus_power_over(discount, -t)


def with_less_dropout(discounted, t, discount, keep):
    r"""Return the discounted purchases of an active customer whose chance to leave falls by a share.

    With :math:`p (1 - \kappa)` for p (or :math:`\mu (1 - \kappa)` for :math:`\mu`) the rate of purchases at
    time s is that of the customer at time :math:`(1 - \kappa) s`, so the integral is the old one with a
    shorter horizon and a larger discount, divided by :math:`1 - \kappa`.

    Parameters
    ----------
    discounted : callable
        ``discounted(t, discount)`` without the fall.
    t, discount, keep : tensor
        Horizon, force of discount and :math:`\kappa`, below one.
    """
    left = 1.0 - keep
    return discounted(left * t, discount / left) / left


def observe(made, T):
    """Return what one sees of purchases in spans `T`, shape (customer,)."""
    n = np.size(T)
    return {"x": made.counts(n), "t_x": made.last(n), "T": T}


def buy_until_gone(rng, rate, p, active, t) -> Purchases:
    """Let customers buy until they leave or the span `t` ends, one purchase of everybody at a time."""
    customer = np.flatnonzero(active)
    time = np.zeros(customer.size)
    customers, times = [], []
    while customer.size:
        # Of very unequal customers some have a rate below the smallest number: they never buy.
        with np.errstate(divide="ignore", over="ignore"):
            time = time + rng.standard_exponential(customer.size) / rate[customer]
        bought = time <= t[customer]
        customer, time = customer[bought], time[bought]
        customers.append(customer)
        times.append(time)
        stays = rng.random(customer.size) >= p[customer]
        customer, time = customer[stays], time[stays]
    return Purchases(np.concatenate([*customers, np.empty(0, int)]), np.concatenate([*times, np.empty(0)]))
