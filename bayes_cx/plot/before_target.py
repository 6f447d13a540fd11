"""What comes before a target."""

from typing import TYPE_CHECKING

from bayes_cx.inference.signals import Signals
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.before_target import draw_before_target

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["signals"]


def signals(found: Signals, *, most: int = 12, ax: "Axes | None" = None) -> "Axes":
    """Draw how many times as likely a target is after each of its signals, with 90% intervals.

    To the right stands the share of cases that had the signal before them.

    Parameters
    ----------
    found : Signals
        From `bcx.signals`.
    most : int
        How many are drawn, the strongest first.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    with drawn_on(ax, 0.72 + 0.25 * min(most, max(len(found.found()), 1))) as axes:
        draw_before_target(axes, found, most)
    return axes
