"""What a log of actions has taught of each action in each group."""

from typing import TYPE_CHECKING

from bayes_cx.decision import Learned
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.learned_effects import draw_learned_effects, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["learned"]


def learned(learned: Learned, *, ax: "Axes | None" = None) -> "Axes":
    """Draw what each action changes in each group, beside what was assumed of it.

    Bars are 90% intervals, lines means, circles what was assumed; grey bars are assumed only.

    Parameters
    ----------
    learned : Learned
        From `bcx.learn`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    with drawn_on(ax, 0.9 + 0.3 * rows_of(learned).sizes["row"]) as axes:
        draw_learned_effects(axes, learned)
        unit = "percentage points" if learned.outcome == "bought" else learned.outcome
        axes.set_xlabel(f"Change by an action, in {unit}")
    return axes
