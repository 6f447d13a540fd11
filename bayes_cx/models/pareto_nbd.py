"""Pareto/NBD: a customer buys at a steady rate for an unseen lifetime, and may leave at any time.

Schmittlein, Morrison & Colombo (1987), key ``schmittlein1987counting``. Letters are those of the paper.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model, Param, Prior, Trait
from bayes_cx.models import beta_geometric
from bayes_cx.models.combine import log_likelihood, of, p_alive
from bayes_cx.models.pareto_pieces import buy, in_pieces, lifetime, log_active, log_gone
from bayes_cx.models.quantities import Active, quantities
from bayes_cx.numerics import (
    count_at_leaving,
    discounted_flow,
    log_mean_decay,
    log_negative_binomial,
    silence,
    with_less_dropout,
)

__all__ = ["DROPOUT_PARAMS", "DROPOUT_PRIORS", "PARETO_NBD", "dropout_letters"]


def _log_odds_gone(x, t_x, T, r, alpha, s, beta):
    """Return the log odds of having left between the last purchase and the end of the observation."""
    silence = pt.maximum(T - t_x, 0.0)  # a rounding error may put the last purchase after the end
    return log_gone(x, t_x, silence, silence, t_x, 1.0, silence, r, alpha, s, beta)


def _log_active(x, T, r, alpha, s, beta):
    return log_active(x, T, T, r, alpha, s, beta)


def _believed(x, T, r, alpha, s, beta):
    """Return what is believed of an active customer: lambda ~ Gamma(r, alpha) and mu ~ Gamma(s, beta)."""
    return r + x, alpha + T, s, beta + T


def _lost(x, T, r, alpha, s, beta):
    """Return what is believed of a customer who had left and is active again.

    The paper does not say, so this is cautious. One lifetime has ended, which raises the dropout rate. The
    silence lowers the purchase rate, although in the story of the model it would not, as in BG/NBD.
    """
    return r + x, alpha + T, s + 1.0, beta + T


def _stays(t, r, alpha, s, beta):
    return pt.exp(-s * pt.log1p(t / beta))


def _any(t, r, alpha, s, beta):
    r"""Return the chance of a purchase within t of an active customer, who may leave before it is due.

    The time u of the first purchase has the density :math:`E[\lambda e^{-\lambda u}] E[e^{-\mu u}]`; its
    integral to t is the chance.
    """
    return r / alpha * t * pt.exp(log_mean_decay(t, r + 1.0, alpha, s, beta))


def _exactly(count, t, r, alpha, s, beta):
    """Return the chance of exactly `count` purchases within t, by whether the customer is still there."""
    still = pt.exp(log_negative_binomial(count, r, t, alpha)) * _stays(t, r, alpha, s, beta)
    return still + count_at_leaving(count, t, r, alpha, s, beta)


def _flow(t, discount, r, alpha, s, beta):
    """Return the discounted purchases within t."""
    scale = beta / pt.maximum(s, 1.0)
    return r / alpha * discounted_flow(lifetime, t, discount, s, beta, scale=scale, nodes=12)


def _endless(discount, r, alpha, s, beta):
    r"""Return the integral without end of the mean rate, the chance to stay and :math:`e^{-\delta y}`.

    Fader, Hardie & Lee (2005, RFM and CLV) call it DERT and use a confluent function. The discount is as good
    as a mean over gamma rates that are all the same, and after 40 / discount nothing is left of it.
    """
    t, same = 40.0 / discount, 1e14
    return r / alpha * t * pt.exp(log_mean_decay(t, s, beta, same, same / discount))


def _silence_limit(x, t_x, r, alpha, s, beta):
    return silence(
        lambda u: _log_odds_gone(x, t_x, t_x + u, r, alpha, s, beta), pt.maximum(alpha, beta) + t_x
    )


def _simulate(rng, T, r, alpha, s, beta):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate, dropout = rng.gamma(r, 1.0 / alpha, n), rng.gamma(s, 1.0 / beta, n)
    return buy(rng, rate, dropout, np.ones(n, bool), np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, s, beta):
    """Let customers with a history buy for a span `t` more."""
    active = rng.random(x.size) < p_alive
    rate = rng.gamma(r + x, 1.0 / (alpha + T))
    dropout = rng.gamma(s, 1.0 / (beta + T), x.size)
    return buy(rng, rate, dropout, active, np.broadcast_to(t, x.shape))


def dropout_letters(scale, half_life, dropout_cv):
    r"""Return s and beta from the unit-free coordinates.

    Data determine the time in which half of the customers leave, :math:`\beta (2^{1/s} - 1)`, far better than
    the mean dropout rate, which depends mostly on those who leave at once.
    """
    s = dropout_cv**-2
    return {"s": s, "beta": half_life / (scale * pt.expm1(np.log(2.0) / s))}


def _letters(scale, purchase_rate, rate_cv, half_life, dropout_cv):
    r = rate_cv**-2
    return {"r": r, "alpha": r / (purchase_rate * scale), **dropout_letters(scale, half_life, dropout_cv)}


DROPOUT_PARAMS = {
    "s": Param("", "shape of the dropout rates: the smaller, the more customers differ in loyalty"),
    "beta": Param("time", "scale of the dropout rates: the mean rate is s / beta"),
}

DROPOUT_PRIORS = {
    "half_life": Prior(
        "LogNormal",
        {"mu": 1.0, "sigma": 1.25},
        "time in which half of new customers leave, in mean times between purchases in the data",
        "from shops that most leave before they buy again (0.23) to loyal customers (31)",
    ),
    "dropout_cv": Prior(
        "LogNormal",
        {"mu": 0.0, "sigma": 0.75},
        "coefficient of variation of dropout rates between customers",
        "from nearly equal customers (0.23) to a few who leave at once and many who stay (4.3)",
    ),
}

PARETO_NBD = Model(
    name="Pareto/NBD",
    key="pareto_nbd",
    statistics=("x", "t_x", "T"),
    params={**beta_geometric.RATE_PARAMS, **DROPOUT_PARAMS},
    traits={
        "purchase_rate": beta_geometric.RATE_TRAIT,
        "dropout_rate": Trait("Gamma", ("s", "beta"), "risk of leaving per unit of time", "per time"),
    },
    priors={**beta_geometric.RATE_PRIORS, **DROPOUT_PRIORS},
    scale=beta_geometric.scale,
    letters=_letters,
    log_lik=log_likelihood(_log_active, _log_odds_gone),
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=beta_geometric.observe,
    quantities=quantities(
        PURCHASES,
        p_alive=p_alive(_log_odds_gone),
        believed=_believed,
        active=Active(
            stays=_stays,
            any=_any,
            mean=lambda t, r, alpha, s, beta: r / alpha * lifetime(t, s, beta),
            exactly=_exactly,
            discounted=_flow,
            kept=lambda t, discount, r, alpha, s, beta: beta_geometric.kept(t, discount, r, alpha),
            less_dropout=lambda t, discount, keep, *believed: with_less_dropout(
                lambda t, discount: _flow(t, discount, *believed), t, discount, keep
            ),
            endless=_endless,
        ),
        won_back=of(_flow, _lost),
        silence_limit=_silence_limit,
    ),
    story=(
        "While active, a customer buys at random at a steady rate. The customer stays for an unseen lifetime "
        "and leaves for good at a steady risk, at any time. Rate and risk differ between customers."
    ),
    formulas=(
        'lambda tilde.op "Gamma"(r, alpha), quad mu tilde.op "Gamma"(s, beta)',
        'P("active" | x, t_x, T) = [1 + integral_(t_x)^T s / (beta + y) ((alpha + T) / (alpha + y))^(r + x) '
        "((beta + T) / (beta + y))^s dif y]^(-1)",
        'E[Y(t) | "active"] = (r + x) / (alpha + T) dot E[(1 - e^(-mu t)) / mu], quad '
        'mu tilde.op "Gamma"(s, beta + T)',
    ),
    limits=(
        "The risk to leave is constant and does not depend on purchases or on how often a customer buys.",
        beta_geometric.CONSTANT_RATES,
        "Only the dates of purchases count: complaints, visits, prices and competitors are not in the model.",
    ),
    when="shops without contracts, where customers drift away at any time and leave silently",
    reference="schmittlein1987counting",
    kind=PURCHASES,
    in_pieces=in_pieces(PURCHASES),
)
