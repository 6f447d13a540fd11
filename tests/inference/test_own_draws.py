"""Draws of one's own: scored as those of a fit, checked as far as can be, refused in words."""

import arviz as az
import numpy as np
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.compiling import AS_WRITTEN

PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def draws(**changes):
    rng = np.random.default_rng(1)
    return {n: v * np.exp(0.05 * rng.normal(size=(2, 50))) for n, v in (PUBLISHED | changes).items()}


def test_an_extended_pymc_model_is_scored(cdnow_sample):
    """The probability to be active of an own model, in which somebody wrote one more thing."""
    pm = pytest.importorskip("pymc")
    with bcx.pymc_model(bcx.models.BG_NBD, cdnow_sample.isel(customer=slice(0, 60))) as built:
        pm.Deterministic("own", built["r"] * 2)
        names = ["r", "alpha", "a", "b", "own"]
        values = pm.draw([built[name] for name in names], 40, random_seed=1, mode=AS_WRITTEN)
    given = dict(zip(names, values, strict=True))
    tree = az.from_dict({"posterior": {name: value[None] for name, value in given.items()}})
    own = bcx.posterior("BG/NBD", tree, cdnow_sample)
    assert "own" in own.draws["posterior"]
    assert (own.n_draws, own.verdict) == (40, "not_run")
    some = cdnow_sample.isel(customer=slice(0, 30))
    found = bcx.draws(own, some, "p_alive").to_numpy()[0]
    r, alpha, a, b = (given[name][:, None] for name in ("r", "alpha", "a", "b"))
    x, t_x, T = (some[name].to_numpy() for name in ("x", "t_x", "T"))
    odds = (x > 0) * a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x)
    np.testing.assert_allclose(found, 1 / (1 + odds), rtol=1e-9)


def test_draws_come_in_many_forms(cdnow_sample):
    plain = draws()
    tree = az.from_dict({"posterior": plain})
    forms = [plain, tree, tree["posterior"].to_dataset(), {n: v.ravel() for n, v in plain.items()}]
    for form in forms:
        own = bcx.posterior(bcx.models.BG_NBD, form, cdnow_sample)
        np.testing.assert_array_equal(own.parameters()["alpha"], plain["alpha"].ravel())
        assert own.provenance.n_customers == cdnow_sample.sizes["customer"]


def test_letters_follow_from_coordinates(purchases, cdnow_sample):
    coordinates = {name: purchases.draws["posterior"][name].to_numpy() for name in purchases.model.priors}
    own = bcx.posterior(purchases.model, coordinates, cdnow_sample)
    for name, values in purchases.parameters().items():
        np.testing.assert_allclose(own.parameters()[name], values, rtol=1e-12)


def test_chains_with_statistics_are_checked(cdnow_sample):
    rng = np.random.default_rng(2)
    sampler = {"diverging": np.zeros((2, 50), bool), "energy": rng.normal(size=(2, 50))}
    tree = az.from_dict({"posterior": draws(), "sample_stats": sampler})
    names = {check.name: check.status for check in bcx.posterior("bg_nbd", tree, cdnow_sample).checks}
    assert names["divergences"] == "passed"
    assert names["smallest bulk ESS"] == "failed"
    assert names["draws at the largest tree depth"] == "not_run"


def test_it_is_saved_and_has_a_card(cdnow_sample, tmp_path):
    own = bcx.posterior("bg_nbd", draws(), cdnow_sample)
    own.save(tmp_path / "own.nc")
    again = bcx.load(tmp_path / "own.nc")
    assert again.provenance == own.provenance
    card = bcx.model_card(bcx.Study(cdnow_sample, (again,)))
    assert card.reproduction.command == "bcx.posterior(bcx.models.BG_NBD, draws, stats)"
    assert card.model.priors == ()
    assert "not run" in repr(card)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"r": [0.2]}, r"without alpha, a, b.*or the coordinates purchase_rate"),
        ({**PUBLISHED, "r": [0.2, 0.3]}, "numbers of draws"),
        ({**draws(), "r": -draws()["r"]}, "r that are not finite or not positive"),
        ({**draws(), "a": np.full((2, 50), np.nan)}, "a that are not finite"),
        ({"r": np.zeros((2, 3, 4))}, r"shape \(chain, draw\)"),
        (3, "draws of type int"),
        ({}, "draws of type dict"),
        (xr.Dataset({"r": ("country", [1.0])}), "draws over country"),
    ],
)
def test_what_cannot_be_used_is_refused(cdnow_sample, given, says):
    with pytest.raises(bcx.InputError, match=says):
        bcx.posterior("bg_nbd", given, cdnow_sample)


def test_parameters_by_country_are_no_parameters_of_the_model(cdnow_sample):
    found = xr.Dataset({n: (("chain", "draw"), v) for n, v in draws().items()})
    found["r"] = found["r"].expand_dims(country=2)
    with pytest.raises(bcx.InputError, match=r"r over chain, draw, country.*by a design"):
        bcx.posterior("bg_nbd", found, cdnow_sample)
