"""By how much all customers bought more or less than usual, week by week."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import PercentFormatter

from bayes_cx.inference import Posterior
from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import BANDS, COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import day, listing
from bayes_cx.scoring import factors_by_week

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_factors", "factors"]

# A smaller share rounds to no percent.
_SEEN = 0.005


def factors(posterior: Posterior, t: str | None = None, draws: int | None = None) -> Picture:
    """Draw the factor of each week of a fit with calendar time, and of the weeks to come until a horizon."""
    found = factors_by_week(posterior, t, draws)
    with canvas(2.6) as figure:
        axes = axes_at(figure, left=0.62, right=0.2, top=0.16, bottom=0.46)
        draw_factors(axes, found)
        svg = to_svg(figure)
    seen = found.sel(week=found["seen"])
    week = seen["week"].to_numpy().astype("datetime64[D]")
    middle = np.median(seen["factor"].to_numpy(), axis=0)
    low, high = int(middle.argmin()), int(middle.argmax())
    apart = _apart(1 - float(middle[low]), float(middle[high]) - 1)
    headline = f"{apart}: what the weeks did to the purchases of all customers"
    detail = (
        f"Least in the week of {day(str(week[low]))}, most in that of {day(str(week[high]))}. Line: median; "
        "bands hold 50, 80 and 95% of the posterior."
    )
    if not found["seen"].all():
        detail += " Dotted: the weeks to come."
    if posterior.layout.by_date:
        detail += f" Orange: {listing([*posterior.layout.by_date])} alone."
    return Picture(svg, headline, detail, f"A line with bands over weeks. {headline}. {detail}")


def _apart(less: float, more: float) -> str:
    """Say by which shares the weeks were below and above the usual; what rounds to nothing is left out.

    Examples
    --------
    >>> _apart(0.52, 0.68)
    'Between 52% less and 68% more than usual'
    >>> _apart(-0.03, 0.1)
    'Up to 10% more than usual'
    """
    said = [f"{share:.0%} {word}" for share, word in ((less, "less"), (more, "more")) if share >= _SEEN]
    if not said:
        return "Hardly more or less than usual"
    return f"{'Between ' if len(said) > 1 else 'Up to '}{' and '.join(said)} than usual"


def draw_factors(axes: "Axes", found: xr.Dataset) -> None:
    """Draw on given axes the factor of each week, with bands of 50, 80 and 95%.

    Weeks to come are dotted; what is due to columns by date is a line of its own.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    found : xarray.Dataset
        From `factors_by_week`.
    """
    values, seen = found["factor"].to_numpy(), found["seen"].to_numpy()
    at = date2num(found["week"].to_numpy()) + 3.5
    for low, high, strength in BANDS:
        below, above = np.quantile(values, (low, high), axis=0)
        axes.fill_between(at, below - 1, above - 1, color=tint(COLOURS["blue"], strength), linewidth=0)
    middle = np.median(values, axis=0) - 1
    axes.plot(at[seen], middle[seen], color=COLOURS["blue"], linewidth=1.4)
    if not seen.all():
        # From the last week of the data on, so that the line does not break.
        ahead = seen.sum() - 1
        axes.plot(at[ahead:], middle[ahead:], ":", color=COLOURS["blue"], linewidth=1.4)
        axes.axvline(float(at[ahead]) + 3.5, color=COLOURS["muted"], linewidth=0.8, linestyle="--")
    by_date = np.median(found["by_date"].to_numpy(), axis=0) - 1
    if by_date.any():
        axes.plot(at, by_date, color=COLOURS["orange"], linewidth=1.0, drawstyle="steps-mid")
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    axes.set_xlim(at[0], at[-1])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    locator = AutoDateLocator(maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
