"""The next best action of every customer, within the limits of a plan, and what each limit costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.decision.actions import NOTHING, Action, Exploration, Limits
from bayes_cx.decision.assign import Programme, assign
from bayes_cx.decision.gains import Gains, gains_of
from bayes_cx.decision.permitted import FREE, FULL, OTHER_MESSAGE, REFUSED, permitted
from bayes_cx.errors import InputError
from bayes_cx.files import write_csv
from bayes_cx.notebook import html
from bayes_cx.seeds import checked_seed

__all__ = ["BUDGET", "ActionPlan", "next_best_action"]

# Rows compared at once draw by draw.
_CELLS = 20_000_000
_MOST_GROUPS, _LEAST_GROUP = 10, 50
BUDGET = "budget"
"""The name of the budget among the limits of a plan."""
_WHY = {
    REFUSED: "the customer refuses {channels}",
    FULL: "the customer had as many contacts as are allowed",
    OTHER_MESSAGE: "the customer got another message lately",
}


@dataclass(frozen=True)
class ActionPlan:
    """Who gets which action, how sure that is the best, and what the limits cost.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``customer``: ``action``, ``planned`` (the same but for customers who explore), ``control`` (held
        out at random), ``gain`` (expected, after cost) and ``cost`` of the action, ``best`` (the action with
        the largest expected gain among those possible) and ``best_gain``; with draws ``p_best``, the
        probability that the planned action gains most, and ``regret``, the expected gain that is lost to not
        knowing which one does, and the 90% interval of its gain, ``planned_low`` to ``planned_high``.
        ``propensity`` over (customer, choice) is the probability with which each
        choice was made, and ``taken`` that of the action.
    limits : xarray.Dataset
        Over ``limit``: what there is (``available``), what is ``used``, and ``price``, what one more unit
        would gain.
    rules : mapping of str to float
        What opt-outs, contacts and consistency forgo: how much more would be expected without all of them,
        if the other limits did not bind.
    actions : tuple of Action
    gap : float
        By how much any plan within the limits could be better at most, as a share of its gain.
    possible : numpy.ndarray of bool, shape (customer, action)
        Which actions the preferences, contacts and messages of each customer allow.
    """

    data: xr.Dataset
    limits: xr.Dataset
    rules: Mapping[str, float]
    actions: tuple[Action, ...]
    gap: float
    reasons_of: np.ndarray = field(repr=False)
    possible: np.ndarray = field(repr=False)

    @property
    def gain(self) -> float:
        """The expected gain of the plan, after cost."""
        return float(self.data["gain"].sum())

    @property
    def counts(self) -> dict[str, int]:
        """The number of customers by action."""
        names, number = np.unique(self.data["action"].to_numpy().astype(str), return_counts=True)
        return dict(zip(names.tolist(), number.tolist(), strict=True))

    def reasons(self, customers: slice | np.ndarray = slice(None)) -> list[str]:
        """Return why each customer gets the action, in one sentence each.

        Parameters
        ----------
        customers : slice or numpy.ndarray of int
            Positions; all by default.
        """
        some = np.arange(self.data.sizes["customer"])[customers]
        columns = {name: self.data[name].to_numpy()[some] for name in _READ_BY_REASONS}
        why = self.reasons_of[some]
        return [self._reason(*one) for one in zip(*columns.values(), why, strict=True)]

    def _reason(
        self, action: str, planned: str, control: bool, gain: float, best: str, best_gain: float, why: int
    ) -> str:
        if control:
            return f"Held out at random, to measure what the plan brings; planned was {planned}."
        if action != planned:
            return f"{action} was drawn, to learn more; planned was {planned}."
        if why and action == NOTHING:
            channels = " and ".join(sorted({a.channel for a in self.actions if a.channel}))
            return f"Nothing is possible that gains: {_WHY[why].format(channels=channels or 'it')}."
        if action == best:
            if action == NOTHING:
                return "No action is expected to gain more than it costs."
            return f"{action} gains most: {gain:,.3g} expected."
        if action == NOTHING:
            return f"{best} would gain {best_gain:,.3g}, but what it needs gains more with other customers."
        return f"{action} gains {gain:,.3g}; {best} would gain {best_gain:,.3g}, but is needed for others."

    def number_of_contacts(self, gain: np.ndarray, cost: np.ndarray) -> int:
        """Return how many customers would get something if gains and costs were these.

        Parameters
        ----------
        gain, cost : numpy.ndarray, shape (customer, action)
            Expected gain, after cost, and expected cost.
        """
        names = self.limits["limit"].to_numpy().astype(str).tolist()
        use = tuple(
            cost
            if name == BUDGET
            else np.array([float(name == _capacity(action.channel)) for action in self.actions])
            for name in names
        )
        programme = Programme(
            np.where(self.possible, gain, -np.inf),
            use,
            self.limits["available"].to_numpy().astype(float),
            np.ones(len(gain), int),
        )
        return int(assign(programme).number.sum())

    def table(self) -> pd.DataFrame:
        """Return one row a customer, with the reason and the propensity of every choice."""
        names = [str(name) for name, column in self.data.data_vars.items() if column.dims == ("customer",)]
        table = pd.DataFrame({name: self.data[name].to_numpy() for name in names})
        table.insert(0, "customer", self.data["customer"].to_numpy())
        for k, choice in enumerate(self.data["choice"].to_numpy()):
            table[f"propensity of {choice}"] = self.data["propensity"].to_numpy()[:, k]
        return table.assign(reason=self.reasons())

    def to_csv(self, path: Any) -> None:
        """Write `table` to a file, in which no text runs as a formula."""
        write_csv(self.table(), path)

    def __repr__(self) -> str:
        who = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        return f"<ActionPlan: {who}; expected gain {self.gain:,.3g}, at most {self.gap:.2g} from the best>"

    def _repr_html_(self) -> str:
        return html("actions", self)


_READ_BY_REASONS = ("action", "planned", "control", "gain", "best", "best_gain")


def next_best_action(
    given: Any,
    actions: Sequence[Action],
    *,
    limits: Limits | None = None,
    weights: Mapping[str, float] | None = None,
    log: Any = None,
    until: Any = None,
    explore: Exploration | None = None,
    seed: int = 0,
) -> ActionPlan:
    """Choose for every customer the action that gains most, or nothing, within the limits of the plan.

    Opt-outs, contacts within a period and messages that agree are kept whatever it costs; the budget and the
    capacities of channels are shared out so that the expected gain of all is as large as it can be.

    Parameters
    ----------
    given : LifetimeValue, pandas.DataFrame, xarray.Dataset or xarray.DataArray
        A lifetime value, in which responses are valued; customers with the features of the responses, whose
        outcomes are worth `Action.worth`; or gains before cost over (customer, action), with ``sample`` or
        (chain, draw) where they are draws, and ``objective`` where there are several.
    actions : sequence of Action
    limits : Limits, optional
    weights : mapping of str to float, optional
        What one unit of each objective is worth.
    log : pandas.DataFrame, optional
        Earlier contacts: ``customer``, ``time``, and ``message`` for `Limits.consistent`.
    until : date, optional
        The day on which the plan is made; by default the last time of the log.
    explore : Exploration, optional
        Whether some customers get something else at random, so that the next plan can learn. Without it every
        propensity is 0 or 1.
    seed : int
        Seed of what is random.

    Returns
    -------
    ActionPlan

    Raises
    ------
    InputError
        If two actions have the same name, a table lacks a column, or a channel is unknown.

    Examples
    --------
    >>> gains = xr.DataArray(
    ...     [[3.0, 5.0], [2.0, 6.0], [1.0, 0.5]], dims=("customer", "action"),
    ...     coords={"customer": ["ann", "bob", "cyd"], "action": ["mail", "call"]},
    ... )
    >>> actions = [Action("mail", cost=0.5, channel="mail"), Action("call", cost=1, channel="phone")]
    >>> limits = Limits(capacity={"phone": 1}, preferences={"cyd": "mail"})
    >>> plan = next_best_action(gains, actions, limits=limits)
    >>> plan.data["action"].to_numpy().tolist()
    ['mail', 'call', 'nothing']
    >>> plan.limits["price"].to_numpy().tolist()
    [1.5]
    """
    limits = Limits() if limits is None else limits
    _check(actions, limits, explore)
    if weights is not None and not isinstance(weights, Mapping):
        raise InputError(
            f"weights of type {type(weights).__name__}",
            "what one unit of each objective is worth",
            "write for example weights={'profit': 1.0}",
        )
    rng = np.random.default_rng(checked_seed(seed))
    gains = gains_of(given, actions, weights, seed)
    why = permitted(gains.customers, actions, limits, log, until)
    shares = _shared(actions, limits)
    chosen, price, gap = _solved(gains, why == FREE, shares)
    planned = chosen
    n, a = why.shape
    propensity = np.zeros((n, a + 1))
    control = np.zeros(n, bool)
    if explore is None:
        propensity[np.arange(n), planned] = 1.0
    elif explore.method == "holdout":
        control = (rng.random(n) < explore.share) & (planned >= 0)
        propensity[np.arange(n), planned] = 1.0 - explore.share * (planned >= 0)
        propensity[:, -1] += explore.share * (planned >= 0)
        chosen = np.where(control, -1, planned)
    else:
        chosen, propensity = _thompson(gains, why == FREE, shares, explore, rng)
    return _described(gains, why, planned, chosen, control, propensity, actions, shares, price, gap)


@dataclass(frozen=True)
class _Shared:
    """The limits that customers share: names, what each action takes of them, and what there is."""

    names: tuple[str, ...]
    channel: np.ndarray  # (limit, action): takes one; the budget takes the cost
    available: np.ndarray
    budget: bool

    def use(self, cost: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return what each action takes of each limit, given the cost, shape (row, action)."""
        return tuple(cost if self.budget and k == 0 else one for k, one in enumerate(self.channel))

    def part(self, share: float) -> "_Shared":
        """Return a share of the limits; capacities stay whole numbers."""
        available = np.floor(self.available * share)
        if self.budget:
            available[0] = self.available[0] * share
        return replace(self, available=available)


def _capacity(channel: str) -> str:
    return f"capacity of {channel}"


def _shared(actions: Sequence[Action], limits: Limits) -> _Shared:
    names, rows, available = [], [], []
    if limits.budget is not None:
        names, rows, available = [BUDGET], [np.ones(len(actions))], [float(limits.budget)]
    for channel, most in limits.capacity.items():
        names.append(_capacity(channel))
        rows.append(np.array([float(action.channel == channel) for action in actions]))
        available.append(float(most))
    return _Shared(
        tuple(names),
        np.array(rows).reshape(len(rows), len(actions)),
        np.array(available),
        limits.budget is not None,
    )


def _check(actions: Sequence[Action], limits: Limits, explore: Exploration | None) -> None:
    if not isinstance(actions, Sequence) or not actions or not all(isinstance(a, Action) for a in actions):
        raise InputError("no sequence of actions", "one action or more", "write [bcx.Action(...)]")
    names = [action.name for action in actions]
    if len(set(names)) < len(names):
        raise InputError("two actions of the same name", "a name for each", "rename one")
    if not isinstance(limits, Limits):
        raise InputError(
            f"limits of type {type(limits).__name__}", "bcx.Limits", "write bcx.Limits(budget=...)"
        )
    if explore is not None and not isinstance(explore, Exploration):
        raise InputError(
            f"explore of type {type(explore).__name__}", "bcx.Exploration", "write bcx.Exploration(share=0.1)"
        )
    channels = {action.channel for action in actions if action.channel}
    if unknown := sorted(set(limits.capacity) - channels):
        raise InputError(
            f"a capacity of {unknown[0]!r}",
            f"one of {', '.join(sorted(channels)) or 'no channel'}",
            "correct it",
        )


def _solved(
    gains: Gains, free: np.ndarray, shares: _Shared, expected: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the action of each customer, -1 for nothing, the prices of the limits, and the gap."""
    value = gains.expected if expected is None else expected
    row, first = _rows(gains, value, free)
    gain = np.where(free[first], value[gains.place[first]], -np.inf)
    count = np.bincount(row, minlength=first.size)
    programme = Programme(gain, shares.use(gains.cost[gains.place[first]]), shares.available, count)
    found = assign(programme)
    action = np.full(row.size, -1)
    # The customers of a row follow each other; each pair takes the next ones.
    order = np.argsort(row, kind="stable")
    start = np.cumsum(count) - count
    if found.row.size and np.all(count[found.row] == found.number):
        mine = np.full(first.size, -1)
        mine[found.row] = found.action
        action = mine[row]
    else:
        for r, a, number in zip(
            found.row.tolist(), found.action.tolist(), found.number.tolist(), strict=True
        ):
            action[order[start[r] : start[r] + number]] = a
            start[r] += number
    gap = (found.bound - found.value) / abs(found.bound) if found.bound else 0.0
    return action, found.price, max(gap, 0.0)


def _rows(gains: Gains, value: np.ndarray, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which row of equal customers each is in, and a customer of each row."""
    bits = free @ (1 << np.arange(free.shape[1], dtype=np.int64))
    place = gains.place
    if len(gains.expected) == place.size:
        # Patterns are customers; where some of them are equal after all, they are one row.
        sample = np.column_stack([value, gains.cost])[:: max(1, place.size // 2000)]
        if np.unique(sample, axis=0).shape[0] > 0.9 * sample.shape[0]:
            return np.arange(place.size), np.arange(place.size)
        _, own = np.unique(np.column_stack([value, gains.cost]), axis=0, return_inverse=True)
        place = own.ravel()[place]
    _, bits = np.unique(bits, return_inverse=True)
    _, first, row = np.unique(
        place.astype(np.int64) * (int(bits.max(initial=0)) + 1) + bits, return_index=True, return_inverse=True
    )
    return row, first


def _thompson(
    gains: Gains, free: np.ndarray, shares: _Shared, explore: Exploration, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the action of each customer and the probability of each choice.

    In each group one of the plans that are best under single draws is chosen, all with the same probability,
    so the propensity of an action is the share of these plans that give it.
    """
    if gains.draws is None:
        raise InputError(
            "Thompson sampling with expected gains", "draws of the gains", "pass gains over sample"
        )
    n, a = free.shape
    groups = min(_MOST_GROUPS, max(1, n // _LEAST_GROUP))
    group = rng.permutation(np.arange(n) % groups)
    some = rng.choice(len(gains.draws), explore.draws, replace=len(gains.draws) < explore.draws)
    chosen, propensity = np.full(n, -1), np.zeros((n, a + 1))
    for g in range(groups):
        mine = np.flatnonzero(group == g)
        part = replace(gains, customers=gains.customers[mine], place=gains.place[mine])
        if len(gains.expected) == n:
            part = replace(
                part, place=np.arange(mine.size), expected=gains.expected[mine], cost=gains.cost[mine]
            )
        taken = int(rng.integers(explore.draws))
        for k, draw in enumerate(some):
            values = gains.draws[draw].astype(float)
            values = values[mine] if len(gains.expected) == n else values
            action, _, _ = _solved(part, free[mine], shares.part(1 / groups), values)
            propensity[mine, action] += 1 / explore.draws
            if k == taken:
                chosen[mine] = action
    return chosen, propensity


def _described(
    gains: Gains,
    why: np.ndarray,
    planned: np.ndarray,
    chosen: np.ndarray,
    control: np.ndarray,
    propensity: np.ndarray,
    actions: Sequence[Action],
    shares: _Shared,
    price: np.ndarray,
    gap: float,
) -> ActionPlan:
    """Return the plan with all that is said of it."""
    n, free = planned.size, why == FREE
    names = np.array([*(action.name for action in actions), NOTHING], object)
    expected = gains.expected[gains.place]
    possible = np.where(free, expected, -np.inf)
    top = possible.argmax(axis=1)
    top_gain = possible[np.arange(n), top]
    best = np.where(top_gain > 0, top, -1)

    def own(values: np.ndarray, which: np.ndarray) -> np.ndarray:
        return np.where(which >= 0, values[np.arange(n), which], 0.0)

    cost = own(gains.cost[gains.place], chosen)
    data: dict[str, Any] = {
        "action": ("customer", names[chosen]),
        "planned": ("customer", names[planned]),
        "control": ("customer", control),
        "gain": ("customer", own(expected, chosen)),
        "cost": ("customer", cost),
        "best": ("customer", names[best]),
        "best_gain": ("customer", np.maximum(top_gain, 0.0)),
    }
    if gains.draws is not None:
        names_of = ("p_best", "regret", "planned_low", "planned_high")
        found = _certainty(gains, free, planned)
        data |= {name: ("customer", one) for name, one in zip(names_of, found, strict=True)}
    data |= {
        "taken": ("customer", propensity[np.arange(n), chosen]),
        "propensity": (("customer", "choice"), propensity),
    }
    used = np.array([one[chosen[chosen >= 0]].sum() for one in shares.channel])
    if shares.budget:
        used[0] = cost.sum()
    limits = xr.Dataset(
        {
            "available": ("limit", shares.available),
            "used": ("limit", used.reshape(len(shares.names))),
            "price": ("limit", price),
        },
        coords={"limit": list(shares.names)},
    )
    unlimited = np.maximum(expected.max(axis=1), 0.0)
    # Why the action that would be best of all is not possible.
    blocked = why[np.arange(n), expected.argmax(axis=1)]
    blocked = np.where((unlimited > 0) & (best < 0), blocked, 0).astype(np.int8)
    rules = {"opt-outs, contacts and consistency": float((unlimited - np.maximum(top_gain, 0.0)).sum())}
    coords = {"customer": gains.customers, "choice": names}
    return ActionPlan(xr.Dataset(data, coords), limits, rules, tuple(actions), gap, blocked, free)


def _certainty(gains: Gains, free: np.ndarray, planned: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return how likely the planned action gains most, what is lost if it does not, and its interval."""
    draws = gains.draws
    assert draws is not None
    a = free.shape[1]
    code = gains.place.astype(np.int64) * (a + 1) + planned + 1
    _, bits = np.unique(free @ (1 << np.arange(a, dtype=np.int64)), return_inverse=True)
    code = code * (int(bits.max(initial=0)) + 1) + bits
    _, first, row = np.unique(code, return_index=True, return_inverse=True)
    p_best, regret, low, high = np.empty((4, first.size))
    step = max(1, _CELLS // (len(draws) * (a + 1)))
    for start in range(0, first.size, step):
        some = first[start : start + step]
        values = draws[:, gains.place[some]]
        possible = np.maximum(np.where(free[some], values, -np.inf).max(axis=2), 0.0)
        which = planned[some]
        own = np.take_along_axis(values, np.maximum(which, 0)[None, :, None], axis=2)[:, :, 0]
        own = np.where(which >= 0, own, 0.0)
        p_best[start : start + step] = (own >= possible).mean(axis=0)
        regret[start : start + step] = (possible - own).mean(axis=0, dtype=float)
        low[start : start + step], high[start : start + step] = np.quantile(own, [0.05, 0.95], axis=0)
    return p_best[row], regret[row], low[row], high[row]
