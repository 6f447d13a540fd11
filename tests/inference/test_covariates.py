"""Covariates: their units, what is missing, what the fit has not seen; and slopes of zero."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.inference.layout import lay_out
from bayes_cx.models import BG_NBD
from bayes_cx.scoring.log_lik import log_likelihoods
from tests.made import with_provenance

BY_BOTH = bcx.Design(purchase_rate="channel + log(age)", dropout="channel * age")


@pytest.fixture(scope="module")
def told(cdnow_sample):
    """Real customers with a made-up channel and age."""
    n = cdnow_sample.sizes["customer"]
    channel = np.array(["email", "search", "social"], dtype=object)[np.arange(n) % 3]
    age = 20.0 + np.arange(n) % 50
    return cdnow_sample.assign(channel=("customer", channel), age=("customer", age))


def with_slopes(purchases, stats, design, slopes):
    """The posterior of BG/NBD on the sample, as if a design had been fitted with these slopes."""
    layout = lay_out(design, stats)
    draws = purchases.draws["posterior"].to_dataset()
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    for name, columns in layout.matrix.items():
        value = np.broadcast_to(np.asarray(slopes[name], float), (*shape, len(columns)))
        draws[f"{name}_slope"] = (("chain", "draw", f"{name}_covariate"), value)
    return with_provenance(purchases.with_group("posterior", draws), layout=layout)


def test_slopes_of_zero_are_no_design(purchases, told):
    nothing = with_slopes(purchases, told, BY_BOTH, {"purchase_rate": [0] * 3, "dropout": [0] * 5})
    few = told.isel(customer=slice(0, 40))
    for quantity, given in {"p_alive": {}, "expected_purchases": {"t": "26 weeks"}}.items():
        found, plain = (bcx.draws(fit, few, quantity, thin_to=50, **given) for fit in (nothing, purchases))
        np.testing.assert_allclose(found, plain, rtol=1e-10)
    (found,), (plain,) = (list(log_likelihoods(fit, few, thin_to=50)) for fit in (nothing, purchases))
    np.testing.assert_allclose(found[1], plain[1], rtol=1e-10)


@pytest.mark.parametrize("factor", [12, 1 / 365.25])
def test_units_of_numbers_change_nothing(told, factor):
    """Standardised inside: the matrix, and so everything that follows, is the same."""
    design = bcx.Design(covariates={"dropout": ["age"]}, purchase_rate="channel + age", rate_cv="log(age)")
    here, there = (lay_out(design, stats) for stats in (told, told.assign(age=told["age"] * factor)))
    for name in here.matrix:
        other = there.covariates(name, told.assign(age=told["age"] * factor))
        np.testing.assert_allclose(here.covariates(name, told), other, rtol=1e-9, atol=1e-12)


def test_numbers_that_are_text_are_numbers(told):
    """As `summarise` keeps columns: text, whatever they hold."""
    as_text = told.assign(age=("customer", told["age"].to_numpy().astype(int).astype(str).astype(object)))
    here, there = (lay_out(BY_BOTH, stats) for stats in (told, as_text))
    assert here == there
    assert list(here.levels) == ["channel"]


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("age", [np.nan, np.nan, np.inf], "of 2,357 customers 3 cannot be used (2 missing, 1 infinite)"),
        ("age", ["31", "missing", None], "of 2,357 customers 2 cannot be used (2 missing)"),
        ("channel", [None, np.nan, "email"], "of 2,357 customers 2 cannot be used (2 missing)"),
    ],
)
@pytest.mark.parametrize("pooled", [False, True])
def test_missing_values_are_counted(told, column, values, words, pooled):
    if pooled and "31" in values:
        return  # groups are text
    changed = told[column].to_numpy().astype(type(values[-1]) if column == "age" else object).astype(object)
    changed[:3] = values
    changed = changed.astype(float) if column == "age" and "31" not in values else changed
    design = bcx.Design(pool=[column]) if pooled else bcx.Design(dropout=column)
    with pytest.raises(bcx.InputError) as error:
        bcx.fit(BG_NBD, told.assign({column: ("customer", changed)}), design=design, method=bcx.MLE())
    assert words in str(error.value)
    assert "leave these customers out" in str(error.value)


def test_missing_values_are_counted_when_scored(purchases, told):
    fit = with_slopes(purchases, told, bcx.Design(dropout="age"), {"dropout": [0.1]})
    known = told.isel(customer=slice(0, 5)).assign(age=("customer", [30, np.nan, 40, np.nan, 50]))
    with pytest.raises(bcx.InputError, match=r"age .* of 5 customers 2 cannot be used \(2 missing\)"):
        bcx.score(fit, known, "p_alive")


def test_values_of_text_that_the_fit_has_not_seen(purchases, told):
    """Refused; or, on request, as different from the first value as the prior says."""
    few = told.isel(customer=[0, 0, 1]).assign_coords(customer=["known", "new", "search"])
    few = few.assign(channel=("customer", np.array(["email", "radio", "search"], dtype=object)))
    slopes = {"purchase_rate": [0.4, -0.2]}
    fit = with_slopes(purchases, told, bcx.Design(purchase_rate="channel"), slopes)
    with pytest.raises(bcx.InputError, match=r"channel 'radio'; expected .* email, search, social; .*prior"):
        bcx.score(fit, few, "p_alive")
    open_design = bcx.Design(purchase_rate="channel", new_levels="prior")
    fit = with_slopes(purchases, told, open_design, slopes)
    assert fit.new_groups(few) == {"channel: radio": 1}
    with pytest.warns(bcx.BayesCxWarning, match=r"channel: radio \(1 customer\)"):
        bcx.score(fit, few, "p_alive", thin_to=10)
    letters, pattern = fit.parameters_of(few)
    log_alpha = np.log(letters["alpha"][:, pattern])
    np.testing.assert_allclose(log_alpha[:, 0] - log_alpha[:, 2], 0.4, rtol=1e-9)
    extra = log_alpha[:, 0] - log_alpha[:, 1]  # normal with mean 0 and standard deviation .5
    assert abs(extra.mean()) < 4 * 0.5 / np.sqrt(extra.size)
    assert abs(extra.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * extra.size)


def test_new_values_in_a_product_with_numbers_are_refused(purchases, told):
    design = bcx.Design(dropout="channel * age", new_levels="prior")
    fit = with_slopes(purchases, told, design, {"dropout": [0.1] * 5})
    new = told.isel(customer=[0]).assign(channel=("customer", np.array(["radio"], dtype=object)))
    with pytest.raises(bcx.InputError, match="multiplies"):
        fit.parameters_of(new)


def test_a_column_of_numbers_may_be_coded_by_its_values(told):
    years = told.assign(year=("customer", 2020 + np.arange(told.sizes["customer"]) % 3))
    layout = lay_out(bcx.Design(dropout="C(year)"), years)
    assert len(layout.matrix["dropout"]) == 2
    found = layout.covariates("dropout", years.isel(customer=[0, 1, 2]))
    np.testing.assert_allclose(found[1:] - found[0], np.eye(2), atol=1e-12)
