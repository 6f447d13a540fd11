r"""Pareto/NBD where the rate of purchases of all customers changes in steps: formulas of one step, a piece.

A customer buys at rate :math:`\lambda e^{g(v)}` at time v and leaves at risk :math:`\mu` of real time. With
:math:`\tau(y)` the integral of :math:`e^g` from the first purchase on, x repeat purchases have the likelihood

.. math:: \frac{\Gamma(r + x)}{\Gamma(r)} \alpha^r \beta^s e^{\sum g} \left[
          (\alpha + \tau(T))^{-r - x} (\beta + T)^{-s} +
          s \int_{t_x}^T (\alpha + \tau(y))^{-r - x} (\beta + y)^{-s - 1}\, dy \right] .

Where g is constant :math:`\tau` is linear, so that each piece of the integral is one of the model without g.
A piece begins at the time `begin` and lasts for `width`; until then `passed` is the operational time, which
grows by `pace` per unit of time. `tau` is the operational time of an age T.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import Kind
from bayes_cx.model import InPieces, Total
from bayes_cx.models.combine import at, of
from bayes_cx.numerics import log_mean_decay, log_negative_binomial, one_minus_power_over
from bayes_cx.simulated import Purchases

__all__ = ["buy", "in_pieces", "lifetime", "log_active", "log_gone"]

# Of the rules for what is discounted, and for numbers of purchases.
_FEW, _MANY = 8, 16


def log_active(x, T, tau, r, alpha, s, beta):
    """Return the log-likelihood of x purchases of a customer who is still active, but for the sum of g."""
    rates = pt.gammaln(r + x) - pt.gammaln(r) - r * pt.log1p(tau / alpha) - x * pt.log(alpha + tau)
    return rates - s * pt.log1p(T / beta)


def log_gone(x, begin, width, rest, passed, pace, passes, r, alpha, s, beta):
    r"""Return the log odds of having left in a piece.

    They are :math:`\int \frac{s}{\beta + y} \left(\frac{\alpha + \tau(T)}{\alpha + \tau(y)}\right)^{r + x}
    \left(\frac{\beta + T}{\beta + y}\right)^s dy`: an integral over the time of leaving, of positive terms.

    Parameters
    ----------
    x, begin, width : tensor
    rest : tensor
        Time from the beginning of the piece to the end of the observation.
    passed, pace : tensor
    passes : tensor
        Operational time from the beginning of the piece to the end of the observation.
    r, alpha, s, beta : tensor
    """
    return (
        # Apart, so that slopes are finite where there is no silence.
        (pt.log(s) - pt.log(beta + begin) + pt.log(width))
        + (r + x) * pt.log1p(passes / (alpha + passed))
        + s * pt.log1p(rest / (beta + begin))
        + log_mean_decay(width, r + x, (alpha + passed) / pace, s + 1.0, beta + begin)
    )


def lifetime(t, s, beta):
    """Return the mean of min(lifetime, t), for mu ~ Gamma(s, beta)."""
    return beta * one_minus_power_over(s - 1.0, -pt.log1p(t / beta))


def _believed(x, T, tau, r, alpha, s, beta):
    """Return what is believed of an active customer: lambda ~ Gamma(r, alpha) and mu ~ Gamma(s, beta)."""
    return r + x, alpha + tau, s, beta + T


def _risk(T, s, beta):
    return s, beta + T


def _risk_of_lost(T, s, beta):
    """Return what is believed of the risk of one who had left and is active again, as in Pareto/NBD."""
    return s + 1.0, beta + T


def _rate(x, tau, r, alpha):
    return (r + x) / (alpha + tau)


def _flow(discount, begin, width, pace, s, beta):
    """Return the discounted operational time that is lived of a piece."""
    scale = beta + begin
    still = pace * pt.exp(-s * pt.log1p(begin / beta))
    if isinstance(discount, float) and discount == 0.0:
        return still * lifetime(width, s, scale)
    # With times scale x (e^v - 1) the chance to stay is an exponential of v.
    node, weight = np.polynomial.legendre.leggauss(_FEW)
    end = pt.log1p(width / scale)
    v = pt.expand_dims(end, -1) * (node + 1.0) / 2.0
    scale_, s_, discount_ = (pt.expand_dims(pt.as_tensor(each), -1) for each in (scale, s, discount))
    terms = weight * scale_ * pt.exp((1.0 - s_) * v - discount_ * scale_ * pt.expm1(v))
    return still * pt.exp(-discount * begin) * end / 2.0 * terms.sum(axis=-1)


def _less_dropout(discount, keep, begin, width, pace, s, beta):
    return _flow(discount, begin, width, pace, s, beta / (1.0 - keep))


def _kept(discount, begin, width, pace):
    return pace * pt.exp(-discount * begin) * one_minus_power_over(discount, -width)


def _any(begin, width, passed, pace, r, alpha, s, beta):
    """Return the chance that the next purchase is due in a piece and that the customer is still there."""
    still = -(r + 1.0) * pt.log1p(passed / alpha) - s * pt.log1p(begin / beta)
    decay = log_mean_decay(width, r + 1.0, (alpha + passed) / pace, s, beta + begin)
    return r / alpha * pace * width * pt.exp(still + decay)


def _stays(t, s, beta):
    return pt.exp(-s * pt.log1p(t / beta))


def _still(count, t, ahead, r, alpha, s, beta):
    """Return the chance of exactly `count` purchases in a time t, of which `ahead` in operational time."""
    return pt.exp(log_negative_binomial(count, r, ahead, alpha)) * _stays(t, s, beta)


def _leaves(count, begin, width, passed, pace, r, alpha, s, beta):
    """Return the chance to leave in a piece after exactly `count` purchases."""
    scale = pt.minimum((alpha + passed) / pace, beta + begin)
    node, weight = np.polynomial.legendre.leggauss(_MANY)
    end = pt.log1p(width / scale)
    v = pt.expand_dims(end, -1) * (node + 1.0) / 2.0
    given = (scale, count, begin, passed, pace, r, alpha, s, beta)
    scale, count, begin, passed, pace, r, alpha, s, beta = (
        pt.expand_dims(pt.as_tensor(each), -1) for each in given
    )
    after = scale * pt.expm1(v)
    risk = pt.log(s) - pt.log(beta) - (s + 1.0) * pt.log1p((begin + after) / beta)
    chance = log_negative_binomial(count, r, passed + pace * after, alpha)
    return end / 2.0 * (weight * scale * pt.exp(v + risk + chance)).sum(axis=-1)


def buy(rng, rate, dropout, active, t, passed=lambda time: time) -> Purchases:
    """Let active customers buy until their lifetime or the span `t` ends.

    Parameters
    ----------
    rng : numpy.random.Generator
    rate, dropout, t : numpy.ndarray, shape (customer,)
    active : numpy.ndarray of bool, shape (customer,)
    passed : callable
        Operational time of each customer from the beginning to a time, both of shape (customer,).

    Returns
    -------
    Purchases
        Their times are operational.
    """
    # Where customers differ very much some have a rate below the smallest double: they never leave.
    with np.errstate(divide="ignore", over="ignore"):
        lived = rng.standard_exponential(t.size) / dropout
    span = passed(np.where(active, np.minimum(lived, t), 0.0))
    # Given their number, the times of purchases at a constant rate are uniform in the span.
    customer = np.repeat(np.arange(t.size), rng.poisson(rate * span))
    return Purchases(customer, rng.random(customer.size) * span[customer])


def _simulate(rng, T, passed, r, alpha, s, beta):
    """Let new customers buy for spans `T`, shape (customer,)."""
    n = np.size(T)
    rate, dropout = rng.gamma(r, 1.0 / alpha, n), rng.gamma(s, 1.0 / beta, n)
    return buy(rng, rate, dropout, np.ones(n, bool), np.asarray(T, float), passed)


def _simulate_future(rng, t, passed, p_alive, x, T, tau, r, alpha, s, beta):
    """Let customers with a history buy for a span `t` more."""
    active = rng.random(x.size) < p_alive
    rate = rng.gamma(r + x, 1.0 / (alpha + tau))
    dropout = rng.gamma(s, 1.0 / (beta + T), x.size)
    return buy(rng, rate, dropout, active, np.broadcast_to(t, x.shape), passed)


def in_pieces(kind: Kind) -> InPieces:
    """Return the formulas of Pareto/NBD where the rate of purchases changes in steps."""
    E = kind.events
    e = E.removesuffix("s")
    new = dict.fromkeys(("x", "T", "tau"), 0.0)
    totals = {
        "p_alive_at": Total(start=of(_stays, _risk)),
        f"p_any_{e}": Total(piece=of(_any, _believed)),
        f"p_{E}": Total(start=of(_still, _believed), piece=of(_leaves, _believed)),
        f"expected_{E}_if_active": Total(factor=_rate, piece=of(at(_flow, discount=0.0), _risk)),
        f"discounted_{E}_if_active": Total(factor=_rate, piece=of(_flow, _risk)),
        f"discounted_{E}_if_won_back": Total(factor=_rate, piece=of(_flow, _risk_of_lost)),
        f"discounted_{E}_if_kept": Total(factor=_rate, piece=_kept),
        f"discounted_{E}_if_less_dropout": Total(factor=_rate, piece=of(_less_dropout, _risk)),
    }
    for name, old in {
        "p_alive_new": "p_alive_at",
        f"p_{E}_new": f"p_{E}",
        f"expected_{E}_new": f"expected_{E}_if_active",
    }.items():
        parts = {part: at(formula, **new) for part, formula in vars(totals[old]).items() if formula}
        totals[name] = Total(**parts)
    return InPieces(log_active, log_gone, totals, _simulate, _simulate_future)
