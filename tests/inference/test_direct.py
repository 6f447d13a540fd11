"""Densities by kernels: derivatives without formulas of them, and designs against PyMC."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.inference.direct import by_differences
from bayes_cx.inference.prepare import prepare


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


def test_a_design_has_the_density_that_pymc_gives_it(cdnow_sample, rng):
    from bayes_cx.inference.build import build, structure_of
    from bayes_cx.inference.designed import designed
    from bayes_cx.inference.pymc_density import density

    few = cdnow_sample.isel(customer=slice(0, 200))
    few = few.assign(age=("customer", rng.normal(size=200)), shop=("customer", rng.choice([*"abc"], 200)))
    design = bcx.Design(covariates={"purchase_rate": ["age"]}, pooled={"dropout": "shop"})
    prepared = prepare(bcx.models.BG_NBD, few, design)
    for priors in (True, False):
        ours = designed(prepared, {}, priors=priors)
        theirs = density(build(prepared, {}), structure_of(prepared), priors=priors)
        assert ours is not None
        points = ours.start + 0.3 * rng.normal(size=(3, ours.start.size))
        np.testing.assert_allclose(ours.heights(points), theirs.heights(points), rtol=1e-12)
        for u in points:
            (height, slope), (expected, by_u) = (each.value_and_gradient(u) for each in (ours, theirs))
            assert height == pytest.approx(float(expected), rel=1e-12)
            np.testing.assert_allclose(slope, by_u, rtol=1e-9, atol=1e-10)
