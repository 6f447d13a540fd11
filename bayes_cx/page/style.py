"""Colours, line widths and the matplotlib settings that all figures share."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from bayes_cx.page.fonts import FAMILY, font_files

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BANDS",
    "COLOURS",
    "DARK",
    "PAPER",
    "STEPS",
    "TEXT_WIDTH",
    "axes_at",
    "canvas",
    "house_style",
    "tint",
    "to_svg",
]

COLOURS: dict[str, str] = {
    "title": "#10203f",  # titles and headlines
    "ink": "#1d2735",  # running text, observed data
    "muted": "#566072",  # captions, axes, second lines (contrast 6:1 on white)
    "rule": "#dfe3ea",  # hairlines and grid
    "panel": "#f4f6f9",  # quiet backgrounds
    "blue": "#15446b",  # the model
    "green": "#159a7c",  # gains
    "red": "#b1304c",  # losses
    "orange": "#e0780f",  # decision thresholds
    "amber": "#b35000",  # words that belong to that line; warnings
    "grey": "#8d96ad",  # undecided
}

DARK: dict[str, str] = {
    "title": "#f1f4f8",
    "ink": "#dfe4ec",
    "muted": "#a4aebd",
    "rule": "#323b48",
    "panel": "#1d242e",
    "blue": "#82b8e8",
    "green": "#4cc9a3",
    "red": "#f2839a",
    "orange": "#f0a04b",
    "amber": "#f4b072",
    "grey": "#98a3b9",
}
"""The same on a dark screen, where the paper is `PAPER["dark"]`."""

PAPER = {"light": "#ffffff", "dark": "#13181f"}

TEXT_WIDTH = 6.85
"""Width of the text column of an A4 page in inches; figures are drawn at the size they are printed."""

BANDS = ((0.025, 0.975, 0.15), (0.1, 0.9, 0.3), (0.25, 0.75, 0.5))
"""Lower and upper quantile of each band of a fan, and the strength of its tint."""

STEPS = (1, 2, 2.5, 5, 10)
"""Distances of ticks, times powers of ten."""

_RC: dict[Any, Any] = {
    "font.family": FAMILY,
    "font.size": 8.5,
    "text.color": COLOURS["ink"],
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.edgecolor": COLOURS["grey"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.6,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 0.6,
    "xtick.color": COLOURS["grey"],
    "ytick.color": COLOURS["grey"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.solid_capstyle": "butt",
    "svg.fonttype": "none",  # text stays text: searchable, and set with the fonts of the page
    "svg.hashsalt": "bayes_cx",  # element ids do not change between runs
}


@cache
def _register_fonts() -> None:
    from matplotlib import font_manager

    for path in font_files():
        font_manager.fontManager.addfont(path)


@contextmanager
def canvas(height: float, width: float = TEXT_WIDTH) -> Iterator["Figure"]:
    """Yield an empty matplotlib figure in the house style.

    Parameters
    ----------
    height, width : float
        Size in inches as printed.
    """
    from matplotlib.figure import Figure

    with house_style():
        yield Figure(figsize=(width, height))


@contextmanager
def house_style() -> Iterator[None]:
    """Give what matplotlib makes inside it the typeface, sizes and colours of the house."""
    from matplotlib import rc_context

    _register_fonts()
    with rc_context(_RC):
        yield


def to_svg(figure: "Figure") -> bytes:
    """Return the figure as SVG, the same bytes for the same figure."""
    buffer = io.BytesIO()
    metadata = {"Date": None, "Creator": None}
    figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    return buffer.getvalue()


def tint(colour: str, share: float) -> str:
    """Mix a colour with white; `share` = 1 leaves it as it is.

    Opaque tints print the same everywhere and add up where bands overlap only if they are meant to.

    Examples
    --------
    >>> tint("#000000", 0.5)
    '#808080'
    """
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - share * (255 - channel)):02x}" for channel in channels)


def axes_at(figure: "Figure", *, left: float, right: float, top: float, bottom: float) -> "Axes":
    """Add axes with the given margins in inches, so that text has the room it needs at any size."""
    width, height = figure.get_size_inches()
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height)
    return figure.add_axes(box)
