"""Pages as Markdown: text is escaped, tables keep their shape, pictures are described in words."""

import pytest

from bayes_cx.page import (
    Badge,
    Band,
    Column,
    Formula,
    Name,
    Number,
    Page,
    Picture,
    Section,
    Share,
    Table,
    Text,
)
from bayes_cx.page.markdown import markdown


def written(*blocks):
    return markdown(Page("Title", (Section("Part", blocks),)))


@pytest.mark.parametrize(
    "name", ["*bold* `x`", "a | b", "<b>x</b>", "[a](b)", "# head", "~~x~~", "line\nbreak"]
)
def test_characters_of_markdown_are_escaped(name):
    text = written(Table((Column("Who"), Column("n")), ((Name(name), Number("1", 1.0)),)))
    (row,) = [line for line in text.splitlines() if line.endswith("1 |")]
    cells = row.replace("\\|", "").split("|")
    assert len(cells) == 4
    assert "<b>" not in row


def test_what_would_begin_a_list_does_not():
    assert "1\\. first" in written(Text(("1. first",)))
    assert "\\- first" in written(Text(("- first",)))


def test_tables_keep_their_shape_and_leave_out_what_only_eyes_read():
    columns = (
        Column("Who"),
        Column("", ends=("0%", "100%")),
        Column("of all"),
        Column("Status"),
        Column("n"),
    )
    row = ("Ada", Band((0.1, 0.2, 0.3, 0.4, 0.5)), Share(0.5), Badge("passed", "passed"), Number("7", 7.0))
    lines = written(Table(columns, (row,), caption="All", note="Small")).splitlines()
    at = lines.index("| Who |  | Status | n |")
    assert lines[at + 1 : at + 3] == [
        "| --- | --- | --- | ---: |",
        "| Ada | 30%, 90% interval 10% to 50% | ✓ passed | 7 |",
    ]
    assert "**All**" in lines
    assert "Small" in lines


def test_pictures_and_formulas_become_words():
    text = written(
        Picture(b"<svg/>", "It rises", "Line", "A line that rises"), Text((("If ", Formula("p")),))
    )
    assert "**It rises**" in text
    assert "*Figure: A line that rises*" in text
    assert "If `p`" in text
    assert "svg" not in text


def test_sections_within_sections_are_headed_one_level_lower():
    text = markdown(Page("T", (Section("A", (Section("B", (Text(("b",)),)),)), Section("", (Text(("c",)),)))))
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# T", "## A", "### B"]
