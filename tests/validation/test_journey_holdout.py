"""Forecasts of journeys come true where the story stays the same, and not where it changes at the cut."""

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx

DAY = pd.Timestamp("2025-01-01")
GO = {"look": {"basket": 0.5, "look": 0.2}, "basket": {"look": 0.4, "buy": 0.3, "leave": 0.1}}
CUT, END = 60, 90


def world(changed=1.0, n=1500, seed=1):
    """Return events of visitors of 90 days; purchases are `changed` times as likely from the cut on."""
    rng = np.random.default_rng(seed)
    rows = []
    for visitor in range(n):
        now, state = 24 * END * rng.random(), "look"
        while True:
            rows.append((f"v{visitor}", DAY + pd.Timedelta(hours=now), state))
            chances = dict(GO.get(state, {}))
            if "buy" in chances and now > 24 * CUT:
                chances["buy"] *= changed
            names = [*chances, "stop"]
            weights = [*chances.values(), 1 - sum(chances.values())]
            state = str(rng.choice(names, p=weights))
            if state == "stop":
                break
            now += rng.exponential(2.0 if state == "basket" else 6.0)
    frame = pd.DataFrame(rows, columns=["who", "at", "what"])
    frame = frame[frame["at"] <= DAY + pd.Timedelta(days=END)]
    return bcx.read_events(frame, customer="who", time="at", event="what")


def judged(events, **settings):
    return bcx.validation.journey_holdout(
        events,
        cut="2025-03-01",
        target="buy",
        rival="leave",
        until="2025-03-31",
        journey="2 days",
        **settings,
    )


@pytest.fixture(scope="module")
def kept():
    return judged(world(), horizon="3 days")


def test_forecasts_of_an_unchanged_story_come_true(kept):
    assert {check.status for check in kept.checks} == {"passed"}
    assert kept.waits["share"].to_numpy() == pytest.approx(kept.waits["level"].to_numpy(), abs=0.06)
    assert kept.surprises == 0
    assert kept.log_loss_difference.high < 0
    assert sum(row.observed * row.steps for row in kept.next_states.itertuples()) == pytest.approx(kept.steps)


def test_a_log_loss_is_that_of_the_chances(kept):
    """The story's own chances lose as much, up to what is not known of them."""
    loss = []
    for chances in GO.values():
        p = np.array([*chances.values(), 1 - sum(chances.values())])
        loss.append(-(p * np.log(p)).sum())
    # Of the start, which is certain, there is nothing to lose.
    share = kept.steps
    assert 0 < kept.log_loss < max(loss)
    assert share > 500


def test_forecasts_of_a_story_that_changed_do_not():
    found = judged(world(changed=1.5, n=1200))
    failed = {check.name for check in found.checks if check.status == "failed"}
    assert "journeys that began after the cut that reached buy" in failed
    (begun,) = (one for one in found.reached if one.since == "begun" and one.states == ("buy",))
    assert begun.observed > begun.high > begun.expected


def test_a_cut_that_leaves_nothing():
    events = world(n=40)
    with pytest.raises(bcx.InputError, match="a moment before its end"):
        bcx.validation.journey_holdout(events, cut="2025-05-01", target="buy", until="2025-03-31")
    with pytest.raises(bcx.InputError, match="until the cut"):
        bcx.validation.journey_holdout(events, cut="2024-12-31", target="buy", until="2025-03-31")
