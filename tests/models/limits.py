"""Where one model becomes another, or its formula changes form: both sides must agree there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import comb

from bayes_cx.model import Model
from bayes_cx.models import MODELS
from tests.models.proofs import Finding, columns, relative, value

__all__ = ["LIMITS", "Limit", "limits"]

_OPTIONS = {"t": 12.0, "t1": 3.0, "t2": 12.0, "count": 2.0, "discount": 0.02, "keep": 0.2}


@dataclass(frozen=True)
class Limit:
    """A special case of a model, by its parameters, and what it is there.

    `other(name, rows, options)` gives what ``log_lik`` or a quantity must be, None where it does not know it.
    """

    text: str
    params: dict[str, float]
    other: Callable[[str, dict[str, np.ndarray], dict[str, float]], np.ndarray | None]
    limit: float = 1e-10


def limits(model: Model, story) -> Finding:
    """Compare the log-likelihood and every quantity that both sides have."""
    found = Finding("error", 1.0, why="" if LIMITS.get(model.key) else "none stated")
    rows = columns(story.rows)
    for limit in LIMITS.get(model.key, ()):
        for name in ("log_lik", *model.quantities):
            expected = limit.other(name, rows, _OPTIONS)
            if expected is not None:
                got = value(model, name, rows, **_OPTIONS, **limit.params)
                # Shares of the tolerance, so that limits of different accuracy stand beside each other.
                found.add(limit.text, _relative(got, expected) / limit.limit)
    return found


def _relative(got, expected) -> float:
    """Return the largest error where both are numbers; what is infinite must be so on both sides."""
    same = np.isfinite(got) == np.isfinite(expected)
    if not np.all(same):
        return np.inf
    some = np.isfinite(got)
    return relative(got[some], np.broadcast_to(expected, got.shape)[some]) if some.any() else 0.0


def _model(key: str, params: dict[str, float]):
    """Return what another model, or the same at other parameters, says."""

    def other(name: str, rows, options):
        record = MODELS[key]
        if name != "log_lik" and name not in record.quantities:
            return None
        return value(record, name, rows, **options, **params)

    return other


def _near(key: str, params: dict[str, float], name: str, step: float = 1e-7):
    """Return the mean of two sides close by; a smooth function differs from it by the square of the step."""

    def other(quantity: str, rows, options):
        record = MODELS[key]
        if quantity in ("silence_limit", "silence_limit_new"):  # found by bisection, to fewer digits
            return None
        sides = [{**params, name: params[name] * (1 + sign * step)} for sign in (-1, 1)]
        return sum(value(record, quantity, rows, **options, **side) for side in sides) / 2

    return other


_A = {"r": 0.6, "alpha": 5.0, "a": 1.0, "b": 2.5}
_B = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}
_S = {"r": 0.8, "alpha": 7.0, "s": 1.0, "beta": 12.0}
_EQUAL = {"r": 0.8, "alpha": 7.0, "s": 0.6, "beta": 7.0}
_G = {"alpha": 1.2, "beta": 0.75, "gamma": 1.0, "delta": 2.8}
_STAY = {"alpha": 1.2, "beta": 0.75, "gamma": 1e-10, "delta": 2.8}
_RARE = {"gamma": 0.8, "delta": 2.5}


def _beta_binomial(name: str, rows, options):
    """Nobody leaves: purchases are beta-binomial, in one of as many orders."""
    x, n = rows["x"], rows["n"]
    a, b = _STAY["alpha"], _STAY["beta"]
    t, count = options["t"], options["count"]
    if name == "log_lik":
        return stats.betabinom.logpmf(x, n, a, b) - np.log(comb(n, x))
    return {
        "p_alive": np.ones_like(x),
        "expected_purchases": t * (a + x) / (a + b + n),
        "p_purchases": stats.betabinom.pmf(count, t, a + x, b + n - x),
        "p_purchases_new": stats.betabinom.pmf(count, t, a, b)[None],
    }.get(name)


def _geometric(name: str, rows, options):
    """Customers are alike: the number of renewals is geometric."""
    leave, T, churned = 0.2, rows["T"], rows["churned"]
    t, stays = options["t"], 1 - churned
    if name == "log_lik":
        return (T - churned) * np.log1p(-leave) + churned * np.log(leave)
    return {
        "survival": stays * (1 - leave) ** t,
        "retention": stays * (1 - leave),
        "expected_renewals": stays * (1 - leave) / leave * (1 - (1 - leave) ** t),
        "expected_lifetime": stays * (1 - leave) / leave,
    }.get(name)


def _many(name: str, rows, options):
    """Purchases are as good as alike: what one spent is what one will spend."""
    return rows["spend"] if name == "expected_spend" else None


def _alike(name: str, rows, options):
    """Customers are alike: every purchase is log-normal with the same mean, whatever was seen."""
    m, s = _SAME["m"], _SAME["s"]
    paying = (rows["paid"] + 1) / (rows["x"] + 1)
    return {
        "expected_spend": paying * stats.lognorm(s, scale=m).mean(),
        "expected_spend_new": stats.lognorm(s, scale=m).mean()[None],
    }.get(name)


_SAME = {"m": 27.0, "s": 0.6, "w": 1e-9}
_LEVELS = {"m": 27.0, "s": 0.6, "w": 0.4}

LIMITS: dict[str, list[Limit]] = {
    "bg_nbd": [Limit("continuous at a = 1", _A, _near("bg_nbd", _A, "a"), 1e-6)],
    "mbg_nbd": [Limit("continuous at a = 1", _A, _near("mbg_nbd", _A, "a"), 1e-6)],
    "pareto_nbd": [
        Limit("continuous at s = 1", _S, _near("pareto_nbd", _S, "s"), 1e-6),
        Limit("continuous at alpha = beta", _EQUAL, _near("pareto_nbd", _EQUAL, "beta"), 1e-6),
    ],
    "bg_cnbd": [
        Limit("k = 1 is BG/NBD", {**_B, "k": 1.0}, _model("bg_nbd", _B), 1e-8),
        Limit("continuous at a = 1", {**_A, "k": 2.0}, _near("bg_cnbd", {**_A, "k": 2.0}, "a"), 1e-6),
    ],
    "mbg_cnbd": [
        Limit("k = 1 is MBG/NBD", {**_B, "k": 1.0}, _model("mbg_nbd", _B), 1e-8),
        Limit("continuous at a = 1", {**_A, "k": 2.0}, _near("mbg_cnbd", {**_A, "k": 2.0}, "a"), 1e-6),
    ],
    "bg_bb": [
        Limit("continuous at gamma = 1", _G, _near("bg_bb", _G, "gamma"), 1e-6),
        Limit("without dropout beta-binomial", _STAY, _beta_binomial, 1e-8),
    ],
    "sbg": [
        Limit("equal customers are geometric", {"alpha": 0.2e10, "beta": 0.8e10}, _geometric, 1e-7),
    ],
    "bdw": [
        Limit(
            "c = 1 is sBG",
            {**_RARE, "c": 1.0},
            _model("sbg", {"alpha": _RARE["gamma"], "beta": _RARE["delta"]}),
            1e-9,
        ),
    ],
    "gamma_gamma": [
        Limit("alike purchases are known", {"p": 1e10, "q": 3.0, "v": 1e-9}, _many, 1e-8),
    ],
    "log_normal": [Limit("customers who are alike", _SAME, _alike, 1e-8)],
    "log_normal_frequency": [
        Limit("b = 0 is without frequency", {**_LEVELS, "b": 0.0}, _model("log_normal", _LEVELS), 1e-12)
    ],
}
