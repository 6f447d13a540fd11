"""Special functions that the formulas share, stable where the textbook forms are not.

Everything is written for scalars of PyTensor and broadcasts.
"""

from collections.abc import Callable

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise
from pytensor.tensor.variable import TensorVariable

__all__ = ["beta_gamma_mean", "discounted_flow", "one_minus_power_over"]

# The ratio of the terms tends to z; a million terms settle every z up to 1 - 4e-5.
_MOST_TERMS = 1_000_000
# The series ends when a term no longer changes the sum.
_NEGLIGIBLE = 2.0**-54


def one_minus_power_over(k: TensorVariable, log_u: TensorVariable) -> TensorVariable:
    r"""Return :math:`(1 - u^k) / k`, and its limit :math:`-\log u` at ``k = 0``.

    Parameters
    ----------
    k, log_u : tensor
        The exponent and :math:`\log u`; they broadcast.
    """
    at_zero = pt.eq(k, 0)
    return pt.switch(at_zero, -log_u, -pt.expm1(k * log_u) / pt.switch(at_zero, 1.0, k))


def _series() -> Elemwise:
    """Build the loop that sums c G(A, k, c, z); see `beta_gamma_mean`."""
    n, term, total = (ps.float64(name) for name in ("n", "term", "total"))
    A, k, c, z = (ps.float64(name) for name in ("A", "k", "c", "z"))
    new_term = term * (A + n) * (k + n) * z / ((c + n) * (n + 1.0))
    new_total = total + new_term
    # Terms may grow before they fall, so a small term ends the sum only once the ratio is below one.
    shrinking = ps.lt(ps.abs((A + n) * (k + n) * z), ps.abs((c + n) * (n + 1.0)))
    done = ps.and_(shrinking, ps.le(ps.abs(new_term), _NEGLIGIBLE * ps.abs(new_total)))
    return Elemwise(
        ScalarLoop(
            init=[n, term, total],
            update=[n + 1.0, new_term, new_total],
            constant=[A, k, c, z],
            until=done,
            name="beta_gamma_series",
        )
    )


def beta_gamma_mean(
    t: TensorVariable, s: TensorVariable, beta: TensorVariable, a: TensorVariable, b: TensorVariable
) -> TensorVariable:
    r"""Return :math:`E[(1 - e^{-\lambda p t}) / p]` for :math:`\lambda \sim` Gamma(s, beta), p ~ Beta(a, b).

    This is the mean number of purchases in a span ``t`` of a customer who buys at rate :math:`\lambda` and
    leaves with probability ``p`` after each purchase. With :math:`z = t / (\beta + t)`, :math:`u = 1 - z`,
    :math:`k = a - 1`, :math:`c = a + b - 1` and :math:`A = c - s` it is

    .. math:: c \left[ \frac{1 - u^k}{k} - u^k G \right], \qquad
              G = \sum_{n \ge 1} \frac{(A)_n (k + 1)_{n-1}}{(c)_n\, n!} z^n ,

    which has no singularity at a = 1, where the difference of a constant and a hypergeometric function has one.

    Parameters
    ----------
    t, s, beta, a, b : tensor
        They broadcast. ``t`` and ``beta`` share a unit of time; ``a + b`` may be less than one.
    """
    log_u = -pt.log1p(t / beta)
    z = t / (beta + t)
    k = a - 1.0
    c = a + b - 1.0
    A = c - s
    first = A * z  # c times the first term of G: finite at c = 0
    zero = pt.zeros_like(first)
    *_, total, _ = _series()(
        np.int64(_MOST_TERMS), zero + 1.0, first, first, A + zero, k + zero, c + zero, z + zero
    )
    return c * one_minus_power_over(k, log_u) - pt.exp(k * log_u) * total


def discounted_flow(
    mean: Callable[[TensorVariable], TensorVariable], t: TensorVariable, discount: TensorVariable, scale: TensorVariable, nodes: int = 12
) -> TensorVariable:
    r"""Return :math:`\int_0^t e^{-\delta s}\, dM(s)` for a smooth cumulative mean M with M(0) = 0.

    By parts it is :math:`e^{-\delta t} M(t) + \delta \int_0^t e^{-\delta s} M(s)\, ds`, and with
    :math:`s = \beta (e^v - 1)` the integrand is so smooth that a few Gauss-Legendre nodes are enough.

    Parameters
    ----------
    mean : callable
        ``mean(s)`` gives M at times ``s`` with one more, last, axis.
    t, discount, scale : tensor
        Horizon, force of discount per unit of time, and the scale :math:`\beta` on which M bends.
    nodes : int
        Number of nodes.
    """
    node, weight = np.polynomial.legendre.leggauss(nodes)
    v_end = pt.log1p(t / scale)
    v = pt.expand_dims(v_end, -1) * (node + 1.0) / 2.0
    scale_, discount_ = pt.expand_dims(scale, -1), pt.expand_dims(discount, -1)
    s = scale_ * pt.expm1(v)
    integrand = pt.exp(-discount_ * s) * mean(s) * scale_ * pt.exp(v) * weight
    integral = v_end / 2.0 * integrand.sum(axis=-1)
    at_end = mean(pt.expand_dims(t, -1))[..., 0]
    return pt.exp(-discount * t) * at_end + discount * integral
