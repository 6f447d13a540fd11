"""The notebooks run from top to bottom and become pages that need nothing but a browser."""

import re
import subprocess
import sys
from pathlib import Path

import jupytext

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
PAGES = ROOT / "docs" / "notebooks"


def test_notebooks_are_published(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "notebooks" / "publish.py", tmp_path / "site", tmp_path / "pages"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    pages = sorted((tmp_path / "site").glob("*.html"))
    assert [page.stem for page in pages] == [source.stem for source in SOURCES]
    for page in pages:
        html = page.read_text(encoding="utf-8")
        assert "output_stderr" not in re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
        assert not re.findall(r"<script[^>]+src=.https?:", html)
    assert_shown(tmp_path / "pages")


def test_pages_in_the_repository_are_those_of_the_notebooks():
    """`make notebooks` writes them; a notebook that was changed since then fails here."""
    assert_shown(PAGES)
    assert sum(file.stat().st_size for file in PAGES.rglob("*") if file.is_file()) < 1_000_000


def assert_shown(folder):
    """Every cell stands on its page, with output, and every picture that a page names is there."""
    assert [page.stem for page in sorted(folder.glob("*.md"))] == [source.stem for source in SOURCES]
    named = set()
    for source in SOURCES:
        page = (folder / f"{source.stem}.md").read_text(encoding="utf-8")
        for cell in jupytext.read(source).cells:
            assert cell.source.strip() in page, (source.name, cell.source[:60])
        assert "<style" not in page
        assert "<table>" in page
        pictures = re.findall(r"!\[.*?\]\((.+?)\)", page)
        assert pictures
        named |= set(pictures)
    assert named == {path.relative_to(folder).as_posix() for path in folder.glob("pictures/*")}
