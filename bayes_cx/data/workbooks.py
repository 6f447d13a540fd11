"""Workbooks of Excel: all sheets that have the columns, as one table."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from bayes_cx.data.cells import as_text
from bayes_cx.data.column_names import distinct
from bayes_cx.errors import InputError
from bayes_cx.privacy import place

__all__ = ["read_workbooks"]

# How far down the row with the names of the columns may be.
_FIRST_ROWS = 50


def read_workbooks(
    files: Sequence[Path], needed: Sequence[str], known: Collection[str], decimal: str = "."
) -> pa.Table:
    """Read the sheets of workbooks that have the columns, one after the other.

    Sheets without them, such as notes, are left out. A column holds numbers or times where all of its cells
    do, otherwise text; whole numbers have no decimals in it.

    Parameters
    ----------
    files : sequence of Path
        Files of Excel or OpenDocument.
    needed : sequence of str
        Columns that must be there.
    known : collection of str
        Columns that tell in which row the names are; without any it is the first.
    decimal : str
        What stands before the decimals of numbers in a column of text.

    Raises
    ------
    InputError
        If a file cannot be read, or none of its sheets has the columns.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    cells: dict[str, list[Any]] = {}
    for file in files:
        try:
            book = CalamineWorkbook.from_path(file)
            sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
        except (CalamineError, OSError) as error:
            raise InputError(
                f"{place(file)} cannot be read ({str(error).strip().splitlines()[0]})",
                "a workbook without a password",
                "open it and save it again",
            ) from error
        found = {name: rows for name in sheets if (rows := _from_names(sheets[name], needed, known))}
        if not found:
            rows = [[as_text(cell) for cell in row if cell != ""] for rows in sheets.values() for row in rows]
            widest = max(rows, key=len, default=[])
            raise InputError(
                f"no sheet of {place(file)} has the columns {', '.join(map(repr, needed))}",
                f"them in one row (one row has {', '.join(map(repr, widest[:_FIRST_ROWS])) or 'nothing'})",
                "check the spelling, upper and lower case included",
            )
        for name, rows in found.items():
            _add(rows, known, f"{place(file)}, sheet {name}", cells)
    return pa.table({name: _column(column, decimal) for name, column in cells.items()})


def _from_names(rows: list[list[Any]], needed: Sequence[str], known: Collection[str]) -> list[list[Any]]:
    """Return the rows from that with the names of the columns on; none if they are not in this sheet."""
    filled = [at for at, cells in enumerate(rows[:_FIRST_ROWS]) if any(cell != "" for cell in cells)]
    names = {at: {as_text(cell).strip() for cell in rows[at]} for at in filled}
    at = max(filled, key=lambda at: len(names[at] & {*known}), default=None)
    if at is None or not set(needed) <= names[at] or (known and not names[at] & {*known}):
        return []
    return rows[at:]


def _add(rows: list[list[Any]], known: Collection[str], where: str, cells: dict[str, list[Any]]) -> None:
    """Add the cells of a sheet to those of others, by the names of the columns."""
    before = max(map(len, cells.values()), default=0)
    names = distinct([as_text(cell).strip() for cell in rows[0]], known, where)
    # A row in which nothing is filled in is no row.
    filled = [row for row in rows[1:] if any(cell != "" for cell in row)]
    for position, name in enumerate(names):
        cells.setdefault(name, [""] * before).extend(row[position] for row in filled)
    for column in cells.values():
        column.extend([""] * (before + len(filled) - len(column)))


def _column(cells: Sequence[Any], decimal: str) -> pa.Array:
    known = [None if cell == "" else cell for cell in cells]
    types = {type(cell) for cell in known if cell is not None}
    if types and types <= {int, float}:
        return pa.array([None if cell is None else float(cell) for cell in known], pa.float64())
    if types and types <= {date, datetime}:
        return pa.array(
            [
                cell
                if cell is None or isinstance(cell, datetime)
                else datetime(cell.year, cell.month, cell.day)
                for cell in known
            ],
            pa.timestamp("us"),
        )
    return pa.array([None if cell is None else as_text(cell, decimal) for cell in known], pa.string())
