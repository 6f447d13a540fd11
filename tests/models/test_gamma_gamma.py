"""Gamma-Gamma: what is believed of customers who tell little or nothing of spend."""

import mpmath as mp
import numpy as np
import pytest
import xarray as xr
from scipy import stats as stats_of
from scipy.optimize import differential_evolution
from scipy.special import betaln

import bayes_cx as bcx
from bayes_cx.models import GAMMA_GAMMA
from bayes_cx.scoring.compiled import evaluate

PAPER = {"p": 6.25, "q": 3.744, "v": 15.443}


def test_expected_spend_pulls_the_own_mean_towards_everybodys():
    rows = {"x": np.array([0.0, 1.0, 1000.0]), "spend": np.array([np.nan, 100.0, 100.0])}
    everybody = PAPER["p"] * PAPER["v"] / (PAPER["q"] - 1)
    fixed = {k: np.asarray(v) for k, v in PAPER.items()}
    new, once, often = evaluate(GAMMA_GAMMA.quantities["expected_spend"].formula, rows, fixed)[0]
    assert new == pytest.approx(everybody)
    assert everybody < once < often < 100.0
    assert often == pytest.approx(100.0, rel=1e-2)


def test_free_purchases_tell_nothing_of_spend():
    rows = {"x": np.array([2.0, 0.0]), "spend": np.array([0.0, np.nan])}
    fixed = {k: np.asarray(v) for k, v in PAPER.items()}
    free, new = evaluate(GAMMA_GAMMA.quantities["expected_spend"].formula, rows, fixed)[0]
    assert free == new
    assert np.all(evaluate(GAMMA_GAMMA.log_lik, rows, fixed) == 0.0)


def amounts(huge: int) -> xr.Dataset:
    """300 buyers of 10 to 26, and some of a million."""
    rng = np.random.default_rng(0)
    spend = np.r_[rng.uniform(10, 26, 300), np.full(huge, 1e6)]
    x = np.r_[rng.integers(1, 8, 300), np.full(huge, 2)]
    columns = {"x": x, "spend": spend}
    return xr.Dataset(
        {name: ("customer", values) for name, values in columns.items()},
        coords={"customer": np.arange(x.size)},
        attrs={"kind": "spend", "unit": "week"},
    )


@pytest.mark.parametrize("huge", [1, 5, 20])
def test_the_mode_of_huge_amounts_is_the_highest_there_is(huge):
    """As a global search finds it on the density and the priors written out with scipy."""
    stats = amounts(huge)
    n, z = (stats[name].to_numpy()[:, None] for name in ("x", "spend"))
    scale = (n * z).sum() / n.sum()
    priors = [(0.0, 0.5), (-0.7, 0.7), (0.7, 1.0)]

    def log_posterior(u):
        mean, cv, tail = np.exp(u)
        p, q = cv**-2, 1 + tail
        v = mean * scale * tail / p
        each = p * n * np.log(n * z) + q * np.log(v) - (p * n + q) * np.log(v + n * z) - np.log(z)
        prior = sum(stats_of.norm.logpdf(x, *given) for x, given in zip(u, priors, strict=True))
        return (each - betaln(p * n, q)).sum(axis=0) + prior

    bounds = [(-12, 3), (-5, 4), (-10, 6)]
    top = differential_evolution(
        lambda u: -log_posterior(u), bounds, seed=1, popsize=30, vectorized=True, updating="deferred"
    )
    found = bcx.fit(GAMMA_GAMMA, stats, method=bcx.MAP())
    assert float(found.draws["sample_stats"]["lp"].squeeze()) == pytest.approx(-top.fun, abs=1e-3)
    assert [float(np.log(found.draws["posterior"][name].squeeze())) for name in GAMMA_GAMMA.priors] == (
        pytest.approx(list(top.x), abs=0.02)
    )


def test_the_density_of_customers_who_always_pay_alike():
    """As p grows v shrinks, and the parts of the printed formula grow without end; here in many digits."""
    rows = {"x": np.array([1.0, 3.0, 7.0]), "spend": np.array([12.0, 25.0, 2.0])}
    for p in (1e-2, 1.0, 1e6, 1e10, 1e14, 1e18):
        q, v = 4.5, 18.0 * 3.5 / p
        found = evaluate(
            GAMMA_GAMMA.log_lik, rows, {k: np.asarray(x) for k, x in zip("pqv", (p, q, v), strict=True)}
        )
        for n, z, value in zip(*rows.values(), found[0], strict=True):
            with mp.workdps(60):
                m, nz = mp.mpf(p) * mp.mpf(n), mp.mpf(n) * mp.mpf(z)
                exact = mp.loggamma(m + q) - mp.loggamma(m) - mp.loggamma(q) + q * mp.log(v)
                exact += m * mp.log(nz) - mp.log(z) - (m + q) * mp.log(v + nz)
            assert value == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("at", [PAPER, {"p": 1.0, "q": 1.5, "v": 40.0}, {"p": 20.0, "q": 8.0, "v": 12.0}])
def test_the_density_of_single_amounts_is_the_integral_over_the_scale(at, rng):
    """By quadrature over nu, of the product of gamma densities as scipy has them."""
    for n in (1, 3, 12):
        z = rng.gamma(2.0, 15.0, n)
        columns = {"x": n, "spend": z.mean(), "paid": n, "log_spend": np.log(z).mean()}
        rows = {name: np.array([float(value)]) for name, value in columns.items()}
        u = np.linspace(-14, 4, 20_001)  # nu on the log scale
        each = stats_of.gamma.logpdf(z[:, None], at["p"], scale=np.exp(-u)).sum(axis=0)
        each += stats_of.gamma.logpdf(np.exp(u), at["q"], scale=1 / at["v"]) + u
        by_hand = np.log(np.exp(each - each.max()).sum() * (u[1] - u[0])) + each.max()
        fixed = {name: np.asarray(value) for name, value in at.items()}
        assert GAMMA_GAMMA.log_lik_of_all is not None
        found = evaluate(GAMMA_GAMMA.log_lik_of_all, rows, fixed)[0, 0]
        assert found == pytest.approx(by_hand, rel=1e-8)
        if n == 1:  # where the mean is all there is to know
            of_mean = {name: rows[name] for name in ("x", "spend")}
            assert evaluate(GAMMA_GAMMA.log_lik, of_mean, fixed)[0, 0] == pytest.approx(found, rel=1e-12)
