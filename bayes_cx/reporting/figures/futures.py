"""Equally likely futures as dots, which show a probability as a count."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Circle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import COLOURS, STEPS, axes_at, canvas, to_svg
from bayes_cx.page.words import Money, per_cent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_futures", "futures"]


def futures(
    draws: np.ndarray, money: Money, *, what: str, line: bool, dots: int = 50, counted: str = ""
) -> Picture:
    """Draw equally likely futures, one dot each (quantile dotplot, Kay et al. 2016).

    Parameters
    ----------
    draws : array, shape (sample,)
        The amount in each future.
    money : Money
    what : str
        What the amount is, to start the subtitle with.
    line : bool
        Whether zero is the line between gain and loss; it is then drawn, or the subtitle says that it lies
        outside.
    dots : int
        How many dots stand for all futures.
    counted : str
        What the futures differ by, as a sentence.
    """
    values, *_, nearby = _seen(draws, line, dots)
    with canvas(1.25) as figure:
        axes = axes_at(figure, left=0.05, right=0.05, top=0.34 if line else 0.12, bottom=0.26)
        draw_futures(axes, draws, money, line=line, dots=dots)
        svg = to_svg(figure)

    right = int((values >= 0).sum())
    low5, high95 = np.quantile(draws, [0.05, 0.95])
    brings = "brings" if money.noun else "earns"
    if not line:
        headline = f"Nine futures in ten bring {money.range(low5, high95)}"
    elif right == dots:
        headline = f"In all {dots} of {dots} equally likely futures the campaign {brings} more than it costs"
    elif right == 0:
        headline = (
            f"In none of {dots} equally likely futures does the campaign {brings[:-1]} more than it costs"
        )
    else:
        headline = f"In {right} of {dots} equally likely futures the campaign {brings} more than it costs"
    outside = "" if not line or nearby else " Zero lies outside the picture."
    share = per_cent(1 / dots)
    return Picture(
        svg,
        headline,
        f"{what}. Each dot is one of {dots} equally likely futures, a {share} chance each.{outside}"
        f"{counted and ' ' + counted}",
        f"Dot plot. {headline}. {what}: median {money(float(np.median(draws)))}, "
        f"90% interval {money.range(low5, high95)}.",
    )


def draw_futures(axes: "Axes", draws: np.ndarray, money: Money, *, line: bool, dots: int = 50) -> None:
    """Draw on given axes what `futures` shows; dots have the size for which the axes have room."""
    _, near, beyond, low, high, _ = _seen(draws, line, dots)
    inches = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    words = ("brings less", "brings more") if money.noun else ("loses money", "earns money")
    stacks, size, low, high = _placed(near, low, high, inches.width, inches.height)
    for value, level, amount in stacks:
        gain = amount >= 0 or not line
        axes.add_patch(
            Circle(
                (value, (level + 0.5) * size),
                0.46 * size,
                facecolor=COLOURS["blue"] if gain else COLOURS["red"],
                linewidth=0,
            )
        )
    axes.set(xlim=(low, high), ylim=(0, inches.height * (high - low) / inches.width), yticks=[])
    axes.set_aspect("equal", adjustable="box", anchor="S")
    axes.grid(False)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(money.tick))
    _say_beyond(axes, beyond, money)
    if line and low < 0 < high:
        axes.axvline(0, color=COLOURS["orange"], linewidth=1.2, zorder=3, ymax=1.02, clip_on=False)
        for side, word in zip((-1, 1), words, strict=True):
            axes.annotate(
                word, (0, 1.03), xycoords=("data", "axes fraction"), xytext=(side * 6, 0),
                textcoords="offset points", ha="left" if side > 0 else "right", va="bottom",
                color=COLOURS["amber"] if side < 0 else COLOURS["blue"],
            )  # fmt: skip


def _seen(
    draws: np.ndarray, line: bool, dots: int
) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray], float, float, bool]:
    """Return values of dots, where to draw them, what lies beyond, both limits, and if zero is near."""
    values = np.quantile(draws, (np.arange(dots) + 0.5) / dots)
    near, beyond = _drawn(values, line)
    spread = max(np.ptp(near), 0.05 * np.abs(near).max(), 1e-9)
    low, high = near.min() - 0.08 * spread, near.max() + 0.08 * spread
    nearby = bool(low - 2 * spread < 0 < high + 2 * spread)
    if line and nearby:
        # room on either side of zero for the words there
        low, high = min(low, -0.14 * spread), max(high, 0.14 * spread)
    return values, near, beyond, low, high, nearby


def _drawn(values: np.ndarray, line: bool) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Return where to draw sorted values, and by side (-1, 1) those far out, which are drawn at the edge.

    A few futures that are many times as large as the others would squeeze these into one place.
    """
    few = values.size // 10
    core = values[few : values.size - few]
    reach = 2.0 * max(np.ptp(core), 0.1 * np.abs(core).max(), 1e-9)
    low, high = core[0] - reach, core[-1] + reach
    if line and values[0] < 0 < values[-1]:
        # the line between gain and loss stays in the picture, with room on both sides
        low, high = min(low, -0.3 * core[-1]), max(high, -0.3 * core[0])
    outside = (values < low) | (values > high)
    # Where the whole is hardly wider than its middle nothing is gained by cutting.
    if np.ptp(values) < 2.0 * (high - low):
        outside[:] = False
    beyond = {-1: values[outside & (values < low)], 1: values[outside & (values > high)]}
    return np.where(outside, np.clip(values, low, high), values), beyond


def _say_beyond(axes: "Axes", beyond: Mapping[int, np.ndarray], money: Money) -> None:
    """Write at an edge how many dots lie beyond it, and how far the last one."""
    for side, some in beyond.items():
        if not some.size:
            continue
        end = money.bare(float(some[-1] if side > 0 else some[0]))
        text = (
            f"{some.size} further out, up to {end} →" if side > 0 else f"← {some.size} further out, to {end}"
        )
        axes.annotate(
            text, (1 if side > 0 else 0, 1.03), xycoords="axes fraction", xytext=(0, 11),
            textcoords="offset points", ha="right" if side > 0 else "left", va="bottom", fontsize=7.5,
            color=COLOURS["muted"],
        )  # fmt: skip


def _placed(
    values: np.ndarray, low: float, high: float, width: float, room: float
) -> tuple[list[tuple[float, int, float]], float, float, float]:
    """Return (position, level, value) of each dot, the size of a dot, and limits in which all have room."""
    for _ in range(4):
        stacks, size = _stacks(values, (high - low) / width, room)
        places = [place for place, _, _ in stacks]
        needs = min(places) - size, max(places) + size
        if low <= needs[0] and needs[1] <= high:
            break
        low, high = min(low, needs[0]), max(high, needs[1])
    return stacks, size, low, high


# The smallest dot, in inches, that can still be counted; higher stacks stand side by side.
_SMALLEST = 0.12


def _stacks(
    values: np.ndarray, per_inch: float, room: float, largest: float = 0.3
) -> tuple[list[tuple[float, int, float]], float]:
    """Return (position, level, value) of each dot and the size of a dot, so that the highest stack fits."""
    size, inches, stacks = 0.0, largest, []
    for inches in np.linspace(largest, _SMALLEST, 24):
        size, stacks = inches * per_inch, []
        for value in values:
            # a stack has one colour, so it must not mix gains and losses
            if stacks and value - stacks[-1][0] < size and (value < 0) == (stacks[-1][0] < 0):
                stacks[-1].append(value)
            else:
                stacks.append([value])
        if max(len(stack) for stack in stacks) * inches <= room:
            break
    highest = max(int(room / inches), 1)
    # Away from zero on both sides, so that no dot stands on the wrong one.
    losses = [[-value for value in reversed(stack)] for stack in reversed(stacks) if stack[0] < 0]
    gains = [stack for stack in stacks if stack[0] >= 0]
    placed = [(-at, level, -value) for at, level, value in _columns(losses, size, highest)]
    return placed + _columns(gains, size, highest), size


def _columns(stacks: list[list[float]], size: float, highest: int) -> list[tuple[float, int, float]]:
    """Return (position, level, value) of each dot of stacks of values of zero or more, in order."""
    placed: list[tuple[float, int, float]] = []
    at = -size / 2  # where the last column stands; the next one keeps its distance
    for stack in stacks:
        columns = -(-len(stack) // highest)
        start = max((stack[0] + stack[-1]) / 2 - (columns - 1) * size / 2, at + size)
        placed += [(start + (i % columns) * size, i // columns, value) for i, value in enumerate(stack)]
        at = start + (columns - 1) * size
    return placed
