"""Statistics of trials against counts by hand, and what is left out with a reason."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import bayes_cx as bcx

HILLSTROM = Path(__file__).parents[3] / "shared" / "data" / "hillstrom.csv.gz"


def table(**columns):
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def assigned():
    """Eight customers; d is in both arms, e twice in one, f in an unknown one, two cells are empty."""
    return table(
        who=["a", "b", "c", "d", "d", "e", "e", "f", None, "g"],
        day=["2025-01-01"] * 10,
        arm=["x", "y", "x", "x", "y", "y", "y", "z", "x", ""],
    )


@pytest.fixture(scope="module")
def purchases():
    """Of a: on the day, within and after the window; of b before it; of somebody who is not in the trial."""
    rows = table(
        who=["a", "a", "a", "b", "e", "q", "a"],
        day=[
            "2025-01-01",
            "2025-01-20",
            "2025-01-20",
            "2024-12-30",
            "2025-01-02",
            "2025-01-05",
            "2025-03-01",
        ],
        paid=[3, 4, 1, 5.5, 6, 1, 100],
    )
    return bcx.read_transactions(rows, customer="who", time="day", amount="paid")


def summary(assigned, purchases, **more):
    given: dict[str, Any] = {
        "arm": "arm",
        "control": "x",
        "customer": "who",
        "time": "day",
        "arms": ("x", "y"),
    } | more
    return bcx.summarise_trial(assigned, purchases, **given)


def rows_of(stats):
    return [tuple(row) for row in stats.to_dataframe().itertuples(index=False)]


@pytest.mark.parametrize(
    ("measure", "window", "rows"),
    [
        (
            "value",
            "30 days",
            [("x", 0.0, 0.0, 1), ("x", 8.0, 0.0, 1), ("y", 0.0, 5.5, 1), ("y", 6.0, 0.0, 1)],
        ),
        (
            "count",
            "30 days",
            [("x", 0.0, 0.0, 1), ("x", 2.0, 0.0, 1), ("y", 0.0, 1.0, 1), ("y", 1.0, 0.0, 1)],
        ),
        (None, "30 days", [("x", 0.0, 0.0, 1), ("x", 1.0, 0.0, 1), ("y", 0.0, 1.0, 1), ("y", 1.0, 0.0, 1)]),
        ("value", None, [("x", 0.0, 0.0, 1), ("x", 108.0, 0.0, 1), ("y", 0.0, 5.5, 1), ("y", 6.0, 0.0, 1)]),
    ],
)
def test_what_follows_the_assignment_counts(assigned, purchases, measure, window, rows):
    stats = summary(assigned, purchases, measure=measure, window=window, before="30 days")
    assert rows_of(stats) == rows
    assert stats.attrs["outcomes_before"] == 1
    assert json.loads(stats.attrs["rejected"]) == {
        "assigned again to the same arm": 1,
        "assigned twice to different arms": 2,
        "missing arm": 1,
        "missing customer": 1,
        "unknown arm": 1,
    }


def test_rejected_rows_are_written_with_their_reason(assigned, purchases, tmp_path):
    summary(assigned, purchases, rejected=tmp_path / "rejected.csv")
    found = pd.read_csv(tmp_path / "rejected.csv")
    assert found["row_number"].tolist() == [4, 5, 7, 8, 9, 10]
    assert found["why_rejected"][3] == "unknown arm"
    assert found["arm"].tolist()[:3] == ["x", "y", "y"]


def test_a_window_that_is_not_over_is_no_outcome(assigned, purchases):
    """Observation ends with 2025-03-01, the last day with a purchase: 60 days after the assignment."""
    assert int(summary(assigned, purchases, window="60 days")["weight"].sum()) == 4
    with pytest.raises(bcx.InputError, match="window not over at the end of observation: 4"):
        summary(assigned, purchases, window="61 days")
    assert int(summary(assigned, purchases, window="61 days", until="2025-03-02")["weight"].sum()) == 4


def test_events_and_the_time_of_day_count():
    events = bcx.read_events(
        table(
            who=["a", "a", "b"], at=["2025-01-01 09:00", "2025-01-01 11:00", "2025-01-01 09:00"], what="call"
        ),
        customer="who",
        time="at",
        event="what",
    )
    assigned = table(who=["a", "b"], at=["2025-01-01 10:00"] * 2, arm=["x", "y"])
    stats = bcx.summarise_trial(
        assigned, events, arm="arm", control="x", customer="who", time="at", measure="count"
    )
    assert rows_of(stats) == [("x", 1.0, 1), ("y", 0.0, 1)]
    assert stats.attrs["outcomes_before"] == 2


def test_factors_make_arms_and_names_may_be_odd():
    rows = table(**{"head'line": ["a", "b"] * 4, "pic ture": ["1", "1", "2", "2"] * 2, "ü": ["n", None] * 4})
    rows["y"] = [True, False] * 4
    stats = bcx.summarise_trial(rows, "y", arm=("head'line", "pic ture"), control=("a", "1"), by="ü")
    assert sorted({*stats["arm"].to_numpy()}) == ["a · 1", "a · 2", "b · 1", "b · 2"]
    assert stats.attrs["control"] == "a · 1"
    assert {*stats["ü"].to_numpy()} == {"n", "missing"}
    assert {*stats["head'line"].to_numpy()} == {"a", "b"}


@settings(max_examples=5, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("uv"), st.integers(0, 3)), min_size=2, max_size=20
    ),
    cut=st.integers(0, 20),
)
def test_parts_of_a_trial_add(rows, cut):
    # Both parts have both arms.
    made = [pd.DataFrame(part, columns=["arm", "g", "y"]) for part in (rows[:cut], rows[cut:])]
    both = pd.DataFrame([("a", "u", 0), ("b", "v", 1)], columns=["arm", "g", "y"])
    made = [pd.concat([part, both]) for part in made]

    def of(frame):
        return bcx.summarise_trial(frame, "y", arm="arm", control="a", by="g", measure="count")

    total, at_once = bcx.add(*map(of, made)), of(pd.concat(made))
    xr.testing.assert_equal(total, at_once)
    assert total.attrs["rows_read"] == at_once.attrs["rows_read"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"control": "none"}, "the control 'none' and one arm more"),
        ({"outcome": "z"}, "no column 'z'"),
        ({"outcome": "spend"}, "measure='count' of events"),
        ({"outcome": "spend", "measure": "count"}, "no whole numbers, such as 2.5"),
        ({"measure": "sales"}, "one of conversion, count, value"),
        ({"by": "arm"}, "another name"),
        ({"window": "3 days"}, "outcomes with times of their own"),
        ({"shares": {"a": 1.0}}, "a number above zero for each of a, b"),
        ({"outcome": "when"}, "is of type TIMESTAMP"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_message(more, message):
    rows = table(arm=["a", "b"], y=[0, 1], spend=[0, 2.5], when=pd.to_datetime(["2025-01-01"] * 2))
    given: dict[str, Any] = {"outcome": "y", "arm": "arm", "control": "a"} | more
    with pytest.raises(bcx.InputError, match=message):
        bcx.summarise_trial(rows, given.pop("outcome"), **given)


def test_empty_tables_and_unreadable_cells():
    with pytest.raises(bcx.InputError, match="nobody was assigned to"):
        bcx.summarise_trial(table(arm=["a"], y=[0]).iloc[:0], "y", arm="arm", control="a")
    rows = table(arm=["a", "b", "a", "b", "a"], y=["0", "1", "much", "", "-1"])
    stats = bcx.summarise_trial(rows, "y", arm="arm", control="a")
    assert json.loads(stats.attrs["rejected"]) == {
        "missing outcome": 1,
        "negative outcome": 1,
        "unreadable outcome": 1,
    }


@pytest.mark.skipif(not HILLSTROM.exists(), reason="the data of the e-mail trial are not here")
def test_a_real_trial():
    stats = bcx.summarise_trial(HILLSTROM, "visit", arm="segment", control="No E-Mail")
    y, weight = stats["y"].to_numpy(), stats["weight"].to_numpy()
    rate = [np.average(y[stats["arm"] == name], weights=weight[stats["arm"] == name]) for name in
            ("No E-Mail", "Womens E-Mail", "Mens E-Mail")]  # fmt: skip
    assert rate[1] - rate[0] == pytest.approx(0.045233, abs=5e-7)
    assert rate[2] - rate[0] == pytest.approx(0.076590, abs=5e-7)
    assert weight.sum() == 64_000


def test_arms_may_be_numbers_or_truth_and_ids_that_never_meet_are_noticed(purchases):
    rows = table(arm=[0, 1] * 3, on=[True, False] * 3, y=[0, 1] * 3)
    assert bcx.summarise_trial(rows, "y", arm="arm", control=0).attrs["control"] == "0"
    assert bcx.summarise_trial(rows, "y", arm="on", control=False).attrs["control"] == "false"
    others = table(who=["A", "B"], day=["2025-01-01"] * 2, arm=["x", "y"])
    assert "are the ids written alike" in summary(others, purchases).attrs["remarks"]
