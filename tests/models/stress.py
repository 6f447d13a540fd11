"""Extreme histories and parameters: no value is missing, and the likelihood is that of the textbook."""

from collections.abc import Callable

import mpmath as mp
import numpy as np

from bayes_cx.kernels import NotArithmetic
from bayes_cx.model import Model, arguments
from tests.evaluated import evaluated, quickly
from tests.models.proofs import Finding

__all__ = ["TEXTBOOK", "accuracy", "anywhere", "finite"]


def anywhere(model: Model, rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Return histories up to ten years in days, parameters over six decades and options, shape (n,) each.

    Among the parameters are the places where textbook forms fail: a whole parameter, and two that are equal.
    """
    x = rng.choice([0.0, 0.0, 1.0, 2.0, 20.0, 300.0, 3000.0], n)
    long = 10 ** rng.uniform(-2, np.log10(3650), n)
    whole = np.ceil(10 ** rng.uniform(0, np.log10(3650), n))
    t = np.where(model.kind.discrete, whole[::-1], 10 ** rng.uniform(-1, np.log10(3650), n))
    given = {
        "t": t,
        "t1": np.floor(t / 3) if model.kind.discrete else t / 3,
        "t2": t,
        "count": np.where(rng.random(n) < 0.3, 0.0, np.floor(10 ** rng.uniform(0, 2, n))),
        "discount": 10 ** rng.uniform(-4, -0.5, n),
        "keep": rng.uniform(0, 0.95, n),
    }
    for name in model.params:
        given[name] = np.where(rng.random(n) < 0.15, 1.0, 10 ** rng.uniform(-3, 3, n))
    if {"alpha", "beta"} <= set(model.params):
        given["beta"] = np.where(rng.random(n) < 0.15, given["alpha"], given["beta"])
    if model.kind.key == "spend":
        given |= {
            "x": x,
            "spend": np.where(x > 0, 10 ** rng.uniform(-3, 6, n), np.nan),
        }
        if "q" in model.params:
            given["q"] = 1.0 + given["q"]
        if "paid" in model.statistics:
            given |= _single_amounts(model, rng, given)
    elif model.kind.key == "contracts":
        given |= {"T": whole, "churned": (rng.random(n) < 0.5).astype(float)}
    elif model.kind.discrete:
        last = np.ceil(whole * rng.uniform(0, 1, n))
        x = np.where(rng.random(n) < 0.2, 0.0, np.ceil(last * rng.uniform(0, 1, n)))
        given |= {"n": whole, "t_x": np.where(x > 0, last, 0.0), "x": x}
    else:
        # From purchases at the very end to silence ever since the first one.
        since = np.where(rng.random(n) < 0.5, 10 ** rng.uniform(-6, 0, n), rng.random(n))
        t_x = np.where(rng.random(n) < 0.1, long, long * (1 - since))
        given |= {"x": x, "T": long, "t_x": np.where(x > 0, t_x, 0.0)}
    for name, values in model.choices.items():
        given[name] = rng.choice(np.array(values, float), n)
    if "regularity" in model.statistics:
        given["regularity"] = np.where(x > 1, -x * (np.log(np.maximum(x, 1)) + rng.exponential(1, n)), 0.0)
    return given


def _single_amounts(model: Model, rng: np.random.Generator, given: dict) -> dict[str, np.ndarray]:
    """Return log amounts that may have such a mean, and parameters whose mean amounts are numbers at all."""
    x, mean, n = given["x"], given["spend"], given["x"].size
    paid = np.where(rng.random(n) < 0.8, x, np.floor(x * rng.uniform(0, 1, n)))
    sd = np.where(paid > 1, 10 ** rng.uniform(-3, 0.6, n), 0.0) * (rng.random(n) > 0.1)
    known = np.where(paid > 0, 1.0, np.nan)
    made = {"paid": paid, "log_spend": (np.log(mean) - sd**2 / 2) * known, "log_spend_sd": sd * known}
    made |= {name: 10 ** rng.uniform(-3, 1, n) for name in ("s", "w")}
    return made | ({"b": rng.uniform(-3, 3, n)} if "b" in model.params else {})


def _reach(model: Model, name: str, at: dict[str, np.ndarray]) -> np.ndarray:
    """Say where a formula must give a number.

    The sum over the stages of regular buyers is given up where there are more than 200,000: not while
    neither the horizon nor the number of stages expected in it is beyond 3,000 times what has been seen.
    """
    everywhere = np.ones(at["t"].shape, bool)
    if "k" not in model.params:
        return everywhere
    new = "T" not in arguments(model.quantities[name].formula)
    seen = at["alpha"] + (0.0 if new else at["k"] * at["T"])
    stages = np.maximum(1.0, at["r"] + (0.0 if new else at["k"] * at["x"]))
    return stages * at["k"] * at["t"] / seen < 3e3


def finite(model: Model, n: int = 400) -> Finding:
    """Count, for the likelihood, its gradient and every quantity, the places without a number."""
    found = Finding("error", 0.0)
    at = anywhere(model, np.random.default_rng(21), n)
    names = [*model.statistics, *model.params]
    letters = [name for name in model.params if name not in model.choices]
    call = _with_slopes(model, names, letters)
    for name, values in zip(("log_lik", *letters), call(*(at[name] for name in names)), strict=True):
        found.add("log_lik" if name == "log_lik" else f"gradient by {name}", np.sum(~np.isfinite(values)))
    for name, quantity in model.quantities.items():
        needed = arguments(quantity.formula)
        call = quickly(quantity.formula)
        reached = _reach(model, name, at)
        values = call(*(at[argument][reached] for argument in needed))
        missing = np.isnan(values) if quantity.never else ~np.isfinite(values)
        outside = (values < -1e-9) | ((values > 1 + 1e-9) & (quantity.unit == "probability"))
        found.add(name, np.sum(missing | outside))
    return found


def _with_slopes(model: Model, names: list[str], letters: list[str]) -> Callable[..., list[np.ndarray]]:
    """Return the log-likelihood and its derivatives as a function of vectors."""

    def formula(*places):
        return model.log_lik(**dict(zip(names, places, strict=True)))

    try:
        return evaluated(formula, len(names), tuple(names.index(name) for name in letters))
    except NotArithmetic:  # fits take derivatives of an integral over each customer by differences
        call = evaluated(formula, len(names))

        def by_difference(*places):
            height = call(*places)
            slopes = []
            for name in letters:
                i, step = names.index(name), 1e-3 * places[names.index(name)]
                up, down = (call(*places[:i], places[i] + s * step, *places[i + 1 :]) for s in (1, -1))
                slopes.append((up - down) / (2 * step))
            return [height, *slopes]

        return by_difference


def accuracy(model: Model, n: int = 60) -> Finding:
    """Compare the log-likelihood with its textbook form in many digits."""
    if model.key not in TEXTBOOK:
        return Finding("error", 1e-9, why=_NO_TEXTBOOK.get(model.key, ""))
    found, at = Finding("error", 1e-9), anywhere(model, np.random.default_rng(22), n)
    names = arguments(model.log_lik)
    got = quickly(model.log_lik)(*(at[name] for name in names))
    textbook = TEXTBOOK[model.key]
    with mp.workdps(80):
        for i in range(n):
            row = {name: mp.mpf(float(at[name][i])) for name in names if not np.isnan(at[name][i])}
            if "spend" in model.statistics and row.get("paid", row["x"]) == 0:
                continue
            expected = float(textbook(**row))
            error = abs(got[i] - expected) / max(1.0, abs(expected))
            found.add(f"x = {float(row.get('x', row.get('T'))):g}", error)
    return found


def _log_add(one, two):
    high, low = max(one, two), min(one, two)
    return high + mp.log1p(mp.exp(low - high))


def _log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def _beta_dropout(x, t_x, T, r, alpha, a, b, first):
    """Eq. (6) of BG/NBD; with `first` more decisions, MBG/NBD."""
    rising = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha)
    stays = _log_beta(a, b + x + first) - _log_beta(a, b) + rising - (r + x) * mp.log(alpha + T)
    if x + first == 0:
        return stays
    leaves = _log_beta(a + 1, b + x + first - 1) - _log_beta(a, b) + rising - (r + x) * mp.log(alpha + t_x)
    return _log_add(stays, leaves)


def _regular(x, t_x, T, regularity, k, r, alpha, a, b, first):
    """Return the density of the times of purchases, and of fewer than k stages of the next one since."""
    rising = r * mp.log(alpha / k) - mp.loggamma(r)
    gaps = (k - 1) * (regularity + (x * mp.log(t_x) if x else 0)) - x * mp.loggamma(k)
    s, beta, tau = r + k * x, alpha / k, T - t_x
    passed = mp.log(sum((tau / (beta + T)) ** j * mp.rf(s, j) / mp.factorial(j) for j in range(int(k))))
    stays = _log_beta(a, b + x + first) - _log_beta(a, b) + rising + mp.loggamma(s) - s * mp.log(beta + T)
    stays += gaps + passed
    if x + first == 0:
        return stays
    leaves = _log_beta(a + 1, b + x + first - 1) - _log_beta(a, b)
    return _log_add(stays, leaves + gaps + rising + mp.loggamma(s) - s * mp.log(beta + t_x))


def pareto(x, t_x, T, r, alpha, s, beta):
    """Return the likelihood with its difference of two hypergeometric functions, and its first term."""
    longer, power = max(alpha, beta), r + s + x
    second = s + 1 if alpha >= beta else r + x

    def tail(y):
        z = abs(alpha - beta) / (longer + y)
        return mp.hyp2f1(power, second, power + 1, z) / (longer + y) ** power

    active = (alpha + T) ** -(r + x) * (beta + T) ** -s
    left = s / power * (tail(t_x) - tail(T))
    constant = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta)
    return mp.exp(constant) * (active + left), mp.exp(constant) * active


def _bg_bb(x, t_x, n, alpha, beta, gamma, delta):
    """Eq. (5) of Fader, Hardie & Shang (2010), term by term."""

    def term(m, leaves):
        buys = _log_beta(alpha + x, beta + m - x) - _log_beta(alpha, beta)
        return mp.exp(buys + _log_beta(gamma + leaves, delta + m) - _log_beta(gamma, delta))

    # The next of the beta functions follows from the one before by their recurrence.
    total, left = term(n, 0), term(t_x, 1)
    for i in range(int(n - t_x)):
        m, total = t_x + i, total + left
        left *= (beta + m - x) / (alpha + beta + m) * (delta + m) / (gamma + 1 + delta + m)
    return mp.log(total)


def _bdw(T, churned, gamma, delta, c=1):
    # The difference of two log-gamma functions of T^c needs as many digits as T^c has, where they are used.
    with mp.workdps(int(100 + min(60, c * mp.log10(T + 1)))):

        def survives(t):
            worn = t**c if t else mp.mpf(0)
            if worn > 1e60:  # a power of time to more digits than are kept of the result
                return mp.gammaprod([gamma + delta], [delta]) * worn**-gamma
            return mp.exp(_log_beta(gamma, delta + worn) - _log_beta(gamma, delta))

        return mp.log(survives(T - 1) - survives(T) if churned else survives(T))


def _gamma_gamma(x, spend, p, q, v):
    n, z = x, spend
    return (
        -_log_beta(p * n, q)
        + q * mp.log(v)
        + (p * n - 1) * mp.log(z)
        + p * n * mp.log(n)
        - (p * n + q) * mp.log(v + n * z)
    )


def _log_normal(x, spend, paid, log_spend, log_spend_sd, m, s, w, b=0):
    """The multivariate normal density of the logarithms, by its eigenvalues, at the amounts."""
    n, level = paid, mp.log(m) + b * mp.log(x)
    first = s**2 + n * w**2  # of the mean; all others are s^2
    squares = n * log_spend_sd**2 / s**2 + n * (log_spend - level) ** 2 / first
    return -(n * mp.log(2 * mp.pi) + (n - 1) * mp.log(s**2) + mp.log(first) + squares) / 2 - n * log_spend


TEXTBOOK: dict[str, Callable] = {
    "bg_nbd": lambda **at: _beta_dropout(**at, first=0),
    "mbg_nbd": lambda **at: _beta_dropout(**at, first=1),
    "bg_cnbd": lambda **at: _regular(**at, first=0),
    "mbg_cnbd": lambda **at: _regular(**at, first=1),
    "pareto_nbd": lambda **at: mp.log(pareto(**at)[0]),
    "bg_bb": _bg_bb,
    "sbg": lambda T, churned, alpha, beta: _bdw(T, churned, alpha, beta),
    "bdw": _bdw,
    "gamma_gamma": _gamma_gamma,
    "log_normal": _log_normal,
    "log_normal_frequency": _log_normal,
}
# Of these the textbook has no likelihood.
_NO_TEXTBOOK = {"pareto_ggg": "the paper samples k, lambda and mu, and has no likelihood without them"}
