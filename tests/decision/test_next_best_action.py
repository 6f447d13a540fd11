"""Plans of actions: against brute force, properties of limits, propensities and frequencies, scale."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx
from bayes_cx.decision.actions import NOTHING
from bayes_cx.decision.assign import Programme, assign
from bayes_cx.errors import InputError

ACTIONS = (
    bcx.Action("mail", cost=0.5, channel="mail", message="spring"),
    bcx.Action("call", cost=2.0, channel="phone", message="spring"),
    bcx.Action("letter", cost=1.0, channel="post", message="thanks"),
)
NAMES = [action.name for action in ACTIONS]


def gains(values, customers=None):
    values = np.asarray(values, float)
    dims = ("customer", "action") if values.ndim == 2 else ("sample", "customer", "action")
    n = values.shape[-2]
    who = np.arange(n) if customers is None else customers
    return xr.DataArray(values, dims=dims, coords={"customer": who, "action": NAMES})


@st.composite
def problems(draw):
    n = draw(st.integers(1, 5))
    values = draw(
        st.lists(
            st.lists(st.sampled_from([-1.0, 0.5, 1.0, 1.7, 2.5, 4.0, 6.3]), min_size=3, max_size=3),
            min_size=n,
            max_size=n,
        )
    )
    budget = draw(st.sampled_from([0.0, 0.5, 1.5, 3.0, 4.5, 8.0, None]))
    capacity = draw(st.dictionaries(st.sampled_from(["mail", "phone", "post"]), st.integers(0, 3)))
    refused = draw(
        st.lists(
            st.tuples(st.integers(0, n - 1), st.sampled_from(["mail", "phone", "post", "all"])), max_size=4
        )
    )
    return np.array(values), budget, capacity, refused


def limits_of(budget, capacity, refused):
    table = pd.DataFrame(refused, columns=["customer", "channel"])
    return bcx.Limits(budget=budget, capacity=capacity, preferences=table if len(table) else None)


def best_by_trial(values, budget, capacity, refused):
    """Try everything."""
    costs = [action.cost for action in ACTIONS]
    best = 0.0
    for choice in itertools.product(range(-1, 3), repeat=len(values)):
        made = [(i, a) for i, a in enumerate(choice) if a >= 0]
        if any((i, ACTIONS[a].channel) in refused or (i, "all") in refused for i, a in made):
            continue
        if budget is not None and sum(costs[a] for _, a in made) > budget + 1e-9:
            continue
        if any(sum(ACTIONS[a].channel == name for _, a in made) > most for name, most in capacity.items()):
            continue
        best = max(best, sum(values[i, a] - costs[a] for i, a in made))
    return best


@settings(max_examples=60, deadline=None)
@given(problems())
def test_it_is_the_best_of_all_plans_and_breaks_no_limit(problem):
    values, budget, capacity, refused = problem
    plan = bcx.next_best_action(gains(values), ACTIONS, limits=limits_of(budget, capacity, refused))
    action = plan.data["action"].to_numpy()
    for customer, channel in refused:
        assert channel != "all" or action[customer] == NOTHING
        assert all(a.channel != channel for a in ACTIONS if a.name == action[customer])
    assert np.all(plan.limits["used"] <= plan.limits["available"] + 1e-9)
    assert np.isclose(plan.gain, best_by_trial(values, budget, capacity, refused), atol=1e-9)
    assert np.allclose(plan.data["propensity"].sum("choice"), 1.0)
    assert all(plan.reasons())


@settings(max_examples=30, deadline=None)
@given(problems(), st.floats(0.0, 5.0))
def test_more_budget_never_lowers_the_expected_gain(problem, more):
    values, budget, capacity, refused = problem
    budget = 2.0 if budget is None else budget
    plans = [
        bcx.next_best_action(gains(values), ACTIONS, limits=limits_of(each, capacity, refused))
        for each in (budget, budget + more)
    ]
    assert plans[1].gain >= plans[0].gain - 1e-9
    # What one more unit gains at the margin bounds what more of them gain.
    price = float(plans[0].limits["price"].sel(limit="budget"))
    ceiling = plans[0].gain * (1 + plans[0].gap / (1 - plans[0].gap)) if plans[0].gap < 1 else np.inf
    assert plans[1].gain <= ceiling + price * more + 1e-6


def test_a_large_programme_is_as_good_as_its_bound_says(monkeypatch):
    monkeypatch.setattr("bayes_cx.decision.assign._ROWS", 400)
    monkeypatch.setattr("bayes_cx.decision.assign._SAMPLE", 300)
    rng = np.random.default_rng(2)
    n = 3000
    base = rng.gamma(1.0, 2.0, (n, 1))
    gain = base * rng.uniform(0.2, 1.5, (n, 4)) - np.array([0.1, 0.5, 1.0, 2.0])
    gain[rng.random((n, 4)) < 0.1] = -np.inf
    use = (np.array([0.1, 0.5, 1.0, 2.0]), np.array([1.0, 0, 0, 1]), np.array([0.0, 1, 1, 0]))
    programme = Programme(gain, use, np.array([375.0, 750.0, 250.0]), np.ones(n, int))
    found = assign(programme)
    taken = programme.takes(found.row, found.action) @ found.number
    assert np.all(taken <= programme.limit * (1 + 1e-8))
    assert len(set(found.row.tolist())) == found.row.size
    assert 0 <= found.bound - found.value < 1e-3 * found.value
    # The whole linear programme, by the library alone, bounds it from above too.
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, vstack

    rows, actions = np.nonzero(gain > 0)
    once = csr_matrix((np.ones(rows.size), (rows, np.arange(rows.size))), (n, rows.size))
    uses = csr_matrix(np.array([one[actions] for one in use]))
    exact = linprog(
        -gain[rows, actions],
        A_ub=vstack([once, uses]),
        b_ub=np.append(np.ones(n), programme.limit),
        method="highs",
    )
    assert found.value <= -exact.fun + 1e-6 <= found.bound + 1e-5
    assert -exact.fun - found.value < 1e-4 * found.value


def test_equal_customers_are_shared_out():
    values = np.tile([[3.0, 5.0, 2.0]], (5000, 1))
    limits = bcx.Limits(budget=4000, capacity={"phone": 500})
    plan = bcx.next_best_action(gains(values), ACTIONS, limits=limits)
    assert plan.counts["call"] == 500
    assert plan.counts["mail"] == 4500
    assert plan.gap == 0


def test_contacts_within_a_period_and_messages_that_agree():
    values = np.full((4, 3), 10.0) + np.array([0, 3, 6])
    log = pd.DataFrame(
        {
            "customer": ["1", "1", "2", 3.0],
            "time": ["2026-01-20", "2026-01-25", "2026-01-25", "2025-11-01"],
            "message": ["spring", "spring", "spring", "spring"],
        }
    )
    made = {"limits": bcx.Limits(contacts=2, consistent=True), "log": log, "until": "2026-02-01"}
    plan = bcx.next_best_action(gains(values), ACTIONS, **made)
    # 0 never got anything, 1 had two contacts, 2 got the message of spring, and for 3 that was long ago.
    assert plan.data["action"].to_numpy().tolist() == ["letter", NOTHING, "call", "letter"]
    assert "as many contacts as are allowed" in plan.reasons()[1]
    # Times with a zone are the same times.
    zoned = log.assign(time=pd.to_datetime(log["time"]).dt.tz_localize("Europe/Berlin"))
    again = bcx.next_best_action(
        gains(values), ACTIONS, **{**made, "log": zoned, "until": "2026-02-01T00:00Z"}
    )
    assert again.counts == plan.counts
    assert plan.rules["opt-outs, contacts and consistency"] > 0


def test_a_held_out_share_has_its_propensity():
    rng = np.random.default_rng(0)
    values = rng.normal(1.0, 1.0, (4000, 3))
    plan = bcx.next_best_action(gains(values), ACTIONS, explore=bcx.Exploration(share=0.2), seed=1)
    planned, control = plan.data["planned"].to_numpy(), plan.data["control"].to_numpy()
    meant = planned != NOTHING
    assert np.all(plan.data["action"].to_numpy()[control] == NOTHING)
    assert not control[~meant].any()
    assert abs(control[meant].mean() - 0.2) < 4 * np.sqrt(0.16 / meant.sum())
    propensity = plan.data["propensity"]
    np.testing.assert_allclose(propensity.sum("choice"), 1.0)
    np.testing.assert_allclose(propensity.sel(choice=NOTHING).to_numpy()[meant], 0.2)
    np.testing.assert_allclose(
        plan.data["taken"].to_numpy(), np.where(control, 0.2, np.where(meant, 0.8, 1.0))
    )


def test_thompson_sampling_matches_its_propensities_and_keeps_the_limits():
    rng = np.random.default_rng(3)
    values = rng.normal(1.5, 1.0, (200, 1, 3)) + rng.normal(0, 0.3, (200, 120, 3))
    limits = bcx.Limits(budget=60, capacity={"phone": 20})
    explore = bcx.Exploration(method="thompson", draws=5)
    away = []
    for seed in range(12):
        plan = bcx.next_best_action(gains(values), ACTIONS, limits=limits, explore=explore, seed=seed)
        assert np.all(plan.limits["used"] <= plan.limits["available"] + 1e-9)
        propensity = plan.data["propensity"].to_numpy()
        np.testing.assert_allclose(propensity.sum(axis=1), 1.0)
        names = [*NAMES, NOTHING]
        made = np.array([(plan.data["action"] == name).sum().item() for name in names])
        away.append(made - propensity.sum(axis=0))
        assert np.all(plan.data["taken"] > 0)
    # Customers of a group are chosen for together, so plans are what is independent.
    off = np.mean(away, axis=0) / (np.std(away, axis=0) / np.sqrt(len(away)))
    assert np.all(np.abs(off) < 4)


def test_p_best_and_regret_are_means_over_draws():
    rng = np.random.default_rng(1)
    values = rng.normal([1.0, 2.5, 1.4], 1.0, (500, 6, 3))
    plan = bcx.next_best_action(gains(values), ACTIONS)
    net = np.concatenate([values - [a.cost for a in ACTIONS], np.zeros((500, 6, 1))], axis=2)
    names = [*NAMES, NOTHING]
    own = np.array([names.index(one) for one in plan.data["planned"].to_numpy()])
    mine = net[:, np.arange(6), own]
    np.testing.assert_allclose(plan.data["p_best"], (mine >= net.max(axis=2)).mean(axis=0), atol=0.003)
    np.testing.assert_allclose(plan.data["regret"], (net.max(axis=2) - mine).mean(axis=0), atol=1e-5)


def test_objectives_are_weighed():
    values = xr.DataArray(
        np.array([[[4.0, 1, 1]], [[0.0, 9, 0]]]),
        dims=("objective", "customer", "action"),
        coords={"objective": ["money", "visits"], "action": NAMES},
    )
    money = bcx.next_best_action(values, ACTIONS, weights={"money": 1, "visits": 0})
    both = bcx.next_best_action(values, ACTIONS, weights={"money": 1, "visits": 1})
    assert (money.data["action"].item(), both.data["action"].item()) == ("mail", "call")
    with pytest.raises(InputError, match="weights for money, visits"):
        bcx.next_best_action(values, ACTIONS)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"capacity": {"fax": 3}}, "a capacity of 'fax'"),
        ({"preferences": {"0": "e-mail"}}, "the channel 'e-mail' in preferences"),
        ({"preferences": pd.DataFrame({"customer": [1]})}, "preferences without channel"),
        ({"consistent": True}, "without a contact log"),
    ],
)
def test_what_cannot_be_kept_is_refused(limits, says):
    with pytest.raises(InputError, match=says):
        bcx.next_best_action(gains(np.ones((2, 3))), ACTIONS, limits=bcx.Limits(**limits))
    with pytest.raises(InputError, match="budget=-1"):
        bcx.Limits(budget=-1)
    with pytest.raises(InputError, match="named 'nothing'"):
        bcx.Action(NOTHING)


@pytest.mark.slow
def test_a_million_customers_and_six_actions():
    rng = np.random.default_rng(0)
    n = 1_000_000
    base = rng.gamma(1.0, 2.0, (n, 1))
    values = base * rng.uniform(0.2, 1.5, (n, 6))
    cost = [0.1, 0.5, 1.0, 2.0, 4.0, 0.3]
    channels = ["mail", "phone", "app", "mail", "phone", "app"]
    actions = [bcx.Action(f"a{k}", cost=c, channel=channels[k]) for k, c in enumerate(cost)]
    made = xr.DataArray(values, dims=("customer", "action"), coords={"action": [a.name for a in actions]})
    refused = pd.DataFrame({"customer": np.arange(0, n, 50), "channel": "all"})
    limits = bcx.Limits(
        budget=300_000, capacity={"mail": 200_000, "phone": 50_000, "app": 300_000}, preferences=refused
    )
    plan = bcx.next_best_action(made, actions, limits=limits)
    assert plan.gap < 1e-4
    assert np.all(plan.limits["used"] <= plan.limits["available"] * (1 + 1e-8))
    assert np.all(plan.data["action"].to_numpy()[::50] == NOTHING)


@pytest.fixture(scope="module")
def uplift():
    rng = np.random.default_rng(4)
    n = 6000
    region = rng.choice(["north", "south"], n)
    arm = rng.choice(["none", "letter"], n)
    rate = 0.1 + 0.3 * ((arm == "letter") & (region == "north"))
    table = pd.DataFrame({"region": region, "arm": arm, "y": (rng.random(n) < rate).astype(int)})
    stats = bcx.summarise_uplift(table, outcome="y", treatment="arm", control="none", features="region")
    return bcx.fit(bcx.models.UPLIFT, stats, method=bcx.Laplace(draws=400), seed=1)


def test_responses_by_customer_choose_by_what_was_measured(uplift):
    people = pd.DataFrame({"region": ["north", "south", "north"]}, index=["ann", "bob", "cyd"])
    actions = [
        bcx.Action("letter", cost=1, channel="post", response=bcx.Uplift(uplift, to="letter"), worth=10),
        bcx.Action("poster", cost=0.2, response=bcx.Stated(bcx.Beta(3, 97)), worth=10),
    ]
    plan = bcx.next_best_action(people, actions, limits=bcx.Limits(preferences={"cyd": "post"}))
    assert plan.data["action"].to_numpy().tolist() == ["letter", "poster", "poster"]
    gain = plan.data["gain"].to_numpy()
    assert abs(gain[0] - (10 * 0.3 - 1)) < 0.4
    assert np.isclose(gain[1], 10 * 0.03 - 0.2, atol=0.05)
    assert plan.table()["reason"].str.len().min() > 20
    # The customers may be a column as well; who is there twice would get two actions.
    column = people.rename_axis("customer").reset_index()
    again = bcx.next_best_action(column, actions, limits=bcx.Limits(preferences={"cyd": "post"}))
    assert again.data.equals(plan.data)
    with pytest.raises(InputError, match="1 rows of customers who have one already"):
        bcx.next_best_action(pd.concat([column, column[:1]]), actions)


def test_a_plan_reads_an_effect_by_customer(uplift, worth):
    """In a lifetime value who buys because of the letter brings a purchase, and more where it works."""
    region = np.where(np.arange(worth.n_customers) % 2, "north", "south").astype(object)
    stats = worth.stats.assign(region=("customer", region))
    value = dataclasses.replace(worth, stats=stats)
    offer = bcx.Offer("Letter", cost=1.0, response=bcx.Uplift(uplift, to="letter"))
    plan = bcx.prioritise(value, [offer], seed=1, futures=False)
    gain = plan.data["gain"].to_series()
    north = pd.Series(region == "north", index=stats["customer"].to_numpy()).reindex(gain.index)
    assert gain[north].min() > gain[~north].median()
    assert abs(offer.response.mean - 0.15) < 0.03
    low, high = offer.response.interval(0.9)
    assert low < offer.response.mean < high
    nba = bcx.next_best_action(
        value, [bcx.Action("Letter", cost=1.0, channel="post", response=offer.response)]
    )
    ours = nba.data["best_gain"].to_series()
    np.testing.assert_allclose(ours.to_numpy(), np.maximum(gain.reindex(ours.index), 0), rtol=1e-6, atol=1e-9)


@pytest.fixture(scope="module")
def followed(worth):
    """A plan of two assumed offers with limits and opt-outs, and the plan of the campaign that follows it."""
    actions = [
        bcx.Action("mail", cost=0.5, channel="mail", win_back=bcx.Beta(2, 30)),
        bcx.Action("call", cost=2.0, channel="phone", response=bcx.Stated(bcx.Beta(3, 27))),
    ]
    who = worth.stats["customer"].to_numpy()
    refusals = pd.DataFrame({"customer": who[::3], "channel": "all"})
    limits = bcx.Limits(budget=60, capacity={"phone": 15}, preferences=refusals)
    made = bcx.next_best_action(worth, actions, limits=limits, explore=bcx.Exploration(share=0.2), seed=3)
    return made, bcx.prioritise(worth, made, seed=3, futures=False), set(who[::3].tolist())


def test_a_campaign_follows_the_plan_of_actions_to_the_number(followed):
    made, plan, refusing = followed
    own = plan.data.sel(customer=made.data["customer"])
    acts = (made.data["action"] != NOTHING).to_numpy()
    np.testing.assert_array_equal(own["contact"], acts)
    np.testing.assert_array_equal(own["offer"].to_numpy()[acts], made.data["action"].to_numpy()[acts])
    # The same draws: the gain of each customer is the same number in both.
    np.testing.assert_allclose(own["gain"].to_numpy()[acts], made.data["gain"].to_numpy()[acts], rtol=1e-6)
    np.testing.assert_allclose(float(plan.data["total_gain"].mean()), made.gain, rtol=1e-6)
    assert not refusing & set(plan.data["customer"].to_numpy()[plan.data["contact"].to_numpy()].tolist())
    assert plan.data.attrs["budget"] == 60
    assert float(plan.data.attrs["total_cost"]) <= 60
    labels = dict(zip(plan.data["customer"].to_numpy().tolist(), plan.data["label"].values, strict=True))
    assert {labels[one] for one in refusing} <= {"not possible", "let go", "needs no offer"}
    held = plan.data["control"].to_numpy()
    assert held.any()
    assert set(plan.data["label"].to_numpy()[held]) == {"held out"}
    assert (plan.data["evpi"].sel(customer=sorted(refusing)) == 0).all()
    assert len(plan.table()) == made.data.sizes["customer"]


def test_as_many_contacts_as_planned_are_best_as_drawn(followed):
    made, plan, _ = followed
    planned = int((made.data["planned"] != NOTHING).sum())
    assert int(plan.sensitivity["contacts"].sel(scale=1.0)) == planned
    assert int(plan.sensitivity["contacts"].sel(scale=0.25)) <= planned


def test_a_plan_of_actions_brings_its_own_limits_and_customers(followed, worth):
    made, _, _ = followed
    with pytest.raises(InputError, match="a budget beside a plan of actions"):
        bcx.prioritise(worth, made, budget=3)
    other = dataclasses.replace(made, data=made.data.isel(customer=slice(0, 5)))
    with pytest.raises(InputError, match="other customers"):
        bcx.prioritise(worth, other)
    with pytest.raises(InputError, match="a response and other effects"):
        bcx.Action("a", response=bcx.Stated(bcx.Beta(1, 9)), keep=bcx.Beta(1, 9))


def test_a_response_without_a_worth_is_refused_where_no_value_says_it():
    people = pd.DataFrame({"customer": [1, 2]})
    mail = bcx.Stated(bcx.Beta(2, 18))
    with pytest.raises(InputError, match=r"no worth of 'mail'.*worth=20"):
        bcx.next_best_action(people, [bcx.Action("mail", cost=0.1, response=mail)])
    plan = bcx.next_best_action(people, [bcx.Action("mail", cost=0.1, response=mail, worth=20)])
    assert plan.counts == {"mail": 2}
