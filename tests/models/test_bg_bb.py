"""BG/BB: published numbers, textbook forms in many digits, and what offers are worth."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.models import BG_BB
from bayes_cx.scoring.compiled import evaluate
from tests.models.proofs import z_score

PAPER = {"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834}


def at(name, params=PAPER, **given):
    rows = {k: np.atleast_1d(np.asarray(v, float)) for k, v in given.items() if k in BG_BB.statistics}
    fixed = {k: np.asarray(v, float) for k, v in {**params, **given}.items() if k not in rows}
    quantity = BG_BB.quantities[name]
    values = evaluate(quantity.formula, rows, fixed, never=quantity.never)
    return values[0, 0] if values.size == 1 else values.squeeze()


def test_published_expectations():
    # The manual of BTYD prints these at rounded parameters.
    rounded = {"alpha": 1.20, "beta": 0.75, "gamma": 0.66, "delta": 2.78}
    printed = [0.4973166, 0.9207078, 1.2927317, 1.6266289, 1.9309062]
    printed += [2.2113893, 2.4722624, 2.7166434, 2.9469256, 3.1649902]
    found = at("expected_purchases_new", rounded, t=np.arange(1.0, 11))
    np.testing.assert_allclose(found, printed, atol=6e-8)
    # Its walk-through has these for two donors, at estimates that it does not print to all digits.
    assert at("expected_purchases", t=10, x=0, t_x=0, n=6) == pytest.approx(0.1302169, rel=2e-4)
    assert at("expected_purchases", t=10, x=4, t_x=5, n=6) == pytest.approx(3.627858, rel=2e-4)


def anywhere(rng):
    """Return a history and parameters over six decades."""
    n = int(np.ceil(10 ** rng.uniform(0, np.log10(3000))))
    t_x = int(rng.choice([0, n, rng.integers(0, n + 1)]))
    x = int(np.ceil(t_x * rng.random())) if t_x else 0
    return {"x": x, "t_x": t_x, "n": n}, {name: 10 ** rng.uniform(-3, 3) for name in PAPER}


def active_share(history, params):
    """Return the chance to be active from the two parts of the likelihood, computed by mpmath."""
    x, t_x, n = (history[name] for name in ("x", "t_x", "n"))
    alpha, beta, gamma, delta = (mp.mpf(float(params[name])) for name in PAPER)
    stays = mp.beta(alpha + x, beta + n - x) * mp.beta(gamma, delta + n)
    term = mp.beta(alpha + x, beta + t_x - x) * mp.beta(gamma + 1, delta + t_x)
    left = mp.mpf(0)
    for i in range(t_x, n):
        left += term
        term *= (beta + i - x) / (alpha + beta + i) * (delta + i) / (gamma + delta + 1 + i)
    return stays / (stays + left)


def test_p_alive_and_dert_in_extreme_places():
    """DERT by the closed form of the paper, with its hypergeometric function."""
    rng = np.random.default_rng(2)
    with mp.workdps(40):
        for _ in range(60):
            history, params = anywhere(rng)
            discount = 10 ** rng.uniform(-4, 0)
            alive = active_share(history, params)
            assert at("p_alive", params, **history) == pytest.approx(float(alive), rel=1e-9)
            alpha, beta, gamma, delta = (mp.mpf(float(params[name])) for name in PAPER)
            n, z = history["n"], mp.exp(-mp.mpf(discount))
            buys = (alpha + history["x"]) / (alpha + beta + n)
            stays = (delta + n) / (gamma + delta + n)
            rest = mp.hyp2f1(1, delta + n + 1, gamma + delta + n + 1, z)
            expected = alive * buys * stays * z * rest
            found = at("dert", params, discount=discount, **history)
            assert found == pytest.approx(float(expected), rel=1e-9), (history, params, discount)


@pytest.mark.parametrize("gamma", [1e-3, 0.6567, 1.0, 1.0 + 1e-9, 300.0])
def test_expectations_of_the_paper(gamma):
    """Eq. (13), which is singular at gamma = 1, where the sum that it stands for is not."""
    params = {**PAPER, "gamma": gamma}
    with mp.workdps(60):
        g = mp.mpf(gamma) + mp.mpf("1e-30")
        for t in (1, 5, 64, 65, 400, 3000):
            d = mp.mpf(PAPER["delta"]) + 6
            ratio = mp.gammaprod([g + d, d + t + 1], [g + d + t, d + 1])
            buys = (mp.mpf(PAPER["alpha"]) + 4) / (mp.mpf(PAPER["alpha"]) + mp.mpf(PAPER["beta"]) + 6)
            expected = buys * d / (g - 1) * (1 - ratio)
            found = at("expected_purchases_if_active", params, t=t, x=4, n=6)
            assert found == pytest.approx(float(expected), rel=1e-11), t


def test_chances_of_counts_in_extreme_places():
    """The sum of the paper, term by term."""
    rng = np.random.default_rng(3)
    with mp.workdps(40):
        for _ in range(25):
            params = {name: 10 ** rng.uniform(-3, 3) for name in PAPER}
            alpha, beta, gamma, delta = (mp.mpf(float(value)) for value in params.values())
            t = int(np.ceil(10 ** rng.uniform(0, np.log10(3000))))
            count = int(rng.choice([0, 1, t, rng.integers(0, t + 1)]))
            buys = mp.beta(alpha + count, beta) / mp.beta(alpha, beta)
            leaves = mp.beta(gamma + 1, delta + count) / mp.beta(gamma, delta)
            expected = mp.mpf(0)
            for i in range(count, t):
                expected += buys * leaves
                buys *= mp.mpf(i + 1) / (i + 1 - count) * (beta + i - count) / (alpha + beta + i)
                leaves *= (delta + i) / (gamma + delta + 1 + i)
            expected += buys * mp.beta(gamma, delta + t) / mp.beta(gamma, delta)
            found = at("p_purchases_new", params, count=count, t=t)
            assert found == pytest.approx(float(expected), rel=1e-10, abs=1e-300), (params, t, count)


def test_a_rare_purchase_is_not_lost_in_rounding():
    params = {"alpha": 1e-9, "beta": 5.0, "gamma": 1.0, "delta": 3.0}
    found = at("p_any_purchase", params, t=4, x=0, t_x=0, n=0)
    stays = [3.0 / 4, 3 / 4 * 4 / 5, 3 / 4 * 4 / 5 * 5 / 6, 3 / 4 * 4 / 5 * 5 / 6 * 6 / 7]
    first = [1e-9 / 5, 1e-9 / 6, 1e-9 / 7, 1e-9 / 8]
    assert found == pytest.approx(np.dot(stays, first), rel=1e-7)


def test_offers_are_worth_between_nothing_and_loyalty():
    given = {"t": 20, "discount": 0.05, "x": 3, "n": 6}
    won_back = at("discounted_purchases_if_won_back", t_x=4, **given)
    active = at("discounted_purchases_if_active", **given)
    loyal = at("discounted_purchases_if_less_dropout", keep=0.3, **given)
    kept = at("discounted_purchases_if_kept", **given)
    assert 0 < won_back < active < loyal < kept


def test_less_dropout_is_less_of_the_hazard_of_each(rng):
    theta = rng.beta(PAPER["gamma"], PAPER["delta"] + 6, 400_000)
    stays = (1 - theta) ** 0.7
    expected = (PAPER["alpha"] + 3) / (PAPER["alpha"] + PAPER["beta"] + 6)
    sample = expected * sum(np.exp(-0.05 * i) * stays**i for i in range(1, 21))
    found = at("discounted_purchases_if_less_dropout", t=20, discount=0.05, keep=0.3, x=3, n=6)
    assert abs(z_score(sample, found)) < 4


def test_extremely_unequal_customers_are_simulated(rng):
    n = np.full(1000, 50)
    for small in PAPER:
        made = BG_BB.simulate(rng, n, **{**dict.fromkeys(PAPER, 1.0), small: 1e-3})
        assert np.all((made.time >= 1) & (made.time <= 50) & (made.time == np.floor(made.time)))
        assert np.all(np.bincount((made.customer * 50 + made.time - 1).astype(int)) <= 1)
