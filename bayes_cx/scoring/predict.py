"""Posterior predictive simulation: future purchases of the customers, and replications of the data."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior
from bayes_cx.model import arguments
from bayes_cx.scoring.operational import CalendarClock, calendar_clock
from bayes_cx.scoring.options import horizon_in_fit
from bayes_cx.scoring.own_time import with_paths
from bayes_cx.scoring.scorer import in_unit, scorer
from bayes_cx.simulated import Purchases
from bayes_cx.spans import DiscountRate

__all__ = [
    "columns_of_kind",
    "letters_by_draw",
    "payments",
    "predict_counts_and_spend",
    "predict_events",
    "predict_purchases",
    "predict_spend",
    "predict_value",
    "replicate",
    "replicate_statistics",
]

# Draws x customers whose times are held at once: 16 MB each.
_CELLS = 2_000_000


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
    t : str, Span, number or time difference
        Horizon, such as ``"39 weeks"``.
    draws : int
        Number of futures. They use the draws of the posterior evenly, and repeatedly where it has fewer.
    seed : int

    Raises
    ------
    InputError
        If the horizon cannot be read or there is no draw to make.
    """
    known = _columns(posterior, stats)
    known["t"] = np.asarray(horizon_in_fit(t, stats, posterior).number)
    model, clock = posterior.model, calendar_clock(posterior, stats, float(known["t"]))
    pieces = None if clock is None else model.in_pieces
    simulate = model.simulate_future if pieces is None else pieces.simulate_future
    needed = arguments(simulate)[1:]
    size = stats.sizes["customer"]
    # The chance to be active comes from the formula of the model, so that it is written once.
    alive = scorer(posterior, stats, "p_alive") if "p_alive" in needed else None
    path = _path(posterior, stats)
    positions = _evenly(posterior, draws)
    active = None if alive is None else alive.each(positions)
    rng = np.random.default_rng(seed)

    def times(some: CalendarClock) -> dict[str, np.ndarray]:
        return {**some.history(known.get("t_x"), known["T"], path), "t": some.ahead(known["t"], path)}

    clocks = None if clock is None else _clocks(clock, positions, size, times)
    for one in letters_by_draw(posterior, stats, draws):
        if active is not None:
            known["p_alive"] = next(active)
        values = {**known, **one}
        if clocks is None:
            yield simulate(rng, **{name: values[name] for name in needed})
            continue
        own, history = next(clocks)
        if pieces is None:
            values |= history
        else:
            now = np.full(size, own.until)
            values |= {"tau": history["T"], "passed": partial(own.passed, since=now)}
        made = simulate(rng, **{name: values[name] for name in needed})
        yield _on_calendar(made, own, np.full(size, own.until), np.full(size, known["t"]), path)


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


def predict_spend(
    purchases: Posterior,
    spend: Posterior | float | np.ndarray,
    stats: xr.Dataset,
    t: Any,
    *,
    discount_rate: DiscountRate | float | str = 0.0,
    draws: int = 500,
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """Yield, draw by draw, the spend of every customer in the span `t` after the observation.

    Parameters
    ----------
    purchases : Posterior
        Of a model of purchases.
    spend : Posterior, float or numpy.ndarray of shape (customer,)
        Of a model of spend, or the worth of every purchase, one for all or one a customer.
    stats, t, draws, seed
        As in `predict_events`.
    discount_rate : DiscountRate, float or str
        Per year, such as 0.1 or ``"10 %"``.

    Yields
    ------
    numpy.ndarray, shape (customer,)
        Discounted to now.
    """
    for _, paid in predict_counts_and_spend(
        purchases, spend, stats, t, discount_rate=discount_rate, draws=draws, seed=seed
    ):
        yield paid


def predict_counts_and_spend(
    purchases: Posterior,
    spend: Posterior | float | np.ndarray,
    stats: xr.Dataset,
    t: Any,
    *,
    discount_rate: DiscountRate | float | str = 0.0,
    draws: int = 500,
    seed: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, draw by draw, purchases and spend of every customer, both of shape (customer,).

    Parameters
    ----------
    purchases, spend, stats, t, discount_rate, draws, seed
        As in `predict_spend`.
    """
    size = stats.sizes["customer"]
    delta = DiscountRate.of(discount_rate).force(purchases.provenance.data.unit)
    futures = predict_events(purchases, stats, t, draws=draws, seed=seed)
    pays = payments(spend, stats, draws, np.random.default_rng([seed, 1]))
    for events, pay in zip(futures, pays, strict=True):
        yield counted_and_paid(events, pay, size, delta)


def counted_and_paid(
    events: Purchases, pay: Callable[[np.ndarray], np.ndarray], size: int, delta: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many purchases each of `size` customers makes, and their discounted spend.

    Every purchase is counted as an equal share of what the customer's purchases cost together, which `pay`
    says of numbers of purchases; `delta` is the force of interest.
    """
    n = events.counts(size)
    present = np.bincount(events.customer, np.exp(-delta * events.time), minlength=size)
    return n, pay(n) * present / np.maximum(n, 1)


def predict_value(
    purchases: Posterior,
    spend: Posterior | float | np.ndarray,
    stats: xr.Dataset,
    t: Any,
    *,
    discount_rate: DiscountRate | float | str = 0.0,
    draws: int = 500,
    seed: int = 0,
) -> xr.DataArray:
    """Return the spend of every customer in the span `t` after the observation, discounted to now.

    Parameters
    ----------
    purchases, spend, stats, t, discount_rate, draws, seed
        As in `predict_spend`.

    Returns
    -------
    xarray.DataArray
        Dimensions (sample, customer): the posterior predictive distribution, in single precision.
    """
    customers = stats["customer"].to_numpy()
    futures = predict_spend(purchases, spend, stats, t, discount_rate=discount_rate, draws=draws, seed=seed)
    values = np.array([each.astype(np.float32) for each in futures])
    return xr.DataArray(values, dims=("sample", "customer"), coords={"customer": customers}, name="value")


def replicate(posterior: Posterior, stats: xr.Dataset, *, draws: int = 500, seed: int = 0) -> Iterator[Any]:
    """Yield, draw by draw, the data of as many new customers observed for the same spans.

    Parameters
    ----------
    posterior, stats, draws, seed
        As in `predict_events`; a model of spend may be given too.

    Yields
    ------
    Purchases, Lifetimes or numpy.ndarray
        What the model's story makes: repeat purchases, contracts, or the mean spend of each customer.
    """
    known = _observed_for(posterior, stats)
    clock = calendar_clock(posterior, stats)
    path = _path(posterior, stats)
    pieces = None if clock is None else posterior.model.in_pieces
    simulate = posterior.model.simulate if pieces is None else pieces.simulate
    needed = arguments(simulate)[1:]
    rng = np.random.default_rng(seed)

    def times(some: CalendarClock) -> dict[str, np.ndarray]:
        return some.history(None, known["T"], path)

    positions, size = _evenly(posterior, draws), stats.sizes["customer"]
    clocks = None if clock is None else _clocks(clock, positions, size, times)
    for one in letters_by_draw(posterior, stats, draws):
        values: dict[str, Any] = {**known, **one}
        if clocks is None:
            yield simulate(rng, **{name: values[name] for name in needed})
            continue
        own, history = next(clocks)
        begin = own.until - known["T"] * own.days
        if pieces is None:
            values |= history
        else:
            values["passed"] = partial(own.passed, since=begin)
        made = simulate(rng, **{name: values[name] for name in needed})
        yield _on_calendar(made, own, begin, known["T"], path)


def _clocks(
    clock: CalendarClock,
    positions: list[int],
    size: int,
    times: Callable[[CalendarClock], dict[str, np.ndarray]],
) -> Iterator[tuple[CalendarClock, dict[str, np.ndarray]]]:
    """Yield the clock of each draw, and what `times` finds for it; it is asked for many draws at once."""
    together = max(1, _CELLS // max(size, 1))
    for start in range(0, len(positions), together):
        block = positions[start : start + together]
        found = times(clock.draws(block))
        for i, position in enumerate(block):
            yield clock.draws([position]), {name: each[i] for name, each in found.items()}


def _path(posterior: Posterior, stats: xr.Dataset) -> np.ndarray | None:
    """Return the number of each customer's path of contacts, None without contacts."""
    table, named = with_paths(posterior.layout, stats)
    return table["path"].to_numpy() if named else None


def _on_calendar(
    made: Purchases, clock: CalendarClock, since: np.ndarray, most: np.ndarray, path: np.ndarray | None
) -> Purchases:
    """Return purchases in operational time, since a point in time of each customer, in calendar time."""
    own = None if path is None else path[made.customer]
    time = clock.calendar(made.time, since[made.customer], own)
    return Purchases(made.customer, np.minimum(time, most[made.customer]))


def replicate_statistics(
    posterior: Posterior, stats: xr.Dataset, *, draws: int = 500, seed: int = 0
) -> Iterator[dict[str, np.ndarray]]:
    """Yield, draw by draw, the statistics of the data that `replicate` makes, each of shape (customer,)."""
    known, observe = _observed_for(posterior, stats), posterior.model.observe
    given = {name: known[name] for name in arguments(observe)[1:]}
    for made in replicate(posterior, stats, draws=draws, seed=seed):
        yield observe(made, **given)


def _evenly(posterior: Posterior, draws: int) -> list[int]:
    """Return positions of so many draws, evenly through the posterior.

    Raises
    ------
    InputError
        If there is no draw to make.
    """
    if draws < 1:
        raise InputError(f"{draws} draws", "one draw or more", "ask for a positive number of draws")
    return [i * posterior.n_draws // draws for i in range(draws)]


def letters_by_draw(posterior: Posterior, stats: xr.Dataset, draws: int) -> Iterator[dict[str, np.ndarray]]:
    """Yield draws of the parameters, evenly through the posterior.

    Every parameter has shape (customer,), or () where it is the same for all.
    """
    positions = _evenly(posterior, draws)
    parameters, pattern = posterior.parameters_of(stats)
    own = np.s_[0] if posterior.layout.design.is_constant else pattern
    for at in positions:
        yield {name: value[at, own] for name, value in parameters.items()}


def _columns(posterior: Posterior, stats: xr.Dataset) -> dict[str, np.ndarray]:
    same = in_unit(stats, posterior, posterior.model.statistics)
    return {name: same[name].to_numpy().astype(float) for name in posterior.model.statistics}


def columns_of_kind(posterior: Posterior, stats: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the numbers of the statistics that the kind of the model knows, in the unit of the fit."""
    numbers = posterior.model.kind.numbers(in_unit(stats, posterior))
    return {name: values.astype(float) for name, values in numbers.items()}


def _observed_for(posterior: Posterior, stats: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the statistics with the spans that customers were observed for, whatever they did."""
    return dict(posterior.model.kind.observed(columns_of_kind(posterior, stats)))


def payments(
    spend: Posterior | float | np.ndarray, stats: xr.Dataset, draws: int, rng: np.random.Generator
) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Yield, draw by draw, a function from numbers of purchases to total spend, both of shape (customer,).

    Parameters
    ----------
    spend : Posterior, float or numpy.ndarray of shape (customer,)
        Of a model of spend, or the worth of every purchase, one for all or one a customer.
    stats : xarray.Dataset
        Statistics by customer.
    draws : int
    rng : numpy.random.Generator
    """
    if not isinstance(spend, Posterior):
        for _ in range(draws):
            yield lambda n: n * np.asarray(spend, float)
        return
    known = {name: stats[name].to_numpy().astype(float) for name in spend.model.statistics}
    for one in letters_by_draw(spend, stats, draws):
        yield lambda n, one=one: spend.model.simulate_future(rng, n, **known, **one)
