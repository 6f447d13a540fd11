"""What is committed in reports/ is what the command renders."""

from pathlib import Path

import pandas as pd
import pytest
from pypdf import PdfReader

REPORTS = Path(__file__).parents[2] / "reports"
# Of these only the first lines are committed, or nothing: .gitignore says which.
_LEFT_OUT = {"priority.csv", "rejected.csv", "open_journeys.csv", "paths.csv"}
COMMANDS = {"cdnow": "report", "operator": "journeys"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.parent.name for path in REPORTS.glob("*/report.toml")))
def test_the_committed_report_is_rendered_again(name, command_in, tmp_path):
    """To the digits that are printed: the last bits of a number differ between machines."""
    here = REPORTS / name
    config = (here / "report.toml").relative_to(REPORTS.parent)
    done = command_in(REPORTS.parent)(COMMANDS[name], "--config", config, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    for path in here.rglob("*.pdf"):
        old, new = (PdfReader(one).pages for one in (path, tmp_path / path.relative_to(here)))
        assert [page.extract_text() for page in new] == [page.extract_text() for page in old]
    for path in here.rglob("*.md"):
        assert (tmp_path / path.relative_to(here)).read_text() == path.read_text()
    for path in here.glob("*.csv"):
        if path.name in _LEFT_OUT:
            continue
        old, new = (pd.read_csv(one, dtype={"customer": str}) for one in (path, tmp_path / path.name))
        pd.testing.assert_frame_equal(new, old, rtol=1e-6)
