"""What all customers share, week by week."""

from typing import TYPE_CHECKING, Any

from bayes_cx.inference import Posterior
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.calendar import draw_factors
from bayes_cx.scoring import factors_by_week

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["calendar"]


def calendar(posterior: Posterior, t: Any = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw by how much all customers bought more or less than usual, week by week, and will until a horizon.

    Bands hold 50, 80 and 95% of the posterior. The weeks to come are dotted. The orange line is what columns
    by date, such as promotions, do alone.

    Parameters
    ----------
    posterior : Posterior
        Of a fit with calendar time.
    t : str, Span or time difference, optional
        How far to look ahead, such as ``"26 weeks"``; without it only the weeks of the data are drawn.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the fit has no calendar time, or columns by date are not stated for all these weeks.
    """
    found = factors_by_week(posterior, t)
    with drawn_on(ax, 2.6) as axes:
        draw_factors(axes, found)
        axes.set_ylabel("Purchases of all against usual")
    return axes
