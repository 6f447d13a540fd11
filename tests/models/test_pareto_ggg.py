"""Pareto/GGG: Pareto/NBD where everybody buys at random, and what cannot be asked of it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

import bayes_cx as bcx
from bayes_cx import catalogue
from bayes_cx.errors import InputError
from bayes_cx.model import arguments
from bayes_cx.models import PARETO_GGG, PARETO_NBD
from bayes_cx.models.pareto_ggg import given_k
from tests.evaluated import quickly
from tests.models.proofs import columns, value
from tests.models.stories import STORIES

GIVEN_K = given_k()
PARETO = {"r": 0.55, "alpha": 10.6, "s": 0.6, "beta": 11.7}
ROWS = {
    "x": np.array([0, 1, 2, 26, 40, 4, 0, 0.0]),
    "t_x": np.array([0, 5, 30.43, 30.86, 30, 12, 0, 0.0]),
    "T": np.array([39, 39, 38.86, 31, 39, 12, 5, 0.0]),
    "regularity": np.zeros(8),
}


def at(formula, **given):
    """Return a formula of the rows, compiled in little time."""
    known = {**ROWS, **given}
    return quickly(formula)(*(np.broadcast_to(np.asarray(known[n], float), 8) for n in arguments(formula)))


@pytest.mark.parametrize("params", [PARETO, {"r": 0.3, "alpha": 40.0, "s": 2.5, "beta": 0.5}])
@pytest.mark.parametrize("name", ["log_lik", "p_alive", "p_alive_at", "p_any_purchase"])
def test_with_k_of_one_it_is_pareto_nbd(name, params):
    formulas = (m.log_lik if name == "log_lik" else m.quantities[name].formula for m in (GIVEN_K, PARETO_NBD))
    one, other = (at(formula, k=1.0, t=20.0, **params) for formula in formulas)
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10)


def test_a_mixture_of_customers_who_are_alike_is_what_each_of_them_is():
    alike = {**PARETO, "c": 1e7, "gamma": 1e7}
    found = at(PARETO_GGG.quantities["p_alive"].formula, **alike)
    np.testing.assert_allclose(found, at(PARETO_NBD.quantities["p_alive"].formula, **PARETO), atol=1e-5)


def test_the_open_gap_is_that_of_the_story():
    """P(active) of one who bought twice, by quadrature over k and the time of leaving."""
    row, p = STORIES["pareto_ggg"].rows[2], STORIES["pareto_ggg"].truth
    x, t_x, T, silence = row["x"], row["t_x"], row["T"], row["T"] - row["t_x"]
    node, share = np.polynomial.legendre.leggauss(40)
    u, width = silence * (node + 1) / 2, silence * share / 2
    leaves = p["s"] / (p["beta"] + t_x + u) * (p["beta"] / (p["beta"] + t_x + u)) ** p["s"]
    active = both = 0.0
    for k in np.exp(np.linspace(-5, 3, 80)):
        a, seen = p["r"] + k * x, p["alpha"] + k * t_x
        believed = stats.gamma.logpdf(k, p["c"], scale=1 / p["gamma"]) + np.log(k) + k * x * np.log(k)
        gaps = (k - 1) * (row["regularity"] + x * np.log(t_x)) - x * gammaln(k)
        weight = np.exp(believed + gaps + gammaln(a) - a * np.log(seen))
        gap = stats.betaprime(k, a, scale=seen / k)
        stays = gap.sf(silence) * (p["beta"] / (p["beta"] + T)) ** p["s"]
        left = (width * leaves) @ gap.sf(u)
        active, both = active + weight * stays, both + weight * (stays + left)
    found = value(PARETO_GGG, "p_alive", columns([row]), **p)[0]
    assert found == pytest.approx(active / both, rel=1e-5)


def test_regular_customers_who_are_silent_are_given_up_sooner():
    rhythm = {"x": 10.0, "t_x": 30.0, "T": 36.0}
    steady, erratic = (
        at(PARETO_GGG.quantities["p_alive"].formula, **rhythm, **PARETO, c=6.0, gamma=3.0, regularity=each)[0]
        for each in (-10 * np.log(10), -34.0)
    )
    assert steady < erratic


def test_it_is_no_model_to_value_customers_by(purchases, cdnow_sample):
    assert "pareto_ggg" not in [entry.key for entry in catalogue.candidates("purchases")]
    unvalued = replace(purchases, model=PARETO_GGG)
    with pytest.raises(InputError, match="Pareto/GGG, which has no formula for discounted_purchases_if_act"):
        bcx.lifetime_value(unvalued, 35.0, cdnow_sample)
