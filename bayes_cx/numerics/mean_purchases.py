"""The mean number of purchases of customers who may leave after each."""

import numpy as np
import pytensor.scalar as ps

from bayes_cx.numerics.loops import NEGLIGIBLE, UNIT, Scalar, elementwise, repeat
from bayes_cx.numerics.means import beta_mean
from bayes_cx.numerics.powers import one_minus_power_over

__all__ = ["beta_gamma_mean"]

# Longer sums take longer than the integral.
_MOST_TERMS = 500


def _short_sum(steps: Scalar, A: Scalar, k: Scalar, c: Scalar, z: Scalar) -> list[Scalar]:
    """Return c G and whether it has settled; the first term is finite at c = 0."""

    def short_sum(n, term, total, A, k, c, z):
        above, below = (A + n) * (k + n) * z, (c + n) * (n + 1.0)
        term = term * above / below
        total = total + term
        # Terms may grow before they fall, so a small term ends the sum only once the ratio is below one.
        falls = ps.lt(ps.abs(above), ps.abs(below))
        return n + 1.0, term, total, ps.and_(falls, ps.le(ps.abs(term), NEGLIGIBLE * ps.abs(total)))

    start = {"n": 1.0, "term": A * z, "total": A * z}
    _, _, total, settled = repeat(steps, start, {"A": A, "k": k, "c": c, "z": z}, short_sum, settles=True)
    return [total, settled]


def _long_sum(steps: Scalar, s: Scalar, a: Scalar, b: Scalar, z: Scalar) -> list[Scalar]:
    """Return the sum in units of u^s times a power of `UNIT`, the power and whether it has settled."""

    def long_sum(n, chance, purchases, survival, total, units, s, a, b, z):
        ratio = (s + n) * z / (n + 1.0)
        purchases = purchases + survival
        large = ps.gt(total, UNIT)
        smaller = ps.switch(large, 1.0 / UNIT, 1.0)
        chance = chance * ratio * smaller
        term = chance * purchases
        total = total * smaller + term
        survival = survival * (b + n) / (a + b + n)
        done = ps.and_(ps.lt(ratio, 1.0), ps.le(term, NEGLIGIBLE * total))
        return n + 1.0, chance, purchases, survival, total, units + ps.switch(large, 1.0, 0.0), done

    start = {"n": 0.0, "chance": 1.0, "purchases": 0.0, "survival": 1.0, "total": 0.0, "units": 0.0}
    *_, total, units, settled = repeat(steps, start, {"s": s, "a": a, "b": b, "z": z}, long_sum, settles=True)
    return [total, units, settled]


@elementwise
def beta_gamma_mean(t, s, beta, a, b):
    r"""Return :math:`E[(1 - e^{-\lambda p t}) / p]` for :math:`\lambda \sim` Gamma(s, beta), p ~ Beta(a, b).

    This is the mean number of purchases in a span ``t`` of a customer who buys at rate :math:`\lambda` and
    leaves with probability ``p`` after each purchase. The textbook form, a constant minus a hypergeometric
    function, is singular at a = 1. Two sums of positive terms, or nearly so, are not. With
    :math:`z = t / (\beta + t)`, :math:`u = 1 - z`, :math:`k = a - 1`, :math:`c = a + b - 1` and
    :math:`A = c - s` the first,

    .. math:: c \left[ \frac{1 - u^k}{k} - u^k G \right], \qquad
              G = \sum_{n \ge 1} \frac{(A)_n (k + 1)_{n-1}}{(c)_n\, n!} z^n ,

    is short, but cancels where A is far below zero and overflows where k > s and z is near 1. There the
    second takes over: it sums over the number N of purchases without dropout, which is negative binomial,
    and the chance to survive each of them,

    .. math:: \sum_{n \ge 1} P(N = n) \sum_{i < n} \frac{(b)_i}{(a + b)_i} .

    Where neither settles soon, for long spans and frequent buyers, the mean over p is an integral.

    Parameters
    ----------
    t, s, beta, a, b : tensor
        They broadcast. ``t`` and ``beta`` share a unit of time; ``a + b`` may be less than one.
    """
    y = t / beta
    log_u, z = -ps.log1p(y), t / (beta + t)
    k, c = a - 1.0, a + b - 1.0
    A = c - s
    short = ps.and_(ps.ge(A, -4.0), ps.or_(ps.le(k, s), ps.le(z, 0.5)))
    G, settled_short = _short_sum(ps.switch(short, _MOST_TERMS, 0), A, k, c, z)
    by_short = c * one_minus_power_over(k, log_u) - ps.exp(k * log_u) * G
    total, units, settled_long = _long_sum(ps.switch(short, 0, _MOST_TERMS), s, a, b, z)
    by_long = ps.exp(ps.log(total) + s * log_u + units * np.log(UNIT))
    settled = ps.switch(short, settled_short, settled_long)
    by_integral = beta_mean(
        lambda p, y, s: ps.log(-ps.expm1(-s * ps.log1p(p * y)) / p),
        {"y": y, "s": s},
        a,
        b,
        knee=ps.maximum(s, 1.0) * y,
        wanted=ps.eq(settled, 0),
    )
    return ps.switch(settled, ps.switch(short, by_short, by_long), by_integral)
