"""The search for a mode: several maxima, places where nothing can be computed, and what is said of them."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

import bayes_cx as bcx
from bayes_cx.inference.density import Density, find_mode


def density(height, slope, k=2, **more):
    """A density of `k` elements from functions of one vector."""
    return Density(
        value_and_gradient=lambda u: (height(u), slope(u)),
        heights=lambda points: np.array([height(u) for u in points]),
        named=lambda points: list(points.T),
        names=tuple("ab"),
        dims={},
        coords={},
        start=np.zeros(k),
        elements=("first", "second"),
        **more,
    )


@pytest.fixture
def two_normals():
    """Seven tenths of the probability around (4, 4), where no search from the start comes, the rest at it."""
    parts = [(np.log(0.3), np.zeros(2), 1.0), (np.log(0.7), np.full(2, 4.0), 0.04)]

    def height(u):
        return logsumexp([w + multivariate_normal.logpdf(u, m, v) for w, m, v in parts])

    def slope(u):
        own = [w + multivariate_normal.logpdf(u, m, v) - height(u) for w, m, v in parts]
        return sum(np.exp(log) * (m - u) / v for log, (_, m, v) in zip(own, parts, strict=True))

    return height, slope


def test_the_higher_of_two_maxima_is_found_and_the_other_counted(two_normals):
    mode = find_mode(density(*two_normals, quick=True))
    np.testing.assert_allclose(mode.u, 4.0, atol=1e-3)
    assert mode.elsewhere == pytest.approx(0.3, abs=0.01)
    one = find_mode(density(*two_normals))
    np.testing.assert_allclose(one.u, 0.0, atol=1e-3)
    assert one.elsewhere == 0.0


def test_what_cannot_be_computed_or_has_no_maximum_is_said(two_normals):
    with pytest.raises(bcx.FitError, match=r"cannot be computed where.*one huge amount"):
        find_mode(density(lambda u: np.nan, lambda u: np.full(2, np.nan), quick=True))
    with pytest.raises(bcx.FitError, match=r"still rises, most of all in second.*tighter priors"):
        find_mode(density(lambda u: 0.01 * u[1] - u[0] ** 2, lambda u: np.array([-2 * u[0], 0.01])))
