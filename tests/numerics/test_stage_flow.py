"""Discounted purchases of regular buyers against integrals over the time of each purchase."""

import numpy as np
import pytest
from scipy.special import hyp2f1, poch
from scipy.stats import betaprime

from bayes_cx.numerics import stage_flow
from tests.evaluated import evaluated

# Nodes for an integral over a share of the horizon: panels that become short where it begins.
_NODE, _WEIGHT = np.polynomial.legendre.leggauss(12)
_EDGES = np.r_[0.0, np.geomspace(1e-6, 1.0, 160)]
_AT = (_EDGES[:-1, None] + np.diff(_EDGES)[:, None] * (_NODE + 1) / 2).ravel()
_WIDTH = (np.diff(_EDGES)[:, None] * _WEIGHT / 2).ravel()


@pytest.fixture(scope="module")
def flow():
    return evaluated(stage_flow, 9)


@pytest.fixture(scope="module")
def flow_now():
    """The same of customers who have just bought."""
    return evaluated(lambda t, discount, k, s, beta, *of: stage_flow(t, discount, k, s, beta, 0.0, *of), 8)


def by_purchases(t, discount, k, s, beta, tau, a, b, keep) -> float:
    """Return the sum over purchases: the wait for some stages, at a rate that is gamma, is beta prime."""
    weight = np.array([poch(s, j) * (tau / beta) ** j / poch(1.0, j) for j in range(k)])
    total, u = 0.0, t * _AT
    for j in range(k):
        for m in range(1, 2000):
            stages, rate = m * k - j, s + j
            there = hyp2f1(1 - m, a, a + b, 1 - keep)
            worth = t * np.sum(_WIDTH * np.exp(-discount * u) * betaprime.pdf(u, stages, rate, scale=beta))
            total += weight[j] / weight.sum() * there * worth
            if betaprime.cdf(t, stages, rate, scale=beta) < 1e-11:
                break
    return total


CASES = [  # k, exponent of the discount at the horizon, share kept, time since the last purchase over beta
    (1, 0.1, 0.0, 0.0), (2, 0.0, 0.0, 0.3), (3, 0.5, 0.3, 0.2), (6, 0.89, 0.0, 0.4),
    (3, 0.91, 1.0, 0.1), (2, 3.0, 0.0, 0.5), (4, 10.0, 0.3, 0.0), (1, 15.9, 0.0, 0.2), (3, 40.0, 0.0, 0.3),
]  # fmt: skip


@pytest.mark.parametrize(("k", "exponent", "keep", "silent"), CASES)
def test_flow_by_purchases(flow, rng, k, exponent, keep, silent):
    s, beta, t = 10 ** rng.uniform(0.0, 1.3), 20.0, 20.0 * 10 ** rng.uniform(-0.5, 0.2)
    a, b = 10 ** rng.uniform(-1, 0.5), 10 ** rng.uniform(-0.5, 1)
    given = (t, exponent / t, k, s, beta, silent * beta, a, b, keep)
    full = by_purchases(t, 0.0, *given[2:])
    assert abs(float(flow(*given)) - by_purchases(*given)) < 1e-6 * full


def test_without_discount_it_is_nearly_exact(flow):
    given = (30.0, 0.0, 3, 12.0, 25.0, 4.0, 0.6, 3.0, 0.2)
    assert float(flow(*given)) == pytest.approx(by_purchases(*given), rel=1e-9)


def test_one_who_has_just_bought_has_passed_no_stage(flow, flow_now):
    history = (26.0, 0.01, 4.0, 9.0, 30.0)
    assert flow_now(*history, 0.5, 2.0, 0.0) == pytest.approx(flow(*history, 0.0, 0.5, 2.0, 0.0), rel=1e-13)


def test_many_purchases_outgrow_no_number(flow):
    """In five years a customer who buys ten times a day makes 18,250 purchases, if none leave."""
    per_day, years = 10.0, 5.0
    s, beta = 1e6 * per_day, 1e6
    found = flow(365.0 * years, 0.1 / 365.0, 1.0, s, beta, 0.0, 1.0, 1.0, 1.0)
    assert found == pytest.approx(365.0 * per_day * -np.expm1(-0.1 * years) / 0.1, rel=1e-6)


def test_no_time_no_purchases_and_too_many_stages(flow):
    assert flow(0.0, 0.01, 3.0, 50.0, 1.0, 0.4, 0.5, 2.0, 0.0) == 0.0
    assert np.isnan(flow(1e6, 0.0, 3.0, 50.0, 1.0, 0.0, 0.5, 2.0, 0.0))
