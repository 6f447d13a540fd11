"""`bayes-cx journeys`: one command from a file of events to report, card and tables."""

import json

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Return a file of visits in which one in four ends with a purchase, and one row has no time."""
    rng = np.random.default_rng(1)
    rows = []
    for visit in range(300):
        at = pd.Timestamp("2025-03-01") + pd.Timedelta(minutes=60 * visit)
        for event in ["home", *rng.choice(["look", "help"], 2), *(["buy"] if rng.random() < 0.25 else [])]:
            rows.append((f"u{visit % 90}", f"s{visit}", at.isoformat(" "), event))
            at += pd.Timedelta(minutes=float(rng.exponential(2.0)))
    frame = pd.DataFrame(rows, columns=["user", "visit", "at", "what"])
    frame.loc[len(frame)] = ["u1", "s1", "soon", "home"]
    file = tmp_path_factory.mktemp("clicks") / "clicks.csv"
    frame.to_csv(file, index=False)
    return file


COLUMNS = ("--customer", "user", "--time", "at", "--event", "what", "--session", "visit")


def test_one_command_writes_a_whole_report(clicks, command_in):
    run = command_in(clicks.parent)
    given = ("journeys", clicks.name, *COLUMNS, "--target", "buy", "--timestamp", "2025-04-01")
    done = run(*given, "--out", "first")
    assert done.returncode == 0, done.stderr
    assert "reach “buy”" in done.stdout
    assert "1 row rejected: unreadable time" in done.stderr
    folder = clicks.parent / "first"
    record = json.loads((folder / "run.json").read_text())
    assert set(record["files"]) == {path.name for path in folder.iterdir()}
    assert {"journeys.pdf", "journeys.html", "model_card.pdf", "open_journeys.csv", "rejected.csv"} <= set(
        record["files"]
    )
    assert record["settings"]["target"] == ["buy"]
    assert record["command"].startswith("bayes-cx journeys clicks.csv --customer user")
    states = pd.read_csv(folder / "states.csv")
    assert set(states["state"]) == {"home", "look", "help"}
    # The command of the record makes the same files.
    words = record["command"].split()[1:]
    assert run(*words).returncode == 0
    again = clicks.parent / "journeys"
    for name in ("journeys.html", "states.csv", "model_card.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "no target; expected a state that is wanted"),
        (("--target", "bye"), "no event 'bye'"),
        (("--target", "buy", "--journey", "soon"), "journey"),
        (("--target", "buy", "--by", "user", "--by", "b"), "no column"),
        (("--target", "buy", "--taxonomy", "none.toml"), "none.toml"),
        (("--target", "buy", "--holdout-from", "2030-01-01"), "a cut at"),
    ],
)
def test_what_cannot_be_done_is_one_line(clicks, command_in, given, said):
    done = command_in(clicks.parent)("journeys", clicks.name, *COLUMNS, *given, "--out", "never")
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
    assert not (clicks.parent / "never").exists()


def test_what_is_missing_is_named(clicks, command_in):
    run = command_in(clicks.parent)
    assert "--event is missing" in run("journeys", "clicks.csv", *COLUMNS[:4], "--out", "never").stderr
    assert "no events are named" in run("journeys", "--target", "buy", "--out", "never").stderr
    assert "no folder" in run("journeys", "clicks.csv", *COLUMNS, "--target", "buy").stderr
    assert "which has no events" in run("journeys", "--dataset", "cdnow", "--out", "never").stderr
    assert "which has events" in run("report", "--dataset", "operator", "--out", "never").stderr
