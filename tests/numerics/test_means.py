"""Means over chances to leave and rates against hypergeometric functions and quadrature in many digits."""

import mpmath as mp
import numpy as np
import pytest
from scipy.special import gammaln

from bayes_cx.numerics import beta_gamma_decay, beta_gamma_dert, beta_gamma_mean, count_at_leaving
from tests.evaluated import evaluated


def wide(rng, n, low, high):
    return 10 ** rng.uniform(low, high, n)


def worst(found, expected):
    """Return the largest relative error where the expected value is above the smallest numbers."""
    errors = [abs(mp.mpf(float(f)) / e - 1) for f, e in zip(found, expected, strict=True) if e > 1e-290]
    assert len(errors) > 0.7 * len(expected)
    return float(max(errors))


@pytest.fixture
def population(rng):
    """Spans, rates and chances over six decades, among them the places where textbook forms fail."""
    n = 80
    t, s, beta = wide(rng, n, -2, 4), wide(rng, n, -3, 3.5), wide(rng, n, -3, 3.6)
    a, b = wide(rng, n, -3, 3), wide(rng, n, -3, 3.5)
    a[: n // 6] = 1.0
    return t, s, beta, a, b


def exactly(columns):
    return ([mp.mpf(float(value)) for value in row] for row in zip(*columns, strict=True))


def test_the_mean_number_of_purchases(population):
    def textbook(t, s, beta, a, b):
        a += mp.mpf("1e-25")  # the form is singular at a = 1
        c = a + b - 1
        return c / (a - 1) * (1 - mp.hyp2f1(s, a - 1, c, -t / beta))

    found = evaluated(beta_gamma_mean, 5)(*population)
    with mp.workdps(60):
        assert worst(found, [textbook(*row) for row in exactly(population)]) < 1e-8


def test_the_chance_to_stay(population):
    found = evaluated(beta_gamma_decay, 5)(*population)
    with mp.workdps(50):
        expected = [mp.hyp2f1(s, a, a + b, -t / beta) for t, s, beta, a, b in exactly(population)]
        assert worst(found, expected) < 1e-10


def test_discounted_purchases_without_end_at_one_rate(rng):
    """Of very many purchases seen the rate is known, and what is left is a hypergeometric function."""
    n = 60
    k = rng.integers(1, 7, n).astype(float)
    rate, discount, a, b = wide(rng, n, -1, 1), wide(rng, n, -4, 0), wide(rng, n, -2, 2), wide(rng, n, -2, 3)
    many = 1e7
    found = evaluated(beta_gamma_dert, 7)(discount, k, np.full(n, many), many / rate, np.zeros(n), a, b)
    with mp.workdps(40):
        expected = []
        for k_, u, d, a_, b_ in exactly((k, rate, discount, a, b)):
            q = (u / (u + d)) ** k_
            expected.append(q * mp.hyp2f1(1, b_, a_ + b_, q))
        assert worst(found, expected) < 1e-6


def dert(discount, k, s, beta, tau, a, b):
    """Return the double integral over the phase, the rate and the chance to leave."""
    weight = [mp.rf(s, j) * (tau / beta) ** j / mp.factorial(j) for j in range(int(k))]

    def worth(j):
        def at_rate(v):
            u = mp.exp(v)
            q = u / (u + discount)
            density = mp.exp((s + j) * (v + mp.log(beta)) - beta * u - mp.loggamma(s + j))
            return density * q ** (k - j) * mp.hyp2f1(1, b, a + b, q**k)

        top = mp.log((s + j) / beta)
        return mp.quad(
            at_rate, [top + d for d in (-100 / min(s, 1), -60, -30, -20, -12, -8, -5, -3, -1, 0, 1, 2, 4, 7)]
        )

    return sum(w * worth(j) for j, w in enumerate(weight)) / sum(weight)


@pytest.mark.parametrize(
    "case",
    [
        (0.0018, 1, 2.2, 43.0, 0.0, 0.8, 4.4),
        (0.0018, 3, 6.2, 43.0, 5.0, 0.8, 4.4),
        (0.1, 2, 0.25, 4.4, 0.0, 0.8, 2.4),
        (1e-5, 4, 0.5, 3.0, 1.0, 0.1, 1.0),
        (2.0, 1, 1.0, 1.0, 0.0, 1.0, 1.0),
        (30.0, 6, 0.7, 100.0, 60.0, 3.0, 7.0),
        (0.001, 1, 3000.0, 40.0, 0.0, 1.0, 3000.0),
    ],
)
def test_discounted_purchases_without_end(case):
    found = evaluated(beta_gamma_dert, 7)(*(np.array([float(value)]) for value in case))[0]
    assert found == pytest.approx(float(dert(*map(mp.mpf, case))), rel=1e-6)


def test_discounted_purchases_without_end_are_finite_and_positive_anywhere(rng):
    n = 3000
    beta = wide(rng, n, -3, 3.6)
    found = evaluated(beta_gamma_dert, 7)(
        wide(rng, n, -6, 1),
        rng.integers(1, 7, n).astype(float),
        wide(rng, n, -3, 4.2),
        beta,
        beta * rng.random(n),
        wide(rng, n, -3, 3),
        wide(rng, n, -3, 3.5),
    )
    assert np.all(np.isfinite(found) & (found > 0))


def leaving(n, t, r, alpha, s, beta):
    """Return the integral over the logarithm of the lifetime, around its mode, which is a quadratic root."""
    n, t, r, alpha, s, beta = (np.asarray(each, np.longdouble)[:, None] for each in (n, t, r, alpha, s, beta))
    half = (1 - r) * beta + (n - s) * alpha
    mode = (half + np.sqrt(half**2 + 4 * (r + s) * (n + 1) * alpha * beta)) / (2 * (r + s))
    top, width = np.log(np.minimum(mode, t)), 1 / np.sqrt(n + 1)
    # The mode may be narrow, and what is around it wide.
    edges = np.hstack([top + np.linspace(-20, 20, 101) * width, np.log(t) - np.linspace(0, 60, 121)])
    edges = np.sort(np.minimum(edges, np.log(t)))
    node, share = np.polynomial.legendre.leggauss(12)
    reach = (np.diff(edges) / 2)[..., None]
    v = (edges[:, :-1, None] + reach * (node + 1)).reshape(len(n), -1)
    y = np.exp(v)
    gamma = [gammaln(np.asarray(each, float)) for each in (r + n, r, n + 1)]
    size = gamma[0] - gamma[1] - gamma[2] + np.log(s / beta)
    decay = -(s + 1) * np.log1p(y / beta) - r * np.log1p(y / alpha)
    density = np.exp(size + decay + n * (v - np.log(alpha + y)) + v)
    return ((reach * share).reshape(len(n), -1) * density).sum(axis=1).astype(float)


def test_the_chance_of_a_count_at_leaving(rng):
    n = 200
    count = np.floor(wide(rng, n, 0, 3)) - 1.0
    columns = (count, wide(rng, n, -1, 3.5), wide(rng, n, -2, 3), wide(rng, n, -2, 3), wide(rng, n, -2, 2))
    columns = (*columns, wide(rng, n, -2, 3))
    found, expected = evaluated(count_at_leaving, 6)(*columns), leaving(*columns)
    some = expected > 1e-15
    assert some.mean() > 0.5
    np.testing.assert_allclose(found[some], expected[some], rtol=1e-9)


def test_nobody_leaves_in_no_time():
    at = [np.array([float(value)]) for value in (0, 0.0, 0.6, 5.0, 0.7, 11.0)]
    assert evaluated(count_at_leaving, 6)(*at)[0] == 0.0
