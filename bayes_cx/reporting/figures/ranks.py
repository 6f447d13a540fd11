"""Whether fits of simulated data are calibrated: ranks of the truth against the band of uniform ranks."""

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import COLOURS, TEXT_WIDTH, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import listing
from bayes_cx.validation.sbc import LEVEL, Sbc
from bayes_cx.validation.uniformity import band

__all__ = ["ranks"]

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
    share = np.arange(1, draws + 2) / (draws + 1)
    low, high = (edge - share for edge in band(number, draws, 1 - LEVEL / len(names)))
    lines = found.ranks["rank"].transpose("coordinate", "simulation").to_numpy()
    off = np.array([np.bincount(line, minlength=draws + 1).cumsum() / number - share for line in lines])
    reach = 1.1 * max(np.abs(off).max(), high.max(), -low.min())
    rows = -(-len(names) // _COLUMNS)
    with canvas(0.2 + _HEIGHT * rows) as figure:
        width = TEXT_WIDTH / _COLUMNS
        for place, (name, line) in enumerate(zip(names, off, strict=True)):
            row, column = divmod(place, _COLUMNS)
            axes = axes_at(
                figure,
                left=column * width + 0.36,
                right=TEXT_WIDTH - (column + 1) * width + 0.08,
                top=row * _HEIGHT + 0.24,
                bottom=(rows - 1 - row) * _HEIGHT + 0.42,
            )
            outside = bool(np.any((line < low - 1e-12) | (line > high + 1e-12)))
            axes.fill_between(share, low, high, color=tint(COLOURS["grey"], 0.3), linewidth=0)
            axes.axhline(0, color=COLOURS["grey"], linewidth=0.6)
            axes.plot(share, line, color=COLOURS["red" if outside else "blue"], linewidth=1.3)
            axes.set(xlim=(0, 1), ylim=(-reach, reach))
            axes.set_title(name.replace("_", " "), loc="left", fontsize=8.5, color=COLOURS["ink"], pad=3)
            axes.set_xticks((0, 0.5, 1), ("0", "half", "all"))
            axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda gap, _: f"{100 * gap:+.0f}%" if gap else "0"))
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
