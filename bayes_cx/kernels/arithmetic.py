"""What generated code calls beside the mathematical functions of Python."""

import math

from numba import njit

__all__ = ["maximum", "minimum", "psi", "sigmoid", "sign", "softplus", "trigamma"]

# They are kept with the kernels that call them.
_compiled = njit(error_model="numpy", nogil=True)


@_compiled
def maximum(a, b):
    """Return the larger, or NaN if either is none."""
    return a if a > b else (b if b >= a else math.nan)


@_compiled
def minimum(a, b):
    """Return the smaller, or NaN if either is none."""
    return a if a < b else (b if b <= a else math.nan)


@_compiled
def sign(a):
    """Return -1, 0 or 1."""
    return 1.0 if a > 0 else (-1.0 if a < 0 else a)


@_compiled
def softplus(a):
    """Return log(1 + exp(a)), in the branches of Maechler (2012)."""
    if a < -37.0:
        return math.exp(a)
    if a < 18.0:
        return math.log1p(math.exp(a))
    return a + math.exp(-a) if a < 33.3 else a


@_compiled
def sigmoid(a):
    """Return 1 / (1 + exp(-a))."""
    return 1.0 / (1.0 + math.exp(-a))


@_compiled
def psi(x):
    """Return the derivative of log gamma: the recurrence up to 10, then its asymptotic series."""
    if x <= 0.0:
        if x == math.floor(x):
            return math.nan
        return psi_positive(1.0 - x) - math.pi / math.tan(math.pi * x)
    return psi_positive(x)


@_compiled
def psi_positive(x):
    """Return `psi` of a positive number."""
    shifted = 0.0
    while x < 10.0:
        shifted -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    # Bernoulli numbers over 2 n.
    series = y * (
        1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * (691 / 32760 - y / 12)))))
    )
    return shifted + math.log(x) - 0.5 / x - series


@_compiled
def trigamma(x):
    """Return the second derivative of log gamma of a positive number."""
    shifted = 0.0
    while x < 10.0:
        shifted += 1.0 / (x * x)
        x += 1.0
    y = 1.0 / (x * x)
    series = 1 / 6 - y * (1 / 30 - y * (1 / 42 - y * (1 / 30 - y * (5 / 66 - y * (691 / 2730 - y * 7 / 6)))))
    return shifted + (1.0 + 0.5 / x + y * series) / x
