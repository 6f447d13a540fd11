"""Waiting times of two kinds, against SciPy, quadrature and simulation."""

import numpy as np
import pytest
from scipy import integrate, stats

from bayes_cx.inference.wait_families import FAMILIES, TWO_KINDS, Part, log_density, log_survival
from bayes_cx.inference.wait_rows import collapsed
from bayes_cx.inference.waits import Short, Waits, waits_of

PEERS = {
    "two log-normals": (
        lambda k, c: stats.lognorm(1 / k, scale=c),
        lambda k, c: stats.lognorm(1 / k, scale=c),
    ),
    "log-normal and Weibull": (
        lambda k, c: stats.lognorm(1 / k, scale=c),
        lambda k, c: stats.weibull_min(k, scale=c),
    ),
}
SHARE, SHORT, LONG = 0.6, (1.3, 2.0), (1.1, 300.0)


def mixture(name):
    """Return two draws of waiting times of two kinds, of the same numbers."""
    twice = np.ones(2)
    short = Short(SHARE * twice, SHORT[1] * twice, SHORT[0] * twice)
    return Waits(name, LONG[1] * twice, LONG[0] * twice, {name: 1.0}, 0.0, 1e3, short)


def simulated(name, size, rng):
    short, long = PEERS[name]
    first = short(*SHORT).rvs(size, random_state=rng)
    return np.where(rng.random(size) < SHARE, first, long(*LONG).rvs(size, random_state=rng))


@pytest.mark.parametrize("name", list(TWO_KINDS))
def test_two_kinds_are_the_mixture_of_scipy(name):
    short, long = PEERS[name][0](*SHORT), PEERS[name][1](*LONG)
    found = mixture(name)
    wait = np.array([0.05, 1.0, 9.0, 80.0, 900.0])
    of = found.thinned(np.array([0]))
    survival = SHARE * short.sf(wait) + (1 - SHARE) * long.sf(wait)
    assert of.survival(wait)[0] == pytest.approx(survival, rel=1e-12)
    assert of.density(wait)[0] == pytest.approx(
        SHARE * short.pdf(wait) + (1 - SHARE) * long.pdf(wait), rel=1e-12
    )
    assert found.mean[0] == pytest.approx(SHARE * short.mean() + (1 - SHARE) * long.mean(), rel=1e-12)
    for level in (0.01, 0.5, 0.65, 0.99):
        at = found.quantile(level)[0]
        assert SHARE * short.cdf(at) + (1 - SHARE) * long.cdf(at) == pytest.approx(level, rel=1e-9)
        # Of those that are longer than twenty.
        later = found.quantile(level, 20.0)[0]
        assert of.survival(np.array([later]))[0] == pytest.approx(
            (1 - level) * of.survival(np.array([20.0]))[0]
        )
    for span in (0.0, 20.0, 700.0):
        over, _ = integrate.quad(
            lambda w: SHARE * short.sf(w) + (1 - SHARE) * long.sf(w), span, np.inf, limit=400, epsrel=1e-10
        )
        still = SHARE * short.sf(span) + (1 - SHARE) * long.sf(span)
        assert of.rest(np.array([span]))[0, 0] == pytest.approx(over / still, rel=1e-6)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_mean_of_what_is_longer_is_an_integral(name):
    k, z = np.array(0.6), 2.5
    part = Part(FAMILIES[name], np.zeros(()), np.array(1.0), k)
    whole, _ = integrate.quad(lambda w: np.exp(log_density([part], np.log(w))), z, np.inf, epsrel=1e-11)
    assert np.exp(part.log_beyond(np.log(z))) == pytest.approx(whole, rel=1e-8)


@pytest.mark.parametrize("span", [0.0, 5.0])
def test_draws_of_two_kinds_follow_their_distribution(span):
    one = mixture("log-normal and Weibull")
    many = one.thinned(np.zeros(4000, int))
    drawn = many.draw(np.random.default_rng(1), span)[:, 0]
    start = one.survival(np.array([span, span]))[0]
    assert drawn.min() >= span
    at = one.thinned(np.array([0]))
    assert stats.kstest(drawn, lambda w: 1 - at.survival(np.asarray(w))[0] / start).pvalue > 0.001


@pytest.mark.parametrize("name", list(TWO_KINDS))
def test_two_kinds_are_found_again_with_open_stays(name):
    rng = np.random.default_rng(2)
    wait = simulated(name, 1500, rng)
    until = rng.uniform(0, 1500, wait.size)
    seen, ended = np.minimum(wait, until), wait <= until
    found = waits_of(seen, ended, np.ones(seen.size), float(seen[ended].mean()), 1000, rng)
    assert found.family == name
    assert found.khat < 0.5
    assert found.ess > 400
    for drawn, true in (
        (np.log(found.scale), np.log(LONG[1])),
        (np.log(found.shape), np.log(LONG[0])),
        (np.log(found.short.scale), np.log(SHORT[1])),
        (np.log(found.short.shape), np.log(SHORT[0])),
        (found.short.share, SHARE),
    ):
        assert abs(drawn.mean() - true) < 4 * drawn.std()
    assert (found.short.scale < found.scale).all()


@pytest.mark.parametrize("step", [1.0, 7.0])
def test_what_is_rounded_has_no_kind_of_no_width(step):
    # Whole days, or whole weeks, of stays that last twenty days on average.
    wait = step * np.ceil(np.random.default_rng(3).exponential(20.0, 3000) / step)
    found = waits_of(wait, np.ones(3000, bool), np.ones(3000), 20.0, 1000, np.random.default_rng(4))
    assert found.khat < 0.5
    narrowest = found.shape.max() if found.short is None else max(found.shape.max(), found.short.shape.max())
    assert narrowest < 20
    between = step * np.array([1.5, 2.5, 4.5, 8.5])
    survival = found.thinned(np.arange(1000)).survival(between).mean(axis=0)
    assert survival == pytest.approx([(wait > one).mean() for one in between], abs=0.05)


def test_what_always_comes_after_three_days_is_a_kind_of_its_own():
    rng = np.random.default_rng(5)
    wait = np.where(rng.random(1000) < 0.4, 72.0, np.round(rng.weibull(0.9, 1000) * 500, 2) + 0.01)
    found = waits_of(wait, np.ones(1000, bool), np.ones(1000), 300.0, 1000, rng)
    assert found.family in TWO_KINDS
    assert found.khat < 0.5
    assert found.short.share.mean() == pytest.approx(0.4, abs=0.06)
    assert np.median(found.short.scale) == pytest.approx(72.0, rel=0.02)


def test_nearly_equal_waits_in_a_bin_cost_nothing():
    rng = np.random.default_rng(6)
    wait = simulated("two log-normals", 6000, rng)
    ended = rng.random(6000) < 0.7
    few = collapsed(wait, ended, np.ones(6000))
    assert few.weight.size < 600
    assert few.weight.sum() == pytest.approx(6000)
    for shift, shape in ((0.0, 1.0), (0.3, 1.5)):
        parts = (
            Part(FAMILIES["log-normal"], np.log(SHARE), np.exp(shift) * SHORT[1], shape * SHORT[0]),
            Part(FAMILIES["gamma"], np.log1p(-SHARE), np.exp(shift) * LONG[1], shape * LONG[0]),
        )
        exact = (
            log_density(parts, np.log(wait[ended])).sum() + log_survival(parts, np.log(wait[~ended])).sum()
        )
        found = log_density(parts, few.log_wait[few.ended]) @ few.weight[few.ended]
        found += log_survival(parts, few.log_wait[~few.ended]) @ few.weight[~few.ended]
        assert found == pytest.approx(exact, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FAMILIES))
def test_data_of_one_family_rarely_choose_two_kinds(name):
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(40):
        k = np.exp(rng.normal(0, 0.4))
        level = rng.random(600)
        wait = 30 * FAMILIES[name].inverse(level, np.array(k))
        until = rng.uniform(0, 200, wait.size)
        seen, ended = np.minimum(wait, until), wait <= until
        found = waits_of(seen, ended, np.ones(600), float(seen.mean()), 1000, rng)
        wrong += found.family in TWO_KINDS
    assert wrong <= 4


@pytest.mark.slow
def test_intervals_of_two_kinds_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(8)
    inside = []
    for _ in range(100):
        # Parameters are drawn from the prior, apart from a share that is never nearly none or all.
        share = rng.uniform(0.2, 0.8)
        apart = np.exp(np.exp(rng.normal(np.log(3.0), 0.4)))
        shapes = np.exp(rng.normal(0, 0.4, 2))
        short, long = (PEERS["two log-normals"][0](k, c) for k, c in zip(shapes, (1.0, apart), strict=True))
        first = rng.random(400) < share
        wait = np.where(first, short.rvs(400, random_state=rng), long.rvs(400, random_state=rng))
        found = waits_of(wait, np.ones(400, bool), np.ones(400), float(wait.mean()), 1000, rng)
        for level in (0.25, 0.5, 0.75):
            true = _quantile(short, long, share, level)
            low, high = np.quantile(found.quantile(level), [0.05, 0.95])
            inside.append(low <= true <= high)
    assert 0.84 <= np.mean(inside) <= 0.96


def _quantile(short, long, share, level):
    low, high = min(short.ppf(level), long.ppf(level)), max(short.ppf(level), long.ppf(level))
    for _ in range(100):
        middle = 0.5 * (low + high)
        below = share * short.cdf(middle) + (1 - share) * long.cdf(middle) < level
        low, high = (middle, high) if below else (low, middle)
    return low
