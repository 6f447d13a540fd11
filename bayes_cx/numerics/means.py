r"""Means over random chances to leave and rates, by the trapezoidal rule, which is nearly exact here.

A mean over :math:`p \sim` Beta(a, b) is an integral over the logit of p. What is integrated is smooth there,
whatever a and b are, and falls off to both sides, slowly where a or b is small. So the logit is written as
:math:`v = u - e^{l - u} + e^{u - h}`, which grows exponentially outside the places l and h beyond which the
integrand has no more bends, and the rule is applied to u. A mean over rates is taken on the logarithm of the
rate in the same way.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pytensor.scalar as ps

from bayes_cx.numerics.loops import Scalar, elementwise, repeat
from bayes_cx.numerics.stages import phases, phases_at_rate

__all__ = ["beta_gamma_decay", "beta_gamma_dert", "beta_mean", "count_at_leaving"]


class _Rule(NamedTuple):
    """The range of nodes, up to where the integrand has fallen by e^-reach, and the step between them."""

    reach: float
    step: float


# The errors of both rules are even: 2e-11, and 1e-6 in a double integral.
_FINE, _COARSE = _Rule(24.0, 0.35), _Rule(16.0, 0.5)
# The exponential growth begins so far beyond the last bend that the steps still resolve the bend.
_ROOM = 2.0
# For smaller p, f is constant; p is bounded so that f does not divide by zero.
_LEAST = np.float64(1e-250)
# With more nodes than this, or where an argument is NaN, the result is NaN.
_MOST_NODES = 1_000_000


def _log_beta(a: Scalar, b: Scalar) -> Scalar:
    return ps.gammaln(a) + ps.gammaln(b) - ps.gammaln(a + b)


def beta_mean(
    log_f: Callable[..., Scalar],
    given: Mapping[str, Scalar],
    a: Scalar,
    b: Scalar,
    *,
    knee: Scalar,
    power: Scalar = 1.0,
    log_size: Scalar = 0.0,
    wanted: Scalar = True,
    rule: _Rule = _FINE,
) -> Scalar:
    r"""Return :math:`e^S E[f(p)]` for p ~ Beta(a, b) and an f that is positive and falls with p.

    Parameters
    ----------
    log_f : callable
        ``log_f(p, *given)``.
    given : mapping of str to scalar
        What f needs besides p.
    a, b : scalar
    knee, power : scalar
        f is constant where p is far below 1 / knee, and falls no faster than :math:`p^{-power}`.
    log_size : scalar
        S.
    wanted : scalar
        Where this is false nothing is computed and the result is zero.
    rule : _Rule
    """
    h = rule.step / ps.sqrt(ps.maximum(1.0, ps.minimum(a, b + power) / 2.0))
    low, high = -ps.log(1.0 + b + knee) - _ROOM, ps.log1p(a) + _ROOM
    first, last = low - ps.log1p(rule.reach / a), high + ps.log1p(rule.reach / b)

    def beta_node(u, total, left, right, h, growth, a, b, size, *given):
        v = u - left + right
        near_one, odds = ps.gt(v, 0.0), ps.exp(-ps.abs(v))
        p = ps.maximum(ps.switch(near_one, 1.0, odds) / (1.0 + odds), _LEAST)
        log_weight = ps.switch(near_one, -b * v, a * v) - (a + b) * ps.log1p(odds)
        log_term = log_weight + log_f(p, *given) + size
        total = total + ps.exp(log_term) * (1.0 + left + right)
        return u + h, total, left / growth, right * growth

    steps = ps.ceil((last - first) / h) + 1.0
    countable = ps.lt(steps, _MOST_NODES)
    _, total, _, _ = repeat(
        ps.switch(countable, ps.switch(wanted, steps, 0.0), 0.0),
        {"u": first, "total": 0.0, "left": ps.exp(low - first), "right": ps.exp(first - high)},
        {"h": h, "growth": ps.exp(h), "a": a, "b": b, "size": log_size - _log_beta(a, b), **given},
        beta_node,
    )
    return ps.switch(countable, h * total, float("nan"))


@elementwise
def beta_gamma_decay(t, s, beta, a, b):
    r"""Return :math:`E[e^{-\lambda p t}]` for :math:`\lambda \sim` Gamma(s, beta) and p ~ Beta(a, b).

    This is the chance that a customer who buys at rate :math:`\lambda`, and leaves with probability p after
    each purchase, has not left within t. The textbook form is :math:`_2F_1(s, a; a + b; -t / \beta)`; against
    it the relative error is below 1e-10.

    Parameters
    ----------
    t, s, beta, a, b : tensor
        They broadcast. ``t`` may be zero, all others are positive.
    """
    y = t / beta
    return beta_mean(
        lambda p, y, s: -s * ps.log1p(p * y), {"y": y, "s": s}, a, b, knee=ps.maximum(s, 1.0) * y, power=s
    )


def _mean_reciprocal(y: Scalar, a: Scalar, b: Scalar) -> Scalar:
    """Return E[1 / (p + y)]."""
    return beta_mean(lambda p, y: -ps.log(p + y), {"y": y}, a, b, knee=1.0 / y, rule=_COARSE)


@elementwise
def beta_gamma_dert(discount, k, s, beta, tau, a, b):
    r"""Return the discounted purchases to come, without end, of an active customer who buys in stages.

    Every k-th stage is a purchase, after which the customer leaves with probability p ~ Beta(a, b). Stages
    are passed at rate :math:`\kappa`; fewer than k of them in the time :math:`\tau` since the last purchase.
    Before this was known, :math:`\kappa` was Gamma(s, beta - tau). With :math:`q = \kappa / (\kappa +
    \delta)`, the discount over a stage, purchases to come after phase j of k are worth

    .. math:: q^{k - j} \sum_{i \ge 0} (1 - p)^i q^{k i} = \frac{q^{-j}}{p + q^{-k} - 1} ,

    and the phases have the weights :math:`(\kappa \tau)^j / j!`. Without stages, k = 1, this is the mean of
    :math:`\lambda / (\lambda p + \delta)`. The relative error is below 1e-6.

    Parameters
    ----------
    discount, k, s, beta, tau, a, b : tensor
        They broadcast. ``tau`` may be zero, all others are positive; without discount there may be no end to
        it.
    """
    reach, d, w, most = _COARSE.reach, discount * beta, tau / beta, s + k
    near, far = reach / s, reach / most
    low = ps.log(ps.minimum(d, s)) - _ROOM
    # Bounds of the decay of a gamma density, on the left and on the right.
    first = ps.maximum(low - ps.log1p(reach / (s + 1.0)), ps.log(s) - near - ps.sqrt(2.0 * near))
    last = ps.log(most) + ps.minimum(ps.sqrt(2.0 * far), ps.log1p(far + ps.sqrt(2.0 * far)))
    last = last + ps.exp(low - last)  # by how much the exponential term shifts u
    h = _COARSE.step / ps.sqrt(ps.maximum(1.0, most / 2.0))

    def rate_node(u, total, left, h, growth, size, k, s, w, d, a, b):
        v = u - left
        rate = ps.exp(v)  # in units of 1 / beta
        worth = phases_at_rate(k, (rate + d) * w) * _mean_reciprocal(ps.expm1(k * ps.log1p(d / rate)), a, b)
        total = total + ps.exp(s * v - rate - size) * (1.0 + left) * worth
        return u + h, total, left / growth

    steps = ps.ceil((last - first) / h) + 1.0
    countable = ps.lt(steps, _MOST_NODES)
    _, total, _ = repeat(
        ps.switch(countable, steps, 0.0),
        {"u": first, "total": 0.0, "left": ps.exp(low - first)},
        {"h": h, "growth": ps.exp(h), "size": ps.gammaln(s), "k": k, "s": s, "w": w, "d": d, "a": a, "b": b},
        rate_node,
    )
    return ps.switch(countable, h * total / phases(k, s, w), float("nan"))


@elementwise
def count_at_leaving(n, t, r, alpha, s, beta):
    r"""Return the chance to leave within t after exactly n purchases, one independent of the other.

    With purchases at :math:`\lambda \sim` Gamma(r, alpha) until a lifetime ends at risk :math:`\mu \sim`
    Gamma(s, beta) it is an integral over the lifetime, of positive terms:

    .. math:: \int_0^t \frac{s}{\beta} \left(1 + \frac{y}{\beta}\right)^{-s - 1} \frac{(r)_n}{n!}
              \left(\frac{\alpha}{\alpha + y}\right)^r \left(\frac{y}{\alpha + y}\right)^n dy ,

    a mean over y / t as if it were Beta(n + 1, 1). The relative error is below 1e-9.

    Parameters
    ----------
    n, t, r, alpha, s, beta : tensor
        They broadcast. ``n`` is a whole number; ``n`` and ``t`` may be zero, all others are positive.
    """
    a, b = t / alpha, t / beta

    def log_chance(p, n, r, s, a, b):
        return -(r + n) * ps.log1p(p * a) - (s + 1.0) * ps.log1p(p * b)

    powers = ps.switch(ps.gt(n, 0.0), n * ps.log(a), 0.0)
    log_size = ps.gammaln(r + n) - ps.gammaln(r) - ps.gammaln(n + 2.0) + powers + ps.log(s * b)
    return beta_mean(
        log_chance,
        {"n": n, "r": r, "s": s, "a_": a, "b_": b},
        n + 1.0,
        ps.as_scalar(1.0),
        knee=(r + n) * a + (s + 1.0) * b,
        power=r + n + s + 1.0,
        log_size=log_size,
    )
