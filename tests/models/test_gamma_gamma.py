"""Gamma-Gamma: published numbers."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.models import GAMMA_GAMMA
from bayes_cx.scoring.compiled import evaluate

PAPER = {"p": 6.25, "q": 3.744, "v": 15.443}


def test_maximum_likelihood_on_cdnow(cdnow_sample):
    posterior = bcx.fit(GAMMA_GAMMA, cdnow_sample, method=bcx.MLE())
    found = {name: float(value[0]) for name, value in posterior.parameters().items()}
    assert found == pytest.approx(PAPER, rel=5e-4)
    assert float(posterior.draws["sample_stats"]["lp"].max()) == pytest.approx(-4055.9177, abs=1e-4)


def test_expected_spend_pulls_the_own_mean_towards_everybodys():
    rows = {"x": np.array([0.0, 1.0, 1000.0]), "spend": np.array([np.nan, 100.0, 100.0])}
    everybody = PAPER["p"] * PAPER["v"] / (PAPER["q"] - 1)
    fixed = {k: np.asarray(v) for k, v in PAPER.items()}
    new, once, often = evaluate(GAMMA_GAMMA.quantities["expected_spend"].formula, rows, fixed)[0]
    assert new == pytest.approx(everybody)
    assert everybody < once < often < 100.0
    assert often == pytest.approx(100.0, rel=1e-2)


def test_free_purchases_tell_nothing_of_spend():
    rows = {"x": np.array([2.0, 0.0]), "spend": np.array([0.0, np.nan])}
    fixed = {k: np.asarray(v) for k, v in PAPER.items()}
    free, new = evaluate(GAMMA_GAMMA.quantities["expected_spend"].formula, rows, fixed)[0]
    assert free == new
    assert np.all(evaluate(GAMMA_GAMMA.log_lik, rows, fixed) == 0.0)


def test_future_spend_has_the_expected_mean(rng):
    n = 400_000
    x, spend = np.full(n, 4.0), np.full(n, 60.0)
    total = GAMMA_GAMMA.simulate_future(rng, np.full(n, 3), x, spend, **PAPER)
    fixed = {k: np.asarray(v) for k, v in PAPER.items()}
    each = evaluate(
        GAMMA_GAMMA.quantities["expected_spend"].formula, {"x": x[:1], "spend": spend[:1]}, fixed
    )[0, 0]
    z = (total.mean() - 3 * each) / (total.std() / np.sqrt(n))
    assert abs(z) < 4
    assert np.all(GAMMA_GAMMA.simulate_future(rng, np.zeros(3), x[:3], spend[:3], **PAPER) == 0)
