"""`bayes-cx learn`: what is learned from files, what is written, and that nothing is learned twice."""

import json

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx

WINDOW = ("--window", "30 days", "--until", "2025-01-31", "--amount", "amount")


@pytest.fixture
def files(tmp_path):
    """A log of one round, with a broken row, and the purchases after it; the mail works for gold alone."""
    rng = np.random.default_rng(1)
    n = 3000
    customers = pd.DataFrame({"customer": range(n), "tier": rng.choice(["gold", "basic"], n)})
    mail = rng.random(n) < 0.8
    plan = customers.assign(
        action=np.where(mail, "mail", "nothing"),
        propensity=np.where(mail, 0.8, 0.2),
        expected=np.where(mail, 8.5, 0.0),
        expected_sd=0.5,
    )
    bcx.write_actions(plan, tmp_path / "log", time="2025-01-01", model="assumption", context="tier")
    broken = pd.DataFrame(
        {"customer": [n], "time": [pd.Timestamp("2025-01-02")], "action": ["mail"], "propensity": [2.0]}
    )
    broken["time"] = broken["time"].astype("datetime64[us]")
    broken.assign(tier="gold", expected=1.0, model="", run="").to_parquet(
        tmp_path / "log" / "2024-12-31-broken.parquet"
    )
    bought = rng.random(n) < 0.1 + mail * np.where(customers["tier"] == "gold", 0.15, 0.0)
    customers[bought].assign(time="2025-01-09", amount=30.0).to_csv(tmp_path / "bought.csv", index=False)
    return tmp_path


def test_from_files_to_the_next_plan_and_nothing_twice(command_in, files):
    arguments = ("learn", "log", "bought.csv", *WINDOW, "--cost", "mail=1.5", "--believe", "mail=2,18")
    arguments += ("--plan-for", "2025-02-01", "--out", "learned")
    done = command_in(files)(*arguments)
    assert done.returncode == 0, done.stderr
    assert "1 row of log (2 files) rejected: propensity outside (0, 1]" in done.stderr
    assert "'mail' changes the share who buy of gold by 0.1" in done.stdout
    assert "less than the 8.5 expected; from now on expect" in done.stdout
    effects = pd.read_csv(files / "learned" / "effects.csv").set_index("group")
    assert effects.loc["gold", "low"] > 0.08
    assert effects.loc["basic", "low"] < 0.02
    plan = pd.read_csv(files / "learned" / "next.csv")
    shares = plan.groupby("tier")["action"].value_counts(normalize=True)
    assert shares["gold", "mail"] > 0.9
    assert len(plan) == 3000
    log = bcx.read_actions(files / "log").table()
    written = log[log["time"] == pd.Timestamp("2025-02-01")]
    assert written["action"].tolist() == plan.sort_values("customer")["action"].tolist()
    before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    again = command_in(files)(*arguments)
    assert again.returncode == 0, again.stderr
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == before
    record = json.loads((files / "learned" / "run.json").read_text())
    assert record["decisions"] == 3000
    assert record["settings"]["believed"] == {"mail": [2.0, 18.0]}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--window", "soon"), "--window is 'soon'"),
        (("--cost", "mail"), "an action and a number"),
        (("--cost", "fax=1"), "the action 'fax'"),
        (("--believe", "mail=0.1"), "the two numbers of a Beta"),
        (("--by", "city"), "no column 'city' in the log"),
        (("--left-alone", "2"), "shares above 0"),
    ],
)
def test_what_cannot_be_learned_is_said_in_one_line(command_in, files, more, says):
    done = command_in(files)("learn", "log", "bought.csv", *WINDOW, *more, "--out", "learned")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (files / "learned").exists()
