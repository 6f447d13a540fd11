"""Write a page as PDF: the one place that calls typst.

Every text reaches typst as JSON and never as markup: a name such as `#1 *Best* $hop` is nothing but text.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, overload

from bayes_cx.errors import BayesCxError
from bayes_cx.files import temporary_folder
from bayes_cx.page.blocks import (
    Badge,
    Band,
    Block,
    Cell,
    Columns,
    Formula,
    Inline,
    Line,
    Name,
    Notice,
    Number,
    Page,
    Picture,
    Section,
    Share,
    Sketch,
    Soft,
    Strong,
    Table,
    Text,
    Tiles,
)
from bayes_cx.page.fonts import font_files, printable
from bayes_cx.page.lay import MARKS, cell_text, on_paper, right, shown
from bayes_cx.page.style import COLOURS

__all__ = ["formulas_svg", "pdf"]

_TEMPLATE = Path(__file__).parent / "page.typ"
# Space between the columns of a table in points: less where there are many.
_MANY_COLUMNS = 9
_RESPELT = "Characters that the typeface lacks are printed as code points, such as [U+4E2D]."

type _Json = dict[str, Any]


def pdf(page: Page) -> bytes:
    """Return a page as an accessible PDF (PDF/UA-1, tagged, fonts embedded); equal pages give equal bytes.

    Raises
    ------
    BayesCxError
        If typst refuses the page or cannot show a text.
    """
    svgs: list[bytes] = []
    data = {
        "title": printable(page.title),
        "subtitle": printable(page.subtitle),
        "facts": [[printable(name), printable(value)] for name, value in page.facts],
        "organisation": printable(page.organisation),
        "foot": printable(page.foot),
        "one_page": page.one_page,
        "language": page.language,
        "sections": [_block(section, svgs) for section in page.sections],
    }
    inputs = {
        "page": json.dumps(data, allow_nan=False),
        "colours": json.dumps(COLOURS),
        **{f"svg {i}": svg.decode() for i, svg in enumerate(svgs)},
    }
    return _compile(_TEMPLATE.read_bytes(), "pdf", inputs, page.timestamp)


def formulas_svg(sources: Sequence[tuple[str, bool]]) -> list[bytes]:
    """Return formulas as SVG.

    Parameters
    ----------
    sources : sequence of pairs of str and bool
        Each in the notation of typst, and whether it stands alone. The baseline of the others is 11 points
        below their top.
    """
    template = """
        #set page(width: auto, height: auto, margin: 1pt, fill: none)
        #set text(size: 10pt, top-edge: 1em, bottom-edge: -0.35em)
    """ + "#pagebreak()".join(
        f'#math.equation(block: {str(alone).lower()}, eval({json.dumps(source)}, mode: "math"))'
        for source, alone in sources
    )
    return _compile(template.encode(), "svg") if sources else []


@overload
def _compile(template: bytes, format: Literal["svg"]) -> list[bytes]: ...
@overload
def _compile(
    template: bytes, format: Literal["pdf"], inputs: dict[str, str], timestamp: datetime
) -> bytes: ...
def _compile(
    template: bytes,
    format: Literal["pdf", "svg"],
    inputs: dict[str, str] | None = None,
    timestamp: datetime | None = None,
) -> bytes | list[bytes]:
    import typst

    with temporary_folder() as fonts:
        # Typst takes folders, and the package's own holds each font twice.
        for path in font_files():
            (fonts / path.name).write_bytes(path.read_bytes())
        try:
            (fonts / "page.typ").write_bytes(template)
            made = typst.compile(
                str(fonts / "page.typ"),
                root=str(fonts),
                font_paths=[str(fonts)],
                ignore_system_fonts=True,
                format=format,
                sys_inputs=inputs or {},
                pdf_standards=["ua-1"] if format == "pdf" else [],
                timestamp=timestamp,
            )
        except typst.TypstError as error:
            raise BayesCxError(
                f"typst could not set the page: {error.diagnostic or error.message}".strip(),
                "blocks that compile",
                "report this together with the data that caused it",
            ) from error
    assert made is not None
    if format == "svg":
        return made if isinstance(made, list) else [made]
    assert isinstance(made, bytes)
    return made


def _block(block: Block, svgs: list[bytes]) -> _Json:
    match block:
        case Text(lines, style):
            return {"is": "text", "style": style, "lines": [_line(line) for line in lines]}
        case Notice(status, title, text):
            return {"is": "notice", "status": status, "title": printable(title), "text": printable(text)}
        case Tiles(tiles):
            plain = [{name: printable(text) for name, text in vars(tile).items()} for tile in tiles]
            return {"is": "tiles", "tiles": plain}
        case Table():
            return _table(shown(on_paper(block)), svgs)
        case Picture(svg, headline, subtitle, alt):
            words = {"headline": headline, "subtitle": subtitle, "alt": alt}
            return {"is": "picture", "svg": _kept(svg, svgs), **{k: printable(v) for k, v in words.items()}}
        case Columns(parts):
            return {"is": "columns", "parts": [[_block(one, svgs) for one in part] for part in parts]}
        case Section(title, blocks):
            inner = [_block(one, svgs) for one in blocks]
            badge = _inline(block.badge) if block.badge else None
            head = {"title": printable(title), "badge": badge, "new_page": block.new_page}
            return {"is": "section", **head, "blocks": inner}


def _kept(svg: bytes, svgs: list[bytes]) -> str:
    svgs.append(svg)
    return f"svg {len(svgs) - 1}"


def _line(line: Line) -> list[_Json]:
    return [_inline(part) for part in (line if isinstance(line, tuple) else (line,))]


def _inline(part: Inline) -> _Json:
    match part:
        case str():
            return {"is": "plain", "text": printable(part)}
        case Strong(text):
            return {"is": "strong", "text": printable(text)}
        case Soft(text):
            return {"is": "soft", "text": printable(text)}
        case Formula(source):
            return {"is": "formula", "text": source}
        case Badge(text, status):
            mark = MARKS[status] if status else ""
            return {"is": "badge", "text": printable(text), "status": status, "mark": mark}


def _cell(cell: Cell, svgs: list[bytes]) -> _Json:
    match cell:
        case Name(text, note):
            return {"is": "name", "text": printable(text), "note": printable(note)}
        case Number(text, look=look):
            return {"is": look, "text": printable(text)}
        case Band(quantiles):
            return {"is": "band", "quantiles": list(quantiles)}
        case Share(share, tone):
            return {"is": "share", "share": share, "tone": tone}
        case Sketch(svg, alt):
            drawn = svg.replace(b"currentColor", COLOURS["blue"].encode())
            return {"is": "sketch", "svg": _kept(drawn, svgs), "alt": printable(alt)}
        case tuple():
            return {"is": "line", "parts": _line(cell)}
        case str() | Strong() | Soft() | Formula() | Badge():
            return _inline(cell)


def _table(table: Table, svgs: list[bytes]) -> _Json:
    sides = right(table)
    first = not any(column.wide for column in table.columns)
    columns = []
    for i, column in enumerate(table.columns):
        kinds = {type(row[i]) for row in table.rows}
        room = "wide" if column.wide or (first and i == 0) else "narrow"
        room = "band" if Band in kinds else "share" if Share in kinds else room
        ends = [printable(end) for end in column.ends]
        columns.append({"head": printable(column.head), "ends": ends, "room": room, "right": sides[i]})
    cells = [cell_text(cell) for row in table.rows for cell in row]
    respelt = any(printable(text) != text for text in cells)
    return {
        "is": "table",
        "columns": columns,
        "rows": [[_cell(cell, svgs) for cell in row] for row in table.rows],
        "caption": printable(table.caption),
        "legend": printable(table.legend),
        "note": printable(f"{table.note} {_RESPELT}".strip() if respelt else table.note),
        "rest": printable(table.rest),
        "tall": any(isinstance(cell, Band) for row in table.rows for cell in row),
        "inset": 2.2 if len(columns) > _MANY_COLUMNS else 3.0,
    }
