"""Survival of contracts against the survivor tables, closed forms and chances that are known."""

import numpy as np
import pytest
import xarray as xr
from scipy.special import betaln

import bayes_cx as bcx
from bayes_cx.validation.survival import survival

TRUTH = {"alpha": 0.7, "beta": 1.6}


@pytest.fixture(scope="module")
def cohorts():
    return bcx.load_cohorts()


@pytest.fixture(scope="module")
def found(cohorts, at_point):
    fit = bcx.fit("sbg", cohorts, method=bcx.MLE(), seed=1, progress=False)
    at_truth = at_point(fit, **{name: np.full(4000, value) for name, value in TRUTH.items()})
    return survival(at_truth, cohorts, "5 years", draws=4000, seed=2)


def stays(made, t):
    """The chance to make t more renewals after `made`, of the beta-geometric distribution."""
    a, b = TRUTH.values()
    return np.exp(betaln(a, b + made + t) - betaln(a, b + made))


def test_what_was_observed_is_the_table_of_survivors(found, cohorts):
    for name in ("Regular", "High-End"):
        rows = cohorts.isel(row=np.flatnonzero(cohorts.cohort.values == name))
        left = [
            rows.weight.values[(rows["T"].values == t) & (rows.churned.values == 1)].sum()
            for t in range(1, 13)
        ]
        one = found.sel(cohort=name)
        np.testing.assert_allclose(one.observed[:13], 1 - np.cumsum([0, *left]) / 1000)
        assert np.isnan(one.observed[13:]).all()
        assert (int(one.customers), int(one.last), int(one.current)) == (1000, 12, 1000 - sum(left))
        assert one.at_risk.values[1:4].tolist() == [1000, 1000 - left[0], 1000 - left[0] - left[1]]


def test_the_chance_to_renew_is_that_of_the_formula(found):
    a, b = TRUTH.values()
    t = np.arange(1, 13)
    for name in found.cohort.values:
        np.testing.assert_allclose(
            found.retention.sel(cohort=name)[1:], (b + t - 1) / (a + b + t - 1), rtol=1e-9
        )


def test_bands_by_age_are_those_of_as_many_new_customers(found):
    period = np.arange(13)
    sure = np.sqrt(stays(0, period) * (1 - stays(0, period)) / 1000)
    for name in found.cohort.values:
        one = found.sel(cohort=name).isel(period=period)
        np.testing.assert_allclose(one.expected, stays(0, period), atol=4 * sure.max() / np.sqrt(4000))
        width = one.expected_quantile.sel(quantile=0.975) - one.expected_quantile.sel(quantile=0.025)
        np.testing.assert_allclose(width, 2 * 1.96 * sure, rtol=0.08, atol=0.001)


def test_by_age_nothing_is_drawn_beyond_what_was_seen(found):
    """The curve by age ends where the oldest contract is; it does not jump to what was observed there."""
    assert found.sizes["period"] == 13
    for name in found.cohort.values:
        one = found.sel(cohort=name)
        assert (np.diff(one.expected.values) < 0).all()
        np.testing.assert_allclose(one.at_risk[0], 1000)


def test_from_today_on_it_is_about_the_customers_still_there(found):
    for name in found.cohort.values:
        one = found.sel(cohort=name)
        current = int(one.current)
        chance = stays(12, np.arange(6))
        error = np.sqrt(chance * (1 - chance) / current)
        np.testing.assert_allclose(one.still, chance, atol=4 * error.max() / np.sqrt(4000))
        width = one.still_quantile.sel(quantile=0.975) - one.still_quantile.sel(quantile=0.025)
        np.testing.assert_allclose(width, 2 * 1.96 * error, rtol=0.08)
    current = int(found.current.sum())
    expected, sd = current * stays(12, 5), np.sqrt(current * stays(12, 5) * (1 - stays(12, 5)))
    assert abs(float(found.stay.mean()) - expected) < 4 * sd / np.sqrt(4000)
    assert float(found.stay.std()) == pytest.approx(sd, rel=0.06)


def test_customers_of_every_age_are_forecast_from_the_age_they_have(cohorts, at_point):
    """Calendar time and age are two things: five periods from now a young contract is not as an old one."""
    ages = np.array([0, 2, 9])
    stats = xr.Dataset(
        {
            "T": ("customer", np.repeat(ages, 400)),
            "churned": ("customer", np.zeros(1200, np.int64)),
            "periods": ("customer", np.repeat(ages, 400)),
        },
        coords={"customer": np.arange(1200)},
        attrs={"kind": "contracts", "unit": "year"},
    )
    fit = at_point(
        bcx.fit("sbg", cohorts, method=bcx.MLE(), seed=1, progress=False),
        **{name: np.full(500, value) for name, value in TRUTH.items()},
    )
    one = survival(fit, stats, "5 years", draws=500, seed=4).squeeze()
    for t in (1, 5):
        exact = np.mean([stays(age, t) for age in ages])
        assert float(one.still.sel(ahead=t)) == pytest.approx(exact, abs=4 * 0.5 / np.sqrt(1200 * 500))
    # Of contracts as old as the oldest nearly all would stay.
    assert float(one.still.sel(ahead=5)) < stays(9, 5) - 0.1


def test_contracts_that_still_run_are_counted_while_they_are_seen(cohorts, at_point):
    """Kaplan and Meier by hand: of 4, one leaves at 1, one is seen until 1, one leaves at 2, one stays."""
    stats = xr.Dataset(
        {"T": ("customer", [1, 1, 2, 2]), "churned": ("customer", [1, 0, 1, 0])},
        coords={"customer": list("abcd")},
        attrs={"kind": "contracts", "unit": "year"},
    )
    fit = at_point(bcx.fit("sbg", cohorts, method=bcx.MLE(), seed=1, progress=False), **TRUTH)
    one = survival(fit, stats, "1 year").squeeze()
    assert str(one.cohort.values) == "all customers"
    np.testing.assert_allclose(one.observed[:3], [1.0, 3 / 4, 3 / 4 * 1 / 2])


def test_bands_of_contracts_of_every_age_are_those_of_kaplan_and_meier(cohorts, at_point):
    """Against the estimate itself, on customers who live through the story, asked once to twelve times."""
    rng = np.random.default_rng(6)
    periods = rng.integers(1, 13, 400)

    def live():
        left = rng.geometric(rng.beta(*TRUTH.values(), periods.size))
        return np.minimum(left, periods), (left <= periods).astype(int)

    def estimate(T, churned):
        asked = np.array([(i <= T).sum() for i in range(1, 13)])
        lost = np.array([((i == T) & (churned == 1)).sum() for i in range(1, 13)])
        return np.cumprod(1 - lost / np.maximum(asked, 1))

    estimates = np.array([estimate(*live()) for _ in range(4000)])
    spread, (low, high) = estimates.std(axis=0), np.quantile(estimates, (0.025, 0.975), axis=0)
    T, churned = live()
    columns = {"T": T, "churned": churned, "periods": periods}
    stats = xr.Dataset(
        {name: ("customer", values) for name, values in columns.items()},
        coords={"customer": np.arange(periods.size)},
        attrs={"kind": "contracts", "unit": "year"},
    )
    fit = at_point(
        bcx.fit("sbg", cohorts, method=bcx.MLE(), seed=1, progress=False),
        **{name: np.full(4000, value) for name, value in TRUTH.items()},
    )
    one = survival(fit, stats, "1 year", draws=4000, seed=3).squeeze()
    width = one.expected_quantile.sel(quantile=0.975) - one.expected_quantile.sel(quantile=0.025)
    # That of 400 customers who are all asked eleven times would be too narrow.
    assert spread[10] > 1.25 * np.sqrt(stays(0, 11) * (1 - stays(0, 11)) / 400)
    # Either width is that of quantiles of 4,000 draws, 1.5 % off by chance; four times both together.
    np.testing.assert_allclose(width[1:12], (high - low)[:11], rtol=4 * 0.015 * np.sqrt(2))


def test_only_contracts_have_survival(purchases, cdnow_sample):
    with pytest.raises(bcx.InputError, match="a model of contracts"):
        survival(purchases, cdnow_sample, "1 year")
