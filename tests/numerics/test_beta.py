"""Powers over the beta function and their slopes, against the same in many digits."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.numerics import log_beta_power
from tests.evaluated import evaluated


def exact(m, q, s, v):
    return (mp.loggamma(m + q) - mp.loggamma(m) - mp.loggamma(q) + m * mp.log(s) + q * mp.log(v)) - (
        m + q
    ) * mp.log(s + v)


def test_powers_over_beta_in_many_digits():
    """From a hundredth to 1e16, near the mean of the beta distribution and far from it."""
    rng = np.random.default_rng(3)
    n = 60
    m, q = 10 ** rng.uniform(-2, 16, (2, n))
    s = 10 ** rng.uniform(-3, 6, n)
    # At x = m / (m + q), give or take some standard deviations; a few anywhere.
    v = s * q / m * np.exp(rng.normal(0, 3, n) * np.sqrt(1 / m + 1 / q))
    v[:12] = 10 ** rng.uniform(-6, 6, 12)
    value, *slopes = evaluated(log_beta_power, 4, slopes=(0, 1, 2, 3))(m, q, s, v)
    with mp.workdps(60):
        for k in range(n):
            point = [mp.mpf(float(each[k])) for each in (m, q, s, v)]
            # Rounding v by its last digit changes the value by so much, and no formula can do better.
            step = point[3] * mp.mpf("2e-16")
            noise = abs(exact(*point[:3], point[3] + step) - exact(*point))
            assert value[k] == pytest.approx(float(exact(*point)), rel=1e-12, abs=float(1e-12 + 40 * noise))
            for i, slope in enumerate(slopes):
                moved = [
                    [p * (1 + sign * mp.mpf("1e-22")) if j == i else p for j, p in enumerate(point)]
                    for sign in (1, -1)
                ]
                wanted = (exact(*moved[0]) - exact(*moved[1])) / (2 * point[i] * mp.mpf("1e-22"))
                # Of each argument relative to itself, within what its last digit is worth.
                scale = float(mp.sqrt(point[0] + point[1])) + float(min(point[0], point[1]))
                assert slope[k] * float(point[i]) == pytest.approx(
                    float(wanted * point[i]), rel=1e-9, abs=1e-13 * scale + 1e-9
                ), (i, m[k], q[k], s[k], v[k])
