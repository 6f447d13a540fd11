"""The allocation of offers against every assignment there is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bayes_cx.decision.allocate import allocate

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 2))


@st.composite
def problems(draw):
    shape = draw(SHAPES)
    # Small whole numbers make ties, which are the hard cases.
    number = st.one_of(st.integers(-4, 9).map(float), st.floats(-10, 10, width=32))
    price = st.one_of(st.integers(0, 5).map(float), st.floats(0.0625, 5, width=32))
    gain, cost = draw(arrays(float, shape, elements=number)), draw(arrays(float, shape, elements=price))
    budget = draw(st.none() | st.floats(0, 12, width=32))
    capacity = draw(st.none() | st.integers(0, 6))
    return gain, cost, budget, capacity


def best(gain, cost, budget, capacity):
    """The largest gain over all assignments within the limits."""
    n, offers = gain.shape
    most = 0.0
    for chosen in product(range(-1, offers), repeat=n):
        made = [(i, j) for i, j in enumerate(chosen) if j >= 0]
        if capacity is not None and len(made) > capacity:
            continue
        if budget is not None and sum(cost[m] for m in made) > budget:
            continue
        most = max(most, sum(gain[m] for m in made))
    return most


def taken(allocation, table):
    return table[np.arange(len(table)), allocation.offer][allocation.contact].sum()


@settings(max_examples=300, deadline=None)
@given(problems())
def test_against_every_assignment(problem):
    gain, cost, budget, capacity = problem
    allocation = allocate(gain, cost, budget, capacity)
    found, most = taken(allocation, gain), best(gain, cost, budget, capacity)
    if budget is not None:
        assert taken(allocation, cost) <= budget * (1 + 1e-8)
    if capacity is not None:
        assert allocation.contact.sum() <= capacity
    assert found <= most + 1e-6 * max(most, 1)
    if allocation.price == 0:
        assert found == pytest.approx(most)
    else:
        # The documented bound: the largest gain of one customer, and a millionth of what there is to gain.
        assert found >= most - np.maximum(gain, 0).max() - 1e-6 * np.abs(gain).sum() - 1e-9


@settings(max_examples=100, deadline=None)
@given(problems())
def test_nobody_is_contacted_at_a_loss(problem):
    gain, cost, budget, capacity = problem
    allocation = allocate(gain, cost, budget, capacity)
    assert (gain[np.arange(len(gain)), allocation.offer][allocation.contact] > 0).all()
    own = np.arange(len(gain)), allocation.offer
    np.testing.assert_allclose(allocation.priority, gain[own] - allocation.price * cost[own])


def test_many_customers_lose_little_by_the_budget(rng):
    """With many customers the bound is a small share: the dual value is an upper limit for any allocation."""
    gain, cost = rng.gamma(1.0, 5.0, (3_000, 3)) - 1, rng.uniform(0.5, 6.0, (3_000, 3))
    for capacity in (None, 400):
        allocation = allocate(gain, cost, 1_000.0, capacity)
        assert taken(allocation, cost) <= 1_000.0
        assert taken(allocation, cost) > 994.0
        dual = np.sort(np.maximum((gain - allocation.price * cost).max(axis=1), 0))[::-1]
        upper = dual[: capacity or None].sum() + allocation.price * 1_000.0
        assert upper - gain.max() <= taken(allocation, gain) <= upper


def test_a_budget_divides_equal_customers():
    gain, cost = np.ones((1_000, 1)), np.ones((1_000, 1))
    assert allocate(gain, cost, 300.0).contact.sum() == 300
    better = np.hstack([gain, 3 * gain])
    dearer = np.hstack([cost, 4 * cost])
    allocation = allocate(better, dearer, 2_500.0)
    # All get the small offer, and as many as the rest of the budget allows get the large one.
    assert taken(allocation, better) == 2_000.0
    assert taken(allocation, dearer) == 2_500.0


def test_a_budget_divides_equal_customers_within_a_capacity():
    """500 of each kind, room for 500: at most 250 of the better, dearer kind can be paid."""
    gain = np.repeat([[1.0], [3.0]], 500, axis=0)
    cost = np.repeat([[1.0], [3.5]], 500, axis=0)
    allocation = allocate(gain, cost, 500 + 250 * 2.5, 500)
    assert allocation.contact.sum() == 500
    assert taken(allocation, gain) == 250 + 3 * 250


def test_rounding_leaves_nobody_out():
    gain, cost = np.ones((10, 1)), np.full((10, 1), 0.1)
    assert allocate(gain, cost, 0.3).contact.sum() == 3
    assert allocate(gain, cost, 0.7).contact.sum() == 7


@pytest.mark.parametrize("capacity", [0, 3, 99])
def test_capacity_takes_the_best(capacity):
    gain = np.array([5.0, -1.0, 2.0, 9.0, 0.0, 2.0])[:, None]
    allocation = allocate(gain, np.ones_like(gain), None, capacity)
    wanted = {0: [], 3: [0, 2, 3], 99: [0, 2, 3, 5]}[capacity]
    assert np.flatnonzero(allocation.contact).tolist() == wanted
    assert allocation.price == 0


def test_no_budget_buys_only_what_is_free():
    gain, cost = np.array([[5.0], [4.0]]), np.array([[1.0], [0.0]])
    assert allocate(gain, cost, 0.0).contact.tolist() == [False, True]
