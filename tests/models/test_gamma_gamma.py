"""Gamma-Gamma: what is believed of customers who tell little or nothing of spend."""

import numpy as np
import pytest

from bayes_cx.models import GAMMA_GAMMA
from bayes_cx.scoring.compiled import evaluate

PAPER = {"p": 6.25, "q": 3.744, "v": 15.443}


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
