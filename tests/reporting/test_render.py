import io
from datetime import UTC, datetime

import pypdf
import pytest

from bayes_cx.errors import BayesCxError
from bayes_cx.reporting import render

WHEN = datetime(2026, 1, 5, tzinfo=UTC)
TEMPLATE = """#import "theme.typ": *
#show: page-setup.with(title: "Test")
#title()
= Names
#data.name
#formula("P(x) = 1 / alpha")
`raw` #status-mark("failed")
"""


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """A folder of templates with the shared pieces and one of its own."""
    (tmp_path / "theme.typ").write_text((render._TEMPLATES / "theme.typ").read_text())
    (tmp_path / "test.typ").write_text(TEMPLATE)
    (tmp_path / "broken.typ").write_text("#nothing-of-that-name")
    monkeypatch.setattr(render, "_TEMPLATES", tmp_path)


def text_of(content):
    return " ".join(
        " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages).split()
    )


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize(
    "name", ["#1 *Best* $hop", "a [b] \\ @c <d> ~ `e` _f_", '"quoted"', "#panic()", "//x /* y"]
)
def test_what_is_markup_in_typst_is_text_in_data(name):
    assert name in text_of(render.pdf("test.typ", {"name": name}, timestamp=WHEN))


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize("name", ["株式会社", "😀", "شركة", "e\u0301", "\u202eab", "\x00", "\U0010ffff"])
def test_what_no_font_has_still_compiles(name):
    assert "Names" in text_of(render.pdf("test.typ", {"name": name}, timestamp=WHEN))


@pytest.mark.usefixtures("templates")
def test_same_data_and_time_give_the_same_bytes():
    first, second = (render.pdf("test.typ", {"name": "a"}, timestamp=WHEN) for _ in range(2))
    assert first == second
    assert first != render.pdf("test.typ", {"name": "b"}, timestamp=WHEN)


@pytest.mark.usefixtures("templates")
def test_the_page_is_accessible_and_carries_its_fonts():
    content = render.pdf("test.typ", {"name": "a"}, timestamp=WHEN)
    reader = pypdf.PdfReader(io.BytesIO(content))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert b"pdfuaid" in root["/Metadata"].get_data()
    assert reader.metadata is not None
    assert reader.metadata.title == "Test"
    fonts = {str(font["/BaseFont"]) for page in reader.pages for font in page["/Resources"]["/Font"].values()}
    assert fonts
    assert all(
        name in font
        for font in fonts
        for name in [next(n for n in ("SourceSans", "NewCM", "DejaVu") if n in font)]
    )


@pytest.mark.usefixtures("templates")
def test_a_broken_template_says_where():
    with pytest.raises(BayesCxError, match=r"broken\.typ.*nothing-of-that-name"):
        render.pdf("broken.typ", {}, timestamp=WHEN)


@pytest.mark.usefixtures("templates")
def test_nan_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        render.pdf("test.typ", {"name": float("nan")}, timestamp=WHEN)
