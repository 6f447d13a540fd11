"""What actions gained against what was expected of them, by action, beside customers who were left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtri

from bayes_cx import checks as _checks
from bayes_cx.argument_types import check_types
from bayes_cx.checks import Check
from bayes_cx.data import NOTHING, FollowUp
from bayes_cx.data.follow_up import check_follow_up
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.validation.policies import cells, standard_error

__all__ = ["OUTCOMES", "Realised", "realised"]

OUTCOMES = ("gain", "bought", "purchases", "spend")
"""What an action can be judged by."""

# The share of contacts that need somebody alike who was left alone.
_COMPARED = 0.8
_MISSED, _KEPT, _BEATEN, _UNKNOWN = "missed", "not contradicted", "beaten", "not known"


@dataclass(frozen=True)
class Realised:
    """What each action changed, against what was expected.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``action``: ``n`` (decisions), ``compared`` (those with somebody alike who was left alone),
        ``expected`` and ``expected_sd``; ``realised``, the mean difference to those left alone, with ``se``,
        ``low`` and ``high``; ``corrected`` with ``corrected_sd``, what to expect from now on; ``goal``:
        ``missed``, ``beaten``, ``not contradicted`` or ``not known``, where nothing was expected.
    outcome : str
        What it is a difference of: the gain, the share who bought, purchases or spend.
    control : str
        The action of those left alone.
    level : float
        Of the intervals.
    checks : tuple of Check
    """

    data: xr.Dataset
    outcome: str
    control: str
    level: float
    checks: tuple[Check, ...]

    def __repr__(self) -> str:
        return f"<Realised: {' '.join(self.sentences)}>"

    def _repr_html_(self) -> str:
        return html("realised", self)

    @property
    def missed(self) -> tuple[str, ...]:
        """The actions that changed less than expected, by more than chance."""
        return tuple(map(str, self.data["action"].to_numpy()[self.data["goal"].to_numpy() == _MISSED]))

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    @property
    def sentences(self) -> tuple[str, ...]:
        """For each action one sentence."""
        found = []
        of = {"gain": "gain", "bought": "share who bought", "purchases": "purchases", "spend": "spend"}
        for name in map(str, self.data["action"].to_numpy()):
            one = {key: self.data[key].sel(action=name).item() for key in self.data.data_vars}
            what = f"{name!r} raised the {of[self.outcome]} by {one['realised']:.3g}"
            what += f" a decision ({self.level:.0%}: {one['low']:.3g} to {one['high']:.3g})"
            if not np.isfinite(one["realised"]):
                found.append(f"What {name!r} changed is not known: nobody alike was left alone.")
            elif one["goal"] == _UNKNOWN:
                found.append(f"{what}.")
            elif one["goal"] == _KEPT:
                found.append(f"{what}, which does not contradict the {one['expected']:.3g} expected.")
            else:
                than = "less" if one["goal"] == _MISSED else "more"
                found.append(
                    f"{what}, {than} than the {one['expected']:.3g} expected; "
                    f"from now on expect {one['corrected']:.3g}."
                )
        return tuple(found)

    def table(self) -> pd.DataFrame:
        """Return one row an action."""
        return self.data.to_dataframe().reset_index()


def realised(
    decided: FollowUp,
    *,
    outcome: str = "gain",
    control: str = NOTHING,
    expected: Mapping[str, float] | None = None,
    by: Sequence[str] | str | None = None,
    level: float = 0.9,
) -> Realised:
    """Return what actions changed, against what was expected of them.

    Customers with an action are compared with those left alone who were decided on at the same time and are
    alike in the context; within a group decisions count by one over their propensity, and those that were
    certain, such as of customers who must not be contacted, do not count. The interval takes all
    decisions on a customer together. The plan overestimated an action (goal ``missed``) where the whole
    interval is below what was expected. What to expect from now on weighs expectation and result by their
    precision, where the log holds the standard deviation of what was expected; else it is the result.

    Parameters
    ----------
    decided : FollowUp
        From `follow_up`.
    outcome : {"gain", "bought", "purchases", "spend"}
        What to compare. ``expected`` of the log is a gain, and must be that within the window.
    control : str
        The action of those left alone.
    expected : mapping of str to float, optional
        What was expected of each action, in place of the column of the log.
    by : sequence of str, optional
        Columns that say which customers are alike; if not given, the context of the log.
    level : float
        Of the intervals.

    Raises
    ------
    InputError
        If nobody was left alone, nothing else was done, or the outcome is not in the data.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import follow_up, read_actions
    >>> log = read_actions(
    ...     pd.DataFrame({"customer": range(400), "action": ["mail", "nothing"] * 200}).assign(
    ...         time="2025-01-01", propensity=0.5
    ...     )
    ... )
    >>> bought = pd.DataFrame({"customer": range(0, 400, 8), "time": "2025-01-05"})
    >>> decided = follow_up(log, bought, window="30 days", until="2025-03-01")
    >>> realised(decided, outcome="bought", expected={"mail": 0.5}).missed
    ('mail',)
    """
    check_types(realised, locals())
    decided = check_follow_up(decided)
    rows = decided.rows
    _check(decided, outcome, control, expected or {})
    by = decided.context if by is None else (by,) if isinstance(by, str) else tuple(by)
    if isinstance(level, str) or not 0 < level < 1:
        raise InputError(f"level={level!r}", "a number between 0 and 1", "write 0.9 for 90%")
    actions = [name for name in decided.actions if name != control]
    group = cells(rows, ("time", *by))
    y, weight = rows[outcome].to_numpy(float), 1.0 / rows["propensity"].to_numpy(float)
    open_ = weight > 1.0
    customers = rows.groupby("customer", sort=False).ngroup().to_numpy()
    tail = ndtri((1 + level) / 2)
    columns: dict[str, list] = {name: [] for name in _COLUMNS}
    checks: list[Check] = []
    for name in actions:
        here = rows["action"].to_numpy(object)
        treated, left = here == name, here == control
        # Of a decision that was certain nobody knows what would have happened else.
        effect, influence, compared = _difference(y, weight, group, treated & open_, left & open_)
        se = standard_error(influence, customers) if np.isfinite(effect) else np.nan
        goal, spread = _expected(rows, treated & compared, name, outcome, expected)
        low, high = effect - tail * se, effect + tail * se
        judged = _UNKNOWN
        if np.isfinite(goal) and np.isfinite(effect):
            judged = _MISSED if high < goal else _BEATEN if low > goal else _KEPT
        mean, sd = _corrected(effect, se, goal, spread)
        found = (int(treated.sum()), int((treated & compared).sum()), goal, spread, effect, se, low, high)
        for key, cell in zip(_COLUMNS, (*found, mean, sd, judged), strict=True):
            columns[key].append(cell)
        checks.append(_compared(name, found[1] / found[0], found[0]))
    data = xr.Dataset(
        {key: ("action", np.array(cells_)) for key, cells_ in columns.items()}, coords={"action": actions}
    )
    return Realised(data, outcome, control, float(level), tuple(checks))


_COLUMNS = ("n", "compared", "expected", "expected_sd", "realised", "se", "low", "high")
_COLUMNS += ("corrected", "corrected_sd", "goal")


def _check(decided: FollowUp, outcome: str, control: str, expected: Mapping[str, float]) -> None:
    known = [name for name in OUTCOMES if name in decided.rows]
    if outcome not in known:
        raise InputError(f"outcome={outcome!r}", f"one of {', '.join(known)}", "pass one of these")
    if control not in decided.actions:
        raise InputError(
            f"no decision {control!r} in the log, which has {', '.join(map(repr, decided.actions))}",
            "customers who were left alone at random, without whom nobody knows what an action changed",
            "name the action with control='...', or leave a share of the customers alone next time",
        )
    if len(decided.actions) < 2:
        raise InputError(f"a log of {control!r} alone", "one more action", "check the column of actions")
    if unknown := [name for name in expected if name not in decided.actions]:
        raise InputError(
            f"an expectation of {unknown[0]!r}",
            f"one of {', '.join(map(repr, decided.actions))}",
            "check the spelling",
        )


def _difference(
    y: np.ndarray, weight: np.ndarray, group: np.ndarray, treated: np.ndarray, left: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the mean difference among the treated, the influence of rows, and which are compared."""
    n = int(group.max()) + 1
    count = {side: np.bincount(group[mask], minlength=n) for side, mask in ((1, treated), (0, left))}
    # One customer alone tells nothing of the spread of a group.
    usable = (count[1] > 1) & (count[0] > 1)
    compared = usable[group] & (treated | left)
    influence = np.zeros_like(y)
    total = int(count[1][usable].sum())
    if not total:
        return np.nan, influence, compared
    share = np.where(usable, count[1] / total, 0.0)
    effect = 0.0
    for sign, side, mask in ((1.0, 1, treated & compared), (-1.0, 0, left & compared)):
        weights = np.bincount(group[mask], weights=weight[mask], minlength=n)
        mean = np.bincount(group[mask], weights=(weight * y)[mask], minlength=n)
        mean = np.divide(mean, weights, out=np.zeros(n), where=weights > 0)
        effect += sign * float(share @ mean)
        size = np.maximum(count[side], 2)
        at = group[mask]
        few = np.sqrt(size / (size - 1.0))[at]
        influence[mask] = sign * share[at] * weight[mask] * (y[mask] - mean[at]) / weights[at] * few
    return effect, influence, compared


def _expected(
    rows: pd.DataFrame, mine: np.ndarray, name: str, outcome: str, given: Mapping[str, float] | None
) -> tuple[float, float]:
    """Return what was expected of an action, and its standard deviation; NaN where nothing was said."""
    if given is not None:
        return float(given.get(name, np.nan)), np.nan
    if outcome != "gain" or "expected" not in rows or not mine.any():
        return np.nan, np.nan
    spread = np.nan
    if "expected_sd" in rows:
        # What customers share, the effect of the action, is most of it, so deviations do not cancel.
        spread = float(rows.loc[mine, "expected_sd"].mean())
    return float(rows.loc[mine, "expected"].mean()), spread


def _corrected(effect: float, se: float, goal: float, spread: float) -> tuple[float, float]:
    """Return what to expect from now on, and its standard deviation."""
    if not np.isfinite(effect):
        return goal, spread
    if not (np.isfinite(goal) and np.isfinite(spread) and spread > 0 and se > 0):
        return effect, se
    precise = 1.0 / se**2 + 1.0 / spread**2
    return (effect / se**2 + goal / spread**2) / precise, precise**-0.5


def _compared(name: str, share: float, n: int) -> Check:
    return Check(
        "contacts with somebody alike left alone",
        share,
        f">= {_COMPARED:.0%}",
        "passed" if share >= _COMPARED else "failed",
        "" if share >= _COMPARED else "leave a share of all customers alone at random, in every group",
        about=name,
        n=n,
    )
