"""The mean of a decay, and its derivative, against quadrature."""

import numpy as np

from bayes_cx.numerics import log_mean_decay
from tests.evaluated import evaluated


def test_the_mean_decay_is_the_integral():
    """Value and derivative by n over nine decades of every argument."""
    rng, n = np.random.default_rng(3), 100
    columns = {"t": 10 ** rng.uniform(-6, 3.6, n)} | {name: 10 ** rng.uniform(-3, 3.5, n) for name in "namb"}
    found = evaluated(log_mean_decay, 5, slopes=(1,))(*columns.values())
    t, k, a, m, b = (column.astype(np.longdouble)[:, None] for column in columns.values())
    # Over v = log(1 + y / min(a, b)), in panels that halve towards zero, where decays begin.
    node, share = np.polynomial.legendre.leggauss(40)
    edges = np.log1p(t / np.minimum(a, b)) * np.append(0, 2.0 ** np.arange(-24, 1))
    half = (np.diff(edges) / 2)[..., None]
    v = (edges[:, :-1, None] + half * (node + 1)).reshape(n, -1)
    y = np.minimum(a, b) * np.expm1(v)
    log_decay = -k * np.log1p(y / a) - m * np.log1p(y / b)
    each = (half * share).reshape(n, -1) * np.exp(log_decay + v) * np.minimum(a, b)
    whole = each.sum(axis=1)
    np.testing.assert_allclose(found[0], np.log(whole / t[:, 0]), rtol=2e-12, atol=2e-12)
    np.testing.assert_allclose(found[1], -(each * np.log1p(y / a)).sum(axis=1) / whole, rtol=3e-11)
