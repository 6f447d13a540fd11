"""Integrals over the wait for the next purchase, against SciPy and quadrature."""

import numpy as np
import pytensor.tensor as pt
import pytest
from scipy import special, stats

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


def test_what_happens_while_one_waits(anywhere):
    """Of customers who leave at a steady risk ~ Gamma(0.7, 1), the share that leaves within the wait."""
    k, a, end = (each[:, None] for each in anywhere)
    found = integral(lambda v: -pt.expm1(-0.7 * pt.log1p(pt.exp(v))), below=True)(*anywhere)
    # On the log scale the density has the width of a logistic one; below, it falls with the power k.
    node, share = np.polynomial.legendre.leggauss(16)
    panels = np.append(-np.geomspace(60, 1e-3, 60), 0.0)
    edges = np.log(end) + panels / np.minimum(k, 1)
    half = (np.diff(edges) / 2)[..., None]
    v = (edges[:, :-1, None] + half * (node + 1)).reshape(k.size, -1)
    leaves = -np.expm1(-0.7 * np.log1p(np.exp(v)))
    density = np.exp(k * v - (a + k) * np.log1p(np.exp(v)) - special.betaln(k, a))
    exact = ((half * share).reshape(k.size, -1) * density * leaves).sum(axis=1)
    np.testing.assert_allclose(found, np.log(exact), rtol=0, atol=1e-8)
