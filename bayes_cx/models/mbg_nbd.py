"""MBG/NBD: a customer buys at a steady rate and may leave after any purchase, the first one included.

Batislam, Denizel & Filiztekin (2007), key ``batislam2007empirical``. Letters are those of BG/NBD.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model
from bayes_cx.models.beta_geometric import (
    PARAMS,
    PRIORS,
    buy_until_gone,
    natural,
    observe,
    quantities,
    scale,
)
from bayes_cx.numerics import log_stay

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
        + log_stay(a, b, x + 1.0)
    )
    return active + pt.softplus(_log_odds_gone(x, t_x, T, r, alpha, a, b))


def _active(x, T, r, alpha, a, b):
    """Return what is believed of an active customer, who has stayed after x + 1 purchases."""
    return r + x, alpha + T, a, b + x + 1.0


def _lost(x, T, r, alpha, a, b):
    """Return what is believed of a customer who had left and is active again, as cautiously as in BG/NBD.

    The last of the x + 1 decisions was to leave, and the silence counts against the customer's pace.
    """
    return r + x, alpha + T, a + 1.0, b + x


def _new(r, alpha, a, b):
    """Return the chance to stay after the first purchase, and what is then believed."""
    return b / (a + b), r, alpha, a, b + 1.0


def _simulate(rng, T, r, alpha, a, b):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate, p = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
    return buy_until_gone(rng, rate, p, rng.random(n) >= p, np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, a, b):
    """Let customers with a history buy for a span `t` more."""
    alive = rng.random(x.size) < p_alive
    s, beta, a, b = _active(x, T, r, alpha, a, b)
    return buy_until_gone(rng, rng.gamma(s, 1.0 / beta), rng.beta(a, b), alive, np.broadcast_to(t, x.shape))


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
    quantities=quantities(_log_odds_gone, _active, _lost, _new),
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
    kind=PURCHASES,
)
