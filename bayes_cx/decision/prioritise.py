"""The plan from value, offers, budget and capacity."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from numbers import Real

import numpy as np
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.data import provenance_of
from bayes_cx.decision.actions import NOTHING
from bayes_cx.decision.allocate import Allocation, allocate
from bayes_cx.decision.best import chance_among_best
from bayes_cx.decision.drivers import AS_DRAWN, HALF, STRENGTHS, TWICE, Campaign, drivers, sensitivity
from bayes_cx.decision.effects import Change, Effect, added, effect
from bayes_cx.decision.next_best_action import BUDGET, ActionPlan
from bayes_cx.decision.offers import Offer
from bayes_cx.decision.plan import Plan
from bayes_cx.decision.segment_futures import by_segments, columns_of_groups
from bayes_cx.decision.segments import TOP, rfm, tier_columns
from bayes_cx.decision.segments import futures as simulated
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import thinned
from bayes_cx.seeds import checked_seed

__all__ = ["prioritise"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# The chance to lose money from which on a plan is no advice: its 90% interval then has losses only.
MAX_LOSS_CHANCE = 0.95
# From this chance of a gain on, a customer who is not contacted is worth watching.
WATCH = 0.2
# From this chance of being active on, a customer counts as active.
ACTIVE = 0.5
# Draws x customers kept to compare customers with each other, in single precision: 800 MB at most.
_RANK_CELLS = 200_000_000
_CURVE_POINTS = 200
_ADVICE = {
    "value": "pass what bcx.lifetime_value returned",
    "offers": "write for example [bcx.Offer('Voucher', cost=3)]",
}
_HELD_BACK = "The plan is held back: it would almost surely lose money."


def prioritise(
    value: LifetimeValue,
    offers: Sequence[Offer] | ActionPlan,
    *,
    budget: float | None = None,
    capacity: int | None = None,
    max_loss_chance: float | None = MAX_LOSS_CHANCE,
    seed: int = 0,
    futures: bool = True,
) -> Plan:
    """Return a plan: customers in the order of the expected net gain of contacting them, and whom to contact.

    For each draw and customer, with V the discounted residual value given alive and p the chance to be alive,

    - winning back: (1 - p) times the chance to win back times the value of a customer brought back; that
      chance halves with every half-life of the offer for which nothing was heard of the customer,
    - keeping: p times the rise of V when the chance to leave falls by the share kept,
    - net gain: both together less the cost.

    A plan that almost surely loses money is no advice, even where a rare large gain makes its mean positive:
    where the chance to lose, with the luck of who comes back, is `max_loss_chance` or more, nobody is
    contacted, and the attributes ``withheld_contacts``, ``withheld_gain``, ``withheld_low``,
    ``withheld_high`` and ``withheld_loss`` of the data say what was held back.

    An offer with a response changes its outcome instead; see `Offer`.

    The effects of an offer are draws too, the same for all customers unless its response differs between
    them. Gains are expectations over a customer's own luck; their spread is the uncertainty about customers
    and offers.

    Parameters
    ----------
    value : LifetimeValue
    offers : sequence of Offer, or ActionPlan
        Offers compete for each customer. Or who gets which of several actions within their limits, from
        `next_best_action` with the same value and seed: this plan is then followed, and its gain described.
    budget : float, optional
        Most that may be spent.
    capacity : int, optional
        Most customers that can be contacted.
    max_loss_chance : float, optional
        Chance to lose money, at most 1, from which on the plan is not advised; None advises whatever it is.
    seed : int
        Seed of the draws of the offers' effects and of the simulated futures.
    futures : bool
        Whether to simulate futures. Without them the plan lacks what is read off them: the tiers with their
        chances, segments compared, and ``total_value_predictive``.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there is no offer, two have the same name, or a limit is negative; or if the plan of actions is one
        of other customers, or comes with a budget or capacity, which its own limits have.
    """
    check_types(prioritise, {"value": value, "offers": offers}, _ADVICE)
    plan = offers if isinstance(offers, ActionPlan) else None
    if isinstance(offers, ActionPlan):
        _check_actions(offers, value, budget, capacity)
        offers = tuple(action.as_offer() for action in offers.actions)
    _check(offers, budget, capacity)
    if max_loss_chance is not None and not 0 < max_loss_chance <= 1:
        raise InputError(
            f"max_loss_chance={max_loss_chance}", "a chance above 0, at most 1", "write for example 0.95"
        )
    rng = np.random.default_rng(checked_seed(seed))
    effects = [effect(offer, value, rng) for offer in offers]
    gain, cost = _expected(value, effects)
    capacity = None if capacity is None else int(capacity)

    def allocated(gain: np.ndarray, cost: np.ndarray) -> int:
        return int(allocate(gain, cost, budget, capacity).contact.sum())

    number, possible = allocated, None
    if plan is None:
        allocation = allocate(gain[AS_DRAWN], cost[AS_DRAWN], budget, capacity)
    else:
        allocation, number, possible = _followed(plan, gain[AS_DRAWN]), plan.number_of_contacts, plan.possible
        budget = _budget_of(plan)
    data, campaign = _describe(value, effects, allocation, _ranks(allocation), seed, possible)
    never = np.inf if max_loss_chance is None else max_loss_chance
    withheld = _withheld(data, int(allocation.contact.sum()), never)
    if withheld:
        allocation = replace(allocation, contact=np.zeros_like(allocation.contact))
        data, campaign = _describe(value, effects, allocation, _ranks(allocation), seed, possible)
    data = data.assign(cost=("customer", cost[AS_DRAWN, np.arange(value.n_customers), allocation.offer]))
    data = data.assign(label=("customer", _labels(data, value.leaving_next, plan)))
    if plan is not None:
        data = data.assign(_of_actions(plan, bool(withheld)))
    if futures:
        totals: list[float] = []
        tiers = tier_columns(_counted(simulated(value, seed), totals), data["value"].to_numpy())
        data = data.assign(tiers).assign_coords(top=list(TOP))
        data["total_value_predictive"] = ("future", np.array(totals))
    data = data.assign({name: ("customer", one) for name, one in rfm(value.stats).items()})
    attributes = _attributes(value, data, budget, capacity, allocation) | withheld
    data = data.isel(customer=np.argsort(data["rank"].to_numpy())).assign_attrs(attributes)
    return Plan(
        data=data,
        sensitivity=sensitivity(gain[: len(STRENGTHS)], cost, campaign, number),
        drivers=drivers(gain, cost, campaign, value, number),
        offers=tuple(offers),
        by_segment=by_segments(value, columns_of_groups(value.stats), seed=seed) if futures else (),
        actions=plan,
        settings={
            "offers": [offer.as_dict() for offer in offers],
            "budget": budget,
            "capacity": capacity,
            "horizon": str(value.horizon),
            "discount_rate": value.rate.per_year,
            "margin": value.margin,
            "draws": value.draws,
            "max_loss_chance": "never" if max_loss_chance is None else max_loss_chance,
            "seed": seed,
            "watch": WATCH,
            "active": ACTIVE,
        },
    )


def _check(offers: Sequence[Offer], budget: float | None, capacity: int | None) -> None:
    names = [offer.name for offer in offers]
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"offers named {', '.join(names) or 'nothing'}",
            "one offer or more, each with its own name",
            "give each offer a name",
        )
    for name, limit in (("budget", budget), ("capacity", capacity)):
        if limit is not None and (not isinstance(limit, Real) or not float(limit) >= 0):
            raise InputError(
                f"{name}={limit!r}", "a number of zero or more", f"correct {name}, or leave it out"
            )
    if capacity is not None and int(capacity) != capacity:
        raise InputError(f"capacity={capacity}", "a whole number of customers", "round it")


def _check_actions(
    plan: ActionPlan, value: LifetimeValue, budget: float | None, capacity: int | None
) -> None:
    if budget is not None or capacity is not None:
        raise InputError(
            f"a {'budget' if budget is not None else 'capacity'} beside a plan of actions",
            "the limits of that plan",
            "pass bcx.Limits(...) to next_best_action",
        )
    if not np.array_equal(plan.data["customer"].to_numpy(), value.stats["customer"].to_numpy()):
        raise InputError(
            "a plan of actions for other customers than those of the value",
            "one made with the same value",
            "pass the value to next_best_action",
        )


def _followed(plan: ActionPlan, gain: np.ndarray) -> Allocation:
    """Return the allocation that a plan of actions made; who gets nothing has the best possible action."""
    names = [*(action.name for action in plan.actions), NOTHING]
    place = {name: k for k, name in enumerate(names)}
    made = np.array([place[name] for name in plan.data["action"].to_numpy().tolist()])
    contact = made < len(plan.actions)
    allowed = np.where(plan.possible, gain, -np.inf)
    best = np.where(plan.possible.any(axis=1), allowed.argmax(axis=1), gain.argmax(axis=1))
    offer = np.where(contact, made, best)
    price = 0.0
    if BUDGET in plan.limits["limit"].to_numpy():
        price = float(plan.limits["price"].sel(limit=BUDGET))
    return Allocation(offer, gain[np.arange(offer.size), offer], contact, price)


def _budget_of(plan: ActionPlan) -> float | None:
    if BUDGET not in plan.limits["limit"].to_numpy():
        return None
    return float(plan.limits["available"].sel(limit=BUDGET))


def _of_actions(plan: ActionPlan, withheld: bool) -> dict[str, tuple[str, np.ndarray]]:
    """Return what a plan of actions knows of each customer."""
    channel = {action.name: action.channel for action in plan.actions}
    done = plan.data["action"].to_numpy().astype(object)
    reason = np.array(plan.reasons(), object)
    if withheld:
        done, reason = np.full(done.size, NOTHING, object), np.full(done.size, _HELD_BACK, object)
    found = {
        "channel": np.array([channel.get(name, "") for name in done.tolist()], object),
        "control": plan.data["control"].to_numpy() & (not withheld),
        "planned": plan.data["planned"].to_numpy().astype(object),
        "propensity": np.ones(done.size) if withheld else plan.data["taken"].to_numpy(),
    }
    if "p_best" in plan.data:
        found["p_action_best"] = plan.data["p_best"].to_numpy()
    return {name: ("customer", column) for name, column in (found | {"reason": reason}).items()}


def _expected(value: LifetimeValue, effects: Sequence[Effect]) -> tuple[np.ndarray, np.ndarray]:
    """Return expected net gain and expected cost, both of shape (scenario, customer, offer).

    The scenarios are the strengths of the response, then half and twice the half-life.
    """
    gain, cost = np.empty((2, len(STRENGTHS) + 2, value.n_customers, len(effects)))
    own = _own(value, effects)
    for some in value.blocks():
        equal, place = value.alike(some, *own)
        worth = value.worth(equal)
        for j, each in enumerate(effects):
            change = each.of(worth, equal)
            scenarios = [change.expected(STRENGTHS)]
            for times in (HALF, TWICE):
                scenarios.append(each.fading(change, worth.won_back, equal, times).expected([1.0]))
            for found, ours in zip((gain, cost), zip(*scenarios, strict=True), strict=True):
                found[:, some, j] = np.concatenate(ours)[:, place]
    return gain, cost


def _own(value: LifetimeValue, effects: Sequence[Effect]) -> tuple[np.ndarray, ...]:
    """Return a number for each customer if responses differ, so that nobody stands for others."""
    differ = any(each.changed is not None and each.changed.effect.ndim > 1 for each in effects)
    return (np.arange(value.n_customers),) if differ else ()


def _ranks(allocation: Allocation) -> np.ndarray:
    """Return the position of each customer, those to contact first, from 0."""
    order = np.lexsort([-allocation.priority, ~allocation.contact])
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return rank


def _describe(
    value: LifetimeValue,
    effects: Sequence[Effect],
    allocation: Allocation,
    rank: np.ndarray,
    seed: int,
    possible: np.ndarray | None = None,
) -> tuple[xr.Dataset, Campaign]:
    """Return the data of a plan, in the order of the statistics, and what the campaign changes in total.

    `possible`, of shape (customer, offer), is None where every offer is.
    """
    n, draws = value.n_customers, value.draws
    contacted = int(allocation.contact.sum())
    mean = {name: np.empty(n) for name in ("p_alive", "value", "value_at_risk", "gain")}
    sd = {name: np.empty(n) for name in ("p_alive", "value", "gain")}
    quantile = {name: np.empty((n, len(QUANTILES))) for name in sd}
    p_gain, evpi = np.empty((2, n))
    total = {name: np.zeros(draws) for name in ("active", "value", "value_at_risk")}
    parts: dict[float, list[list[Change]]] = {times: [[] for _ in effects] for times in (1.0, HALF, TWICE)}
    luck = np.zeros((len(STRENGTHS), draws))
    contacts = _grid(contacted, n)
    steps, lucky_steps = np.zeros((2, contacts.size, draws))
    kept = thinned(draws, max(1, _RANK_CELLS // max(n, 1)))
    ranking = np.empty((kept.size, n), dtype=np.float32)
    rng = np.random.default_rng([seed, 2])
    own_response = _own(value, effects)
    if possible is not None:
        own_response += (possible @ (1 << np.arange(possible.shape[1])),)
    for some in value.blocks():
        equal, place = value.alike(some, allocation.offer, *own_response)
        worth = value.worth(equal)
        changes = [each.of(worth, equal) for each in effects]
        gains = [change.gain() for change in changes]
        own = _chosen(gains, allocation.offer[equal])
        shown = {"p_alive": worth.p_alive, "value": worth.value, "gain": own}
        for name, values in shown.items():
            mean[name][some], sd[name][some] = values.mean(axis=0)[place], values.std(axis=0)[place]
            quantile[name][some] = np.quantile(values, QUANTILES, axis=0).T[place]
        at_risk = worth.at_risk
        mean["value_at_risk"][some] = at_risk.mean(axis=0)[place]
        p_gain[some] = (own > 0).mean(axis=0)[place]
        choice = gains
        if possible is not None:  # what is not possible is as good as nothing
            choice = [np.where(mine, each, 0.0) for mine, each in zip(possible[equal].T, gains, strict=True)]
        known_before = np.maximum(np.maximum.reduce(choice), 0.0).mean(axis=0)
        known_now = np.maximum(np.max([each.mean(axis=0) for each in choice], axis=0), 0.0)
        # Knowing more never costs anything; two equal sums may differ by rounding.
        least = 1e-12 * known_before
        evpi[some] = np.where(known_before - known_now > least, known_before - known_now, 0.0)[place]
        uniform = rng.random((draws, some.size))
        total["active"] += (uniform < worth.p_alive[:, place]).sum(axis=1)
        # What follows is of single customers, as each has luck of his or her own.
        values, own = worth.value[:, place], own[:, place]
        total["value"] += values.sum(axis=1)
        total["value_at_risk"] += at_risk[:, place].sum(axis=1)
        ranking[:, some] = own[kept]
        uniform = rng.random(own.shape)
        lucks = [change.luck(uniform, place=place) for change in changes]
        lucky = own + _chosen(lucks, allocation.offer[some])
        at = np.searchsorted(contacts, rank[some] + 1)
        order = np.argsort(at, kind="stable")
        reached, start = np.unique(at[order], return_index=True)
        steps[reached] += np.add.reduceat(own.T[order], start, axis=0)
        lucky_steps[reached] += np.add.reduceat(lucky.T[order], start, axis=0)
        places = np.arange(some.size)[place] if isinstance(place, slice) else place
        for j, (each, change) in enumerate(zip(effects, changes, strict=True)):
            mine = np.flatnonzero(allocation.contact[some] & (allocation.offer[some] == j))
            chosen, won_back = change.only(places[mine]), worth.won_back[:, places[mine]]
            for times, found in parts.items():
                other = chosen if times == 1.0 else each.fading(chosen, won_back, some[mine], times)
                found[j].append(other.total())
            luck += [chosen.luck(uniform[:, mine], strength).sum(axis=1) for strength in STRENGTHS]
    campaign = Campaign(*([added(each) for each in found] for found in parts.values()), luck=luck)
    total |= {
        "gain": campaign.gain(),
        "gain_predictive": campaign.gain() + luck[AS_DRAWN],
        "winning_back": sum(each.winning_back()[:, 0] for each in campaign.changes),
        "keeping": sum(each.keeping()[:, 0] for each in campaign.changes),
        "response": sum(each.response()[:, 0] for each in campaign.changes),
    }
    names = np.array([each.offer.name for each in effects], dtype=object)[allocation.offer]
    names[~allocation.contact] = ""
    by_customer = {
        "rank": rank + 1,
        "contact": allocation.contact,
        "offer": names,
        "gain": mean["gain"],
        "gain_sd": sd["gain"],
        "p_gain": p_gain,
        "p_best": chance_among_best(ranking, n, (contacted,))[:, 0],
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
            "curve_predictive": (("contacts", "sample"), np.cumsum(lucky_steps, axis=0)),
        },
        coords={
            "customer": value.stats["customer"].to_numpy(),
            "quantile": list(QUANTILES),
            "contacts": contacts,
        },
    )
    return data, campaign


def _chosen(by_offer: Sequence[np.ndarray], offer: np.ndarray) -> np.ndarray:
    """Return the values of each customer's own offer, shape (sample, customer)."""
    if len(by_offer) == 1:
        return by_offer[0]
    return np.take_along_axis(np.array(by_offer), offer[None, None, :], axis=0)[0]


def _withheld(data: xr.Dataset, contacted: int, most: float) -> dict[str, float]:
    """Return what is to be known of a plan that almost surely loses money; nothing of another one."""
    gain = data["total_gain_predictive"].to_numpy()
    loss = float((gain < 0).mean())
    if not contacted or loss < most:
        return {}
    low, high = np.quantile(gain, (0.05, 0.95))
    return {
        "withheld_contacts": contacted,
        "withheld_gain": float(data["total_gain"].mean()),
        "withheld_low": float(low),
        "withheld_high": float(high),
        "withheld_loss": loss,
    }


def _grid(contacted: int, n: int) -> np.ndarray:
    """Return numbers of contacts at which the gain curve is known, the chosen number among them."""
    return np.unique(np.r_[np.linspace(0, n, _CURVE_POINTS).astype(int), contacted])


def _counted(rows: Iterable[np.ndarray], totals: list[float]) -> Iterator[np.ndarray]:
    """Pass futures on, and append the value of all customers together in each to `totals`."""
    for row in rows:
        totals.append(float(row.sum()))
        yield row


def _labels(data: xr.Dataset, leaving_next: np.ndarray, plan: ActionPlan | None) -> np.ndarray:
    """Return each customer's label in plain words."""
    contact, gain = data["contact"].to_numpy(), data["gain"].to_numpy()
    n = data.sizes["customer"]
    # A plan that is held back holds nobody out.
    held = np.zeros(n, bool) if plan is None or not contact.any() else plan.data["control"].to_numpy()
    barred = np.zeros(n, bool) if plan is None else ~plan.possible.any(axis=1)
    open_case = (gain > 0) | (data["p_gain"].to_numpy() >= WATCH)
    gone = data["p_alive"].to_numpy() < ACTIVE
    # Whether an offer may be worth its cost or not, who has given notice is no customer to wait for.
    found = {
        "contact": contact,
        "held out": held,
        "not possible": barred & open_case,
        "notice given": leaving_next,
        "wait and see": open_case,
        "let go": gone,
    }
    return np.select([*found.values()], [*found], "needs no offer").astype(object)


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
        # One worth for all can be named; with one a customer the amounts are like those of a model.
        **({"worth": value.spend} if isinstance(value.spend, float) else {}),
        "values": "spend" if value.spend is not None else value.events,
    }
