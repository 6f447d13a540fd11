"""The rows of a long table as data, which the script of a page sorts, searches and shows."""

import json
import re

from bayes_cx.page.blocks import Badge, Band, Cell, Name, Number, Strong, Table
from bayes_cx.page.fonts import visible
from bayes_cx.page.lay import cell_text

__all__ = ["packed"]

# What the rows of one table may add to a file that is to stay below 2 MB.
_MOST_BYTES = 1_200_000
_NUMBER = re.compile(r"−?[\d,]+(\.\d+)?(%?$| to )")


def packed(table: Table) -> tuple[int, str]:
    """Return how many rows may be in the file, and these as JSON that cannot end its element."""
    kinds = [_kind({type(row[i]) for row in table.rows}) for i in range(len(table.columns))]
    looks = [
        next((row[i].look for row in table.rows if isinstance(row[i], Number)), "plain")  # pyright: ignore
        for i in range(len(table.columns))
    ]
    lines, size = [], 0
    for row in table.rows:
        line = json.dumps([_pack(cell) for cell in row], ensure_ascii=False, separators=(",", ":"))
        size += len(line.encode())
        if size > _MOST_BYTES:
            break
        lines.append(line)
    columns = [{"kind": kind, "look": look} for kind, look in zip(kinds, looks, strict=True)]
    data = f'{{"columns":{json.dumps(columns)},"rows":[{",".join(lines)}]}}'
    return len(lines), data.replace("<", "\\u003c")


def _kind(kinds: set[type]) -> str:
    kinds = kinds - {str} if len(kinds) > 1 else kinds
    names: dict[type, str] = {Name: "name", Number: "number", Band: "band", Badge: "badge", Strong: "strong"}
    return names.get(next(iter(kinds)), "text") if len(kinds) == 1 else "text"


def _pack(cell: Cell) -> object:
    match cell:
        case Name(text, note):
            return [visible(text), visible(note)]
        case Number(text, value):
            # what begins with a number is sorted by it, without saying it twice
            return text if _NUMBER.match(text) else [text, None if value is None else float(f"{value:.6g}")]
        case Band(quantiles):
            return [_short(100 * q) for q in quantiles]
        case Badge(text, status):
            return [text, status]
        case _:
            return visible(cell_text(cell))


def _short(number: float) -> int | float:
    rounded = round(number, 1)
    return int(rounded) if rounded == int(rounded) else rounded
