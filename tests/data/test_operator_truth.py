"""Journeys and risk fitted to a simulated operator, against the chances and waiting times of its story."""

import numpy as np
import pytest

import bayes_cx as bcx
from bayes_cx.data.operator_story import APP

SEEDS = range(1, 7)


def visits(seed):
    """Return a posterior of visits in the app, of the events of its story alone, and what is true."""
    operator = bcx.simulate_operator(200, seed=seed)
    frame = operator.frame
    frame = frame[(frame["channel"] == "app") & frame["event"].isin(APP.events)]
    events = bcx.read_events(frame, **operator.columns)
    stays = bcx.summarise_stays(events, targets="order_placed", journey="session", unit="minute")
    return bcx.fit(bcx.models.SEMI_MARKOV, stays, seed=seed), operator.truth


@pytest.mark.slow
def test_intervals_hold_the_chances_and_waits_of_the_story():
    steps, orders, waits = [], [], []
    for seed in SEEDS:
        posterior, truth = visits(seed)
        p = posterior.transitions()
        for state, row in APP.steps.items():
            true = dict(row) | {"exit": 1 - sum(row.values())}
            at = posterior.states.index(state)
            for following, chance in true.items():
                drawn = p[:, at, posterior.following.index(following)]
                low, high = np.quantile(drawn, [0.05, 0.95])
                steps.append(low <= chance <= high)
        at = bcx.at_states(posterior)
        found = bcx.score(posterior, at, "p_reach", target="order_placed", quantiles=(0.05, 0.95))
        for state, chance in truth.p_order["app"].items():
            if state == "order_placed":
                continue
            low, high = found["quantile"].sel(customer=state).to_numpy()
            orders.append(low <= chance <= high)
        for one in posterior.waits.values():
            # The story waits exp(normal(0, .8)) minutes, so half of all stays are shorter than one.
            low, high = np.quantile(one.quantile(0.5), [0.05, 0.95])
            waits.append(low <= 1.0 <= high)
        # Of the most frequent state the family is beyond doubt.
        assert posterior.waits["login"].family == "log-normal"
    assert len(steps) == 6 * 15
    assert 0.82 <= np.mean(steps) <= 0.97
    assert np.mean(orders) >= 0.75
    assert np.mean(waits) >= 0.75


@pytest.mark.slow
def test_risk_is_that_of_the_story():
    """How many leave within 30 days, and who: from events alone, which do not show when a contract ends."""
    expected, true, likeness = [], [], []
    for seed in SEEDS:
        operator = bcx.simulate_operator(1500, seed=seed)
        periods = bcx.summarise_periods(
            operator.events, event="contract_cancelled", until="2024-08-31", period="10 days", by="segment"
        )
        risk = bcx.fit(bcx.models.HAZARD, periods, design=bcx.Design(pool=["segment"]), seed=seed)
        assert risk.verdict == "passed"
        there = bcx.at_risk(operator.events, periods, until="2024-08-31")
        chance = bcx.draws(risk, there, "p_event", t="30 days").mean(("chain", "draw"))
        hazard = operator.truth.hazard.sel(customer=there["customer"].astype(str))
        ahead = hazard.sel(day=slice("2024-09-01", "2024-09-30")).fillna(0.0).sum("day")
        expected.append(float(chance.sum()))
        true.append(float(ahead.sum()))
        likeness.append(np.corrcoef(np.log(chance), np.log(ahead + 1e-6))[0, 1])
    # Each fit has seen some 250 who left, so that its level has a standard error of about 6%; and the step at
    # the end of a contract, which events do not show, may move the level by as much in all of them.
    ratio = np.log(np.array(expected) / true)
    assert abs(ratio.mean()) < 4 * 0.06 / np.sqrt(len(ratio)) + 0.06
    # Contracts explain most of who leaves; a list by lot has none.
    assert np.mean(likeness) > 0.2
