"""Value at risk, against chance times value taken one by one."""

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.scoring.risk import risk_draws


@pytest.fixture(scope="module")
def at_risk():
    rng = np.random.default_rng(2)
    n = 300
    frame = pd.DataFrame(
        {
            "who": [f"c{i}" for i in range(n)] * 2,
            "at": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 100, 2 * n), unit="D"),
            "what": ["join"] * n + list(rng.choice(["leave", "visit"], n, p=[0.2, 0.8])),
        }
    )
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    some = bcx.Features(windows=["20 days"], channels=(), recency=False)
    periods = bcx.summarise_periods(events, event="leave", period="20 days", features=some)
    posterior = bcx.fit(bcx.models.HAZARD, periods, seed=1)
    return posterior, bcx.at_risk(events, periods)


def test_it_is_chance_times_value_draw_by_draw(at_risk):
    posterior, rows = at_risk
    worth = pd.Series(np.arange(1.0, rows.sizes["customer"] + 1), index=rows["customer"].to_numpy()[::-1])
    found = bcx.value_at_risk(posterior, rows, worth, t="20 days")
    chance = risk_draws(posterior, rows, "p_event", t="20 days")
    lost = chance * worth.reindex(rows["customer"].to_numpy()).to_numpy()
    order = found["customer"].to_numpy()
    place = pd.Index(rows["customer"].to_numpy()).get_indexer(order)
    np.testing.assert_allclose(found["at_risk"], lost.mean(axis=0)[place])
    np.testing.assert_allclose(found["low"], np.quantile(lost, 0.05, axis=0)[place])
    assert (np.diff(found["at_risk"]) <= 0).all()
    assert found.attrs["total"] == pytest.approx(lost.sum(axis=1).mean())
    assert found.attrs["total_low"] == pytest.approx(np.quantile(lost.sum(axis=1), 0.05))
    # Money in another unit changes nothing but the unit.
    cents = bcx.value_at_risk(posterior, rows, 100 * worth, t="20 days")
    np.testing.assert_allclose(cents["at_risk"], 100 * found["at_risk"])
    assert cents["customer"].to_numpy().tolist() == order.tolist()


def test_a_customer_without_a_value_is_named(at_risk):
    posterior, rows = at_risk
    names = rows["customer"].to_numpy()
    with pytest.raises(bcx.InputError, match=f"no value of the customer '{names[0]}'"):
        bcx.value_at_risk(posterior, rows, pd.Series(1.0, index=names[1:]))
    for value, message in (
        (-1.0, "negative or missing"),
        ("much", "a str for the value"),
        (np.nan, "missing"),
    ):
        with pytest.raises(bcx.InputError, match=message):
            bcx.value_at_risk(posterior, rows, value)


def test_those_are_contacted_of_whom_an_action_keeps_more_than_it_costs(at_risk):
    posterior, rows = at_risk
    names = rows["customer"].to_numpy()
    worth = pd.Series(np.linspace(0.0, 400.0, names.size), index=names)
    gains = bcx.gains_at_risk(posterior, rows, worth, {"call": bcx.Beta(200, 800)}, t="20 days", seed=3)
    lost = bcx.value_at_risk(posterior, rows, worth, t="20 days")["at_risk"].to_series().reindex(names)
    expected = gains.mean("sample").sel(action="call").to_series()
    np.testing.assert_allclose(expected, 0.2 * lost, rtol=0.02, atol=1e-6)
    cost = float(expected.median())
    plan = bcx.next_best_action(gains, [bcx.Action("call", cost=cost)])
    called = plan.data["action"].to_series() == "call"
    assert called.tolist() == (expected > cost).tolist()
    assert 0 < called.sum() < names.size
    with pytest.raises(bcx.InputError, match="for what 'call' keeps"):
        bcx.gains_at_risk(posterior, rows, worth, {"call": 0.2})
