"""The notebooks run from top to bottom and become pages that need nothing but a browser."""

import re
import subprocess
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def test_notebooks_are_published(tmp_path):
    done = subprocess.run(
        [sys.executable, NOTEBOOKS / "publish.py", tmp_path], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    pages = sorted(tmp_path.glob("*.html"))
    assert [page.stem for page in pages] == sorted(source.stem for source in NOTEBOOKS.glob("[0-9]*.py"))
    for page in pages:
        html = page.read_text(encoding="utf-8")
        assert "output_stderr" not in re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
        assert not re.findall(r"<script[^>]+src=.https?:", html)
