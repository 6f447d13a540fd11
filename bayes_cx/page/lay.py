"""What all renderers need of a table: the text of cells, the columns shown, the alignment."""

from dataclasses import replace

from bayes_cx.page.blocks import Badge, Band, Cell, Formula, Name, Number, Share, Sketch, Soft, Strong, Table
from bayes_cx.page.words import per_cent, per_cent_range

__all__ = ["MARKS", "STATUS_WORDS", "cell_text", "on_paper", "right", "shown"]

MARKS = {"passed": "✓", "failed": "▲", "look": "▲", "not_run": "–"}
STATUS_WORDS = {"passed": "passed", "failed": "failed", "not_run": "not run"}


def cell_text(cell: Cell) -> str:
    """Return a cell as plain text.

    Examples
    --------
    >>> cell_text(Name("Ada", "3 purchases")), cell_text(Number("1,200", 1200.0))
    ('Ada, 3 purchases', '1,200')
    """
    match cell:
        case str():
            return cell
        case tuple():
            return "".join(map(cell_text, cell))
        case Name(text, note):
            return f"{text}, {note}" if note else text
        case Badge(text, status):
            return f"{MARKS[status]} {text}" if status else text
        case Band((low, _, median, _, high)):
            return f"{per_cent(median)}, 90% interval {per_cent_range(low, high)}"
        case Share(share):
            return f"{share:.0%}"
        case Sketch(alt=alt):
            return alt
        case Formula(source):
            return source
        case Strong(text) | Soft(text) | Number(text):
            return text


def shown(table: Table) -> Table:
    """Return the table without its empty columns."""
    keep = [i for i in range(len(table.columns)) if any(cell_text(row[i]) for row in table.rows)]
    if len(keep) == len(table.columns) or not table.rows:
        return table
    rows = tuple(tuple(row[i] for i in keep) for row in table.rows)
    return replace(table, columns=tuple(table.columns[i] for i in keep), rows=rows)


def on_paper(table: Table) -> Table:
    """Return the table with the rows and the caption that paper has room for."""
    if table.extract is None:
        return table
    part = table.extract
    legend = table.legend if part.legend is None else part.legend
    return replace(table, rows=table.rows[: part.rows], caption=part.caption, legend=legend, extract=None)


def right(table: Table) -> tuple[bool, ...]:
    """Return for each column whether it is aligned to the right, as numbers are."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    return tuple(
        any(isinstance(cell, Number) for cell in cells)
        and all(isinstance(cell, Number) or not cell_text(cell) for cell in cells)
        for cells in columns
    )
