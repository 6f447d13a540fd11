"""Whether fits of simulated data are calibrated: ranks of the truth against the band of uniform ranks."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import COLOURS, TEXT_WIDTH, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import listing
from bayes_cx.validation.sbc import LEVEL, Sbc
from bayes_cx.validation.uniformity import band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_ranks", "ranks"]

_COLUMNS, _HEIGHT = 3, 1.35


def ranks(found: Sbc) -> Picture:
    """Draw, by coordinate, how far the distribution of ranks is from uniform, with the band of chance.

    The band contains a whole line with the probability of the test, so a line that leaves it is a failed
    test.

    Parameters
    ----------
    found : Sbc
        With one simulation fitted or more.
    """
    names = [str(name) for name in found.ranks["coordinate"].to_numpy()]
    draws, number = int(found.ranks.attrs["draws"]), found.ranks.sizes["simulation"]
    reach = _reach(found)
    rows = -(-len(names) // _COLUMNS)
    with canvas(0.2 + _HEIGHT * rows) as figure:
        width = TEXT_WIDTH / _COLUMNS
        for place, name in enumerate(names):
            row, column = divmod(place, _COLUMNS)
            axes = axes_at(
                figure,
                left=column * width + 0.36,
                right=TEXT_WIDTH - (column + 1) * width + 0.08,
                top=row * _HEIGHT + 0.24,
                bottom=(rows - 1 - row) * _HEIGHT + 0.42,
            )
            draw_ranks(axes, found, name, reach)
            if row == rows - 1 or place + _COLUMNS >= len(names):
                axes.set_xlabel("share of draws below the truth", fontsize=7.5)
        svg = to_svg(figure)
    failed = [check.name.split()[2] for check in found.checks if check.status == "failed"]
    known = [name.replace("_", " ") for name in failed]
    headline = (
        f"{found.model} by {found.method}: the truth ranks as chance has it, in all {number} fits"
        if not failed
        else f"{found.model} by {found.method}: ranks of {listing(known)} are not those of chance"
    )
    return Picture(
        svg,
        headline,
        f"Distribution of the rank of the truth among {draws} draws, less a uniform one, over {number} "
        f"simulations. Grey: where all {len(names)} lines stay with a chance of {1 - LEVEL:.0%}.",
        f"{len(names)} line charts with bands. {headline}.",
    )


def draw_ranks(axes: "Axes", found: Sbc, coordinate: str, reach: float | None = None) -> None:
    """Draw on given axes what `ranks` shows of one coordinate, up to `reach` on both sides of zero."""
    share, low, high = _band(found)
    line = _off(found, coordinate)
    outside = bool(np.any((line < low - 1e-12) | (line > high + 1e-12)))
    reach = _reach(found) if reach is None else reach
    axes.fill_between(share, low, high, color=tint(COLOURS["grey"], 0.3), linewidth=0)
    axes.axhline(0, color=COLOURS["grey"], linewidth=0.6)
    axes.plot(share, line, color=COLOURS["red" if outside else "blue"], linewidth=1.3)
    axes.set(xlim=(0, 1), ylim=(-reach, reach))
    axes.set_title(coordinate.replace("_", " "), loc="left", fontsize=8.5, color=COLOURS["ink"], pad=3)
    axes.set_xticks((0, 0.5, 1), ("0", "half", "all"))
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    axes.yaxis.set_major_formatter(FuncFormatter(_signed))


def _signed(gap: float, _position: int) -> str:
    return f"{100 * gap:+.0f}%".replace("-", "−") if gap else "0"


def _band(found: Sbc) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shares of the draws, and the ends of the band around a uniform distribution at each."""
    draws, number = int(found.ranks.attrs["draws"]), found.ranks.sizes["simulation"]
    share = np.arange(1, draws + 2) / (draws + 1)
    low, high = band(number, draws, 1 - LEVEL / found.ranks.sizes["coordinate"])
    return share, low - share, high - share


def _off(found: Sbc, coordinate: str) -> np.ndarray:
    """Return the distribution of the ranks of a coordinate, less a uniform one."""
    draws, number = int(found.ranks.attrs["draws"]), found.ranks.sizes["simulation"]
    line = found.ranks["rank"].sel(coordinate=coordinate).to_numpy()
    return np.bincount(line, minlength=draws + 1).cumsum() / number - np.arange(1, draws + 2) / (draws + 1)


def _reach(found: Sbc) -> float:
    """Return how far the lines of all coordinates and the band go."""
    _, low, high = _band(found)
    lines = [np.abs(_off(found, str(name))).max() for name in found.ranks["coordinate"].to_numpy()]
    return float(1.1 * max(*lines, high.max(), -low.min()))
