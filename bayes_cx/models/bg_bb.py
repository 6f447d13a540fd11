"""BG/BB: at every opportunity a customer may leave for good, and if not buys with a constant chance.

Fader, Hardie & Shang (2010), key ``fader2010discrete``. Letters and equation numbers are those of the paper.
The option ``count`` is a number of purchases; ``n`` is a statistic, the number of opportunities so far.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import OPPORTUNITIES
from bayes_cx.model import Model, Param, Prior, Trait
from bayes_cx.models.combine import log_likelihood, of, p_alive
from bayes_cx.models.quantities import Active, quantities
from bayes_cx.numerics import (
    count_of_opportunities,
    discounted_sum,
    geometric_sum,
    log_stay,
    ratio_sum,
    silence_of_opportunities,
)
from bayes_cx.simulated import Purchases

__all__ = ["BG_BB"]


def _log_odds_gone(x, t_x, n, alpha, beta, gamma, delta):
    """Return the log odds of having left since the last purchase; -inf where the last opportunity was taken.

    It is a sum over the last opportunity at which the customer was active. The first term is that of leaving
    right after the last purchase; each later one is smaller.
    """
    silence = pt.maximum(n - t_x, 1.0)
    terms = ratio_sum(silence, beta + t_x - x, delta + t_x, alpha + beta + t_x, gamma + delta + t_x + 1.0)
    log_odds = (
        pt.log(gamma)
        - pt.log(gamma + delta + t_x)
        - log_stay(alpha + x, beta + t_x - x, silence)
        - log_stay(gamma, delta + t_x, silence)
        + pt.log(terms)
    )
    return pt.switch(pt.gt(n, t_x), log_odds, -np.inf)


def _log_active(x, n, alpha, beta, gamma, delta):
    """Return the log-likelihood of a customer who is still active.

    That is after the n-th opportunity; the chance to be active of the paper is that at the next one.
    """
    return log_stay(beta, alpha, x) + log_stay(alpha + x, beta, n - x) + log_stay(gamma, delta, n)


def _believed(x, n, alpha, beta, gamma, delta):
    """Return what is believed of an active customer: p ~ Beta(alpha, beta) and theta ~ Beta(gamma, delta)."""
    return alpha + x, beta + n - x, gamma, delta + n


def _lost(x, t_x, n, alpha, beta, gamma, delta):
    """Return what is believed of a customer who had left and is active again.

    The paper does not say, so this is cautious. Having left raises the chance to leave again; the customer is
    taken to have left right after the last purchase. The silence lowers the chance to buy, although in the
    story of the model it would not, as in BG/NBD.
    """
    return alpha + x, beta + n - x, gamma + 1.0, delta + t_x


def _sum(t, discount, alpha, beta, gamma, delta):
    """Return the discounted purchases at t opportunities.

    Eq. (13) and the DERT of the paper as a sum, in place of gamma and hypergeometric functions that are
    singular at gamma = 1.
    """
    stays = discounted_sum(lambda i, gamma, delta: log_stay(gamma, delta, i), t, discount, gamma, delta)
    return alpha / (alpha + beta) * stays


def _sum_with_less_dropout(t, discount, keep, alpha, beta, gamma, delta):
    """Return the same where the cumulative hazard falls by the share `keep`."""
    stays = discounted_sum(
        lambda i, gamma, delta, left: log_stay(gamma, delta, left * i), t, discount, gamma, delta, 1.0 - keep
    )
    return alpha / (alpha + beta) * stays


def _between(t1, t2, alpha, beta, gamma, delta):
    """Return the expected purchases at the opportunities after t1, up to t2."""
    start, span = pt.floor(t1), pt.floor(t2) - pt.floor(t1)
    return pt.exp(log_stay(gamma, delta, start)) * _sum(span, 0.0, alpha, beta, gamma, delta + start)


def _any(t, a, b, gamma, d):
    """Return the chance of a purchase: a sum over the first one, since one minus that of none cancels."""
    first = a / (a + b) * d / (gamma + d)
    return first * ratio_sum(pt.floor(t), b, d + 1.0, a + b + 1.0, gamma + d + 1.0)


def _scale(weight, x, t_x, n):
    """Return one: nothing here has a unit."""
    return 1.0


def _letters(scale, purchase, purchase_size, dropout, dropout_size):
    return {
        "alpha": purchase * purchase_size,
        "beta": (1.0 - purchase) * purchase_size,
        "gamma": dropout * dropout_size,
        "delta": (1.0 - dropout) * dropout_size,
    }


def _simulate(rng, n, alpha, beta, gamma, delta):
    """Let new customers meet `n` opportunities, shape (customer,)."""
    size = np.size(n)
    return _meet(rng, rng.beta(alpha, beta, size), rng.beta(gamma, delta, size), np.asarray(n))


def _simulate_future(rng, t, p_alive, x, n, alpha, beta, gamma, delta):
    """Let customers with a history meet `t` more opportunities."""
    active = rng.random(x.size) < p_alive
    p, theta = rng.beta(alpha + x, beta + n - x), rng.beta(gamma, delta + n)
    return _meet(rng, p, theta, np.where(active, t, 0))


def _meet(rng, p, theta, n) -> Purchases:
    """Let customers stay for a number of opportunities, `n` at most, and take each of them or not."""
    # Where customers differ very much some have a chance below the smallest double: they never leave.
    with np.errstate(divide="ignore", over="ignore"):
        stays = np.floor(rng.standard_exponential(p.size) / -np.log1p(-theta))
    span = np.minimum(stays, n).astype(int)
    customer = np.repeat(np.arange(p.size), span)
    opportunity = np.arange(customer.size) - np.repeat(np.cumsum(span) - span, span) + 1
    bought = rng.random(customer.size) < p[customer]
    return Purchases(customer[bought], opportunity[bought].astype(float))


def _observe(made, n):
    """Return what one sees of purchases at `n` opportunities, shape (customer,)."""
    size = np.size(n)
    return {"x": made.counts(size), "t_x": made.last(size), "n": n}


BG_BB = Model(
    name="BG/BB",
    key="bg_bb",
    statistics=("x", "t_x", "n"),
    params={
        "alpha": Param("", "weight of buying: the mean chance to buy is alpha / (alpha + beta)"),
        "beta": Param("", "weight of not buying"),
        "gamma": Param("", "weight of leaving: the mean chance to leave is gamma / (gamma + delta)"),
        "delta": Param("", "weight of staying"),
    },
    traits={
        "purchase": Trait("Beta", ("alpha", "beta"), "chance to take an opportunity while active"),
        "dropout": Trait("Beta", ("gamma", "delta"), "chance to leave at an opportunity"),
    },
    priors={
        "purchase": Prior(
            "Beta",
            {"alpha": 1.0, "beta": 1.0},
            "mean chance of an active customer to buy at an opportunity",
            "campaigns that few answer, habits that few miss: all chances are as likely",
        ),
        "purchase_size": Prior(
            "LogNormal",
            {"mu": 1.0, "sigma": 1.0},
            "alpha + beta, how alike customers are in their chance to buy",
            "from nearly all-or-nothing customers (0.4) to nearly equal ones (19)",
        ),
        "dropout": Prior(
            "Beta",
            {"alpha": 1.0, "beta": 3.0},
            "mean chance to leave at an opportunity",
            "most customers stay most times; 95% between 0.8% and 71%",
        ),
        "dropout_size": Prior(
            "LogNormal",
            {"mu": 1.0, "sigma": 1.0},
            "gamma + delta, how alike customers are in their chance to leave",
            "from nearly all-or-nothing customers (0.4) to nearly equal ones (19)",
        ),
    },
    scale=_scale,
    letters=_letters,
    log_lik=log_likelihood(_log_active, _log_odds_gone),
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=_observe,
    quantities=quantities(
        OPPORTUNITIES,
        p_alive=p_alive(_log_odds_gone),
        believed=_believed,
        active=Active(
            stays=lambda t, alpha, beta, gamma, delta: pt.exp(log_stay(gamma, delta, pt.floor(t))),
            any=_any,
            mean=lambda t, *believed: _sum(t, 0.0, *believed),
            exactly=count_of_opportunities,
            discounted=_sum,
            kept=lambda t, discount, alpha, beta, *_: alpha / (alpha + beta) * geometric_sum(t, discount),
            less_dropout=_sum_with_less_dropout,
            endless=lambda discount, *believed: _sum(None, discount, *believed),
            between=_between,
        ),
        won_back=of(_sum, _lost),
        silence_limit=silence_of_opportunities,
    ),
    story=(
        "Time is a sequence of opportunities. At each of them an active customer may leave for good, and if "
        "not buys with a constant chance. Both chances differ between customers."
    ),
    formulas=(
        'p tilde.op "Beta"(alpha, beta), quad theta tilde.op "Beta"(gamma, delta)',
        'P("active" | x, t_x, n) = [1 + sum_(i=0)^(n - t_x - 1) (B(alpha + x, beta + t_x - x + i) '
        "B(gamma + 1, delta + t_x + i)) / (B(alpha + x, beta + n - x) B(gamma, delta + n))]^(-1)",
        'E[Y(t) | "active"] = (alpha + x) / (alpha + beta + n) sum_(i=1)^t '
        "B(gamma, delta + n + i) / B(gamma, delta + n)",
    ),
    limits=(
        "At most one purchase counts at an opportunity; how many there were, and when, is not in the model.",
        "Chances are constant: seasons, campaigns and changing habits are not in the model.",
        "Only purchases count: complaints, visits, prices and competitors are not in the model.",
    ),
    when="donations, events and other occasions that come one by one, where customers leave silently",
    reference="fader2010discrete",
    kind=OPPORTUNITIES,
)
