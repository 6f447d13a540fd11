"""MBG/NBD: a customer buys at a steady rate and may leave after any purchase, the first one included.

Batislam, Denizel & Filiztekin (2007), key ``batislam2007empirical``. Letters are those of BG/NBD.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.model import Model
from bayes_cx.models.beta_geometric import (
    PARAMS,
    PRIORS,
    buy_until_gone,
    discounted,
    discounted_if_kept,
    natural,
    observe,
    scale,
    with_less_dropout,
)
from bayes_cx.models.quantities import named
from bayes_cx.special import beta_gamma_mean

__all__ = ["MBG_NBD"]


def _log_odds_gone(x, t_x, T, r, alpha, a, b):
    """Return the log odds of having left at the last purchase, which for x = 0 is the first one."""
    return pt.log(a) - pt.log(b + x) + (r + x) * (pt.log(alpha + T) - pt.log(alpha + t_x))


def _log_lik(x, t_x, T, r, alpha, a, b):
    """The two terms of the paper as that of the active customer times (1 + odds of having left)."""
    active = (
        pt.gammaln(r + x)
        - pt.gammaln(r)
        + r * pt.log(alpha)
        - (r + x) * pt.log(alpha + T)
        + pt.gammaln(a + b)
        - pt.gammaln(a + b + x + 1.0)
        + pt.gammaln(b + x + 1.0)
        - pt.gammaln(b)
    )
    return active + pt.softplus(_log_odds_gone(x, t_x, T, r, alpha, a, b))


def _p_alive(x, t_x, T, r, alpha, a, b):
    return pt.sigmoid(-_log_odds_gone(x, t_x, T, r, alpha, a, b))


def _purchases_if_active(t, x, T, r, alpha, a, b):
    """Return E[Y(t)] of an active customer: p ~ Beta(a, b + x + 1), lambda ~ Gamma(r + x, alpha + T)."""
    return beta_gamma_mean(t, r + x, alpha + T, a, b + x + 1.0)


def _expected_purchases(t, x, t_x, T, r, alpha, a, b):
    return _p_alive(x, t_x, T, r, alpha, a, b) * _purchases_if_active(t, x, T, r, alpha, a, b)


def _expected_purchases_new(t, r, alpha, a, b):
    """Return E[X(t)]: who stays after the first purchase has p ~ Beta(a, b + 1)."""
    return b / (a + b) * beta_gamma_mean(t, r, alpha, a, b + 1.0)


def _p_any_purchase(t, x, t_x, T, r, alpha, a, b):
    """An active customer leaves only after a purchase, so the first one is as certain as it is due."""
    due = -pt.expm1((r + x) * -pt.log1p(t / (alpha + T)))
    return _p_alive(x, t_x, T, r, alpha, a, b) * due


def _discounted_if_active(t, discount, x, T, r, alpha, a, b):
    return discounted(t, discount, r + x, alpha + T, a, b + x + 1.0)


def _discounted_if_won_back(t, discount, x, T, r, alpha, a, b):
    """Purchases of a customer who had left and is active again; the paper is silent, so this is cautious.

    The last of the x + 1 decisions was to leave, and the silence counts against the customer's pace, as in
    BG/NBD.
    """
    return discounted(t, discount, r + x, alpha + T, a + 1.0, b + x)


def _discounted_if_less_dropout(t, discount, keep, x, T, r, alpha, a, b):
    """Return the same where the chance to leave falls by a share; see `with_less_dropout`."""
    return with_less_dropout(
        lambda t, discount: _discounted_if_active(t, discount, x, T, r, alpha, a, b), t, discount, keep
    )


def _discounted_purchases(t, discount, x, t_x, T, r, alpha, a, b):
    return _p_alive(x, t_x, T, r, alpha, a, b) * _discounted_if_active(t, discount, x, T, r, alpha, a, b)


def _simulate(rng, T, r, alpha, a, b):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate, p = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
    return buy_until_gone(rng, rate, p, rng.random(n) >= p, np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, a, b):
    """Let customers with a history buy for a span `t` more."""
    active = rng.random(x.size) < p_alive
    rate = rng.gamma(r + x, 1.0 / (alpha + T))
    return buy_until_gone(rng, rate, rng.beta(a, b + x + 1.0), active, np.broadcast_to(t, x.shape))


MBG_NBD = Model(
    name="MBG/NBD",
    key="mbg_nbd",
    statistics=("x", "t_x", "T"),
    params=PARAMS,
    priors=PRIORS,
    scale=scale,
    natural=natural,
    log_lik=_log_lik,
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=observe,
    quantities=named(
        "purchases",
        p_alive=_p_alive,
        p_any_purchase=_p_any_purchase,
        expected_purchases=_expected_purchases,
        expected_purchases_if_active=_purchases_if_active,
        expected_purchases_new=_expected_purchases_new,
        discounted_purchases=_discounted_purchases,
        discounted_purchases_if_active=_discounted_if_active,
        discounted_purchases_if_won_back=_discounted_if_won_back,
        discounted_purchases_if_kept=discounted_if_kept,
        discounted_purchases_if_less_dropout=_discounted_if_less_dropout,
    ),
    story=(
        "While active, a customer buys at random at a steady rate. After every purchase, the first one "
        "included, the customer leaves for good with a fixed probability. Rate and probability differ "
        "between customers."
    ),
    formulas=(
        'lambda tilde.op "Gamma"(r, alpha), quad p tilde.op "Beta"(a, b)',
        'P("active" | x, t_x, T) = [1 + a / (b + x) ((alpha + T) / (alpha + t_x))^(r + x)]^(-1)',
        'E[Y(t) | "active"] = E[(1 - e^(-lambda p t)) / p], quad '
        'lambda tilde.op "Gamma"(r + x, alpha + T), p tilde.op "Beta"(a, b + x + 1)',
    ),
    limits=(
        "A customer can leave only right after a purchase, not at any time between purchases.",
        "Rates are steady: seasons, campaigns and a growing or shrinking appetite are not seen.",
        "Only the dates of purchases count: complaints, visits, prices and competitors are not seen.",
    ),
    when="shops without contracts, where many customers buy once and never again, and leave silently",
    reference="batislam2007empirical",
)
