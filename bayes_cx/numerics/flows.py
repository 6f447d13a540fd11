"""Discounted sums of purchases in continuous time."""

from collections.abc import Callable

import numpy as np
import pytensor.tensor as pt

from bayes_cx.numerics.loops import Tensor

__all__ = ["discounted_flow", "with_less_dropout"]


def discounted_flow(
    mean: Callable[..., Tensor], t: Tensor, discount: Tensor, *given: Tensor, scale: Tensor, nodes: int = 8
) -> Tensor:
    r"""Return :math:`\int_0^t e^{-\delta s}\, dM(s)` for a smooth cumulative mean M with M(0) = 0.

    By parts it is :math:`e^{-\delta t} M(t) + \delta \int_0^t e^{-\delta s} M(s)\, ds`, and with
    :math:`s = \beta (e^v - 1)` the integrand is so smooth that eight Gauss-Legendre nodes leave a relative
    error below 1e-5 of the purchases of BG/NBD while t is at most some hundred times :math:`\beta` and
    :math:`\delta t` at most about one; the error falls with :math:`\delta t`.

    Parameters
    ----------
    mean : callable
        ``mean(s, *given)`` gives M at times ``s`` with one more, last, axis.
    t, discount : tensor
        Horizon, and force of discount per unit of time. If that is the number 0, the sum is M(t).
    *given : tensor
        What M needs besides.
    scale : tensor
        The scale :math:`\beta` on which M bends.
    nodes : int
        Number of nodes.
    """
    if _is_nothing(discount):
        return mean(t, *given)
    node, weight = np.polynomial.legendre.leggauss(nodes)
    v_end = pt.log1p(t / scale)
    v = pt.expand_dims(v_end, -1) * (node + 1.0) / 2.0
    scale_, discount_, *given_ = (pt.expand_dims(pt.as_tensor(g), -1) for g in (scale, discount, *given))
    s = scale_ * pt.expm1(v)
    integrand = pt.exp(-discount_ * s) * mean(s, *given_) * scale_ * pt.exp(v) * weight
    integral = v_end / 2.0 * integrand.sum(axis=-1)
    return pt.exp(-discount * t) * mean(t, *given) + discount * integral


def with_less_dropout(
    discounted: Callable[[Tensor, Tensor], Tensor], t: Tensor, discount: Tensor, keep: Tensor
) -> Tensor:
    r"""Return the discounted purchases of an active customer whose chance to leave falls by a share.

    With :math:`p (1 - \kappa)` for p (or :math:`\mu (1 - \kappa)` for :math:`\mu`) the rate of purchases at
    time s is that of the customer at time :math:`(1 - \kappa) s`, so the integral is the old one with a
    shorter horizon and a larger discount, divided by :math:`1 - \kappa`.

    Parameters
    ----------
    discounted : callable
        ``discounted(t, discount)`` without the fall.
    t, discount, keep : tensor
        Horizon, force of discount and :math:`\kappa`, below one.
    """
    left = 1.0 - keep
    return discounted(left * t, discount if _is_nothing(discount) else discount / left) / left


def _is_nothing(discount: Tensor) -> bool:
    """Return whether a discount is the number 0, and no tensor that may have that value."""
    return isinstance(discount, int | float) and discount == 0
