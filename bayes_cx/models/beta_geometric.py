"""Shared by BG/NBD and its relatives: gamma purchase rates, and beta chances to leave after purchases."""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.model import Param, Prior, Trait
from bayes_cx.models.quantities import Active
from bayes_cx.numerics import (
    beta_gamma_decay,
    beta_gamma_dert,
    beta_gamma_mean,
    count_if_leaving_after,
    discounted_flow,
    log_negative_binomial,
    log_stay,
    negative_binomial_tail,
    one_minus_power_over,
    with_less_dropout,
)
from bayes_cx.simulated import Purchases

__all__ = [
    "AT_RANDOM",
    "CONSTANT_RATES",
    "PARAMS",
    "PRIORS",
    "RATE_PARAMS",
    "RATE_PRIORS",
    "RATE_TRAIT",
    "TRAITS",
    "buy_until_gone",
    "chance_to_leave",
    "flow",
    "kept",
    "letters",
    "log_active",
    "observe",
    "scale",
    "silence_limit",
    "simulate_future",
]

CONSTANT_RATES = "Rates are constant: seasons, campaigns and changing habits are not in the model."
"""What these models cannot see; a fit with calendar time sees some of it."""

RATE_PARAMS = {
    "r": Param("", "shape of the purchase rates: the smaller, the more customers differ"),
    "alpha": Param("time", "scale of the purchase rates: the mean rate is r / alpha"),
}

PARAMS = {
    **RATE_PARAMS,
    "a": Param("", "weight of leaving: the mean chance to leave after a purchase is a / (a + b)"),
    "b": Param("", "weight of staying"),
}

RATE_TRAIT = Trait("Gamma", ("r", "alpha"), "purchases per unit of time while active", "per time")
TRAITS = {
    "purchase_rate": RATE_TRAIT,
    "dropout": Trait("Beta", ("a", "b"), "chance to leave after a purchase"),
}

RATE_PRIORS = {
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
}

PRIORS = {
    **RATE_PRIORS,
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


def letters(scale, purchase_rate, rate_cv, dropout, dropout_size):
    """Return the parameters by the letters of the papers, from the unit-free coordinates."""
    r = rate_cv**-2
    return {
        "r": r,
        "alpha": r / (purchase_rate * scale),
        "a": dropout * dropout_size,
        "b": (1.0 - dropout) * dropout_size,
    }


def log_active(x, T, r, alpha, a, b, decisions):
    """Return the log-likelihood of x purchases of a customer who has stayed at so many `decisions`."""
    rates = pt.gammaln(r + x) - pt.gammaln(r) + r * pt.log(alpha) - (r + x) * pt.log(alpha + T)
    return rates + log_stay(a, b, decisions)


def _exactly(count, t, s, beta, a, b):
    exactly = pt.exp(log_negative_binomial(count, s, t, beta))
    return count_if_leaving_after(count, exactly, negative_binomial_tail(count, s, t, beta), a, b)


def _any(t, s, beta, a, b):
    """Return the chance of a purchase within t, before which an active customer cannot leave."""
    return -pt.expm1(-s * pt.log1p(t / beta))


def flow(t, discount, s, beta, a, b):
    """Return the discounted purchases within t at rate ~ Gamma(s, beta) with dropout ~ Beta(a, b)."""
    # The purchases of a customer who leaves with probability p bend after a time beta / (s p), those of all
    # between that and beta. This power of the mean has the smallest errors over all of them.
    scale = beta / (1.0 + s * a / (a + b)) ** 0.75
    return discounted_flow(beta_gamma_mean, t, discount, s, beta, a, b, scale=scale)


def kept(t, discount, s, beta):
    """Return the discounted purchases within t at rate ~ Gamma(s, beta) of a customer who cannot leave."""
    return s / beta * one_minus_power_over(discount, -t)


AT_RANDOM = Active(
    stays=beta_gamma_decay,
    any=_any,
    mean=beta_gamma_mean,
    exactly=_exactly,
    discounted=flow,
    kept=lambda t, discount, s, beta, a, b: kept(t, discount, s, beta),
    less_dropout=lambda t, discount, keep, *believed: with_less_dropout(
        lambda t, discount: flow(t, discount, *believed), t, discount, keep
    ),
    endless=lambda discount, s, beta, a, b: beta_gamma_dert(discount, 1.0, s, beta, 0.0, a, b),
)
"""What a customer does who buys at random, at rate ~ Gamma(s, beta), with dropout ~ Beta(a, b)."""


def silence_limit(at_once, x, t_x, r, alpha):
    """Return the limit of silence where the log odds of having left are `at_once` at the purchase.

    They grow with the power r + x of the time.
    """
    return pt.maximum((alpha + t_x) * pt.expm1(-at_once / (r + x)), 0.0)


def simulate_future(rng, t, p_alive, s, beta, a, b):
    """Let customers with these rates and chances, if they are active, buy for a span `t` more."""
    alive = (rng.random(s.size) < p_alive).nonzero()[0]
    # Only of those who need them: such draws take most of the time of a simulation.
    rate = np.zeros(s.size)
    rate[alive] = rng.standard_gamma(s.take(alive)) / np.broadcast_to(beta, s.shape).take(alive)
    return buy_until_gone(rng, rate, chance_to_leave(rng, a, b, s.size), alive, np.broadcast_to(t, s.shape))


def chance_to_leave(rng, a, b, n):
    """Return the function that draws the chance to leave of some of n customers, each from Beta(a, b)."""
    a, b = np.broadcast_to(a, n), np.broadcast_to(b, n)
    return lambda customer: rng.beta(a.take(customer), b.take(customer))


def observe(made, T):
    """Return what one sees of purchases in spans `T`, shape (customer,)."""
    n = np.size(T)
    return {"x": made.counts(n), "t_x": made.last(n), "T": T}


def buy_until_gone(rng, rate, p, active, t, k=1.0, passed=0.0) -> Purchases:
    """Let customers buy until they leave or the span `t` ends, one purchase of each customer at a time.

    Every k-th stage, passed at `rate`, is a purchase; of the first k some have been `passed` already.
    ``p(customer)`` returns the chances to leave of the customers at these positions; it is called once, with
    those who buy at all. Customers who are `active` are given by their positions.
    """
    customer = active
    each = np.asarray(k)
    first = each - passed
    stages = first if first.ndim == 0 else first[customer]
    time, leaving = np.zeros(customer.size), np.empty(0)
    customers, times = [], []
    # The last rounds are of few customers, where every call counts: `take` is the quickest way to select.
    with np.errstate(divide="ignore", over="ignore"):
        while customer.size:
            # Where customers differ very much some have a rate below the smallest double: they never buy.
            time = time + rng.standard_gamma(stages, customer.size) / rate.take(customer)
            bought = (time <= t.take(customer)).nonzero()[0]
            customer, time = customer.take(bought), time.take(bought)
            leaving = p(customer) if not customers else leaving.take(bought)
            customers.append(customer)
            times.append(time)
            stays = (rng.random(customer.size) >= leaving).nonzero()[0]
            customer, time, leaving = customer.take(stays), time.take(stays), leaving.take(stays)
            stages = each if each.ndim == 0 else each[customer]
    return Purchases(np.concatenate([*customers, np.empty(0, int)]), np.concatenate([*times, np.empty(0)]))
