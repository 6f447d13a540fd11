"""Tiers against draws counted by hand, classes of RFM against a table of customers, and files for a CRM."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.decision.segments import RFM_CLASSES, rfm, tier_columns, tier_names


def by_hand(draws, k):
    """The chance to be among the best k, equal values in every order."""
    share = np.zeros(draws.shape[1])
    for draw in draws:
        for i, value in enumerate(draw):
            above, level = (draw > value).sum(), (draw == value).sum()
            share[i] += np.clip((k - above) / level, 0, 1)
    return share / len(draws)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.integers(0, 10**6))
def test_tiers_have_their_sizes_and_chances_those_of_the_draws(n, seed):
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, 5, (20, n)).astype(float)
    found = tier_columns(draws, draws.mean(axis=0))
    tier, p_tier, p_top = (found[name][1] for name in ("tier", "p_tier", "p_top"))
    ends = [round(share * n) for share in (0.05, 0.2, 0.5)]
    for i, k in enumerate(ends):
        np.testing.assert_allclose(p_top[:, i], by_hand(draws, k))
    bounds = np.column_stack([np.zeros(n), p_top, np.ones(n)])
    names = tier_names((0.05, 0.2, 0.5))
    for name, k, before, column in zip(names, [*ends, n], [0, *ends], range(4), strict=True):
        mine = tier == name
        assert mine.sum() == k - before
        np.testing.assert_allclose(p_tier[mine], bounds[mine, column + 1] - bounds[mine, column], atol=1e-12)
    # No customer of a better tier is expected to be worth less.
    order = [names.index(name) for name in tier[np.argsort(-draws.mean(axis=0), kind="stable")]]
    assert order == sorted(order)


def test_a_plan_carries_the_segments_of_its_customers(plan, worth):
    # The futures are those of the plan.
    found = bcx.segments(worth, seed=4)
    frame, table = found.table(), plan.table()
    assert list(frame.columns[:3]) == ["customer", "value", "tier"]
    assert {"p_tier", "p_top_5", "p_top_20", "p_top_50", "rfm_class", "monetary_score"} <= set(frame.columns)
    both = frame.merge(table, on="customer", suffixes=("", "_plan"))
    assert len(both) == 300
    for name in ("tier", "rfm_class", "recency_score"):
        assert (both[name] == both[f"{name}_plan"]).all(), name
    np.testing.assert_allclose(both["p_top_20"], both["p_top_20_plan"])
    np.testing.assert_allclose(both["value"], both["value_plan"])
    # With the luck of purchases nobody is sure to be among the best, and few of the last have no chance.
    best = frame[frame["tier"] == "top 5%"]
    assert 0.2 < best["p_top_5"].mean() < 0.9
    assert frame["p_top_5"].sum() == pytest.approx(15)


def test_any_quantity_makes_tiers(purchases, few):
    draws = bcx.draws(purchases, few, "expected_purchases", t=10)
    found = bcx.segments(draws, few, top=(0.4,))
    assert sorted(found.table()["tier"]) == ["last 60%"] * 3 + ["top 40%"] * 2
    assert "rfm_class" in found.data
    assert "rfm_class" not in bcx.segments(draws).data
    with pytest.raises(bcx.InputError, match="different customers"):
        bcx.segments(draws, few.isel(customer=[1, 0, 2, 3, 4]))
    for broken in ((), (0.5, 0.2), (0.0,), (1.2,)):
        with pytest.raises(bcx.InputError, match="rising shares"):
            bcx.segments(draws, top=broken)


def test_classes_by_recency_and_by_the_mean_of_the_rest():
    x = np.array([0, 1, 2, 3, 4])
    stats = xr.Dataset(
        {
            "x": ("customer", np.tile(x, 5)),
            "t_x": ("customer", np.repeat([1.0, 2.0, 3.0, 4.0, 5.0], 5)),
            "T": ("customer", np.full(25, 10.0)),
        },
        attrs={"kind": "purchases"},
    )
    found = rfm(stats)
    grid = found["rfm_class"].reshape(5, 5)
    assert grid[0].tolist() == ["lost", "lost", "hibernating", "at risk", "at risk"]
    assert grid[2].tolist() == ["about to sleep", "about to sleep", "needs attention", "loyal", "loyal"]
    assert grid[4].tolist() == ["new", "new", "potentially loyal", "champion", "champion"]
    assert (grid[0] == grid[1]).all()
    assert (grid[3] == grid[4]).all()
    assert set(found["rfm_class"]) <= set(RFM_CLASSES)
    assert "monetary_score" not in found
    assert rfm(bcx.load_cohorts()) == {}


def test_a_crm_can_import_it(worth, tmp_path):
    found = bcx.segments(worth)
    found.to_csv(tmp_path / "s.csv")
    found.to_parquet(tmp_path / "s.parquet")
    frame = found.table()
    read = pd.read_csv(tmp_path / "s.csv", dtype={"customer": str})
    assert list(read.columns) == list(frame.columns)
    assert read["tier"].tolist() == frame["tier"].tolist()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "s.parquet"), frame, check_dtype=False)
    assert "300 customers: top 5% 15, next 15% 45" in repr(found)
