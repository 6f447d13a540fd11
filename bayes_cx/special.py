"""Special functions that the formulas share, stable where the textbook forms are not.

Everything is written for scalars of PyTensor and broadcasts.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

__all__ = ["discounted_flow", "log_mean_decay", "one_minus_power_over"]

# PyTensor leaves the types of its functions open, so they are open here.
type Tensor = Any

# More panels than this are given up.
_MOST_PANELS = 1_000_000
# An integrand that has fallen by e^-30 adds less than 1e-12 of the integral.
_FALLEN = 30.0
# On panels on which the integrand changes by some e^5 and its argument by 2.5 eight nodes leave an error of
# 1e-12 of the integral and 2e-11 of its derivatives.
_FALL, _WIDTH, _NODES = 5.0, 2.5, 8


def one_minus_power_over(k: Tensor, log_u: Tensor) -> Tensor:
    r"""Return :math:`(1 - u^k) / k`, and its limit :math:`-\log u` at ``k = 0``.

    Parameters
    ----------
    k, log_u : tensor
        The exponent and :math:`\log u`; they broadcast.
    """
    at_zero = pt.eq(k, 0)
    return pt.switch(at_zero, -log_u, -pt.expm1(k * log_u) / pt.switch(at_zero, 1.0, k))


def discounted_flow(
    mean: Callable[[Tensor], Tensor],
    t: Tensor,
    discount: Tensor,
    scale: Tensor,
    nodes: int = 8,
) -> Tensor:
    r"""Return :math:`\int_0^t e^{-\delta s}\, dM(s)` for a smooth cumulative mean M with M(0) = 0.

    By parts it is :math:`e^{-\delta t} M(t) + \delta \int_0^t e^{-\delta s} M(s)\, ds`, and with
    :math:`s = \beta (e^v - 1)` the integrand is so smooth that eight Gauss-Legendre nodes leave a relative
    error below 1e-6 while t is at most some hundred times :math:`\beta` and :math:`\delta t` at most about
    one.

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


def log_mean_decay(t: Tensor, n: Tensor, a: Tensor, m: Tensor, b: Tensor) -> Tensor:
    r"""Return :math:`\log \frac{1}{t} \int_0^t (1 + y / a)^{-n} (1 + y / b)^{-m}\, dy`.

    The decay is that of :math:`E[e^{-(\lambda + \mu) y}]` with :math:`\lambda \sim` Gamma(n, a) and
    :math:`\mu \sim` Gamma(m, b). The textbook form is a difference of two hypergeometric functions, which
    cancels and overflows; the integrand is positive and bounded by one. With the shorter time A of a and b
    and :math:`y = A (e^v - 1)` it is log-concave in v, and its nearest singularity is :math:`\pi` away from
    the real axis, so panels of Gauss-Legendre nodes in v serve every size of the arguments. They are spent
    where the integrand is not negligible: its tangents, which lie above it, say where that ends.

    Parameters
    ----------
    t, n, a, m, b : tensor
        They broadcast. ``t``, ``a`` and ``b`` share a unit of time; ``t`` may be zero, all others are
        positive. There are first derivatives by ``n``, ``a``, ``m`` and ``b``, and none by ``t``.
    """
    t, n, a, m, b = (pt.as_tensor(value) for value in (t, n, a, m, b))
    first = pt.le(a, b)
    A, B = pt.switch(first, a, b), pt.switch(first, b, a)
    k, q = pt.switch(first, n, m), pt.switch(first, m, n)
    end = pt.log1p(t / A)
    for bend in (0.0, 3.0, 30.0):  # the second factor bends where q y / B is of order one
        at, bent = bend * B / (A * q), bend / q
        height = (1.0 - k) * pt.log1p(at) - q * pt.log1p(bent)
        slope = 1.0 - k - q * (A / B + bent) / (1.0 + bent)
        falls = pt.lt(slope, 0)
        reach = pt.log1p(at) + pt.maximum(_FALLEN + height, 0.0) / pt.switch(falls, -slope, 1.0)
        end = pt.minimum(end, pt.switch(falls, reach, np.inf))
    change = pt.abs((1.0 - k) * end - q * pt.log1p(A / B * pt.expm1(end)))
    change = change + 2.0 * end * pt.maximum(1.0 - k, 0.0)  # it may rise before it falls
    panels = pt.maximum(pt.ceil(change / _FALL + end / _WIDTH), 1.0)
    # Arguments beyond floating point have no number of panels: NaN, and not an endless loop.
    countable = pt.lt(panels, _MOST_PANELS)
    panels = pt.switch(countable, panels, 1.0)
    width, some = end / panels, pt.gt(t, 0)
    share = pt.switch(some, width * A / pt.switch(some, t, 1.0), 1.0 / panels)
    zero = pt.zeros_like(width)
    _, mean, *_ = _decay_sums()(
        pt.cast(panels, "int64"), *[zero] * 6, width, share, k + zero, A + zero, q + zero, B + zero
    )
    return pt.switch(countable, pt.log(mean), np.nan)


class _DecaySums(ScalarLoop):
    """The sum of an integrand over nodes, which knows its derivatives.

    Where the nodes lie is a choice, not a function of the parameters: it has no gradient. The loop itself has
    to say so, for `disconnected_grad` around its inputs is gone when a sampler simplifies the density before
    it takes the gradient.
    """

    def connection_pattern(self, node):
        """Tell that only the constants k, A, q and B count; they come last."""
        first = len(node.inputs) - 4
        return [[i >= first] * len(node.outputs) for i in range(len(node.inputs))]

    def pullback(self, inputs, outputs, output_gradients):
        """Return the gradient by the constants k, A, q and B."""
        *nodes, k, A, q, B = inputs
        by_k, by_A, by_q, by_B = outputs[2:]
        _, upstream, *others = output_gradients
        if not all(isinstance(other.type, DisconnectedType) for other in others):
            raise NotImplementedError("log_mean_decay has first derivatives only")
        known = [-by_k, by_A * k / A, -by_q, by_B * q / B]
        return [*(disconnected_type() for _ in nodes), *(upstream * each for each in known)]


def _scalars(names: str) -> list[Any]:
    return [ps.float64(name) for name in names.split()]


def _decay_sums() -> Elemwise:
    """Build the loop over panels; beside the sum it collects what its derivatives need."""
    names = "i mean by_k by_A by_q by_B width share k A q B"
    i, mean, by_k, by_A, by_q, by_B, width, share, k, A, q, B = _scalars(names)
    init, sums = [i, mean, by_k, by_A, by_q, by_B], [mean, by_k, by_A, by_q, by_B]
    for node, weight in zip(*np.polynomial.legendre.leggauss(_NODES), strict=True):
        v = (i + float(node + 1.0) / 2.0) * width
        stretch = ps.expm1(v)
        y = A * stretch
        bend = ps.log1p(y / B)
        term = float(weight / 2.0) * share * ps.exp((1.0 - k) * v - q * bend)
        parts = [term, term * v, term * stretch / (1.0 + stretch), term * bend, term * y / (B + y)]
        sums = [so_far + part for so_far, part in zip(sums, parts, strict=True)]
    return Elemwise(
        _DecaySums(init=init, update=[i + 1.0, *sums], constant=[width, share, k, A, q, B], name="decay")
    )
