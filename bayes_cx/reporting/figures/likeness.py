"""Whether simulated customers look like those in the data: how many made how many events."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.errors import InputError
from bayes_cx.kinds import find_kind
from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing
from bayes_cx.validation import PredictiveCheck

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_predictive", "predictive"]


def predictive(found: PredictiveCheck) -> Picture:
    """Draw how many customers made so many events: in the data, and among simulated customers.

    Parameters
    ----------
    found : PredictiveCheck
        Of a model of events.

    Raises
    ------
    InputError
        If it is of a model of spend, which counts no events.
    """
    table = _bars(found)
    with canvas(2.3) as figure:
        draw_predictive(axes_at(figure, left=0.62, right=0.1, top=0.12, bottom=0.46), found)
        svg = to_svg(figure)
    observed, low, high = (table[name].to_numpy() for name in ("observed", "low", "high"))
    names = np.array([str(name) for name in table["frequency"].to_numpy()])
    missed = names[(observed < low) | (observed > high)]
    source = "priors alone" if found.source == "prior" else "model"
    headline = (
        f"The {source} would make as many customers of each kind as there are"
        if not missed.size
        else f"The {source} would make other numbers of customers with {listing(list(missed[:5]), 'or')} "
        f"{_repeats(table)}"
    )
    return Picture(
        svg,
        headline,
        f"Customers by {_repeats(table)}: in the data (bars), and where 95% of simulated data lie, with "
        f"their median (dot). {found.model}, parameters drawn from the {found.source}.",
        f"Bars with intervals. {headline}.",
    )


def draw_predictive(axes: "Axes", found: PredictiveCheck) -> None:
    """Draw on given axes what `predictive` shows."""
    table = _bars(found)
    place = np.arange(table.sizes["frequency"])
    observed, low, median, high = (table[name].to_numpy() for name in ("observed", "low", "median", "high"))
    axes.bar(place, observed, width=0.78, color=tint(COLOURS["grey"], 0.45), linewidth=0)
    axes.vlines(place, low, high, color=COLOURS["blue"], linewidth=2)
    axes.plot(place, median, "o", color=COLOURS["blue"], markersize=3.6, zorder=4)
    axes.set(xlim=(-0.6, place[-1] + 0.6), ylim=(0, 1.06 * max(high.max(), observed.max(), 1)))
    axes.set_xticks(place, [str(name) for name in table["frequency"].to_numpy()])
    axes.set_xlabel(_repeats(table).capitalize())
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: count(number)))


def _bars(found: PredictiveCheck) -> xr.Dataset:
    """Return the bars up to the last that is not empty."""
    if found.histogram is None:
        raise InputError(
            f"a predictive check of {found.model}, which counts no events",
            "one of a model of purchases, opportunities or contracts",
            "look at its statistics",
        )
    some = np.flatnonzero((found.histogram["observed"] > 0) | (found.histogram["median"] > 0))
    return found.histogram.isel(frequency=slice(0, int(some.max(initial=0)) + 1))


def _repeats(table: xr.Dataset) -> str:
    """Return what the bars count."""
    kind = find_kind(table.attrs["kind"])
    if kind.leaving == "observed":
        return "renewals at which they left (0: still there)"
    return kind.words["en"].repeats
