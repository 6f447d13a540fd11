"""What segments have in common, against integration over a grid; draws and waiting times, against SciPy."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from bayes_cx.inference import transitions
from bayes_cx.inference.psis import smooth_weights
from bayes_cx.inference.transitions import common_of, dirichlet, log_marginal
from bayes_cx.inference.wait_families import FAMILIES
from bayes_cx.inference.waits import waits_of

N = 4000


def on_a_grid(counts, a):
    """Integrate over mean and concentration of segments with two next states: mean, log kappa, evidence."""
    m = (np.arange(2000) + 0.5) / 2000
    log_kappa = np.log(2) + 1.5 * np.linspace(-6, 6, 601)
    mm, ll = np.meshgrid(m, log_kappa, indexing="ij")
    kappa = np.exp(ll)
    log = stats.beta.logpdf(mm, a, a) + stats.norm.logpdf(ll, np.log(2), 1.5)
    for n, others in counts:
        # Of one sequence of transitions, so without the number of orders that they can have.
        log += stats.betabinom.logpmf(n, n + others, kappa * mm, kappa * (1 - mm))
        log -= np.log(stats.binom.pmf(n, n + others, 0.5)) + (n + others) * np.log(2)
    weight = np.exp(log - log.max())
    total = weight.sum()
    evidence = log.max() + np.log(total) + np.log(1 / 2000) + np.log(log_kappa[1] - log_kappa[0])
    return (weight * mm).sum() / total, (weight * ll).sum() / total, evidence


def second_is_better():
    """Return `smooth_weights`, whose first result looks worse than it is, so that the second is taken."""
    calls = []

    def smooth(log_weight):
        smoothed, khat = smooth_weights(log_weight)
        calls.append(khat)
        return smoothed, khat if len(calls) > 1 else 9.0

    return smooth


@pytest.mark.parametrize(
    ("counts", "again"),
    [
        ([(8, 2), (30, 11), (5, 9)], False),
        ([(8, 2), (30, 11), (5, 9)], True),
        ([(1, 0), (0, 1), (3, 40), (2, 50)], False),
    ],
)
def test_what_segments_have_in_common_is_what_a_grid_finds(counts, again, monkeypatch):
    if again:  # from around the first points, as where their weights vary much
        monkeypatch.setattr(transitions, "_GOOD", -np.inf)
        monkeypatch.setattr(transitions, "smooth_weights", second_is_better())
    mean, log_kappa, evidence = on_a_grid(counts, 0.5)
    found = common_of(np.array(counts), 0.5, N, np.random.default_rng(1))
    error = 5 / np.sqrt(min(found.ess, N))
    assert found.khat < 0.5
    assert found.mean[:, 0].mean() == pytest.approx(mean, abs=error * found.mean[:, 0].std())
    logs = np.log(found.concentration)
    assert logs.mean() == pytest.approx(log_kappa, abs=error * logs.std())
    assert found.log_marginal == pytest.approx(evidence, abs=error)


def test_the_evidence_of_one_segment_is_that_of_its_sequence():
    # Of a uniform chance the sequence 1, 1, 0 has the probability B(3, 2) = 1 / 12.
    assert log_marginal(np.array([[2, 1]]), 1.0) == pytest.approx(np.log(1 / 12))


def test_draws_are_dirichlet_also_where_parameters_are_tiny():
    drawn = dirichlet(np.broadcast_to([1e-3, 1e-3, 5.0], (N, 3)), np.random.default_rng(2))
    assert np.all(np.isfinite(drawn))
    assert drawn.sum(axis=1) == pytest.approx(np.ones(N))
    alike = dirichlet(np.broadcast_to([2.0, 3.0], (N, 2)), np.random.default_rng(3))
    assert stats.kstest(alike[:, 0], stats.beta(2, 3).cdf).pvalue > 0.001


PEERS = {
    "exponential": lambda k, c: stats.expon(scale=c),
    "Weibull": lambda k, c: stats.weibull_min(k, scale=c),
    "gamma": lambda k, c: stats.gamma(k, scale=c),
    "log-normal": lambda k, c: stats.lognorm(1 / k, scale=c),
}


@pytest.mark.parametrize("name", list(FAMILIES))
def test_families_are_those_of_scipy(name):
    family, peer = FAMILIES[name], PEERS[name](1.7, 1.0)
    z, k = np.array([0.01, 0.4, 1.0, 3.0]), np.array(1.7)
    assert family.log_density(np.log(z), k) - np.log(z) == pytest.approx(peer.logpdf(z), rel=1e-10)
    assert family.log_survival(np.log(z), k) == pytest.approx(peer.logsf(z), rel=1e-9)
    # A survival that is one to the last digits says no longer of which time it is.
    assert family.inverse(peer.sf(z[1:]), k) == pytest.approx(z[1:], rel=1e-9)
    assert family.mean(k) == pytest.approx(peer.mean(), rel=1e-10)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_family_and_its_parameters_are_found_again(name):
    rng = np.random.default_rng(4)
    true = PEERS[name](2.5, 40.0)
    wait = true.rvs(1500, random_state=rng)
    until = rng.uniform(20, 200, wait.size)
    seen, ended = np.minimum(wait, until), wait <= until
    found = waits_of(seen, ended, np.ones(seen.size), float(seen.mean()), N, rng)
    assert found.family == name
    assert found.khat < 0.5
    assert abs(found.mean.mean() - true.mean()) < 4 * found.mean.std()
    rest = found.thinned(np.arange(50)).rest(np.array([0.0, 30.0]))
    at = {"scale": found.scale[0], "shape": found.shape[0]}
    one = PEERS[name](at["shape"], at["scale"])
    later, _ = integrate.quad(one.sf, 30, np.inf)
    assert rest[0, 0] == pytest.approx(found.mean[0], rel=1e-9)
    assert rest[0, 1] == pytest.approx(later / one.sf(30), rel=1e-6)


def test_equal_waits_count_by_their_weight():
    rng = np.random.default_rng(5)
    wait, ended = np.array([1.0, 2.0, 2.0, 5.0]), np.array([True, True, True, False])
    alone = waits_of(wait, ended, np.ones(4), 2.0, 500, rng)
    rng = np.random.default_rng(5)
    together = waits_of(wait[[0, 1, 3]], ended[[0, 1, 3]], np.array([1.0, 2.0, 1.0]), 2.0, 500, rng)
    assert together.scale == pytest.approx(alone.scale, rel=1e-9)


def test_the_unit_of_time_changes_nothing():
    wait, ended = np.random.default_rng(6).exponential(3.0, 60), np.ones(60, bool)
    hours, minutes = (
        waits_of(unit * wait, ended, np.ones(60), unit * wait.mean(), 500, np.random.default_rng(7))
        for unit in (1.0, 60.0)
    )
    assert minutes.family == hours.family
    assert minutes.scale == pytest.approx(60 * hours.scale, rel=1e-6)


def test_draws_given_a_length_so_far_are_longer():
    waits = waits_of(np.arange(1.0, 30), np.ones(29, bool), np.ones(29), 15.0, N, np.random.default_rng(8))
    drawn = waits.draw(np.random.default_rng(9), 12.0)
    assert drawn.min() >= 12.0
    expected = 12.0 + waits.thinned(np.arange(N)).rest(np.array([12.0]))[:, 0]
    assert drawn.mean() == pytest.approx(expected.mean(), abs=5 * drawn.std() / np.sqrt(N))


def test_the_maximum_of_the_likelihood_is_that_of_scipy():
    wait = stats.weibull_min(0.8, scale=3).rvs(400, random_state=1)

    def minus(u):
        log_z = np.log(wait) - u[0]
        return -(FAMILIES["Weibull"].log_density(log_z, np.exp(u[1])) - np.log(wait)).sum()

    shape, _, scale = stats.weibull_min.fit(wait, floc=0)
    found = optimize.minimize(minus, [0.0, 0.0])
    assert np.exp(found.x) == pytest.approx([scale, shape], rel=1e-3)
