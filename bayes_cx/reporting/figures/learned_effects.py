"""What a log has taught of each action in each group, beside what was assumed."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_cx.decision import Learned
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import measured, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST", "draw_learned_effects", "learned_effects", "rows_of"]

MOST = 18
"""The most rows that are drawn; those with the most decisions."""


def learned_effects(learned: Learned, headline: str) -> Picture:
    """Draw each effect with its interval, and what was assumed of the action.

    Parameters
    ----------
    learned : Learned
    headline : str
        What the picture shows.
    """
    rows = rows_of(learned)
    with canvas(0.7 + 0.26 * rows.sizes["row"]) as figure:
        axes = axes_at(figure, left=2.3, right=0.3, top=0.1, bottom=0.5)
        draw_learned_effects(axes, learned)
        svg = to_svg(figure)
    unit = "percentage points" if learned.outcome == "bought" else learned.outcome
    more = learned.effects["effect"].size - rows.sizes["row"]
    return Picture(
        svg,
        headline,
        f"Change by an action, in {unit} of a decision: 90% interval (bar) and mean (line) of what is known "
        "now, and what was assumed before any decision (circle). Grey bars are assumed only."
        + (f" {more:,} with fewer decisions are in the table." if more else ""),
        f"Interval bars. {headline}.",
    )


def rows_of(learned: Learned) -> xr.Dataset:
    """Return the effects that are drawn, over ``row``, by action and group."""
    every = learned.effects.drop_vars("draws").stack(row=("action", "group"), create_index=False)
    n = every["n"].to_numpy()
    kept = np.sort(np.argsort(-n, kind="stable")[:MOST])
    return every.isel(row=kept)


def draw_learned_effects(axes: "Axes", learned: Learned) -> None:
    """Draw on given axes what `learned_effects` shows."""
    rows = rows_of(learned)
    unit = 100.0 if learned.outcome == "bought" else 1.0
    low, middle, high, n = (rows[name].to_numpy() for name in ("low", "effect", "high", "n"))
    alone = rows.indexes.get("group") is None and len(learned.groups) == 1
    axes.axvline(0, color=COLOURS["muted"], linewidth=0.9)
    for i, (action, group) in enumerate(
        zip(rows["action"].to_numpy().astype(str), rows["group"].to_numpy().astype(str), strict=True)
    ):
        colour = COLOURS["grey"]
        if n[i]:
            colour = COLOURS["green"] if low[i] > 0 else COLOURS["red"] if high[i] < 0 else COLOURS["blue"]
        axes.barh(
            i,
            unit * (high[i] - low[i]),
            left=unit * low[i],
            height=0.42,
            color=tint(colour, 0.45),
            linewidth=0,
        )
        axes.plot([unit * middle[i]] * 2, [i - 0.32, i + 0.32], color=COLOURS["ink"], linewidth=1.6)
        axes.plot(
            unit * learned.assumed(action), i, "o", markersize=4.2, markerfacecolor="none",
            markeredgecolor=COLOURS["orange"],
        )  # fmt: skip
        name = action if alone else f"{shorten(action, 18)} · {shorten(group, 22)}"
        axes.annotate(
            printable(shorten(name, 42)), (0, i), xycoords=("axes fraction", "data"), xytext=(-8, 0),
            textcoords="offset points", ha="right", va="center",
        )  # fmt: skip
    axes.set_ylim(rows.sizes["row"] - 0.4, -0.6)
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(lambda value, _: measured(value))
    axes.spines["left"].set_visible(False)
