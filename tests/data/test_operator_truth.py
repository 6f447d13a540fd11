"""Journeys fitted to a simulated operator, against the chances and waiting times of its story."""

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
