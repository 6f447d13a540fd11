"""Sums of ratios and their slopes against the same term by term in many digits."""

import mpmath as mp
import numpy as np
import pytest

from bayes_cx.numerics import ratio_sum
from tests.evaluated import evaluated


def test_sums_of_ratios_and_their_slopes_in_many_digits():
    rng = np.random.default_rng(1)
    b, d = 10 ** rng.uniform(-3, 3, (2, 12))
    B, D = b + 10 ** rng.uniform(-3, 3, 12), d + 10 ** rng.uniform(-3, 3, 12)
    n = rng.choice([1, 2, 30, 400, 3000], 12)
    found = evaluated(ratio_sum, 5, slopes=(1, 2, 3, 4))(n, b, d, B, D)

    def exact(n, *point):
        b, d, B, D = point
        term, sum_ = mp.mpf(1), mp.mpf(0)
        for i in range(n):
            sum_, term = sum_ + term, term * (b + i) * (d + i) / ((B + i) * (D + i))
        return sum_

    with mp.workdps(30):
        for k in range(12):
            point = [mp.mpf(float(v[k])) for v in (b, d, B, D)]
            assert found[0][k] == pytest.approx(float(exact(int(n[k]), *point)), rel=1e-12)
            for position in range(4):
                step = [mp.mpf(0)] * 4
                step[position] = point[position] * mp.mpf("1e-10")
                up, down = (
                    exact(int(n[k]), *(p + sign * s for p, s in zip(point, step, strict=True)))
                    for sign in (1, -1)
                )
                slope = float((up - down) / (2 * step[position]))
                assert found[1 + position][k] == pytest.approx(slope, rel=1e-9, abs=1e-30)
