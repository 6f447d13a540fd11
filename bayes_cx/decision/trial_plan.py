r"""A trial before it begins: how many customers, how long, with which power, and what it is worth to know.

With sd the standard deviation of an outcome and n customers in each arm, a comparison that is looked at once
finds a true effect :math:`\delta` with power :math:`1 - \beta` if

.. math:: n = 2 (z_{1-\alpha/2} + z_{1-\beta})^2 \, \text{sd}^2 / \delta^2 .

The rule of `bcx.look` may be looked at every day, and needs more. What a trial is worth is the expected value
of sample information: with the effect :math:`\delta \sim \text{Normal}(m, s^2)`, a net gain
:math:`w \delta - c` of each customer and :math:`V = 2\,\text{sd}^2/n`, the mean of the net gain after the
trial is Normal with mean :math:`\mu = w m - c` and standard deviation
:math:`\sigma = w s^2 / \sqrt{s^2 + V}`, and who then decides gains

.. math:: \text{E} \max(0, \cdot) = \mu \Phi(\mu / \sigma) + \sigma \phi(\mu / \sigma)

per customer, where without a trial it is :math:`\max(0, \mu)`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from bayes_cx.argument_types import check_types
from bayes_cx.errors import InputError
from bayes_cx.notebook import html
from bayes_cx.scoring.looking import e_value
from bayes_cx.seeds import checked_seed

__all__ = ["TrialPlan", "plan_trial"]

_RUNS = 4000
# At most so many times the customers of a trial that is looked at once.
_MOST_TIMES = 8.0


@dataclass(frozen=True, repr=False)
class TrialPlan:
    """A trial before it begins.

    Attributes
    ----------
    control, effect, sd : float
        Outcome of a customer without the action, the effect to be found, and the standard deviation.
    arms : int
        With the control.
    alpha, power : float
    n : int
        Customers in each arm, looked at once, at the end.
    n_anytime : int
        Customers in each arm for the same power with `looks` looks by the rule of `bcx.look`.
    power_anytime : float
        The power of that rule with n customers in each arm.
    looks : int
    days, days_anytime : float or None
        How long both take, where it is known how many customers come in a day.
    value, value_after_cost : float or None
        What the trial of n customers in each arm is expected to be worth, and the same less what it costs.
    best_n : int or None
        The number of customers in each arm for which that is largest.
    """

    control: float
    effect: float
    sd: float
    arms: int
    alpha: float
    power: float
    n: int
    n_anytime: int
    power_anytime: float
    looks: int
    days: float | None = None
    days_anytime: float | None = None
    value: float | None = None
    value_after_cost: float | None = None
    best_n: int | None = None

    def __repr__(self) -> str:
        days = "" if self.days is None else f" in {self.days:,.0f} days"
        size = f"{self.n:,} customers in each of {self.arms} arms, {self.n * self.arms:,} in all"
        return f"<TrialPlan: {size}{days}>"

    def _repr_html_(self) -> str:
        return html("trial_plan", self)

    def __str__(self) -> str:
        """Return the plan in sentences."""
        return " ".join(self.sentences())

    def sentences(self, currency: str = "") -> tuple[str, ...]:
        """Return the plan in sentences: size and duration looked at once, and often; what it is worth."""
        once = "" if self.days is None else f", {self.days:,.0f} days"
        often = "" if self.days_anytime is None else f", {self.days_anytime:,.0f} days"
        lines = [
            f"To find a change from {self.control:g} by {self.effect:g} with a power of {self.power:.0%}, "
            f"{self.n:,} customers in each of {self.arms} arms are needed{once}, if one looks once, at the "
            "end.",
            f"By the rule that may be looked at {self.looks} times it is {self.n_anytime:,} at most{often}; "
            f"with {self.n:,} its power is {self.power_anytime:.0%}.",
        ]
        if self.value is not None and self.value_after_cost is not None:
            lines.append(
                f"Knowing the result is expected to be worth {currency}{self.value:,.0f}, and after the cost "
                f"of the trial {currency}{self.value_after_cost:,.0f}; {self.best_n:,} customers in each arm "
                "would be worth most."
            )
        return tuple(lines)


def plan_trial(
    control: float,
    effect: float,
    *,
    sd: float | None = None,
    arms: int = 2,
    alpha: float = 0.05,
    power: float = 0.8,
    looks: int = 20,
    per_day: float | None = None,
    customers: float | None = None,
    worth: float = 1.0,
    cost: float = 0.0,
    prior: tuple[float, float] | None = None,
    trial_cost: float = 0.0,
    seed: int = 0,
) -> TrialPlan:
    """Return how large a trial has to be, how long it takes, and what it is worth in money.

    Parameters
    ----------
    control : float
        The outcome of a customer without the action: a share, a number of events, or an amount.
    effect : float
        The smallest change of it that one wants to find.
    sd : float, optional
        Standard deviation of the outcome between customers; by default that of a share.
    arms : int
        Number of arms with the control; each is compared with it, and alpha is shared.
    alpha, power : float
    looks : int
        How often one looks, by the rule of `bcx.look`.
    per_day : float, optional
        Customers that can be assigned in a day, in all arms together.
    customers : float, optional
        Customers who get the better arm afterwards, over the horizon; without them no value is computed.
    worth, cost : float
        What one more outcome is worth, and what the action costs, of each customer.
    prior : tuple of float, optional
        Mean and standard deviation of what the effect is believed to be; by default 0 and `effect`.
    trial_cost : float
        What the trial costs beside the action.
    seed : int

    Returns
    -------
    TrialPlan

    Raises
    ------
    InputError
        If a number is out of its range.

    Examples
    --------
    >>> plan = plan_trial(0.05, 0.01, per_day=1000)
    >>> plan.n, plan.days
    (7457, 15.0)
    """
    check_types(plan_trial, locals())
    _check(control, effect, sd, arms, alpha, power, looks, per_day)
    _check_money(customers, worth, cost, trial_cost, prior)
    if sd is None:
        sd = float(np.sqrt(control * (1 - control)))
    own = alpha / (arms - 1)
    n = int(np.ceil(2 * (norm.isf(own / 2) + norm.ppf(power)) ** 2 * sd**2 / effect**2))
    walk = _walks(looks, seed)
    power_anytime = _power(walk, n, effect, sd, own)
    low, high = 1.0, _MOST_TIMES
    for _ in range(20):
        middle = (low + high) / 2
        reached = _power(walk, n * middle, effect, sd, own) >= power
        low, high = (low, middle) if reached else (middle, high)
    found = TrialPlan(
        control, effect, sd, arms, alpha, power, n, int(np.ceil(n * high)), power_anytime, looks
    )
    days = {} if per_day is None else {
        "days": float(np.ceil(n * arms / per_day)),
        "days_anytime": float(np.ceil(found.n_anytime * arms / per_day)),
    }  # fmt: skip
    money = {}
    if customers is not None:
        m, s = (0.0, abs(effect)) if prior is None else prior
        grid = np.unique(np.geomspace(10, max(customers, 20), 400).astype(int))
        values = _value(grid, sd, m, s, worth, cost, customers)
        paid = trial_cost + (arms - 1) * grid * cost - (arms - 1) * grid * worth * m
        here = float(_value(np.array([n]), sd, m, s, worth, cost, customers)[0])
        spent = trial_cost + (arms - 1) * n * (cost - worth * m)
        money = {
            "value": here,
            "value_after_cost": here - spent,
            "best_n": int(grid[int((values - paid).argmax())]),
        }
    return TrialPlan(**{**vars(found), **days, **money})


def _check(
    control: float,
    effect: float,
    sd: float | None,
    arms: int,
    alpha: float,
    power: float,
    looks: int,
    per_day: float | None,
) -> None:
    if sd is None and not 0 < control < 1:
        raise InputError(
            f"control={control}, and no sd", "a share between 0 and 1", "pass sd for amounts and counts"
        )
    if not (effect != 0 and np.isfinite(effect)):
        raise InputError(f"effect={effect}", "a change to be found", "pass the smallest one worth having")
    for name, value, sound in (
        ("sd", sd, sd is None or 0 < sd < np.inf),
        ("arms", arms, arms >= 2),
        ("alpha", alpha, 0 < alpha < 1),
        ("power", power, 0 < power < 1),
        ("looks", looks, looks >= 1),
        ("per_day", per_day, per_day is None or per_day > 0),
    ):
        if not sound:
            raise InputError(f"{name}={value}", "a number in its range", f"correct {name}")


def _check_money(
    customers: float | None, worth: float, cost: float, trial_cost: float, prior: tuple[float, float] | None
) -> None:
    if customers is not None and not 1 <= customers < np.inf:
        raise InputError(f"customers={customers}", "one customer or more", "correct customers")
    for name, value in (("worth", worth), ("cost", cost), ("trial_cost", trial_cost)):
        if not 0 <= value < np.inf:
            raise InputError(f"{name}={value}", "a number of zero or more", f"correct {name}")
    if prior is not None and not (np.isfinite(prior[0]) and 0 < prior[1] < np.inf):
        raise InputError(f"prior={prior}", "a mean, and a standard deviation above zero", "correct prior")


def _walks(looks: int, seed: int) -> np.ndarray:
    """Return sums of standard normal numbers at equally many looks, shape (run, look)."""
    rng = np.random.default_rng(checked_seed(seed))
    return rng.standard_normal((_RUNS, looks)).cumsum(axis=1) / looks**0.5


def _power(walk: np.ndarray, n: float, effect: float, sd: float, alpha: float) -> float:
    """Return how often the rule has found the effect by the last of the looks at n customers in each arm."""
    share = np.arange(1, walk.shape[1] + 1) / walk.shape[1]
    V = 2 * sd**2 / (n * share)
    d = effect + np.sqrt(2 * sd**2 / n) * walk / share
    return float(((e_value(d, V, abs(effect)) >= 1 / alpha) & (d * effect > 0)).any(axis=1).mean())


def _value(
    n: np.ndarray, sd: float, m: float, s: float, worth: float, cost: float, customers: float
) -> np.ndarray:
    """Return the expected value of knowing the result of n customers in each arm."""
    mu, sigma = worth * m - cost, worth * s**2 / np.sqrt(s**2 + 2 * sd**2 / n)
    after = mu * norm.cdf(mu / sigma) + sigma * norm.pdf(mu / sigma)
    return customers * (after - max(mu, 0.0))
