"""Lines of text files compared with the rows they come to: quotes that nobody closes swallow no rows.

A cell in quotes may go on over several lines. Where a quote is not closed, a reader of CSV takes everything
up to the next quote for one cell, and with it all rows in between. Here such lines are found and taken out,
and what a file should come to is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

__all__ = ["Lines", "copy_mended", "scan"]

_BLOCK = 4_000_000
_NEWLINE, _RETURN, _QUOTE, _SPACE = 10, 13, 34, 32
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# DuckDB reads no row longer than this many bytes.
_LONGEST_ROW = 2_000_000


@dataclass
class Lines:
    """What the lines of a file come to.

    Attributes
    ----------
    rows : int
        Rows below the line with the names: lines that are not blank, those of one quoted cell taken together.
    unbalanced : dict of int to str
        The lines, numbered from 1, with a quote that nobody closes, and their text. They are no rows.
    lf, crlf, stray : int
        Rows that end with a line feed alone, with carriage return and line feed, and carriage returns
        elsewhere.
    """

    rows: int = -1
    unbalanced: dict[int, str] = field(default_factory=dict)
    lf: int = 0
    crlf: int = 0
    stray: int = 0

    @property
    def mixed(self) -> bool:
        """Whether the lines end in several ways, which DuckDB does not read."""
        return self.stray > 0 or (self.lf > 0 and self.crlf > 0)


def scan(file: BinaryIO, delimiter: str, columns: int, skip: int = 0) -> Lines:
    """Find the lines of a text file that are no rows, and count the rows.

    A cell that begins with a quote goes on to the next single one. What lies between is taken for one cell,
    unless the lines come to no row of so many cells, or all of three or more look like rows by themselves:
    then the quote is unbalanced.

    Parameters
    ----------
    file : binary file
        Read from where it stands to its end.
    delimiter : str
        One ASCII letter.
    columns : int
        The number of cells of a row.
    skip : int
        Lines before that with the names.

    Examples
    --------
    >>> from io import BytesIO
    >>> file = BytesIO(b'id,name,day\\n1,"Ann,2025\\n2,Bob,2025\\n3,"Eve",2025\\n4,"A\\nB",2025\\n')
    >>> found = scan(file, ",", 3)
    >>> found.rows, found.unbalanced
    (3, {2: '1,"Ann,2025'})
    """
    scanner = _Scanner(delimiter.encode(), columns)
    number = 1
    for position, block in enumerate(_blocks(file)):
        block = block.removeprefix(_BYTE_ORDER_MARK) if position == 0 else block
        while number <= skip and block:
            _, _, block = block.partition(b"\n")
            number += 1
        number = scanner.read(block, number)
    scanner.end()
    return scanner.found


def copy_mended(file: BinaryIO, found: Lines, target: Path) -> None:
    """Copy a text file with a blank line in place of each unbalanced one, and one end of line for all."""
    with target.open("wb") as out:
        number = 1
        for block in _blocks(file):
            lines = block.split(b"\n")[:-1]
            out.writelines(
                b"\n" if number + i in found.unbalanced else line.rstrip(b"\r").replace(b"\r", b" ") + b"\n"
                for i, line in enumerate(lines)
            )
            number += len(lines)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file in blocks of whole lines, each with its line feed."""
    rest, only_returns = b"", None
    while block := file.read(_BLOCK):
        if only_returns is None:  # files of old, in which a carriage return alone ends a line
            only_returns = b"\n" not in block and b"\r" in block
        block = rest + (block.replace(b"\r", b"\n") if only_returns else block)
        whole, newline, rest = block.rpartition(b"\n")
        if newline:
            yield whole + newline
    if rest:
        yield rest + b"\n"


@dataclass
class _Open:
    """A row of which a quoted cell has not ended, and the lines since it began.

    Attributes
    ----------
    number : int
        The line in which it began.
    line : bytes
        That line.
    cells : int
        Its cells so far.
    valid : bool
        Whether nothing stands between closing quotes and the next delimiter.
    size : int
        Bytes since that line.
    inner, rows : int
        Filled lines after it, and those of them that are rows by themselves.
    lf, crlf : int
        How all lines of it end, but for the last.
    later : list
        The lines from the first on that ends a quoted cell. Those before it hold no cell in quotes.
    """

    number: int
    line: bytes
    cells: int
    valid: bool
    size: int = 0
    inner: int = 0
    rows: int = 0
    lf: int = 0
    crlf: int = 0
    later: list[tuple[bytes, int, bool]] = field(default_factory=list)

    def ends(self, returned: bool) -> None:
        """Count the end of a line."""
        self.crlf += returned
        self.lf += not returned


class _Scanner:
    """Reads blocks of lines; `found` is what they come to so far."""

    def __init__(self, delimiter: bytes, columns: int) -> None:
        self.delimiter, self.columns = delimiter, columns
        self.found = Lines()
        self.open: _Open | None = None

    def read(self, block: bytes, number: int) -> int:
        """Read whole lines, of which the first has this number; return that of the next."""
        letters = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(letters == _NEWLINE)
        starts = np.append(0, ends[:-1] + 1)
        returned = (ends > starts) & (letters[np.maximum(ends - 1, 0)] == _RETURN)
        # For now every line counts as a row; what cells in quotes hold is taken off once they are closed.
        self.found.rows += int(np.count_nonzero(ends - starts - returned))
        self.found.crlf += int(returned.sum())
        self.found.lf += int(ends.size - returned.sum())
        self.found.stray += block.count(b"\r") - int(returned.sum())
        doubtful, line = self._doubtful(letters, ends), 0
        while line < ends.size:
            if self.open is None:
                later = np.searchsorted(doubtful, line)
                if later == doubtful.size:
                    break
                line = int(doubtful[later])
            text = block[starts[line] : ends[line]].rstrip(b"\r")
            self._feed(text, number + line, bool(returned[line]))
            line += 1
        return number + ends.size

    def end(self) -> None:
        """Say that there are no more lines."""
        while self.open is not None:
            self._unbalanced(self.open)

    def _doubtful(self, letters: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return the lines that may end inside a quoted cell: all others open and close every cell."""
        quotes = np.flatnonzero(letters == _QUOTE)
        if not quotes.size:
            return quotes
        delimiter = self.delimiter[0]
        before, after = letters[np.maximum(quotes - 1, 0)], letters[quotes + 1]
        opening = (before == delimiter) | (before == _NEWLINE) | (quotes == 0)
        closing = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN)
        last = np.searchsorted(quotes, ends)
        first = np.append(0, last[:-1])
        lines = np.flatnonzero(last > first)
        first, last = first[lines], last[lines]
        sure = (
            ((last - first) % 2 == 0)
            & (
                np.add.reduceat(opening, first, dtype=np.int32)
                == np.add.reduceat(closing, first, dtype=np.int32)
            )
            & ~np.logical_or.reduceat(before == _SPACE, first)
            & opening[first]
            & closing[last - 1]
        )
        return lines[~sure]

    def _feed(self, text: bytes, number: int, returned: bool) -> None:
        """Read a line that may begin, hold or end a quoted cell."""
        if self.open is not None:
            self._go_on(self.open, text, number, returned)
        else:
            inside, cells, valid = self._cells(text, inside=False)
            if inside:
                self.open = _Open(number, text, cells, valid)
                self.open.ends(returned)

    def _go_on(self, row: _Open, text: bytes, number: int, returned: bool) -> None:
        inside, cells, valid = self._cells(text, inside=True)
        row.cells += cells - 1
        row.valid &= valid
        row.size += len(text)
        if cells > 1 or not inside or row.later:
            row.later.append((text, number, returned))
        if row.valid and row.cells <= self.columns and row.size <= _LONGEST_ROW:
            if inside:
                row.inner += bool(text)
                row.rows += self._is_row(text)
                row.ends(returned)
                return
            if row.cells == self.columns and not self._holds_rows(row, text):
                self.found.rows -= row.inner + 1
                self.found.lf -= row.lf
                self.found.crlf -= row.crlf
                self.open = None
                return
        self._unbalanced(row)

    def _unbalanced(self, row: _Open) -> None:
        """Take out the line in which a row begins, and read those after it again."""
        self.found.unbalanced[row.number] = row.line.decode("utf-8", "replace")
        self.found.rows -= 1
        self.open = None
        for line in row.later:
            self._feed(*line)

    def _is_row(self, text: bytes) -> bool:
        inside, cells, valid = self._cells(text, inside=False)
        return valid and not inside and cells == self.columns

    def _holds_rows(self, row: _Open, last: bytes) -> bool:
        """Return whether lines look like rows of their own, although they come to one row as well."""
        whole = self._looks_whole(row.line) and self._looks_whole(last)
        return whole and 0 < row.rows == row.inner

    def _looks_whole(self, text: bytes) -> bool:
        """Return whether a line has the right number of cells if its quotes mean nothing."""
        return text.count(self.delimiter) + 1 == self.columns

    def _cells(self, text: bytes, *, inside: bool) -> tuple[bool, int, bool]:
        """Read a line from inside of a quoted cell or from the beginning of a cell.

        Returns
        -------
        inside : bool
            Whether it ends inside a quoted cell.
        cells : int
        valid : bool
            Whether nothing stands between a closing quote and the next delimiter.
        """
        at, cells, valid = 0, 1, True
        while True:
            if inside:
                close = text.find(b'"', at)
                while close >= 0 and text[close + 1 : close + 2] == b'"':
                    close = text.find(b'"', close + 2)
                if close < 0:
                    return True, cells, valid
                at, inside = close + 1, False
            else:
                begin = at + len(text[at:]) - len(text[at:].lstrip(b" "))
                if text[begin : begin + 1] == b'"':
                    at, inside = begin + 1, True
                    continue
                close = -1
            end = text.find(self.delimiter, at)
            if close >= 0 and text[at : len(text) if end < 0 else end].strip():
                valid = False
            if end < 0:
                return False, cells, valid
            at, cells = end + 1, cells + 1
