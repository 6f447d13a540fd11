"""How many customers under contract stay: by the age of the contract, and from today on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.page.style import COLOURS
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.staying import cohort_title, draw_retention, draw_still, draw_survival

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["retention", "still", "survival"]


def survival(table: xr.Dataset, cohort: str | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of customers still there by the age of the contract: observed (dots), expected (line).

    The bands hold 50, 80 and 95% of forecasts. Below the axis is how many customers came up for each renewal;
    ages at which fewer than ten did are not drawn.

    Parameters
    ----------
    table : xarray.Dataset
        From `validation.survival`.
    cohort : str, optional
        One of ``table["cohort"]``; by default the largest.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the table is another one, or has no such cohort; so for all three pictures.
    """
    return _drawn(draw_survival, _cohort(table, cohort), "customers", "Still customers", ax, 3.0)


def retention(table: xr.Dataset, cohort: str | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share who renew, by the number of the renewal: observed (dots), expected (line).

    Bands and numbers below the axis are as in `survival`.

    Parameters
    ----------
    table : xarray.Dataset
        From `validation.survival`.
    cohort : str, optional
        One of ``table["cohort"]``; by default the largest.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    return _drawn(draw_retention, _cohort(table, cohort), "customers", "Renew", ax, 3.0)


def still(table: xr.Dataset, cohort: str | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of today's customers who will still be there, by the time from now.

    Each customer is at the age that the contract has. The bands hold 50, 80 and 95% of forecasts.

    Parameters
    ----------
    table : xarray.Dataset
        From `validation.survival`.
    cohort : str, optional
        One of ``table["cohort"]``; by default the largest.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    return _drawn(draw_still, _cohort(table, cohort), "current", "Still customers", ax, 2.6)


def _cohort(table: xr.Dataset, name: str | None) -> xr.Dataset:
    if not isinstance(table, xr.Dataset) or not {"at_risk", "still", "cohort"} <= set(table.variables):
        raise InputError(
            type(table).__name__ if not isinstance(table, xr.Dataset) else "a table without cohorts",
            "what bcx.validation.survival returned",
            "pass bcx.validation.survival(posterior, stats, t)",
        )
    known = [str(one) for one in table["cohort"].to_numpy()]
    if name is None:
        return table.isel(cohort=int(np.argmax(table["customers"].to_numpy())))
    if name not in known:
        raise InputError(f"no cohort {name!r}", f"one of {', '.join(known)}", "choose one of these")
    return table.isel(cohort=known.index(name))


def _drawn(
    draw: Callable[["Axes", xr.Dataset], None],
    one: xr.Dataset,
    counted: str,
    what: str,
    ax: "Axes | None",
    height: float,
) -> "Axes":
    with drawn_on(ax, height) as axes:
        draw(axes, one)
        axes.set_title(cohort_title(one, counted), loc="left", fontsize=8.5, color=COLOURS["ink"])
        axes.set_ylabel(what)
    return axes
