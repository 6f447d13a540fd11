"""The mean of a decay, and its derivative, against quadrature in many digits."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.numerics import log_mean_decay
from tests.evaluated import evaluated


def test_the_mean_decay_is_the_integral_in_many_digits():
    """Value and derivative by n over nine decades of every argument."""
    rng, n = np.random.default_rng(3), 20
    columns = {"t": 10 ** rng.uniform(-6, 3.6, n)} | {name: 10 ** rng.uniform(-3, 3.5, n) for name in "namb"}
    found = evaluated(log_mean_decay, 5, slopes=(1,))(*columns.values())
    with mp.workdps(25):
        for i in range(n):
            t, k, a, m, b = (mp.mpf(float(column[i])) for column in columns.values())
            end = mp.log1p(t / min(a, b))
            ends = [0, *(end * mp.mpf(2) ** -j for j in range(9, -1, -1))]

            def integral(factor, k=k, a=a, m=m, b=b, ends=ends):
                def integrand(v):
                    y = min(a, b) * mp.expm1(v)
                    decay = (1 + y / a) ** -k * (1 + y / b) ** -m
                    return factor(y) * decay * min(a, b) * mp.exp(v)

                return mp.quad(integrand, ends)

            whole = integral(lambda y: 1)
            slope = integral(lambda y, a=a: -mp.log1p(y / a)) / whole
            assert abs(found[0][i] - float(mp.log(whole / t))) < 2e-12 * max(1.0, abs(found[0][i])), i
            assert found[1][i] == pytest.approx(float(slope), rel=3e-11), i
