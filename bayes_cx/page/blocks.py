"""The blocks of a page: frozen records of texts and numbers, independent of paper or screen."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from bayes_cx.checks import Status

__all__ = [
    "Badge",
    "Band",
    "Block",
    "Cell",
    "Column",
    "Columns",
    "Extract",
    "Formula",
    "Inline",
    "Line",
    "Name",
    "Notice",
    "Number",
    "Page",
    "Picture",
    "Section",
    "Share",
    "Sketch",
    "Soft",
    "Strong",
    "Table",
    "Text",
    "Tile",
    "Tiles",
    "tables_of",
]

# Within a line of text


@dataclass(frozen=True)
class Strong:
    """Words that stand out."""

    text: str


@dataclass(frozen=True)
class Soft:
    """Words that stand back: small and grey."""

    text: str


@dataclass(frozen=True)
class Formula:
    """Mathematics in a line of text, in the notation of typst: ``"r / alpha"``."""

    source: str


@dataclass(frozen=True)
class Badge:
    """A word in a frame; the status of a check adds a mark, so that its meaning does not depend on colour."""

    text: str
    status: Status | None = None


type Inline = str | Strong | Soft | Formula | Badge
type Line = Inline | tuple[Inline, ...]


# Cells of a table


@dataclass(frozen=True)
class Name:
    """What a row is about, with a small second line."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Number:
    """A number as it is printed, and as it is sorted; aligned to the right.

    Attributes
    ----------
    text : str
    value : float or None
        What the column is sorted by; None sorts last.
    look : {"plain", "strong", "soft"}
    """

    text: str
    value: float | None = None
    look: Literal["plain", "strong", "soft"] = "plain"


@dataclass(frozen=True)
class Band:
    """The distribution of a share, as a bar on a track from 0 to 100%.

    Attributes
    ----------
    quantiles : tuple of five floats
        The 5, 25, 50, 75 and 95% quantiles, in shares of one.
    """

    quantiles: tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Share:
    """A thin bar for a share of the whole."""

    share: float
    tone: Literal["blue", "green"] = "blue"


@dataclass(frozen=True)
class Sketch:
    """A small drawing in a cell: an SVG that draws in ``currentColor``."""

    svg: bytes
    alt: str


type Cell = Line | Name | Number | Band | Share | Sketch


# Blocks


@dataclass(frozen=True)
class Text:
    """Lines of text.

    Attributes
    ----------
    lines : tuple of Line
        Each a text, or a tuple of texts, `Strong`, `Soft`, `Formula` and `Badge` that follow each other.
    style : str
        ``plain``: paragraphs; ``lead``: large, for what matters most; ``note``: small print; ``bullets`` and
        ``steps``: a list, or a numbered one; ``formula``: displayed formulas; ``code``: text to type;
        ``badges``: items side by side.
    """

    lines: tuple[Line, ...]
    style: Literal["plain", "lead", "note", "bullets", "steps", "formula", "code", "badges"] = "plain"

    def __post_init__(self) -> None:
        if isinstance(self.lines, str):
            raise TypeError("the lines of a Text are a tuple; write Text((line,))")


@dataclass(frozen=True)
class Notice:
    """A framed note, for warnings and verdicts.

    Attributes
    ----------
    status : {"failed", "look", "not_run", "passed"}
    title, text : str
    """

    status: Literal["failed", "look", "not_run", "passed"]
    title: str
    text: str


@dataclass(frozen=True)
class Tile:
    """A large number, what it is, and how sure that is."""

    number: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Tiles:
    """The few numbers that matter most, side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes
    ----------
    head : str
    wide : bool
        Whether the column takes the remaining width.
    ends : tuple of str
        For a column of `Band`: the labels at the left and right end of its track.
    """

    head: str = ""
    wide: bool = False
    ends: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Extract:
    """The part of a long table that is printed on paper: its first rows, with a caption of their own.

    Attributes
    ----------
    rows : int
    caption : str
    legend : str or None
        None for that of the whole table.
    """

    rows: int
    caption: str
    legend: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows under heads.

    Attributes
    ----------
    columns : tuple of Column
    rows : tuple of tuple of Cell
        One cell for each column. A column whose cells are all empty is left out.
    caption : str
        What the table shows; printed above it.
    legend : str
        How to read it; follows the caption.
    label : str
        What the table shows, for a screen reader, where no caption is printed.
    note : str
        Small print below it.
    extract : Extract or None
        What is printed on paper, where the rows are too many; on screen the table can be searched and
        sorted.
    total : int or None
        How many rows there are, where `rows` are only the first of them.
    rest : str
        Where to find the rows that a page left out ("all are in priority.csv").
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    legend: str = ""
    label: str = ""
    note: str = ""
    extract: Extract | None = None
    total: int | None = None
    rest: str = ""

    def __post_init__(self) -> None:
        wrong = {len(row) for row in self.rows} - {len(self.columns)}
        if wrong:
            raise TypeError(f"rows of {sorted(wrong)} cells in a table of {len(self.columns)} columns")


@dataclass(frozen=True)
class Picture:
    """A drawing and the words that go with it.

    Attributes
    ----------
    svg : bytes
    headline : str
        What the picture shows, computed from its data.
    subtitle : str
        What is drawn, and in which units.
    alt : str
        The picture in words, for readers who do not see it.
    """

    svg: bytes
    headline: str
    subtitle: str
    alt: str


@dataclass(frozen=True)
class Columns:
    """Blocks side by side, where there is room."""

    parts: "tuple[tuple[Block, ...], ...]"


@dataclass(frozen=True)
class Section:
    """Blocks under a heading.

    Attributes
    ----------
    title : str
        Empty for blocks that need none.
    blocks : tuple of Block
        Sections among them are headed one level lower.
    key : str
        Its address on a screen: lower case, without spaces.
    new_page : bool
        Whether paper starts a new page.
    folded : bool
        Whether a screen shows the title only, until it is opened.
    badge : Badge or None
        Beside the title.
    """

    title: str
    blocks: "tuple[Block, ...]"
    key: str = ""
    new_page: bool = False
    folded: bool = False
    badge: Badge | None = None


type Block = Text | Notice | Tiles | Table | Picture | Columns | Section


@dataclass(frozen=True)
class Page:
    """A whole document.

    Attributes
    ----------
    title, subtitle : str
    sections : tuple of Section
    facts : tuple of pairs of str
        Names and values under the title.
    organisation : str
        In the running head.
    foot : str
        What made the page, in its foot.
    timestamp : datetime
        With a time zone. The same page gives the same bytes.
    one_page : bool
        Whether paper has one page only: type shrinks, and then tables end earlier, until all fits.
    language : str
    """

    title: str
    sections: tuple[Section, ...]
    subtitle: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    organisation: str = ""
    foot: str = ""
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    one_page: bool = False
    language: str = "en"


def tables_of(blocks: "tuple[Block, ...]") -> Iterator[Table]:
    """Yield every table among the blocks, at any depth."""
    for block in blocks:
        match block:
            case Table():
                yield block
            case Section(blocks=inner):
                yield from tables_of(inner)
            case Columns(parts=parts):
                for part in parts:
                    yield from tables_of(part)
