"""The examples of the page on designs run, from top to bottom."""

import re
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "designing_a_model.md"


def test_the_examples_run(capsys):
    blocks = re.findall(
        r"^( *)```python\n(.*?)^ *```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 6
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
