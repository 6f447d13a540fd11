"""The notebooks run from top to bottom and become pages that need nothing but a browser."""

import re
import runpy
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
PAGES = ROOT / "docs" / "notebooks"


# Half a minute each, and more; that pages belong to notebooks is tested always.
@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda one: one.stem)
def test_notebooks_are_published(source, tmp_path):
    publish = runpy.run_path(str(ROOT / "notebooks" / "publish.py"))["publish"]
    page, _ = publish(source, tmp_path / "site", tmp_path / "pages")
    html = page.read_text(encoding="utf-8")
    assert "output_stderr" not in re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    assert not re.findall(r"<script[^>]+src=.https?:", html)
    assert_shown(tmp_path / "pages", [source])


def test_pages_in_the_repository_are_those_of_the_notebooks():
    """`make notebooks` writes them; a notebook that was changed since then fails here."""
    assert_shown(PAGES, SOURCES)
    assert sum(file.stat().st_size for file in PAGES.rglob("*") if file.is_file()) < 1_000_000


def assert_shown(folder, sources):
    """Every cell stands on its page, with output, and every picture that a page names is there."""
    assert [page.stem for page in sorted(folder.glob("*.md"))] == [source.stem for source in sources]
    named = set()
    for source in sources:
        page = (folder / f"{source.stem}.md").read_text(encoding="utf-8")
        for cell in jupytext.read(source).cells:
            assert cell.source.strip() in page, (source.name, cell.source[:60])
        assert "<style" not in page
        assert "<table>" in page
        pictures = re.findall(r"!\[.*?\]\((.+?)\)", page)
        assert pictures
        named |= set(pictures)
    assert named == {path.relative_to(folder).as_posix() for path in folder.glob("pictures/*")}
