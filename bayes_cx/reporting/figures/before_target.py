"""Signals before a target as intervals: how many times as likely it is after each."""

from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bayes_cx.inference.signals import Signals
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, axes_at, canvas, to_svg
from bayes_cx.page.words import measured, per_cent, plural, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["before_target", "draw_before_target"]

_TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
# A longer name of a sequence is shortened in its middle.
_LONGEST = 44


def before_target(signals: Signals, most: int = 12) -> Picture | None:
    """Draw the strongest signals with their 90% intervals; None where there is none.

    Parameters
    ----------
    signals : Signals
    most : int
    """
    found = signals.found().head(most)
    if not len(found):
        return None
    with canvas(0.72 + 0.25 * len(found)) as figure:
        axes = axes_at(figure, left=2.9, right=0.95, top=0.24, bottom=0.48)
        draw_before_target(axes, signals, most)
        svg = to_svg(figure)
    target, best = " or ".join(signals.target), found.iloc[0]
    headline = (
        f"After {', then '.join(signals.events[str(found.index[0])])}, {target} is "
        f"{measured(best['factor'], 2)} times as likely"
    )
    return Picture(
        svg,
        headline,
        f"How many times as likely {target} is after each, against others of the same age at the same time, "
        f"with 90% intervals, and the share of {plural(signals.cases, 'case')} that had it within "
        f"{signals.window} before.",
        f"Intervals. {headline}. "
        + "; ".join(
            f"{name}: {measured(row['factor'], 2)} ({measured(row['low'], 2)} to {measured(row['high'], 2)})"
            for name, row in found.to_dict("index").items()
        ),
    )


def draw_before_target(axes: "Axes", signals: Signals, most: int = 12) -> None:
    """Draw on given axes what `before_target` shows."""
    found = signals.found().head(most)
    n = max(len(found), 1)
    axes.axvline(1, color=COLOURS["grey"], linewidth=0.9)
    for row, (name, one) in enumerate(found.to_dict("index").items()):
        colour = COLOURS["red" if one["factor"] > 1 else "blue"]
        axes.plot([one["low"], one["high"]], [row, row], color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([one["factor"]], [row], "o", color=colour, markersize=5)
        axes.annotate(
            shorten(printable(str(name)), _LONGEST), (0, row), xycoords=("axes fraction", "data"),
            xytext=(-8, 0), textcoords="offset points", ha="right", va="center",
        )  # fmt: skip
        axes.annotate(
            per_cent(one["share_cases"]), (1, row), xycoords=("axes fraction", "data"), xytext=(58, 0),
            textcoords="offset points", ha="right", va="center",
        )  # fmt: skip
    axes.annotate(
        "of cases", (1, -0.55), xycoords=("axes fraction", "data"), xytext=(58, 0), ha="right", va="bottom",
        textcoords="offset points", fontsize=8, color=COLOURS["muted"],
    )  # fmt: skip
    low, high = (0.5, 2.0) if not len(found) else (found["low"].min(), found["high"].max())
    axes.set_xscale("log")
    axes.set(xlim=(min(low, 0.8) * 0.9, max(high, 1.25) * 1.1), ylim=(n - 0.5, -0.5), yticks=[])
    axes.xaxis.set_major_locator(FixedLocator(_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{at:g}"))
    axes.set_xlabel(f"Times as likely: {' or '.join(signals.target)}")
    axes.grid(True, axis="x")
