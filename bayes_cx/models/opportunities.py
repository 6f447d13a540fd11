"""Sums over opportunities, for the model in which customers take or leave them one by one.

Everything is written for scalars and broadcasts.
"""

from typing import Any

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

from bayes_cx.models.beta_discrete import log_stay, scalars

__all__ = ["p_purchases_if_active", "ratio_sum", "silence_limit"]

# PyTensor leaves the types of its functions open, so they are open here.
type Tensor = Any

# Whoever is not more likely gone than not after so many opportunities without purchase never will be.
_LONG = 10_000
# Chances that outgrow this are kept in units of powers of it.
_UNIT = np.float64(2.0**500)


def ratio_sum(n: Tensor, b: Tensor, d: Tensor, B: Tensor, D: Tensor) -> Tensor:
    r"""Return :math:`\sum_{i=0}^{n-1} \frac{(b)_i (d)_i}{(B)_i (D)_i}` for b < B and d < D.

    Every term is positive and smaller than the one before, so nothing cancels or overflows; the relative
    error is below 1e-12 for n to 3,000. There are first derivatives by all but ``n``.

    Parameters
    ----------
    n, b, d, B, D : tensor
        They broadcast; ``n`` counts the terms, all others are positive.
    """
    zero = pt.zeros_like(n * b * d * B * D)
    steps = pt.cast(n + zero, "int64")
    _, _, total, *_ = _ratios()(
        steps, zero, zero + 1.0, *[zero] * 9, *(value + zero for value in (b, d, B, D))
    )
    return total


class _Ratios(ScalarLoop):
    """The sum, which collects its derivatives on the way."""

    def pullback(self, inputs, outputs, output_gradients):
        """Return the gradient by the constants b, d, B and D."""
        upstream, *others = output_gradients[2:]
        told = [*output_gradients[:2], *others]
        if not all(isinstance(other.type, DisconnectedType) for other in told):
            raise NotImplementedError("ratio_sum has first derivatives only")
        nothing = [ps.constant(0.0)] * (len(inputs) - 4)
        return [*nothing, *(upstream * each for each in outputs[-4:])]


def _ratios() -> Elemwise:
    """Build the loop: term and sum, the derivatives of the term's logarithm and those of the sum."""
    i, term, total, *rest = scalars(
        "i term total slope_b slope_d slope_B slope_D by_b by_d by_B by_D b d B D"
    )
    slopes, sums, (b, d, B, D) = rest[:4], rest[4:8], rest[8:]
    loop = _Ratios(
        init=[i, term, total, *slopes, *sums],
        update=[
            i + 1.0,
            term * (b + i) * (d + i) / ((B + i) * (D + i)),
            total + term,
            *(
                slope + sign / (by + i)
                for slope, sign, by in zip(slopes, (1, 1, -1, -1), (b, d, B, D), strict=True)
            ),
            *(so_far + term * slope for so_far, slope in zip(sums, slopes, strict=True)),
        ],
        constant=[b, d, B, D],
        name="ratios",
    )
    return Elemwise(loop)


def p_purchases_if_active(
    count: Tensor, t: Tensor, a: Tensor, b: Tensor, gamma: Tensor, delta: Tensor
) -> Tensor:
    """Return the chance of `count` purchases at t opportunities of an active customer.

    Eq. (7) of Fader, Hardie & Shang (2010) with p ~ Beta(a, b) and theta ~ Beta(gamma, delta). All terms are
    positive; the relative error is below 1e-11 for t to 3,000.

    Parameters
    ----------
    count, t, a, b, gamma, delta : tensor
        They broadcast; the fraction of ``t`` is dropped.
    """
    t = pt.floor(t)
    possible = pt.le(count, t)
    m = pt.switch(possible, count, 0.0)
    zero = pt.zeros_like(m * a * b * gamma * delta)
    _, still, left, units = _counting()(
        pt.cast(t - m + zero, "int64"),
        zero + m,
        zero + 1.0,
        zero,
        zero,
        *(value + zero for value in (m, a, b, gamma, delta)),
    )
    log_first = log_stay(b, a, m) + log_stay(gamma, delta, m)
    chance = pt.exp(log_first + pt.log(still + left) + units * np.log(_UNIT))
    return pt.switch(possible, chance, 0.0)


def _counting() -> Elemwise:
    """Build the loop over the opportunities after which a customer with m purchases leaves.

    `still` is the chance to have m purchases at i opportunities and to be active, `left` that of having left
    before, both relative to m purchases at the first m.
    """
    i, still, left, units, m, a, b, gamma, delta = scalars("i still left units m a b gamma delta")
    large = ps.gt(still, _UNIT)
    smaller: Any = ps.switch(large, 1.0 / _UNIT, 1.0)
    leaves = gamma / (gamma + delta + i)
    ratio = (i + 1.0) / (i + 1.0 - m) * (b + i - m) / (a + b + i) * (1.0 - leaves)
    return Elemwise(
        ScalarLoop(
            init=[i, still, left, units],
            update=[
                i + 1.0,
                still * smaller * ratio,
                (left + still * leaves) * smaller,
                units + ps.switch(large, 1.0, 0.0),
            ],
            constant=[m, a, b, gamma, delta],
            name="counting",
        )
    )


def silence_limit(x, t_x, alpha, beta, gamma, delta):
    """Return after how many opportunities since the last purchase a customer is more likely gone than not.

    The odds grow with every opportunity that passes without purchase, from o to (o + chance to leave) /
    (chance to stay and not to buy). The limit is infinite where it is not reached at 10,000 opportunities.
    """
    zero = pt.zeros_like(x * t_x * alpha * beta * gamma * delta)
    given = (value + zero for value in (x, alpha, beta, gamma, delta))
    n, _, reached = _waiting()(_LONG, t_x + zero, zero, *given)
    return pt.switch(reached, n - t_x, np.inf)


def _waiting() -> Elemwise:
    """Build the loop over opportunities n without purchase."""
    n, odds, x, alpha, beta, gamma, delta = scalars("n odds x alpha beta gamma delta")
    grown = (odds * (gamma + delta + n) + gamma) / (delta + n) * (alpha + beta + n) / (beta + n - x)
    loop = ScalarLoop(
        init=[n, odds],
        update=[n + 1.0, grown],
        constant=[x, alpha, beta, gamma, delta],
        until=ps.gt(grown, 1.0),
        name="waiting",
    )
    return Elemwise(loop)
