"""What any rule would have gained, judged by a log of actions that were chosen with known probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtri

from bayes_cx import checks as _checks
from bayes_cx.argument_types import check_types
from bayes_cx.checks import Check
from bayes_cx.data import FollowUp
from bayes_cx.data.follow_up import check_follow_up
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.validation.policies import (
    AS_LOGGED,
    Policy,
    cells,
    named_policies,
    probabilities,
    standard_error,
)

__all__ = ["ENOUGH", "PolicyValue", "policy_value"]

ENOUGH = 100
"""The effective number of decisions below which a log does not say what a rule would have gained."""

_FOLDS = 5
# So many decisions of the same action stand behind the mean of a group that has none itself.
_BEHIND = 10.0
_MEAN_WEIGHT = "mean weight"
_EFFECTIVE = "effective sample size"
# By chance the mean weight is this far from 1, in standard errors, once in a thousand logs.
_FAR = 3.2905
_ALARM = 0.001


@dataclass(frozen=True)
class PolicyValue:
    """What rules would have gained for each decision.

    Attributes
    ----------
    data : xarray.Dataset
        Over ``policy`` (the first is what was done) and ``estimator`` (``"doubly robust"``, ``"snips"``):
        ``value``, the mean gain of a decision, with ``value_se``, ``value_low`` and ``value_high``, and
        ``lift`` over what was done, with its own. Over ``policy``: ``ess``, the effective number of
        decisions; ``mean_weight``, which is 1 where the probabilities are right and the log holds every
        action of the rule; ``agreement``, the share of decisions that the rule would have made alike.
    level : float
        Of the intervals.
    checks : tuple of Check
        For each rule, whether the log can judge it.
    values : str
        What gains are: ``"spend"`` or ``"purchases"``.
    """

    data: xr.Dataset
    level: float
    checks: tuple[Check, ...]
    values: str = "spend"

    def __repr__(self) -> str:
        return f"<PolicyValue: {' '.join(self.sentences)}>"

    def _repr_html_(self) -> str:
        return html("policy_value", self)

    @property
    def verdict(self) -> _checks.Status:
        """The verdict over the checks."""
        return _checks.verdict(self.checks)

    def can_judge(self, policy: str) -> bool:
        """Return whether the log can judge a rule: all of its checks passed."""
        return policy == AS_LOGGED or (
            _checks.verdict(check for check in self.checks if check.about == policy) == "passed"
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """For each rule one sentence: what it would have gained, or that the log cannot say."""
        found = []
        level = f"{self.level:.0%}"
        for name in map(str, self.data["policy"].to_numpy()[1:]):
            one = self.data.sel(policy=name, estimator="doubly robust")
            lift, low, high = (float(one[key]) for key in ("lift", "lift_low", "lift_high"))
            if not self.can_judge(name):
                bad = [check for check in self.checks if check.about == name and check.status != "passed"]
                found.append(f"What {name!r} would have gained cannot be said: {bad[0].note}.")
            elif low > 0 or high < 0:
                more = "more" if low > 0 else "less"
                ends = sorted(abs(end) for end in (low, high))
                found.append(
                    f"{name!r} would have gained {abs(lift):.3g} {more} a decision than what was done "
                    f"({level}: {ends[0]:.3g} to {ends[1]:.3g})."
                )
            else:
                found.append(
                    f"Whether {name!r} would have gained more than what was done is not shown "
                    f"({lift:+.3g} a decision, {level}: {low:.3g} to {high:.3g})."
                )
        return tuple(found)

    def table(self) -> pd.DataFrame:
        """Return one row a rule and estimator."""
        return self.data.to_dataframe().reset_index()


def policy_value(
    decided: FollowUp,
    policies: Policy | Mapping[str, Policy],
    *,
    by: Sequence[str] | str | None = None,
    level: float = 0.95,
    enough: float = ENOUGH,
) -> PolicyValue:
    r"""Return what rules would have gained, from actions that were chosen with known probabilities.

    With weights :math:`w_i = \pi(a_i \mid x_i) / p_i`, the probability of the action under the rule over the
    one with which it was chosen, and gains :math:`r_i`, the self-normalised estimate is
    :math:`\sum w_i r_i / \sum w_i` [swaminathan2015self]_, and the doubly robust one is the mean of
    :math:`\sum_a \pi(a \mid x_i)\, q(x_i, a) + w_i (r_i - q(x_i, a_i))` [dudik2011doubly]_. Here :math:`q` is
    the mean gain of an action in a group of customers, shrunk towards that of all, and computed without the
    customer that it is used for. Intervals follow from influence functions, with all decisions on a customer
    taken together.

    Parameters
    ----------
    decided : FollowUp
        From `follow_up`.
    policies : str, callable, sequence, or mapping of str to these
        A rule, or rules by name: an action for everybody; one for each decision, in the order of
        ``decided.rows``; or a function of that table which returns actions, or a frame of probabilities with
        a column for each action.
    by : sequence of str, optional
        Columns that say which customers are alike; if not given, the context of the log.
    level : float
        Of the intervals.
    enough : float
        The effective number of decisions that a rule needs to be judged.

    Raises
    ------
    InputError
        If a rule names an action that was never done, or a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import follow_up, read_actions
    >>> n = 400
    >>> log = read_actions(
    ...     pd.DataFrame({"customer": range(n), "action": ["mail", "nothing"] * (n // 2)}).assign(
    ...         time="2025-01-01", propensity=0.5
    ...     )
    ... )
    >>> bought = pd.DataFrame({"customer": range(0, n, 4), "time": "2025-01-05", "amount": 10.0})
    >>> decided = follow_up(log, bought, window="30 days", until="2025-03-01")
    >>> found = policy_value(decided, "mail")
    >>> round(float(found.data["value"].sel(policy="mail", estimator="snips")), 3), found.verdict
    (5.0, 'passed')
    """
    check_types(policy_value, locals())
    decided, rules = check_follow_up(decided), named_policies(policies)
    if isinstance(level, str) or not 0 < level < 1:
        raise InputError(f"level={level!r}", "a number between 0 and 1", "write 0.95 for 95%")
    rows, actions = decided.rows, decided.actions
    by = decided.context if by is None else (by,) if isinstance(by, str) else tuple(by)
    gain, chance = rows["gain"].to_numpy(float), rows["propensity"].to_numpy(float)
    done = pd.Categorical(rows["action"], categories=list(actions)).codes
    customers = rows.groupby("customer", sort=False).ngroup().to_numpy()
    expected = _expected(gain, done, cells(rows, by), _folds(rows), len(actions))
    n, own = gain.size, np.arange(gain.size)
    every = [(AS_LOGGED, None), *rules.items()]
    estimates: dict[str, np.ndarray] = {}
    ess, mean_weight, agreement = np.full((3, len(every)), np.nan)
    found: list[Check] = []
    influences = np.empty((len(every), 2, n))
    value = np.empty((len(every), 2))
    for i, (name, rule) in enumerate(every):
        if rule is None:
            value[i], influences[i] = gain.mean(), (gain - gain.mean()) / n
            ess[i], mean_weight[i], agreement[i] = n, 1.0, 1.0
            continue
        chosen = probabilities(rule, rows, actions, name)
        weight = chosen[own, done] / chance
        score = (chosen * expected).sum(axis=1) + weight * (gain - expected[own, done])
        total = weight.sum()
        value[i] = score.mean(), (weight @ gain) / total if total > 0 else np.nan
        influences[i, 0] = (score - value[i, 0]) / n
        influences[i, 1] = weight * (gain - value[i, 1]) / total if total > 0 else np.nan
        ess[i] = total**2 / np.sum(weight**2) if total > 0 else 0.0
        mean_weight[i], agreement[i] = weight.mean(), chosen[own, done].mean()
        found += _checks_of(name, float(ess[i]), weight, customers, enough)
    tail = ndtri((1 + level) / 2)
    for name, estimate, influence in (
        ("value", value, influences),
        ("lift", value - value[0], influences - influences[0]),
    ):
        error = np.array([[standard_error(each, customers) for each in pair] for pair in influence])
        estimates |= {
            name: estimate,
            f"{name}_se": error,
            f"{name}_low": estimate - tail * error,
            f"{name}_high": estimate + tail * error,
        }
    data = xr.Dataset(
        {name: (("policy", "estimator"), one) for name, one in estimates.items()}
        | {
            name: ("policy", one)
            for name, one in (("ess", ess), ("mean_weight", mean_weight), ("agreement", agreement))
        },
        coords={"policy": [name for name, _ in every], "estimator": ["doubly robust", "snips"]},
        attrs={"decisions": n, "customers": int(customers.max()) + 1, "by": ", ".join(by)},
    )
    return PolicyValue(data, float(level), tuple(found), decided.values)


def _folds(rows: pd.DataFrame) -> np.ndarray:
    """Return the part of each row; all rows of a customer are in one, whatever the other customers are."""
    number, customers = pd.factorize(rows["customer"])
    return np.array([crc32(str(customer).encode()) % _FOLDS for customer in customers])[number]


def _expected(gain: np.ndarray, done: np.ndarray, cell: np.ndarray, fold: np.ndarray, n: int) -> np.ndarray:
    """Return the mean gain of each action among customers alike in other parts, shape (decision, action)."""
    shape = (_FOLDS, int(cell.max()) + 1, n)
    where = np.ravel_multi_index((fold, cell, done), shape)
    total, count = (
        np.bincount(where, weights=weights, minlength=np.prod(shape)).reshape(shape)
        for weights in (gain, np.ones_like(gain))
    )
    total, count = total.sum(axis=0) - total, count.sum(axis=0) - count
    overall = (total.sum(axis=(1, 2)) / np.maximum(count.sum(axis=(1, 2)), 1))[:, None]
    # An action that is not in the other parts is taken to gain what all do.
    of_action = (total.sum(axis=1) + _BEHIND * overall) / (count.sum(axis=1) + _BEHIND)
    mean = (total + _BEHIND * of_action[:, None, :]) / (count + _BEHIND)
    return mean[fold, cell]


def _checks_of(
    name: str, ess: float, weight: np.ndarray, customers: np.ndarray, enough: float
) -> tuple[Check, Check]:
    mean = float(weight.mean())
    error = standard_error((weight - mean) / weight.size, customers)
    close = abs(mean - 1.0) <= max(_FAR * (error if np.isfinite(error) else np.inf), 1e-9)
    return (
        Check(
            _EFFECTIVE,
            ess,
            f">= {enough:g}",
            "passed" if ess >= enough else "failed",
            f"weighted as the rule would choose, the log is worth only {ess:,.0f} decisions",
            about=name,
            n=weight.size,
        ),
        Check(
            _MEAN_WEIGHT,
            mean,
            "1, within what chance explains",
            "passed" if close else "failed",
            "the log does not hold all actions of the rule for all customers, or its propensities are wrong",
            about=name,
            n=weight.size,
            alarm=_ALARM,
        ),
    )
