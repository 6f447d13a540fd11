"""A quantity added up over customers, draw by draw."""

from collections.abc import Callable

import numpy as np
import xarray as xr

from bayes_cx.scoring.scorer import Scorer

__all__ = ["total", "weights_of"]


def total(
    ready: Scorer, weight: np.ndarray | None = None, of: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Return the sum over customers of a quantity, or of a function of it.

    Parameters
    ----------
    ready : Scorer
    weight : numpy.ndarray, shape (customer,), optional
        How many customers each row of the statistics stands for; one if left out.
    of : callable, optional
        What is added up, from an array of values to an array of the same shape.

    Returns
    -------
    numpy.ndarray, shape (sample,)

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> from bayes_cx.scoring.scorer import scorer
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> fit = bcx.fit(bcx.models.BG_NBD, stats, seed=1, progress=False)
    >>> active = total(scorer(fit, stats, "p_alive"))
    >>> active.shape, bool(1400 < active.mean() < stats.sizes["customer"])
    ((4000,), True)
    """
    customers = np.bincount(ready.inverse, weight)
    found = np.zeros(ready.n_samples)
    for some, values in ready.chunks():
        found += (values if of is None else of(values)) @ customers[some]
    return found


def weights_of(stats: xr.Dataset) -> np.ndarray | None:
    """Return how many customers each row of statistics stands for; None where each is one."""
    return stats["weight"].to_numpy() if "weight" in stats else None
