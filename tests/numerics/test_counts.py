"""The negative binomial distribution against mpmath."""

import mpmath as mp
import numpy as np

from bayes_cx.numerics import log_negative_binomial, negative_binomial_tail
from tests.evaluated import evaluated


def test_chances_and_tails(rng):
    n = 120
    count = np.floor(10 ** rng.uniform(0, 3.5, n))
    count[:15] = 0.0
    s, t, beta = (10 ** rng.uniform(low, high, n) for low, high in ((-3, 3.5), (-2, 4), (-3, 3.6)))
    chance, tail = (
        evaluated(f, 4)(count, s, t, beta) for f in (log_negative_binomial, negative_binomial_tail)
    )
    with mp.workdps(40):
        for i in range(n):
            m, s_, t_, beta_ = (mp.mpf(float(column[i])) for column in (count, s, t, beta))
            z = t_ / (beta_ + t_)
            expected = mp.log(mp.rf(s_, m) / mp.factorial(m)) + s_ * mp.log(1 - z) + m * mp.log(z)
            assert abs(chance[i] - expected) < 1e-10 * max(1, abs(expected))
            if m == 0:
                assert tail[i] == 1.0
                continue
            above = mp.betainc(m, s_, 0, z, regularized=True)
            if above > 1e-290:
                assert abs(tail[i] / above - 1) < 1e-9


def test_no_time_has_no_events():
    at = [np.array(values) for values in ([0.0, 1.0], [0.5, 0.5], [0.0, 0.0], [2.0, 2.0])]
    np.testing.assert_array_equal(np.exp(evaluated(log_negative_binomial, 4)(*at)), [1.0, 0.0])
    np.testing.assert_array_equal(evaluated(negative_binomial_tail, 4)(*at), [1.0, 0.0])
