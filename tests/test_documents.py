"""The examples of the page on designs run, from top to bottom."""

import re
import textwrap
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "designing_a_model.md"


@pytest.mark.slow
def test_the_examples_run(capsys):
    blocks = re.findall(
        r"^( *)```python\n(.*?)^ *```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 7
    names = {}
    for _, block in blocks:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "Customers with joined 1997-02 buy" in said
    assert "all alike" in said
    assert names["post"].verdict == "passed"
    assert list(names["table"]["parameter"].unique()) == ["purchase_rate", "dropout"]


def test_the_settings_of_the_page_are_read(tmp_path):
    from bayes_cx.app.load import load

    (toml,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "run.toml").write_text(toml)
    compute = load({"config": tmp_path / "run.toml"}).compute
    assert compute.pool == ("country / shop",)
    assert compute.covariates == ("purchase_rate=channel + age", "dropout=channel")


def test_the_examples_on_trials_run(capsys):
    names = {}
    for name in ("trials.md", "three_campaigns.md"):
        page = PAGE.with_name(name).read_text(encoding="utf-8")
        for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
            exec(compile(block, name, "exec"), names)
    said = capsys.readouterr().out
    assert names["trial"].verdict == "passed"
    assert "measured on 15,959 customers, letter against none" in said
    # The page says so of the call.
    differ = names["trial"].provenance["p_differ"]
    assert differ["call"]["shop"] > 0.95 > differ["letter"]["shop"]


def test_the_offers_of_the_pages_are_read(tmp_path):
    from bayes_cx.app.load import load

    for name, number in (("trials.md", 1), ("three_campaigns.md", 2), ("report.md", 3)):
        page = PAGE.with_name(name).read_text(encoding="utf-8")
        blocks = [text for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "offers" in text]
        assert len(blocks) >= min(number, 2), name
        for text in blocks:
            (tmp_path / "run.toml").write_text(text)
            assert load({"config": tmp_path / "run.toml"}).offer.offers
