"""The chance to stay against gamma functions in many digits."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.numerics import log_stay
from tests.evaluated import evaluated


def test_the_chance_to_stay_in_many_digits():
    rng = np.random.default_rng(0)
    n = 400
    gamma, delta = 10 ** rng.uniform(-3, 3, (2, n))
    w = np.where(rng.random(n) < 0.5, np.round(10 ** rng.uniform(0, 4, n)), 10 ** rng.uniform(-6, 20, n))
    found = evaluated(log_stay, 3)(gamma, delta, w)
    with mp.workdps(60):
        for value, *point in zip(found, gamma, delta, w, strict=True):
            g, d, more = (mp.mpf(float(v)) for v in point)
            stays = mp.loggamma(d + more) - mp.loggamma(d)
            expected = stays - mp.loggamma(g + d + more) + mp.loggamma(g + d)
            assert value == pytest.approx(float(expected), rel=1e-12), point


def test_its_slopes_in_many_digits():
    rng = np.random.default_rng(0)
    gamma, delta = 10 ** rng.uniform(-2, 2, (2, 100))
    w = np.round(10 ** rng.uniform(0, 3, 100))
    _, by_gamma, by_delta = evaluated(log_stay, 3, (0, 1))(gamma, delta, w)
    with mp.workdps(40):
        for one, other, *point in zip(by_gamma, by_delta, gamma, delta, w, strict=True):
            g, d, more = (mp.mpf(float(v)) for v in point)
            both = mp.psi(0, g + d + more) - mp.psi(0, g + d)
            assert one == pytest.approx(float(-both), rel=1e-10), point
            assert other == pytest.approx(float(mp.psi(0, d + more) - mp.psi(0, d) - both), rel=1e-9), point
