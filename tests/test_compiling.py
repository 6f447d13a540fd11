"""A second fit or score of a model compiles nothing, whatever the data; and fits do not share them."""

from dataclasses import replace

import numpy as np
import nutpie
import pytensor
import pytest

import bayes_cx as bcx
from bayes_cx.compiling import AS_WRITTEN, compiled, engine, kept
from bayes_cx.errors import InputError
from bayes_cx.kernels import kernel
from bayes_cx.models import BG_NBD
from tests.evaluated import function


@pytest.fixture
def compilations(monkeypatch):
    """A list that grows with everything that is compiled."""
    made = []

    def counted(function):
        def call(*args, **options):
            made.append(args)
            return function(*args, **options)

        return call

    monkeypatch.setattr(pytensor, "function", counted(pytensor.function))
    monkeypatch.setattr(kernel, "function", counted(kernel.function))
    monkeypatch.setattr(nutpie, "compile_pymc_model", counted(nutpie.compile_pymc_model))
    return made


@pytest.mark.parametrize(
    "method", [bcx.Laplace(draws=400), bcx.MLE(), bcx.NUTS(draws=10, tune=10, chains=1)], ids=repr
)
def test_a_second_fit_compiles_nothing(purchases, cdnow_sample, compilations, method):
    one = cdnow_sample.isel(customer=slice(0, 500))
    bcx.fit(BG_NBD, one, method=method, seed=1, progress=False)
    before = len(compilations)
    other = cdnow_sample.isel(customer=slice(500, 1500))
    bcx.fit(BG_NBD, other, method=method, seed=1, scale=0.1, progress=False)
    assert len(compilations) == before


def test_other_values_of_a_prior_compile_no_density(cdnow_sample, compilations):
    few = cdnow_sample.isel(customer=slice(0, 100))
    sure = replace(BG_NBD.priors["dropout"], arguments={"alpha": 100.0, "beta": 900.0})
    other = replace(BG_NBD, priors={**BG_NBD.priors, "dropout": sure})
    bcx.fit(BG_NBD, few, method=bcx.Laplace(draws=400), seed=1, progress=False)
    before = len(compilations)
    found = bcx.fit(other, few, method=bcx.Laplace(draws=400), seed=1, progress=False)
    assert len(compilations) == before
    dropout = found.draws["posterior"]["dropout"]
    assert float(dropout.mean()) == pytest.approx(0.1, abs=0.02)
    assert float(dropout.std()) == pytest.approx(0.0095, rel=0.3)


def test_a_second_score_compiles_nothing(purchases, cdnow_sample, compilations):
    bcx.score(purchases, cdnow_sample.isel(customer=slice(0, 10)), "expected_purchases", t="3 weeks")
    before = len(compilations)
    bcx.score(purchases, cdnow_sample, "expected_purchases", t="52 weeks", thin_to=50)
    assert len(compilations) == before


def test_models_that_share_a_function_keep_their_own_data(cdnow_sample):
    from bayes_cx.inference.explore import Explorer
    from bayes_cx.inference.prepare import prepare

    parts = [cdnow_sample.isel(customer=slice(0, n)) for n in (500, 1000)]
    ready = [prepare(BG_NBD, part) for part in parts]
    explorers = [Explorer(each) for each in ready]
    found = [explorer.explore(bcx.MLE(), 0, (0,)).groups["posterior"] for explorer in explorers]
    again = [explorer.explore(bcx.MLE(), 0, (0,)).groups["posterior"] for explorer in explorers]
    alone = [bcx.fit(BG_NBD, part, method=bcx.MLE()).draws["posterior"] for part in parts]
    for name in BG_NBD.params:
        values = [[float(one[name].item()) for one in each] for each in (found, again, alone)]
        assert values[0] == values[1] == values[2]
        assert values[0][0] != values[0][1]


def test_other_ways_to_compile_give_the_same_values():
    import pytensor.tensor as pt

    x = pt.vector("x")
    values = np.linspace(0.1, 5, 7)

    def make(compile, **mode):
        return compile([x], pt.gammaln(x) + pt.softplus(-x), **mode)(values)

    for other in (make(function), make(compiled, mode=AS_WRITTEN)):
        np.testing.assert_allclose(other, make(compiled), rtol=1e-14)


# PyTensor takes a quarter of a minute to compile each.
@pytest.mark.slow
@pytest.mark.parametrize(("key", "quantity"), [("sbg", "survival"), ("bg_nbd", "expected_purchases")])
def test_both_engines_find_the_same(key, quantity, cdnow_sample):
    few = bcx.load_cohorts() if key == "sbg" else cdnow_sample.isel(customer=slice(0, 300))
    kernels = bcx.fit(key, few, seed=1, progress=False)
    asked = {"t": f"6 {few.attrs['unit']}s", "thin_to": 100}
    with engine("pytensor"):
        formulas = bcx.fit(key, few, seed=1, progress=False)
        by_formulas = bcx.score(kernels, few, quantity, **asked)
    for name, values in kernels.parameters().items():
        np.testing.assert_allclose(values, formulas.parameters()[name], rtol=1e-6)
    scored = bcx.score(kernels, few, quantity, **asked)
    for name in ("mean", "sd", "quantile"):
        np.testing.assert_allclose(scored[name], by_formulas[name], rtol=1e-9, atol=1e-12)


def test_an_engine_that_there_is_not(monkeypatch, cdnow_sample):
    with pytest.raises(InputError, match="engine 'jax'; expected kernels or pytensor"), engine("jax"):
        pass
    monkeypatch.setenv("BAYES_CX_ENGINE", "jax")
    with pytest.raises(InputError, match="BAYES_CX_ENGINE=jax"):
        bcx.fit(BG_NBD, cdnow_sample, progress=False)


def test_what_is_kept_is_made_once():
    made = kept("a key of this test", object)
    assert kept("a key of this test", object) is made
    assert kept("another key of this test", object) is not made
