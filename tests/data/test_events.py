"""Events of every channel: which rows are accepted, what becomes of their names, and what was known when."""

import pandas as pd
import pytest

import bayes_cx as bcx

KEY = "k3Xq9ZlpW0v7TmNc2"


@pytest.fixture
def frame():
    """Return events with every fault of its own."""
    rows = [
        ("a", "1", "2025-01-01 10:00", "visit", "web", "", ""),
        (None, "2", "2025-01-01 10:05", "buy", "web", "2,5", ""),
        ("b", None, "never", "buy", "shop", "3", ""),
        ("", None, "2025-01-03", "buy", "shop", "1", ""),
        ("c", "4", "2025-01-04", " ", "shop", "4", ""),
        ("c", "4", "2025-01-04", "buy", "shop", "much", ""),
        ("c", "4", "2025-01-04", "buy", "shop", "1", "soon"),
        ("c", "4", "2025-01-05", "buy", None, "1.000,5", "2025-02-01"),
    ]
    return pd.DataFrame(rows, columns=["who", "visit", "at", "what", "where", "paid", "known"])


def read(frame, **more):
    named = {"customer": "who", "time": "at", "event": "what", "channel": "where", "session": "visit"}
    return bcx.read_events(frame, **named | {"value": "paid", "known_at": "known", "decimal": ","} | more)


def test_each_broken_row_is_rejected_with_its_reason(frame):
    events = read(frame)
    assert events.rejected_by_reason == {
        "missing customer": 1,
        "missing event": 1,
        "unreadable known_at": 1,
        "unreadable time": 1,
        "unreadable value": 1,
    }
    assert events.rows_read == 8
    assert events.rows_accepted == 3
    assert events.rows_anonymous == 1
    accepted = events.accepted.order("time").df()
    assert accepted["value"].fillna(0).tolist() == [0, 2.5, 1000.5]
    assert accepted["channel"].isna().tolist() == [False, False, True]
    # What is known at once is known when it happens.
    assert accepted["known_at"].tolist()[:2] == accepted["time"].tolist()[:2]


def test_rejected_rows_are_written_with_their_number(frame, tmp_path):
    events = read(frame)
    events.write_rejected(tmp_path / "rejected.csv")
    written = pd.read_csv(tmp_path / "rejected.csv")
    assert written["row"].tolist() == [3, 4, 5, 6, 7]
    assert written["paid"].tolist() == ["3", "1", "4", "much", "1"]


def test_without_sessions_nobody_is_anonymous(frame):
    assert read(frame, session=None).rejected_by_reason["missing customer"] == 2


def test_under_pseudonyms_no_id_and_no_session_is_shown(frame, tmp_path):
    events = read(frame, pseudonym_key=KEY)
    events.write_rejected(tmp_path / "rejected.csv")
    shown = events.accepted.df()
    assert shown["customer"].dropna().str.fullmatch("[0-9a-f]{16}").all()
    assert shown["session"].dropna().str.fullmatch("[0-9a-f]{16}").all()
    assert "visit" not in pd.read_csv(tmp_path / "rejected.csv").columns
    assert events.rejected_by_reason == read(frame).rejected_by_reason
    assert events.sha256 != read(frame).sha256


def test_the_fingerprint_depends_on_events_and_not_on_their_order():
    frame = pd.DataFrame({"who": list("abc"), "at": "2025-01-01", "what": ["call", "buy", "call"]})
    named = {"customer": "who", "time": "at", "event": "what"}
    prints = [
        bcx.read_events(each, **named).sha256
        for each in (frame, frame[::-1], frame.replace("buy", "mail"), frame.replace("a", "d"))
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


def test_a_taxonomy_maps_by_the_first_pattern_that_fits(frame):
    events = read(frame).with_states(
        {"shop": {"event": "b*", "channel": "shop"}, "order": ["BUY"], "look": "vis?t"}
    )
    assert sorted(events.accepted.df()["state"]) == ["look", "order", "order"]
    assert events.unmapped.empty
    without = read(frame, states={"look": "visit"})
    assert without.unmapped["n"].sum() == 2
    assert "2 events have no state in the taxonomy" in " ".join(without.remarks)


def test_a_taxonomy_is_read_from_a_file(tmp_path):
    (tmp_path / "states.toml").write_text('[states]\nhelp = ["call*", {event = "mail", reason = "*?*"}]\n')
    taxonomy = bcx.Taxonomy.read(tmp_path / "states.toml")
    assert taxonomy.state_of(event="calls") == "help"
    assert taxonomy.state_of(event="mail", reason="bill") == "help"
    assert taxonomy.state_of(event="mail") is None
    (tmp_path / "states.toml").write_text("[states\n")
    with pytest.raises(bcx.InputError, match="cannot be read"):
        bcx.Taxonomy.read(tmp_path / "states.toml")


@pytest.mark.parametrize(
    "states", [{}, {"help": []}, {"help": [3]}, {"help": {"place": "x"}}, "nowhere.toml"]
)
def test_what_is_no_taxonomy_is_refused(frame, states):
    with pytest.raises(bcx.InputError):
        read(frame, states=states)


def test_a_taxonomy_needs_the_columns_that_it_looks_at(frame):
    with pytest.raises(bcx.InputError, match="reason"):
        read(frame, states={"help": {"event": "*", "reason": "bill"}})


def test_six_journeys_of_an_operator_are_known():
    taxonomy = bcx.Taxonomy.operator()
    names = {
        "Contract cancelled": "termination",
        "complaint_call": "complaint",
        "Invoice paid": "payment",
        "order placed": "purchase",
        "subscription_cancelled": "termination",
        "account_deactivated": "termination",
        "contract ended": "termination",
        "call_centre": "help",
        "login": "management",
    }
    assert {name: taxonomy.state_of(event=name) for name in names} == names
    for name in (
        "weather",
        "contract extended",
        "billboard seen",
        "explanation viewed",
        "add_to_cart",
        "blog index",
    ):
        assert taxonomy.state_of(event=name) is None, name


def test_events_of_one_name_are_transactions(frame):
    bought = read(frame).only("buy")
    assert bought.rows_read == 6
    assert bought.rejected_by_reason == {
        "missing customer": 2,
        "unreadable amount": 1,
        "unreadable time": 1,
    }
    assert bought.accepted.df()["amount"].astype(float).sum() == 1001.5
    states = read(frame, states={"order": "b*"})
    assert states.only("order").sha256 == bought.sha256
    with pytest.raises(bcx.InputError, match="no event 'sell'"):
        read(frame).only("sell")


def test_purchases_of_events_are_those_read_alone(tmp_path):
    log = pd.DataFrame(
        {"who": [1, 1, 2, 1], "at": pd.date_range("2025-01-01", periods=4), "what": list("bvbb")}
    )
    log.to_parquet(tmp_path / "log.parquet")
    bought = bcx.read_events(tmp_path / "log.parquet", customer="who", time="at", event="what").only("b")
    alone = bcx.read_transactions(log[log["what"] == "b"], customer="who", time="at")
    assert bought.sha256 == alone.sha256
    assert bcx.summarise(bought, unit="day").equals(bcx.summarise(alone, unit="day"))


def test_context_has_three_layers(frame):
    events = read(frame, context={"situational": ["where"]})
    assert events.context == {"situational": ("where",)}
    assert "where" in events.accepted.columns
    with pytest.raises(bcx.InputError, match="layer 'weather'"):
        read(frame, context={"weather": ["where"]})


def test_coverage_says_who_is_seen_where(frame):
    found = read(frame).coverage()
    assert found.index.tolist() == [
        (pd.Timestamp("2025-01-01"), "missing"),
        (pd.Timestamp("2025-01-01"), "web"),
    ]
    assert found["events"].tolist() == [1, 2]
    assert found["identified"].tolist() == [1.0, 0.5]
    assert found["seen"].tolist() == [0.5, 0.5]


def test_a_customer_is_one_table(frame):
    events = read(frame, states={"order": "buy"})
    assert events.of_customer("c")[["event", "state", "value"]].to_numpy().tolist() == [
        ["buy", "order", 1000.5]
    ]
    assert events.of_customer("nobody").empty


def test_a_notebook_shows_events(frame):
    shown = read(frame)._repr_html_()
    assert "3 events" in shown
    assert "missing customer" in shown
