import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, binomtest

from bayes_cx.validation.coverage import (
    LEVELS,
    binomial_interval,
    coverage,
    inside_interval,
    inside_randomised,
)

COUNTS = arrays(np.int64, (20, 3), elements=st.integers(0, 6))


@given(COUNTS, arrays(np.int64, 3, elements=st.integers(0, 7)), st.sampled_from([0.5, 0.8, 0.9]))
def test_interval_is_that_of_the_quantiles(counts, observed, level):
    low, high = np.quantile(counts, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    expected = (low <= observed) & (observed <= high)
    np.testing.assert_array_equal(inside_interval(counts, observed, level), expected)


@given(COUNTS, arrays(np.int64, 3, elements=st.integers(0, 7)))
def test_closed_form_is_the_mean_over_the_dice(counts, observed):
    v = (np.arange(4000) + 0.5)[:, None] / 4000
    below, equal = (counts < observed).sum(0), (counts == observed).sum(0)
    u = (below + v * (equal + 1)) / (counts.shape[0] + 1)
    expected = ((u >= 0.1) & (u <= 0.9)).mean(0)
    np.testing.assert_allclose(inside_randomised(counts, observed, 0.8), expected, atol=1e-3)


@pytest.mark.parametrize("level", LEVELS)
def test_randomised_coverage_is_nominal_where_the_plain_one_is_not(level):
    rng = np.random.default_rng(0)
    n, m = 40_000, 39
    rate = rng.gamma(0.4, 2.0, n)
    counts, observed = rng.poisson(rate, (m, n)), rng.poisson(rate)
    inside = round(inside_randomised(counts, observed, level).sum())
    low, high = binom.interval(0.999, n, level)
    assert low <= inside <= high
    assert inside_interval(counts, observed, level).mean() > level + 0.01


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 17), (500, 1000), (20, 20)])
def test_binomial_interval(k, n):
    expected = binomtest(k, n).proportion_ci(method="wilson")
    np.testing.assert_allclose(binomial_interval(k / n, n), (expected.low, expected.high), atol=1e-12)


def test_the_total_is_judged_with_the_same_levels():
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (500, 100))
    found = coverage(counts, np.full(100, 1))
    assert found.total_inside.all()
    assert found.attrs["total_observed"] == 100
    low, high = np.quantile(counts.sum(1), [0.1, 0.9])
    assert (found.total_low.sel(level=0.8), found.total_high.sel(level=0.8)) == (low, high)
    assert not coverage(counts, np.full(100, 2)).total_inside.any()
