"""BG/BB: at every opportunity a customer may leave for good, and buys with a steady chance if still there.

Fader, Hardie & Shang (2010), key ``fader2010discrete``. Letters and equation numbers are those of the paper.
The option ``count`` is a number of purchases; ``n`` is a statistic, the number of opportunities so far.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import OPPORTUNITIES
from bayes_cx.model import Model, Param, Prior, Purchases
from bayes_cx.models.quantities import named
from bayes_cx.numerics import (
    count_of_opportunities,
    discounted_sum,
    geometric_sum,
    log_stay,
    ratio_sum,
    silence_of_opportunities,
)

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


def _log_lik(x, t_x, n, alpha, beta, gamma, delta):
    """The likelihood of the active customer times (1 + odds of having left)."""
    active = log_stay(beta, alpha, x) + log_stay(alpha + x, beta, n - x) + log_stay(gamma, delta, n)
    silent = pt.gt(n, t_x)
    # The unused branch stays finite, so that its gradient does too.
    log_odds = _log_odds_gone(x, t_x, pt.switch(silent, n, t_x + 1.0), alpha, beta, gamma, delta)
    return active + pt.switch(silent, pt.softplus(log_odds), 0.0)


def _p_alive(x, t_x, n, alpha, beta, gamma, delta):
    """The chance to be active after the n-th opportunity; the paper asks at the next one."""
    return pt.sigmoid(-_log_odds_gone(x, t_x, n, alpha, beta, gamma, delta))


def _p_alive_at(t, x, t_x, n, alpha, beta, gamma, delta):
    alive = _p_alive(x, t_x, n, alpha, beta, gamma, delta)
    return alive * pt.exp(log_stay(gamma, delta + n, pt.floor(t)))


def _p_alive_new(t, gamma, delta):
    return pt.exp(log_stay(gamma, delta, pt.floor(t)))


def _stays(i, gamma, delta):
    return log_stay(gamma, delta, i)


def _stays_with_less_dropout(i, gamma, delta, left):
    return log_stay(gamma, delta, left * i)


def _discounted_if_active(t, discount, x, n, alpha, beta, gamma, delta):
    """An active customer has p ~ Beta(alpha + x, beta + n - x) and theta ~ Beta(gamma, delta + n)."""
    return (alpha + x) / (alpha + beta + n) * discounted_sum(_stays, t, discount, gamma, delta + n)


def _discounted_purchases(t, discount, x, t_x, n, alpha, beta, gamma, delta):
    active = _discounted_if_active(t, discount, x, n, alpha, beta, gamma, delta)
    return _p_alive(x, t_x, n, alpha, beta, gamma, delta) * active


def _discounted_if_won_back(t, discount, x, t_x, n, alpha, beta, gamma, delta):
    """Purchases of a customer who had left and is active again; the paper is silent, so this is cautious.

    One decision to leave counts against the customer's loyalty, and it counts as taken at once after the last
    purchase: theta ~ Beta(gamma + 1, delta + t_x). The silence counts against the chance to buy, although by
    the story it would not, as in BG/NBD.
    """
    buys = (alpha + x) / (alpha + beta + n)
    return buys * discounted_sum(_stays, t, discount, gamma + 1.0, delta + t_x)


def _discounted_if_kept(t, discount, x, n, alpha, beta):
    return (alpha + x) / (alpha + beta + n) * geometric_sum(t, discount)


def _discounted_if_less_dropout(t, discount, keep, x, n, alpha, beta, gamma, delta):
    """Purchases where the cumulative hazard falls by a share: the chance to stay is its power 1 - keep."""
    buys = (alpha + x) / (alpha + beta + n)
    return buys * discounted_sum(_stays_with_less_dropout, t, discount, gamma, delta + n, 1.0 - keep)


def _expected_if_active(t, x, n, alpha, beta, gamma, delta):
    return _discounted_if_active(t, 0.0, x, n, alpha, beta, gamma, delta)


def _expected_purchases(t, x, t_x, n, alpha, beta, gamma, delta):
    """Eq. (13), with the sum that its gamma functions stand for, which is not singular at gamma = 1."""
    return _discounted_purchases(t, 0.0, x, t_x, n, alpha, beta, gamma, delta)


def _expected_between(t1, t2, x, t_x, n, alpha, beta, gamma, delta):
    start, span = pt.floor(t1), pt.floor(t2) - pt.floor(t1)
    buys = (alpha + x) / (alpha + beta + n)
    alive = _p_alive_at(t1, x, t_x, n, alpha, beta, gamma, delta)
    return alive * buys * discounted_sum(_stays, span, 0.0, gamma, delta + n + start)


def _expected_new(t, alpha, beta, gamma, delta):
    return _expected_if_active(t, 0.0, 0.0, alpha, beta, gamma, delta)


def _p_any_purchase(t, x, t_x, n, alpha, beta, gamma, delta):
    """The sum over the opportunity of the first purchase, where one minus the chance of none would cancel."""
    a, b, d = alpha + x, beta + n - x, delta + n
    first = a / (a + b) * d / (gamma + d)
    any_ = first * ratio_sum(pt.floor(t), b, d + 1.0, a + b + 1.0, gamma + d + 1.0)
    return _p_alive(x, t_x, n, alpha, beta, gamma, delta) * any_


def _p_purchases(count, t, x, t_x, n, alpha, beta, gamma, delta):
    alive = _p_alive(x, t_x, n, alpha, beta, gamma, delta)
    active = count_of_opportunities(count, t, alpha + x, beta + n - x, gamma, delta + n)
    gone = pt.sigmoid(_log_odds_gone(x, t_x, n, alpha, beta, gamma, delta))
    return alive * active + pt.switch(pt.eq(count, 0), gone, 0.0)


def _p_purchases_new(count, t, alpha, beta, gamma, delta):
    return count_of_opportunities(count, t, alpha, beta, gamma, delta)


def _dert(discount, x, t_x, n, alpha, beta, gamma, delta):
    """The paper's expression with the sum that its hypergeometric function stands for."""
    return _discounted_purchases(None, discount, x, t_x, n, alpha, beta, gamma, delta)


def _dert_new(discount, alpha, beta, gamma, delta):
    return _discounted_if_active(None, discount, 0.0, 0.0, alpha, beta, gamma, delta)


def _silence_limit_new(alpha, beta, gamma, delta):
    return silence_of_opportunities(0.0, 0.0, alpha, beta, gamma, delta)


def _scale(weight, x, t_x, n):
    """Return one: nothing here has a unit."""
    return 1.0


def _natural(scale, purchase, purchase_size, dropout, dropout_size):
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
    """Let customers stay for a number of opportunities, `n` at most, and take or leave each of them."""
    # Of very unequal customers some have a chance below the smallest number: they never leave.
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
    natural=_natural,
    log_lik=_log_lik,
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=_observe,
    quantities=named(
        "purchases",
        p_alive=_p_alive,
        p_alive_at=_p_alive_at,
        p_alive_new=_p_alive_new,
        p_any_purchase=_p_any_purchase,
        p_purchases=_p_purchases,
        p_purchases_new=_p_purchases_new,
        expected_purchases=_expected_purchases,
        expected_purchases_between=_expected_between,
        expected_purchases_if_active=_expected_if_active,
        expected_purchases_new=_expected_new,
        discounted_purchases=_discounted_purchases,
        discounted_purchases_if_active=_discounted_if_active,
        discounted_purchases_if_won_back=_discounted_if_won_back,
        discounted_purchases_if_kept=_discounted_if_kept,
        discounted_purchases_if_less_dropout=_discounted_if_less_dropout,
        dert=_dert,
        dert_new=_dert_new,
        silence_limit=silence_of_opportunities,
        silence_limit_new=_silence_limit_new,
    ),
    story=(
        "Time is a row of opportunities. At each of them a customer who is still there first may leave for "
        "good, and buys with a steady chance if not. Both chances differ between customers."
    ),
    formulas=(
        'p tilde.op "Beta"(alpha, beta), quad theta tilde.op "Beta"(gamma, delta)',
        'P("active" | x, t_x, n) = [1 + sum_(i=0)^(n - t_x - 1) (B(alpha + x, beta + t_x - x + i) '
        "B(gamma + 1, delta + t_x + i)) / (B(alpha + x, beta + n - x) B(gamma, delta + n))]^(-1)",
        'E[Y(t) | "active"] = (alpha + x) / (alpha + beta + n) sum_(i=1)^t '
        "B(gamma, delta + n + i) / B(gamma, delta + n)",
    ),
    limits=(
        "At most one purchase counts at an opportunity; how many there were, and when between, is not seen.",
        "Chances are steady: seasons, campaigns and a growing or shrinking appetite are not seen.",
        "Only purchases count: complaints, visits, prices and competitors are not seen.",
    ),
    when=(
        "donations, events, campaigns and other occasions that come one by one, of which customers silently "
        "take no more"
    ),
    reference="fader2010discrete",
    kind=OPPORTUNITIES,
)
