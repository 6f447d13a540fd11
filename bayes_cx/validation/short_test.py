"""Two numbers of a hold-out, that decide between models which predict single customers about as well."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayes_cx.data import Split
from bayes_cx.inference import Posterior
from bayes_cx.scoring.scorer import scorer
from bayes_cx.scoring.totals import total
from bayes_cx.validation.judged import Judged, judged
from bayes_cx.validation.tracking import events_after

__all__ = ["Forecasted", "ShortTest", "short_test"]

# Draws of what is expected, and simulated futures, which only say how much is luck.
_DRAWS, _FUTURES = 400, 50
_ENDS = (0.025, 0.975)


@dataclass(frozen=True)
class Forecasted:
    """A number of the hold-out, beside its forecast.

    Attributes
    ----------
    observed, mean : float
    low, high : float
        The 95% interval of the forecast.
    """

    observed: float
    mean: float
    low: float
    high: float

    @property
    def held(self) -> bool:
        """Whether the interval holds what happened."""
        return self.low <= self.observed <= self.high


@dataclass(frozen=True)
class ShortTest:
    """How a fit to the calibration period forecast the hold-out, in two numbers.

    Attributes
    ----------
    fit : Posterior
        The fit to the calibration period.
    total : Forecasted
        The events of all customers.
    once : Forecasted or None
        Of the customers who had bought only once, those who bought again; None where there are none, or where
        it is observed who leaves.
    """

    fit: Posterior
    total: Forecasted
    once: Forecasted | None

    def __repr__(self) -> str:
        held = "held" if self.total.held else "missed"
        return f"<ShortTest of {self.fit.model.name}: the total {held}>"


def short_test(fit: Posterior, split: Split, *, seed: int = 0) -> ShortTest:
    """Return the forecast of two numbers of a hold-out, beside what happened.

    The expected numbers come from the formulas of the model. The luck of each customer is added to them: of
    who comes at all it is binomial, and of the total its variance is that of a few simulated futures around
    what was expected.

    Parameters
    ----------
    fit : Posterior
        Fitted to ``split.calibration``.
    split : Split
    seed : int
        The same seed gives the same result.

    Raises
    ------
    InputError
        If the fit is of another kind than the split.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> parts = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30")
    >>> fit = bcx.fit(bcx.models.MBG_NBD, parts.calibration, seed=1, progress=False)
    >>> short_test(fit, parts)
    <ShortTest of MBG/NBD: the total missed>
    """
    later = judged(fit, split)
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    forecast, kind = later.forecast, later.kind
    expected = _expected(fit, later, forecast.expected, _DRAWS)
    paired = _expected(fit, later, forecast.expected, _FUTURES)
    size = later.span.size
    futures = events_after(fit, later, draws=paired.size, seed=seed)
    made = np.array([events.counts(size).sum() for events in futures], float)
    luck = np.sqrt(np.mean((made - paired) ** 2))
    found = _number(float(later.observed.sum()), expected, luck, rng)
    only = forecast.before(kind.numbers(split.calibration))[later.who] == 0
    if kind.leaving != "latent" or not only.any():
        return ShortTest(fit, found, None)
    once = later.of(only)
    back = float(forecast.happened(once.observed, once.span).sum())
    chance = _expected(fit, once, forecast.chance, _DRAWS)
    spread = np.sqrt(np.maximum(chance - _expected(fit, once, forecast.chance, _DRAWS, power=2), 0.0))
    return ShortTest(fit, found, _number(back, chance, spread, rng))


def _expected(fit: Posterior, later: Judged, quantity: str, draws: int, power: int = 1) -> np.ndarray:
    """Return the sum over customers of a quantity over the span of each, or of its power, draw by draw."""
    found: np.ndarray | float = 0.0
    for span in np.unique(later.span):
        some: xr.Dataset = later.stats.isel(customer=np.flatnonzero(later.span == span))
        ready = scorer(fit, some, quantity, t=later.ahead(span), thin_to=draws)
        found = found + total(ready, of=(lambda values: values**power) if power != 1 else None)
    return np.asarray(found)


def _number(
    observed: float, expected: np.ndarray, luck: np.ndarray | float, rng: np.random.Generator
) -> Forecasted:
    """Return the forecast of a number that is expected as given and has this standard deviation by luck."""
    # Many futures of each draw, so that the ends do not depend on the luck of a few.
    drawn = expected + luck * rng.standard_normal((25, expected.size))
    low, high = np.quantile(drawn, _ENDS)
    return Forecasted(observed, float(expected.mean()), float(low), float(high))
