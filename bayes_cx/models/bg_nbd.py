"""BG/NBD: a customer buys at a steady rate and may leave after any repeat purchase.

Fader, Hardie & Lee (2005), key ``fader2005counting``. Letters and equation numbers are those of the paper.
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

__all__ = ["BG_NBD"]


def _log_odds_gone(x, t_x, T, r, alpha, a, b):
    """Return the log odds of having left at the last purchase; -inf for a customer without repeat purchase.

    The power in eq. (10) overflows for frequent buyers, its logarithm does not.
    """
    bought = pt.gt(x, 0)
    odds = pt.log(a) - pt.log(b + pt.switch(bought, x, 1) - 1.0)
    waiting = (r + x) * (pt.log(alpha + T) - pt.log(alpha + t_x))
    return pt.switch(bought, odds + waiting, -np.inf)


def _log_lik(x, t_x, T, r, alpha, a, b):
    """Eq. (6), its two terms as that of the active customer times (1 + odds of having left)."""
    active = (
        pt.gammaln(r + x)
        - pt.gammaln(r)
        + r * pt.log(alpha)
        - (r + x) * pt.log(alpha + T)
        + pt.gammaln(a + b)
        - pt.gammaln(a + b + x)
        + pt.gammaln(b + x)
        - pt.gammaln(b)
    )
    bought = pt.gt(x, 0)
    # The unused branch stays finite, so that its gradient does too.
    log_odds = pt.switch(bought, _log_odds_gone(pt.maximum(x, 1), t_x, T, r, alpha, a, b), 0.0)
    return active + pt.switch(bought, pt.softplus(log_odds), 0.0)


def _p_alive(x, t_x, T, r, alpha, a, b):
    return pt.sigmoid(-_log_odds_gone(x, t_x, T, r, alpha, a, b))


def _purchases_if_active(t, x, T, r, alpha, a, b):
    """Eq. (10) of an active customer: then p ~ Beta(a, b + x), lambda ~ Gamma(r + x, alpha + T)."""
    return beta_gamma_mean(t, r + x, alpha + T, a, b + x)


def _expected_purchases(t, x, t_x, T, r, alpha, a, b):
    return _p_alive(x, t_x, T, r, alpha, a, b) * _purchases_if_active(t, x, T, r, alpha, a, b)


def _expected_purchases_new(t, r, alpha, a, b):
    """Eq. (9)."""
    return beta_gamma_mean(t, r, alpha, a, b)


def _p_any_purchase(t, x, t_x, T, r, alpha, a, b):
    """An active customer leaves only after a purchase, so the first one is as certain as it is due."""
    due = -pt.expm1((r + x) * -pt.log1p(t / (alpha + T)))
    return _p_alive(x, t_x, T, r, alpha, a, b) * due


def _discounted_if_active(t, discount, x, T, r, alpha, a, b):
    return discounted(t, discount, r + x, alpha + T, a, b + x)


def _discounted_if_won_back(t, discount, x, T, r, alpha, a, b):
    """Purchases of a customer who had left and is active again; the paper is silent, so this is cautious.

    The last of the x decisions was to leave, which counts against the customer's loyalty. The silence counts
    against the customer's pace, although by the story it would not: who comes back is not taken to buy as in
    the weeks before leaving.
    """
    return discounted(t, discount, r + x, alpha + T, a + 1.0, b + pt.maximum(x, 1) - 1.0)


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
    rate = rng.gamma(r, 1.0 / alpha, n)
    return buy_until_gone(rng, rate, rng.beta(a, b, n), np.ones(n, bool), np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, a, b):
    """Let customers with a history buy for a span `t` more."""
    active = rng.random(x.size) < p_alive
    rate = rng.gamma(r + x, 1.0 / (alpha + T))
    return buy_until_gone(rng, rate, rng.beta(a, b + x), active, np.broadcast_to(t, x.shape))


BG_NBD = Model(
    name="BG/NBD",
    key="bg_nbd",
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
        "While active, a customer buys at random at a steady rate. After every repeat purchase the customer "
        "leaves for good with a fixed probability. Rate and probability differ between customers."
    ),
    formulas=(
        'lambda tilde.op "Gamma"(r, alpha), quad p tilde.op "Beta"(a, b)',
        'P("active" | x, t_x, T) = '
        "[1 + a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x)]^(-1) quad (x > 0)",
        'E[Y(t) | "active"] = E[(1 - e^(-lambda p t)) / p], quad '
        'lambda tilde.op "Gamma"(r + x, alpha + T), p tilde.op "Beta"(a, b + x)',
    ),
    limits=(
        "A customer can leave only right after a repeat purchase, so who bought once counts as active.",
        "Rates are steady: seasons, campaigns and a growing or shrinking appetite are not seen.",
        "Only the dates of purchases count: complaints, visits, prices and competitors are not seen.",
    ),
    when="shops without contracts, where customers buy at irregular times and leave silently",
    reference="fader2005counting",
)
