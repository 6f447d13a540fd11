"""BG/NBD: a customer buys at a steady rate and may leave after any repeat purchase.

Fader, Hardie & Lee (2005), key ``fader2005counting``. Letters and equation numbers are those of the paper.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model
from bayes_cx.models import beta_geometric
from bayes_cx.models.beta_geometric import AT_RANDOM, PARAMS, PRIORS, buy_until_gone, chance_to_leave, flow
from bayes_cx.models.combine import log_likelihood, of, p_alive
from bayes_cx.models.quantities import quantities

__all__ = ["BG_NBD"]


def _log_odds_gone(x, t_x, T, r, alpha, a, b):
    """Return the log odds of having left at the last purchase; -inf for a customer without repeat purchase.

    The power in eq. (10) overflows for frequent buyers; its logarithm does not.
    """
    bought = pt.gt(x, 0)
    odds = pt.log(a) - pt.log(b + pt.switch(bought, x, 1) - 1.0)
    waiting = (r + x) * (pt.log(alpha + T) - pt.log(alpha + t_x))
    return pt.switch(bought, odds + waiting, -np.inf)


def _log_active(x, T, r, alpha, a, b):
    """The first term of eq. (6): of a customer who has stayed after x repeat purchases."""
    return beta_geometric.log_active(x, T, r, alpha, a, b, decisions=x)


def _believed(x, T, r, alpha, a, b):
    """Return what is believed of an active customer, who has stayed after x repeat purchases."""
    return r + x, alpha + T, a, b + x


def _lost(x, T, r, alpha, a, b):
    """Return what is believed of a customer who had left and is active again.

    The paper does not say, so this is cautious. The last of the x decisions was to leave, which raises the
    chance to leave again. The silence lowers the rate, although in the story of the model it would not: a
    customer who comes back is not assumed to buy as often as before leaving.
    """
    return r + x, alpha + T, a + 1.0, b + pt.maximum(x, 1) - 1.0


def _silence_limit(x, t_x, r, alpha, a, b):
    at_once = _log_odds_gone(x, t_x, t_x, r, alpha, a, b)
    return beta_geometric.silence_limit(at_once, x, t_x, r, alpha)


def _simulate(rng, T, r, alpha, a, b):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate = rng.gamma(r, 1.0 / alpha, n)
    return buy_until_gone(rng, rate, chance_to_leave(rng, a, b, n), np.arange(n), np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, a, b):
    """Let customers with a history buy for a span `t` more."""
    return beta_geometric.simulate_future(rng, t, p_alive, *_believed(x, T, r, alpha, a, b))


BG_NBD = Model(
    name="BG/NBD",
    key="bg_nbd",
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
        "A customer can leave only right after a repeat purchase, so all who bought once count as active.",
        beta_geometric.CONSTANT_RATES,
        "Only the dates of purchases count: complaints, visits, prices and competitors are not in the model.",
    ),
    when="shops without contracts, where customers buy at irregular times and leave silently",
    reference="fader2005counting",
    kind=PURCHASES,
    operational_time=True,
)
