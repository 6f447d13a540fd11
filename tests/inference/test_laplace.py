"""Importance sampling: exact moments where they are known, and the draws of a sampler where they are not."""

import arviz as az
import numpy as np
import pytest
from scipy.special import digamma, gammaln, polygamma

import bayes_cx as bcx
from bayes_cx.inference.density import Density, Mode
from bayes_cx.inference.laplace import weigh

PROPOSED = 4000


def logs_of_gammas(shape: np.ndarray) -> tuple[Density, Mode, list[np.ndarray]]:
    """Return the log density of logarithms of gamma variables, its mode, and a list of where it was asked.

    A small shape means a long tail to the left, of which the curvature at the mode knows nothing.
    """
    asked = []

    def value_and_gradient(u):
        return np.asarray((shape * u - np.exp(u)).sum()), shape - np.exp(u)

    def heights(points):
        asked.extend(points)
        return (shape * points - np.exp(points)).sum(axis=1)

    top = np.log(shape)
    f = Density(value_and_gradient, heights, lambda u: [u], ("u",), {"u": ()}, {}, top)
    return f, Mode(top, float(value_and_gradient(top)[0]), np.diag(shape), 0.0), asked


@pytest.mark.parametrize(("shape", "rounds"), [(40.0, 1), (0.5, 3)], ids=["nearly normal", "long tail"])
def test_moments_and_marginal_likelihood_are_those_of_the_density(shape, rounds):
    """Twenty runs show no bias; the first proposal alone misses a tenth of the spread in the long tail."""
    shapes = shape * np.linspace(1, 2, 4)
    f, mode, asked = logs_of_gammas(shapes)
    runs = []
    for seed in range(20):
        asked.clear()
        found = weigh(f, mode, PROPOSED, 8.0, np.random.default_rng(seed))
        assert len(asked) == rounds * PROPOSED
        assert found.khat < 0.5
        assert found.u.shape == (PROPOSED, 4)
        offset = found.u - digamma(shapes)
        runs.append([*offset.mean(axis=0), *(offset**2).mean(axis=0), found.log_marginal])
    expected = np.r_[np.zeros(4), polygamma(1, shapes), gammaln(shapes).sum()]
    error = np.std(runs, axis=0, ddof=1) / np.sqrt(len(runs))
    assert np.abs((np.mean(runs, axis=0) - expected) / error).max() < 4
    assert error[4:8] / expected[4:8] == pytest.approx(0, abs=0.03)


def test_hopeless_weights_are_not_followed(rng):
    """Weights without a mean say nothing of moments: one round, and the check fails."""
    f, mode, asked = logs_of_gammas(np.full(12, 0.05))
    asked.clear()
    assert weigh(f, mode, PROPOSED, 8.0, rng).khat > 1
    assert len(asked) == PROPOSED


@pytest.mark.parametrize("correlation", [0.3, 0.99999])
def test_draws_are_the_same_wherever_in_its_noise_the_search_ended(correlation):
    """Bit by bit: what a processor adds up differently may not reach the files of a report."""
    precision = np.linalg.inv(np.array([[4.0, 2 * correlation], [2 * correlation, 1.0]]))
    place = np.array([0.7, -3.1])

    def heights(points):
        offset = points - place
        return -0.5 * ((offset @ precision) * offset).sum(axis=1)

    def value_and_gradient(u):
        return heights(u[None])[0], -precision @ (u - place)

    f = Density(value_and_gradient, heights, list, ("u",), {}, {}, place)
    found = [
        weigh(f, Mode(place * scale, 0.0, precision * scale, 0.0), PROPOSED, 8.0, np.random.default_rng(3))
        for scale in (1.0, 1 + 1e-9, 1 - 1e-9)
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other.u, found[0].u)
    # The rounding keeps the proposal what it is for.
    assert found[0].khat < 0.1
    assert np.cov(found[0].u.T) == pytest.approx(np.linalg.inv(precision), rel=0.1)


@pytest.mark.slow
def test_a_second_proposal_gives_the_posterior_that_a_sampler_finds(cdnow_sample):
    """The posterior of Pareto/NBD on the sample has a long tail: customers may differ little in loyalty."""
    weighed = bcx.fit("pareto_nbd", cdnow_sample, seed=1, progress=False)
    assert weighed.provenance.method == "Laplace", weighed.checks
    sampled = bcx.fit("pareto_nbd", cdnow_sample, method=bcx.NUTS(), seed=1, progress=False)
    assert sampled.verdict == "passed", sampled.checks
    effective = next(check.value for check in weighed.checks if "effective" in check.name)
    for name in weighed.model.priors:
        a, b = (np.log(posterior.draws["posterior"][name]) for posterior in (sampled, weighed))
        for power in (1, 2):  # location and spread
            of_a, of_b = (a - a.mean()) ** power, (b - a.mean()) ** power
            error = np.hypot(float(az.mcse(of_a)), float(of_b.std()) / np.sqrt(effective))
            assert abs(float(of_a.mean() - of_b.mean())) < 4 * error, (name, power)
