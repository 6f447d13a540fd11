"""The page on the loop runs as it stands, and its table is what the shop prints."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[1] / "docs"


def test_the_examples_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / "loop.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 4
    names = {}
    for block in blocks:
        exec(compile(block, "loop.md", "exec"), names)
    said = capsys.readouterr().out
    assert "'mail' changes the share who buy of gold by 0.1" in said
    assert names["value"].verdict == "passed"
    assert names["found"].changed
    assert len(list((tmp_path / "log").glob("*.parquet"))) == 3
    log = names["bcx"].read_actions("log").table()
    last = log[log["time"] == log["time"].max()]
    # A budget of 2,000 pays for a mail to so many, of whom a tenth is held out at random.
    assert (last["action"] == "mail").sum() * 1.5 <= 2000
    assert set(last.loc[last["action"] == "mail", "propensity"]) == {0.9}


@pytest.fixture(scope="module")
def loop():
    """The module that writes the page."""
    spec = importlib.util.spec_from_file_location("loop", DOCS / "loop.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["loop"] = module  # where its records look themselves up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["loop"]


def test_a_shop_is_that_of_the_page(loop):
    """One of the fifty: the loop gains more than the assumption, and less than the oracle."""
    found, learned = loop.shop(0)
    year = {name: gain.sum() for name, gain in found.items()}
    assert year["the assumption alone"] < year["the loop"] < year["oracle"]
    assert found["the loop"][-1] > 0.7 * found["oracle"][-1]
    assert learned.learned.rounds == loop.ROUNDS
    rows = learned.log[-1]
    shares = rows.groupby(["segment", "action"])["propensity"].agg(["mean", "size"])
    every = shares["mean"].groupby("segment").sum()
    assert every.max() <= 1 + 1e-6
    sizes = rows.groupby("segment").size()
    for (segment, _), row in shares.iterrows():
        n = sizes[segment]
        assert abs(row["size"] / n - row["mean"]) < 4.5 * np.sqrt(row["mean"] / n)
