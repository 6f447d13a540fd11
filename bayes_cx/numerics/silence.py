"""When a customer is more likely gone than not, for models without a formula for it."""

from collections.abc import Callable

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt

from bayes_cx.numerics.loops import Tensor, elementwise, repeat

__all__ = ["silence", "silence_of_opportunities"]

# The search covers these logarithms of time over scale; this many halvings give it to 1e-13.
_LOW, _HIGH, _STEPS = -40.0, 100.0, 50
# A customer who is not more likely gone than not after this many opportunities counts as never gone.
_LONG = 10_000


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


@elementwise
def silence_of_opportunities(x, t_x, alpha, beta, gamma, delta):
    """Return after how many opportunities since the last purchase a customer is more likely gone than not.

    The customer took x of the first t_x opportunities. The odds grow with every opportunity that passes
    without purchase, from o to (o + chance to leave) / (chance to stay and not to buy). The limit is infinite
    where it is not reached at 10,000 opportunities.

    Parameters
    ----------
    x, t_x, alpha, beta, gamma, delta : tensor
        They broadcast; chances to buy are Beta(alpha, beta), chances to leave Beta(gamma, delta).
    """

    def next_silence(n, odds, x, alpha, beta, gamma, delta):
        grown = (odds * (gamma + delta + n) + gamma) / (delta + n) * (alpha + beta + n) / (beta + n - x)
        return n + 1.0, grown, ps.gt(grown, 1.0)

    given = {"x": x, "alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
    n, _, reached = repeat(_LONG, {"n": t_x, "odds": 0.0}, given, next_silence, settles=True)
    return ps.switch(reached, n - t_x, np.inf)
