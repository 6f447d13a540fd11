"""MBG/NBD: published numbers, and what leaving after the first purchase changes."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.models import MBG_NBD
from bayes_cx.scoring.compiled import evaluate

PUBLISHED = {"r": 0.52484, "alpha": 6.1831, "a": 0.89136, "b": 1.6140}


def at(name, **given):
    rows = {k: np.array([float(v)]) for k, v in given.items() if k in MBG_NBD.statistics}
    fixed = {k: np.asarray(float(v)) for k, v in {**PUBLISHED, **given}.items() if k not in rows}
    return evaluate(MBG_NBD.quantities[name].formula, rows, fixed)[0, 0]


def test_maximum_likelihood_on_cdnow(cdnow_sample):
    posterior = bcx.fit(MBG_NBD, cdnow_sample, method=bcx.MLE())
    found = {name: float(value[0]) for name, value in posterior.parameters().items()}
    assert found == pytest.approx(PUBLISHED, rel=5e-4)
    assert float(posterior.draws["sample_stats"]["lp"].max()) == pytest.approx(-9582.1357, abs=1e-4)


def test_who_bought_once_may_have_left():
    assert at("p_alive", x=0, t_x=0, T=1e-9) == pytest.approx(1.6140 / (0.89136 + 1.6140))
    assert at("p_alive", x=0, t_x=0, T=39) < at("p_alive", x=0, t_x=0, T=1)


def test_new_customers_buy_as_expected_in_simulation(rng):
    n, t = 200_000, 52.0
    counts = MBG_NBD.simulate(rng, np.full(n, t), **PUBLISHED).counts(n)
    z = (counts.mean() - at("expected_purchases_new", t=t)) / (counts.std() / np.sqrt(n))
    assert abs(z) < 4


@pytest.mark.parametrize("history", [(0, -1.0, 0.0), (2, 9.5, 10.5)])
def test_conditioning_on_a_simulated_history_gives_its_future(rng, history):
    """Select simulated customers by their history; what they do next is what the formulas expect of it."""
    n, T, t = 1_000_000, 20.0, 20.0
    story = MBG_NBD.simulate(rng, np.full(n, T + t), **PUBLISHED)
    early = story.time <= T
    x = np.bincount(story.customer[early], minlength=n)
    t_x = np.zeros(n)
    np.maximum.at(t_x, story.customer[early], story.time[early])
    later = np.bincount(story.customer[~early], minlength=n)
    frequency, low, high = history
    chosen = (x == frequency) & (t_x > low) & (t_x <= high)
    assert chosen.sum() > 1000
    last = np.linspace(max(low, 0.0), high, 21)
    expected = np.mean([at("expected_purchases", x=frequency, t_x=u, T=T, t=t) for u in last])
    z = (later[chosen].mean() - expected) / (later[chosen].std() / np.sqrt(chosen.sum()))
    assert abs(z) < 4
