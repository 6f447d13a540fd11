"""Which customer gets which action, within a budget and the capacities of channels: a linear programme.

Customers with the same gains, costs and possible actions are one row with a count. Where there are few rows
the programme is solved as it is, in whole customers. Where there are many, prices of the limits are found
first, at which nearly all customers have one clearly best action; the programme decides on the others. The
prices bound what any plan could gain, so how far a plan is from the best one is known.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp, minimize
from scipy.sparse import csr_matrix, vstack

__all__ = ["Assigned", "Programme", "assign"]

# Rows that one linear programme decides on, and variables up to which whole numbers are asked for.
_ROWS, _WHOLE = 6000, 1500
# Rows of the first look at the prices, and how often undecided rows are chosen anew.
_SAMPLE, _ROUNDS = 3000, 4
_NODES = 5000
# A gap that nobody would see.
_CLOSE = 1e-6
# How far beyond the limits their prices are taken.
_BEYOND = 1e-7
# Costs are sums of rounded numbers: nothing is left out for a rounding error.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Programme:
    """What is to be assigned.

    Attributes
    ----------
    gain : numpy.ndarray, shape (row, action)
        Expected gain of each customer of a row; minus infinity where the action is not possible.
    use : tuple of numpy.ndarray, one a limit, shape (action,) or (row, action)
        What each action takes of each limit, the same for all rows or not.
    limit : numpy.ndarray, shape (limit,)
    count : numpy.ndarray of int, shape (row,)
        Number of customers.
    """

    gain: np.ndarray
    use: tuple[np.ndarray, ...]
    limit: np.ndarray
    count: np.ndarray

    def worth(self, price: np.ndarray) -> np.ndarray:
        """Return gains less the prices of what is used, shape (row, action)."""
        found = self.gain
        for one, of in zip(self.use, price, strict=True):
            if of:
                found = found - of * one
        return found

    def takes(self, rows: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return what actions of rows take of each limit, shape (limit, pair)."""
        found = [one[actions] if one.ndim == 1 else one[rows, actions] for one in self.use]
        return np.array(found).reshape(len(found), rows.size)

    def best(self, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return at prices of the limits the best action of each row, -1 for nothing, and its worth."""
        worth = self.worth(price)
        action = worth.argmax(axis=1)
        value = np.take_along_axis(worth, action[:, None], axis=1)[:, 0]
        return np.where(value > 0, action, -1), np.maximum(value, 0.0)

    def used(self, action: np.ndarray, count: np.ndarray | None = None) -> np.ndarray:
        """Return what is used of each limit if each row gets one action (-1: nothing)."""
        some = np.flatnonzero(action >= 0)
        number = (self.count if count is None else count)[some]
        return self.takes(some, action[some]) @ number

    def bound(self, price: np.ndarray) -> tuple[float, np.ndarray]:
        """Return what no plan can exceed, and its slope by the prices."""
        action, worth = self.best(price)
        return float(self.count @ worth + price @ self.limit), self.limit - self.used(action)

    def only(self, rows: np.ndarray, limit: np.ndarray, count: np.ndarray | None = None) -> "Programme":
        """Return the programme of some rows with other limits."""
        number = self.count[rows] if count is None else count
        use = tuple(one if one.ndim == 1 else one[rows] for one in self.use)
        return Programme(self.gain[rows], use, limit, number)


@dataclass(frozen=True)
class Assigned:
    """Who gets what.

    Attributes
    ----------
    row, action, number : numpy.ndarray of int, shape (pair,)
        How many customers of a row get an action; the rest get nothing.
    price : numpy.ndarray, shape (limit,)
        What one more unit of a limit would gain.
    value, bound : float
        The expected gain, and what no plan within the limits can exceed.
    """

    row: np.ndarray
    action: np.ndarray
    number: np.ndarray
    price: np.ndarray
    value: float
    bound: float


def assign(programme: Programme) -> Assigned:
    """Return the assignment with the largest expected gain within the limits, or one close to it."""
    free, worth = programme.best(np.zeros(programme.limit.size))
    most = programme.limit * (1 + _ROUNDING)
    if np.all(programme.used(free) <= most):
        rows = np.flatnonzero(free >= 0)
        value = float(programme.count @ worth)
        price = np.zeros(programme.limit.size)
        return Assigned(rows, free[rows], programme.count[rows], price, value, value)
    live = np.flatnonzero(worth > 0)
    if live.size <= _ROWS:
        return _exact(programme, live)
    price = _prices(programme, live)
    best: Assigned | None = None
    for _ in range(_ROUNDS):
        found, price = _decided(programme, live, price)
        if best is None or found.value > best.value:
            best = found if best is None else _tighter(found, best.bound)
        elif found.bound < best.bound:
            best = _tighter(best, found.bound)
        if best.bound - best.value <= _CLOSE * max(abs(best.bound), 1e-300):
            break
    assert best is not None
    return best


def _tighter(found: Assigned, bound: float) -> Assigned:
    return Assigned(found.row, found.action, found.number, found.price, found.value, min(found.bound, bound))


def _exact(programme: Programme, live: np.ndarray) -> Assigned:
    """Solve for all rows that can gain."""
    part = programme.only(live, programme.limit)
    number, _ = _solved(part)
    # Where a limit is just used up, one more unit gains less than the last one did: that is the price beyond.
    _, price = _solved(programme.only(live, programme.limit * (1 + _BEYOND) + _BEYOND))
    row, action, amount = _whole(part, number, price)
    bound = part.bound(price)[0]
    return _assigned(programme, live[row], action, amount, price, bound)


def _assigned(
    programme: Programme,
    row: np.ndarray,
    action: np.ndarray,
    number: np.ndarray,
    price: np.ndarray,
    bound: float,
) -> Assigned:
    value = float(number @ programme.gain[row, action])
    return Assigned(row, action, number, price, value, max(bound, value))


def _pairs(part: Programme) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and actions that can gain."""
    rows, actions = np.nonzero(np.isfinite(part.gain) & (part.gain > 0))
    return rows, actions


def _solved(part: Programme) -> tuple[np.ndarray, np.ndarray]:
    """Return how many customers of each row get each action, maybe in parts, and the prices."""
    rows, actions = _pairs(part)
    number = np.zeros(part.gain.shape)
    if not rows.size:
        return number, np.zeros(part.limit.size)
    once = csr_matrix((np.ones(rows.size), (rows, np.arange(rows.size))), (len(part.gain), rows.size))
    uses = csr_matrix(part.takes(rows, actions))
    found = linprog(
        -part.gain[rows, actions],
        A_ub=vstack([once, uses], format="csr"),
        b_ub=np.concatenate([part.count, part.limit]),
        bounds=(0, None),
        method="highs",
    )
    number[rows, actions] = found.x
    return number, np.maximum(-found.ineqlin.marginals[len(part.gain) :], 0.0)


def _whole(
    part: Programme, number: np.ndarray, price: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, actions and whole numbers of customers within the limits."""
    rows, actions = _pairs(part)
    number = np.minimum(_floor(number), part.count[:, None])
    rounded = _filled(part, number, price)
    if rows.size <= _WHOLE:
        once = csr_matrix((np.ones(rows.size), (rows, np.arange(rows.size))), (len(part.gain), rows.size))
        uses = csr_matrix(part.takes(rows, actions))
        most: Any = np.concatenate([part.count, part.limit])
        each: Any = part.count[rows]
        found = milp(
            -part.gain[rows, actions],
            constraints=LinearConstraint(vstack([once, uses], format="csr"), -np.inf, most),
            integrality=np.ones(rows.size),
            bounds=Bounds(0, each),
            options={"mip_rel_gap": 0.0, "node_limit": _NODES},
        )
        if found.x is not None:
            exact = np.zeros_like(rounded)
            exact[rows, actions] = np.rint(found.x).astype(np.int64)
            if _gain(part, exact) > _gain(part, rounded) and _within(part, exact):
                rounded = exact
    row, action = np.nonzero(rounded)
    return row, action, rounded[row, action]


def _gain(part: Programme, number: np.ndarray) -> float:
    row, action = np.nonzero(number)
    return float(number[row, action] @ part.gain[row, action])


def _within(part: Programme, number: np.ndarray) -> bool:
    row, action = np.nonzero(number)
    used = part.takes(row, action) @ number[row, action]
    return bool(np.all(used <= part.limit * (1 + _ROUNDING)) and np.all(number.sum(axis=1) <= part.count))


def _floor(number: np.ndarray) -> np.ndarray:
    return np.floor(number + 1e-7).astype(np.int64)


def _filled(part: Programme, number: np.ndarray, price: np.ndarray) -> np.ndarray:
    """Give what is left of the limits to customers without an action, the largest worth first."""
    number = number.copy()
    row, action = np.nonzero(number)
    left = part.limit * (1 + _ROUNDING) - part.takes(row, action) @ number[row, action]
    while np.any(left < 0):  # a part that was rounded up by its tolerance
        k = int(np.argmin(left))
        row, action = np.nonzero((number > 0) & (part.use[k] > 0))
        least = [int(np.argmin(part.gain[row, action]))]
        number[row[least], action[least]] -= 1
        left += part.takes(row[least], action[least])[:, 0]
    waiting = part.count - number.sum(axis=1)
    rows, actions = _pairs(part)
    possible = waiting[rows] > 0
    rows, actions = rows[possible], actions[possible]
    takes = part.takes(rows, actions)
    worth = part.gain[rows, actions] - price @ takes
    for place in np.argsort(-worth, kind="stable"):
        r, a, take = rows[place], actions[place], takes[:, place]
        if not waiting[r] or np.any(take > left):
            continue
        needed = take > 0
        most = waiting[r] if not needed.any() else min(waiting[r], int(np.min(left[needed] / take[needed])))
        number[r, a] += most
        waiting[r] -= most
        left -= most * take
    return number


def _prices(programme: Programme, live: np.ndarray) -> np.ndarray:
    """Return prices of the limits: those of a part of the rows, then the lowest bound of all."""
    step = max(1, live.size // _SAMPLE)
    sample = live[::step]
    share = programme.count[sample].sum() / programme.count[live].sum()
    _, price = _solved(programme.only(sample, programme.limit * share))
    part = programme.only(live, programme.limit)
    size = max(part.bound(price)[0], 1e-300)
    # In units in which what is limited matters alike.
    unit = size / np.maximum(programme.limit, 1e-300)
    unit = np.where(programme.limit > 0, unit, np.maximum(price, 1.0))

    def scaled(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = part.bound(x * unit)
        return value / size, slope * unit / size

    found = minimize(
        scaled, price / unit, jac=True, method="L-BFGS-B", bounds=[(0, None)] * price.size,
        options={"maxiter": 25, "maxfun": 40},
    )  # fmt: skip
    better = found.x * unit
    return better if part.bound(better)[0] < part.bound(price)[0] else price


def _decided(programme: Programme, live: np.ndarray, price: np.ndarray) -> tuple[Assigned, np.ndarray]:
    """Let most rows have what is best at the prices, and solve for those that are nearest to a change."""
    worth = programme.only(live, programme.limit).worth(price)
    two = np.partition(np.concatenate([worth, np.zeros((live.size, 1))], axis=1), -2, axis=1)[:, -2:]
    margin = two[:, 1] - two[:, 0]
    undecided = np.zeros(live.size, bool)
    undecided[np.argpartition(margin, _ROWS)[:_ROWS]] = True
    action, _ = programme.best(price)
    fixed = action.copy()
    fixed[live[undecided]] = -1
    left = programme.limit - programme.used(fixed)
    if np.any(left < 0):
        # Too much is fixed: let the rest of the rows that use it wait for what is left.
        fixed, undecided = _freed(programme, live, fixed, margin, undecided)
        left = programme.limit - programme.used(fixed)
    part = programme.only(live[undecided], np.maximum(left, 0.0))
    number, new = _solved(part)
    row, what, amount = _whole(part, number, new)
    kept = np.flatnonzero(fixed >= 0)
    rows = np.concatenate([kept, live[undecided][row]])
    actions, numbers = np.concatenate([fixed[kept], what]), np.concatenate([programme.count[kept], amount])
    bounds = [(programme.bound(each)[0], each) for each in (price, new)]
    bound, better = min(bounds, key=lambda pair: pair[0])
    return _assigned(programme, rows, actions, numbers, better, bound), new


def _freed(
    programme: Programme, live: np.ndarray, fixed: np.ndarray, margin: np.ndarray, undecided: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take away fixed actions, the nearest to a change first, until the limits hold."""
    order = live[np.argsort(margin, kind="stable")]
    order = order[fixed[order] >= 0]
    for k, most in enumerate(programme.limit):
        mine = order[fixed[order] >= 0]
        use = programme.count[mine] * programme.takes(mine, fixed[mine])[k]
        over = use.sum() - most
        if over > 0:
            takes = use > 0
            drop = mine[takes][: int(np.searchsorted(np.cumsum(use[takes]), over)) + 1]
            fixed[drop] = -1
    place = np.full(len(programme.gain), -1)
    place[live] = np.arange(live.size)
    freed = place[order[fixed[order] < 0]]
    undecided = undecided.copy()
    undecided[freed[: 4 * _ROWS]] = True
    return fixed, undecided
