"""Chances to stay, period by period, of customers whose chances to leave have a beta distribution."""

import numpy as np
import pytensor.scalar as ps

from bayes_cx.numerics.loops import Scalar, elementwise, repeat

__all__ = ["log_leave", "log_stay", "log_stay_on", "most_periods", "wear"]

# Stirling's series serves arguments beyond this to some 1e-13; below, the recurrence of the gamma function.
_SHIFT = 10
# The chance to stay through w units of wear (a power of time) is a power law to the last digit beyond
# e^100, and beyond e^250 after e^100 units before.
_WORN, _WORE = 100.0, 250.0
# The largest number that a double counts one by one, and how often it is halved until one is left.
_FOR_EVER, _HALVINGS = 2.0**53, 54


@elementwise
def log_stay(gamma, delta, w):
    r"""Return :math:`\log E[(1 - \theta)^w]` for :math:`\theta \sim` Beta(gamma, delta).

    It is :math:`\log B(\gamma, \delta + w) - \log B(\gamma, \delta)`, of four gamma functions that nearly
    cancel where few leave. Neither of the two parts here does: by the recurrence of the gamma function the
    value at :math:`\delta` is that at :math:`\delta + 1` and a term of the same sign, and far out Stirling's
    series is arranged in differences. The relative error is below 1e-12 for all from 1e-6 to 1e20, so that
    the chance to leave, one minus this, is as good.

    Parameters
    ----------
    gamma, delta, w : tensor or scalar
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
    v = ps.sqr(u)
    return u * v * (-1 / 360 + v * (1 / 1260 + v * (-1 / 1680 + v / 1188)))


def wear(made: Scalar, more: Scalar, c: Scalar) -> tuple[Scalar, Scalar]:
    r"""Return the wear of a customer, :math:`made^c`, and the wear that `more` periods add.

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


@elementwise
def log_stay_on(made, more, gamma, delta, c, share):
    r"""Return the log chance of `more` renewals after `made`, with ageing c.

    A customer with :math:`\theta \sim` Beta(gamma, delta), who has stayed through :math:`made^c` units of
    wear, stays through another :math:`w = (made + more)^c - made^c` with chance
    :math:`(1 - \theta)^{share \cdot w}`. Where powers leave the range of doubles the chance is a power law,
    whose logarithm is exact.

    Parameters
    ----------
    made, more : tensor or scalar
        Zero or more.
    gamma, delta, c, share : tensor or scalar
        ``share`` is the part of the cumulative hazard that remains, 1 if nothing is done.
    """
    worn, log_w = _log_wear(made, more, c)
    w = share * ps.exp(ps.minimum(log_w, _WORE))
    return log_stay(gamma, delta + worn, w) - gamma * ps.maximum(log_w - _WORE, 0.0)


@elementwise
def log_leave(made, gamma, delta, c):
    """Return the log chance to leave at the renewal after `made` ones."""
    return ps.log(-ps.expm1(log_stay_on(made, 1.0, gamma, delta, c, 1.0)))


@elementwise
def most_periods(made, gamma, delta, c):
    """Return the most renewals after `made` that a customer makes with a chance of one half or more.

    Infinite where there are more than doubles count one by one.
    """

    def halve(likely, unlikely, made, gamma, delta, c):
        middle = ps.floor((likely + unlikely) / 2.0)
        # A chance of one half that rounding has made a little less is still one half.
        stays = ps.ge(log_stay_on(made, middle, gamma, delta, c, 1.0), -np.log(2.0) - 1e-12)
        return ps.switch(stays, middle, likely), ps.switch(stays, unlikely, middle)

    given = {"made": made, "gamma": gamma, "delta": delta, "c": c}
    likely, unlikely = repeat(_HALVINGS, {"likely": 0.0, "unlikely": _FOR_EVER}, given, halve)
    return ps.switch(ps.ge(unlikely, _FOR_EVER), np.inf, likely)
