"""BG/CNBD-k and MBG/CNBD-k: published numbers, what is seen of gaps, and offers by simulation."""

import numpy as np
import pytest

from bayes_cx.models import BG_CNBD, MBG_CNBD
from bayes_cx.scoring.compiled import evaluate
from bayes_cx.simulated import Purchases

POINT = {"k": 3.0, "r": 1.2, "alpha": 5.0, "a": 0.8, "b": 2.5}


def at(model, name, params=POINT, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in model.statistics}
    fixed = {k: np.asarray(v, float) for k, v in {**params, **given}.items() if k not in rows}
    return evaluate(model.quantities[name].formula, rows, fixed)[:, 0]


def test_published_probabilities_and_expectations():
    """The reference of BTYDplus 1.2.0 prints these for MBG/CNBD-2 on its groceries, without the estimates.

    The four estimates were solved from the ten numbers, so six of them are free; none has a digit amiss.
    """
    estimates = {"k": 2.0, "r": 1.3037263286531522, "a": 0.4480924297324659, "b": 0.8738449591882376}
    estimates["alpha"] = 2 * 3.1330227462659623  # there it belongs to the rate of the stages
    chances = at(MBG_CNBD, "p_purchases_new", estimates, t=52, count=np.arange(7))
    printed = [0.37402021, 0.15535694, 0.09439949, 0.06625482, 0.05002957, 0.03943061, 0.03194107]
    np.testing.assert_allclose(chances, printed, rtol=0, atol=0.5e-8)
    assert at(MBG_CNBD, "p_purchases_new", estimates, t=26, count=0)[0] == pytest.approx(0.41709817, abs=5e-9)
    means = at(MBG_CNBD, "expected_purchases_new", estimates, t=np.array([26.0, 52.0]))
    np.testing.assert_allclose(means, [2.228859, 3.740498], rtol=0, atol=0.5e-6)


def test_what_is_observed_of_gaps():
    made = Purchases(np.array([1, 0, 1, 1]), np.array([6.0, 3.0, 2.0, 12.0]))
    seen = BG_CNBD.observe(made, np.full(3, 20.0))
    np.testing.assert_array_equal(seen["x"], [1, 3, 0])
    np.testing.assert_allclose(seen["regularity"], [0.0, np.log([2 / 12, 4 / 12, 6 / 12]).sum(), 0.0])


def regular_gaps(rng, n, x, t_x, T, k, r, alpha, a, b):
    """Return rates and stages passed since the last purchase of customers who are active after this history.

    Rates are those believed at the last purchase; of them and of the gaps that are open, told as gaps, those
    stay that are still open at T.
    """
    rate = rng.gamma(r + k * x, 1 / (alpha + k * t_x), n)
    gap = rng.gamma(k, 1 / (k * rate))
    open_ = gap > T - t_x
    return rate[open_], gap[open_] - (T - t_x)


@pytest.mark.parametrize("offer", ["active", "less_dropout", "kept"])
def test_offers_are_worth_what_the_story_says(rng, offer):
    x, t_x, T, t, discount, share = 4.0, 18.0, 20.0, 30.0, 0.02, 0.4
    rate, wait = regular_gaps(rng, 300_000, x, t_x, T, **POINT)
    keep = {"active": 0.0, "less_dropout": share, "kept": 1.0}[offer]
    leaves = (1 - keep) * rng.beta(POINT["a"], POINT["b"] + x, rate.size)
    time, value = wait, np.zeros(rate.size)
    there = np.ones(rate.size, bool)
    while np.any(there := there & (time <= t)):
        value += np.where(there, np.exp(-discount * time), 0.0)
        there &= rng.random(rate.size) >= leaves
        time = time + rng.gamma(POINT["k"], 1 / (POINT["k"] * rate))
    given = {"t": t, "discount": discount, "x": x, "t_x": t_x, "T": T}
    given |= {"keep": share} if offer == "less_dropout" else {}
    expected = at(BG_CNBD, f"discounted_purchases_if_{offer}", **given)[0]
    assert abs(value.mean() - expected) / (value.std() / np.sqrt(value.size)) < 4


def test_a_lost_customer_who_comes_back_is_worth_less_than_one_who_never_left():
    given = {"t": 52, "discount": 0.002, "x": 3, "T": 39}
    won_back = at(MBG_CNBD, "discounted_purchases_if_won_back", **given)[0]
    active = at(MBG_CNBD, "discounted_purchases_if_active", t_x=39, **given)[0]
    assert 0 < won_back < active
