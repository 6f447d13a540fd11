"""Statistics of a trial: counts by hand, reasons of rejection, parts that add, and a split at random."""

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.data.feature_levels import MISSING, OTHER, Feature
from bayes_cx.errors import InputError

ROLES = {"outcome": "bought", "treatment": "arm", "control": "no", "features": ["age", "town"]}


def frame(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(n),
            "arm": rng.choice(["no", "mail", "call 2 ✆"], n),
            "bought": rng.integers(0, 2, n),
            "age": rng.integers(18, 80, n),
            "town": rng.choice(["Bonn", 'O\'Hara "x"', None], n),
        }
    )


def test_counts_are_those_of_the_rows():
    table = frame()
    stats = bcx.summarise_uplift(table, **ROLES)
    assert int(stats.weight.sum()) == len(table)
    edges = Feature(**json.loads(stats.attrs["features"])[0]).edges
    cell = (table.arm == "mail") & (table.bought == 1) & (table.age > edges[-1]) & table.town.isna()
    level = f"above {edges[-1]:g}"
    found = stats.weight.where(
        (stats.arm == "mail") & (stats.outcome == 1) & (stats.age == level) & (stats.town == MISSING), 0
    )
    assert int(found.sum()) == cell.sum()


@settings(max_examples=5, deadline=None)
@given(cuts=st.lists(st.integers(1, 59), min_size=1, max_size=2, unique=True), seed=st.integers(0, 99))
def test_parts_add_to_the_whole(cuts, seed):
    table = frame(seed=seed)
    whole = bcx.summarise_uplift(table, **ROLES)
    ends = [0, *sorted(cuts), len(table)]
    parts = [bcx.summarise_uplift(table.iloc[a:b], like=whole, **ROLES) for a, b in pairwise(ends)]
    total = parts[0]
    for part in parts[1:]:
        total = bcx.add(total, part)
    assert total.attrs["rows_read"] == whole.attrs["rows_read"]
    xr.testing.assert_identical(total.drop_attrs(), whole.drop_attrs())


def test_rejected_rows_are_counted_by_reason():
    table = pd.DataFrame(
        {
            "who": ["a", "b", "b", "b", "c", "c", "d", "e", "f", None, "g", "h"],
            "arm": ["no", "mail", "mail", "mail", "no", "mail", None, "mail", "no", "no", "mail", "no"],
            "bought": ["1", "0", "1", "1", "1", "1", "1", "x", "", "1", "1", "yes"],
            "age": 30,
        }
    )
    stats = bcx.summarise_uplift(
        table, outcome="bought", treatment="arm", control="no", features="age", customer="who"
    )
    assert json.loads(stats.attrs["rejected"]) == {
        "customer in several treatments": 2,
        "further row of a customer": 2,
        "missing customer": 1,
        "missing outcome": 1,
        "missing treatment": 1,
        "unreadable outcome": 1,
    }
    # The first row of "b" counts, in which nothing was bought.
    assert int(stats.weight.where(stats.arm == "mail", 0).sum()) == 2
    assert int(stats.weight.where((stats.arm == "mail") & (stats.outcome == 0), 0).sum()) == 1
    assert int(stats.weight.sum()) == stats.attrs["rows_read"] - stats.attrs["rows_rejected"] == 4


def test_doses_of_control_are_zero_and_others_must_be_there():
    table = pd.DataFrame(
        {"arm": ["no", "v", "v", "v", "no"], "dose": [None, 5, None, -1, 3], "bought": 1, "age": 1}
    )
    stats = bcx.summarise_uplift(
        table, outcome="bought", treatment="arm", control="no", features="age", dose="dose"
    )
    assert stats.dose.to_numpy().tolist() == [0, 5]
    assert json.loads(stats.attrs["rejected"]) == {
        "control with a dose": 1,
        "missing, unreadable or negative dose": 2,
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"control": "nobody"}, "nobody in the control 'nobody'.*'no'"),
        ({"features": ["arm"]}, "a feature named 'arm'"),
        ({"features": ["bought"]}, "'bought' as a feature and as something else"),
        ({"features": ["age", "age"]}, "named twice"),
        ({"features": ["size"]}, "no column 'size'"),
        ({"categories": ["id"]}, "the category 'id'"),
        ({"bins": 1}, "bins=1"),
    ],
)
def test_what_cannot_be_is_refused(change, says):
    with pytest.raises(InputError, match=says):
        bcx.summarise_uplift(frame(), **{**ROLES, **change})


@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-5, 5)), min_size=1, max_size=40),
    bins=st.integers(2, 8),
)
@settings(max_examples=40, deadline=None)
def test_every_number_has_one_level_and_order_is_kept(values, bins):
    series = pd.Series(values, dtype=object)
    feature = Feature.of("x", series, bins)
    labels = feature.labels(series)
    assert set(labels) <= set(feature.levels)
    known = [
        (float(v), feature.levels.index(level))
        for v, level in zip(values, labels, strict=True)
        if v is not None
    ]
    assert all(a[1] <= b[1] for a, b in zip(sorted(known), sorted(known)[1:], strict=False))
    assert (MISSING in labels) == (None in values)


def test_rare_and_new_categories_are_other():
    values = pd.Series([f"town {i}" for i in range(30) for _ in range(i + 1)])
    feature = Feature.of("town", values, 5)
    assert len(feature.levels) == 21
    assert feature.levels[-1] == OTHER
    assert feature.labels(pd.Series(["town 0", "town 29", "never seen"])).tolist() == [
        OTHER,
        "town 29",
        OTHER,
    ]


def test_a_table_without_a_usable_row_says_why():
    with pytest.raises(InputError, match=r"no row .* that can be used \(60 missing outcome\)"):
        bcx.summarise_uplift(frame().assign(bought=None), **ROLES)
    with pytest.raises(InputError, match="no row"):
        bcx.summarise_uplift(frame().head(0), **ROLES)


def test_a_split_takes_customers_not_rows():
    stats = bcx.summarise_uplift(frame(600), **ROLES)
    first, second = bcx.split_customers(stats, 0.25, seed=3)
    assert int(first.weight.sum()) == 150
    xr.testing.assert_identical(bcx.add(first, second).drop_attrs(), stats.drop_attrs())
    # As often as chance has it: the hypergeometric mean and variance of one cell over many splits.
    found = [bcx.split_customers(stats, 0.5, seed=s)[0] for s in range(300)]
    taken = np.array([int(part.weight.where(part.arm == "mail", 0).sum()) for part in found])
    n, k = 600, int(stats.weight.where(stats.arm == "mail", 0).sum())
    sd = np.sqrt(n / 2 * (k / n) * (1 - k / n) * (n / 2) / (n - 1))
    assert abs(taken.mean() - k / 2) < 4 * sd / np.sqrt(300)
    assert 0.8 < taken.std() / sd < 1.25
