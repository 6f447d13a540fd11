"""What calendar time needs of a model and of statistics, and which weeks they span."""

import numpy as np
import xarray as xr

from bayes_cx.data.weekly import weekly_repeats
from bayes_cx.errors import InputError
from bayes_cx.inference.design import Design
from bayes_cx.model import Model
from bayes_cx.spans import UNITS
from bayes_cx.weeks import points, week_of

__all__ = ["check_calendar", "has_two_years", "spanned"]

# Two years: fewer weeks do not tell a season from anything else that happens once.
_TWO_YEARS = 104


def spanned(stats: xr.Dataset) -> tuple[int, int]:
    """Return the numbers of the weeks of the first day that is observed, and of the end of observation."""
    days = UNITS[stats.attrs["unit"]] / UNITS["day"]
    until = points(stats.attrs["until"], stats.attrs["unit"])
    return int(week_of(until - float(stats["T"].max()) * days)), int(week_of(np.ceil(until)))


def has_two_years(stats: xr.Dataset) -> bool:
    """Return whether statistics span two years, as a season has to be seen twice to be one."""
    first, last = spanned(stats)
    return last - first >= _TWO_YEARS


def check_calendar(design: Design, model: Model, stats: xr.Dataset) -> None:
    """Refuse calendar time for a model or statistics that do not have what it needs.

    Raises
    ------
    InputError
        If the model does not run in operational time, the end of observation or the purchases by week are not
        known, or are too few for a season.
    """
    if not model.has_clock:
        regular = "regularity" in model.statistics
        raise InputError(
            f"calendar time for {model.name}"
            + (
                ", which needs every gap between purchases, where the statistics hold a sum"
                if regular
                else ""
            ),
            "a model of customers who buy at random at any time",
            "fit BG_NBD, MBG_NBD or PARETO_NBD, or leave out calendar",
        )
    if design.columns and not model.operational_time:
        raise InputError(
            f"calendar time together with {', '.join(design.columns)} for {model.name}",
            "one of the two, or a model whose customers leave after purchases",
            "fit BG_NBD or MBG_NBD, or leave one of them out",
        )
    if design.ordered:
        raise InputError(
            f"calendar time together with drift over {design.ordered[0]}",
            "one of the two, as the weeks already change for those who came later",
            f"pool over {design.ordered[0]} instead, or leave out calendar",
        )
    if not stats.attrs.get("until"):
        raise InputError(
            "statistics without the end of observation",
            "an attribute until, such as '1997-09-30'",
            "make the statistics with bcx.summarise",
        )
    begin, counts = weekly_repeats(stats)
    first, last = spanned(stats)
    if counts.size and not first <= begin <= begin + counts.size - 1 <= last:
        raise InputError(
            "repeat purchases in weeks that no customer was observed in",
            "the purchases by week of the same time",
            "make the statistics with bcx.summarise",
        )
    if design.season and not has_two_years(stats):
        raise InputError(
            f"a season from {last - first + 1} weeks of data",
            f"two years, {_TWO_YEARS} weeks, or more",
            "write calendar=True alone: from a year of data on it allows for a season, as far as one is seen",
        )
