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


def test_many_sets_of_weights_are_smoothed_as_one_by_one(rng):
    # With repeated draws, as resampling leaves them, and rows that are alike to different extents.
    log_lik = -np.log1p(rng.pareto(2.0, (20, 400)))[:, rng.integers(0, 400, 1000)]
    log_lik[3] = np.round(log_lik[3], 1)
    log_lik[4, 10:] = log_lik[4, 10]
    smooth, khat = smooth_weights(-log_lik, relative_ess=0.7)
    assert khat[4] == np.inf
    for row, own, found in zip(log_lik, smooth, khat, strict=True):
        expected, expected_khat = array_stats.psislw(row - row.min(), r_eff=0.7)
        # Which of two equal draws gets the larger weight is of no account.
        expected = np.sort(expected - np.log(np.exp(expected).sum()))
        np.testing.assert_allclose(np.sort(own), expected, atol=1e-10)
        if np.isfinite(found):
            assert found == pytest.approx(float(expected_khat), rel=1e-10)
