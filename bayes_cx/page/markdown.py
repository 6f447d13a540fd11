"""Write a page as Markdown: texts and tables, and pictures in words."""

import re
from collections.abc import Iterator

from bayes_cx.page.blocks import (
    Badge,
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
    Soft,
    Strong,
    Table,
    Text,
    Tiles,
)
from bayes_cx.page.fonts import visible
from bayes_cx.page.lay import MARKS, cell_text, on_paper, right, shown

__all__ = ["markdown"]


def markdown(page: Page) -> str:
    """Return a page as Markdown (CommonMark with tables)."""
    parts = [f"# {_plain(page.title)}"]
    if page.subtitle:
        parts.append(_plain(page.subtitle))
    if page.facts:
        parts.append("\n".join(f"- {_plain(name)}: **{_plain(value)}**" for name, value in page.facts))
    for section in page.sections:
        parts.extend(_block(section, 2))
    if page.foot:
        parts.append(f"---\n\n{_plain(page.foot)}")
    return "\n\n".join(parts) + "\n"


def _block(block: Block, level: int) -> Iterator[str]:
    match block:
        case Text():
            yield _text(block)
        case Notice(status, title, text):
            yield f"> {MARKS[status]} **{_plain(title)}** {_plain(text)}".rstrip()
        case Tiles(tiles):
            yield "\n".join(f"- **{_plain(t.number)}** {_plain(t.label)} ({_plain(t.note)})" for t in tiles)
        case Table():
            yield from _table(shown(on_paper(block)))
        case Picture(_, headline, subtitle, alt):
            yield f"**{_plain(headline)}**\n\n{_plain(subtitle)}\n\n*Figure: {_plain(alt)}*"
        case Columns(parts):
            for part in parts:
                for one in part:
                    yield from _block(one, level)
        case Section(title, blocks):
            if title:
                mark = f" ({_inline(block.badge)})" if block.badge else ""
                yield f"{'#' * min(level, 6)} {_plain(title)}{mark}"
            for one in blocks:
                yield from _block(one, level + bool(title))


def _text(text: Text) -> str:
    match text.style:
        case "code" | "formula":
            fence = "typst" if text.style == "formula" else ""
            lines = ("".join(_raw(part) for part in _parts(line)) for line in text.lines)
            return f"```{fence}\n{'\n'.join(lines)}\n```"
        case "bullets":
            return "\n".join(f"- {_line(line)}" for line in text.lines)
        case "steps":
            return "\n".join(f"{i}. {_line(line)}" for i, line in enumerate(text.lines, 1))
        case "badges":
            return " · ".join(_line(line) for line in text.lines)
        case "lead":
            return "\n\n".join(f"**{_line(line)}**" for line in text.lines)
        case _:
            return "\n\n".join(_line(line) for line in text.lines)


def _table(table: Table) -> Iterator[str]:
    if table.caption or table.legend:
        yield " ".join(part for part in (_bold(table.caption), _plain(table.legend)) if part)
    # a bar cannot be drawn here
    keep = [
        i
        for i in range(len(table.columns))
        if not table.rows or not all(isinstance(row[i], Share) or row[i] == "" for row in table.rows)
    ]
    sides = right(table)
    lines = [
        _row([_plain(table.columns[i].head) for i in keep]),
        _row(["---:" if sides[i] else "---" for i in keep]),
        *(_row([_cell(row[i]) for i in keep]) for row in table.rows),
    ]
    yield "\n".join(lines)
    if table.note:
        yield _plain(table.note)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    match cell:
        case Name(text, note):
            return f"{_bold(text)} {_plain(note)}".strip()
        case Number(text, look="strong") | Strong(text):
            return _bold(text)
        case Formula(source):
            return f"`{source}`"
        case tuple():
            return _line(cell)
        case _:
            return _plain(cell_text(cell))


def _line(line: Line) -> str:
    return "".join(_inline(part) for part in _parts(line))


def _inline(part: Inline) -> str:
    match part:
        case str() | Soft():
            return _plain(_raw(part))
        case Strong(text):
            return _bold(text)
        case Formula(source):
            return f"`{source}`"
        case Badge(text, status):
            return f"{MARKS[status]} {_plain(text)}" if status else _plain(text)


def _raw(part: Inline) -> str:
    match part:
        case str():
            return part
        case Formula(source):
            return source
        case Strong(text) | Soft(text) | Badge(text):
            return text


def _parts(line: Line) -> tuple[Inline, ...]:
    return line if isinstance(line, tuple) else (line,)


def _bold(text: str) -> str:
    return f"**{_plain(text)}**" if text.strip() else ""


def _plain(text: str) -> str:
    """Return a text on one line, escaped for Markdown and HTML."""
    one_line = " ".join(visible(text.replace("\n", " ")).split(" "))
    safe = re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", one_line)
    return re.sub(
        r"^(\d+)([.)])(?=\s|$)|^([-+=])(?=\s|$)", lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", safe
    )
