"""sBG: at every renewal a customer leaves with an individual chance, the same each time.

Fader & Hardie (2007), key ``fader2007project``. Letters are those of the paper. It is BdW without ageing,
c = 1, with other letters: alpha for gamma and beta for delta.
"""

from dataclasses import replace

import numpy as np
import pytensor.tensor as pt

from bayes_cx.kinds import CONTRACTS
from bayes_cx.model import Formula, Model, Param, Trait
from bayes_cx.models.bdw import BDW
from bayes_cx.models.combine import at, renamed
from bayes_cx.models.quantities import named
from bayes_cx.numerics import log_stay

__all__ = ["SBG"]


def _without_ageing(formula: Formula) -> Formula:
    """Return a formula of BdW at c = 1, in the letters of this paper."""
    return renamed(at(formula, c=1.0), alpha="gamma", beta="delta")


def _log_lik(T, churned, alpha, beta):
    """The renewals made, and the chance to leave after them."""
    made = T - churned
    leaves = pt.log(alpha) - pt.log(alpha + beta + made)
    return log_stay(alpha, beta, made) + pt.switch(pt.gt(churned, 0), leaves, 0.0)


def _expected_lifetime(T, churned, alpha, beta):
    """Return the mean of (1 - theta) / theta, theta ~ Beta(alpha, beta + T); infinite unless alpha > 1."""
    ends = pt.gt(alpha, 1.0)
    lifetime = pt.switch(ends, (beta + T) / pt.switch(ends, alpha - 1.0, 1.0), np.inf)
    return pt.switch(pt.gt(churned, 0), 0.0, lifetime)


def _letters(scale, dropout, dropout_size):
    return {"alpha": dropout * dropout_size, "beta": (1.0 - dropout) * dropout_size}


_FORMULAS = {name: _without_ageing(quantity.formula) for name, quantity in BDW.quantities.items()}

SBG = Model(
    name="sBG",
    key="sbg",
    statistics=("T", "churned"),
    params={
        "alpha": Param(
            "", "weight of leaving: the mean chance at the first renewal is alpha / (alpha + beta)"
        ),
        "beta": Param("", "weight of staying"),
    },
    traits={"dropout": Trait("Beta", ("alpha", "beta"), "chance to leave at a renewal")},
    priors={
        "dropout": BDW.priors["dropout"],
        "dropout_size": replace(
            BDW.priors["dropout_size"],
            meaning="alpha + beta, how alike customers are in their chance to leave",
        ),
    },
    scale=BDW.scale,
    letters=_letters,
    log_lik=_log_lik,
    simulate=_without_ageing(BDW.simulate),
    simulate_future=_without_ageing(BDW.simulate_future),
    observe=BDW.observe,
    quantities=named(CONTRACTS, **{**_FORMULAS, "expected_lifetime": _expected_lifetime}),
    story=(
        "A contract comes up for renewal again and again, and it is observed who leaves. Each customer "
        "leaves with an individual chance, the same each time, so it is the loyal ones who remain."
    ),
    formulas=(
        'theta tilde.op "Beta"(alpha, beta), quad P("more than" t "renewals" | theta) = (1 - theta)^t',
        "S(t) = B(alpha, beta + t) / B(alpha, beta), quad r_t = (beta + t - 1) / (alpha + beta + t - 1)",
        'E[Y(t) | "active after" T] = sum_(i=1)^t S(T + i) / S(T)',
    ),
    limits=(
        "A customer's chance to leave never changes; retention rises only because others leave first.",
        *BDW.limits[1:],
    ),
    when="subscriptions and other contracts that end when they are not renewed",
    reference="fader2007project",
    kind=CONTRACTS,
)
