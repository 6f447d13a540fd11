"""Which model of spend a run uses: the one that is named, or the one that the data support."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.app.load import load
from bayes_cx.app.settings import Compute
from bayes_cx.app.spend_choice import SpendChoice, choose_spend, spend_models, with_frequency
from bayes_cx.errors import InputError

LOGS = ("paid", "log_spend", "log_spend_sd")


def keys(stats, **given):
    return [model.key for model in spend_models(stats, Compute(**given))]


def test_candidates_are_the_models_that_the_columns_and_the_covariates_allow(cdnow_sample):
    assert keys(cdnow_sample) == ["gamma_gamma", "log_normal", "log_normal_frequency"]
    assert keys(cdnow_sample, spend_model="log_normal") == ["log_normal"]
    assert keys(cdnow_sample.drop_vars(LOGS)) == ["gamma_gamma"]
    # A covariate of a parameter leaves the models that have it.
    assert keys(cdnow_sample, covariates=("mean_spend=x",)) == ["gamma_gamma"]
    assert keys(cdnow_sample, covariates=("typical_spend=x", "dropout=x")) == [
        "log_normal",
        "log_normal_frequency",
    ]
    with pytest.raises(InputError, match=r"log_normal for statistics without paid, log_spend.*summarise"):
        keys(cdnow_sample.drop_vars(LOGS), spend_model="log_normal")


def test_the_setting_is_checked():
    assert load({"spend_model": "Log-normal"}).compute.spend_model == "log_normal"
    assert load({}).compute.spend_model == "auto"
    with pytest.raises(InputError, match=r"bg_nbd.*gamma_gamma, log_normal"):
        load({"spend_model": "bg_nbd"})


def test_a_model_that_is_named_is_used_without_a_comparison(cdnow_sample):
    assert choose_spend(cdnow_sample, None, Compute(spend_model="gamma_gamma")) == SpendChoice(
        bcx.models.GAMMA_GAMMA, None, {}
    )


@pytest.mark.slow
def test_the_one_that_holds_and_predicts_best_is_chosen(purchases):
    """On CDNOW Gamma-Gamma is out by its intervals, and frequency tells."""
    parts = bcx.split(bcx.load_cdnow(sample=True), "1997-09-30", "1998-06-30")
    found = choose_spend(parts.calibration, parts, Compute())
    assert found.model.key.startswith("log_normal")
    assert found.selection is not None
    assert "The intervals of Gamma-Gamma did not hold in the hold-out." in found.selection.reason
    fit = found.fits["Log-normal"]
    some = parts.calibration.isel(customer=np.arange(300))
    told = with_frequency(purchases, fit, found, some, "26 weeks", Compute())
    assert told is not None
    assert np.quantile(told.correlation, 0.025) > 0
    assert (
        with_frequency(purchases, fit, SpendChoice(fit.model, None, {}), some, "26 weeks", Compute()) is None
    )
