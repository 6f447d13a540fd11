"""Draws of scales against integrals over a grid."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from bayes_cx.inference.density import Mode
from bayes_cx.inference.scale_draws import OfScales, draw_scales

# Means of few groups, known with a standard error of one: nothing is seen of how much groups differ.
SEEN = np.array([0.3, -0.8, 0.5, 0.1])
FAR = np.array([3.1, -4.2, 0.9, 2.2, -2.7, 1.8])
WIDE = 2.0


def log_lik(seen: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of a standard deviation between groups."""
    return stats.norm.logpdf(seen, 0.0, np.sqrt(1 + np.square(scale)[..., None])).sum(axis=-1)


def heights(points: np.ndarray) -> np.ndarray:
    near, far = np.exp(points).T
    return log_lik(SEEN, near) + log_lik(FAR, far) + log_prior(points)


def log_prior(points: np.ndarray) -> np.ndarray:
    """Return the log prior of the logarithms: a half-normal scale, and a log-normal one."""
    scale = np.exp(points[:, 0])
    return stats.halfnorm.logpdf(scale) + points[:, 0] + stats.norm.logpdf(points[:, 1], 0.0, WIDE)


def from_prior(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([np.log(np.abs(rng.standard_normal(n))), WIDE * rng.standard_normal(n)])


def drawn(half_normal: tuple[bool, bool], seed: int):
    mode = Mode(np.array([-1.0, 1.0]), 0.0, np.diag([1.0, 4.0]), 0.0)
    of = OfScales(heights, from_prior, log_prior, np.array(half_normal))
    return draw_scales(of, mode, 4000, 7.0, np.random.default_rng(seed), proposed=8000)


@pytest.mark.parametrize("half_normal", [(True, False), (False, False)])
def test_mean_and_integral_are_those_of_a_grid(half_normal: tuple[bool, bool]):
    found = drawn(half_normal, 1)
    size, mean = 1.0, []

    def wide(s: float) -> float:
        return float(stats.lognorm.pdf(s, WIDE))

    for seen, prior, top in ((SEEN, stats.halfnorm.pdf, 10), (FAR, wide, 200)):
        one = quad(lambda s, seen=seen, prior=prior: np.exp(log_lik(seen, np.array(s))) * prior(s), 0, top)
        two = quad(
            lambda s, seen=seen, prior=prior: s * np.exp(log_lik(seen, np.array(s))) * prior(s), 0, top
        )
        size *= one[0]
        mean.append(two[0] / one[0])
    scales = np.exp(found.points)
    error = scales.std(axis=0) / np.sqrt(found.ess)
    assert np.all(np.abs(scales.mean(axis=0) - mean) < 4 * error)
    # The weights of the proposals have a mean with this relative error.
    assert abs(found.log_integral - np.log(size)) < 4 * np.sqrt(1 / found.ess - 1 / 8000)


def test_cube_roots_leave_more_draws_than_logarithms():
    """Eight scales of which little is known, as in two groupings of four coordinates."""
    k = 8

    def prior(points: np.ndarray) -> np.ndarray:
        return (stats.halfnorm.logpdf(np.exp(points)) + points).sum(axis=1)

    def found(half_normal: bool):
        of = OfScales(
            heights=lambda points: log_lik(SEEN, np.exp(points)).sum(axis=1) + prior(points),
            from_prior=lambda n, rng: np.log(np.abs(rng.standard_normal((n, k)))),
            log_prior=prior,
            half_normal=np.full(k, half_normal),
        )
        mode = Mode(np.full(k, -0.7), 0.0, np.eye(k), 0.0)
        return draw_scales(of, mode, 4000, 7.0, np.random.default_rng(2), proposed=8000)

    roots, logs = found(half_normal=True), found(half_normal=False)
    assert roots.ess > 2 * logs.ess
    assert roots.khat < 0.5
