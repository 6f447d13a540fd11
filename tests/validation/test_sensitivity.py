import numpy as np
import pytest
from scipy import stats

import bayes_cx as bcx
from bayes_cx.inference.prior import log_prior
from bayes_cx.scoring import total_log_likelihood
from bayes_cx.validation import prior_sensitivity, total_sensitivity
from bayes_cx.validation.sensitivity import _judged, _log_likelihood


@pytest.mark.parametrize(
    ("prior", "likelihood", "status", "says"),
    [
        (0.01, 0.3, "passed", ""),
        (0.2, 0.3, "failed", "may be in conflict"),
        (0.2, 0.01, "failed", "the data say little"),
    ],
)
def test_the_note_tells_a_conflict_from_weak_data(prior, likelihood, status, says):
    check = _judged("sensitivity of a to the priors", prior, likelihood, "< 0.05")
    assert (check.value, check.status) == (prior, status)
    assert says in check.note
    assert bool(check.note) == (status == "failed")


def test_cdnow_moves_with_its_likelihood(cdnow_fits):
    checks = prior_sensitivity(cdnow_fits[0])
    assert [check.name.split()[2] for check in checks] == ["r", "alpha", "a", "b"]
    assert all("the likelihood moves it" in check.note for check in checks if check.status == "failed")
    assert any(check.status == "failed" for check in checks)


def test_a_point_estimate_cannot_be_reweighed(cdnow):
    fit = bcx.fit(bcx.models.BG_NBD, cdnow.calibration, method=bcx.MLE())
    assert {check.status for check in prior_sensitivity(fit)} == {"not_run"}


def test_the_likelihood_that_the_fit_kept_is_that_of_all_customers(cdnow_fits):
    for fit in cdnow_fits:
        assert fit.provenance.method == "Laplace"
        kept = _log_likelihood(fit, log_prior(fit))
        np.testing.assert_allclose(kept, total_log_likelihood(fit), rtol=1e-10)


def test_totals_move_with_the_priors_of_the_scales(with_calendar, uneven_stats, cdnow_fits):
    (check,) = total_sensitivity(with_calendar, uneven_stats, "26 weeks")
    assert "within 26 weeks" in check.name
    assert check.value is not None
    assert 0 < check.value < 0.3
    centres = {"sd": 0.1, "memory": 30.0, "noise": 0.05}
    priors = {f"calendar_{name}": with_calendar.priors[f"calendar_{name}"] for name in centres}
    found = log_prior(with_calendar, priors)
    draws = with_calendar.draws["posterior"]
    expected = sum(
        stats.lognorm.logpdf(draws[f"calendar_{name}"].to_numpy()[0], 1.0, scale=centre)
        for name, centre in centres.items()
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert total_sensitivity(cdnow_fits[0], uneven_stats, "26 weeks") == ()
