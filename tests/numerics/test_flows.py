"""Discounted purchases of customers who buy at random against integrals over dropout and time."""

import numpy as np
import pytest
from scipy.special import roots_jacobi

from bayes_cx.models.beta_geometric import flow
from tests.evaluated import evaluated

_NODE, _WEIGHT = np.polynomial.legendre.leggauss(12)
_EDGES = np.r_[0.0, np.geomspace(1e-5, 1.0, 40)]
_AT = (_EDGES[:-1, None] + np.diff(_EDGES)[:, None] * (_NODE + 1) / 2).ravel()
_WIDTH = (np.diff(_EDGES)[:, None] * _WEIGHT / 2).ravel()


def by_dropout(t, discount, s, beta, a, b) -> float:
    """Return the integral of the rate of purchases, e^(-lambda p u) lambda, over p, lambda and u."""
    node, weight = roots_jacobi(150, b - 1.0, a - 1.0)
    p, u = (1.0 + node) / 2.0, t * _AT
    rate = s / beta * (1.0 + p[:, None] * u / beta) ** -(s + 1.0)
    return float(weight / weight.sum() @ rate @ (t * _WIDTH * np.exp(-discount * u)))


@pytest.mark.parametrize(
    ("most", "exponent", "error"), [(1.5, 0.1, 1e-6), (10.0, 0.1, 2e-6), (10.0, 1.0, 1e-5)]
)
def test_frequent_buyers_who_soon_leave_and_rare_ones_who_stay(rng, most, exponent, error):
    beta, n = 30.0, 60
    s, t = 10 ** rng.uniform(-0.7, 2.0, n), beta * most * rng.uniform(0.3, 1.0, n)
    a, b = 10 ** rng.uniform(-1.0, 1.0, n), 10 ** rng.uniform(-1.0, 1.7, n)
    found = evaluated(flow, 6)(t, exponent / t, s, beta, a, b)
    expected = [by_dropout(t[i], exponent / t[i], s[i], beta, a[i], b[i]) for i in range(n)]
    np.testing.assert_allclose(found, expected, rtol=error)
