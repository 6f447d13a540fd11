"""Paths of journeys against a count by hand of random events; cases of a hold-out against hand-made ones."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx
from bayes_cx.data.journey_paths import forecast_cases, journeys_like

DAY = pd.Timestamp("2025-01-01")


def by_hand(rows, gap, until, repeats):
    """Return the number of journeys by path and end, a journey ends by silence or a purchase."""
    counts: Counter = Counter()
    for who in {row[0] for row in rows}:
        own = sorted((row for row in rows if row[0] == who), key=lambda row: row[2])
        parts: list[list] = []
        for row in own:
            if parts and row[2] - parts[-1][-1][2] <= gap:
                parts[-1].append(row)
            else:
                parts.append([row])
        for part in parts:
            path, end = [], ""
            for _, event, _ in part:
                if event == "buy":
                    end = "buy"
                    break
                if repeats or not path or path[-1] != event:
                    path.append(event)
            counts[tuple(path), end or ("exit" if until - part[-1][2] > gap else "")] += 1
    return counts


@pytest.mark.parametrize("repeats", [True, False])
def test_paths_are_those_counted_by_hand(repeats):
    rng = np.random.default_rng(1)
    names = [f"who's {number} é" for number in range(60)]
    rows = [
        (str(rng.choice(names)), str(rng.choice(["look", "call", "buy"], p=[0.5, 0.3, 0.2])), int(hour))
        for hour in rng.permutation(400)[:390]
    ]
    frame = pd.DataFrame(rows, columns=["who", "what", "hour"])
    frame["at"] = DAY + pd.to_timedelta(frame["hour"] / 2, unit="h")
    frame["hour"] /= 2
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    paths = bcx.journey_paths(
        events, targets="buy", journey="40 hours", until=DAY + pd.Timedelta(hours=220), repeats=repeats
    )
    found = {(row.path, row.end): row.n for row in paths.itertuples()}
    halves = [(who, what, hour / 2) for who, what, hour in rows]
    assert found == by_hand(halves, 40, 220, repeats)


def test_long_journeys_are_cut_and_say_so():
    at = DAY + pd.to_timedelta(range(6), unit="h")
    frame = pd.DataFrame({"who": "a", "at": at, "what": ["a", "b", "a", "b", "a", "buy"], "kind": "x y"})
    events = bcx.read_events(frame, customer="who", time="at", event="what", context={"personal": ["kind"]})
    (row,) = bcx.journey_paths(events, targets="buy", by="kind", longest=2).itertuples()
    assert (row.path, row.end, row.longer, row.last, row.kind, row.n) == (
        ("a", "b"),
        "buy",
        True,
        "a",
        "x y",
        1,
    )


def test_cases_of_a_holdout_are_told_by_what_came_later():
    rows = [
        ("open, bought", 0, "look"), ("open, bought", 30, "buy"),
        ("open, too late", 0, "look"), ("open, too late", 70, "buy"),
        ("open, silent", 1, "call"),
        ("bought before", 0, "look"), ("bought before", 5, "buy"),
        ("begun", 30, "look"), ("begun", 40, "call"), ("begun", 50, "buy"),
        ("begun too late", 90, "look"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["who", "hour", "what"])
    frame["at"] = DAY + pd.to_timedelta(frame["hour"], unit="h")
    events = bcx.read_events(frame, customer="who", time="at", event="what")
    how = {"targets": ("buy",), "journey": "customer", "close": None, "by": ()}
    cut, whole = (journeys_like(events, "hour", how, DAY + pd.Timedelta(hours=hours)) for hours in (20, 100))
    found = forecast_cases(cut, whole, 40.0)
    rows = found[["since", "state", "wait", "end"]].to_numpy().tolist()
    assert sorted(rows) == [
        ["begun", "look", 0.0, "buy"],
        ["open", "call", 19.0, ""],
        ["open", "look", 20.0, ""],
        ["open", "look", 20.0, "buy"],
    ]
    assert np.all(found["wait"] >= 0)


def test_a_state_that_is_not_there():
    events = bcx.read_events(
        pd.DataFrame({"who": ["a"], "at": ["2025-01-01"], "what": ["look"]}),
        customer="who", time="at", event="what",
    )  # fmt: skip
    with pytest.raises(bcx.InputError, match="no event 'buy'"):
        bcx.journey_paths(events, targets="buy")
