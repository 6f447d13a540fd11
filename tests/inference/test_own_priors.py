"""Priors of one's own: they move the posterior as they should, say why, and survive a file."""

import numpy as np
import pytest
from scipy import stats as distributions

import bayes_cx as bcx

BG_NBD = bcx.models.BG_NBD
KNOWN = "last year's survey"


def beta(alpha, beta, reason=KNOWN):
    return bcx.Prior("Beta", {"alpha": alpha, "beta": beta}, reason=reason)


@pytest.fixture(scope="module")
def own(cdnow_sample):
    return bcx.fit(BG_NBD.with_priors(dropout=beta(100, 300)), cdnow_sample, seed=1, progress=False)


def test_the_posterior_is_that_of_the_other_prior(purchases, own):
    """Draws under the usual prior, weighed by the ratio of the two densities, say where it must be."""
    dropout = purchases.draws["posterior"]["dropout"].to_numpy().ravel()
    weight = distributions.beta.pdf(dropout, 100, 300) / distributions.beta.pdf(dropout, 1, 3)
    weight /= weight.sum()
    enough = 1 / np.sum(weight**2)
    for name in ("r", "alpha", "dropout"):
        before, after = (fit.draws["posterior"][name].to_numpy().ravel() for fit in (purchases, own))
        mean = weight @ before
        error = np.sqrt(weight @ (before - mean) ** 2 * (1 / enough + 1 / 1000))
        assert abs(after.mean() - mean) < 4 * error, name
    assert own.draws["posterior"]["dropout"].std() < 0.8 * purchases.draws["posterior"]["dropout"].std()


def test_arguments_count_by_their_names(cdnow_sample):
    two = [
        bcx.fit(
            BG_NBD.with_priors(rate_cv=bcx.Prior("LogNormal", dict(given), reason=KNOWN)),
            cdnow_sample, method=bcx.MAP(), seed=1, progress=False,
        ).parameters()
        for given in ((("mu", 0.0), ("sigma", 0.1)), (("sigma", 0.1), ("mu", 0.0)))
    ]  # fmt: skip
    assert two[0] == two[1]


def test_the_provenance_keeps_them_and_a_file_does(own, purchases, tmp_path):
    assert purchases.provenance.own_priors == {}
    assert own.provenance.priors["dropout"] == "Beta(alpha=100, beta=300)"
    assert own.provenance.own_priors["dropout"].reason == KNOWN
    own.save(tmp_path / "own.nc")
    again = bcx.load(tmp_path / "own.nc")
    assert again.model.priors == own.model.priors
    assert again.model.priors["dropout"].meaning == BG_NBD.priors["dropout"].meaning
    assert again.provenance == own.provenance


def test_what_is_no_prior_of_the_model_is_refused():
    for priors, says in (
        ({"churn": beta(1, 1)}, "purchase_rate, rate_cv, dropout"),
        ({"dropout": beta(1, 1, reason=" ")}, "without a reason"),
        ({"dropout": bcx.Prior("LogNormal", {"mu": 0, "sigma": 1}, reason=KNOWN)}, "which is a share"),
        ({"purchase_rate": bcx.Prior("Normal", {"mu": 0, "sigma": 1}, reason=KNOWN)}, "a positive number"),
        ({"dropout": 0.3}, r"bcx\.Prior"),
    ):
        with pytest.raises(bcx.InputError, match=says):
            BG_NBD.with_priors(**priors)
    for given in ({"alpha": np.nan, "beta": 1}, {"alpha": "1"}, [1, 2], {"alpha": True}):
        with pytest.raises(bcx.InputError, match="finite numbers"):
            bcx.Prior("Beta", given)
    with pytest.raises(bcx.InputError, match="link"):
        bcx.Prior("Beta", {"alpha": 1, "beta": 1}, link="probit")


@pytest.mark.parametrize(
    ("distribution", "given", "says"),
    [
        ("Beta", {"alpha": 0, "beta": 1}, "alpha is not positive"),
        ("Beta", {"alpah": 1}, "Incompatible"),
        ("Nonsense", {"a": 1}, "no continuous distribution"),
        ("Poisson", {"mu": 1}, "no continuous distribution"),
        ("Normal", {"mu": 0.5, "sigma": 3}, "outside 0 to 1"),
        ("Uniform", {"lower": 0, "upper": 2}, "outside 0 to 1"),
    ],
)
def test_what_pymc_cannot_draw_is_refused(cdnow_sample, distribution, given, says):
    prior = bcx.Prior(distribution, given, reason=KNOWN, link="logit")
    with pytest.raises(bcx.InputError, match=says):
        bcx.fit(BG_NBD.with_priors(dropout=prior), cdnow_sample, seed=1, progress=False)


@pytest.mark.slow
def test_the_same_prior_written_otherwise_gives_the_same_posterior(cdnow_sample, own):
    """Beta by mean and standard deviation, which only PyMC reads."""
    sd = float(distributions.beta.std(100, 300))
    prior = bcx.Prior("Beta", {"mu": 0.25, "sigma": sd}, reason=KNOWN)
    other = bcx.fit(BG_NBD.with_priors(dropout=prior), cdnow_sample, seed=1, progress=False)
    for letter, values in other.parameters().items():
        assert values.mean() == pytest.approx(own.parameters()[letter].mean(), rel=0.02)


def test_a_prior_that_is_meant_to_count_is_no_failed_check(cdnow_sample):
    """So strong that the data move it next to nothing: said in words, and no warning of weak data."""
    strong = BG_NBD.with_priors(dropout=beta(10_000, 30_000))
    found = bcx.fit(strong, cdnow_sample, seed=1, progress=False)
    (check,) = (check for check in found.checks if "in the prior" in check.name)
    assert check.status == "passed"
    assert "dropout," not in check.note
