"""Log-normal spend: single purchases vary around a customer's level, and levels between customers.

The logarithm of what a purchase is worth is normal within a customer and between customers, as Borle, Singh &
Jain (2008), key ``borle2008customer``, have it. With frequency, the level depends on how often a customer has
bought, as in Glady, Baesens & Croux (2009), key ``glady2009modified``, whose joint normal distribution of
both is here the distribution of the level given the number of repeat purchases.

All single purchases of a customer count, by their number and the mean and spread of their logarithms, where
Gamma-Gamma reads their mean alone.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import SPEND
from bayes_cx.model import Independent, Model, Param, Prior, Trait
from bayes_cx.models.quantities import named
from bayes_cx.simulated import Amounts

__all__ = ["LOG_NORMAL", "LOG_NORMAL_FREQUENCY"]

_LOG_2PI = float(np.log(2 * np.pi))


def _scale(weight, x, spend, paid, log_spend, log_spend_sd):
    """Return the geometric mean of all paid repeat purchases."""
    n = np.where(spend > 0, weight * paid, 0.0)
    return np.exp(np.sum(n * np.where(n > 0, log_spend, 0.0)) / np.sum(n))


def _letters(scale, typical_spend, purchase_sd, customer_sd):
    return {"m": typical_spend * scale, "s": purchase_sd, "w": customer_sd}


def _letters_with_frequency(scale, typical_spend, purchase_sd, customer_sd, elasticity):
    return {**_letters(scale, typical_spend, purchase_sd, customer_sd), "b": elasticity}


def _level(x, m, b):
    """Return the mean log level of those with x repeat purchases; who has none is as those with one."""
    return pt.log(m) + b * pt.log(pt.maximum(x, 1.0))


def _known(spend, paid, log_spend, log_spend_sd):
    """Return number, mean and spread of the log amounts; zeros where nothing was paid or nothing is known."""
    tells = pt.and_(pt.gt(paid, 0), pt.gt(spend, 0))
    return tells, *(pt.switch(tells, each, 0.0) for each in (paid, log_spend, log_spend_sd))


def _log_density(level, spend, paid, log_spend, log_spend_sd, s, w):
    """Return the log density of the amounts of all paid purchases, with the level integrated out."""
    tells, n, mean, sd = _known(spend, paid, log_spend, log_spend_sd)
    total = s**2 + n * w**2
    within = (n - 1.0) * pt.log(s) + 0.5 * n * (sd / s) ** 2
    between = 0.5 * pt.log(total) + 0.5 * n * (mean - level) ** 2 / total
    # The amounts and not their logarithms: so densities of other models of the same amounts compare.
    return pt.switch(tells, -0.5 * n * _LOG_2PI - within - between - n * mean, 0.0)


def _log_lik(x, spend, paid, log_spend, log_spend_sd, m, s, w):
    level = pt.log(m) + 0.0 * x
    return _log_density(level, spend, paid, log_spend, log_spend_sd, s, w)


def _log_lik_with_frequency(x, spend, paid, log_spend, log_spend_sd, m, s, w, b):
    return _log_density(_level(x, m, b), spend, paid, log_spend, log_spend_sd, s, w)


def _expected(level, x, spend, paid, log_spend, log_spend_sd, s, w):
    """Return the mean of an amount given the history, times the share of purchases that are paid."""
    _, n, mean, _ = _known(spend, paid, log_spend, log_spend_sd)
    total = s**2 + n * w**2
    own = (s**2 * level + n * w**2 * mean) / total
    paying = (n + 1.0) / (pt.maximum(x, n) + 1.0)
    return paying * pt.exp(own + 0.5 * s**2 * (1.0 + w**2 / total))


def _expected_spend(x, spend, paid, log_spend, log_spend_sd, m, s, w):
    return _expected(pt.log(m), x, spend, paid, log_spend, log_spend_sd, s, w)


def _expected_spend_with_frequency(x, spend, paid, log_spend, log_spend_sd, m, s, w, b):
    return _expected(_level(x, m, b), x, spend, paid, log_spend, log_spend_sd, s, w)


def _expected_spend_new(m, s, w):
    return m * pt.exp(0.5 * (s**2 + w**2))


def _simulate_with_frequency(rng, x, m, s, w, b):
    """Return what each of x repeat purchases of each customer is worth."""
    x = np.asarray(x).astype(np.int64)
    level = np.log(m) + b * np.log(np.maximum(x, 1)) + w * rng.standard_normal(x.shape)
    customer = np.repeat(np.arange(x.size), x)
    return Amounts(
        customer, np.exp(_of(level, customer) + _of(s, customer) * rng.standard_normal(customer.size))
    )


def _simulate(rng, x, m, s, w):
    return _simulate_with_frequency(rng, x, m, s, w, 0.0)


def _simulate_future_with_frequency(rng, n, x, spend, paid, log_spend, log_spend_sd, m, s, w, b):
    """Return the total spend of `n` more purchases of customers with a history."""
    n, x = np.asarray(n).astype(np.int64), np.asarray(x, float)
    tells = (paid > 0) & (spend > 0)
    seen, mean = np.where(tells, paid, 0.0), np.where(tells, log_spend, 0.0)
    total = s**2 + seen * w**2
    level = (s**2 * (np.log(m) + b * np.log(np.maximum(x, 1.0))) + seen * w**2 * mean) / total
    level = level + s * w / np.sqrt(total) * rng.standard_normal(n.shape)
    free = np.maximum(x - seen, 0.0)
    if np.any(free > 0):  # each customer goes on as before, one paid purchase more in mind
        chance = np.where(free > 0, rng.beta(seen + 1.0, np.maximum(free, 1e-9)), 1.0)
        n = rng.binomial(n, chance)
    customer = np.repeat(np.arange(n.size), n)
    amount = np.exp(_of(level, customer) + _of(s, customer) * rng.standard_normal(customer.size))
    return np.bincount(customer, amount, minlength=n.size)


def _simulate_future(rng, n, x, spend, paid, log_spend, log_spend_sd, m, s, w):
    return _simulate_future_with_frequency(rng, n, x, spend, paid, log_spend, log_spend_sd, m, s, w, 0.0)


def _of(value, customer):
    """Return the value of each customer, or the one of all, purchase by purchase."""
    return value if np.ndim(value) == 0 else value[customer]


def _independent(weight, x, spend, paid, log_spend, log_spend_sd, m, s, w, b):
    """Return the model without frequency that is closest, as its likelihood weighs customers.

    What frequency explains of the levels becomes a part of the spread between customers. A customer counts as
    much as is known of the level: by the inverse of its variance and that of the mean of the purchases.
    """
    some = (paid > 0) & (spend > 0) & (weight > 0)
    pairs, place = np.unique(np.stack([x[some], paid[some]]), axis=1, return_inverse=True)
    weight = np.bincount(place.ravel(), weight[some])
    c, n = np.log(pairs[0]), pairs[1]
    m, s, w, b = (np.reshape(each, (-1, 1)) for each in (m, s, w, b))

    def moments(share):
        mean = (share * c).sum(axis=1, keepdims=True) / share.sum(axis=1, keepdims=True)
        return mean, (share * (c - mean) ** 2).sum(axis=1, keepdims=True) / share.sum(axis=1, keepdims=True)

    _, variance = moments(weight[None])
    between = w**2 + b**2 * variance
    mean, spread = moments(weight / (between + s**2 / n))
    closest = {"m": m * np.exp(b * mean), "s": s, "w": np.sqrt(w**2 + b**2 * spread)}
    return Independent(
        LOG_NORMAL,
        {name: np.ravel(value) for name, value in closest.items()},
        np.ravel(b * np.sqrt(variance / between)),
        np.ravel(2.0**b - 1.0),
    )


def _observe(made, x):
    """Return what one sees of amounts `made` by customers with x repeat purchases, all of them paid."""
    return {"x": x, **made.statistics(np.size(x))}


_PARAMS = {
    "m": Param("money", "median of the purchases of a customer in the middle"),
    "s": Param("", "standard deviation of the log amounts of one customer"),
    "w": Param("", "standard deviation between customers of their mean log amounts"),
}
_PRIORS = {
    "typical_spend": Prior(
        "LogNormal",
        {"mu": 0.0, "sigma": 0.5},
        "typical purchase, relative to the geometric mean in the data",
        "it is seen almost directly; 95% between 0.38 and 2.7 times",
    ),
    "purchase_sd": Prior(
        "LogNormal",
        {"mu": -0.7, "sigma": 0.7},
        "standard deviation of the log amounts of one customer",
        "from a fixed basket (0.13) to a wild one (2)",
    ),
    "customer_sd": Prior(
        "LogNormal",
        {"mu": -1.0, "sigma": 1.0},
        "standard deviation between customers of their mean log amounts",
        "from customers who are nearly alike (0.05) to those who differ by a factor of ten and more (2.6)",
    ),
}
_CONSTANT = "Levels are constant: trends in prices or baskets are not in the model."
_FREE = (
    "Free purchases say nothing of what others are worth; the share of a customer's purchases that are free "
    "is expected to stay about what it was."
)

LOG_NORMAL = Model(
    name="Log-normal",
    key="log_normal",
    statistics=("x", "spend", "paid", "log_spend", "log_spend_sd"),
    params=_PARAMS,
    traits={"typical_spend": Trait("LogNormal", ("m", "w"), "median of a customer's purchases", "money")},
    priors=_PRIORS,
    scale=_scale,
    letters=_letters,
    log_lik=_log_lik,
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=_observe,
    quantities=named(SPEND, expected_spend=_expected_spend, expected_spend_new=_expected_spend_new),
    story=(
        "Every purchase of a customer is the customer's own level times a factor that varies from purchase "
        "to purchase. The levels differ between customers and do not depend on how often they buy."
    ),
    formulas=(
        'log z_i tilde.op "N"(theta, s^2), quad theta tilde.op "N"(log m, w^2)',
        "E[Z | x, z] = exp((s^2 log m + x w^2 overline(log z)) / (s^2 + x w^2) + (s^2 slash 2) "
        "(1 + w^2 / (s^2 + x w^2)))",
    ),
    limits=(
        "How much a customer spends is assumed not to depend on how often the customer buys.",
        _CONSTANT,
        _FREE,
    ),
    when="single amounts vary by factors, and some are many times the usual",
    reference="borle2008customer",
    kind=SPEND,
)

LOG_NORMAL_FREQUENCY = Model(
    name="Log-normal with frequency",
    key="log_normal_frequency",
    statistics=LOG_NORMAL.statistics,
    params={
        "m": Param("money", "median of the purchases of a customer in the middle with one repeat purchase"),
        "s": _PARAMS["s"],
        "w": Param("", "standard deviation of mean log amounts between customers who buy equally often"),
        "b": Param(
            "",
            "elasticity: by how many percent a purchase is worth more, per percent of purchases",
            link="identity",
        ),
    },
    traits={
        "typical_spend": Trait(
            "LogNormal", ("m", "w"), "median of the purchases of customers with one repeat purchase", "money"
        )
    },
    priors={
        **_PRIORS,
        "elasticity": Prior(
            "Normal",
            {"mu": 0.0, "sigma": 0.3},
            "elasticity of spend per purchase by the number of repeat purchases",
            "no direction is preferred; ten times the purchases go with a quarter to four times the spend",
        ),
    },
    scale=_scale,
    letters=_letters_with_frequency,
    log_lik=_log_lik_with_frequency,
    simulate=_simulate_with_frequency,
    simulate_future=_simulate_future_with_frequency,
    observe=_observe,
    without_frequency=_independent,
    quantities=named(
        SPEND, expected_spend=_expected_spend_with_frequency, expected_spend_new=_expected_spend_new
    ),
    story=(
        "Every purchase of a customer is the customer's own level times a factor that varies from purchase "
        "to purchase. The levels differ between customers, and with how often they have bought: twice the "
        "repeat purchases go with a level that is higher, or lower, by the same factor everywhere."
    ),
    formulas=(
        'log z_i tilde.op "N"(theta, s^2), quad theta tilde.op "N"(log m + b log x, w^2)',
        *LOG_NORMAL.formulas[1:],
    ),
    limits=(
        "Frequency is the number of repeat purchases so far: where customers have been known for very "
        "different times it says as much of tenure as of rate.",
        "Who has not bought again is taken to spend like those with one repeat purchase.",
        _CONSTANT,
        _FREE,
    ),
    when="those who buy often also spend more, or less, on each purchase",
    reference="glady2009modified",
    kind=SPEND,
)
