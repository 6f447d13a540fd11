"""What each action gains for each customer, draw by draw, equal customers once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.decision.actions import Action
from bayes_cx.decision.effects import effect
from bayes_cx.decision.value import LifetimeValue
from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import thinned

__all__ = ["Gains", "gains_of"]

# Draws of gains where customers are not alike, and numbers that are held at most, in single precision.
_DRAWS, _CELLS = 200, 100_000_000
_SAMPLES = 1000


@dataclass(frozen=True)
class Gains:
    """Net gains of actions for customers.

    Attributes
    ----------
    customers : numpy.ndarray, shape (customer,)
    place : numpy.ndarray of int, shape (customer,)
        The pattern of each customer; equal customers share one.
    expected, cost : numpy.ndarray, shape (pattern, action)
        Expected net gain, after cost, and expected cost.
    draws : numpy.ndarray of float32, shape (sample, pattern, action), or None
        None where only expectations are known.
    """

    customers: np.ndarray
    place: np.ndarray
    expected: np.ndarray
    cost: np.ndarray
    draws: np.ndarray | None


def gains_of(given: Any, actions: Sequence[Action], weights: Mapping[str, float] | None, seed: int) -> Gains:
    """Return gains from a lifetime value, from customers with features, or as they were computed before.

    Raises
    ------
    InputError
        If these are none of them, or do not fit the actions.
    """
    if isinstance(given, LifetimeValue):
        return _of_value(given, actions, seed)
    if isinstance(given, xr.DataArray):
        return _of_array(given, actions, weights)
    if isinstance(given, pd.DataFrame | xr.Dataset):
        return _of_customers(given, actions, seed)
    raise InputError(
        f"gains of type {type(given).__name__}",
        "a lifetime value, customers with the features of responses, or gains over customer and action",
        "pass one of these",
    )


def _of_array(given: xr.DataArray, actions: Sequence[Action], weights: Mapping[str, float] | None) -> Gains:
    """Return gains before cost, given by objective where there are several, less the cost."""
    if "objective" in given.dims:
        names = [str(name) for name in given["objective"].to_numpy()]
        if weights is None or set(weights) != set(names):
            raise InputError(
                "gains by objective without a weight for each",
                f"weights for {', '.join(names)}",
                "pass weights={...}, what one unit of each objective is worth",
            )
        given = given.dot(xr.DataArray([float(weights[n]) for n in names], {"objective": given["objective"]}))
    elif weights is not None:
        raise InputError("weights for gains without objectives", "a dimension objective", "leave weights out")
    if {"chain", "draw"} <= set(given.dims):
        given = given.stack(sample=("chain", "draw"))
    sampled = "sample" in given.dims
    dims = ("sample", "customer", "action") if sampled else ("customer", "action")
    if set(given.dims) != set(dims) or "action" not in given.coords:
        raise InputError(
            f"gains over {', '.join(map(str, given.dims))}",
            "customer and action with names, and sample where there are draws",
            "name the dimensions so, with a coordinate action",
        )
    names = [action.name for action in actions]
    if missing := set(names) - {str(name) for name in given["action"].to_numpy()}:
        raise InputError(f"no gains of {', '.join(sorted(missing))}", "gains of all actions", "add them")
    values = given.sel(action=names).transpose(*dims).to_numpy()
    if not np.all(np.isfinite(values)):
        raise InputError("gains that are not finite", "a number for each customer and action", "correct them")
    customers = (
        given["customer"].to_numpy() if "customer" in given.coords else np.arange(given.sizes["customer"])
    )
    cost = np.array([float(action.cost) for action in actions])
    expected = (values.mean(axis=0, dtype=float) if sampled else values.astype(float)) - cost
    draws = (values - cost.astype(values.dtype)).astype(np.float32, copy=False) if sampled else None
    return Gains(customers, np.arange(len(customers)), expected, np.broadcast_to(cost, expected.shape), draws)


def _by_customer(table: pd.DataFrame) -> xr.Dataset:
    """Return a table over customers, who are a column or else its index."""
    indexed = table.set_index("customer") if "customer" in table.columns else table.rename_axis("customer")
    if twice := int(indexed.index.duplicated().sum()):
        raise InputError(
            f"{twice:,} rows of customers who have one already",
            "a row for each customer",
            "keep one of them",
        )
    return indexed.to_xarray()


def _of_customers(given: pd.DataFrame | xr.Dataset, actions: Sequence[Action], seed: int) -> Gains:
    """Return the gain of each response times what an outcome is worth, less the cost."""
    rows = _by_customer(given) if isinstance(given, pd.DataFrame) else given
    n = rows.sizes.get("customer", 0)
    customers = rows["customer"].to_numpy() if "customer" in rows.coords else np.arange(n)
    rng = np.random.default_rng([seed, 11])
    changed = []
    for action in actions:
        if action.response is None:
            raise InputError(
                f"no response of {action.name!r}",
                "what the action changes",
                "give it a response, or pass gains",
            )
        if action.worth is None:
            raise InputError(
                f"no worth of {action.name!r}",
                "what one more outcome of its response is worth, as a table of customers does not say it",
                f"write bcx.Action({action.name!r}, ..., worth=20), or worth=1 for a response in money",
            )
        changed.append(action.response.draw(rng, _SAMPLES, rows))
    places = [each.place for each in changed if each.place is not None]
    if any(each.place is None and each.effect.ndim > 1 for each in changed):
        places.append(np.arange(n))
    code = np.zeros(n, np.int64)
    for each in places:
        _, code = np.unique(code * (int(each.max(initial=0)) + 1) + each, return_inverse=True)
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    draws = np.empty((_SAMPLES, first.size, len(actions)), np.float32)
    cost = np.empty((first.size, len(actions)))
    for k, (action, one) in enumerate(zip(actions, changed, strict=True)):
        rise, taking = one.of(first)
        paid = np.full((1, first.size), float(action.cost))
        if action.charged == "accepted":
            if taking is None:
                raise InputError(
                    f"{action.name!r} charged when accepted, with a response that does not say who accepts",
                    "a response measured as yes or no",
                    "use charged='contacted'",
                )
            paid = action.cost * taking
        assert action.worth is not None  # refused above
        draws[:, :, k] = action.worth * rise - paid
        cost[:, k] = paid.mean(axis=0)
    return Gains(customers, place, draws.mean(axis=0, dtype=float), cost, draws)


def _of_value(value: LifetimeValue, actions: Sequence[Action], seed: int) -> Gains:
    """Return gains in lifetime value; an action without a response has the effects that an offer assumes."""
    offers = [action.as_offer() for action in actions]
    # The draws that `prioritise` makes of the same offers with the same seed, so that both say the same.
    rng = np.random.default_rng(seed)
    effects = [effect(offer, value, rng) for offer in offers]
    n = value.n_customers
    keep = thinned(value.draws, max(10, min(_DRAWS, _CELLS // max(n * len(offers), 1))))
    expected, cost = np.empty((n, len(offers))), np.empty((n, len(offers)))
    draws = np.empty((keep.size, n, len(offers)), np.float32)
    for some in value.blocks():
        worth = value.worth(some)
        for k, each in enumerate(effects):
            change = each.of(worth, some)
            gain, paid = change.expected([1.0])
            expected[some, k], cost[some, k] = gain[0], paid[0]
            draws[:, some, k] = change.gain()[keep]
    return Gains(value.stats["customer"].to_numpy(), np.arange(n), expected, cost, draws)
