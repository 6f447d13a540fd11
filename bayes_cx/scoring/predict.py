"""Posterior predictive purchases: what the customers may do next, and what they might have done."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data.units import horizon
from bayes_cx.inference.posterior import Posterior
from bayes_cx.model import Purchases, arguments
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.scoring.score import Scorer, in_unit, scorer

__all__ = ["predict_events", "predict_purchases", "predict_value", "replicate"]


def predict_events(
    posterior: Posterior, stats: xr.Dataset, t: Any, *, draws: int = 500, seed: int = 0
) -> Iterator[Purchases]:
    """Yield, draw by draw, the purchases of every customer in the span `t` after the observation.

    Each draw takes one set of parameters and, given each customer's history, simulates the model's story.

    Parameters
    ----------
    posterior : Posterior
        Of a model of purchases.
    stats : xarray.Dataset
        Statistics by customer.
    t : str, number or time difference
        Horizon, such as ``"39 weeks"``.
    draws : int
        Number of futures.
    seed : int
    """
    unit = posterior.provenance["unit"]
    known = _columns(posterior, stats)
    known["t"] = np.asarray(horizon(t, unit))
    simulate = posterior.model.simulate_future
    needed = arguments(simulate)[1:]
    # The chance of being active comes from the compiled formula, so that it is written once.
    ready = scorer(posterior, stats, "p_alive", thin_to=draws) if "p_alive" in needed else None
    parameters = posterior.parameters(draws)
    rng = np.random.default_rng(seed)
    for i in range(next(iter(parameters.values())).size):
        one = {name: value[i] for name, value in parameters.items()}
        if ready is not None:
            known["p_alive"] = _one_draw(ready, i)
        values = {**known, **one}
        yield simulate(rng, **{name: values[name] for name in needed})


def predict_purchases(
    posterior: Posterior, stats: xr.Dataset, t: Any, *, draws: int = 500, seed: int = 0
) -> xr.DataArray:
    """Return the number of purchases of every customer in the span `t` after the observation.

    Parameters
    ----------
    posterior, stats, t, draws, seed
        As in `predict_events`.

    Returns
    -------
    xarray.DataArray of int
        Dimensions (sample, customer): the posterior predictive distribution, with the uncertainty of the
        parameters and the randomness of individual purchases.
    """
    customers = stats["customer"].to_numpy()
    events = predict_events(posterior, stats, t, draws=draws, seed=seed)
    counts = np.array([purchases.counts(customers.size).astype(np.int32) for purchases in events])
    return xr.DataArray(counts, dims=("sample", "customer"), coords={"customer": customers}, name="purchases")


def replicate(
    posterior: Posterior, stats: xr.Dataset, *, draws: int = 500, seed: int = 0
) -> Iterator[Purchases]:
    """Yield, draw by draw, the repeat purchases of new customers observed for the same spans T."""
    known = _columns(posterior, stats)
    simulate = posterior.model.simulate
    needed = arguments(simulate)[1:]
    parameters = posterior.parameters(draws)
    rng = np.random.default_rng(seed)
    for i in range(next(iter(parameters.values())).size):
        values = {**known, **{name: value[i] for name, value in parameters.items()}}
        yield simulate(rng, **{name: values[name] for name in needed})


def _columns(posterior: Posterior, stats: xr.Dataset) -> dict[str, np.ndarray]:
    same = in_unit(stats, posterior.provenance["unit"])
    return {name: same[name].to_numpy().astype(float) for name in posterior.model.statistics}


def _one_draw(ready: Scorer, i: int) -> np.ndarray:
    one = {name: value if np.ndim(value) == 0 else value[i : i + 1] for name, value in ready.samples.items()}
    return evaluate(ready.quantity.formula, ready.rows, one)[0][ready.inverse]


def predict_value(
    purchases: Posterior,
    spend: Posterior | float,
    stats: xr.Dataset,
    t: Any,
    *,
    discount: float = 0.0,
    draws: int = 500,
    seed: int = 0,
) -> xr.DataArray:
    """Return the spend of every customer in the span `t` after the observation, discounted to now.

    Parameters
    ----------
    purchases : Posterior
        Of a model of purchases.
    spend : Posterior or float
        Of a model of spend, or the worth of every purchase.
    stats, t, draws, seed
        As in `predict_events`.
    discount : float
        Force of discount per unit of time of the fit.

    Returns
    -------
    xarray.DataArray
        Dimensions (sample, customer): the posterior predictive distribution.
    """
    customers = stats["customer"].to_numpy()
    totals = np.empty((draws, customers.size), dtype=np.float32)
    rng = np.random.default_rng([seed, 1])
    made = 0
    for i, (events, pay) in enumerate(
        zip(
            predict_events(purchases, stats, t, draws=draws, seed=seed),
            _payments(spend, stats, draws, rng),
            strict=False,
        )
    ):
        n = events.counts(customers.size)
        # Purchases of a customer are exchangeable, so each carries an equal share of the customer's spend.
        present = np.bincount(events.customer, np.exp(-discount * events.time), minlength=customers.size)
        totals[i] = pay(n) * present / np.maximum(n, 1)
        made = i + 1
    return xr.DataArray(
        totals[:made], dims=("sample", "customer"), coords={"customer": customers}, name="value"
    )


def _payments(
    spend: Posterior | float, stats: xr.Dataset, draws: int, rng: np.random.Generator
) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Yield, draw by draw, a function from numbers of purchases to total spend."""
    if not isinstance(spend, Posterior):
        while True:
            yield lambda n: n * float(spend)
    known = {name: stats[name].to_numpy().astype(float) for name in spend.model.statistics}
    parameters = spend.parameters(draws)
    size = next(iter(parameters.values())).size
    for i in range(draws):
        one = {name: value[i % size] for name, value in parameters.items()}
        yield lambda n, one=one: spend.model.simulate_future(rng, n, **known, **one)
