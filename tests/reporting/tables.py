"""Tables of the shape that figures draw: of a plan, and of a hold-out with a bias of one's own."""

from types import SimpleNamespace

import numpy as np
import xarray as xr

QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95]
LEVELS = [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]
FIRST = ["Aster", "Bellweather", "Castor", "Dunmore", "Elysia", "Fjord", "Garrick", "Halden", "Imani", "Juno"]
LAST = ["Ltd", "GmbH", "Travel", "Press", "Tools", "& Co", "Optics", "Bay", "Labs", "Textiles"]


def priorities(
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
    choices = (("voucher", cost), ("personal call", cost * 6))[:offers]
    rho, kappa = rng.beta(2, 18, (samples, 1)), rng.beta(2, 18, (samples, 1))
    winning, keeping = (1 - p) * rho * if_active, p * kappa * 0.25 * if_active
    gains = np.stack(
        [(winning + keeping) * boost - each for (_, each), boost in zip(choices, (1, 1.7), strict=False)]
    )
    best = gains.mean(1).argmax(0)
    gain = np.take_along_axis(gains, best[None, None], 0)[0]
    costs = np.array([each for _, each in choices])[best]

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
            "offer": ("customer", np.where(contact, np.array([name for name, _ in choices])[best], "")),
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
    return data


def holdout(n=2000, weeks=78, cut=39, bias=1.0, seed=1):
    """Return tables of a hold-out; `bias` shifts what happened away from what was expected."""
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
    return SimpleNamespace(
        tracking=tracking, by_frequency=by_frequency, calibration=calibration(n, bias, rng),
    )  # fmt: skip


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
