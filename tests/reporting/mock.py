"""Synthetic plans, posteriors and hold-outs with the shape of the real ones."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import xarray as xr

import bayes_cx as bcx
from bayes_cx.checks import Check, Interval
from tests import made

QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
LEVELS = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
FIRST = ["Aster", "Bellweather", "Castor", "Dunmore", "Elysia", "Fjord", "Garrick", "Halden", "Imani", "Juno"]
LAST = ["Ltd", "GmbH", "Travel", "Press", "Tools", "& Co", "Optics", "Bay", "Labs", "Textiles"]


@dataclass(frozen=True)
class MockBeta:
    alpha: float = 2.0
    beta: float = 18.0

    @property
    def mean(self):
        return self.alpha / (self.alpha + self.beta)


@dataclass(frozen=True)
class MockOffer:
    name: str
    cost: float
    win_back: MockBeta = field(default_factory=MockBeta)
    keep: MockBeta = field(default_factory=MockBeta)
    charged: str = "contacted"


@dataclass(frozen=True)
class MockPlan:
    data: xr.Dataset
    offers: tuple
    settings: dict
    sensitivity: xr.Dataset


CHECKS = (
    Check("largest rank R-hat", 1.003, "<= 1.01", "passed"),
    Check("smallest bulk effective sample size", 1874.0, ">= 400", "passed"),
    Check("smallest tail effective sample size", 1650.0, ">= 400", "passed"),
    Check("divergent transitions", 0.0, "0", "passed"),
    Check("smallest E-BFMI", 0.94, ">= 0.3", "passed"),
)


def posterior(checks=CHECKS, model="BG/NBD", **model_fields):
    known = {"BG/NBD": bcx.models.BG_NBD, "Gamma-Gamma": bcx.models.GAMMA_GAMMA}[model]
    return made.posterior(replace(known, **model_fields), checks, n_customers=2000)


def plan(
    n=2000,
    cost=1.5,
    samples=400,
    names=None,
    groups=False,
    currency="€",
    seed=0,
    capacity=None,
    offers=1,
    money=True,
):
    rng = np.random.default_rng(seed)
    T = rng.uniform(40, 78, n)
    rate, leave = rng.gamma(0.5, 1 / 4, n), rng.beta(0.8, 2.4, n)
    x = np.minimum(rng.poisson(rate * T * 0.8), rng.geometric(np.maximum(leave, 1e-3)))
    x[0] = 0
    t_x = np.where(x == 0, 0.0, T * rng.beta(2, 1.2, n))
    spend = np.where(x == 0, np.nan, rng.gamma(4, 9, n)) if money else np.ones(n)

    r, alpha, a, b = (m * np.exp(s * rng.normal(size=(samples, 1))) for m, s in
                      ((0.25, 0.04), (4.4, 0.06), (0.8, 0.15), (2.4, 0.15)))  # fmt: skip
    odds = a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x)
    p = np.where(x > 0, 1 / (1 + odds), 1.0)
    if_active = (r + x) / (alpha + T) * 52 * b / (a + b) * np.where(np.isnan(spend), 36.0, spend)
    value = p * if_active
    choices = tuple(MockOffer(*o) for o in (("voucher", cost), ("personal call", cost * 6))[:offers])
    rho, kappa = rng.beta(2, 18, (samples, 1)), rng.beta(2, 18, (samples, 1))
    winning, keeping = (1 - p) * rho * if_active, p * kappa * 0.25 * if_active
    gains = np.stack(
        [(winning + keeping) * boost - o.cost for o, boost in zip(choices, (1, 1.7), strict=False)]
    )
    best = gains.mean(1).argmax(0)
    gain = np.take_along_axis(gains, best[None, None], 0)[0]
    costs = np.array([o.cost for o in choices])[best]

    order = np.argsort(-gain.mean(0), kind="stable")
    x, t_x, T, spend, p, value, gain, winning, keeping, costs, best = (
        v[..., order] for v in (x, t_x, T, spend, p, value, gain, winning, keeping, costs, best)
    )  # fmt: skip
    k = int((gain.mean(0) > 0).sum())
    k = min(k, capacity) if capacity is not None else k
    contact = np.arange(n) < k
    label = np.where(contact, "contact", np.where(p.mean(0) > 0.8, "needs no offer",
                     np.where(p.mean(0) < 0.3, "let go", "wait and see")))  # fmt: skip
    at_risk = (if_active[:, order] - value).mean(0) + 0.2 * value.mean(0)
    grid = np.unique(np.r_[0, np.linspace(0, n, min(n, 120) + 1).astype(int), k])
    cumulative = np.concatenate([np.zeros((samples, 1)), gain.cumsum(1)], 1)
    ids = names if names is not None else [
        f"{FIRST[i % 10]} {LAST[(i // 10 + i) % 10]} {i}" for i in rng.permutation(n)
    ]  # fmt: skip

    def quantile(v):
        return (("customer", "quantile"), np.quantile(v, QUANTILES, axis=0).T)

    total = value.sum(1)
    data = xr.Dataset(
        {
            "rank": ("customer", np.arange(1, n + 1)),
            "p_alive": ("customer", p.mean(0)), "p_alive_sd": ("customer", p.std(0)),
            "value": ("customer", value.mean(0)), "value_sd": ("customer", value.std(0)),
            "value_at_risk": ("customer", at_risk),
            "gain": ("customer", gain.mean(0)), "gain_sd": ("customer", gain.std(0)),
            "p_gain": ("customer", (gain > 0).mean(0)), "p_best": ("customer", rng.random(n)),
            "evpi": ("customer", np.maximum(gain, 0).mean(0) - np.maximum(gain.mean(0), 0)),
            "cost": ("customer", costs),
            "offer": ("customer", np.where(contact, np.array([o.name for o in choices])[best], "")),
            "contact": ("customer", contact), "label": ("customer", label),
            "x": ("customer", x), "t_x": ("customer", t_x), "T": ("customer", T),
            "spend": ("customer", spend), "p_alive_quantile": quantile(p),
            "value_quantile": quantile(value), "gain_quantile": quantile(gain),
            "curve": (("contacts", "sample"), cumulative[:, grid].T),
            "total_active": ("sample", p.sum(1)),
            "total_value": ("sample", total),
            "total_value_at_risk": ("sample", total * 0.2 + rng.normal(0, 5, samples)),
            "total_gain": ("sample", cumulative[:, k]),
            "total_gain_predictive": ("sample", cumulative[:, k] + rng.normal(0, 60, samples)),
            "total_winning_back": ("sample", winning[:, :k].sum(1)),
            "total_keeping": ("sample", keeping[:, :k].sum(1)),
            "total_value_predictive": ("future", total + rng.normal(0, 8 * np.sqrt(n), samples)),
        },
        coords={"customer": np.array(ids, dtype=object), "quantile": QUANTILES, "contacts": grid},
        attrs={
            "horizon": "52 weeks", "unit": "week", "discount_rate": 0.10, "currency": currency,
            "n_customers": n, "n_contacted": k, "budget": "",
            "capacity": "" if capacity is None else capacity,
            "total_cost": float(costs[:k].sum()), "until": "1998-06-30",
            "kind": "purchases", "events": "purchases", "values": "spend" if money else "purchases",
        },
    )  # fmt: skip
    if groups:
        data["segment"] = (
            "customer",
            rng.choice(["B2B", "Retail", "Marketplace"], n, p=[0.2, 0.6, 0.2]).astype(object),
        )
    scale = np.array([0.25, 0.5, 1, 1.5, 2])
    scaled = np.stack([np.where(contact, s * (gain + costs) - costs, 0).sum(1) for s in scale])
    sensitivity = xr.Dataset(
        {
            "contacts": ("scale", np.round(k * scale**0.6).astype(int)),
            "gain": ("scale", scaled.mean(1)),
            "gain_low": ("scale", np.quantile(scaled, 0.05, axis=1)),
            "gain_high": ("scale", np.quantile(scaled, 0.95, axis=1)),
        },
        coords={"scale": scale},
    )
    settings = {"budget": None, "capacity": capacity, "horizon": "52 weeks", "discount_rate": 0.10}
    return MockPlan(data, choices, settings, sensitivity)


def stats(p):
    """Statistics that belong to a mock plan."""
    out = p.data[["x", "t_x", "T", "spend"]].drop_vars(["quantile", "contacts"], errors="ignore")
    out.attrs = {
        "unit": "week", "until": "1998-06-30", "sha256": "9f2c" * 16, "rows_read": 69659, "rows_rejected": 83,
        "rejected": '{"amount is zero": 80, "missing customer": 3}', "returns": "reject",
        "source": "CDNOW_master.txt", "period_start": "1997-01-01", "period_end": "1998-06-30",
    }  # fmt: skip
    return out


def holdout(n=2000, weeks=78, cut=39, bias=1.0, seed=1):
    """Hold-out evidence; `bias` shifts what happened away from what was expected."""
    rng = np.random.default_rng(seed)
    week = np.arange(weeks)
    expected = 60 * (1 - np.exp(-(week + 1) / 8)) * np.exp(-np.maximum(week - 12, 0) / 45)
    level = np.exp(0.04 * rng.normal(size=(2000, 1)))
    paths = rng.poisson(expected * level)
    observed = rng.poisson(expected * np.where(week >= cut, bias, 1.0))
    tracking = xr.Dataset(
        {
            "observed": ("period", observed),
            "predicted": ("period", paths.mean(0)),
            "predicted_quantile": (("period", "quantile"), np.quantile(paths, LEVELS, axis=0).T),
            "cumulative_observed": ("period", observed.cumsum()),
            "cumulative_predicted": ("period", paths.cumsum(1).mean(0)),
            "cumulative_quantile": (("period", "quantile"), np.quantile(paths.cumsum(1), LEVELS, axis=0).T),
        },
        coords={
            "period": week, "quantile": LEVELS,
            "start": ("period", np.datetime64("1997-01-01", "ns") + week * np.timedelta64(7, "D")),
        },
        attrs={"kind": "purchases", "calibration_periods": cut, "unit": "week"},
    )  # fmt: skip
    mean = 0.25 + 0.55 * np.arange(8.0)
    customers = np.array(
        [n * 0.6, n * 0.18, n * 0.08, n * 0.05, n * 0.03, n * 0.02, n * 0.015, n * 0.02]
    ).astype(int)
    by = np.stack([rng.poisson(np.outer(np.ones(2000), mean * np.maximum(c, 1))[:, i]) / max(c, 1)
                   for i, c in enumerate(customers)], 1)  # fmt: skip
    by_frequency = xr.Dataset(
        {
            "customers": ("frequency", customers),
            "observed": (
                "frequency",
                rng.poisson(bias * mean * np.maximum(customers, 1)) / np.maximum(customers, 1),
            ),
            "expected": ("frequency", mean),
            "expected_quantile": (("frequency", "quantile"), np.quantile(by, LEVELS, axis=0).T),
        },
        coords={"frequency": ["0", "1", "2", "3", "4", "5", "6", "7+"], "quantile": LEVELS},
        attrs={"kind": "purchases"},
    )
    total = paths[:, cut:].sum(1)
    seen = int(observed[cut:].sum())
    level = [0.5, 0.8, 0.95]
    share = np.array([0.71, 0.88, 0.957])
    low, high = np.quantile(total, [0.25, 0.1, 0.025]), np.quantile(total, [0.75, 0.9, 0.975])
    coverage = xr.Dataset(
        {
            "customer": ("level", share), "customer_low": ("level", share - 0.015),
            "customer_high": ("level", share + 0.015), "customer_randomised": ("level", level),
            "customer_randomised_low": ("level", np.array(level) - 0.02),
            "customer_randomised_high": ("level", np.array(level) + 0.02), "n": ("level", [n] * 3),
            "total_low": ("level", low), "total_high": ("level", high),
            "total_inside": ("level", (low <= seen) & (seen <= high)),
        },
        coords={"level": level},
        attrs={"total_observed": seen},
    )  # fmt: skip
    checks = (
        metric("predicted purchases in the hold-out", 850.0, f"interval holds {seen}", low[-1], high[-1]),
        metric("single weeks inside their 95% band", 0.77, "0.95 in the interval", 0.62, 0.87),
    )
    return SimpleNamespace(
        tracking=tracking, by_frequency=by_frequency, coverage=coverage,
        calibration=calibration(n, bias, rng), capture=capture(n), checks=checks, by_group=(),
    )  # fmt: skip


def metric(name, value, target, low, high, status="passed", note="", alarm=0.05):
    return Check(name, value, target, status, note, "", Interval(low, high, 0.95), 2000, alarm)


def pava(y):
    """Isotonic regression by pooling neighbours that are in the wrong order."""
    blocks = []
    for v in y:
        blocks.append([float(v), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, k) = blocks[-2:]
            blocks[-2:] = [[(a * m + b * k) / (m + k), m + k]]
    return np.concatenate([np.full(k, v) for v, k in blocks])


def calibration(n, bias, rng):
    predicted = np.sort(rng.beta(0.6, 1.6, n))
    fits = np.stack([pava(rng.random(n) < predicted) for _ in range(100)])
    outcome = rng.random(n) < np.minimum(predicted * bias, 1)
    low95, low50, high50, high95 = np.quantile(fits, [0.025, 0.25, 0.75, 0.975], axis=0)
    counts, edges = np.histogram(predicted, bins=20, range=(0, 1))
    return xr.Dataset(
        {
            "predicted": ("point", predicted), "observed": ("point", outcome.astype(int)),
            "isotonic": ("point", pava(outcome)), "low50": ("point", low50), "high50": ("point", high50),
            "low95": ("point", low95), "high95": ("point", high95),
            "bin_edges": ("edge", edges), "bin_count": ("bin", counts),
        },
        attrs={"kind": "purchases"},
    )  # fmt: skip


def capture(n):
    rule = ["bayes_cx", "recency", "frequency x spend", "RFM score", "maximum likelihood (lifetimes)"]
    share = np.array([0.43, 0.27, 0.415, 0.36, 0.428])
    return xr.Dataset(
        {
            "share": ("rule", share),
            "low": ("rule", share - 0.03),
            "high": ("rule", share + 0.03),
            "difference": ("rule", share[0] - share),
            "difference_low": ("rule", share[0] - share - 0.02),
            "difference_high": ("rule", share[0] - share + 0.02),
        },
        coords={"rule": rule},
        attrs={"top_share": 0.10, "n_top": max(1, n // 10), "counted": "revenue", "revenue": 181234.5},
    )
