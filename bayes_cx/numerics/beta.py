"""Powers over the beta function, where the logarithms of its parts would cancel."""

import numpy as np
import pytensor.tensor as pt

__all__ = ["log_beta_power"]

# Stirling's series for log Gamma, from here on to the last digit.
_LARGE = 10.0
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def log_beta_power(m, q, s, v):
    r"""Return :math:`\log[x^m (1 - x)^q / B(m, q)]` at :math:`x = s / (s + v)`, for positive arguments.

    With Stirling's formula for the three gamma functions of B, and its remainder :math:`\delta`,

    .. math::
        \tfrac12 \log\frac{m q}{2 \pi (m + q)} + \delta(m + q) - \delta(m) - \delta(q)
        - m \log\frac{m}{(m + q) x} - q \log\frac{q}{(m + q) (1 - x)}

    in which nothing large cancels: both logarithms are of numbers near one where m and q are large and the
    value is not negligible. The idea is that of the saddle-point form of the binomial probability
    [loader2000binomial]_.
    """
    off = m * v - q * s
    level = 0.5 * (pt.log(m) - np.log(2 * np.pi) - pt.log1p(m / q))
    remainder = _remainder(m + q) - _remainder(m) - _remainder(q)
    above = m * _log_ratio(off / ((m + q) * s), pt.log1p(v / s) - pt.log1p(q / m))
    below = q * _log_ratio(-off / ((m + q) * v), pt.log1p(s / v) - pt.log1p(m / q))
    return level + remainder - above - below


def _log_ratio(change, far):
    """Return log(1 + change), from the change where it is small and from its logarithm elsewhere."""
    near = pt.lt(pt.abs(change), 0.5)
    return pt.switch(near, pt.log1p(pt.switch(near, change, 0.0)), far)


def _remainder(x):
    """Return what log Gamma(x) is above (x - 1/2) log x - x + log(2 pi) / 2."""
    large = pt.maximum(x, _LARGE)
    series = sum(c * large ** -(2 * i + 1) for i, c in enumerate(_SERIES))
    small = pt.minimum(x, _LARGE)
    direct = pt.gammaln(small) - (small - 0.5) * pt.log(small) + small - 0.5 * np.log(2 * np.pi)
    return pt.switch(pt.gt(x, _LARGE), series, direct)
