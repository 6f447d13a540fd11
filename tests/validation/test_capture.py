import numpy as np
import xarray as xr

from bayes_cx.kinds import PURCHASES
from bayes_cx.kinds.buying import rfm_score
from bayes_cx.validation.capture import capture, rules


def test_rfm_by_hand():
    recency = -np.array([9.0, 7.0, 5.0, 3.0, 1.0])
    frequency = np.array([1, 1, 1, 2, 9])
    monetary = np.array([50.0, 10.0, 20.0, 30.0, 40.0])
    # Three equal frequencies have the middle rank 2 of 5: the second fifth.
    np.testing.assert_array_equal(
        rfm_score(recency, frequency, monetary), [1 + 2 + 5, 2 + 2 + 1, 3 + 2 + 2, 4 + 4 + 3, 5 + 5 + 4]
    )


def test_rules_by_hand():
    stats = xr.Dataset(
        {
            "x": ("customer", [0, 2]),
            "t_x": ("customer", [0.0, 3.0]),
            "T": ("customer", [5.0, 10.0]),
            "spend": ("customer", [np.nan, 15.0]),
            "spend_sum": ("customer", [0.0, 30.0]),
            "first_spend": ("customer", [8.0, 12.0]),
        }
    )
    # Two customers are too few for maximum likelihood, which is then left out.
    found = rules(PURCHASES, stats, np.array([1.0, 2.0]), 4.0)
    assert list(found) == ["bayes_cx", "recency", "frequency x spend", "RFM score"]
    np.testing.assert_array_equal(found["recency"], [-5, -7])
    np.testing.assert_array_equal(found["frequency x spend"], [8, 42])


def test_shares_and_differences():
    revenue = np.arange(20.0)
    found = capture({"bayes_cx": revenue, "worst": -revenue}, revenue)
    assert found.attrs["n_top"] == 2
    np.testing.assert_allclose(found.share, [37 / 190, 1 / 190])
    np.testing.assert_allclose(found.difference, [0, 36 / 190])
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()
    assert found.difference_low.sel(rule="worst") > 0


def test_ties_are_broken_by_dice_and_not_by_position():
    revenue = np.r_[np.ones(50), np.zeros(50)]
    shares = [capture({"all equal": np.zeros(100)}, revenue, seed=s, resamples=1).share for s in range(200)]
    assert abs(np.mean(shares) - 0.1) < 0.01
    again = [capture({"all equal": np.zeros(100)}, revenue, seed=7, resamples=5) for _ in range(2)]
    assert again[0].identical(again[1])


def test_bootstrap_chooses_anew_among_the_resampled():
    rng = np.random.default_rng(0)
    revenue, score = rng.gamma(0.3, 1.0, 60), rng.normal(size=60)
    found = capture({"a": score, "b": revenue}, revenue, resamples=300, seed=3)
    rng = np.random.default_rng(3)
    rng.random(60)
    shares = []
    for _ in range(300):
        who = rng.integers(60, size=60)
        shares.append(
            [revenue[who][np.argsort(-s[who])[:6]].sum() / revenue[who].sum() for s in (score, revenue)]
        )
    np.testing.assert_allclose(found.low, np.quantile(shares, 0.025, axis=0))
    gap = np.array(shares)[:, 0] - np.array(shares)[:, 1]
    np.testing.assert_allclose(found.difference_high.sel(rule="b"), np.quantile(gap, 0.975))
