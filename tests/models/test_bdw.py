"""BdW: sums against many digits, and what ageing does."""

from functools import partial

import mpmath as mp
import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.models import BDW
from bayes_cx.scoring.compiled import evaluate
from tests.models.proofs import z_score

HIGH_END = {"gamma": 0.259, "delta": 1.723, "c": 1.584}


def at(name, params=HIGH_END, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in BDW.statistics}
    fixed = {k: np.asarray(v, float) for k, v in {**params, **given}.items() if k not in rows}
    quantity = BDW.quantities[name]
    return evaluate(quantity.formula, rows, fixed, never=quantity.never)[0, 0]


def survives(t, gamma, delta, c):
    """Return S(t) in many digits; far out it is a power of time."""
    w = mp.mpf(t) ** c if t else mp.mpf(0)
    if w > 1e25:
        return mp.gammaprod([gamma + delta], [delta]) * w**-gamma
    parts = [mp.loggamma(delta + w), -mp.loggamma(gamma + delta + w), mp.loggamma(gamma + delta)]
    return mp.exp(sum(parts) - mp.loggamma(delta))


def anywhere(rng):
    return {
        "gamma": 10 ** rng.uniform(-3, 3),
        "delta": 10 ** rng.uniform(-3, 3),
        "c": 10 ** rng.uniform(-1, 0.9),
    }


def test_sums_in_extreme_places():
    rng = np.random.default_rng(0)
    with mp.workdps(40):
        for _ in range(40):
            params, T = anywhere(rng), int(rng.choice([0, 1, 30, 3650]))
            t, discount = int(rng.choice([3, 64, 65, 70, 400])), float(rng.choice([0.0, 1e-4, 0.1]))
            exact = {name: mp.mpf(value) for name, value in params.items()}
            now = survives(T, **exact)
            expected = sum(
                mp.exp(-mp.mpf(discount) * i) * survives(T + i, **exact) / now for i in range(1, t + 1)
            )
            found = at("discounted_renewals", params, t=t, discount=discount, T=T, churned=0)
            assert found == pytest.approx(float(expected), rel=1e-10), (params, T, t, discount)


def test_what_never_ends_is_where_long_sums_go():
    rng = np.random.default_rng(1)
    for _ in range(25):
        params, T, discount = anywhere(rng), int(rng.choice([0, 1, 30])), 10 ** rng.uniform(-2.5, 0)
        enough = np.ceil(40 / discount)
        long = at("discounted_renewals", params, t=enough, discount=discount, T=T, churned=0)
        assert at("derl", params, discount=discount, T=T, churned=0) == pytest.approx(long, rel=1e-12)


@pytest.mark.parametrize("c", [0.5, 1.0, 1.6, 3.0])
@pytest.mark.parametrize("power", [1.05, 2.0, 6.0])
def test_expected_lifetime_with_and_without_a_heavy_tail(c, power):
    params = {"gamma": power / c, "delta": 1.7, "c": c}
    with mp.workdps(30):
        exact = {name: mp.mpf(value) for name, value in params.items()}
        direct, first = mp.mpf(0), 40
        for i in range(1, first):
            direct += survives(i, **exact)
        f = partial(survives, **exact)
        # Euler and Maclaurin from here on, with the integral in the logarithm of time.
        integral = mp.quad(
            lambda v: f(mp.exp(v)) * mp.exp(v), [mp.log(first), 5, 7, 10, 20, 50, 120, 300, 800, 3000]
        )
        slopes = f(first) / 2 - mp.diff(f, first) / 12 + mp.diff(f, first, 3) / 720
        expected = direct + integral + slopes
    found = at("expected_lifetime", params, T=0, churned=0)
    assert found == pytest.approx(float(expected), rel=1e-8)


def test_an_endless_lifetime_and_none():
    assert at("expected_lifetime", T=3, churned=0) == np.inf  # gamma c < 1
    assert at("expected_lifetime", T=3, churned=1) == 0
    assert at("median_lifetime", T=3, churned=1) == 0


def test_ageing_lowers_retention_and_its_reverse_raises_it():
    wears, settles = ({"gamma": 500.0, "delta": 4500.0, "c": c} for c in (1.5, 0.7))
    for params, sign in ((wears, -1), (settles, 1)):
        rates = [at("retention", params, t=t, T=0, churned=0) for t in range(1, 6)]
        assert np.all(sign * np.diff(rates) > 0)


def test_a_small_chance_to_leave_is_not_lost_in_rounding():
    params = {"gamma": 1e-6, "delta": 1e3, "c": 1.0}
    found = at("p_renewals", params, count=0, t=1, T=3000, churned=0)
    assert found == pytest.approx(1e-6 / (1e3 + 3000), rel=1e-8)


def test_simulated_contracts_end_as_the_formulas_say(rng):
    n = 200_000
    left = BDW.simulate(rng, np.full(n, 6), **HIGH_END).left
    for t in range(7):
        share = at("p_alive_new", t=t)
        assert abs(np.mean(left > t) - share) <= 4 * np.sqrt(share * (1 - share) / n)
    assert np.all((left >= 1) & ((left <= 6) | np.isinf(left)))


def test_winning_back_counts_the_decision_to_leave(rng):
    """Customers who refused the third renewal have shown what their chance to leave is, at that age."""
    gamma, delta, c = HIGH_END.values()
    theta = rng.beta(gamma, delta, 4_000_000)
    weight = (1 - theta) ** (2**c) - (1 - theta) ** (3**c)
    chosen = rng.random(theta.size) < weight
    theta = theta[chosen]
    sample = sum(np.exp(-0.1 * i) * (1 - theta) ** ((3 + i) ** c - 3**c) for i in range(1, 11))
    found = at("discounted_renewals_if_won_back", t=10, discount=0.1, T=3, churned=1)
    assert abs(z_score(sample, found)) < 4


def test_extremely_unequal_customers_are_simulated(rng):
    T = np.full(1000, 50)
    for gamma, delta, c in ((1e-3, 1e-3, 1.0), (1e-3, 1e3, 0.01), (1e3, 1e-3, 100.0)):
        made = BDW.simulate(rng, T, gamma=gamma, delta=delta, c=c)
        seen = BDW.observe(made, T)
        assert np.all((seen["T"] >= 1) & (seen["T"] <= 50))
        params = {"gamma": gamma, "delta": delta, "c": c}
        future = BDW.simulate_future(rng, 10, np.full(1000, 0.5), T=T.astype(float), **params)
        assert np.all((future.time >= 1) & (future.time <= 10))


@pytest.mark.slow
def test_cohorts_that_share_strength_differ_as_they_do():
    stats = bcx.load_cohorts(periods=4)
    design = bcx.Design(pooled={"dropout": "cohort"})
    # Two cohorts say little of how far cohorts differ, which takes smaller steps and more draws than usual.
    method = bcx.NUTS(draws=2000, target_accept=0.99)
    posterior = bcx.fit(BDW, stats, design=design, method=method, seed=1, progress=False)
    assert posterior.verdict == "passed", posterior.checks
    new = xr.Dataset(
        {
            "T": ("customer", [0, 0]),
            "churned": ("customer", [0, 0]),
            "cohort": ("customer", ["Regular", "High-End"]),
        },
        coords={"customer": [0, 1]},
        attrs={"kind": "contracts", "unit": "year"},
    )
    renews = bcx.score(posterior, new, "survival", t="1 year")["mean"].to_numpy()
    np.testing.assert_allclose(renews, [0.631, 0.869], atol=0.05)
