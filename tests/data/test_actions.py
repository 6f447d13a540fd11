"""The action log: which rows are accepted, what is written, and what happened after each decision."""

import pandas as pd
import pytest

import bayes_cx as bcx

pytestmark = pytest.mark.usefixtures("one_database")


@pytest.fixture
def frame():
    """Return decisions with every fault of its own."""
    rows = [
        ("a", "2025-01-01", "mail", "0.8", "1.5", "north"),
        ("b", "2025-01-01", "nothing", "0.2", "", None),
        ("b", "2025-01-01", "nothing", "0.2", "", None),
        ("c", "2025-01-01", "mail", "0.5", "1", "north"),
        ("c", "2025-01-01", "call", "0.5", "1", "north"),
        ("d", "2025-01-01", "mail", "0", "1", "north"),
        ("d", "2025-01-01", "mail", "1.2", "1", "north"),
        ("e", "2025-01-01", "mail", "", "1", "north"),
        ("e", "2025-01-01", "mail", "often", "1", "north"),
        ("e", "soon", "mail", "0.5", "1", "north"),
        ("", "2025-01-01", "mail", "0.5", "1", "north"),
        ("f", "2025-01-01", " ", "0.5", "1", "north"),
        ("g", "2025-01-01", "fax", "0.5", "1", "north"),
        ("h", "2025-01-01", "mail", "0.5", "much", "north"),
    ]
    return pd.DataFrame(rows, columns=["customer", "time", "action", "propensity", "expected", "region"])


def test_each_broken_row_is_rejected_with_its_reason(frame, tmp_path):
    log = bcx.read_actions(frame, actions=["mail", "call", "nothing"])
    assert log.rejected_by_reason == {
        "duplicate": 1,
        "missing action": 1,
        "missing customer": 1,
        "missing propensity": 1,
        "propensity outside (0, 1]": 2,
        "two actions at one time": 2,
        "unknown action": 1,
        "unreadable expected": 1,
        "unreadable propensity": 1,
        "unreadable time": 1,
    }
    assert log.rows_read == len(frame)
    table = log.table()
    assert table["customer"].tolist() == ["a", "b"]
    assert table["expected"].fillna(-1).tolist() == [1.5, -1]
    assert log.context == ("region",)
    log.write_rejected(tmp_path / "rejected.csv")
    written = pd.read_csv(tmp_path / "rejected.csv")
    assert len(written) == log.rows_rejected
    assert written.set_index("row").loc[13, "reason"] == "unknown action"


def test_the_panel_says_why_rows_were_rejected(frame):
    html = bcx.read_actions(frame)._repr_html_()
    assert "two actions at one time" in html
    assert "14 rows read" in html


def test_a_log_without_propensities_is_refused(frame):
    with pytest.raises(bcx.InputError, match="the probability with which each action was chosen"):
        bcx.read_actions(frame.drop(columns="propensity"))


def test_a_certain_log_says_that_it_judges_no_other_rule():
    frame = pd.DataFrame({"customer": [1, 2], "time": "2025-01-01", "action": "mail", "propensity": 1})
    log = bcx.read_actions(frame)
    assert len(log.remarks) == 2
    assert log.table()["customer"].tolist() == [1, 2]


def test_the_same_decisions_are_written_once(tmp_path):
    plan = pd.DataFrame(
        {"customer": ["b", "ä 'x'"], "action": ["mail", None], "propensity": [0.5, 0.25], "tier": [1, 2]}
    )
    first = bcx.write_actions(plan, tmp_path, time="2025-01-01", context="tier")
    content = first.read_bytes()
    # In another order they are the same decisions.
    assert bcx.write_actions(plan[::-1], tmp_path, time="2025-01-01", context="tier") == first
    assert first.read_bytes() == content
    bcx.write_actions(plan.assign(action="call"), tmp_path, time="2025-02-01", context=["tier"])
    log = bcx.read_actions(tmp_path)
    assert (log.rows_accepted, log.rows_rejected, log.context) == (4, 0, ("tier",))
    assert log.table()["action"].tolist() == ["mail", "nothing", "call", "call"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_a_plan_with_propensities_keeps_them(tmp_path):
    """As the next best action has them: the probability of what was taken."""
    table = pd.DataFrame({"customer": ["a", "b"], "action": ["call", "nothing"], "taken": [0.9, 0.1]})
    path = bcx.write_actions(table.assign(gain=[2.0, 0.0]), tmp_path, time="2025-01-01")
    log = bcx.read_actions(path).table()
    assert log["propensity"].tolist() == [0.9, 0.1]
    assert log["expected"].tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"propensity": [0.5, 0.0]}, "1 propensities such as 0.0"),
        ({"customer": ["a", "a"]}, "customer 'a' twice"),
        ({"customer": ["a", None]}, "without a customer"),
        ({"action": ["mail", " "]}, "without a name"),
    ],
)
def test_what_cannot_be_read_again_is_not_written(change, says, tmp_path):
    plan = pd.DataFrame({"customer": ["a", "b"], "action": ["mail", "call"], "propensity": 0.5} | change)
    with pytest.raises(bcx.InputError, match=says):
        bcx.write_actions(plan, tmp_path / "log", time="2025-01-01")
    assert not (tmp_path / "log").exists()


@pytest.fixture
def decisions():
    rows = [("a", "2025-01-01", "mail"), ("a", "2025-01-21", "nothing"), ("b", "2025-01-01", "nothing")]
    rows += [("c", "2025-03-20", "mail")]
    return pd.DataFrame(rows, columns=["customer", "time", "action"]).assign(propensity=0.5)


def test_a_purchase_belongs_to_the_latest_decision_within_the_window(decisions):
    bought = pd.DataFrame(
        [
            ("a", "2024-12-31", 1.0),  # before
            ("a", "2025-01-01", 2.0),  # at the time of the mail
            ("a", "2025-01-20", 4.0),
            ("a", "2025-01-22", 8.0),  # after the next decision
            ("a", "2025-02-20", 16.0),  # exactly at the end of its window
            ("a", "2025-02-21", 32.0),  # outside
            ("z", "2025-01-02", 64.0),  # nobody of the log
        ],
        columns=["customer", "time", "amount"],
    )
    found = bcx.follow_up(
        bcx.read_actions(decisions),
        bought,
        window="30 days",
        until="2025-03-31",
        margin=0.5,
        costs={"mail": 1},
    )
    assert found.rows["spend"].tolist() == [6.0, 0.0, 24.0]
    assert found.rows["purchases"].tolist() == [2, 0, 2]
    assert found.rows["gain"].tolist() == [2.0, 0.0, 12.0]
    assert (found.still_open, found.cut_short) == (1, 1)


def test_without_amounts_a_purchase_counts_or_has_a_worth(decisions):
    bought = pd.DataFrame({"customer": ["a"], "time": ["2025-01-05"]})
    log = bcx.read_actions(decisions)
    plain = bcx.follow_up(log, bought, window="2 weeks", until="2025-06-01")
    assert plain.rows["gain"].sum() == 1
    assert bcx.follow_up(log, bought, window="2 weeks", until="2025-06-01", worth=7).rows["gain"].sum() == 7
    nobody = bcx.follow_up(log, bought.iloc[:0], window="2 weeks", until="2025-06-01")
    assert nobody.rows["bought"].sum() == 0


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"until": "2025-01-05"}, "no decision whose window of 30 days has ended"),
        ({"costs": {"fax": 1}}, "the cost of 'fax'"),
        ({"costs": {"mail": -1}}, "a cost of zero or more"),
        ({"margin": 30}, "a share above 0"),
        ({"window": "0 days"}, "a span above zero"),
    ],
)
def test_what_cannot_be_followed_up_is_refused(decisions, more, says):
    bought = pd.DataFrame({"customer": ["a"], "time": ["2025-01-05"]})
    with pytest.raises(bcx.InputError, match=says):
        bcx.follow_up(
            bcx.read_actions(decisions), bought, **{"window": "30 days", "until": "2025-06-01"} | more
        )


def test_other_customers_are_noticed_and_numbers_are_the_same_as_text(decisions):
    log = bcx.read_actions(decisions.assign(customer=[1, 1, 2, 3]))
    bought = pd.DataFrame({"customer": ["2"], "time": ["2025-01-05"]})
    assert bcx.follow_up(log, bought, window="30 days", until="2025-06-01").rows["bought"].sum() == 1
    with pytest.raises(bcx.InputError, match="purchases of other customers"):
        bcx.follow_up(log, bought.assign(customer="two"), window="30 days", until="2025-06-01")


def test_purchases_are_counted_as_one_by_one(rng):
    day, window = pd.Timestamp("2025-01-01"), 12
    decided = {
        (int(who), int(at)) for who, at in zip(rng.integers(0, 30, 80), rng.integers(0, 60, 80), strict=True)
    }
    bought = list(zip(rng.integers(0, 40, 300).tolist(), rng.integers(0, 90, 300).tolist(), strict=True))

    def dated(pairs):
        frame = pd.DataFrame(sorted(pairs), columns=["customer", "at"])
        return frame.assign(time=day + pd.to_timedelta(frame["at"], unit="D")).drop(columns="at")

    log = bcx.read_actions(dated(decided).assign(action="x", propensity=1.0))
    found = bcx.follow_up(log, dated(bought), window=f"{window} days", until="2026-01-01").rows
    expected = dict.fromkeys(decided, 0)
    for who, at in bought:
        before = [then for key, then in decided if key == who and then <= at]
        if before and at - max(before) <= window:
            expected[who, max(before)] += 1
    keys = zip(found["customer"], (found["time"] - day).dt.days, strict=True)
    assert dict(zip(keys, found["purchases"], strict=True)) == expected
