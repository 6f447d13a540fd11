"""The examples of the pages on uplift and on the next best action run as they stand."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayes_cx as bcx

DOCS = Path(__file__).parents[1] / "docs"
DATA = Path(__file__).parents[2] / "shared" / "data"

pytestmark = pytest.mark.slow


def run(page: str, names: dict, only: str = "") -> int:
    """Execute the Python blocks of a page that hold a text, and return how many there were."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = [
        one for one in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if only in one
    ]
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    return len(blocks)


@pytest.mark.skipif(not (DATA / "hillstrom.csv.gz").exists(), reason="needs the data of Hillstrom's trial")
def test_the_example_on_uplift_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hillstrom.csv.gz").symlink_to(DATA / "hillstrom.csv.gz")
    names: dict = {}
    assert run("uplift.md", names, "hillstrom") == 1
    assert names["posterior"].verdict == "passed"
    assert names["judgement"].advice == "choose"


def test_the_example_on_own_amounts_runs(rng):
    n = 3000
    table = pd.DataFrame({"age": rng.integers(1, 5, n), "arm": rng.choice(["none", "voucher"], n)})
    table["dose"] = np.where(table["arm"] == "none", 0.0, rng.choice([5.0, 10.0], n))
    # Young customers answer to the amount, old ones do not.
    table["bought"] = rng.random(n) < 0.1 + 0.03 * table["dose"] * (table["age"] <= 2)
    trial = bcx.summarise_uplift(
        table, outcome="bought", treatment="arm", control="none", features="age", dose="dose"
    )
    fitted, rest = bcx.split_customers(trial, seed=1)
    names = {"bcx": bcx, "posterior": bcx.fit(bcx.models.UPLIFT, fitted, seed=1), "rest": rest}
    assert run("uplift.md", names, "judge_doses") == 1
    assert names["judged"].advice == "own"


def test_the_example_on_the_next_best_action_runs(rng, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    n = 3000
    table = pd.DataFrame({"age": rng.integers(1, 5, n), "arm": rng.choice(["none", "mail", "call"], n)})
    table["bought"] = rng.random(n) < 0.1 + 0.05 * (table["arm"] != "none")
    trial = bcx.summarise_uplift(table, outcome="bought", treatment="arm", control="none", features="age")
    people = pd.DataFrame({"age": rng.integers(1, 5, 2000)}, index=[f"c{i}" for i in range(2000)])
    names = {
        "posterior": bcx.fit(bcx.models.UPLIFT, trial, seed=1),
        "people": people,
        "refusals": pd.DataFrame({"customer": ["c1", "c2"], "channel": ["all", "phone"]}),
        "contacts": pd.DataFrame(
            {"customer": ["c3", "c3"], "time": ["2025-06-01", "2025-06-02"], "message": ["spring", "spring"]}
        ),
    }
    assert run("next_best_action.md", names, "plan = bcx.next_best_action") == 1
    plan = names["plan"].table().set_index("customer")
    assert plan.loc["c1", "action"] == "nothing"
    assert plan.loc["c2", "action"] != "call"
    assert plan.loc["c3", "action"] == "nothing"  # written to twice
    assert (tmp_path / "actions.pdf").stat().st_size > 10_000
