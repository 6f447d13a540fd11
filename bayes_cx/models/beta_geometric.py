"""What models share in which customers buy at gamma rates and leave, after a purchase, with beta chances."""

from collections.abc import Callable

import numpy as np
import pytensor.tensor as pt

from bayes_cx.model import Param, Prior, Purchases, Quantity
from bayes_cx.models.quantities import named
from bayes_cx.numerics import (
    beta_gamma_decay,
    beta_gamma_dert,
    beta_gamma_mean,
    count_if_leaving_after,
    discounted_flow,
    log_negative_binomial,
    negative_binomial_tail,
    one_minus_power_over,
    with_less_dropout,
)

__all__ = [
    "PARAMS",
    "PRIORS",
    "buy_until_gone",
    "discounted_if_kept",
    "natural",
    "observe",
    "quantities",
    "scale",
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


def _count(count, t, s, beta, a, b):
    """Return the chance of exactly `count` purchases within t of an active customer."""
    exactly = pt.exp(log_negative_binomial(count, s, t, beta))
    return count_if_leaving_after(count, exactly, negative_binomial_tail(count, s, t, beta), a, b)


def _discounted(t, discount, s, beta, a, b):
    """Return the discounted purchases within t at rate ~ Gamma(s, beta) with dropout ~ Beta(a, b)."""
    later = tuple(pt.expand_dims(value, -1) for value in (s, beta, a, b))
    return discounted_flow(lambda u: beta_gamma_mean(u, *later), t, discount, beta)


def _dert(discount, s, beta, a, b):
    return beta_gamma_dert(discount, 1.0, s, beta, 0.0, a, b)


def quantities(
    log_odds_gone: Callable, active: Callable, lost: Callable, new: Callable
) -> dict[str, Quantity]:
    """Return what can be asked of a model without memory between purchases.

    Parameters
    ----------
    log_odds_gone : callable
        Of (x, t_x, T, r, alpha, a, b).
    active, lost : callable
        Of (x, T, r, alpha, a, b): what is believed of an active customer, and of one who had left and is
        active again, as (s, beta, a, b) with rate ~ Gamma(s, beta) and chance to leave ~ Beta(a, b).
    new : callable
        Of (r, alpha, a, b): the chance to stay after the first purchase, and what is then believed.
    """

    def p_alive(x, t_x, T, r, alpha, a, b):
        return pt.sigmoid(-log_odds_gone(x, t_x, T, r, alpha, a, b))

    def p_alive_at(t, x, t_x, T, r, alpha, a, b):
        stays = beta_gamma_decay(t, *active(x, T, r, alpha, a, b))
        return p_alive(x, t_x, T, r, alpha, a, b) * stays

    def p_alive_new(t, r, alpha, a, b):
        begins, *believed = new(r, alpha, a, b)
        return begins * beta_gamma_decay(t, *believed)

    def p_any_purchase(t, x, t_x, T, r, alpha, a, b):
        """An active customer leaves only after a purchase, so the first one is as certain as it is due."""
        s, beta, _, _ = active(x, T, r, alpha, a, b)
        return p_alive(x, t_x, T, r, alpha, a, b) * -pt.expm1(-s * pt.log1p(t / beta))

    def p_purchases(count, t, x, t_x, T, r, alpha, a, b):
        alive = p_alive(x, t_x, T, r, alpha, a, b)
        return alive * _count(count, t, *active(x, T, r, alpha, a, b)) + (1.0 - alive) * pt.eq(count, 0)

    def p_purchases_new(count, t, r, alpha, a, b):
        begins, *believed = new(r, alpha, a, b)
        return begins * _count(count, t, *believed) + (1.0 - begins) * pt.eq(count, 0)

    def expected_if_active(t, x, T, r, alpha, a, b):
        return beta_gamma_mean(t, *active(x, T, r, alpha, a, b))

    def expected(t, x, t_x, T, r, alpha, a, b):
        return p_alive(x, t_x, T, r, alpha, a, b) * expected_if_active(t, x, T, r, alpha, a, b)

    def expected_between(t1, t2, x, t_x, T, r, alpha, a, b):
        later, sooner = (expected_if_active(t, x, T, r, alpha, a, b) for t in (t2, t1))
        return p_alive(x, t_x, T, r, alpha, a, b) * (later - sooner)

    def expected_new(t, r, alpha, a, b):
        begins, *believed = new(r, alpha, a, b)
        return begins * beta_gamma_mean(t, *believed)

    def discounted_if_active(t, discount, x, T, r, alpha, a, b):
        return _discounted(t, discount, *active(x, T, r, alpha, a, b))

    def discounted(t, discount, x, t_x, T, r, alpha, a, b):
        return p_alive(x, t_x, T, r, alpha, a, b) * discounted_if_active(t, discount, x, T, r, alpha, a, b)

    def discounted_if_won_back(t, discount, x, T, r, alpha, a, b):
        return _discounted(t, discount, *lost(x, T, r, alpha, a, b))

    def discounted_if_less_dropout(t, discount, keep, x, T, r, alpha, a, b):
        return with_less_dropout(
            lambda t, discount: discounted_if_active(t, discount, x, T, r, alpha, a, b), t, discount, keep
        )

    def dert(discount, x, t_x, T, r, alpha, a, b):
        return p_alive(x, t_x, T, r, alpha, a, b) * _dert(discount, *active(x, T, r, alpha, a, b))

    def dert_new(discount, r, alpha, a, b):
        begins, *believed = new(r, alpha, a, b)
        return begins * _dert(discount, *believed)

    def silence_limit(x, t_x, r, alpha, a, b):
        """Odds of having left grow from those at the purchase with the power r + x of the time."""
        at_once = log_odds_gone(x, t_x, t_x, r, alpha, a, b)
        return pt.maximum((alpha + t_x) * pt.expm1(-at_once / (r + x)), 0.0)

    def silence_limit_new(r, alpha, a, b):
        return silence_limit(0.0, 0.0, r, alpha, a, b)

    return named(
        "purchases",
        p_alive=p_alive,
        p_alive_at=p_alive_at,
        p_alive_new=p_alive_new,
        p_any_purchase=p_any_purchase,
        p_purchases=p_purchases,
        p_purchases_new=p_purchases_new,
        expected_purchases=expected,
        expected_purchases_between=expected_between,
        expected_purchases_if_active=expected_if_active,
        expected_purchases_new=expected_new,
        discounted_purchases=discounted,
        discounted_purchases_if_active=discounted_if_active,
        discounted_purchases_if_won_back=discounted_if_won_back,
        discounted_purchases_if_kept=discounted_if_kept,
        discounted_purchases_if_less_dropout=discounted_if_less_dropout,
        dert=dert,
        dert_new=dert_new,
        silence_limit=silence_limit,
        silence_limit_new=silence_limit_new,
    )


def discounted_if_kept(t, discount, x, T, r, alpha):
    """Return the discounted purchases within t of an active customer who cannot leave."""
    return (r + x) / (alpha + T) * one_minus_power_over(discount, -t)


def observe(made, T):
    """Return what one sees of purchases in spans `T`, shape (customer,)."""
    n = np.size(T)
    return {"x": made.counts(n), "t_x": made.last(n), "T": T}


def buy_until_gone(rng, rate, p, active, t, k=1.0, passed=0.0) -> Purchases:
    """Let customers buy until they leave or the span `t` ends, one purchase of everybody at a time.

    Every k-th stage, passed at `rate`, is a purchase; of the first k some have been `passed` already.
    """
    customer = np.flatnonzero(active)
    time = np.zeros(customer.size)
    stages = np.broadcast_to(k - passed, np.shape(rate))
    customers, times = [], []
    while customer.size:
        # Of very unequal customers some have a rate below the smallest number: they never buy.
        with np.errstate(divide="ignore", over="ignore"):
            time = time + rng.standard_gamma(stages[customer]) / rate[customer]
        bought = time <= t[customer]
        customer, time = customer[bought], time[bought]
        customers.append(customer)
        times.append(time)
        stays = rng.random(customer.size) >= p[customer]
        customer, time = customer[stays], time[stays]
        stages = np.broadcast_to(k, np.shape(rate))
    return Purchases(np.concatenate([*customers, np.empty(0, int)]), np.concatenate([*times, np.empty(0)]))
