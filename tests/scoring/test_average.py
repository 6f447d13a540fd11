"""A mixture of models against the parts it is mixed from."""

from dataclasses import replace

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.models import MBG_NBD

WEIGHTS = {"BG/NBD": 0.3, "MBG/NBD": 0.7}
OPTIONS = {"p_alive": {}, "expected_purchases": {"t": "39 weeks"}, "expected_purchases_new": {"t": "1 year"}}


@pytest.fixture(scope="module")
def rivals(purchases):
    """Both models have the same letters, so the draws of the one do for the other."""
    return {"BG/NBD": purchases, "MBG/NBD": replace(purchases, model=MBG_NBD)}


@pytest.fixture(scope="module")
def points(rivals, at_point):
    letters = {"BG/NBD": (0.24, 4.4, 0.8, 2.4), "MBG/NBD": (0.9, 8.0, 1.0, 1.5)}
    return {
        name: at_point(fit, **dict(zip(("r", "alpha", "a", "b"), letters[name], strict=True)))
        for name, fit in rivals.items()
    }


@pytest.mark.parametrize("quantity", OPTIONS)
def test_moments_are_those_of_the_mixture(rivals, few, quantity):
    mixed = bcx.average(rivals, WEIGHTS, few, quantity, draws=4000, **OPTIONS[quantity])
    parts = {name: bcx.score(fit, few, quantity, **OPTIONS[quantity]) for name, fit in rivals.items()}
    mean = sum(w * parts[name]["mean"].to_numpy() for name, w in WEIGHTS.items())
    second = sum(
        w * (parts[name]["mean"] ** 2 + parts[name]["sd"] ** 2).to_numpy() for name, w in WEIGHTS.items()
    )
    sd = np.sqrt(np.maximum(second - mean**2, 0))
    assert mixed.dims == ("sample", "customer")
    assert (mixed.name, mixed.shape) == (quantity, (4000, 6))
    assert np.all(np.abs(mixed.mean("sample") - mean) <= 4 * sd / np.sqrt(4000) + 1e-12)
    np.testing.assert_allclose(mixed.std("sample"), sd, rtol=0.08, atol=1e-12)


def test_draws_are_dealt_in_proportion_and_in_random_order(rivals, few):
    mixed = bcx.average(rivals, WEIGHTS, few, "p_alive", draws=1000)
    assert (mixed["model"] == "MBG/NBD").sum() == 700
    assert 0.6 < (mixed["model"][:200] == "MBG/NBD").mean() < 0.8
    again = bcx.average(rivals, WEIGHTS, few, "p_alive", draws=1000)
    assert again.identical(mixed)
    assert not bcx.average(rivals, WEIGHTS, few, "p_alive", draws=1000, seed=1).identical(mixed)


def test_each_draw_is_one_of_its_model(points, few):
    """Of one draw each the mixture has two values a customer, however many draws are asked for."""
    mixed = bcx.average(points, WEIGHTS, few, "expected_purchases", t="39 weeks", draws=50)
    for name, fit in points.items():
        mine = mixed.isel(sample=(mixed["model"] == name).to_numpy())
        alone = bcx.score(fit, few, "expected_purchases", t="39 weeks")["mean"].to_numpy()
        np.testing.assert_allclose(mine, np.broadcast_to(alone, mine.shape))


def test_counts_have_the_histogram_of_the_mixture(points, few):
    """The chance of each count by the formulas, mixed; copies of a customer have futures of their own."""
    copies, draws = 300, 60
    many = few.isel(customer=np.repeat(np.arange(6), copies)).assign_coords(customer=np.arange(6 * copies))
    found = bcx.average_purchases(points, WEIGHTS, many, "39 weeks", draws=draws, seed=2)
    assert found.dtype.kind == "i"
    counts = found.to_numpy().reshape(draws, 6, copies)
    for k in range(6):
        chance = {
            name: bcx.score(fit, few, "p_purchases", t="39 weeks", count=k)["mean"].to_numpy()
            for name, fit in points.items()
        }
        share = (counts == k).mean(axis=(0, 2))
        mixed = sum(w * chance[name] for name, w in WEIGHTS.items())
        # The number of draws of each model is fixed, so only what each makes of them varies.
        variance = sum(w * chance[name] * (1 - chance[name]) for name, w in WEIGHTS.items())
        assert np.all(np.abs(share - mixed) < 4 * np.sqrt(variance / (draws * copies)))


def test_a_model_without_weight_has_no_part(rivals, few):
    mixed = bcx.average(rivals, {"BG/NBD": 1.0, "MBG/NBD": 0.0}, few, "p_alive", draws=4000)
    alone = bcx.draws(rivals["BG/NBD"], few, "p_alive").stack(sample=("chain", "draw"))
    np.testing.assert_allclose(np.sort(mixed, axis=0), np.sort(alone.to_numpy().T, axis=0))
    assert set(mixed["model"].to_numpy()) == {"BG/NBD"}


@pytest.mark.parametrize(
    "weights",
    [{"BG/NBD": 1.0}, {"BG/NBD": 0.5, "MBG/NBD": 0.6}, {"BG/NBD": -0.5, "MBG/NBD": 1.5},
     {"BG/NBD": 0.5, "MBG/NBD": 0.2, "other": 0.3}, {"BG/NBD": np.nan, "MBG/NBD": 1.0}],
)  # fmt: skip
def test_weights_that_are_none_are_refused(rivals, few, weights):
    with pytest.raises(bcx.InputError, match="of sum one for BG/NBD, MBG/NBD"):
        bcx.average(rivals, weights, few, "p_alive")


def test_what_else_is_refused(rivals, few):
    with pytest.raises(bcx.InputError, match="one draw or more"):
        bcx.average_purchases(rivals, WEIGHTS, few, "39 weeks", draws=0)
    with pytest.raises(bcx.InputError, match="quantity 'luck'"):
        bcx.average(rivals, WEIGHTS, few, "luck")
