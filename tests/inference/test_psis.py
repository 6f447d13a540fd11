"""Pareto-smoothed importance sampling, against ArviZ."""

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from bayes_cx.inference.psis import smooth_weights


@pytest.mark.parametrize("n", [30, 224, 225, 1000, 4000])
@pytest.mark.parametrize("tail", ["normal", 3.0, 1.2])
def test_weights_and_khat_are_those_of_arviz(n, tail, rng):
    log_weight = 0.2 * rng.normal(size=n) if tail == "normal" else np.log1p(rng.pareto(tail, n))
    smooth, khat = smooth_weights(log_weight)
    expected, expected_khat = array_stats.psislw(-(log_weight - log_weight.max()))
    assert khat == pytest.approx(float(expected_khat), rel=1e-10)
    np.testing.assert_allclose(smooth, expected - np.log(np.exp(expected).sum()), atol=1e-10)


def test_weights_sum_to_one_and_keep_those_of_zero(rng):
    log_weight = np.append(rng.normal(size=500), -np.inf)
    smooth, _ = smooth_weights(log_weight)
    assert np.exp(smooth).sum() == pytest.approx(1.0)
    assert smooth[-1] == -np.inf


def test_equal_weights_cannot_be_judged():
    smooth, khat = smooth_weights(np.zeros(100))
    assert khat == np.inf
    np.testing.assert_allclose(smooth, -np.log(100))
