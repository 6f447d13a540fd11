"""Calibration must pass what is calibrated, and see what is not."""

from dataclasses import replace
from importlib import import_module
from itertools import count

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import bayes_cx as bcx
from bayes_cx.model import Prior
from bayes_cx.models import BG_NBD, GAMMA_GAMMA
from bayes_cx.validation import Sbc, sbc
from bayes_cx.validation.uniformity import band, p_value

# The package offers the function by the name of its module.
module = import_module("bayes_cx.validation.sbc")
FAST = bcx.Laplace(draws=1000)


def calibrate(model, **options):
    return sbc(model, **{"method": FAST, "simulations": 40, "customers": 40, "progress": False, **options})


def test_p_values_of_uniform_ranks_are_uniform(rng):
    p = [p_value(rng.integers(0, 100, 60), 99) for _ in range(300)]
    # Counts leave ties between sets, so the p-value may only be too large.
    assert stats.kstest(p, "uniform", alternative="greater").pvalue > 1e-3
    assert np.mean(np.array(p) <= 0.1) > 0.03


@pytest.mark.parametrize("wrong", [(1.3, 1.3), (0.7, 0.7), (1.3, 1.0)])
def test_ranks_that_pile_up_are_seen(rng, wrong):
    ranks = np.floor(100 * rng.beta(*wrong, size=1500)).astype(int)
    assert p_value(ranks, 99) < 0.01


def test_the_band_holds_whole_lines_as_often_as_it_says(rng):
    number, draws, level = 100, 49, 0.9
    low, high = band(number, draws, level)
    counts = rng.multinomial(number, np.full(draws + 1, 1 / (draws + 1)), size=4000).cumsum(axis=1) / number
    inside = np.all((counts >= low - 1e-12) & (counts <= high + 1e-12), axis=1).mean()
    assert level - 0.015 < inside < level + 0.06  # counts cannot hit a level exactly, so the band holds more


def test_a_calibrated_fit_passes():
    found = calibrate(BG_NBD)
    assert found.ranks.sizes == {"simulation": 40, "coordinate": 5}
    assert 0 <= found.ranks["rank"].min() <= found.ranks["rank"].max() <= 99
    assert found.verdict == "passed"
    assert not found.unfitted
    assert int((~found.ranks["passed"]).sum()) <= sum(found.flagged.values())
    assert "40 of 40" in repr(found)


def test_the_same_seed_gives_the_same_ranks():
    one, two = (calibrate(GAMMA_GAMMA, simulations=5, seed=3) for _ in range(2))
    xr.testing.assert_identical(one.ranks, two.ranks)


@pytest.mark.slow
def test_a_posterior_that_is_too_narrow_fails(monkeypatch):
    explore = module.explore_choices

    def narrowed(*args, **options):
        found, _ = explore(*args, **options)
        draws = found.groups["posterior"]
        middle = draws.mean()
        return replace(found, groups={**found.groups, "posterior": middle + 0.3 * (draws - middle)}), {}

    monkeypatch.setattr(module, "explore_choices", narrowed)
    assert calibrate(GAMMA_GAMMA).verdict == "failed"


def test_a_fit_with_another_prior_fails(monkeypatch):
    """The data are of a prior with spend twice as high, which the fit does not know."""
    prior = GAMMA_GAMMA.priors["mean_spend"]
    shifted = Prior(prior.distribution, {"mu": np.log(2.0), "sigma": 0.5}, prior.meaning, prior.reason)
    other = replace(GAMMA_GAMMA, priors={**GAMMA_GAMMA.priors, "mean_spend": shifted})
    draw = module.sample_prior
    monkeypatch.setattr(module, "sample_prior", lambda _, *args, **options: draw(other, *args, **options))
    found = calibrate(GAMMA_GAMMA, customers=3)
    assert found.p_values["mean_spend"] < module.LEVEL
    assert found.verdict == "failed"


@pytest.mark.slow
def test_a_fit_that_ignores_data_is_seen_by_the_log_likelihood(monkeypatch):
    """Draws of the prior have uniform ranks in every coordinate, whatever the data; only they tell."""
    one = {name: np.array([GAMMA_GAMMA.kind.example[name]]) for name in GAMMA_GAMMA.statistics}
    row = module._dataset(GAMMA_GAMMA, one)
    made = module.sample_prior(GAMMA_GAMMA, row, draws=40 * 1000, seed=1000, scale=1.0)
    prior = made.draws["posterior"].dataset
    explore, parts, found = module.explore_choices, count(), []

    def ignore_data(*args):
        # What is found in the first data lends its form to the draws for all.
        found[:] = found or [explore(*args)]
        (frame, probabilities), part = found[0], next(parts)
        draws = prior.isel(draw=slice(1000 * part, 1000 * (part + 1)))
        return replace(frame, groups={**frame.groups, "posterior": draws}), probabilities

    monkeypatch.setattr(module, "explore_choices", ignore_data)
    p = calibrate(GAMMA_GAMMA).p_values
    assert p.pop("log_lik") < 1e-3
    assert all(other > 1e-3 for other in p.values())


def test_simulations_that_cannot_be_fitted_are_counted_and_nothing_passes_without_a_fit():
    nobody = calibrate(GAMMA_GAMMA, simulations=3, known={"x": np.zeros(4)})
    assert nobody.unfitted == {"no customer with a paid repeat purchase": 3}
    assert nobody.verdict == "not_run"


def test_a_point_estimate_is_refused():
    with pytest.raises(bcx.InputError, match="at least the 99"):
        calibrate(BG_NBD, method=bcx.MAP())


def test_the_record_is_exported():
    assert bcx.validation.sbc is sbc
    assert bcx.validation.Sbc is Sbc
