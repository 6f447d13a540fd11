"""How sure each contact is: its net gain with intervals."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, STEPS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import Money, count, plural, shorten
from bayes_cx.page.words import chance as chance_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ROW", "draw_forest", "forest"]

ROW = 0.205
"""The height of a row in inches."""


def forest(data: xr.Dataset, money: Money, rows: int = 12) -> Picture:
    """Draw the net gain of the first customers with 50 and 90% intervals, coloured where its sign is known.

    Parameters
    ----------
    data : Dataset over customer
        `Plan.data`, sorted by priority.
    money : Money
    rows : int
        How many customers to draw.
    """
    contacted = data["contact"].to_numpy()
    # A row may represent all customers with the same history.
    noun, many = ("history", "histories") if "customers" in data else ("customer", "")
    if contacted.any() and not many:
        noun = "contact"
    pays = data["p_gain"].to_numpy()[_listed(data, rows)]
    top = data.isel(customer=np.flatnonzero(_listed(data, rows))[:rows])
    quantiles, gain = _quantiles(top), top["gain"].to_numpy()
    n = gain.size
    with canvas(0.62 + ROW * n) as figure:
        columns = 3 if "p_best" in data else 2
        right = 0.1 + _aside(quantiles) + 0.82 * columns
        axes = axes_at(figure, left=1.75, right=right, top=0.28, bottom=0.34)
        draw_forest(axes, data, money, rows)
        svg = to_svg(figure)

    apart = int(((gain > quantiles[:, -1]) | (gain < quantiles[:, 0])).sum())
    skewed = (
        f" For {count(apart)} the expectation lies outside the interval: rare large gains carry it."
        if apart
        else ""
    )
    headline = _forest_words(pays, noun, many)
    shown = f"The first {n}. " if n < pays.size else ""
    return Picture(
        svg,
        headline,
        f"{shown}Net gain{money.unit}, the customer's own luck averaged out: median, 50 and 90% interval. "
        "Coloured where its sign is at least 90% certain; “worth it” is the chance that it is positive."
        f"{skewed}",
        f"Interval bars. {headline}.",
    )


def _listed(data: xr.Dataset, rows: int) -> np.ndarray:
    """Return whether each customer is spoken of: those contacted, or the first where nobody is."""
    contacted = data["contact"].to_numpy()
    return contacted if contacted.any() else np.arange(contacted.size) < rows


def draw_forest(axes: "Axes", data: xr.Dataset, money: Money, rows: int = 12) -> None:
    """Draw on given axes what `forest` shows."""
    many = "customers" in data
    top = data.isel(customer=np.flatnonzero(_listed(data, rows))[:rows])
    names = [shorten(printable(str(name)), 32 if many else 26) for name in top["customer"].to_numpy()]
    quantiles = _quantiles(top)
    chance = top["p_gain"].to_numpy()
    colours = [_verdict_colour(p) for p in chance]
    extra: list[tuple[str, list[str]]] = [
        ("expected", [money.bare(float(g)) for g in top["gain"].to_numpy()]),
        ("worth it", [chance_of(float(p)) for p in chance]),
    ]
    if "p_best" in top:
        extra.append(("in best set", [chance_of(float(p)) for p in top["p_best"].to_numpy()]))
    _bars(axes, names, quantiles, colours, extra, money)


def _quantiles(top: xr.Dataset) -> np.ndarray:
    return top["gain_quantile"].transpose("customer", "quantile").to_numpy()


def _aside(quantiles: np.ndarray) -> float:
    """Return the room in inches beside the bars for the ends of those that leave the picture."""
    return 0.62 if (quantiles[:, -1] > _edge(quantiles)).any() else 0.0


def _edge(quantiles: np.ndarray) -> float:
    """Return how far to draw to the right, so that one very good contact does not squeeze the others."""
    upper = np.sort(quantiles[:, -1])
    typical = 1.6 * upper[-4] if upper.size > 6 else upper[-1]
    return max(float(min(upper[-1], typical)), 0.0)


def _forest_words(pays: np.ndarray, noun: str, many: str = "") -> str:
    """Count the contacts that are almost certainly worth their cost on average, open, or not worth it."""
    sure, against = int((pays >= 0.9).sum()), int((pays <= 0.1).sum())
    open_ = pays.size - sure - against
    all_ = plural(pays.size, noun, many)
    if against == pays.size:
        return f"For none of the first {all_} is the offer worth its cost on average"
    whom = f"all {all_}" if sure > 1 else f"the one {noun}"
    if sure < pays.size:
        whom = f"{count(sure) if sure else 'none'} of {all_}"
    parts = [f"For {whom} it is almost certain that the offer is worth its cost on average"]
    parts += [f"for {count(open_)} it is open"] if open_ else []
    parts += [f"for {count(against)} it almost certainly is not"] if against else []
    return "; ".join(parts)


def _verdict_colour(chance: float) -> str:
    return COLOURS["green"] if chance >= 0.9 else COLOURS["red"] if chance <= 0.1 else COLOURS["grey"]


def _bars(
    axes: "Axes",
    names: Sequence[str],
    quantiles: np.ndarray,
    colours: Sequence[str],
    columns: Sequence[tuple[str, list[str]]],
    money: Money,
) -> None:
    n = len(names)
    low, high = min(quantiles.min(), 0.0), _edge(quantiles)
    pad = 0.04 * (high - low or 1)
    axes.set(xlim=(low - pad, high + pad), ylim=(n - 0.5, -0.5), yticks=[])
    axes.grid(False)
    axes.axvline(0, color=COLOURS["orange"], linewidth=1.1)
    axes.text(0, -0.62, "break-even", color=COLOURS["amber"], ha="center", va="bottom", fontsize=8)
    for row, (name, (q5, q25, q50, q75, q95), colour) in enumerate(
        zip(names, quantiles, colours, strict=True)
    ):
        for left, right, strength in ((q5, q95, 0.35), (q25, q75, 0.85)):
            axes.add_patch(
                Rectangle(
                    (left, row - 0.24), right - left, 0.48, facecolor=tint(colour, strength), linewidth=0
                )
            )
        if q95 > high:
            axes.annotate(
                f"to {money.bare(q95)} →", (1, row), xycoords=("axes fraction", "data"), xytext=(3, 0),
                textcoords="offset points", ha="left", va="center", fontsize=7.5, color=COLOURS["muted"],
            )  # fmt: skip
        axes.plot([q50, q50], [row - 0.34, row + 0.34], color=COLOURS["ink"], linewidth=1.5)
        axes.annotate(
            name, (0, row), xycoords=("axes fraction", "data"), xytext=(-126, 0),
            textcoords="offset points", ha="left", va="center", fontsize=8.5 if len(name) < 27 else 7.5,
        )  # fmt: skip
    for place, (head, cells) in enumerate(columns):
        at = 72 * (_aside(quantiles) + 0.82 * (place + 1))
        axes.annotate(
            head, (1, -0.62), xycoords=("axes fraction", "data"), xytext=(at, 0),
            textcoords="offset points", ha="right", va="bottom", fontsize=8, color=COLOURS["muted"],
        )  # fmt: skip
        for row, cell in enumerate(cells):
            axes.annotate(
                cell, (1, row), xycoords=("axes fraction", "data"), xytext=(at, 0),
                textcoords="offset points", ha="right", va="center",
                fontweight=600 if place == 0 else 400,
            )  # fmt: skip
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(money.tick))
