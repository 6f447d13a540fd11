"""Chances of journeys: from each state, and as forecast beside what happened."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, per_cent_range, shorten
from bayes_cx.scoring.journey_views import each_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["came_true", "chances", "draw_came_true", "draw_chances"]

_ROW, _NAME = 0.2, 24


def chances(
    by_state: Any,
    start: tuple[float, float, float],
    words: str,
    colour: str,
    rows: int = 14,
    width: float = 3.3,
) -> Picture:
    """Draw the chance to reach a target from each state, with its 90% interval, and from the start.

    Parameters
    ----------
    by_state : pandas.DataFrame
        From `state_outlook`.
    start : tuple of three floats
        The chance at the start and the ends of its interval.
    words : str
        The target as a sentence calls it.
    colour : str
        A key of `COLOURS`.
    rows : int
        The states that are passed most often are shown, at most so many.
    width : float
        In inches.
    """
    shown = _shown(by_state, rows)
    with canvas(0.75 + _ROW * len(shown), width=width) as figure:
        axes = axes_at(figure, left=1.35, right=0.15, top=0.12, bottom=0.42)
        draw_chances(axes, shown, start, colour)
        svg = to_svg(figure)
    if shown.empty:
        headline = f"No state is passed on the way to {words}"
    else:
        best = shown.iloc[int(np.argmax(shown["low"].to_numpy()))]
        ends = per_cent_range(float(best["low"]), float(best["high"]))
        chance = per_cent(float(best["chance"]))
        headline = f"{shorten(str(best.name), 30)} leads to {words} in {chance} (90% interval {ends})"
    rest = len(by_state) - len(shown)
    also = f" {count(rest)} states that are passed less often are left out." if rest else ""
    return Picture(
        svg,
        headline,
        f"Chance to reach {words} once a journey is there, 90% interval; line: at the start, "
        f"{per_cent(start[0])}.{also}",
        "Dots over interval bars. "
        + "; ".join(
            f"{row.Index}: {per_cent(row.chance)} ({per_cent_range(row.low, row.high)})"
            for row in each_row(shown)
        ),
    )


def _shown(by_state: Any, rows: int) -> Any:
    return by_state.nlargest(rows, "passed").sort_values(["chance"], ascending=False)


def draw_chances(axes: "Axes", shown: Any, start: tuple[float, float, float], colour: str = "blue") -> None:
    """Draw on given axes what `chances` shows."""
    place = np.arange(len(shown))
    axes.axvspan(start[1], start[2], color=COLOURS["rule"], linewidth=0)
    axes.axvline(start[0], color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
    axes.hlines(place, shown["low"], shown["high"], color=tint(COLOURS[colour], 0.5), linewidth=4)
    axes.plot(shown["chance"], place, "o", color=COLOURS[colour], markersize=4.5)
    names = [shorten(printable(str(name)), _NAME) for name in shown.index]
    axes.set_yticks(place, names)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", labelsize=8, labelcolor=COLOURS["ink"])
    high = max([start[2], *shown["high"]])
    axes.set_xlim(0, min(1.0, high * 1.08 + 1e-9))
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    decimals = 0 if high > 0.04 else 1
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.{decimals}%}"))


def came_true(table: Any, words: str) -> Picture:
    """Draw how often what was forecast with a chance happened, with 90% intervals of the share."""
    with canvas(2.9, width=3.3) as figure:
        axes = axes_at(figure, left=0.55, right=0.1, top=0.12, bottom=0.5)
        draw_came_true(axes, table)
        axes.set(xlabel="Forecast chance", ylabel="Share that did")
        svg = to_svg(figure)
    off = [row for row in each_row(table) if not row.low <= row.forecast <= row.high]
    if not off:
        headline = f"Chances of {words} came true as forecast"
    else:
        named = [f"{per_cent(row.forecast)} was {per_cent(row.observed)}" for row in off[:3]]
        headline = f"Chances of {words}: {listing(named)}"
    return Picture(
        svg,
        headline,
        "Forecasts in tenths; on the line they came true. Bars: 90% intervals; red where they miss the line.",
        "; ".join(
            f"forecast {per_cent(row.forecast)}: {per_cent(row.observed)} of {count(row.journeys)}"
            for row in each_row(table)
        ),
    )


def draw_came_true(axes: "Axes", table: Any) -> None:
    """Draw on given axes what `came_true` shows."""
    most = float(np.clip(1.1 * np.max([table["forecast"].max(), table["high"].max()]), 0.05, 1))
    axes.plot([0, most], [0, most], color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
    for row in each_row(table):
        colour = COLOURS["blue" if row.low <= row.forecast <= row.high else "red"]
        axes.plot([row.forecast] * 2, [row.low, row.high], color=colour, linewidth=1.6)
        axes.plot(row.forecast, row.observed, "o", color=colour, markersize=4.5, zorder=4)
    axes.set(xlim=(0, most), ylim=(0, most))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
