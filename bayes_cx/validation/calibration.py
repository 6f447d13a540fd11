"""Calibration of probabilities: whether what is forecast with 60% happens six times in ten."""

import numpy as np
import xarray as xr
from scipy.optimize import isotonic_regression

__all__ = ["FALSE_ALARMS", "calibration"]

# The chance that forecasts that are right are called wrong.
FALSE_ALARMS = 0.01


def calibration(
    predicted: np.ndarray, happened: np.ndarray, *, resamples: int = 1000, bins: int = 20, seed: int = 0
) -> xr.Dataset:
    """Compare forecast probabilities with how often the event happened (``dimitriadis2021stable``).

    The share is estimated by isotonic regression: the best fit that never falls as the forecast rises. The
    bands hold the curve 50 and 95% of the time, point by point, if every forecast is right: outcomes are
    drawn from the forecasts and the curve is fitted again.

    Parameters
    ----------
    predicted : numpy.ndarray, shape (customer,)
        Forecast probabilities.
    happened : numpy.ndarray of bool, shape (customer,)
    resamples : int
        Number of redrawn outcomes behind the bands.
    bins : int
        Number of bins of the histogram of forecasts.
    seed : int

    Returns
    -------
    xarray.Dataset
        Over ``point`` (customers, sorted by forecast): ``predicted``, ``observed`` (0 or 1), ``isotonic``,
        ``low50``, ``high50``, ``low95``, ``high95``; over ``edge`` and ``bin`` the histogram ``bin_edges``,
        ``bin_count``. Attributes ``inside``: the share of customers at whom the curve lies inside the 95%
        band; ``least_inside``: the share that all but 1 in 100 of the redrawn curves reach.

    Examples
    --------
    >>> found = calibration(np.array([0.2, 0.4, 0.9]), np.array([True, False, True]))
    >>> found.isotonic.values
    array([0.5, 0.5, 1. ])
    """
    order = np.argsort(predicted, kind="stable")
    # Equal forecasts are one step of the curve, whatever the order of their customers.
    p, step, size = np.unique(np.clip(predicted[order], 0, 1), return_inverse=True, return_counts=True)
    share = np.bincount(step, weights=happened[order]) / size
    curve = _isotonic(share, size)
    rng = np.random.default_rng(seed)
    redrawn = np.array([_isotonic(rng.binomial(size, p) / size, size) for _ in range(resamples)])
    low95, low50, high50, high95 = np.quantile(redrawn, [0.025, 0.25, 0.75, 0.975], axis=0)

    def inside(curves: np.ndarray) -> np.ndarray:
        # Neighbouring points leave a pointwise band together, so its level is not that of the share of
        # customers.
        return ((curves >= low95 - 1e-9) & (curves <= high95 + 1e-9)) @ (size / size.sum())

    count, edges = np.histogram(p[step], bins=bins, range=(0, 1))
    steps = {
        "predicted": p, "isotonic": curve, "low50": low50, "high50": high50, "low95": low95, "high95": high95,
    }  # fmt: skip
    return xr.Dataset(
        {name: ("point", values[step]) for name, values in steps.items()}
        | {
            "observed": ("point", happened[order].astype(np.int64)),
            "bin_edges": ("edge", edges),
            "bin_count": ("bin", count),
        },
        attrs={
            "inside": float(inside(curve)),
            "least_inside": float(np.quantile(inside(redrawn), FALSE_ALARMS, method="lower")),
            "resamples": resamples,
        },
    )


def _isotonic(share: np.ndarray, size: np.ndarray) -> np.ndarray:
    return isotonic_regression(share, weights=size).x
