"""MBG/NBD: a customer buys at a steady rate and may leave after any purchase, the first one included.

Batislam, Denizel & Filiztekin (2007), key ``batislam2007empirical``. Letters are those of BG/NBD.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model
from bayes_cx.models import beta_geometric
from bayes_cx.models.beta_geometric import AT_RANDOM, PARAMS, PRIORS, buy_until_gone, flow
from bayes_cx.models.combine import log_likelihood, of, p_alive
from bayes_cx.models.quantities import quantities

__all__ = ["MBG_NBD"]


def _log_odds_gone(x, t_x, T, r, alpha, a, b):
    """Return the log odds of having left at the last purchase, which for x = 0 is the first one."""
    return pt.log(a) - pt.log(b + x) + (r + x) * (pt.log(alpha + T) - pt.log(alpha + t_x))


def _log_active(x, T, r, alpha, a, b):
    """The term of a customer who has stayed after x + 1 purchases."""
    return beta_geometric.log_active(x, T, r, alpha, a, b, decisions=x + 1.0)


def _believed(x, T, r, alpha, a, b):
    """Return what is believed of an active customer, who has stayed after x + 1 purchases."""
    return r + x, alpha + T, a, b + x + 1.0


def _lost(x, T, r, alpha, a, b):
    """Return what is believed of a customer who had left and is active again, as cautiously as in BG/NBD.

    The last of the x + 1 decisions was to leave, and the silence lowers the rate.
    """
    return r + x, alpha + T, a + 1.0, b + x


def _silence_limit(x, t_x, r, alpha, a, b):
    at_once = _log_odds_gone(x, t_x, t_x, r, alpha, a, b)
    return beta_geometric.silence_limit(at_once, x, t_x, r, alpha)


def _simulate(rng, T, r, alpha, a, b):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate, p = rng.gamma(r, 1.0 / alpha, n), rng.beta(a, b, n)
    stays = (rng.random(n) >= p).nonzero()[0]
    return buy_until_gone(rng, rate, p.take, stays, np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, a, b):
    """Let customers with a history buy for a span `t` more."""
    return beta_geometric.simulate_future(rng, t, p_alive, *_believed(x, T, r, alpha, a, b))


MBG_NBD = Model(
    name="MBG/NBD",
    key="mbg_nbd",
    statistics=("x", "t_x", "T"),
    params=PARAMS,
    traits=beta_geometric.TRAITS,
    priors=PRIORS,
    scale=beta_geometric.scale,
    letters=beta_geometric.letters,
    log_lik=log_likelihood(_log_active, _log_odds_gone),
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=beta_geometric.observe,
    quantities=quantities(
        PURCHASES,
        p_alive=p_alive(_log_odds_gone),
        believed=_believed,
        active=AT_RANDOM,
        won_back=of(flow, _lost),
        silence_limit=_silence_limit,
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
        beta_geometric.CONSTANT_RATES,
        "Only the dates of purchases count: complaints, visits, prices and competitors are not in the model.",
    ),
    when="shops without contracts, where many customers buy once and never again, and leave silently",
    reference="batislam2007empirical",
    kind=PURCHASES,
    operational_time=True,
)
