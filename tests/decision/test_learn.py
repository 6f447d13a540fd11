"""What is learned from a log: formulas against brute force, coverage, and that nothing counts twice."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayes_cx as bcx
from bayes_cx.data.follow_up import FollowUp
from bayes_cx.decision.learned_effects import Differences, differences, draw_effects, sums_of
from bayes_cx.spans import Span

EFFECT = {"mail": {"a": 0.05, "b": 0.0}, "call": {"a": 0.02, "b": 0.12}}


def decided(rng, n=4000, rounds=(0, 31), *, chance=None, base=0.1):
    """Return rounds of decisions whose groups get actions with different chances, in good and bad months."""
    parts = []
    for i, day in enumerate(rounds):
        group = np.where(rng.random(n) < 0.5, "a", "b")
        share = np.array([[0.2, 0.6, 0.2], [0.3, 0.1, 0.6]])[(group == "b").astype(int)]
        share = share if chance is None else chance(share)
        at = (rng.random(n)[:, None] >= np.cumsum(share, axis=1)).sum(axis=1)
        action = np.array(["nothing", "mail", "call"])[at]
        lift = np.array([EFFECT[a][g] if a in EFFECT else 0.0 for a, g in zip(action, group, strict=True)])
        p = base * (1 + 2 * i) + 0.1 * (group == "b") + lift
        bought = (rng.random(n) < p).astype(int)
        parts.append(
            pd.DataFrame(
                {
                    "customer": np.arange(n),
                    "time": pd.Timestamp("2025-01-01") + pd.Timedelta(days=day),
                    "action": action,
                    "propensity": share[np.arange(n), at],
                    "group": group,
                    "bought": bought,
                    "purchases": bought,
                    "gain": bought * 1.0,
                }
            )
        )
    until = pd.Timestamp("2025-06-01").to_pydatetime()
    return FollowUp(pd.concat(parts), Span.of("30 days"), until, 0, 0, 1.0, {}, "purchases", "a simulation")


@pytest.fixture(scope="module")
def learned():
    return bcx.learn(decided(np.random.default_rng(5), 20_000), by="group", seed=1)


def test_effects_are_found_by_group(learned):
    for action, groups in EFFECT.items():
        for group, true in groups.items():
            one = learned.effects.sel(action=action, group=group)
            assert abs(one["effect"].item() - true) < 4 * one["sd"].item() < 0.06


def test_the_difference_is_that_of_a_loop_over_rounds(rng):
    rows = decided(rng, 300).rows
    sums = sums_of(rows, rows["group"].to_numpy(), "bought")
    forget = np.where(sums["round"] == sums["round"].min(), 0.5, 1.0)
    found = differences(sums, ["call", "mail"], "nothing", ["a", "b"], forget)
    for g, group in enumerate("ab"):
        for a, action in enumerate(("call", "mail")):
            total, weights = 0.0, 0.0
            for i, time in enumerate(sorted(rows["time"].unique())):
                here = rows[(rows["time"] == time) & (rows["group"] == group)]
                y, left = (here.loc[here["action"] == name, "bought"] for name in (action, "nothing"))
                w = (0.5, 1.0)[i] * y.size * left.size / (y.size + left.size)
                total, weights = total + w * (y.mean() - left.mean()), weights + w
            assert found.effect[g, a] == pytest.approx(total / weights)


def test_the_stated_variance_is_that_of_many_logs():
    effects, stated = [], []
    for seed in range(80):
        rows = decided(np.random.default_rng(seed), 400).rows
        sums = sums_of(rows, rows["group"].to_numpy(), "bought")
        found = differences(sums, ["call", "mail"], "nothing", ["a", "b"], np.ones(len(sums)))
        effects.append(found.effect)
        stated.append(found.covariance)
    own = np.array([np.cov(np.array(effects)[:, g].T) for g in range(2)])
    ratio = np.mean(stated, axis=0) / own
    # Of a variance from 80 numbers the standard error is 16%, and of a covariance more.
    assert np.diagonal(ratio, axis1=1, axis2=2) == pytest.approx(1, abs=0.45)
    assert (own[:, 0, 1] > 0).all()
    assert ratio[:, 0, 1] == pytest.approx(1, abs=0.8)


def test_draws_are_the_posterior_of_a_grid():
    """One action in two groups: against a sum over a fine grid of everything that is drawn."""
    found = Differences(
        np.array([[0.30], [0.10]]), np.array([[[0.01]], [[0.02]]]), np.ones((2, 1), bool), np.ones((2, 1))
    )
    draws = draw_effects(np.array([0.1]), np.array([0.2]), found, 40_000, np.random.default_rng(1))[:, :, 0]
    delta, theta, tau = np.linspace(-1, 1.2, 111), np.linspace(-0.8, 1.2, 201), np.linspace(0.0025, 0.8, 160)

    def normal(x, mean, sd):
        return np.exp(-0.5 * ((x - mean) / sd) ** 2) / sd

    each = [
        np.einsum("dt,e->dte", np.ones((delta.size, tau.size)), np.exp(-0.5 * (theta - y) ** 2 / v))
        * normal(theta[None, None], delta[:, None, None], tau[None, :, None])
        for y, v in ((0.30, 0.01), (0.10, 0.02))
    ]
    sums = [one.sum(axis=2) for one in each]
    prior = normal(delta, 0.1, 0.2)[:, None] * np.exp(-0.5 * (tau / 0.2) ** 2)[None]
    weight = prior * sums[0] * sums[1]
    for g in range(2):
        own = np.divide((each[g] * theta).sum(axis=2), sums[g], out=np.zeros_like(sums[g]), where=sums[g] > 0)
        mean = (weight * own).sum() / weight.sum()
        assert draws[:, g].mean() == pytest.approx(mean, abs=0.006)


def test_intervals_hold_the_truth():
    held = []
    for seed in range(25):
        effects = bcx.learn(decided(np.random.default_rng(seed), 1500), by="group", seed=seed).effects
        names = [effects[name].to_numpy().astype(str) for name in ("action", "group")]
        true = np.array([[EFFECT[action][group] for group in names[1]] for action in names[0]])
        held.append((effects["low"].to_numpy() <= true) & (true <= effects["high"].to_numpy()))
    assert 0.82 <= np.mean(held) <= 0.98


def test_what_is_not_measured_stays_what_was_believed(rng):
    few = decided(rng, 500)
    learned = bcx.learn(few, by="group", priors={"fax": bcx.Beta(30, 70)}, seed=1)
    one = learned.effects.sel(action="fax")
    assert one["effect"].to_numpy() == pytest.approx(0.3, abs=0.01)
    response = learned.response("fax")
    assert (response.basis, response.source, response.customers) == ("stated", "assumed", 0)
    assert learned.response("mail").basis == "measured"


def test_the_same_rounds_twice_change_nothing_and_new_ones_add(rng, tmp_path):
    both = decided(rng, 800)
    first = both.rows["time"] == both.rows["time"].min()
    one, two = (replace(both, rows=both.rows[part]) for part in (first, ~first))
    learned = bcx.learn(one, by="group", seed=1)
    again = bcx.learn(one, by="group", before=learned, seed=1)
    pd.testing.assert_frame_equal(again.sums, learned.sums)
    added = bcx.learn(two, by="group", before=learned, seed=1)
    whole = bcx.learn(both, by="group", seed=1)
    pd.testing.assert_frame_equal(added.sums, whole.sums)
    xr.testing.assert_identical(added.effects, whole.effects)
    bcx.save_learned(added, tmp_path / "learned.parquet")
    loaded = bcx.load_learned(tmp_path / "learned.parquet")
    xr.testing.assert_identical(loaded.effects, added.effects)
    content = (tmp_path / "learned.parquet").read_bytes()
    bcx.save_learned(loaded, tmp_path / "learned.parquet")
    assert (tmp_path / "learned.parquet").read_bytes() == content
    with pytest.raises(bcx.InputError, match="the same outcome, control, groups and window"):
        bcx.learn(two, by=(), before=learned)


def test_old_rounds_are_forgotten(rng):
    both = decided(rng, 3000, rounds=(0, 300))
    old = both.rows["time"] == both.rows["time"].min()
    both.rows.loc[old & (both.rows["action"] == "mail"), "bought"] = 1
    plain = bcx.learn(both, by=(), seed=1).response("mail").mean
    forgetful = bcx.learn(both, by=(), half_life="30 days", seed=1).response("mail").mean
    assert plain > 0.3
    assert forgetful < 0.1


def test_the_policy_adds_up_and_its_plan_follows_it(learned):
    policy = learned.policy(worth=10.0, costs={"call": 0.3}, least=0.06, left_alone=0.1)
    assert policy["propensity"].sum("action").to_numpy() == pytest.approx(1)
    assert policy["propensity"].min().item() >= 0.03 - 1e-5
    assert (policy["propensity"].sel(action="nothing") >= 0.1 - 1e-5).all()
    # In one group the mail is best and the call, with its cost, is not; in the other the other way round.
    assert policy["p_best"].sel(group="a").idxmax("action").item() == "mail"
    assert policy["p_best"].sel(group="b").idxmax("action").item() == "call"
    customers = pd.DataFrame({"customer": np.arange(20_000), "group": ["a", "b"] * 10_000})
    plan = learned.plan(customers, worth=10.0, costs={"call": 0.3}, least=0.06, left_alone=0.1, seed=3)
    shares = plan.groupby("group")["action"].value_counts(normalize=True)
    for (group, action), share in shares.items():
        stated = policy["propensity"].sel(group=group, action=action).item()
        assert share == pytest.approx(stated, abs=4 * np.sqrt(stated / 10_000))
    weights = 1 / plan["propensity"]
    assert weights.groupby(plan["action"]).sum().to_numpy() == pytest.approx(20_000, rel=0.15)
    pd.testing.assert_frame_equal(
        plan, learned.plan(customers, worth=10.0, costs={"call": 0.3}, least=0.06, left_alone=0.1, seed=3)
    )


def test_a_response_by_group_in_a_plan(learned):
    stats = xr.Dataset({"group": ("customer", ["a", "b", "new"])})
    changed = learned.response("call").draw(np.random.default_rng(1), 500, stats).effect
    assert changed.shape == (500, 3)
    mean = learned.effects["effect"].sel(action="call")
    assert changed[:, 1].mean() == pytest.approx(mean.sel(group="b").item(), abs=0.005)
    everybody = learned.response("call").draw(np.random.default_rng(1), 500, stats.drop_vars("group")).effect
    assert everybody.shape == (500,)
    assert learned.response("call").outcome == "buying"


def test_nothing_depends_on_the_unit_of_money(rng):
    found = decided(rng, 1000)
    scaled = replace(found, rows=found.rows.assign(gain=found.rows["gain"] * 655.957))
    one, other = (bcx.learn(each, outcome="gain", by="group", seed=1) for each in (found, scaled))
    assert np.allclose(one.effects["effect"] * 655.957, other.effects["effect"])
    assert np.allclose(one.policy()["propensity"], other.policy()["propensity"], atol=2e-3)


def test_customers_who_must_not_be_contacted_are_no_control(rng):
    """They buy far more, and got nothing for certain."""
    found = decided(rng, 3000)
    out = found.rows.sample(2000, random_state=1).assign(action="nothing", propensity=1.0, bought=1)
    out["customer"] += 100_000
    both = replace(found, rows=pd.concat([found.rows, out], ignore_index=True))
    one, other = (bcx.learn(each, by="group", seed=1) for each in (found, both))
    pd.testing.assert_frame_equal(one.sums, other.sums)
    assert "2,000 decisions were certain" in both.remarks[-1]
    same = [bcx.realised(each, outcome="bought").data["realised"].to_numpy() for each in (found, both)]
    assert np.array_equal(*same)
    certain = replace(found, rows=found.rows.assign(propensity=1.0))
    with pytest.raises(bcx.InputError, match="every decision was certain"):
        bcx.learn(certain, by="group")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"outcome": "spend"}, "one of bought, purchases, gain"),
        ({"by": "tier"}, "no column 'tier' in the log"),
        ({"control": "silence"}, "left alone at random"),
        ({"priors": {"mail": 0.1}}, "a Beta"),
        ({"window": "30 days"}, "the log alone"),
    ],
)
def test_what_cannot_be_learned_is_refused(rng, more, says):
    with pytest.raises(bcx.InputError, match=says):
        bcx.learn(decided(rng, 100), **more)


def test_a_gain_is_no_response_and_a_wrong_file_is_named(rng, tmp_path):
    with pytest.raises(bcx.InputError, match="a response of an offer from gains"):
        bcx.learn(decided(rng, 100), outcome="gain", by=()).response("mail")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(bcx.InputError, match="holds nothing learned"):
        bcx.load_learned(tmp_path / "other.parquet")


def test_the_panel_shows_names_as_they_are(rng):
    found = decided(rng, 200)
    found.rows["group"] = found.rows["group"].replace({"a": "<i>a</i>"})
    html = bcx.learn(found, by="group", priors={"fax": bcx.Beta(2, 18)})._repr_html_()
    assert "&lt;i&gt;a&lt;/i&gt;" in html
    assert "assumed" in html
