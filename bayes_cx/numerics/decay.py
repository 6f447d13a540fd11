"""The mean of an exponential decay with a random rate, with its derivatives."""

import numpy as np
import pytensor.scalar as ps

from bayes_cx.numerics.loops import repeat, with_slopes

__all__ = ["log_mean_decay"]

# With more panels than this the result is NaN.
_MOST_PANELS = 1_000_000
# An integrand that has fallen by e^-30 adds less than 1e-12 of the integral.
_FALLEN = 30.0
# On panels on which the integrand changes by some e^5 and its argument by 2.5 eight nodes leave an error of
# 1e-12 of the integral and 2e-11 of its derivatives.
_FALL, _WIDTH, _NODES = 5.0, 2.5, 8


@with_slopes
def log_mean_decay(t, n, a, m, b):
    r"""Return :math:`\log \frac{1}{t} \int_0^t (1 + y / a)^{-n} (1 + y / b)^{-m}\, dy`.

    The decay is that of :math:`E[e^{-(\lambda + \mu) y}]` with :math:`\lambda \sim` Gamma(n, a) and
    :math:`\mu \sim` Gamma(m, b). The textbook form is a difference of two hypergeometric functions, which
    cancels and overflows; the integrand is positive and bounded by one. With the shorter time A of a and b
    and :math:`y = A (e^v - 1)` it is log-concave in v, and its nearest singularity is :math:`\pi` away from
    the real axis, so panels of Gauss-Legendre nodes in v serve every size of the arguments. They are spent
    where the integrand is not negligible: its tangents, which lie above it, say where that ends.

    Parameters
    ----------
    t, n, a, m, b : tensor or scalar
        They broadcast. ``t``, ``a`` and ``b`` share a unit of time; ``t`` may be zero, all others are
        positive. There are first derivatives by ``n``, ``a``, ``m`` and ``b``, and none by ``t``.
    """
    first = ps.le(a, b)
    A, B = ps.switch(first, a, b), ps.switch(first, b, a)
    k, q = ps.switch(first, n, m), ps.switch(first, m, n)
    end = ps.log1p(t / A)
    for bend in (0.0, 3.0, 30.0):  # the second factor bends where q y / B is of order one
        at, bent = bend * B / (A * q), bend / q
        height = (1.0 - k) * ps.log1p(at) - q * ps.log1p(bent)
        slope = 1.0 - k - q * (A / B + bent) / (1.0 + bent)
        falls = ps.lt(slope, 0.0)
        reach = ps.log1p(at) + ps.maximum(_FALLEN + height, 0.0) / ps.switch(falls, -slope, 1.0)
        end = ps.minimum(end, ps.switch(falls, reach, np.inf))
    change = ps.abs((1.0 - k) * end - q * ps.log1p(A / B * ps.expm1(end)))
    change = change + 2.0 * end * ps.maximum(1.0 - k, 0.0)  # it may rise before it falls
    panels = ps.maximum(ps.ceil(change / _FALL + end / _WIDTH), 1.0)
    # Arguments beyond floating point would need endlessly many panels: the result is NaN.
    countable = ps.lt(panels, _MOST_PANELS)
    panels = ps.switch(countable, panels, 1.0)
    width, some = end / panels, ps.gt(t, 0.0)
    share = ps.switch(some, width * A / ps.switch(some, t, 1.0), 1.0 / panels)
    _, mean, by_k, by_A, by_q, by_B = repeat(
        panels,
        dict.fromkeys(("i", "mean", "by_k", "by_A", "by_q", "by_B"), 0.0),
        {"width": width, "share": share, "k": k, "A": A, "q": q, "B": B},
        _panel,
    )
    by_k, by_A, by_q, by_B = -by_k / mean, by_A * k / (A * mean), -by_q / mean, by_B * q / (B * mean)
    return (
        ps.switch(countable, ps.log(mean), np.nan),
        ps.switch(first, by_k, by_q),
        ps.switch(first, by_A, by_B),
        ps.switch(first, by_q, by_k),
        ps.switch(first, by_B, by_A),
    )


def _panel(i, mean, by_k, by_A, by_q, by_B, width, share, k, A, q, B):
    """Add one panel to the mean, and to what its derivatives need."""
    sums = [mean, by_k, by_A, by_q, by_B]
    for node, weight in zip(*np.polynomial.legendre.leggauss(_NODES), strict=True):
        v = (i + float(node + 1.0) / 2.0) * width
        stretch = ps.expm1(v)
        y = A * stretch
        bend = ps.log1p(y / B)
        term = float(weight / 2.0) * share * ps.exp((1.0 - k) * v - q * bend)
        parts = [term, term * v, term * stretch / (1.0 + stretch), term * bend, term * y / (B + y)]
        sums = [so_far + part for so_far, part in zip(sums, parts, strict=True)]
    return i + 1.0, *sums
