"""What the arms of a trial change, with intervals: of all customers, and by segment."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.inference import TrialPosterior
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, STEPS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, shorten
from bayes_cx.scoring import compare_arms, effect_by_segment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arm_changes", "draw_arm_changes", "draw_segment_changes", "segment_changes"]

# More segments than these are in the table alone.
_MOST = 16


def arm_changes(posterior: TrialPosterior, said: Callable[[float], str]) -> Picture:
    """Draw by how much each arm differs from the control.

    Parameters
    ----------
    posterior : TrialPosterior
    said : callable
        Prints a difference of outcomes.
    """
    found = compare_arms(posterior)
    number = len(posterior.arms) - 1
    with canvas(0.75 + 0.3 * number) as figure:
        axes = axes_at(figure, left=1.9, right=0.9, top=0.1, bottom=0.5)
        draw_arm_changes(axes, posterior, said)
        svg = to_svg(figure)
    lift, low = found["lift"].to_numpy()[1:], found["lift_low"].to_numpy()[1:]
    high = found["lift_high"].to_numpy()[1:]
    best = int(lift.argmax())
    name = posterior.arms[1:][best]
    sure = "surely " if low[best] > 0 else ""
    headline = f"{shorten(name, 40)} {sure}changes the outcome most, by {said(lift[best])}"
    if high.max() < 0:
        headline = f"No arm is better than {shorten(posterior.control, 40)}"
    rows = zip(posterior.arms[1:], lift, low, high, strict=True)
    return Picture(
        svg,
        headline,
        f"Change of the outcome of a customer against {shorten(posterior.control, 40)}: 90% interval (bar) "
        "and mean (line). Green is surely better, red surely worse.",
        f"Interval bars. {headline}. "
        + "; ".join(f"{arm}: {said(a)}, {said(b)} to {said(c)}" for arm, a, b, c in rows),
    )


def draw_arm_changes(axes: "Axes", posterior: TrialPosterior, said: Callable[[float], str]) -> None:
    """Draw on given axes what `arm_changes` shows."""
    found = compare_arms(posterior)
    values = [found[name].to_numpy()[1:] for name in ("lift", "lift_low", "lift_high")]
    _draw(axes, posterior.arms[1:], *values, said=said)


def segment_changes(posterior: TrialPosterior, arm: str, said: Callable[[float], str]) -> Picture:
    """Draw by how much an arm changes the outcome in each segment.

    Parameters
    ----------
    posterior : TrialPosterior
        With segments.
    arm : str
    said : callable
        Prints a difference of outcomes.
    """
    found = effect_by_segment(posterior).sel(treatment=arm)
    number = min(found.sizes["segment"], _MOST)
    with canvas(0.75 + 0.26 * number) as figure:
        axes = axes_at(figure, left=2.3, right=0.9, top=0.1, bottom=0.5)
        draw_segment_changes(axes, posterior, arm, said)
        svg = to_svg(figure)
    differ = float(found["p_differ"].to_numpy().max())
    name = shorten(arm, 40)
    headline = f"Whether {name} works differently in these segments is open"
    if differ >= 0.95:
        headline = f"{name} works differently in these segments"
    elif differ <= 0.2:
        headline = f"{name} works alike in these segments, as far as the trial shows"
    cells = zip(found["segment"].to_numpy(), found["effect"].to_numpy(), strict=True)
    return Picture(
        svg,
        headline,
        f"Change by {name} in each segment: 90% interval (bar), mean (line), and the difference as observed "
        "(dot), from which small segments are drawn towards all.",
        f"Interval bars. {headline}. " + "; ".join(f"{one}: {said(float(v))}" for one, v in cells),
    )


def draw_segment_changes(
    axes: "Axes", posterior: TrialPosterior, arm: str, said: Callable[[float], str]
) -> None:
    """Draw on given axes what `segment_changes` shows."""
    found = effect_by_segment(posterior).sel(treatment=arm).isel(segment=slice(0, _MOST))
    values = [found[name].to_numpy() for name in ("effect", "effect_low", "effect_high")]
    labels = [
        f"{shorten(str(name), 26)} ({count(n)})"
        for name, n in zip(found["segment"].to_numpy(), found["n"].to_numpy(), strict=True)
    ]
    _draw(axes, labels, *values, said=said, dots=found["raw"].to_numpy())


def _draw(
    axes: "Axes",
    labels: Sequence[str],
    middle: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    said: Callable[[float], str],
    dots: np.ndarray | None = None,
) -> None:
    axes.axvline(0, color=COLOURS["muted"], linewidth=0.9)
    for row, name in enumerate(labels):
        colour = COLOURS["green"] if low[row] > 0 else COLOURS["red"] if high[row] < 0 else COLOURS["grey"]
        axes.add_patch(
            Rectangle(
                (low[row], row - 0.2), high[row] - low[row], 0.4, facecolor=tint(colour, 0.45), linewidth=0
            )
        )
        axes.plot([middle[row]] * 2, [row - 0.32, row + 0.32], color=COLOURS["ink"], linewidth=1.6)
        if dots is not None and np.isfinite(dots[row]):
            axes.plot(dots[row], row, "o", color=COLOURS["muted"], markersize=3.2)
        axes.annotate(
            shorten(printable(name), 34), (0, row), xycoords=("axes fraction", "data"), xytext=(-8, 0),
            textcoords="offset points", ha="right", va="center",
        )  # fmt: skip
        axes.annotate(
            said(float(middle[row])), (1, row), xycoords=("axes fraction", "data"), xytext=(8, 0),
            textcoords="offset points", ha="left", va="center", fontweight=600,
        )  # fmt: skip
    ends = np.r_[low, high, 0.0, [] if dots is None else dots[np.isfinite(dots)]]
    room = (ends.max() - ends.min()) or 1.0
    axes.set(
        xlim=(ends.min() - 0.04 * room, ends.max() + 0.04 * room), ylim=(len(labels) - 0.5, -0.5), yticks=[]
    )
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=STEPS))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: said(number) if number else "0"))
