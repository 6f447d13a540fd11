"""Each model's individual-level story as plain numbers, for the battery; shares no code with the package."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import betaln, expit, gammaincc, gammaln, log_expit
from scipy.stats import norm

__all__ = ["STORIES", "Story"]


@dataclass(frozen=True)
class Story:
    """What the battery needs to know of a model beside its record.

    `likelihood(row, params)` integrates the individual story over the population, numerically; `rows` are
    histories and `points` parameters at which to compare; `truth` are parameters to simulate from;
    `observe(record, rng, n)` simulates statistics. Where the record's simulator does not make histories and
    their future in one go, `live(rng, n)` returns statistics and what came after them.
    """

    likelihood: Callable[[dict, dict], float]
    rows: list[dict[str, float]]
    points: list[dict[str, float]]
    truth: dict[str, float]
    observe: Callable
    live: Callable | None = None


# Integrals over the population are sums on the log or logit scale, where the integrands are smooth, vanish at
# both ends and have no singularity within 1.5 of the real line: the trapezoidal rule then errs by
# exp(-3 pi / step), which is nothing beside the rounding of the sum (Trefethen & Weideman, 2014).
_STEP = 1 / 64


def _log_gamma_pdf(u, shape, rate):
    return shape * np.log(rate) + (shape - 1) * np.log(u) - rate * u - gammaln(shape)


def _over_rate(f, r, alpha):
    """Integrate f(lambda) over lambda ~ Gamma(r, alpha)."""
    v = np.arange(-60 / min(r, 1), 10, _STEP)
    return float((f(np.exp(v)) * np.exp(_log_gamma_pdf(np.exp(v), r, alpha) + v)).sum() * _STEP)


def _over_share(f, a, b):
    """Integrate f(p, 1 - p) over p ~ Beta(a, b)."""
    v = np.arange(-60 / min(a, 1), 60 / min(b, 1), _STEP)
    p, q = expit(v), expit(-v)
    return float((f(p, q) * np.exp(a * log_expit(v) + b * log_expit(-v) - betaln(a, b))).sum() * _STEP)


@cache
def _power_mean(i, j, a, b):
    """Integrate p^i (1 - p)^j over p ~ Beta(a, b)."""
    return _over_share(lambda p, q: p**i * q**j, a, b)


def _bg_nbd(row, params):
    x, t_x, T = (row[name] for name in ("x", "t_x", "T"))
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    stayed = _over_rate(lambda u: u**x * np.exp(-u * T), r, alpha) * _over_share(lambda p, q: q**x, a, b)
    if x == 0:
        return stayed
    left_rate = _over_rate(lambda u: u**x * np.exp(-u * t_x), r, alpha)
    return stayed + left_rate * _over_share(lambda p, q: p * q ** (x - 1), a, b)


def _mbg_nbd(row, params):
    x, t_x, T = (row[name] for name in ("x", "t_x", "T"))
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    stayed = _over_rate(lambda u: u**x * np.exp(-u * T), r, alpha)
    stayed *= _over_share(lambda p, q: q ** (x + 1), a, b)
    left = _over_rate(lambda u: u**x * np.exp(-u * t_x), r, alpha) * _over_share(lambda p, q: p * q**x, a, b)
    return stayed + left


def _cnbd(first):
    """Return the likelihood where customers decide whether to leave x times, or `first` times more."""

    def likelihood(row, params):
        x, t_x, T, regularity = (row[name] for name in ("x", "t_x", "T", "regularity"))
        k, r, alpha, a, b = (params[name] for name in ("k", "r", "alpha", "a", "b"))
        gaps = (k - 1) * (regularity + (x * np.log(t_x) if x else 0)) - x * gammaln(k)

        def bought(u):
            return np.exp(gaps + k * x * np.log(k * u) - k * u * t_x)

        def waits(u):
            return gammaincc(k, k * u * (T - t_x))

        m = x + first
        still = _over_rate(lambda u: bought(u) * waits(u), r, alpha) * _over_share(lambda p, q: q**m, a, b)
        if m == 0:
            return still
        return still + _over_rate(bought, r, alpha) * _over_share(lambda p, q: p * q ** (m - 1), a, b)

    return likelihood


def _pareto_nbd(row, params):
    """Sum over both rates on the log scale, where the trapezoidal rule is as good as exact."""
    x, t_x, T = (row[name] for name in ("x", "t_x", "T"))

    def rates(shape, rate):
        v = np.arange(-40 / min(shape, 1), 6, 0.125) - np.log(rate)
        log_pdf = shape * (np.log(rate) + v) - rate * np.exp(v) - gammaln(shape)
        return v, log_pdf + np.log(0.125)

    (u, log_p), (v, log_q) = rates(params["r"], params["alpha"]), rates(params["s"], params["beta"])
    u, log_p, v, log_q = u[:, None], log_p[:, None], v[None], log_q[None]
    together = np.exp(u) + np.exp(v)
    stays_till = [np.exp(log_p + log_q + x * u - together * y) / together for y in (T, t_x)]
    return float((np.exp(u) * stays_till[0] + np.exp(v) * stays_till[1]).sum())


def _trapezoid(low, high, n):
    """Return nodes and weights on the log scale."""
    v = np.linspace(np.log(low), np.log(high), n)
    return np.exp(v), np.exp(v) * (v[1] - v[0])


def _pareto_ggg(row, params):
    """Sum over regularity, rate and time of leaving; only the risk of leaving is integrated by hand."""
    x, t_x, T, regularity = (row[name] for name in ("x", "t_x", "T", "regularity"))
    r, alpha, s, beta, c, gamma = (params[name] for name in ("r", "alpha", "s", "beta", "c", "gamma"))
    silence = T - t_x
    # The chance of an open gap bends as a power of its length: panels that halve towards the last purchase.
    node, share = np.polynomial.legendre.leggauss(8)
    edges = np.concatenate([[0.0], silence * 2.0 ** -np.arange(20.0, -0.5, -1)])
    half = np.diff(edges)[:, None] / 2
    tau, width = (edges[:-1, None] + half * (node + 1)).ravel(), (half * share).ravel()
    leaves = s / (beta + t_x + tau) * (beta / (beta + t_x + tau)) ** s * width
    total = 0.0
    for k, each in zip(*_trapezoid(c / gamma / 300, c / gamma * 15, 48), strict=True):
        a, seen = r + k * x, alpha + k * t_x
        top = a + 40 + np.sqrt(80 * a)
        low = max(a, 1e-3) * np.exp(-40 / min(a, 40) - 9 / np.sqrt(a))
        # The density of the logarithm has a width of 1 / sqrt(a).
        step = min(0.39, 0.4 / np.sqrt(a))
        u, weight = _trapezoid(low / seen, top / seen, int(np.log(top / low) / step) + 2)
        bought = (a - 1) * np.log(u) - seen * u + k * x * np.log(k) + r * np.log(alpha) - gammaln(r)
        gaps = (k - 1) * (regularity + (x * np.log(t_x) if x else 0)) - x * gammaln(k)
        waits = gammaincc(k, k * u * silence) * (beta / (beta + T)) ** s
        if silence > 0:
            waits = waits + gammaincc(k, k * u[:, None] * tau) @ leaves
        density = c * np.log(gamma) - gammaln(c) + (c - 1) * np.log(k) - gamma * k
        total += each * float((weight * np.exp(density + gaps + bought) * waits).sum())
    return total


def _bg_bb(row, params):
    """Sum over the opportunity at which the customer was last active."""
    x, t_x, n = (int(row[name]) for name in ("x", "t_x", "n"))
    alpha, beta, gamma, delta = (params[name] for name in ("alpha", "beta", "gamma", "delta"))

    def buys(active):
        return _power_mean(x, active - x, alpha, beta)

    left = [buys(i) * _power_mean(1, i, gamma, delta) for i in range(t_x, n)]
    return buys(n) * _power_mean(0, n, gamma, delta) + sum(left)


def _bdw(row, params):
    made, c = row["T"] - row["churned"], params["c"]
    before, after = float(made) ** c, float(made + 1) ** c
    lasts = (lambda p, q: q**before - q**after) if row["churned"] else (lambda p, q: q**before)
    return _over_share(lasts, params["gamma"], params["delta"])


def _sbg(row, params):
    return _bdw(row, {"gamma": params["alpha"], "delta": params["beta"], "c": 1})


def _gamma_gamma(row, params):
    x, z = row["x"], row["spend"]
    p, q, v = (params[name] for name in ("p", "q", "v"))
    return _over_rate(lambda nu: np.exp(_log_gamma_pdf(z, p * x, nu * x)), q, v)


def _log_normal(row, params):
    """Integrate the densities of single purchases, with such a mean and spread of logarithms, over levels."""
    n, mean, sd = (int(row["paid"]), row["log_spend"], row["log_spend_sd"])
    m, s, w, b = (params.get(name, 0.0) for name in ("m", "s", "w", "b"))
    # Half of the logarithms below and half above the mean, and one at it where their number is odd.
    half = n // 2
    step = sd * np.sqrt(n / max(2 * half, 1))
    logs = np.r_[np.full(half, mean - step), np.full(half, mean + step), np.full(n - 2 * half, mean)]
    level = np.log(m) + b * np.log(max(row["x"], 1))
    theta = level + w * np.arange(-14, 14, 1 / 256)
    each = norm.logpdf(logs[:, None], theta, s) - logs[:, None]
    return float((np.exp(each.sum(axis=0)) * norm.pdf(theta, level, w)).sum() * w / 256)


def _observe_purchases(record, rng, n):
    T = rng.uniform(20, 60, n)
    bought = record.simulate(rng, T, **STORIES[record.key].truth)
    return {"x": bought.counts(n), "t_x": bought.last(n), "T": T}


def _observe_gaps(record, rng, n):
    T = rng.integers(20, 60, n, endpoint=True).astype(float)
    return record.observe(record.simulate(rng, T, **STORIES[record.key].truth), T)


def _observe_for_whole_weeks(record, rng, n):
    """As above, but those who never bought again are few rows, which a slower likelihood welcomes."""
    T = rng.integers(20, 60, n, endpoint=True).astype(float)
    bought = record.simulate(rng, T, **STORIES[record.key].truth)
    return {"x": bought.counts(n), "t_x": bought.last(n), "T": T}


def _observe_opportunities(record, rng, n):
    opportunities = rng.integers(5, 12, n).astype(float)
    return record.observe(record.simulate(rng, opportunities, **STORIES[record.key].truth), opportunities)


def _observe_contracts(record, rng, n):
    periods = rng.integers(3, 12, n).astype(float)
    return record.observe(record.simulate(rng, periods, **STORIES[record.key].truth), periods)


def _observe_gamma_gamma(record, rng, n):
    x = rng.poisson(2.0, n)
    return {"x": x, "spend": record.simulate(rng, x, **STORIES["gamma_gamma"].truth)}


def _live_gamma_gamma(rng, n):
    """Let customers make a few purchases each, and one more."""
    p, q, v = (STORIES["gamma_gamma"].truth[name] for name in ("p", "q", "v"))
    x, rate = rng.integers(1, 5, n), rng.gamma(q, 1 / v, n)
    bought = rng.gamma(p, 1 / rate, (5, n))
    spend = np.where(np.arange(5)[:, None] < x, bought, 0.0).sum(axis=0) / x
    return {"x": x.astype(float), "spend": spend}, bought[4]


def _observe_log_normal(record, rng, n):
    x = rng.poisson(2.0, n)
    return record.observe(record.simulate(rng, x, **STORIES[record.key].truth), x)


def _live_log_normal(key):
    def live(rng, n):
        """Let customers make a few purchases each, and one more."""
        m, s, w, b = (STORIES[key].truth.get(name, 0.0) for name in ("m", "s", "w", "b"))
        x = rng.integers(1, 5, n)
        level = rng.normal(np.log(m) + b * np.log(x), w)
        logs = rng.normal(level, s, (5, n))
        seen = np.where(np.arange(5)[:, None] < x, 1.0, np.nan) * logs
        mean = np.nanmean(seen, axis=0)
        rows = {"x": x, "spend": np.nanmean(np.exp(seen), axis=0), "paid": x, "log_spend": mean}
        rows["log_spend_sd"] = np.sqrt(np.nanmean((seen - mean) ** 2, axis=0))
        return {name: np.asarray(column, float) for name, column in rows.items()}, np.exp(logs[4])

    return live


def _regular(first: int, alpha: float) -> Story:
    return Story(
        likelihood=_cnbd(first),
        rows=[
            {"x": 0, "t_x": 0.0, "T": 39.0, "regularity": 0.0},
            {"x": 1, "t_x": 5.0, "T": 39.0, "regularity": 0.0},
            {"x": 2, "t_x": 30.43, "T": 38.86, "regularity": -1.6},
            {"x": 26, "t_x": 30.86, "T": 31.0, "regularity": -91.0},
        ],
        points=[
            {"k": 2, "r": 0.43, "alpha": alpha, "a": 0.793, "b": 2.426},
            {"k": 5, "r": 2.0, "alpha": 3.0, "a": 1.0, "b": 0.5},
        ],
        truth={"k": 3.0, "r": 1.2, "alpha": 5.0, "a": 0.8, "b": 2.5},
        observe=_observe_gaps,
    )


def _amounts(x, mean, sd, paid=None):
    return {"x": x, "spend": 30.0, "paid": paid or x, "log_spend": mean, "log_spend_sd": sd}


_AMOUNTS = [
    _amounts(1, 2.5, 0.0),
    _amounts(3, 3.6, 0.4),
    _amounts(20, 4.4, 0.9),
    _amounts(7, 3.1, 0.2, paid=4),
]

_CONTRACTS = [{"T": T, "churned": churned} for T, churned in ((0, 0), (1, 1), (1, 0), (5, 1), (12, 0))]

STORIES = {
    "bg_nbd": Story(
        likelihood=_bg_nbd,
        rows=[
            {"x": 0, "t_x": 0.0, "T": 39.0},
            {"x": 1, "t_x": 5.0, "T": 39.0},
            {"x": 2, "t_x": 30.43, "T": 38.86},
            {"x": 26, "t_x": 30.86, "T": 31.0},
        ],
        points=[
            {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
            {"r": 2.0, "alpha": 3.0, "a": 1.0, "b": 0.5},
        ],
        truth={"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5},
        observe=_observe_purchases,
    ),
    "mbg_nbd": Story(
        likelihood=_mbg_nbd,
        rows=[
            {"x": 0, "t_x": 0.0, "T": 39.0},
            {"x": 1, "t_x": 5.0, "T": 39.0},
            {"x": 2, "t_x": 30.43, "T": 38.86},
            {"x": 26, "t_x": 30.86, "T": 31.0},
        ],
        points=[
            {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
            {"r": 2.0, "alpha": 3.0, "a": 1.0, "b": 0.5},
        ],
        truth={"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5},
        observe=_observe_purchases,
    ),
    "pareto_nbd": Story(
        likelihood=_pareto_nbd,
        rows=[
            {"x": 0, "t_x": 0.0, "T": 39.0},
            {"x": 1, "t_x": 5.0, "T": 39.0},
            {"x": 2, "t_x": 30.43, "T": 38.86},
            {"x": 26, "t_x": 30.86, "T": 31.0},
            {"x": 4, "t_x": 12.0, "T": 12.0},
        ],
        points=[
            {"r": 0.5533, "alpha": 10.578, "s": 0.6062, "beta": 11.669},
            {"r": 2.0, "alpha": 3.0, "s": 1.0, "beta": 3.0},
            {"r": 0.3, "alpha": 40.0, "s": 2.5, "beta": 0.5},
        ],
        truth={"r": 1.5, "alpha": 5.0, "s": 1.5, "beta": 20.0},
        observe=_observe_for_whole_weeks,
    ),
    "bg_cnbd": _regular(0, 4.414),
    "mbg_cnbd": _regular(1, 6.183),
    "pareto_ggg": Story(
        likelihood=_pareto_ggg,
        rows=[
            {"x": 0, "t_x": 0.0, "T": 39.0, "regularity": 0.0},
            {"x": 1, "t_x": 5.0, "T": 39.0, "regularity": 0.0},
            {"x": 2, "t_x": 30.43, "T": 38.86, "regularity": -1.6},
            {"x": 12, "t_x": 30.86, "T": 33.0, "regularity": -31.0},
            {"x": 4, "t_x": 12.0, "T": 12.0, "regularity": -6.0},
        ],
        points=[
            {"r": 0.5533, "alpha": 10.578, "s": 0.6062, "beta": 11.669, "c": 8.0, "gamma": 8.0},
            {"r": 2.0, "alpha": 3.0, "s": 1.0, "beta": 3.0, "c": 12.0, "gamma": 4.0},
        ],
        truth={"r": 1.5, "alpha": 5.0, "s": 1.5, "beta": 20.0, "c": 5.0, "gamma": 2.5},
        observe=_observe_gaps,
    ),
    "bg_bb": Story(
        likelihood=_bg_bb,
        rows=[
            {"x": 0, "t_x": 0, "n": 6},
            {"x": 1, "t_x": 2, "n": 6},
            {"x": 4, "t_x": 5, "n": 6},
            {"x": 6, "t_x": 6, "n": 6},
            {"x": 0, "t_x": 0, "n": 0},
        ],
        points=[
            {"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834},
            {"alpha": 0.3, "beta": 4.0, "gamma": 1.0, "delta": 0.4},
        ],
        truth={"alpha": 1.2, "beta": 0.8, "gamma": 0.7, "delta": 2.8},
        observe=_observe_opportunities,
    ),
    "sbg": Story(
        likelihood=_sbg,
        rows=_CONTRACTS,
        points=[{"alpha": 0.7041, "beta": 1.1820}, {"alpha": 3.0, "beta": 0.4}],
        truth={"alpha": 0.8, "beta": 2.5},
        observe=_observe_contracts,
    ),
    "bdw": Story(
        likelihood=_bdw,
        rows=_CONTRACTS,
        points=[
            {"gamma": 0.259, "delta": 1.723, "c": 1.584},
            {"gamma": 3.0, "delta": 0.4, "c": 0.6},
        ],
        truth={"gamma": 0.8, "delta": 2.5, "c": 1.3},
        observe=_observe_contracts,
    ),
    "gamma_gamma": Story(
        likelihood=_gamma_gamma,
        rows=[{"x": 1, "spend": 12.0}, {"x": 3, "spend": 35.5}, {"x": 20, "spend": 90.0}],
        points=[
            {"p": 6.25, "q": 3.744, "v": 15.443},
            {"p": 1.0, "q": 1.2, "v": 40.0},
            {"p": 20.0, "q": 8.0, "v": 12.0},
        ],
        truth={"p": 6.0, "q": 4.0, "v": 15.0},
        observe=_observe_gamma_gamma,
        live=_live_gamma_gamma,
    ),
    "log_normal": Story(
        likelihood=_log_normal,
        rows=_AMOUNTS,
        points=[
            {"m": 27.0, "s": 0.58, "w": 0.46},
            {"m": 3.0, "s": 1.5, "w": 0.1},
            {"m": 90.0, "s": 0.2, "w": 2.0},
        ],
        truth={"m": 27.0, "s": 0.58, "w": 0.46},
        observe=_observe_log_normal,
        live=_live_log_normal("log_normal"),
    ),
    "log_normal_frequency": Story(
        likelihood=_log_normal,
        rows=_AMOUNTS,
        points=[
            {"m": 27.0, "s": 0.58, "w": 0.46, "b": 0.1},
            {"m": 3.0, "s": 1.5, "w": 0.1, "b": -0.4},
        ],
        truth={"m": 27.0, "s": 0.58, "w": 0.46, "b": 0.2},
        observe=_observe_log_normal,
        live=_live_log_normal("log_normal_frequency"),
    ),
}
