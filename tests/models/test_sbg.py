"""sBG: the closed forms of the literature, and what winning back means."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.models import SBG
from bayes_cx.scoring.compiled import evaluate
from tests.models.proofs import z_score

HIGH_END = {"alpha": 0.6681, "beta": 3.8061}


def at(name, params=HIGH_END, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in SBG.statistics}
    fixed = {k: np.asarray(v, float) for k, v in {**params, **given}.items() if k not in rows}
    quantity = SBG.quantities[name]
    return evaluate(quantity.formula, rows, fixed, never=quantity.never)[0, 0]


def test_the_letters_of_the_paper():
    assert "alpha" in SBG.params
    active = {"T": 3, "churned": 0}
    # r_t = (beta + t - 1) / (alpha + beta + t - 1)
    expected = (3.8061 + 4) / (0.6681 + 3.8061 + 4)
    assert at("retention", t=2, **active) == pytest.approx(expected, rel=1e-14)
    assert at("survival", t=1, T=0, churned=0) == pytest.approx(3.8061 / (0.6681 + 3.8061), rel=1e-14)
    assert at("p_any_renewal", t=5, **active) == at("survival", t=1, **active)


def test_residual_lifetime_by_its_closed_form():
    """Of Fader & Hardie (2010), less the payment that is due now."""
    rng = np.random.default_rng(0)
    with mp.workdps(40):
        for _ in range(80):
            params = {name: 10 ** rng.uniform(-3, 3) for name in HIGH_END}
            T, discount = int(rng.choice([0, 1, 40, 3650])), 10 ** rng.uniform(-4, 0)
            a, b, z = mp.mpf(params["alpha"]), mp.mpf(params["beta"]) + T, mp.exp(-mp.mpf(discount))
            expected = z * b / (a + b) * mp.hyp2f1(1, b + 1, a + b + 1, z)
            found = at("derl", params, discount=discount, T=T, churned=0)
            assert found == pytest.approx(float(expected), rel=1e-10), (params, T, discount)


@pytest.mark.parametrize("alpha", [1e-3, 0.6681, 1.0, 1.0 + 1e-9, 300.0])
def test_expected_renewals_by_their_closed_form(alpha):
    with mp.workdps(60):
        a, b = mp.mpf(alpha) + mp.mpf("1e-30"), mp.mpf(3.8061) + 5
        for t in (1, 5, 64, 65, 400, 3650):
            expected = b / (a - 1) * (1 - mp.gammaprod([a + b, b + t + 1], [a + b + t, b + 1]))
            found = at("expected_renewals", {**HIGH_END, "alpha": alpha}, t=t, T=5, churned=0)
            assert found == pytest.approx(float(expected), rel=1e-11), t


def test_a_lifetime_may_be_endless_on_average():
    assert at("expected_lifetime", T=3, churned=0) == np.inf
    assert at("expected_lifetime", T=3, churned=1) == 0
    found = at("expected_lifetime", {"alpha": 2.5, "beta": 3.0}, T=3, churned=0)
    assert found == pytest.approx(6.0 / 1.5)
    near = at("derl", {"alpha": 2.5, "beta": 3.0}, discount=1e-9, T=3, churned=0)
    assert near == pytest.approx(found, rel=1e-5)


def test_half_of_the_customers_reach_the_median():
    rng = np.random.default_rng(1)
    for _ in range(12):
        params = {name: 10 ** rng.uniform(-1, 1) for name in HIGH_END}
        T = int(rng.choice([0, 1, 7]))
        median = at("median_lifetime", params, T=T, churned=0)
        assert at("survival", params, t=median, T=T, churned=0) >= 0.5
        assert at("survival", params, t=median + 1, T=T, churned=0) < 0.5
    # A chance of exactly one half counts.
    assert at("median_lifetime", {"alpha": 1.0, "beta": 1.0}, T=0, churned=0) == 1
    assert at("median_lifetime", {"alpha": 1e-3, "beta": 1e3}, T=0, churned=0) == np.inf


def test_who_left_is_gone():
    for name in ("p_alive", "expected_renewals", "discounted_renewals", "survival", "retention", "derl"):
        assert at(name, t=5, discount=0.1, T=3, churned=1) == 0
    assert at("p_renewals", count=0, t=5, T=3, churned=1) == 1
    assert at("p_renewals", count=6, t=5, T=3, churned=0) == 0


def test_winning_back_counts_the_decision_to_leave(rng):
    """Customers who left at the third renewal have shown what their chance to leave is."""
    theta = rng.beta(*HIGH_END.values(), 4_000_000)
    made = SBG.simulate(rng, np.full(100_000, 3), **HIGH_END)
    chosen = rng.random(theta.size) < theta * (1 - theta) ** 2
    sample = sum(np.exp(-0.1 * i) * (1 - theta[chosen]) ** i for i in range(1, 11))
    found = at("discounted_renewals_if_won_back", t=10, discount=0.1, T=3, churned=1)
    assert abs(z_score(sample, found)) < 4
    assert abs(z_score(made.left == 3, np.mean(theta * (1 - theta) ** 2))) < 4


def test_offers_are_worth_between_nothing_and_loyalty():
    given = {"t": 10, "discount": 0.1, "T": 3}
    won_back = at("discounted_renewals_if_won_back", churned=1, **given)
    active = at("discounted_renewals_if_active", **given)
    loyal = at("discounted_renewals_if_less_dropout", keep=0.3, **given)
    kept = at("discounted_renewals_if_kept", **given)
    assert 0 < won_back < active < loyal < kept
    assert kept == pytest.approx(sum(np.exp(-0.1 * i) for i in range(1, 11)))
    assert at("discounted_renewals_if_kept", t=10, discount=0.0, T=3) == 10
