import numpy as np
import pytest
from scipy.stats import norm

from bayes_cx.validation.scores import crps, log_score, pooled, pooled_crps


def test_crps_is_its_definition():
    rng = np.random.default_rng(0)
    counts, observed = rng.poisson(2.0, (12, 5)), rng.poisson(2.0, 5)
    for i, y in enumerate(observed):
        draws = counts[:, i].astype(float)
        pairs = [abs(a - b) for j, a in enumerate(draws) for k, b in enumerate(draws) if j != k]
        expected = np.mean(abs(draws - y)) - np.mean(pairs) / 2
        assert crps(counts, observed)[i] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("m", [2, 50])
def test_crps_is_fair_however_few_the_draws(m):
    """The mean over ensembles is the closed form of the normal distribution (Gneiting & Raftery 2007)."""
    rng = np.random.default_rng(1)
    n, y = 100_000, 0.7
    values = crps(rng.normal(size=(m, n)), np.full(n, y))
    closed = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert values.mean() == pytest.approx(closed, abs=4 * values.std() / np.sqrt(n))


def test_the_truth_scores_best():
    rng = np.random.default_rng(2)
    rate = rng.gamma(1.0, 1.0, 20_000)
    observed = rng.poisson(rate)
    true, wide = rng.poisson(rate, (100, rate.size)), rng.poisson(1.5 * rate, (100, rate.size))
    assert crps(true, observed).mean() < crps(wide, observed).mean()
    scores = [log_score(c, observed, pooled(c, int(observed.max()))).mean() for c in (true, wide)]
    assert scores[0] < scores[1]


def test_draws_of_one_history_are_taken_together():
    """Against one customer with all draws of the three; the fourth is alone."""
    rng = np.random.default_rng(8)
    counts, observed = rng.poisson(1.0, (40, 4)), np.array([0, 2, 9, 1])
    everybody = pooled(counts, 9)
    found = log_score(counts, observed, everybody, np.array([1, 1, 1, 0]))
    together = np.repeat(counts[:, :3].reshape(-1, 1), 3, axis=1)
    np.testing.assert_allclose(found[:3], log_score(together, observed[:3], everybody))
    np.testing.assert_allclose(found[3], log_score(counts, observed, everybody)[3])


def test_log_score_is_of_probabilities():
    rng = np.random.default_rng(3)
    counts = rng.poisson(1.0, (30, 4))
    everybody = pooled(counts, 12)
    assert everybody.sum() == pytest.approx(1.0)
    each = [np.exp(-log_score(counts, np.full(4, k), everybody)) for k in range(everybody.size)]
    np.testing.assert_allclose(np.sum(each, axis=0), 1.0)
    assert np.isfinite(log_score(counts, np.full(4, 12), everybody)).all()


def test_pooled_crps_is_that_of_one_large_ensemble():
    rng = np.random.default_rng(4)
    draws = rng.poisson(2.0, 4000)
    g = np.bincount(draws) / draws.size
    observed = np.array([0, 3, 9, 3])
    direct = [np.mean(abs(draws - y)) - np.mean(abs(draws[:, None] - draws)) / 2 for y in observed]
    np.testing.assert_allclose(pooled_crps(g, observed), direct, atol=1e-9)
