"""When a customer is more likely gone than not, where no formula says it."""

from collections.abc import Callable

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_cx.mixtures.loops import Tensor

__all__ = ["silence"]

# Between these logarithms of its share of the scale the answer is sought, in so many halvings, to 1e-13.
_LOW, _HIGH, _STEPS = -40.0, 100.0, 50


def silence(log_odds_gone: Callable[[Tensor], Tensor], scale: Tensor) -> Tensor:
    """Return the time of silence at which the odds of having left are even.

    Parameters
    ----------
    log_odds_gone : callable
        Of the time of silence; they grow with it.
    scale : tensor
        A time of about the size of the answer.

    Returns
    -------
    tensor
        Zero where the customer is more likely gone from the start, infinity where that is not so even at 1e43
        times the scale.
    """

    def halve(low, high):
        middle = (low + high) / 2.0
        gone = log_odds_gone(scale * pt.exp(middle)) > 0
        return pt.switch(gone, low, middle), pt.switch(gone, middle, high)

    start = pt.zeros_like(log_odds_gone(scale) + scale)
    low, high = pytensor.scan(
        halve, outputs_info=[start + _LOW, start + _HIGH], n_steps=_STEPS, return_updates=False
    )
    time = scale * pt.exp((low[-1] + high[-1]) / 2.0)
    gone_at_once = log_odds_gone(scale * np.exp(_LOW)) > 0
    never = log_odds_gone(scale * np.exp(_HIGH)) < 0
    return pt.switch(gone_at_once, 0.0, pt.switch(never, np.inf, time))
