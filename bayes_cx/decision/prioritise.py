"""The plan from value, offers, budget and capacity."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import xarray as xr

from bayes_cx.data import provenance_of
from bayes_cx.decision.allocate import Allocation, allocate
from bayes_cx.decision.effects import Change, Effect, added, effect
from bayes_cx.decision.offers import Offer
from bayes_cx.decision.plan import Plan
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior, thinned
from bayes_cx.scoring import predict_spend

__all__ = ["prioritise"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STRENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0)
_AS_DRAWN = STRENGTHS.index(1.0)
# From this chance of a gain on, a customer who is not contacted is worth watching.
WATCH = 0.2
# From this chance of being active on, a customer counts as active.
ACTIVE = 0.5
# Draws x customers kept to compare customers with each other, in single precision: 800 MB at most.
_RANK_CELLS = 200_000_000
_CURVE_POINTS = 200
_FUTURES = 300


def prioritise(
    value: LifetimeValue,
    offers: Sequence[Offer],
    *,
    budget: float | None = None,
    capacity: int | None = None,
    seed: int = 0,
) -> Plan:
    """Return a plan: customers in the order of the expected net gain of contacting them, and whom to contact.

    For each draw and customer, with V the discounted residual value given alive and p the chance to be alive,

    - winning back: (1 - p) times the chance to win back times the value of a customer brought back,
    - keeping: p times the rise of V when the chance to leave falls by the share kept,
    - net gain: both together less the cost.

    The effects of an offer are draws too, the same for all customers. Gains are expectations over a
    customer's own luck; their spread is the uncertainty about customers and offers.

    Parameters
    ----------
    value : LifetimeValue
    offers : sequence of Offer
        They compete for each customer.
    budget : float, optional
        Most that may be spent.
    capacity : int, optional
        Most customers that can be contacted.
    seed : int
        Seed of the draws of the offers' effects and of the simulated futures.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there is no offer, two have the same name, or a limit is negative.
    """
    _check(offers, budget, capacity)
    rng = np.random.default_rng(seed)
    effects = [effect(offer, value, rng) for offer in offers]
    gain, cost = _expected(value, effects)
    capacity = None if capacity is None else int(capacity)
    allocation = allocate(gain[_AS_DRAWN], cost[_AS_DRAWN], budget, capacity)
    order = np.lexsort([-allocation.priority, ~allocation.contact])
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    data, totals = _describe(value, effects, allocation, rank, seed)
    data = data.assign(cost=("customer", cost[_AS_DRAWN, np.arange(order.size), allocation.offer]))
    data = data.assign(label=("customer", _labels(data)))
    data["total_value_predictive"] = ("future", _futures(value, seed))
    data = data.isel(customer=order).assign_attrs(_attributes(value, data, budget, capacity, allocation))
    return Plan(
        data=data,
        sensitivity=_sensitivity(gain, cost, totals, budget, capacity),
        offers=tuple(offers),
        settings={
            "offers": [asdict(offer) for offer in offers],
            "budget": budget,
            "capacity": capacity,
            "horizon": str(value.horizon),
            "discount_rate": value.rate.per_year,
            "margin": value.margin,
            "draws": value.draws,
            "seed": seed,
            "watch": WATCH,
            "active": ACTIVE,
        },
    )


def _check(offers: Sequence[Offer], budget: float | None, capacity: int | None) -> None:
    if isinstance(offers, Offer):
        raise InputError("a single offer", "a sequence of offers", "write [offer]")
    names = [offer.name for offer in offers]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"offers named {', '.join(names) or 'nothing'}",
            "one offer or more, each with its own name",
            "give each offer a name",
        )
    for name, limit in (("budget", budget), ("capacity", capacity)):
        if limit is not None and not limit >= 0:
            raise InputError(f"{name}={limit}", "zero or more", f"correct {name}, or leave it out")
    if capacity is not None and int(capacity) != capacity:
        raise InputError(f"capacity={capacity}", "a whole number of customers", "round it")


def _expected(value: LifetimeValue, effects: Sequence[Effect]) -> tuple[np.ndarray, np.ndarray]:
    """Return expected net gain and expected cost, both of shape (strength, customer, offer)."""
    gain, cost = np.empty((2, len(STRENGTHS), value.n_customers, len(effects)))
    for some in value.blocks():
        worth = value.worth(some)
        for j, each in enumerate(effects):
            gain[:, some, j], cost[:, some, j] = each.of(worth, some).expected(STRENGTHS)
    return gain, cost


def _describe(
    value: LifetimeValue, effects: Sequence[Effect], allocation: Allocation, rank: np.ndarray, seed: int
) -> tuple[xr.Dataset, list[Change]]:
    """Return the data of a plan, in the order of the statistics, and the total change by each offer."""
    n, draws = value.n_customers, value.draws
    contacted = int(allocation.contact.sum())
    mean = {name: np.empty(n) for name in ("p_alive", "value", "value_at_risk", "gain")}
    sd = {name: np.empty(n) for name in ("p_alive", "value", "gain")}
    quantile = {name: np.empty((n, len(QUANTILES))) for name in sd}
    p_gain, evpi = np.empty((2, n))
    total = {name: np.zeros(draws) for name in ("active", "value", "value_at_risk")}
    campaign: list[list[Change]] = [[] for _ in effects]
    luck = np.zeros(draws)
    contacts = _grid(contacted, n)
    steps = np.zeros((contacts.size, draws))
    kept = thinned(draws, max(1, _RANK_CELLS // max(n, 1)))
    ranking = np.empty((kept.size, n), dtype=np.float32)
    rng = np.random.default_rng([seed, 2])
    for some in value.blocks():
        worth = value.worth(some)
        changes = [each.of(worth, some) for each in effects]
        gains = [change.gain() for change in changes]
        own = np.take_along_axis(np.array(gains), allocation.offer[some][None, None, :], axis=0)[0]
        shown = {"p_alive": worth.p_alive, "value": worth.value, "gain": own}
        for name, values in shown.items():
            mean[name][some], sd[name][some] = values.mean(axis=0), values.std(axis=0)
            quantile[name][some] = np.quantile(values, QUANTILES, axis=0).T
        at_risk = worth.at_risk
        mean["value_at_risk"][some] = at_risk.mean(axis=0)
        p_gain[some] = (own > 0).mean(axis=0)
        known_before = np.maximum(np.maximum.reduce(gains), 0.0).mean(axis=0)
        evpi[some] = known_before - np.maximum(np.max([each.mean(axis=0) for each in gains], axis=0), 0.0)
        total["active"] += (rng.random(worth.p_alive.shape) < worth.p_alive).sum(axis=1)
        total["value"] += worth.value.sum(axis=1)
        total["value_at_risk"] += at_risk.sum(axis=1)
        ranking[:, some] = own[kept]
        np.add.at(steps, np.searchsorted(contacts, rank[some] + 1), own.T)
        for j, change in enumerate(changes):
            mine = allocation.contact[some] & (allocation.offer[some] == j)
            campaign[j].append(change.total(mine))
            luck += (change.response(rng) - change.winning_back())[:, mine].sum(axis=1)
    totals = [added(parts) for parts in campaign]
    total |= {
        "gain": sum(each.gain()[:, 0] for each in totals),
        "winning_back": sum(each.winning_back()[:, 0] for each in totals),
        "keeping": sum(each.keeping()[:, 0] for each in totals),
    }
    total["gain_predictive"] = total["gain"] + luck
    names = np.array([each.offer.name for each in effects], dtype=object)[allocation.offer]
    names[~allocation.contact] = ""
    by_customer = {
        "rank": rank + 1,
        "contact": allocation.contact,
        "offer": names,
        "gain": mean["gain"],
        "gain_sd": sd["gain"],
        "p_gain": p_gain,
        "p_best": _p_best(ranking, contacted),
        "evpi": evpi,
        "p_alive": mean["p_alive"],
        "p_alive_sd": sd["p_alive"],
        "value": mean["value"],
        "value_sd": sd["value"],
        "value_at_risk": mean["value_at_risk"],
    }
    statistics = {
        name: column for name, column in value.stats.data_vars.items() if column.dims == ("customer",)
    }
    data = xr.Dataset(
        {
            **{name: ("customer", column) for name, column in by_customer.items()},
            **{name: ("customer", column.to_numpy()) for name, column in statistics.items()},
            **{f"{name}_quantile": (("customer", "quantile"), column) for name, column in quantile.items()},
            **{f"total_{name}": ("sample", column) for name, column in total.items()},
            "curve": (("contacts", "sample"), np.cumsum(steps, axis=0)),
        },
        coords={
            "customer": value.stats["customer"].to_numpy(),
            "quantile": list(QUANTILES),
            "contacts": contacts,
        },
    )
    return data, totals


def _grid(contacted: int, n: int) -> np.ndarray:
    """Return numbers of contacts at which the gain curve is known, the chosen number among them."""
    return np.unique(np.r_[np.linspace(0, n, _CURVE_POINTS).astype(int), contacted])


def _p_best(gains: np.ndarray, k: int) -> np.ndarray:
    """Return the share of draws, shape (sample, customer), in which each customer is among the best k."""
    n = gains.shape[1]
    if k == 0 or n == 0:
        return np.zeros(n)
    if k == n:
        return np.ones(n)
    share = np.zeros(n)
    for row in gains:
        least = np.partition(row, n - k)[n - k]
        above, tied = row > least, row == least
        # Customers with equal gains share the last places.
        share += above + tied * ((k - above.sum()) / tied.sum())
    return share / gains.shape[0]


def _futures(value: LifetimeValue, seed: int) -> np.ndarray:
    """Return the value of all customers together in simulated futures, shape (future,)."""
    futures = predict_spend(
        value.purchases,
        value.price,
        value.stats,
        value.horizon,
        discount_rate=value.rate,
        draws=_FUTURES,
        seed=seed,
    )
    return value.margin * np.array([each.sum() for each in futures])


def _labels(data: xr.Dataset) -> np.ndarray:
    """Return each customer's label in plain words."""
    contact, gain = data["contact"].to_numpy(), data["gain"].to_numpy()
    open_case = (gain > 0) | (data["p_gain"].to_numpy() >= WATCH)
    gone = data["p_alive"].to_numpy() < ACTIVE
    return np.select(
        [contact, open_case, gone], ["contact", "wait and see", "let go"], "needs no offer"
    ).astype(object)


def _sensitivity(
    gain: np.ndarray,
    cost: np.ndarray,
    totals: Sequence[Change],
    budget: float | None,
    capacity: int | None,
) -> xr.Dataset:
    """Return the gain of the chosen plan and the best number of contacts under other effects."""
    campaign = np.array([sum(each.gain(strength)[:, 0] for each in totals) for strength in STRENGTHS])
    low, high = np.quantile(campaign, (0.05, 0.95), axis=1)
    best = [int(allocate(g, c, budget, capacity).contact.sum()) for g, c in zip(gain, cost, strict=True)]
    return xr.Dataset(
        {
            "gain": ("scale", campaign.mean(axis=1)),
            "gain_low": ("scale", low),
            "gain_high": ("scale", high),
            "contacts": ("scale", best),
        },
        coords={"scale": list(STRENGTHS)},
    )


def _attributes(
    value: LifetimeValue, data: xr.Dataset, budget: float | None, capacity: int | None, allocation: Allocation
) -> dict[str, object]:
    contact = data["contact"].to_numpy()
    return {
        "horizon": str(value.horizon),
        "unit": value.purchases.provenance.data.unit,
        "until": provenance_of(value.stats).until,
        "discount_rate": value.rate.per_year,
        "margin": value.margin,
        "currency": "",
        "n_customers": value.n_customers,
        "n_contacted": int(contact.sum()),
        # netCDF cannot hold None, so a limit that was not set is left out.
        **{name: limit for name, limit in (("budget", budget), ("capacity", capacity)) if limit is not None},
        "budget_price": allocation.price,
        "total_cost": float(data["cost"].to_numpy()[contact].sum()),
        "kind": value.purchases.model.kind.key,
        "events": value.events,
        **({} if isinstance(value.spend, Posterior | None) else {"worth": float(value.spend)}),
        "values": "spend" if value.spend is not None else value.events,
    }
