"""Gamma-Gamma: what a purchase is worth, given what the customer's purchases were worth.

Fader, Hardie & Lee (2005) and Fader & Hardie (2013), key ``fader2013gammagamma``.
"""

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import SPEND
from bayes_cx.model import Model, Param, Prior, Trait
from bayes_cx.models.quantities import named
from bayes_cx.numerics import log_beta_power

__all__ = ["GAMMA_GAMMA"]


def _seen(x, spend):
    """Return the number and the total of the purchases with a positive spend.

    Both are zero for a customer without repeat purchase, or whose repeat purchases were free.
    """
    tells = (x > 0) & (spend > 0)
    return np.where(tells, x, 0.0), np.where(tells, x * spend, 0.0)


def _scale(weight, x, spend):
    """Return the mean spend of repeat buyers."""
    n, total = _seen(x, spend)
    return np.sum(weight * total) / np.sum(weight * n)


def _letters(scale, mean_spend, purchase_cv, tail):
    p = purchase_cv**-2
    # q > 1 by construction, so that the mean spend p v / (q - 1) exists.
    return {"p": p, "q": 1.0 + tail, "v": mean_spend * scale * tail / p}


def _log_lik(x, spend, p, q, v):
    """Eq. (1a), the density of the mean of x purchases; zero for customers without a positive spend."""
    tells = pt.and_(pt.gt(x, 0), pt.gt(spend, 0))
    # Of x alone, so that gamma functions are computed once for each x and not for each customer.
    n = pt.maximum(x, 1.0)
    z = pt.switch(tells, spend, 1.0)
    # As p grows without end, and v shrinks, the logarithms of the printed formula cancel to nothing.
    density = log_beta_power(p * n, q, n * z, v) - pt.log(z)
    return pt.switch(tells, density, 0.0)


def _log_lik_of_all(x, spend, paid, log_spend, p, q, v):
    """The density of all single amounts: gamma given the customer's scale, which is integrated out.

    The mean and the number, which `_log_lik` reads, are a part of it; the other is that of the shares of the
    total, whose only parameter is p.
    """
    tells = pt.and_(pt.gt(paid, 0), pt.gt(spend, 0))
    n = pt.maximum(paid, 1.0)
    total = pt.switch(tells, x * spend, 1.0)
    of_total = log_beta_power(p * n, q, total, v)
    of_shares = pt.gammaln(p * n) - n * pt.gammaln(p) - p * n * pt.log(total)
    logs = (p - 1.0) * n * pt.switch(tells, log_spend, 0.0)
    return pt.switch(tells, of_total + of_shares + logs, 0.0)


def _expected_spend(x, spend, p, q, v):
    """Eq. (5): a weighted average of the customer's own mean and the mean over all customers."""
    tells = pt.and_(pt.gt(x, 0), pt.gt(spend, 0))
    n = pt.switch(tells, x, 0.0)
    return p * (v + n * pt.switch(tells, spend, 0.0)) / (p * n + q - 1.0)


def _expected_spend_new(p, q, v):
    return p * v / (q - 1.0)


def _simulate(rng, x, p, q, v):
    """Return mean spends of `x` purchases, NaN where x is 0."""
    return _spend_of(rng, x, p, rng.gamma(q, 1.0 / v, np.shape(x))) / np.where(x > 0, x, np.nan)


def _simulate_future(rng, n, x, spend, p, q, v):
    """Return the total spend of `n` more purchases of customers with a history."""
    seen, total = _seen(x, spend)
    return _spend_of(rng, n, p, rng.gamma(p * seen + q, 1.0 / (v + total)))


def _spend_of(rng, n, p, nu):
    """Return the sum of n purchases, each Gamma(p, nu): Gamma(p n, nu), and 0 for none."""
    return np.where(n > 0, rng.gamma(np.where(n > 0, p * n, 1.0)) / nu, 0.0)


def _observe(made, x):
    """Return what one sees of mean spends `made` by customers with x repeat purchases."""
    return {"x": x, "spend": np.where(x > 0, made, np.nan)}


GAMMA_GAMMA = Model(
    name="Gamma-Gamma",
    key="gamma_gamma",
    statistics=("x", "spend"),
    params={
        "p": Param("", "shape of a customer's purchases: the larger, the more alike they are"),
        "q": Param("", "shape of the customers' means: the larger, the more alike customers are"),
        "v": Param("money", "scale of the customers' means: the mean over customers is p v / (q - 1)"),
    },
    traits={
        "mean_spend": Trait(
            "InverseGamma", ("q", ("p", "v")), "mean spend of a customer's purchases", "money"
        )
    },
    priors={
        "mean_spend": Prior(
            "LogNormal",
            {"mu": 0.0, "sigma": 0.5},
            "mean spend of all customers, relative to the mean spend in the data",
            "the mean spend is seen almost directly; 95% between 0.38 and 2.7 times",
        ),
        "purchase_cv": Prior(
            "LogNormal",
            {"mu": -0.7, "sigma": 0.7},
            "coefficient of variation of one customer's purchases",
            "from a fixed basket (0.13) to a wild one (2)",
        ),
        "tail": Prior(
            "LogNormal",
            {"mu": 0.7, "sigma": 1.0},
            "q - 1, how alike customers are in their mean spend",
            "from a heavy tail of big spenders (0.3) to nearly equal customers (14)",
        ),
    },
    scale=_scale,
    letters=_letters,
    log_lik=_log_lik,
    log_lik_of_all=_log_lik_of_all,
    simulate=_simulate,
    simulate_future=_simulate_future,
    observe=_observe,
    quantities=named(SPEND, expected_spend=_expected_spend, expected_spend_new=_expected_spend_new),
    story=(
        "Every purchase of a customer varies around the customer's own mean spend. The means differ between "
        "customers and do not depend on how often they buy."
    ),
    formulas=(
        'z_i tilde.op "Gamma"(p, nu), quad nu tilde.op "Gamma"(q, v)',
        "E[Z | x, macron(z)] = (p (v + x macron(z))) / (p x + q - 1)",
    ),
    limits=(
        "How much a customer spends is assumed not to depend on how often the customer buys.",
        "Mean spends are constant: trends in prices or baskets are not in the model.",
    ),
    when="amounts that are positive and vary around a customer's own mean",
    reference="fader2013gammagamma",
    kind=SPEND,
)
