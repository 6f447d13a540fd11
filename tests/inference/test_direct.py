"""Densities by kernels: derivatives without formulas of them, and designs against PyMC."""

import numpy as np
import pytest
from scipy import stats

import bayes_cx as bcx
from bayes_cx.compiling import SIMPLIFIED, compiled
from bayes_cx.inference.direct import by_differences, direct
from bayes_cx.inference.prepare import prepare
from bayes_cx.models import find


def test_differences_are_derivatives():
    def f(letters, n):
        a, b = letters["a"], letters["b"]
        assert a.shape == (n,)
        return np.log(a) * b**2 + np.exp(-a) + letters["k"]

    at = {"a": np.array([0.3]), "b": np.array([250.0]), "k": np.array([2.0])}
    height, by_a, by_b = by_differences(f, at, ("a", "b"))
    assert height == pytest.approx(np.log(0.3) * 250**2 + np.exp(-0.3) + 2, rel=1e-14)
    assert by_a == pytest.approx(250**2 / 0.3 - np.exp(-0.3), rel=1e-10)
    assert by_b == pytest.approx(500 * np.log(0.3), rel=1e-10)


@pytest.fixture
def designs(cdnow_sample, rng):
    """A design, its density by kernels, and that of PyMC, of some customers."""
    from bayes_cx.inference import pymc_density
    from bayes_cx.inference.build import build, structure_of
    from bayes_cx.inference.designed import designed

    few = cdnow_sample.isel(customer=slice(0, 50))
    few = few.assign(age=("customer", rng.normal(size=50)), shop=("customer", rng.choice([*"abc"], 50)))
    design = bcx.Design(covariates={"purchase_rate": ["age"]}, pooled={"dropout": "shop"})
    prepared = prepare(bcx.models.BG_NBD, few, design)

    def make(*, priors):
        ours = designed(prepared, {}, priors=priors)
        assert ours is not None
        theirs = pymc_density.density(build(prepared, {}), structure_of(prepared), priors=priors)
        return ours, theirs, ours.start + 0.3 * rng.normal(size=(3, ours.start.size))

    return make


@pytest.mark.parametrize("priors", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_design_has_the_density_that_pymc_gives_it(designs, priors, monkeypatch):
    # Some evaluations are not worth a minute of compilation.
    monkeypatch.setattr(
        "bayes_cx.inference.pymc_density.compiled",
        lambda *given, mode=SIMPLIFIED, exact=False: compiled(*given, mode=mode, exact=exact),
    )
    monkeypatch.setattr("bayes_cx.inference.pymc_density.kept", lambda _, make: make())
    ours, theirs, points = designs(priors=priors)
    np.testing.assert_allclose(ours.heights(points), theirs.heights(points), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("priors", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_design_has_the_slopes_that_pymc_gives_it(designs, priors):
    ours, theirs, points = designs(priors=priors)
    for u in points:
        (height, slope), (expected, by_u) = (each.value_and_gradient(u) for each in (ours, theirs))
        assert height == pytest.approx(float(expected), rel=1e-12)
        np.testing.assert_allclose(slope, by_u, rtol=1e-9, atol=1e-10)


def _assert_slopes(f, points):
    """Compare slopes with differences of the eighth order of the values."""
    step = 3e-4
    weight = np.array([3, -32, 168, -672, 0, 672, -168, 32, -3]) / (840 * step)
    for u in points:
        _, slope = f.value_and_gradient(u)
        for i, own in enumerate(slope):
            line = np.tile(u, (9, 1))
            line[:, i] += step * np.arange(-4, 5)
            assert weight @ f.heights(line) == pytest.approx(own, rel=1e-7, abs=1e-6)


def test_slopes_of_a_design_are_those_of_its_density(designs, monkeypatch):
    monkeypatch.setattr("bayes_cx.inference.pymc_density.density", lambda *_, **__: None)
    ours, _, points = designs(priors=True)
    _assert_slopes(ours, points)


@pytest.fixture(scope="module")
def tables():
    purchases = bcx.summarise(
        bcx.load_cdnow(sample=True), until="1997-09-30", unit="week", regularity=True
    ).isel(customer=slice(0, 200))
    return {"purchases": purchases, "opportunities": bcx.load_donations(), "contracts": bcx.load_cohorts()}


def test_a_normal_prior_counts(tables, rng):
    """That of the elasticity of spend; against SciPy."""
    model = find("log_normal_frequency")
    prepared = prepare(model, tables["purchases"])
    both = [direct(prepared, {}, priors=each) for each in (True, False)]
    points = both[0].start + 0.3 * rng.normal(size=(3, 4))
    of_prior = sum(
        stats.norm.logpdf(points[:, i], prior.arguments["mu"], prior.arguments["sigma"])
        for i, prior in enumerate(model.priors.values())
    )
    np.testing.assert_allclose(both[0].heights(points) - both[1].heights(points), of_prior, rtol=1e-9)


@pytest.mark.parametrize(
    "key",
    [
        *("bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd", "bg_bb", "sbg", "bdw"),
        *("gamma_gamma", "log_normal_frequency"),
    ],
)
def test_slopes_are_those_of_the_density(key, tables, rng):
    """PyTensor's derivative of u * u was wrong within formulas of scalars, and all that use it agreed."""
    model = find(key)
    f = direct(
        prepare(model, tables.get(model.kind.key, tables["purchases"])), dict.fromkeys(model.choices, 3)
    )
    assert f is not None
    _assert_slopes(f, f.start + 0.3 * rng.normal(size=(2, f.start.size)))
