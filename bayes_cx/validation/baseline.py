"""The baseline to compare with: the maximum-likelihood point estimate of the lifetimes package.

This is the one place that imports lifetimes.
"""

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import compress
from bayes_cx.errors import FitError

__all__ = ["PointEstimate", "point_estimate"]


@dataclass(frozen=True)
class PointEstimate:
    """Maximum-likelihood parameters by letter, and their forecasts for each customer.

    Attributes
    ----------
    purchases, spend : dict of str to float
        Parameters of BG/NBD (r, alpha, a, b) and Gamma-Gamma (p, q, v).
    expected_purchases, expected_spend : numpy.ndarray, shape (customer,)
    """

    purchases: dict[str, float]
    spend: dict[str, float]
    expected_purchases: np.ndarray
    expected_spend: np.ndarray


def point_estimate(stats: xr.Dataset, t: float) -> PointEstimate:
    """Fit BG/NBD and Gamma-Gamma with lifetimes and forecast the next `t`.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics by customer, with amounts.
    t : float
        Horizon in the unit of the statistics.

    Raises
    ------
    FitError
        If lifetimes finds no maximum.
    """
    table = compress(stats, ("x", "t_x", "T"))
    x, t_x, T, spend = (stats[name].to_numpy() for name in ("x", "t_x", "T", "spend"))
    paid = (x > 0) & (spend > 0)
    # lifetimes sets an option that pandas deprecates, changes warning filters globally, and prints on
    # failure.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter, GammaGammaFitter
        from lifetimes.utils import ConvergenceError

        try:
            buying = BetaGeoFitter().fit(
                table["x"].to_numpy(),
                table["t_x"].to_numpy(),
                table["T"].to_numpy(),
                table["weight"].to_numpy(),
            )
            paying = GammaGammaFitter().fit(x[paid], spend[paid])
            purchases = buying.conditional_expected_number_of_purchases_up_to_time(t, x, t_x, T)
            each = paying.conditional_expected_average_profit(x, np.where(x > 0, spend, 0.0))
        except (ConvergenceError, ValueError, np.linalg.LinAlgError) as error:
            raise FitError(
                f"lifetimes found no maximum ({str(error).strip().splitlines()[0]})",
                "data that its maximum likelihood can fit",
                "compare without it",
            ) from error
    return PointEstimate(_letters(buying), _letters(paying), np.asarray(purchases), np.asarray(each))


def _letters(fit: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in fit.params_.items()}
