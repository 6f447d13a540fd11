"""What models share in which time is counted and customers leave with chances that are beta distributed.

The formulas are written for scalars: as they are they go into loops, and `elementwise` makes tensor functions
of them.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.scalar.basic import Composite
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

__all__ = [
    "discounted_sum",
    "elementwise",
    "geometric_sum",
    "log_leave",
    "log_stay",
    "log_stay_on",
    "scalar_log_stay",
    "scalar_log_stay_on",
    "scalars",
    "wear",
]

# PyTensor leaves the types of its functions open, so they are open here.
type Scalar = Any
type Tensor = Any

# Stirling's series serves arguments beyond this to some 1e-13; below, the recurrence of the gamma function.
_SHIFT = 10
# Beyond e^100 units of wear the chance to stay is a power law to the last digit, and so is it beyond e^250
# for whoever has worn e^100 units before.
_WORN, _WORE = 100.0, 250.0
# So many terms are added one by one; the others are an integral with corrections at its ends.
_FIRST = 64
_PANELS, _NODES = 2000, 8
_NEGLIGIBLE = 2.0**-54
# A sum of f over whole numbers less the integral from half to half, by central differences of f at the ends.
_CORRECTION = (
    -1 / 24 * np.array([0, 0, -1, 1, 0, 0])
    + 17 / 5760 * np.array([0, -1, 3, -3, 1, 0])
    - 367 / 967680 * np.array([-1, 5, -10, 10, -5, 1])
)


class _Formula(Composite):
    """A formula of scalars that is one node of a graph, and so are its first derivatives together."""

    def pullback(self, inputs, outputs, output_gradients):
        """Return the gradient by every input."""
        slopes: Any = pytensor.grad(self.outputs[0], list(self.inputs))
        each: Any = Composite(self.inputs, slopes)(*inputs, return_list=True)
        return [output_gradients[0] * slope for slope in each]


def scalars(names: str) -> list[Scalar]:
    """Return scalars of these names, separated by spaces."""
    return [ps.float64(name) for name in names.split()]


def elementwise(formula: Callable[..., Scalar]) -> Callable[..., Tensor]:
    """Return the function of tensors, which broadcasts, of a formula of scalars with one value.

    In a graph it is one node, which is compiled much sooner than the many of the formula.

    Parameters
    ----------
    formula : callable
        ``formula(*scalars) -> scalar``, in functions of ``pytensor.scalar``.
    """
    inputs = scalars(" ".join(signature(formula).parameters))
    return Elemwise(_Formula(inputs, [formula(*inputs)]))


def scalar_log_stay(gamma: Scalar, delta: Scalar, w: Scalar) -> Scalar:
    r"""Return :math:`\log E[(1 - \theta)^w]` for :math:`\theta \sim` Beta(gamma, delta).

    It is :math:`\log B(\gamma, \delta + w) - \log B(\gamma, \delta)`, of four gamma functions that nearly
    cancel where few leave. Neither of the two parts here does: by the recurrence of the gamma function the
    value at :math:`\delta` is that at :math:`\delta + 1` and a term of the same sign, and far out Stirling's
    series is arranged in differences. The relative error is below 1e-12 for all from 1e-6 to 1e20, so that
    the chance to leave, one minus this, is as good.

    Parameters
    ----------
    gamma, delta, w : scalar
        ``w`` is zero or more, and no whole number where chances change with time.
    """
    near = 0.0  # a product of factors 1 + q, less one
    for j in range(_SHIFT):
        q = gamma * w / ((delta + float(j)) * (gamma + delta + float(j) + w))
        near = near + q + near * q
    low, high = delta + float(_SHIFT), gamma + delta + float(_SHIFT)
    far = (
        (low - 0.5) * ps.log1p(gamma * w / (low * (high + w)))
        - w * ps.log1p(gamma / (low + w))
        - gamma * ps.log1p(w / high)
    )
    far = far - gamma / low * (w / high) * ((low + high + w) / (low + w)) / (12.0 * (high + w))
    far = far + (_stirling(low + w) - _stirling(low)) - (_stirling(high + w) - _stirling(high))
    return far - ps.log1p(near)


def _stirling(z: Scalar) -> Scalar:
    """Return Stirling's series for the logarithm of the gamma function from its third power on."""
    u = 1.0 / z
    v = u * u
    return u * v * (-1 / 360 + v * (1 / 1260 + v * (-1 / 1680 + v / 1188)))


def wear(made: Scalar, more: Scalar, c: Scalar) -> tuple[Scalar, Scalar]:
    r"""Return how worn a customer is, :math:`made^c`, and what `more` periods wear.

    The second, :math:`(made + more)^c - made^c`, is not the difference of two large numbers. Both are cut
    where powers leave the range of doubles.
    """
    worn, log_w = _log_wear(made, more, c)
    return worn, ps.exp(ps.minimum(log_w, _WORE))


def _log_wear(made: Scalar, more: Scalar, c: Scalar) -> tuple[Scalar, Scalar]:
    began, goes_on = ps.gt(made, 0.0), ps.gt(more, 0.0)
    # The unused branches stay finite, so that their gradients do too.
    before, after = ps.switch(began, made, 1.0), ps.switch(goes_on, more, 1.0)
    log_worn = ps.minimum(c * ps.log(before), _WORN)
    growth = c * ps.log1p(after / before)
    log_w = ps.switch(began, log_worn + growth + ps.log(-ps.expm1(-growth)), c * ps.log(after))
    return ps.switch(began, ps.exp(log_worn), 0.0), ps.switch(goes_on, log_w, -np.inf)


def scalar_log_stay_on(
    made: Scalar, more: Scalar, gamma: Scalar, delta: Scalar, c: Scalar, share: Scalar = 1.0
) -> Scalar:
    r"""Return the log chance of `more` renewals after `made`, with ageing c.

    Whose :math:`\theta \sim` Beta(gamma, delta) at first wears by :math:`w = (made + more)^c - made^c` and
    stays with chance :math:`(1 - \theta)^{share \cdot w}`, having stayed :math:`made^c` before. Where powers
    leave the range of doubles the chance is a power law, of which the logarithm is exact.

    Parameters
    ----------
    made, more : scalar
        Zero or more.
    gamma, delta, c, share : scalar
        ``share`` is the part of the cumulative hazard that remains, 1 if nothing is done.
    """
    worn, log_w = _log_wear(made, more, c)
    w = share * ps.exp(ps.minimum(log_w, _WORE))
    return scalar_log_stay(gamma, delta + worn, w) - gamma * ps.maximum(log_w - _WORE, 0.0)


def _log_leave(made: Scalar, gamma: Scalar, delta: Scalar, c: Scalar) -> Scalar:
    return ps.log(-ps.expm1(scalar_log_stay_on(made, 1.0, gamma, delta, c)))


log_stay = elementwise(scalar_log_stay)
log_stay_on = elementwise(lambda made, more, gamma, delta, c: scalar_log_stay_on(made, more, gamma, delta, c))
# The log chance to leave at the renewal after `made` ones.
log_leave = elementwise(_log_leave)


def discounted_sum(
    log_f: Callable[..., Scalar], t: Tensor | None, discount: Tensor, *given: Tensor, bend: Tensor = 1.0
) -> Tensor:
    r"""Return :math:`\sum_{i=1}^{t} e^{-\delta i} f(i)` for a chance f to be still there after i periods.

    The first terms are added. The others are the integral from half to half (the midpoint rule of Euler and
    Maclaurin, with its corrections), on panels that double: f is a mean of exponentials, and what is left of
    each of them where a panel begins is the less, the more it bends. The relative error is below 1e-11 where
    ``bend`` is at most 8; where the sum does not settle the result is NaN, never wrong.

    Parameters
    ----------
    log_f : callable
        ``log_f(i, *given)``, a formula of scalars, smooth in i.
    t : tensor or None
        Number of periods, of which the fraction is dropped; None for a sum without end.
    discount : tensor
        Force of discount per period, zero or more.
    *given : tensor
        What `log_f` needs.
    bend : tensor
        Power of time at which f bends; panels grow by one part in `bend`.
    """
    terms, panels = _summation(log_f, len(given))
    zero = pt.zeros_like(discount * bend + sum(given) + (0.0 if t is None else t))
    growth = 1.0 / pt.clip(bend, 1.0, 8.0)
    begin, ends, steps = _FIRST + 0.5, _CORRECTION.size, _PANELS * _NODES

    def integral(n, total, end):
        *_, total, settled = panels(n, begin + zero, zero, zero, total, end, growth, discount, *given)
        return pt.switch(settled, total, np.nan)

    if t is None:
        _, first = terms(_FIRST + ends, zero, zero, zero, discount, *given)
        return integral(steps, first, np.inf)
    t = pt.floor(t) + zero
    long = pt.gt(t, _FIRST)
    n = pt.cast(pt.switch(long, float(_FIRST + 2 * ends), t), "int64")
    _, first = terms(n, zero, zero, t, discount, *given)
    end = pt.switch(long, t, 2.0 * _FIRST) + 0.5
    return pt.switch(long, integral(pt.cast(pt.switch(long, steps, 0), "int64"), first, end), first)


def _summation(log_f: Callable[..., Scalar], n: int) -> tuple[Elemwise, Elemwise]:
    """Build the loops over single terms, with what is owed at the ends of the integral, and over its panels.

    Every step evaluates f once, whatever it is a step of: what takes long to compile is f.
    """
    i, k, piece, total, end, growth, discount = scalars("i k piece total end growth discount")
    given = [ps.float64(f"given_{position}") for position in range(n)]

    def f(at):
        return ps.exp(log_f(at, *given) - discount * at)

    owed = i - float(_FIRST)  # the count of the corrections, first those at the begin
    one_by_one, at_begin = ps.lt(owed, 0.0), ps.lt(owed, float(_CORRECTION.size))
    near_end = end + (owed - float(_CORRECTION.size)) - 2.0
    at = ps.switch(one_by_one, i + 1.0, ps.switch(at_begin, float(_FIRST) + owed - 2.0, near_end))
    weight = ps.switch(one_by_one, 1.0, _pick(owed, np.concatenate([-_CORRECTION, _CORRECTION])))
    terms = ScalarLoop([i, total], [i + 1.0, total + weight * f(at)], [end, discount, *given], name="terms")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    width = ps.minimum(i * growth, end - i)
    grown = piece + width * _pick(k, weights / 2.0) * f(i + width * _pick(k, (nodes + 1.0) / 2.0))
    last = ps.eq(k, _NODES - 1.0)
    panels = ScalarLoop(
        [i, k, piece, total],
        [
            ps.switch(last, i + width, i),
            ps.switch(last, 0.0, k + 1.0),
            ps.switch(last, 0.0, grown),
            ps.switch(last, total + grown, total),
        ],
        [end, growth, discount, *given],
        until=ps.and_(last, ps.or_(ps.ge(i + width, end), ps.le(grown, _NEGLIGIBLE * total))),
        name="panels",
    )
    return Elemwise(terms), Elemwise(panels)


def _pick(k: Scalar, values: np.ndarray) -> Scalar:
    """Return the k-th of some numbers."""
    picked: Scalar = float(values[-1])
    for position, value in enumerate(values[:-1]):
        picked = ps.switch(ps.eq(k, float(position)), float(value), picked)
    return picked


def geometric_sum(t: Tensor, discount: Tensor) -> Tensor:
    r"""Return :math:`\sum_{i=1}^{t} e^{-\delta i}`, which is t without discount."""
    some = pt.gt(discount, 0)
    force = pt.switch(some, discount, 1.0)
    return pt.switch(some, -pt.expm1(-force * pt.floor(t)) / pt.expm1(force), pt.floor(t))
