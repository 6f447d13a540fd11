"""The evidence for a change by day, as `bcx.monitor` finds it."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import LogLocator, NullLocator

from bayes_cx.page.style import COLOURS
from bayes_cx.plot.axes import drawn_on
from bayes_cx.validation import Monitored

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["monitored"]

_NAMED = 4


def monitored(found: Monitored, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the evidence for a change after each look, with the line that it crosses only by a change.

    Blue is the evidence of all that is watched, red a part that changed, grey the others. If nothing
    changes, the blue line ever crosses the orange one with the probability that is written at it.

    Parameters
    ----------
    found : Monitored
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    data = found.data
    looks, evidence = data["look"].to_numpy(), data["evidence"].to_numpy()
    alarm = data["alarm"].to_numpy()
    style = {"marker": "o", "markersize": 3} if looks.size < 3 else {}
    with drawn_on(ax, 2.8) as axes:
        for one in evidence[~alarm]:
            axes.plot(looks, one, color=COLOURS["rule"], linewidth=0.8, **style)
        for i in np.flatnonzero(alarm)[np.argsort(-evidence[alarm].max(axis=1), kind="stable")][:_NAMED]:
            axes.plot(looks, evidence[i], color=COLOURS["red"], linewidth=1.1, **style)
            name = " ".join(
                filter(None, (str(data["quantity"].to_numpy()[i]), str(data["part"].to_numpy()[i])))
            )
            axes.annotate(
                name,
                (looks[-1], evidence[i, -1]),
                xytext=(4, 0),
                textcoords="offset points",
                color=COLOURS["red"],
                va="center",
            )
        axes.plot(looks, data["evidence_of_all"].to_numpy(), color=COLOURS["blue"], linewidth=1.8, **style)
        axes.axhline(1.0 / found.level, color=COLOURS["orange"], linewidth=1.0, dashes=(4, 3))
        axes.annotate(
            f"a false alarm, ever: at most {found.level:.0%}",
            (0.0, 1.0 / found.level),
            xycoords=("axes fraction", "data"),
            xytext=(2, 3),
            textcoords="offset points",
            color=COLOURS["amber"],
        )
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=7))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if 1 <= value < 1e6 else f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=min(0.05, float(evidence.min()) * 0.8))
        axes.set_ylabel("Evidence for a change")
        axes.margins(x=0.02)
    return axes
