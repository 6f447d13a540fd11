"""Write the blocks of a page as HTML."""

import html
import json
import re
from collections.abc import Iterator, Sequence

from bayes_cx.page.blocks import (
    Badge,
    Band,
    Block,
    Cell,
    Column,
    Columns,
    Formula,
    Inline,
    Line,
    Name,
    Notice,
    Number,
    Picture,
    Section,
    Share,
    Sketch,
    Soft,
    Strong,
    Table,
    Text,
    Tile,
    Tiles,
)
from bayes_cx.page.drawing import band, inline_svg, own_ids
from bayes_cx.page.fonts import visible
from bayes_cx.page.lay import MARKS, cell_text, right, shown
from bayes_cx.page.packed import packed
from bayes_cx.page.typst import formulas_svg
from bayes_cx.page.words import count

__all__ = ["WORDS", "Writer", "anchor", "escape"]

# Rows of a long table that are written as HTML; the script shows the others.
_FIRST = 50
WORDS = {
    "en": {
        "contents": "Contents",
        "skip": "Skip to the content",
        "search": "Search",
        "more": "Show 100 more",
        "of": "{} of {} rows",
        "all": "{} rows",
        "match": "{} of {} rows match",
        "no script": "Without JavaScript only the first {} rows are shown.",
        "left out": "The first {} of {} rows are in this file",
    }
}


class Writer:
    """Writes blocks; draws all formulas of a page in one call, and numbers the elements that have an id.

    Attributes
    ----------
    tables : int
        How many long tables were written, which need the script of the page.
    """

    def __init__(self, blocks: Sequence[Block], language: str, script: bool = True) -> None:
        self.words = WORDS[language]
        self.script = script
        self.tables = 0
        self.pictures = 0
        sources = list(dict.fromkeys(_formulas(blocks)))
        self.formulas = dict(zip(sources, formulas_svg(sources), strict=True))

    def block(self, block: Block, level: int) -> str:
        """Return a block as HTML; `level` is that of the headings of sections."""
        match block:
            case Text():
                return self._text(block)
            case Notice(status, title, text):
                return (
                    f'<div class="notice {status}" role="note"><p><strong>{escape(title)}</strong> '
                    f"{_running(text)}</p></div>"
                )
            case Tiles(tiles):
                return f'<ul class="tiles">{"".join(map(_tile, tiles))}</ul>'
            case Table():
                return self._table(shown(block))
            case Picture():
                return self._picture(block)
            case Columns(parts):
                inner = ("".join(self.block(one, level) for one in part) for part in parts)
                return f'<div class="columns">{"".join(f"<div>{part}</div>" for part in inner)}</div>'
            case Section():
                return self._section(block, level)

    def _section(self, section: Section, level: int) -> str:
        if not section.title:
            return "".join(self.block(block, level) for block in section.blocks)
        inner = "".join(self.block(block, min(level + 1, 6)) for block in section.blocks)
        mark = f" {self._inline(section.badge)}" if section.badge else ""
        if section.folded:
            return f"<details><summary>{escape(section.title)}{mark}</summary>{inner}</details>"
        key = anchor(section)
        heading = f'<h{level} id="{key}">{escape(section.title)}{mark}</h{level}>'
        return f'<section aria-labelledby="{key}">{heading}{inner}</section>'

    def _text(self, text: Text) -> str:
        if text.style == "formula":
            lines = [part for line in text.lines for part in _parts(line)]
            return "".join(f'<p class="formula">{self._formula(_source(p), True)}</p>' for p in lines)
        lines = [self._line(line) for line in text.lines]
        match text.style:
            case "bullets" | "steps":
                tag = "ul" if text.style == "bullets" else "ol"
                return f"<{tag}>{''.join(f'<li>{line}</li>' for line in lines)}</{tag}>"
            case "code":
                return f'<pre tabindex="0"><code>{"\n".join(lines)}</code></pre>'
            case "badges":
                return f'<ul class="badges">{"".join(f"<li>{line}</li>" for line in lines)}</ul>'
            case _:
                mark = "" if text.style == "plain" else f' class="{text.style}"'
                return "".join(f"<p{mark}>{line}</p>" for line in lines)

    def _line(self, line: Line) -> str:
        return "".join(self._inline(part) for part in _parts(line))

    def _inline(self, part: Inline) -> str:
        match part:
            case str():
                return _running(part)
            case Strong(text):
                return f"<strong>{_running(text)}</strong>"
            case Soft(text):
                return f'<span class="soft">{_running(text)}</span>'
            case Formula(source):
                return self._formula(source, False)
            case Badge(text, status):
                mark = f'<span aria-hidden="true">{MARKS[status]}</span> ' if status else ""
                return f'<span class="badge {status or "plain"}">{mark}{escape(text)}</span>'

    def _formula(self, source: str, alone: bool) -> str:
        svg = self.formulas[source, alone].decode()
        self.pictures += 1
        svg = own_ids(svg.replace("#000000", "currentColor"), f"f{self.pictures}-")
        size = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
        assert size is not None
        width, height = (float(number) / 10 for number in size.groups())
        # The baseline of a formula in a line is 1.1 em below its top.
        place = "" if alone else f";vertical-align:{1.1 - height:.3f}em"
        style = f'style="width:{width:.3f}em;height:{height:.3f}em{place}"'
        label = f'role="img" aria-label="{html.escape(source)}"'
        return svg.replace(size[0], f"{style} {label}", 1)

    def _picture(self, picture: Picture) -> str:
        self.pictures += 1
        svg = inline_svg(picture.svg, f"p{self.pictures}-")
        drawing = re.sub(r"<svg ", f'<svg role="img" aria-label="{_attribute(picture.alt)}" ', svg, count=1)
        return (
            f'<figure><figcaption><strong class="headline">{escape(picture.headline)}</strong> '
            f'<span class="soft">{escape(picture.subtitle)}</span></figcaption>'
            f'<div class="drawing" tabindex="0" role="group" aria-label="{_attribute(picture.headline)}">'
            f"{drawing}</div></figure>"
        )

    def _table(self, table: Table) -> str:
        if table.extract is not None and self.script:
            return self._long_table(table)
        sides = right(table)
        rows = "".join(self._row(sides, row) for row in table.rows)
        return f"{self._grid(table, sides, rows, '')}{_note(table.note)}"

    def _grid(self, table: Table, sides: Sequence[bool], rows: str, more: str, sortable: bool = False) -> str:
        heads = "".join(_head(column, sides[i], sortable, i) for i, column in enumerate(table.columns))
        has_head = any(column.head or any(column.ends) for column in table.columns)
        words = f"<strong>{escape(table.caption)}</strong> {escape(table.legend)}".strip()
        above = f'<p class="caption">{words}</p>' if table.caption or table.legend else ""
        name = _attribute(table.label or table.caption or "Table")
        caption = f'<caption class="unseen">{name}</caption>'
        head = f"<thead><tr>{heads}</tr></thead>" if has_head else ""
        return (
            f'{above}<div class="scroll" role="group" tabindex="0" aria-label="{name}">'
            f"<table{more}>{caption}{head}<tbody>{rows}</tbody></table></div>"
        )

    def _row(self, sides: Sequence[bool], row: Sequence[Cell]) -> str:
        cells = []
        for i, cell in enumerate(row):
            mark = ' class="number"' if sides[i] else ""
            # the first cell that names the row is its head
            named = isinstance(cell, Name) or (i == 0 and isinstance(cell, Strong))
            tag = 'th scope="row"' if named else "td"
            cells.append(f"<{tag}{mark}>{self._cell(cell)}</{tag[:2]}>")
        return f"<tr>{''.join(cells)}</tr>"

    def _cell(self, cell: Cell) -> str:
        match cell:
            case Name(text, note):
                return f"<bdi>{escape(text)}</bdi>" + (f"<small>{escape(note)}</small>" if note else "")
            case Number(text, look=look):
                return escape(text) if look == "plain" else f'<span class="{look}">{escape(text)}</span>'
            case Band(quantiles):
                return band(quantiles, cell_text(cell))
            case Share(share, tone):
                return (
                    f'<span class="share {tone}" role="img" aria-label="{share:.0%}">'
                    f'<i style="width:{100 * share:.1f}%"></i></span>'
                )
            case Sketch(svg, alt):
                self.pictures += 1
                drawn = own_ids(svg.decode(), f"s{self.pictures}-")
                return re.sub(
                    r"<svg ",
                    f'<svg class="sketch" role="img" aria-label="{_attribute(alt)}" ',
                    drawn,
                    count=1,
                )
            case _:
                return self._line(cell)

    def _long_table(self, table: Table) -> str:
        """Write the first rows, and all rows as data for the script that sorts, searches and shows more."""
        self.tables += 1
        number_kept, data = packed(table)
        kept = table.rows[:number_kept]
        number = self.tables
        sides = right(table)
        rows = "".join(self._row(sides, row) for row in kept[:_FIRST])
        words = self.words
        note = table.note
        total = len(table.rows) if table.total is None else table.total
        if len(kept) < total:
            few = words["left out"].format(count(len(kept)), count(total))
            note = f"{few}{'; ' + table.rest if table.rest else ''}. {note}"
        said = (words["of"].format(count(_FIRST), count(len(kept))) if len(kept) > _FIRST else
                words["all"].format(count(len(kept))))  # fmt: skip
        more = "" if len(kept) > _FIRST else " hidden"
        texts = {name: words[name] for name in ("of", "all", "match")}
        script = (
            f'<noscript><p class="note">{words["no script"].format(_FIRST)}</p></noscript>'
            if len(kept) > _FIRST
            else ""
        )
        return (
            f'<div class="long" data-first="{_FIRST}" data-words="{_attribute(json.dumps(texts))}">'
            f'<div class="tools" hidden><label for="search-{number}">{words["search"]}</label>'
            f'<input type="search" id="search-{number}" autocomplete="off" spellcheck="false">'
            f'<p role="status">{said}</p></div>'
            f"{self._grid(table, sides, rows, f' id="table-{number}"', sortable=True)}"
            f'<button type="button" class="more"{more}>{words["more"]}</button>{script}'
            f'<script type="application/json">{data}</script></div>{_note(note)}'
        )


def _head(column: Column, number: bool, sortable: bool, i: int) -> str:
    ends = "".join(f"<span>{escape(end)}</span>" for end in column.ends if end)
    text = escape(column.head)
    mark = ' class="number"' if number else ' class="wide"' if column.wide else ""
    if not sortable or not (text or ends):
        inner = f'{text}<span class="ends">{ends}</span>' if ends else text
        return f'<th scope="col"{mark}>{inner}</th>' if inner else f"<td{mark}></td>"
    arrow = '<span class="arrow" aria-hidden="true"></span>'
    button = f'<button type="button" data-column="{i}">{text}{arrow}</button>'
    return f'<th scope="col"{mark}>{button}<span class="ends" aria-hidden="true">{ends}</span></th>'


def _note(note: str) -> str:
    return f'<p class="note">{escape(note)}</p>' if note else ""


def _tile(tile: Tile) -> str:
    note = f'<span class="soft">{escape(tile.note)}</span>' if tile.note else ""
    return f"<li><b>{escape(tile.number)}</b><strong>{escape(tile.label)}</strong>{note}</li>"


def escape(text: str) -> str:
    """Return a text as HTML, in which every character is visible and none is markup."""
    return html.escape(visible(text), quote=False)


def _running(text: str) -> str:
    """Return a text as HTML in which no line ends after a hyphen of the name of an option."""
    return re.sub(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", r'<span class="option">\g<0></span>', escape(text))


def _attribute(text: str) -> str:
    return html.escape(visible(text))


def anchor(section: Section) -> str:
    """Return the address of a section within the page."""
    return section.key or re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")


def _parts(line: Line) -> tuple[Inline, ...]:
    return line if isinstance(line, tuple) else (line,)


def _source(part: Inline) -> str:
    return part if isinstance(part, str) else part.source if isinstance(part, Formula) else part.text


def _formulas(blocks: Sequence[Block]) -> Iterator[tuple[str, bool]]:
    """Yield every formula, and whether it stands alone."""
    for block in blocks:
        match block:
            case Text(lines, style):
                parts = [part for line in lines for part in _parts(line)]
                yield from (
                    (_source(p), style == "formula")
                    for p in parts
                    if style == "formula" or isinstance(p, Formula)
                )
            case Table(rows=rows):
                cells = (cell for row in rows for cell in row)
                lines = (cell if isinstance(cell, tuple) else (cell,) for cell in cells)
                yield from ((p.source, False) for line in lines for p in line if isinstance(p, Formula))
            case Section(blocks=inner):
                yield from _formulas(inner)
            case Columns(parts):
                for part in parts:
                    yield from _formulas(part)
            case _:
                pass
