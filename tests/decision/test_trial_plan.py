"""Trials planned, against the textbook, simulated customers, and an integral over what is found."""

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

import bayes_cx as bcx
from bayes_cx.scoring.looking import e_value


def test_the_size_of_a_textbook():
    """5 % against 6 %, two-sided 5 %, power 80 %, with the variance of the control."""
    plan = bcx.plan_trial(0.05, 0.01, per_day=1000)
    assert plan.n == np.ceil(2 * (1.959964 + 0.841621) ** 2 * 0.05 * 0.95 / 0.01**2)
    assert plan.days == np.ceil(2 * plan.n / 1000)
    twice = bcx.plan_trial(10.0, 1.0, sd=4.0, arms=3)
    assert twice.n == np.ceil(2 * (norm.isf(0.0125) + norm.ppf(0.8)) ** 2 * 16)


def test_the_power_is_that_of_simulated_customers():
    """Shares of customers at ten looks; at the planned size once, and by the rule for looking often."""
    plan = bcx.plan_trial(0.1, 0.02, looks=10)
    rng = np.random.default_rng(2)

    def trials(n, looks):
        each = np.full((2000, looks), int(n) // looks)
        s = np.array([rng.binomial(each, p).cumsum(axis=1) for p in (0.1, 0.12)])
        k = each.cumsum(axis=1)
        p = s / k
        V = (p * (1 - p)).sum(axis=0) / k
        return p[1] - p[0], V

    d, V = trials(plan.n, 1)
    # The variance of the better arm is larger than that of the control, so the power is a bit lower.
    assert (d / np.sqrt(V) > norm.isf(0.025)).mean() == pytest.approx(0.78, abs=0.04)
    for n, power in ((plan.n, plan.power_anytime), (plan.n_anytime, 0.8)):
        d, V = trials(n, 10)
        assert (e_value(d, V, 0.02) >= 20).any(axis=1).mean() == pytest.approx(power - 0.02, abs=0.05)


def test_what_a_trial_is_worth_is_an_integral_over_what_it_finds():
    plan = bcx.plan_trial(0.05, 0.01, customers=10_000, worth=20.0, cost=0.1, prior=(0.004, 0.006))
    V = 2 * plan.sd**2 / plan.n
    share = 0.006**2 / (0.006**2 + V)

    def after(d):
        gain = 20 * (0.004 + share * (d - 0.004)) - 0.1
        return max(gain, 0.0) * norm.pdf(d, 0.004, np.sqrt(0.006**2 + V))

    found, _ = integrate.quad(after, -0.05, 0.06, points=[0.005], limit=200)
    assert plan.value == pytest.approx(10_000 * (found - max(20 * 0.004 - 0.1, 0)), rel=1e-6)
    assert plan.value_after_cost == pytest.approx(plan.value - plan.n * (0.1 - 20 * 0.004))
    assert "worth most" in str(plan)
    # More customers afterwards make a larger trial worth its cost.
    more = bcx.plan_trial(0.05, 0.01, customers=1_000_000, worth=20.0, cost=0.1, prior=(0.004, 0.006))
    assert more.best_n > plan.best_n


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": 0.0},
        {"control": 5.0},
        {"power": 1.0},
        {"arms": 1},
        {"per_day": 0.0},
        {"sd": -1.0},
        {"looks": 0},
        {"customers": 10, "prior": (0.0, 0.0)},
    ],
)
def test_what_cannot_be_planned_is_said(wrong):
    with pytest.raises(bcx.InputError):
        bcx.plan_trial(**({"control": 0.05, "effect": 0.01} | wrong))


def test_a_plan_shows_its_size_in_notebooks():
    plan = bcx.plan_trial(0.05, 0.01, arms=3, per_day=1000)
    each, whole = f"{plan.n:,}", f"{3 * plan.n:,}"
    assert repr(plan).startswith(f"<TrialPlan: {each} customers in each of 3 arms, {whole} in all in ")
    shown = plan._repr_html_()
    assert f"<td>{each}" in shown or f">{each}<" in shown
    assert f">{whole}<" in shown
