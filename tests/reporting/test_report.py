"""The report as files: page one is one page, the PDF is accessible, HTML and Markdown say the same."""

import io
import re
from dataclasses import replace
from datetime import UTC

import numpy as np
import pypdf
import pytest

import bayes_cx as bcx
from bayes_cx.errors import BayesCxError, InputError
from bayes_cx.page.blocks import tables_of

NAMES = ["株式会社テスト", "😀 #1 *bold* $x$ @ref \\ <t> [y]", "شركة", "A" * 200, "Łódź & Żółw s.r.o."]
HEADINGS = (
    *("In short", "What to do", "Priority list", "What the campaign is worth", "Kinds of customers"),
    *("By segment", "How sure are we?", "Did the forecasts come true?", "How often the intervals held"),
    *(
        "Appendix: method and checks",
        "Whom to contact",
        "Quality of the fit",
        "Quality of the forecasts",
        "Do the models describe the data?",
    ),
    *("What the numbers rest on", "Limits", "How to make this report again"),
)


def pages(content):
    reader = pypdf.PdfReader(io.BytesIO(content))
    return [plain(page.extract_text()) for page in reader.pages]


def plain(text):
    return " ".join(text.replace("\u00a0", " ").split())


def squeezed(text):
    """Without spaces: a line may break after a hyphen."""
    return re.sub(r"\s", "", text)


@pytest.fixture(scope="module")
def made(study):
    return bcx.report(study)


@pytest.fixture(scope="module")
def content(made):
    return made.to_bytes()


@pytest.fixture(scope="module")
def made_pages(content):
    return pages(content)


def test_page_one_carries_every_sentence_and_ends_there(made, made_pages):
    assert len(made.sentences) >= 6
    for sentence in made.sentences:
        assert squeezed(sentence) in squeezed(made_pages[0])
    assert "equally likely futures" in made_pages[0]
    assert made_pages[1].startswith("Retention priorities Northgate & #1 Supplies Priority list")


def test_warnings_come_before_anything_else(made_pages):
    assert made_pages[0].index("The forecast missed the hold-out total.") < made_pages[0].index("In short")


def test_every_section_is_in_every_format(made, made_pages, tmp_path):
    text = " ".join(made_pages)
    made.to_html(tmp_path / "r.html")
    made.to_markdown(tmp_path / "r.md")
    page, markdown = (tmp_path / "r.html").read_text(), (tmp_path / "r.md").read_text()
    for heading in HEADINGS:
        assert heading in text, heading
        assert re.search(rf"<h\d[^>]*>{re.escape(heading)}</h\d>", page), heading
        assert f"# {heading}" in markdown, heading
    for sentence in made.sentences:
        assert plain(sentence).replace("&", "&amp;") in plain(re.sub(r"<[^>]+>", "", page))
    for section in made.sections:
        for table in tables_of(section.blocks):
            assert squeezed(table.note) in squeezed(text)


def test_the_document_is_tagged_titled_and_stable(content, study):
    root = pypdf.PdfReader(io.BytesIO(content)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert bcx.report(study).to_bytes() == content


def test_writing_is_whole_or_not_at_all(made, tmp_path):
    path = tmp_path / "deep" / "report.pdf"
    made.to_pdf(path)
    before = path.read_bytes()
    assert before.startswith(b"%PDF")
    (first, *_) = (s for s in made.sections if s.title == "In short")
    broken = replace(first, blocks=(replace(first.blocks[2], lines=("nonsense + 1",), style="formula"),))
    with pytest.raises(BayesCxError):
        replace(made, page=replace(made.page, sections=(broken,))).to_pdf(path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["report.pdf"]


def test_names_that_no_font_has_are_printed_as_code_points_and_shown_on_screen(study, tmp_path):
    data = study.plan.data.isel(customer=slice(0, 5)).assign_coords(customer=np.array(NAMES, object))
    few = bcx.report(replace(study, plan=replace(study.plan, data=data)))
    text = " ".join(pages(few.to_bytes())[:2])
    for shown in ("*bold* $x$ @ref \\ <t> [y]", "[U+682A", "[U+1F600]", "Łódź & Żółw s.r.o."):
        assert shown in text
    assert "as code points" in text
    assert "A" * 10 in text
    assert "A" * 60 not in text
    few.to_html(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "<bdi>株式会社テスト</bdi>" in page
    assert "😀 #1 *bold* $x$ @ref \\ &lt;t&gt; [y]" in page
    assert "<t>" not in page


def test_contracts_and_counted_purchases_have_reports(contracts, counted, tmp_path):
    text = " ".join(pages(bcx.report(contracts).to_bytes()))
    assert "How long do they stay?" in text
    assert "under contract" in text
    bcx.report(counted).to_markdown(tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    assert "# What to do" in text
    assert "€" not in text


def test_a_report_needs_a_plan(study):
    with pytest.raises(InputError, match="without a plan"):
        bcx.report(replace(study, plan=None))


def test_now_is_a_good_timestamp(study):
    now = bcx.report(replace(study, provenance=bcx.RunProvenance()))
    assert now.page.timestamp.tzinfo is UTC


def test_a_notebook_shows_page_one(made):
    shown = made._repr_html_()
    assert "<script" not in shown
    assert "In short" in shown
    assert "Priority list" not in re.sub(r"<style>.*?</style>", "", shown, flags=re.S)


@pytest.mark.slow
def test_whole_lists_stay_below_two_megabytes(made, study, tmp_path):
    rows = 40_000
    data = study.plan.data
    index = np.arange(rows) % data.sizes["customer"]
    many = data.isel(customer=index).assign_coords(customer=[f"customer {i:08d}" for i in range(rows)])
    many = many.assign(T=many["T"] + 1e-6 * np.arange(rows))  # no two of the same history
    large = bcx.report(replace(study, plan=replace(study.plan, data=many)))
    large.to_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 2_000_000
    page = (tmp_path / "r.html").read_text()
    kept = int(re.search(r"The first ([\d,]+) of 40,000 rows are in this file", page)[1].replace(",", ""))
    assert kept >= 5_000
    assert f"customer {kept - 1:08d}" in page
    assert f"customer {kept:08d}" not in page
    assert "priority.csv" in page
