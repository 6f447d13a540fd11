"""A mixture over a latent of two values is an average that can be done by hand."""

import numpy as np
import pytensor.tensor as pt
import pytest

from bayes_cx.model import Param
from bayes_cx.models import PARETO_NBD
from bayes_cx.models.mixed import mixed
from tests.models.proofs import columns, value

RISKS, SHARE = (0.3, 2.0), 0.4
OTHERS = {"r": 0.55, "alpha": 10.6, "beta": 11.7}
ROWS = columns(
    [
        {"x": 0, "t_x": 0.0, "T": 39.0},
        {"x": 2, "t_x": 30.43, "T": 38.86},
        {"x": 4, "t_x": 12.0, "T": 39.0},
    ]
)


def two(nodes, share):
    """Give customers one of two risks to leave."""
    assert nodes == 2
    share = pt.expand_dims(share, -1)
    return np.array(RISKS) + 0 * share, pt.log(
        share * np.array([1.0, 0.0]) + (1 - share) * np.array([0.0, 1.0])
    )


MIXED = mixed(PARETO_NBD, over="s", by=two, params={"share": Param("", "share at low risk")}, nodes=2)


def both(name, **options):
    """Return what the model says at either risk, shape (risk, row)."""
    return np.array([value(PARETO_NBD, name, ROWS, s=s, **OTHERS, **options) for s in RISKS])


def found(name, **options):
    return value(MIXED, name, ROWS, share=SHARE, **OTHERS, **options)


@pytest.fixture
def weight():
    return np.array([[SHARE], [1 - SHARE]]) * np.exp(both("log_lik"))


def test_likelihoods_are_averaged(weight):
    np.testing.assert_allclose(found("log_lik"), np.log(weight.sum(axis=0)), rtol=1e-12)


@pytest.mark.parametrize("name", ["p_alive", "expected_purchases"])
def test_a_customer_is_what_the_history_makes_likely(name, weight):
    each = both(name, t=20.0)
    np.testing.assert_allclose(found(name, t=20.0), (weight * each).sum(0) / weight.sum(0), rtol=1e-10)


def test_who_is_active_is_more_likely_at_low_risk(weight):
    weight = weight * both("p_alive")
    each = both("expected_purchases_if_active", t=20.0)
    expected = (weight * each).sum(0) / weight.sum(0)
    np.testing.assert_allclose(found("expected_purchases_if_active", t=20.0), expected, rtol=1e-10)


def test_who_is_won_back_is_one_who_left(weight):
    weight = weight * (1 - both("p_alive"))
    each = both("discounted_purchases_if_won_back", t=20.0, discount=0.01)
    expected = (weight * each).sum(0) / weight.sum(0)
    got = found("discounted_purchases_if_won_back", t=20.0, discount=0.01)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_a_new_customer_has_no_history():
    each = both("expected_purchases_new", t=20.0)[:, :1]
    expected = SHARE * each[0] + (1 - SHARE) * each[1]
    np.testing.assert_allclose(found("expected_purchases_new", t=20.0), expected, rtol=1e-10)


def test_times_that_are_no_means_are_left_out():
    assert "silence_limit" in PARETO_NBD.quantities
    assert "silence_limit" not in MIXED.quantities
