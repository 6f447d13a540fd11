"""Spend that goes with frequency, and what is wrong where they are taken as independent."""

import numpy as np
import pytest

import bayes_cx as bcx


@pytest.fixture(scope="module")
def with_frequency(purchases, log_normal_fits, cdnow_sample):
    some = cdnow_sample.isel(customer=np.arange(0, 2100, 3))
    return bcx.lifetime_value(purchases, log_normal_fits[1], some, draws=100)


def test_without_elasticity_nothing_is_wrong(purchases, log_normal_fits, cdnow_sample, at_point):
    """At b = 0 the two models are one."""
    letters = log_normal_fits[1].parameters(50)
    flat = at_point(log_normal_fits[1], **letters | {"b": np.zeros(50)})
    some = cdnow_sample.isel(customer=np.arange(0, 2100, 7))
    found = bcx.spend_and_frequency(bcx.lifetime_value(purchases, flat, some, draws=50))
    for draws in (found.correlation, found.per_doubling, found.base, found.best):
        np.testing.assert_allclose(draws, 0.0, atol=1e-12)
    assert found.same == 1.0


def test_the_difference_is_that_of_a_fit_without_frequency(with_frequency, purchases, log_normal_fits):
    """The closest model stands for the fit of the other model to the same customers."""
    found = bcx.spend_and_frequency(with_frequency)
    other = bcx.lifetime_value(purchases, log_normal_fits[0], with_frequency.stats, draws=100)
    one, two = (value.draw().mean("sample").to_numpy() for value in (with_frequency, other))
    best = np.argsort(-one)[:70]
    assert found.base.mean() == pytest.approx(two.sum() / one.sum() - 1, abs=0.01)
    assert found.best.mean() == pytest.approx(two[best].sum() / one[best].sum() - 1, abs=0.01)
    # Frequent buyers pay more here: independence makes too much of the others, and too little of them.
    assert found.base.mean() > 0 > found.best.mean()
    assert np.quantile(found.correlation, 0.025) > 0
    assert 0.9 < found.same <= 1.0


def test_the_margin_does_not_matter(with_frequency, purchases, log_normal_fits):
    half = bcx.lifetime_value(purchases, log_normal_fits[1], with_frequency.stats, draws=100, margin=0.5)
    one, two = (bcx.spend_and_frequency(value) for value in (with_frequency, half))
    np.testing.assert_allclose(two.base, one.base, rtol=1e-9, atol=1e-12)


def test_what_does_not_know_frequency_is_refused(with_frequency, purchases, spend):
    for worth, says in ((spend, "Gamma-Gamma"), (20.0, "no model of spend")):
        value = bcx.lifetime_value(purchases, worth, with_frequency.stats, draws=50)
        with pytest.raises(bcx.InputError, match=says):
            bcx.spend_and_frequency(value)
    with pytest.raises(bcx.InputError, match="share above 0"):
        bcx.spend_and_frequency(with_frequency, top=0)
