"""BG/NBD: published numbers, and what the formulas must do where the peers fail."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.models import BG_NBD
from bayes_cx.scoring.compiled import evaluate

PAPER = {"r": 0.24259, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}


def at(name, params=PAPER, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in BG_NBD.statistics}
    fixed = {k: np.asarray(float(v)) for k, v in {**params, **given}.items() if k not in rows}
    formula = BG_NBD.log_lik if name == "log_lik" else BG_NBD.quantities[name].formula
    return evaluate(formula, rows, fixed)[0, 0]


def test_published_log_likelihoods_of_customers(cdnow_sample):
    customers = cdnow_sample.isel(customer=[0, 1, 2, 5, 6, 8])
    rows = {name: customers[name].to_numpy().astype(float) for name in BG_NBD.statistics}
    found = evaluate(BG_NBD.log_lik, rows, {k: np.asarray(v) for k, v in PAPER.items()})[0]
    np.testing.assert_allclose(found, [-9.4596, -4.4711, -0.5538, -21.8644, -4.8651, -9.5367], atol=0.002)


def test_published_expectations():
    history = {"x": 2, "t_x": 30.43, "T": 38.86}
    assert at("expected_purchases", t=39, **history) == pytest.approx(1.2259, abs=5e-4)
    assert at("expected_purchases_new", t=52) == pytest.approx(1.4440, abs=1e-4)
    frequent = {"x": 26, "t_x": 30.857, "T": 31}
    assert at("expected_purchases", t=52, **frequent) == pytest.approx(25.757, abs=1e-3)
    assert at("p_alive", **frequent) == pytest.approx(0.96885, abs=1e-5)


def test_a_plus_b_below_one():
    point = {"r": 0.11, "alpha": 2.24, "a": 0.31, "b": 0.5}
    assert at("expected_purchases", point, t=30, x=0, t_x=0, T=1) == pytest.approx(0.56459, abs=1e-5)


def test_published_cumulative_repeat_purchases(cdnow_sample):
    # Everybody's expectation since their own first purchase, at weeks 20 and 25 of the year.
    begin = float(cdnow_sample["T"].max())
    for week, expected in ((20, 1312.46), (25, 1669.60)):
        since = np.maximum(week - (begin - cdnow_sample["T"].to_numpy()), 0.0)
        since = since[since > 0]
        total = sum(at("expected_purchases_new", t=t) for t in since)
        assert total == pytest.approx(expected, rel=1e-3), week


def conditional_mean(t, x, T, r, alpha, a, b):
    """E[Y(t)] of an active customer by its textbook form, in many digits."""
    t, x, T, r, alpha, a, b = (mp.mpf(float(v)) for v in (t, x, T, r, alpha, a, b))
    a += mp.mpf("1e-40")  # the form is singular at a = 1
    c = a + b + x - 1
    return float(c / (a - 1) * (1 - mp.hyp2f1(r + x, a - 1, c, -t / (alpha + T))))


def test_conditional_expectation_against_mpmath():
    rng = np.random.default_rng(0)
    worst = 0.0
    with mp.workdps(90):
        for _ in range(150):
            x, T = rng.choice([0, 1, 5, 50, 300, 3000]), 10 ** rng.uniform(-2, 3.56)
            t, r = 10 ** rng.uniform(-1, 3.5), 10 ** rng.uniform(-2, 2)
            point = {
                "r": r,
                "alpha": 10 ** rng.uniform(-2, 3),
                "a": rng.choice([1.0, 10 ** rng.uniform(-2, 2)]),
            }
            point["b"] = 10 ** rng.uniform(-2, 2)
            found = at("expected_purchases_if_active", point, t=t, x=x, T=T)
            worst = max(worst, abs(found / conditional_mean(t, x, T, **point) - 1))
    assert worst < 1e-8


def test_the_expectation_of_long_spans_is_right_where_sums_would_take_millions_of_terms():
    point = {"r": 30.0, "alpha": 1e-3, "a": 1.0, "b": 1.0}
    found = at("expected_purchases_if_active", point, t=1e6, x=3000, T=1e-3)
    with mp.workdps(60):
        assert found == pytest.approx(conditional_mean(1e6, 3000, 1e-3, **point), rel=1e-9)


def test_discounted_purchases_against_quadrature():
    with mp.workdps(30):
        for discount in (0.0018, 0.02):
            for x, T in ((0, 39.0), (4, 20.0), (60, 70.0)):

                def flow(s, d=discount, x=x, T=T):
                    rate = mp.diff(lambda u: mp.mpf(conditional_mean(u, x, T, **PAPER)), s, h=mp.mpf("1e-3"))
                    return mp.exp(-d * s) * rate

                expected = mp.quad(flow, [0.01, 10, 52], maxdegree=4) + conditional_mean(0.01, x, T, **PAPER)
                found = at("discounted_purchases_if_active", t=52, discount=discount, x=x, T=T)
                assert found == pytest.approx(float(expected), rel=1e-4)
