"""Segments compared: totals against the customers they are made of, and no rank where there is only noise."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.decision.segment_futures import columns_of_groups


@pytest.fixture(scope="module")
def two_shops(cdnow_sample, purchases):
    """Customers who bought often or did not, and the same customers dealt into three groups at random."""
    rng = np.random.default_rng(2)
    stats = cdnow_sample.isel(customer=slice(0, 600)).assign_attrs(cdnow_sample.attrs)
    often = np.where(stats["x"].to_numpy() > 1, "often", "seldom").astype(object)
    dealt = rng.choice(np.array(["a", "b", "c"], dtype=object), 600)
    stats = stats.assign(habit=("customer", often), dealt=("customer", dealt), one=("customer", ["x"] * 600))
    return bcx.lifetime_value(purchases, 10.0, stats, "26 weeks", 0.1, margin=0.5, draws=200)


@pytest.fixture(scope="module")
def by_habit(two_shops):
    return bcx.by_segment(two_shops, "habit", draws=200, seed=3)


def test_means_are_those_of_the_customers(two_shops, by_habit, purchases):
    """Against expectations, which are computed by formulas and not simulated."""
    stats = two_shops.stats
    value = two_shops.summary()["mean"].to_numpy()
    made = bcx.score(purchases, stats, "expected_purchases", t="26 weeks")["mean"].to_numpy()
    active = bcx.score(purchases, stats, "p_alive")["mean"].to_numpy()
    for name, expected in {"value": value, "events": made, "active": active}.items():
        for segment in ("often", "seldom"):
            mine = stats["habit"].to_numpy() == segment
            draws = by_habit.data[name].sel(segment=segment).to_numpy()
            error = draws.std() / np.sqrt(draws.size)
            assert abs(draws.mean() - expected[mine].mean()) < 4.5 * error, (name, segment)
    assert by_habit.data["customers"].to_numpy().sum() == 600
    assert by_habit.summary("events").loc["often", "low"] < by_habit.summary("events").loc["often", "mean"]


def test_what_differs_is_said_and_what_does_not_is_not(two_shops, by_habit):
    assert by_habit.clear() == (("often", "seldom", 1.0),)
    np.testing.assert_allclose(by_habit.p_above_others(), [1.0, 0.0])
    dealt = bcx.by_segment(two_shops, "dealt", draws=200, seed=3)
    assert dealt.clear() == ()
    p = dealt.p_better().to_numpy()
    np.testing.assert_allclose(p + p.T, 1.0)


def test_luck_makes_small_segments_less_certain(two_shops):
    """The half year of a single customer varies by luck much more than the mean of all the others."""
    alone = np.array(["rest"] * 600, dtype=object)
    alone[7] = "alone"
    value = bcx.lifetime_value(
        two_shops.purchases, 10.0, two_shops.stats.assign(who=("customer", alone)), draws=50
    )
    found = bcx.by_segment(value, "who", draws=200).data["events"].std("sample")
    assert float(found.sel(segment="alone")) > 5 * float(found.sel(segment="rest"))


def test_columns_of_groups(two_shops):
    assert columns_of_groups(two_shops.stats) == ("habit", "dealt")
    for name, words in {"region": "habit, dealt", "one": "x for all"}.items():
        with pytest.raises(bcx.InputError, match=words):
            bcx.by_segment(two_shops, name)
