"""BdW: at every renewal a customer leaves with an individual chance, which changes as the customer ages.

Fader et al. (2018), key ``fader2018revisited``. Letters are those of the paper: given theta a customer makes
t renewals with chance (1 - theta)^(t^c). The renewals to come are those at 1, 2, ... periods from now.
"""

import numpy as np
import pytensor.scalar as ps
import pytensor.tensor as pt

from bayes_cx.kinds import CONTRACTS
from bayes_cx.model import Model, Param, Prior, Trait
from bayes_cx.models.quantities import Active, quantities
from bayes_cx.numerics import (
    discounted_sum,
    geometric_sum,
    log_leave,
    log_stay,
    log_stay_on,
    most_periods,
    wear,
)
from bayes_cx.simulated import Lifetimes, Purchases

__all__ = ["BDW"]

# One over the power of time (wear) beyond which the chance to stay is a power law to ten digits.
_FAR = 1e10


def _log_lik(T, churned, gamma, delta, c):
    """The renewals made, and the one that was not: S(t - 1) (1 - S(t) / S(t - 1)), which does not cancel."""
    made = T - churned
    stayed = log_stay_on(0.0, made, gamma, delta, c, 1.0)
    return stayed + pt.switch(pt.gt(churned, 0), log_leave(made, gamma, delta, c), 0.0)


def _stays(t, T, gamma, delta, c):
    """Return the chance to make t renewals after T of them, S(T + t) / S(T)."""
    return pt.exp(log_stay_on(T, pt.floor(t), gamma, delta, c, 1.0))


def _survival(t, T, churned, gamma, delta, c):
    return (1.0 - churned) * _stays(t, T, gamma, delta, c)


def _retention(t, T, churned, gamma, delta, c):
    return _survival(1.0, T + pt.maximum(pt.floor(t), 1.0) - 1.0, churned, gamma, delta, c)


def _sum_with_less_dropout(t, discount, keep, T, gamma, delta, c):
    """Renewals where the cumulative hazard falls by a share: the chance to stay is its power 1 - keep."""
    return discounted_sum(_log_stays, t, discount, T, gamma, delta, c, 1.0 - keep, bend=c)


def _log_stays(i, made, gamma, delta, c, share):
    return log_stay_on(made, i, gamma, delta, c, share)


def _sum(t, discount, T, gamma, delta, c):
    """Return the discounted renewals of the next t."""
    return _sum_with_less_dropout(t, discount, 0.0, T, gamma, delta, c)


def _between(t1, t2, T, gamma, delta, c):
    start, span = pt.floor(t1), pt.floor(t2) - pt.floor(t1)
    return _stays(start, T, gamma, delta, c) * _sum(span, 0.0, T + start, gamma, delta, c)


def _exactly(count, t, T, gamma, delta, c):
    """The chance to make `count` renewals and not the next one, if there is a next one within t."""
    last = pt.floor(t)
    made = pt.minimum(count, last)
    left = pt.switch(pt.lt(made, last), pt.exp(log_leave(T + made, gamma, delta, c)), 1.0)
    return pt.switch(pt.le(count, last), _stays(made, T, gamma, delta, c) * left, 0.0)


_ACTIVE = Active(
    stays=_stays,
    any=lambda t, *believed: _stays(pt.minimum(pt.floor(t), 1.0), *believed),
    mean=lambda t, *believed: _sum(t, 0.0, *believed),
    exactly=_exactly,
    discounted=_sum,
    kept=lambda t, discount, *believed: geometric_sum(t, discount),
    less_dropout=_sum_with_less_dropout,
    endless=lambda discount, *believed: _sum(None, discount, *believed),
    between=_between,
)


def _log_stays_back(i, made, gamma, delta, c):
    """Return the log chance of i renewals after one that was refused, given that it was."""
    worn, refused = wear(made, 1.0, c)
    _, w = wear(made + 1.0, i, c)
    now, later = (ps.log(-ps.expm1(log_stay(gamma, delta + worn + u, refused))) for u in (0.0, w))
    return log_stay(gamma, delta + worn, w) + later - now


def _won_back(t, discount, T, churned, gamma, delta, c):
    """Renewals of a customer who left and is brought back; the paper does not say, so this is cautious.

    Having left raises the customer's chance to leave again: without ageing theta ~ Beta(gamma + 1, delta + T
    - 1). The contract continues at the age at which it ended. For customers who are still there it is what
    would follow if they left at the next renewal and were brought back.
    """
    return discounted_sum(_log_stays_back, t, discount, T - churned, gamma, delta, c, bend=c)


def _expected_lifetime(T, churned, gamma, delta, c):
    r"""Return the sum of the survival without end; it is infinite unless :math:`\gamma c > 1`.

    For large times survival is a power of time, for which the rest of the sum has a closed form: relative
    error 1e-8.
    """
    power = gamma * c - 1.0
    ends = pt.gt(power, 0)
    worn = pt.switch(pt.gt(T, 0), pt.exp(c * pt.log(pt.maximum(T, 1.0))), 0.0)
    far = pt.exp(pt.minimum(pt.log(_FAR * (1.0 + gamma) * (gamma + delta + worn)) / c, 650.0))
    near = _sum(pt.switch(ends, far, 0.0), 0.0, T, gamma, delta, c)
    edge = pt.floor(far) + 0.5
    rest = (T + edge) * pt.exp(log_stay_on(T, edge, gamma, delta, c, 1.0)) / pt.switch(ends, power, 1.0)
    lifetime = pt.switch(ends, near + rest, np.inf)
    return pt.switch(pt.gt(churned, 0), 0.0, lifetime)


def _median_lifetime(T, churned, gamma, delta, c):
    """Return the most renewals to come that the customer makes with a chance of one half or more."""
    return pt.switch(pt.gt(churned, 0), 0.0, most_periods(T, gamma, delta, c))


def _scale(weight, T, churned):
    """Return one: nothing here has a unit."""
    return 1.0


def _letters(scale, dropout, dropout_size, ageing):
    return {"gamma": dropout * dropout_size, "delta": (1.0 - dropout) * dropout_size, "c": ageing}


def _simulate(rng, T, gamma, delta, c):
    """Let new customers come up for renewal `T` times, shape (customer,)."""
    T = np.asarray(T)
    theta = rng.beta(gamma, delta, T.size)
    left = np.maximum(np.ceil(_power(_endures(rng, theta), 1.0 / c)), 1.0)
    return Lifetimes(np.where(left <= T, left, np.inf))


def _simulate_future(rng, t, p_alive, T, gamma, delta, c) -> Purchases:
    """Let customers with a history come up for renewal `t` times more."""
    active = rng.random(T.size) < p_alive
    worn = np.minimum(_power(np.asarray(T, float), c), 1e100)
    lasts = _power(worn + _endures(rng, rng.beta(gamma, delta + worn)), 1.0 / c) - T
    made = np.where(active, np.clip(np.floor(lasts), 0, t), 0).astype(int)
    customer = np.repeat(np.arange(T.size), made)
    return Purchases(customer, np.arange(customer.size) - np.repeat(np.cumsum(made) - made, made) + 1.0)


def _endures(rng, theta):
    """Return a draw of each customer's lifetime in units of wear: it exceeds w with chance (1 - theta)^w."""
    # Where customers differ very much some have a chance below the smallest double: they never leave.
    with np.errstate(divide="ignore", over="ignore"):
        return rng.standard_exponential(theta.size) / -np.log1p(-theta)


def _power(value, exponent):
    with np.errstate(over="ignore"):
        return value**exponent


def _observe(made, T):
    """Return what one sees of contracts that came up for renewal `T` times, shape (customer,)."""
    churned = made.left <= T
    return {"T": np.where(churned, made.left, T), "churned": churned.astype(int)}


BDW = Model(
    name="BdW",
    key="bdw",
    statistics=("T", "churned"),
    params={
        "gamma": Param(
            "", "weight of leaving: the mean chance at the first renewal is gamma / (gamma + delta)"
        ),
        "delta": Param("", "weight of staying"),
        "c": Param(
            "", "ageing: above 1 a customer is the likelier to leave the older, below 1 the less likely"
        ),
    },
    traits={"dropout": Trait("Beta", ("gamma", "delta"), "chance to leave at the first renewal")},
    priors={
        "dropout": Prior(
            "Beta",
            {"alpha": 1.0, "beta": 3.0},
            "mean chance to leave at the first renewal",
            "most customers renew once; 95% between 0.8% and 71%",
        ),
        "dropout_size": Prior(
            "LogNormal",
            {"mu": 1.0, "sigma": 1.0},
            "gamma + delta, how alike customers are in their chance to leave",
            "from nearly all-or-nothing customers (0.4) to nearly equal ones (19)",
        ),
        "ageing": Prior(
            "LogNormal",
            {"mu": 0.0, "sigma": 0.5},
            "c, how the chance of one customer to leave changes with age",
            "no change is the middle; 95% between a chance that falls (0.38) and one that rises (2.7)",
        ),
    },
    scale=_scale,
    letters=_letters,
    log_lik=_log_lik,
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=_observe,
    quantities=quantities(
        CONTRACTS,
        p_alive=lambda churned: 1.0 - churned,
        believed=lambda T, gamma, delta, c: (T, gamma, delta, c),
        active=_ACTIVE,
        won_back=_won_back,
        survival=_survival,
        retention=_retention,
        median_lifetime=_median_lifetime,
        expected_lifetime=_expected_lifetime,
    ),
    story=(
        "A contract comes up for renewal again and again, and it is observed who leaves. Each customer has "
        "an individual chance to leave, which rises or falls with age. Chances differ between customers."
    ),
    formulas=(
        'theta tilde.op "Beta"(gamma, delta), quad P("more than" t "renewals" | theta) = (1 - theta)^(t^c)',
        "S(t) = B(gamma, delta + t^c) / B(gamma, delta), quad r_t = S(t) / S(t - 1)",
        'E[Y(t) | "active after" T] = sum_(i=1)^t S(T + i) / S(T)',
    ),
    limits=(
        "Age changes the chance to leave in the same way for all customers, and steadily.",
        "Calendar time plays no part: seasons, campaigns and prices are not in the model.",
        "A customer who left and comes back counts as new; upgrades and pauses are not in the model.",
    ),
    when="subscriptions and other contracts that end when not renewed, where loyalty may change with age",
    reference="fader2018revisited",
    kind=CONTRACTS,
)
