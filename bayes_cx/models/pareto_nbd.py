"""Pareto/NBD: a customer buys at a steady rate for an unseen lifetime, and may leave at any time.

Schmittlein, Morrison & Colombo (1987), key ``schmittlein1987counting``. Letters are those of the paper.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import PURCHASES
from bayes_cx.model import Model, Param, Prior, Purchases
from bayes_cx.models import beta_geometric
from bayes_cx.models.quantities import named
from bayes_cx.numerics import (
    count_at_leaving,
    discounted_flow,
    log_mean_decay,
    log_negative_binomial,
    one_minus_power_over,
    silence,
    with_less_dropout,
)

__all__ = ["PARETO_NBD"]


def _log_odds_gone(x, t_x, T, r, alpha, s, beta):
    r"""Return the log odds of having left between the last purchase and the end of the observation.

    The odds are :math:`\int_{t_x}^T \frac{s}{\beta + y} \left(\frac{\alpha + T}{\alpha + y}\right)^{r + x}
    \left(\frac{\beta + T}{\beta + y}\right)^s dy`: an integral over the time of leaving, of positive terms.
    """
    silence = pt.maximum(T - t_x, 0.0)  # a rounding error may put the last purchase after the end
    return (
        pt.log(s * silence / (beta + t_x))
        + (r + x) * pt.log1p(silence / (alpha + t_x))
        + s * pt.log1p(silence / (beta + t_x))
        + log_mean_decay(silence, r + x, alpha + t_x, s + 1.0, beta + t_x)
    )


def _log_lik(x, t_x, T, r, alpha, s, beta):
    """The likelihood of the active customer times (1 + odds of having left)."""
    active = (
        pt.gammaln(r + x)
        - pt.gammaln(r)
        - r * pt.log1p(T / alpha)
        - x * pt.log(alpha + T)
        - s * pt.log1p(T / beta)
    )
    return active + pt.softplus(_log_odds_gone(x, t_x, T, r, alpha, s, beta))


def _p_alive(x, t_x, T, r, alpha, s, beta):
    return pt.sigmoid(-_log_odds_gone(x, t_x, T, r, alpha, s, beta))


def _stays(t, s, beta):
    """Return the chance to be still there after t, for mu ~ Gamma(s, beta)."""
    return pt.exp(-s * pt.log1p(t / beta))


def _p_alive_at(t, x, t_x, T, r, alpha, s, beta):
    return _p_alive(x, t_x, T, r, alpha, s, beta) * _stays(t, s, beta + T)


def _p_alive_new(t, r, alpha, s, beta):
    return _stays(t, s, beta)


def _mean_lifetime(t, s, beta):
    """Return the mean of the lifetime's part within t, for mu ~ Gamma(s, beta)."""
    return beta * one_minus_power_over(s - 1.0, -pt.log1p(t / beta))


def _purchases_if_active(t, x, T, r, alpha, s, beta):
    """Return E[Y(t)] of an active customer: lambda ~ Gamma(r + x, alpha + T), mu ~ Gamma(s, beta + T)."""
    return (r + x) / (alpha + T) * _mean_lifetime(t, s, beta + T)


def _expected_purchases(t, x, t_x, T, r, alpha, s, beta):
    return _p_alive(x, t_x, T, r, alpha, s, beta) * _purchases_if_active(t, x, T, r, alpha, s, beta)


def _expected_purchases_between(t1, t2, x, t_x, T, r, alpha, s, beta):
    later, sooner = (_purchases_if_active(t, x, T, r, alpha, s, beta) for t in (t2, t1))
    return _p_alive(x, t_x, T, r, alpha, s, beta) * (later - sooner)


def _expected_purchases_new(t, r, alpha, s, beta):
    return r / alpha * _mean_lifetime(t, s, beta)


def _p_any_purchase(t, x, t_x, T, r, alpha, s, beta):
    r"""An active customer may leave before the next purchase is due.

    The first purchase falls at u if none came before and the customer is still there, with density
    :math:`E[\lambda e^{-\lambda u}] E[e^{-\mu u}]`; its integral to t is the chance.
    """
    rate = (r + x) / (alpha + T)
    bought = rate * t * pt.exp(log_mean_decay(t, r + x + 1.0, alpha + T, s, beta + T))
    return _p_alive(x, t_x, T, r, alpha, s, beta) * bought


def _count(count, t, r, alpha, s, beta):
    """Return the chance of exactly `count` purchases within t, by whether the customer is still there."""
    still = pt.exp(log_negative_binomial(count, r, t, alpha)) * _stays(t, s, beta)
    return still + count_at_leaving(count, t, r, alpha, s, beta)


def _p_purchases(count, t, x, t_x, T, r, alpha, s, beta):
    alive = _p_alive(x, t_x, T, r, alpha, s, beta)
    return alive * _count(count, t, r + x, alpha + T, s, beta + T) + (1.0 - alive) * pt.eq(count, 0)


def _p_purchases_new(count, t, r, alpha, s, beta):
    return _count(count, t, r, alpha, s, beta)


def _discounted(t, discount, rate, s, beta):
    """Return the discounted purchases within t at this mean rate, for mu ~ Gamma(s, beta)."""
    s_, beta_ = pt.expand_dims(s, -1), pt.expand_dims(beta, -1)
    flow = discounted_flow(
        lambda u: _mean_lifetime(u, s_, beta_), t, discount, beta / pt.maximum(s, 1.0), nodes=12
    )
    return rate * flow


def _discounted_if_active(t, discount, x, T, r, alpha, s, beta):
    return _discounted(t, discount, (r + x) / (alpha + T), s, beta + T)


def _discounted_if_won_back(t, discount, x, T, r, alpha, s, beta):
    """Purchases of a customer who had left and is active again; the paper is silent, so this is cautious.

    One lifetime has ended, which counts against the customer's loyalty: mu ~ Gamma(s + 1, beta + T). The
    silence counts against the customer's pace, although by the story it would not, as in BG/NBD.
    """
    return _discounted(t, discount, (r + x) / (alpha + T), s + 1.0, beta + T)


def _discounted_if_less_dropout(t, discount, keep, x, T, r, alpha, s, beta):
    """Return the same where the chance to leave falls by a share; see `with_less_dropout`."""
    return with_less_dropout(
        lambda t, discount: _discounted_if_active(t, discount, x, T, r, alpha, s, beta), t, discount, keep
    )


def _discounted_purchases(t, discount, x, t_x, T, r, alpha, s, beta):
    active = _discounted_if_active(t, discount, x, T, r, alpha, s, beta)
    return _p_alive(x, t_x, T, r, alpha, s, beta) * active


def _discounted_for_good(discount, rate, s, beta):
    r"""Return the integral without end of the mean rate, the chance to stay and :math:`e^{-\delta y}`.

    The discount is as good as a mean over gamma rates that are all the same, and after 40 / discount nothing
    is left of it.
    """
    t, same = 40.0 / discount, 1e14
    return rate * t * pt.exp(log_mean_decay(t, s, beta, same, same / discount))


def _dert(discount, x, t_x, T, r, alpha, s, beta):
    """Return what Fader, Hardie & Lee (2005, RFM and CLV) call DERT; they use a confluent function."""
    active = _discounted_for_good(discount, (r + x) / (alpha + T), s, beta + T)
    return _p_alive(x, t_x, T, r, alpha, s, beta) * active


def _dert_new(discount, r, alpha, s, beta):
    return _discounted_for_good(discount, r / alpha, s, beta)


def _silence_limit(x, t_x, r, alpha, s, beta):
    return silence(
        lambda u: _log_odds_gone(x, t_x, t_x + u, r, alpha, s, beta), pt.maximum(alpha, beta) + t_x
    )


def _silence_limit_new(r, alpha, s, beta):
    return _silence_limit(0.0, 0.0, r, alpha, s, beta)


def _simulate(rng, T, r, alpha, s, beta):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate, dropout = rng.gamma(r, 1.0 / alpha, n), rng.gamma(s, 1.0 / beta, n)
    return _buy(rng, rate, dropout, np.ones(n, bool), np.asarray(T, float))


def _simulate_future(rng, t, p_alive, x, T, r, alpha, s, beta):
    """Let customers with a history buy for a span `t` more."""
    active = rng.random(x.size) < p_alive
    rate = rng.gamma(r + x, 1.0 / (alpha + T))
    dropout = rng.gamma(s, 1.0 / (beta + T), x.size)
    return _buy(rng, rate, dropout, active, np.broadcast_to(t, x.shape))


def _buy(rng, rate, dropout, active, t) -> Purchases:
    """Let active customers buy until their lifetime or the span `t` ends."""
    # Of very unequal customers some have a rate below the smallest number: they never leave.
    with np.errstate(divide="ignore", over="ignore"):
        lifetime = rng.standard_exponential(t.size) / dropout
    span = np.where(active, np.minimum(lifetime, t), 0.0)
    # Given their number, purchases at a steady rate are anywhere in the span.
    customer = np.repeat(np.arange(t.size), rng.poisson(rate * span))
    return Purchases(customer, rng.random(customer.size) * span[customer])


def _natural(scale, purchase_rate, rate_cv, half_life, dropout_cv):
    r"""Return the letters of the paper from the unit-free coordinates.

    Data tell the time in which half of the customers leave, :math:`\beta (2^{1/s} - 1)`, far better than the
    mean dropout rate, which belongs to those who leave at once.
    """
    r, s = rate_cv**-2, dropout_cv**-2
    return {
        "r": r,
        "alpha": r / (purchase_rate * scale),
        "s": s,
        "beta": half_life / (scale * pt.expm1(np.log(2.0) / s)),
    }


PARETO_NBD = Model(
    name="Pareto/NBD",
    key="pareto_nbd",
    statistics=("x", "t_x", "T"),
    params={
        "r": beta_geometric.PARAMS["r"],
        "alpha": beta_geometric.PARAMS["alpha"],
        "s": Param("", "shape of the dropout rates: the smaller, the more customers differ in loyalty"),
        "beta": Param("time", "scale of the dropout rates: the mean rate is s / beta"),
    },
    priors={
        "purchase_rate": beta_geometric.PRIORS["purchase_rate"],
        "rate_cv": beta_geometric.PRIORS["rate_cv"],
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
    },
    scale=beta_geometric.scale,
    natural=_natural,
    log_lik=_log_lik,
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=beta_geometric.observe,
    quantities=named(
        "purchases",
        p_alive=_p_alive,
        p_alive_at=_p_alive_at,
        p_alive_new=_p_alive_new,
        p_any_purchase=_p_any_purchase,
        p_purchases=_p_purchases,
        p_purchases_new=_p_purchases_new,
        expected_purchases=_expected_purchases,
        expected_purchases_between=_expected_purchases_between,
        expected_purchases_if_active=_purchases_if_active,
        expected_purchases_new=_expected_purchases_new,
        discounted_purchases=_discounted_purchases,
        discounted_purchases_if_active=_discounted_if_active,
        discounted_purchases_if_won_back=_discounted_if_won_back,
        discounted_purchases_if_kept=beta_geometric.discounted_if_kept,
        discounted_purchases_if_less_dropout=_discounted_if_less_dropout,
        dert=_dert,
        dert_new=_dert_new,
        silence_limit=_silence_limit,
        silence_limit_new=_silence_limit_new,
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
        "The risk to leave is steady and has nothing to do with purchases or with how often one buys.",
        "Rates are steady: seasons, campaigns and a growing or shrinking appetite are not seen.",
        "Only the dates of purchases count: complaints, visits, prices and competitors are not seen.",
    ),
    when="shops without contracts, where customers drift away at any time and leave silently",
    reference="schmittlein1987counting",
    kind=PURCHASES,
)
