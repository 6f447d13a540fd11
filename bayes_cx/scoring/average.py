"""Mixtures of models: each model gives draws in proportion to its weight."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.posterior import Posterior
from bayes_cx.scoring.predict import predict_purchases
from bayes_cx.scoring.scorer import scorer

__all__ = ["average", "average_purchases"]


def average(
    posteriors: Mapping[str, Posterior],
    weights: Mapping[str, float],
    stats: xr.Dataset,
    quantity: str,
    *,
    draws: int = 4000,
    seed: int = 0,
    **options: Any,
) -> xr.DataArray:
    """Return draws of a quantity from a mixture of models, such as by `Comparison.weights`.

    Means, standard deviations and quantiles over ``sample`` are those of the mixture: they include the
    uncertainty about the model and about its parameters [yao2018stacking]_.

    Parameters
    ----------
    posteriors : mapping of str to Posterior
    weights : mapping of str to float
        Weights for the same names, with sum one.
    stats : xarray.Dataset
        Statistics by customer, with the columns of all models that have a weight.
    quantity : str
        A quantity that all models have.
    draws : int
        Number of draws in total; a posterior with fewer draws is used repeatedly.
    seed : int
    **options
        What the quantity needs, such as a horizon ``t="52 weeks"``; see `score`.

    Returns
    -------
    xarray.DataArray
        Dimensions (sample, customer), the models in random order; the coordinate ``model`` over ``sample``
        names the model that the draw is from.

    Raises
    ------
    InputError
        If the weights are not weights of these models, or as `score` does.
    """
    customers = stats.sizes["customer"]

    def evaluate(posterior: Posterior, n: int, _: int) -> np.ndarray:
        values = scorer(posterior, stats, quantity, thin_to=n, **options).customers()
        values = np.broadcast_to(values, (values.shape[0], customers))
        return values[np.arange(n) * values.shape[0] // n]

    return _mixed(posteriors, weights, stats, draws, seed, evaluate).rename(quantity)


def average_purchases(
    posteriors: Mapping[str, Posterior],
    weights: Mapping[str, float],
    stats: xr.Dataset,
    t: Any,
    *,
    draws: int = 500,
    seed: int = 0,
) -> xr.DataArray:
    """Return the number of purchases of every customer in the span `t` from a mixture of models.

    Parameters
    ----------
    posteriors, weights, stats, seed
        As in `average`.
    t : str, number or time difference
        Horizon, such as ``"39 weeks"``.
    draws : int
        Number of futures in all.

    Returns
    -------
    xarray.DataArray of int
        As of `predict_purchases`, with the coordinate ``model`` over ``sample``.

    Raises
    ------
    InputError
        If the weights are not weights of these models, or the horizon cannot be read.
    """

    def simulate(posterior: Posterior, n: int, seed: int) -> np.ndarray:
        return predict_purchases(posterior, stats, t, draws=n, seed=seed).to_numpy()

    return _mixed(posteriors, weights, stats, draws, seed, simulate).rename("purchases")


def _mixed(
    posteriors: Mapping[str, Posterior],
    weights: Mapping[str, float],
    stats: xr.Dataset,
    draws: int,
    seed: int,
    make: Callable[[Posterior, int, int], np.ndarray],
) -> xr.DataArray:
    """Split the draws across the models by weight; collect the values of each, shape (draw, customer)."""
    share = np.array([weights.get(name, np.nan) for name in posteriors])
    if set(weights) != set(posteriors) or not np.all(share >= 0) or abs(share.sum() - 1) > 1e-6:
        raise InputError(
            f"weights {', '.join(f'{name}: {w:.3g}' for name, w in weights.items())}",
            f"weights of zero or more and of sum one for {', '.join(posteriors)}",
            "pass the weights of bcx.compare of these models",
        )
    if draws < 1:
        raise InputError(f"{draws} draws", "one draw or more", "ask for a positive number of draws")
    rng = np.random.default_rng(seed)
    # Random order, so that any part of the draws is a mixture too.
    source = rng.permutation(systematic(share, draws, rng))
    result = None
    for i, posterior in enumerate(posteriors.values()):
        if not (mine := np.flatnonzero(source == i)).size:
            continue
        made = make(posterior, mine.size, int(rng.integers(2**32)))
        result = np.empty((draws, made.shape[1]), made.dtype) if result is None else result
        result[mine] = made
    names = np.array(list(posteriors), dtype=object)
    return xr.DataArray(
        result,
        dims=("sample", "customer"),
        coords={"customer": stats["customer"].to_numpy(), "model": ("sample", names[source])},
    )
