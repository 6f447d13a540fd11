"""Sums over stages against sums phase by phase in many digits, and silence against its odds."""

import mpmath as mp
import numpy as np
import pytensor.tensor as pt
import pytest

from bayes_cx.numerics import silence, stage_sums
from tests.evaluated import evaluated


@pytest.fixture(scope="module")
def sums():
    return evaluated(lambda *given: list(stage_sums(*given)), 9)


def by_phases(t, n, k, s, beta, tau, a, b, keep):
    """Return the sums, for each number of stages since the last purchase that may have been passed."""
    weight = [mp.rf(s, j) * (tau / beta) ** j / mp.factorial(j) for j in range(k)]
    z = t / (beta + t)
    stays, mean, result = {}, {0: mp.mpf(0)}, [mp.mpf(0)] * 4
    for j in range(k):
        chance, rest, m = weight[j] / sum(weight) * (1 - z) ** (s + j), weight[j] / sum(weight), 0
        for stages in range(100_000):
            m = (j + stages) // k
            if m not in stays:
                stays[m] = mp.hyp2f1(-m, a, a + b, 1 - keep)
                mean[m + 1] = mean[m] + stays[m]
            for i, value in enumerate((mean[m], stays[m], m == n, m >= n)):
                result[i] += chance * value
            rest -= chance
            if rest < 1e-25 and m > n:
                break
            chance *= (s + j + stages) / (stages + 1) * z
    return [float(value) for value in result]


def test_sums_by_phases(sums, rng):
    for _ in range(12):
        k, n, keep = int(rng.integers(1, 7)), int(rng.integers(0, 6)), float(rng.choice([0.0, 0.3, 1.0]))
        beta = 10 ** rng.uniform(-1, 2)
        t, tau = beta * 10 ** rng.uniform(-2, 0.4), beta * rng.uniform(0, 1) * (rng.random() < 0.7)
        s, a, b = 10 ** rng.uniform(-1, 1.3), 10 ** rng.uniform(-2, 1.5), 10 ** rng.uniform(-2, 1.5)
        found = sums(*(np.array([float(x)]) for x in (t, n, k, s, beta, tau, a, b, keep)))
        with mp.workdps(30):
            expected = by_phases(mp.mpf(t), n, k, *(mp.mpf(float(x)) for x in (s, beta, tau, a, b, keep)))
        np.testing.assert_allclose([value[0] for value in found], expected, rtol=1e-11, atol=1e-24)


def test_too_many_stages_give_nan(sums):
    found = sums(*(np.array([float(x)]) for x in (1e6, 0, 3, 50.0, 1.0, 0.0, 0.5, 2.0, 0.0)))
    assert np.all(np.isnan(found))


def test_in_no_time_nothing_happens(sums):
    found = sums(*(np.array([float(x)]) for x in (0.0, 0, 3, 50.0, 1.0, 0.4, 0.5, 2.0, 0.0)))
    np.testing.assert_allclose([value[0] for value in found], [0.0, 1.0, 1.0, 1.0], rtol=1e-12)


def test_silence_is_where_odds_are_even():
    def three(at):
        return [silence(lambda u: pt.log(u / at), at), silence(lambda u: u, at), silence(lambda u: -u, at)]

    even, at_once, never = evaluated(three, 1)(np.array([2.0, 3e5]))
    np.testing.assert_allclose(even, [2.0, 3e5], rtol=1e-12)
    np.testing.assert_array_equal(at_once, 0.0)
    np.testing.assert_array_equal(never, np.inf)
