"""Integrals of powers and exponentials, where the textbook form is singular."""

import pytensor.scalar as ps

from bayes_cx.numerics.loops import elementwise

__all__ = ["one_minus_power_over"]


@elementwise
def one_minus_power_over(k, log_u):
    r"""Return :math:`(1 - u^k) / k`, and its limit :math:`-\log u` at ``k = 0``.

    Parameters
    ----------
    k, log_u : tensor or scalar
        The exponent and :math:`\log u`; they broadcast.
    """
    at_zero = ps.eq(k, 0.0)
    return ps.switch(at_zero, -log_u, -ps.expm1(k * log_u) / ps.switch(at_zero, 1.0, k))
