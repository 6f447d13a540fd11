"""Integrals over the wait for the next purchase, against SciPy and in many digits."""

import mpmath as mp
import numpy as np
import pytensor.tensor as pt
import pytest
from scipy import stats

from bayes_cx.numerics import log_wait_integral
from tests.evaluated import evaluated


def integral(weight=None, *, below=False):
    def formula(k, a, end):
        ends = (None, pt.log(end)) if below else (pt.log(end), None)
        return log_wait_integral(k, a, *ends, weight)

    return evaluated(formula, 3)


@pytest.fixture
def anywhere():
    rng = np.random.default_rng(4)
    k, a = 10 ** rng.uniform(-0.5, 2.5, (2, 400))
    # Waits from the shortest to the longest of a thousand.
    return k, a, stats.betaprime.ppf(rng.uniform(0.001, 0.999, 400), k, a)


def test_the_chance_of_a_longer_wait_is_that_of_a_beta_prime(anywhere):
    k, a, end = anywhere
    np.testing.assert_allclose(integral()(k, a, end), stats.betaprime.logsf(end, k, a), rtol=0, atol=1e-8)
    shorter = integral(below=True)(k, a, end)
    np.testing.assert_allclose(shorter, stats.betaprime.logcdf(end, k, a), rtol=0, atol=1e-8)


def test_what_happens_while_one_waits_in_many_digits(anywhere):
    """Of customers who leave at a steady risk ~ Gamma(0.7, 1), the share that leaves within the wait."""
    k, a, end = (each[:40] for each in anywhere)
    found = integral(lambda v: -pt.expm1(-0.7 * pt.log1p(pt.exp(v))), below=True)(k, a, end)
    for k_, a_, end_, got in zip(k, a, end, found, strict=True):

        def leaves(w, k=k_, a=a_):
            return w ** (k - 1) * (1 + w) ** (-a - k) / mp.beta(k, a) * (1 - (1 + w) ** -0.7)

        exact = mp.quad(leaves, np.linspace(0, end_, 9).tolist())
        assert got == pytest.approx(float(mp.log(exact)), abs=1e-8), (k_, a_, end_)
