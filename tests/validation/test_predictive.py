import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.validation import predictive_check, prior_predictive_check


def test_purchases_of_the_story_look_like_the_story(story, story_fits):
    found = predictive_check(story_fits[0], story.calibration, seed=1)
    x = story.calibration.x.to_numpy()
    one = found.statistics.sel(statistic="share of one-time buyers")
    assert one.observed == np.mean(x == 0)
    assert ((found.statistics.p > 0.005) & (found.statistics.p < 0.995)).all()
    assert found.histogram is not None
    np.testing.assert_array_equal(found.histogram.observed[:20], [(x == k).sum() for k in range(20)])
    assert found.histogram.observed.sum() == x.size


def test_spend_of_the_story_looks_like_the_story(story, story_fits):
    found = predictive_check(story_fits[1], story.calibration, seed=1).statistics
    stats = story.calibration.isel(customer=np.flatnonzero(story.calibration.x > 0))
    middle = found.sel(statistic="median spend per purchase of repeat buyers")
    assert middle.observed == np.median(stats.spend)
    assert ((found.p > 0.005) & (found.p < 0.995)).all()


def test_what_the_model_cannot_make_is_found(cdnow, cdnow_fits):
    """In CDNOW frequent buyers spend more a purchase, which Gamma-Gamma rules out."""
    found = predictive_check(cdnow_fits[1], cdnow.calibration).statistics
    one = found.sel(statistic="correlation of repeat purchases and spend per purchase")
    assert one.observed > one.high
    assert one.p < 0.025


@pytest.mark.parametrize("model", [bcx.models.BG_NBD, bcx.models.GAMMA_GAMMA], ids=lambda model: model.key)
def test_priors_are_wider_than_posteriors_and_hold_the_data(model, cdnow, cdnow_fits):
    prior = prior_predictive_check(model, cdnow.calibration, seed=2)
    assert prior.source == "prior"
    assert prior.statistics.attrs["n_customers"] == 1000
    assert "1,000 of 2,357" in prior.statistics.attrs["note"]
    inside = prior.statistics.p.isel(statistic=slice(0, 5))
    assert ((inside > 0.025) & (inside < 0.975)).all()
    fitted = next(fit for fit in cdnow_fits if fit.model is model)
    posterior = predictive_check(fitted, cdnow.calibration)
    first = [check.statistics.isel(statistic=0) for check in (prior, posterior)]
    assert first[0].high - first[0].low > 3 * (first[1].high - first[1].low)


def test_compressed_rows_stand_for_their_customers(cdnow, cdnow_fits):
    rows = bcx.compress(cdnow.calibration)
    one, other = (predictive_check(cdnow_fits[0], stats, draws=20) for stats in (cdnow.calibration, rows))
    np.testing.assert_allclose(one.statistics.observed, other.statistics.observed, rtol=1e-12)
    assert other.statistics.attrs["n_customers"] == 2357


def test_free_purchases_are_left_out_of_spend(cdnow, cdnow_fits):
    stats = cdnow.calibration.copy(deep=True)
    some = np.flatnonzero(stats.x > 0)[:30]
    kept = stats.isel(customer=np.setdiff1d(np.arange(stats.sizes["customer"]), some))
    stats["spend"][some] = 0.0
    one, other = (predictive_check(cdnow_fits[1], data, draws=5).statistics for data in (stats, kept))
    assert one.attrs["note"] == "2,357 customers, less 30 whose repeat purchases were free"
    np.testing.assert_allclose(one.observed, other.observed)
    assert one.attrs["n_customers"] == 2327


def test_same_seed_same_check(cdnow, cdnow_fits):
    one, other = (predictive_check(cdnow_fits[0], cdnow.calibration, draws=10, seed=3) for _ in range(2))
    assert one.statistics.identical(other.statistics)


def test_what_is_not_defined_is_not_a_number(cdnow, cdnow_fits):
    """Two repeat buyers with equal x have no correlation; nobody who came back has no mean spend."""
    stats = cdnow.calibration
    for x in (0, 1):
        some = stats.isel(customer=np.flatnonzero(stats.x == x)[:5])
        found = predictive_check(cdnow_fits[1], some, draws=5).statistics
        one = found.sel(statistic="correlation of repeat purchases and spend per purchase")
        assert np.isnan([one.observed, one.low, one.high, one.p]).all()
        mean = found.sel(statistic="mean spend per purchase of repeat buyers")
        assert np.isnan(mean.p) == (x == 0)
