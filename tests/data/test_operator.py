"""The simulated operator keeps to its story: rates, chances of orders and of leaving, links, lags."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.data import operator_story as story


def near(seen, expected, sd):
    """Say whether a number lies within four standard deviations of what is expected."""
    return abs(seen - expected) < 4 * sd


def test_all_its_rows_can_be_read(operator):
    assert operator.events.rows_rejected == operator.by_account.rows_rejected == 0
    assert operator.events.rows_anonymous == operator.frame["customer"].isna().sum()
    assert set(operator.frame["channel"].dropna()) == set(story.CHANNELS)
    taxonomy = bcx.Taxonomy.operator()
    found = {taxonomy.state_of(event=name) for name in operator.events.counts["event"]} - {None}
    assert found == {"purchase", "help", "management", "payment", "complaint", "termination"}


def test_nobody_does_anything_after_leaving(operator):
    last = operator.frame.groupby("customer")["time"].max()
    left = operator.truth.left.dropna()
    assert (last[left.index] == left).all()
    assert (operator.frame["event"] == "contract_cancelled").sum() == len(left)
    running = operator.contracts.groupby("customer")["end"].apply(lambda end: end.isna().any())
    assert (running == operator.truth.left.isna()).all()


def test_as_many_leave_as_the_hazard_says(operator):
    hazard = operator.truth.hazard.to_numpy().astype(float)
    p = hazard[~np.isnan(hazard)]
    assert near(operator.truth.left.notna().sum(), p.sum(), np.sqrt(np.sum(p * (1 - p))))
    # Also of those days alone on which something makes it likely.
    day = (operator.truth.left.dropna() - pd.Timestamp(story.START)).dt.days
    row = operator.customers.index.get_indexer(day.index)
    at_leaving = hazard[row, day.to_numpy()]
    assert not np.isnan(at_leaving).any()
    likely = p > 0.004
    assert near((at_leaving > 0.004).sum(), p[likely].sum(), np.sqrt(p[likely].sum()))


def test_the_hazard_follows_from_what_happened(operator):
    """By hand, for some customers: what each event does to the chance to leave on the days after it."""
    times = operator.frame.assign(
        day=(operator.frame["time"] - pd.Timestamp(story.START)) / pd.Timedelta("1 day")
    )
    # Whose payment failed, and who complained: of these the chance changes most often.
    troubled = times[times["event"].isin(["complaint", "payment_failed"])].groupby("customer")["event"]
    chosen = troubled.nunique()[lambda kinds: kinds == 2].index[:20]
    start, seen = pd.Timestamp(story.START), set()
    for customer in chosen:
        own = times[times["customer"] == customer]
        of = {name: rows["day"].tolist() for name, rows in own.groupby("event")}
        contracts = operator.contracts[operator.contracts["customer"] == customer]
        began, bound_until = ((contracts[name] - start).dt.days.tolist() for name in ("start", "bound_until"))
        hazard = operator.truth.hazard.sel(customer=customer).to_numpy()
        level = story.CHURN * story.SEGMENTS[operator.customers.loc[customer, "segment"]].leaving
        level *= operator.truth.readiness[customer]
        for day in np.flatnonzero(~np.isnan(hazard))[1:-1:7]:
            terms = [(a, b) for a, b in zip(began, bound_until, strict=True) if a < day]
            if min(abs(day - b - shift) for _, b in terms for shift in (0, 60)) < 1.5:
                continue  # dates of contracts are those of days
            strength = strength_of(of, day)
            seen.add(strength)
            bound = any(day < b for _, b in terms)
            free = any(b <= day < b + 60 and b > a for a, b in terms)
            today = level * (story.BOUND if bound else 3.0 if free else 1.0)
            today *= 1 + 0.2 * np.cos(2 * np.pi * (day - 290) / 365.25)
            # Nothing in the data says for sure that somebody has lost interest.
            allowed = [min(0.5, today * max(strength, interest)) for interest in (1.0, 6.0)]
            assert np.isclose(hazard[day], allowed, rtol=1e-4).any(), (customer, day)
    assert {1.0, 4.0, 20.0} <= seen


def strength_of(of, day):
    """Return by what the events of a customer multiply the chance to leave on a day."""

    def recent(name):
        return [d for d in of.get(name, []) if np.floor(d) + 1 <= day <= np.floor(d + 30)]

    def led_to(last, *names):
        if not names:
            return True
        before = [d for d in of.get(names[-1], []) if last - 14 <= d < last]
        return any(led_to(d, *names[:-1]) for d in before)

    if any(led_to(d, "payment_failed", "call") for d in recent("complaint")):
        return 20.0
    if any(led_to(d, "ticket_opened", "technician_visit") for d in recent("ticket_opened")):
        return 10.0
    return 4.0 if recent("complaint") else 1.0


def test_visits_end_with_orders_as_often_as_the_chain_says(operator):
    frame = operator.frame[operator.frame["device"].notna()]
    for channel, chances in operator.truth.p_order.items():
        visits = frame[frame["channel"] == channel].groupby("session")["event"]
        n, orders = visits.ngroups, (frame.loc[frame["channel"] == channel, "event"] == "order_placed").sum()
        p = chances["start"]
        assert near(orders, n * p, np.sqrt(n * p))


def test_what_makes_no_difference_comes_at_one_rate_to_all(operator):
    hazard = operator.truth.hazard.to_numpy()
    days = (~np.isnan(hazard)).sum()
    for name in operator.truth.nulls:
        n = (operator.frame["event"] == name).sum()
        expected = story.BY_ITSELF[name][0] / 30 * days
        assert near(n, expected, np.sqrt(expected)), name
    bills = operator.frame["event"].value_counts()
    paid = bills["invoice_paid"] + bills["payment_failed"]
    assert near(bills["payment_failed"], 0.02 * paid, np.sqrt(0.02 * paid))


def test_some_channels_are_known_late(operator):
    frame = operator.frame
    late = (frame["known_at"] - frame["time"]) / pd.Timedelta("1 day")
    assert late.min() == 0
    for channel in story.CHANNELS:
        low, high = story.LAG.get(channel, (0.0, 0.0))
        some = late[(frame["channel"] == channel) & (frame["initiator"] == "customer")]
        assert some.between(low - 1e-4, high + 1e-4).all()


def test_links_are_right_as_often_as_they_say(operator):
    links, truth = operator.links, operator.truth.identities
    right = truth[links["left"]].to_numpy() == links["right"].to_numpy()
    p = links["probability"].to_numpy()
    assert right[p == 1].all()
    unsure = p < 1
    assert near(right[unsure].sum(), p[unsure].sum(), np.sqrt((p * (1 - p))[unsure].sum()))
    # Nobody known is missing, and every browser is somebody's.
    assert set(operator.frame["account"].dropna()) <= set(truth.index)
    browsing = operator.frame[operator.frame["customer"].isna()]
    assert (operator.truth.visitors[browsing["session"]] != "").all()


def test_the_same_seed_gives_the_same_operator():
    first, again, other = (bcx.simulate_operator(30, seed=seed) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first.frame, again.frame)
    pd.testing.assert_frame_equal(first.links, again.links)
    assert first.events.sha256 == again.events.sha256 != other.events.sha256


def test_one_customer_is_enough_and_none_is_refused():
    assert bcx.simulate_operator(1, seed=1).events.rows_accepted > 0
    wrong: tuple[Any, ...] = (0, 1.5, True, "many")
    for n in wrong:
        with pytest.raises(bcx.InputError, match="customers"):
            bcx.simulate_operator(n, seed=1)
