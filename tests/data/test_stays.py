"""Stays in states, against a count by hand in plain Python, and what was published of real journeys."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

import bayes_cx as bcx

CLICKS = Path(__file__).parents[3] / "shared" / "data" / "clickstream.csv.gz"
needs_clicks = pytest.mark.skipif(not CLICKS.exists(), reason="the clickstream is not here")


def read(frame):
    return bcx.read_events(frame, customer="who", time="at", event="what", session="visit")


def as_counts(stays):
    """Return stays by state, next and rounded wait."""
    rows = zip(
        stays["state"].to_numpy(),
        stays["next"].to_numpy(),
        stays["wait"].to_numpy().round(6),
        stays["weight"].to_numpy(),
        strict=True,
    )
    found = Counter()
    for state, following, wait, n in rows:
        found[state, following, wait] += int(n)
    return found


def by_hand(frame, end, targets, journey, gap):
    """Count the stays of events one by one, in minutes."""
    rows = sorted((row.at, line, row) for line, row in enumerate(frame.itertuples()))
    journeys, last = {}, {}
    for at, _, row in rows:
        if at > end:
            continue
        key = {"customer": row.who, "session": row.visit}.get(journey, row.who)
        if journey not in ("customer", "session"):
            begun = last.get(key)
            number = begun[1] + (at - begun[0] > gap) if begun else 0
            last[key] = (at, number)
            key = (key, number)
        journeys.setdefault(key, []).append((at, row.what))
    found = Counter()
    for steps in journeys.values():
        names = [name for _, name in steps]
        cut = min((names.index(name) for name in targets if name in names), default=len(names) - 1)
        steps = steps[: cut + 1]
        all_stays = [("start", steps[0][1], 0.0, steps[0][0])]
        for number, (at, name) in enumerate(steps):
            if name in targets:
                break
            following = steps[number + 1] if number + 1 < len(steps) else None
            if following is not None:
                all_stays.append((name, following[1], (following[0] - at).total_seconds() / 60, at))
            elif gap is not None and end - at > gap:
                all_stays.append((name, "exit", gap.total_seconds() / 60, at))
            else:
                all_stays.append((name, "", (end - at).total_seconds() / 60, at))
        for state, following, wait, at in all_stays:
            if gap is None or end - at > gap:
                wait = wait if state == "start" else max(round(wait * 60), 0.5) / 60
                found[state, following, round(wait, 6)] += 1
    return found


moments = st.integers(0, 500).map(lambda minute: pd.Timestamp("2025-01-01") + pd.Timedelta(minutes=minute))
rows = st.tuples(
    st.sampled_from("ab"), st.sampled_from("123"), moments, st.sampled_from(["p", "q", "buy", "call"])
)
quickly = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quickly
@given(
    st.lists(rows, min_size=1, max_size=25),
    st.sampled_from(["customer", "session", "60 minutes"]),
    st.sampled_from([(), ("buy",), ("buy", "call")]),
)
def test_stays_are_those_counted_by_hand(events, journey, targets):
    frame = pd.DataFrame(events, columns=["who", "visit", "at", "what"])
    # A session belongs to one customer.
    frame["visit"] = frame["who"] + frame["visit"]
    frame["at"] = frame["at"].astype("datetime64[us]")
    end = frame["at"].max() + pd.Timedelta(minutes=70)
    targets = tuple(name for name in targets if (frame["what"] == name).any())
    gap = None if journey == "customer" else pd.Timedelta(minutes=60 if journey != "session" else 30)
    stays = bcx.summarise_stays(
        read(frame), targets=targets, until=end, journey=journey, unit="minute", resolution="1 second"
    )
    assert as_counts(stays) == by_hand(frame, end, targets, journey, gap)


@pytest.fixture(scope="module")
def frame():
    """Return events of two customers, of which the company knew some late."""
    rows = [
        ("a", "a1", "2025-01-01 10:00", "visit", "2025-01-01 10:00", "north"),
        ("a", "a1", "2025-01-01 10:10", "buy", "2025-01-01 10:10", "north"),
        ("a", "a1", "2025-01-01 10:20", "call", "2025-01-01 10:20", "south"),
        ("b", "b1", "2025-01-02 09:00", "visit", "2025-01-02 09:00", "south"),
        ("b", "b1", "2025-01-02 09:30", "call", "2025-03-01 00:00", "south"),
    ]
    frame = pd.DataFrame(rows, columns=["who", "visit", "at", "what", "known", "region"])
    return frame.astype({"at": "datetime64[us]", "known": "datetime64[us]"})


def test_what_is_known_later_changes_nothing(frame):
    def stays(known):
        events = bcx.read_events(
            frame.assign(known=known), customer="who", time="at", event="what", known_at="known"
        )
        return bcx.summarise_stays(events, until="2025-01-31", unit="minute")

    late = frame["known"].where(frame["known"] < "2025-02-01", frame["known"] + pd.Timedelta(days=400))
    assert stays(late).equals(stays(frame["known"]))
    assert ("visit", "call", 30.0) not in as_counts(stays(frame["known"]))
    assert ("visit", "call", 30.0) in as_counts(stays(frame["at"]))


def test_journeys_have_the_groups_of_their_first_event(frame):
    stays = bcx.summarise_stays(read(frame), until="2025-01-31", by="region", unit="minute")
    calls = stays.to_dataframe().query("state == 'call'").sort_values("wait")
    assert calls["region"].tolist() == ["south", "north"]
    found = bcx.open_journeys(read(frame), until="2025-01-03 00:00", by="region", unit="minute")
    assert found["customer"].to_numpy().tolist() == ["a", "b"]
    assert found["state"].to_numpy().tolist() == ["call", "call"]
    assert found["wait"].to_numpy() == pytest.approx([2260.0, 870.0])
    assert found["step"].to_numpy().tolist() == [3, 2]


def test_days_of_a_zone_end_there(frame):
    events = bcx.read_events(frame, customer="who", time="at", event="what", timezone="America/New_York")
    found = bcx.open_journeys(events, until="2025-01-02", unit="hour")
    assert found["wait"].to_numpy().tolist() == pytest.approx([37 + 2 / 3, 14.5])


def test_stays_of_different_journeys_add(frame):
    whole = bcx.summarise_stays(read(frame), until="2025-01-31", unit="minute")
    parts = [
        bcx.summarise_stays(read(frame[frame["who"] == who]), until="2025-01-31", unit="minute")
        for who in "ab"
    ]
    total = bcx.add(*parts)
    assert as_counts(total) == as_counts(whole)
    assert total.attrs["journeys"] == whole.attrs["journeys"] == 2


def test_who_logs_in_is_the_same_visitor_before():
    frame = pd.DataFrame(
        {
            "who": [None, "a", None],
            "visit": ["1", "1", "2"],
            "at": pd.date_range("2025-01-01", periods=3, freq="min"),
            "what": ["look", "log in", "look"],
        }
    )
    found = bcx.open_journeys(read(frame), until="2025-01-01 00:05", journey="session", unit="minute")
    assert found["customer"].to_numpy().tolist() == ["2", "a"]
    assert found["step"].to_numpy().tolist() == [1, 2]


def test_equal_times_follow_in_the_order_of_rows():
    frame = pd.DataFrame({"who": "a", "visit": "1", "at": pd.Timestamp("2025-01-01"), "what": list("cab")})
    steps = as_counts(bcx.summarise_stays(read(frame), unit="second"))
    assert {(state, following) for state, following, _ in steps} == {
        ("start", "c"), ("c", "a"), ("a", "b"), ("b", ""),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "about"),
    [
        ({"targets": "sell"}, "no event 'sell'"),
        ({"journey": "often"}, "journey='often'"),
        ({"resolution": "0 seconds"}, "resolution"),
        ({"unit": "fortnight"}, "unit is 'fortnight'"),
        ({"by": "place"}, "no column 'place'"),
        ({"until": "soon"}, "date 'soon'"),
        ({"until": "1990-01-01"}, "no event"),
    ],
)
def test_what_cannot_be_summarised_is_refused(frame, arguments, about):
    with pytest.raises(bcx.InputError, match=about):
        bcx.summarise_stays(read(frame), **arguments)


def test_sessions_need_a_column_of_sessions(frame):
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    with pytest.raises(bcx.InputError, match="without sessions"):
        bcx.summarise_stays(events, journey="session")


def test_a_state_cannot_be_called_like_the_beginning(frame):
    events = read(frame.replace({"what": {"visit": "start"}}))
    with pytest.raises(bcx.InputError, match="a state called 'start'"):
        bcx.summarise_stays(events)


@pytest.fixture(scope="module")
def clicks() -> xr.Dataset:
    events = bcx.read_events(
        CLICKS, customer="user_id", time="timestamp", event="event", session="session_id"
    )
    return bcx.summarise_stays(events, until="2024-07-01", journey="session", unit="minute", before=True)


@needs_clicks
@pytest.mark.parametrize(
    ("memory", "published"), [([], -84751.6), (["state"], -79810.5), (["before", "state"], -80434.7)]
)
def test_marginal_likelihoods_of_each_memory_are_those_published(clicks, memory, published):
    a, known = 0.5, 20
    table = clicks.to_dataframe().assign(all=1)
    counts = table.groupby([*(memory or ["all"]), "next"])["weight"].sum()
    total = 0.0
    for _, n in counts.groupby(level=list(range(counts.index.nlevels - 1))):
        n = n.to_numpy()
        total += gammaln(known * a) - gammaln(known * a + n.sum()) + (gammaln(n + a) - gammaln(a)).sum()
    assert total == pytest.approx(published, abs=0.05)


@needs_clicks
def test_journeys_cut_at_the_purchase_reach_it_as_often_as_was_seen(clicks):
    assert clicks.attrs["journeys"] == 3605
    events = bcx.read_events(
        CLICKS, customer="user_id", time="timestamp", event="event", session="session_id"
    )
    stays = bcx.summarise_stays(
        events, targets="purchase", until="2024-07-01", journey="session", unit="minute"
    )
    counts = stays.to_dataframe().groupby(["state", "next"])["weight"].sum().unstack(fill_value=0)
    assert counts["purchase"].sum() == 470
    p = counts.div(counts.sum(axis="columns"), axis="index")
    inside = p.reindex(columns=p.index, fill_value=0).to_numpy()
    reached = pd.Series(np.linalg.solve(np.eye(len(p)) - inside, p["purchase"].to_numpy()), p.index)
    assert reached["start"] == pytest.approx(470 / 3605, abs=1e-12)
    assert reached["payment_details"] == pytest.approx(0.382, abs=0.0005)


@needs_clicks
def test_the_memory_of_journeys_is_compared_by_these(clicks):
    found = bcx.compare_memory(clicks)
    values = found.table["log_marginal"]
    assert values.iloc[:3].tolist() == pytest.approx([-84751.6, -79810.5, -80434.7], abs=0.05)
    assert found.best == "two states, pooled"
    assert values["two states, pooled"] > values["one state"]


@pytest.mark.parametrize("journey", ["customer", "session"])
def test_midnight_after_the_last_day_belongs_to_the_next_day(journey):
    """Events of which only the day is known, written as midnight: the last day counts, no later one."""
    days = pd.date_range("2025-01-01", "2025-01-04")
    frame = pd.DataFrame({"who": "a", "at": days, "what": ["see", "look", "ask", "buy"], "visit": "v"})
    events = bcx.read_events(frame, customer="who", time="at", event="what", session="visit")
    how = {"targets": (), "journey": journey, "unit": "day"}
    if journey == "session":
        how["close"] = "10 days"
    for until, last in (("2025-01-03", "ask"), ("2025-01-03 00:00", "look"), (None, "buy")):
        assert bcx.open_journeys(events, until=until, **how)["state"].to_numpy().tolist() == [last]
    sessions = bcx.summarise_sessions(events, event="buy", close="1 minute", until="2025-01-05")
    live = bcx.live_sessions(events, sessions, until="2025-01-03 00:00:30")
    assert live["last event"].to_numpy().tolist() == ["ask"]
    # A minute after the second day all sessions are over; its own midnight is no part of the day before.
    assert bcx.live_sessions(events, sessions, until="2025-01-02 00:00:10")[
        "last event"
    ].to_numpy().tolist() == ["look"]
    periods = bcx.summarise_periods(events, event="buy", period="1 day", until="2025-01-03")
    assert not periods["happened"].to_numpy().any()
