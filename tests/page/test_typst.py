"""Pages on paper: text is text, formulas are set, the file is accessible and the same every time."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pypdf
import pytest

from bayes_cx.errors import BayesCxError
from bayes_cx.page import Column, Extract, Formula, Name, Number, Page, Picture, Section, Table, Text
from bayes_cx.page.html import document
from bayes_cx.page.typst import formulas_svg, pdf

WHEN = datetime(2026, 1, 5, tzinfo=UTC)


def page_of(*blocks, **fields):
    return Page("Test", (Section("Names", blocks),), timestamp=WHEN, **fields)


def texts(content):
    reader = pypdf.PdfReader(io.BytesIO(content))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def said(*lines):
    return texts(pdf(page_of(Text(lines))))[0]


@pytest.mark.parametrize(
    "name", ["#1 *Best* $hop", "a [b] \\ @c <d> ~ `e` _f_", '"quoted"', "#panic()", "//x /* y"]
)
def test_what_is_markup_in_typst_is_text_in_a_block(name):
    assert name in said(name)


@pytest.mark.parametrize("name", ["株式会社", "😀", "شركة", "e\u0301", "\u202eab", "\x00", "\U0010ffff"])
def test_what_no_font_has_still_compiles(name):
    assert "Names" in said(name)


def test_no_line_ends_within_the_name_of_an_option():
    """Whatever stands before it: one letter after the other moves it over the end of the line."""
    lines = [f"{'x' * n} --by-date-rest" for n in range(60, 120)]
    reader = pypdf.PdfReader(io.BytesIO(pdf(page_of(Text(lines)))))
    found = "".join(page.extract_text() for page in reader.pages)
    assert found.count("--by-date-rest") == len(lines)
    assert "\n--by-date-rest" in found
    on_screen = document(page_of(Text(("with --by-date-rest, a--b",))))
    assert '<span class="option">--by-date-rest</span>, a--b' in on_screen


def test_equal_pages_give_equal_bytes():
    first, second = (pdf(page_of(Text(("a",)))) for _ in range(2))
    assert first == second
    assert first != pdf(page_of(Text(("b",))))


def test_the_page_is_accessible_and_carries_its_fonts():
    formula = Text(("P(x) = 1 / alpha",), "formula")
    content = pdf(page_of(formula, Text((("Let ", Formula("x"), "."),)), Text(("make",), "code")))
    reader = pypdf.PdfReader(io.BytesIO(content))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert reader.metadata is not None
    assert reader.metadata.title == "Test"
    fonts = {str(font["/BaseFont"]) for page in reader.pages for font in page["/Resources"]["/Font"].values()}
    families = ("SourceSans", "NewCM", "DejaVu")
    assert {next(family for family in families if family in font) for font in fonts} == set(families)


def test_a_formula_that_typst_cannot_read_is_an_error():
    with pytest.raises(BayesCxError, match="unknown variable"):
        pdf(page_of(Text(("nonsense + 1",), "formula")))


def test_nan_is_refused():
    blocks = Table((Column("a"),), ((Number("1", 1.0),),))
    assert pdf(page_of(blocks))
    drawn = Picture(b"<svg", "head", "sub", "alt")
    with pytest.raises(BayesCxError):
        pdf(page_of(drawn))


def long_table(n):
    rows = tuple((Name(f"customer {i}"), Number(f"{i}", float(i))) for i in range(n))
    return Table((Column("Who"), Column("How much")), rows, caption=f"All {n}.")


def test_paper_shows_the_extract_of_a_long_table():
    some = replace(long_table(30), extract=Extract(5, "The first 5 of 30."))
    (text,) = texts(pdf(page_of(some)))
    assert "The first 5 of 30." in text
    assert "customer 4 4" in text
    assert "customer 5" not in text
    said_on_paper = replace(some, legend="Bars.", extract=Extract(5, "The first 5 of 30.", ""))
    assert "Bars." not in texts(pdf(page_of(said_on_paper)))[0]


@pytest.mark.parametrize("n", [3, 40, 400])
def test_one_page_is_one_page_and_says_what_it_left_out(n):
    content = pdf(page_of(long_table(n), one_page=True))
    (text,) = texts(content)
    shown = text.count("customer")
    assert shown == n or f"… and {n - shown} more" in text
    assert shown == min(n, 60)


@pytest.mark.parametrize(("lines", "pages"), [(38, 2), (44, 2), (120, 4)])
def test_page_one_shrinks_a_little_to_stay_one_page(lines, pages):
    """Page one holds 39 lines in the usual size; 44 fit in a smaller one, and 120 in none."""
    first = Section("First", (Text(("one line",) * lines),))
    then = Section("Then", (Text(("on",)),), new_page=True)
    found = texts(pdf(Page("Test", (first, then), timestamp=WHEN)))
    assert len(found) == pages
    assert "Then on" in found[-1]
    assert sum(one.count("one line") for one in found[:-1]) == lines


def test_the_note_of_a_short_table_is_not_torn_off():
    table = replace(long_table(6), note="What the columns mean.")
    for lines in range(38, 54, 3):
        pages = texts(pdf(page_of(Text(("x",) * lines), table)))
        (with_note,) = [page for page in pages if "What the columns mean." in page]
        assert "customer 5" in with_note


def test_formulas_are_drawn_one_by_one():
    drawn = formulas_svg([("alpha", False), ("P = 1 / x", True)])
    assert len(drawn) == 2
    assert all(svg.startswith(b"<svg") for svg in drawn)
    assert formulas_svg([]) == []
