"""How far models can be believed: forecasts beside what happened, simulated data, and comparisons."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from bayes_cx.errors import InputError
from bayes_cx.kinds import find_kind
from bayes_cx.page.style import COLOURS
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.accuracy import draw_by_frequency, draw_calibration, draw_capture
from bayes_cx.reporting.figures.comparison import draw_comparison
from bayes_cx.reporting.figures.likeness import draw_predictive
from bayes_cx.reporting.figures.ranks import draw_ranks
from bayes_cx.reporting.figures.tracking import draw_tracking
from bayes_cx.study import Evidence
from bayes_cx.validation import Comparison, Holdout, PredictiveCheck, Sbc

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "by_frequency",
    "calibration",
    "capture",
    "comparison",
    "coverage",
    "predictive",
    "ranks",
    "tracking",
]


def tracking(evidence: Evidence | Holdout, *, cumulative: bool = True, ax: "Axes | None" = None) -> "Axes":
    """Draw events as forecast and as observed, before and after the cut, with 50, 80 and 95% bands.

    Parameters
    ----------
    evidence : Evidence or Holdout
    cumulative : bool
        Whether to add up from the beginning; if not, each period stands for itself.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no hold-out; so for all pictures of one.
    """
    table = _holdout(evidence).tracking
    unit = str(table.attrs["unit"])
    with drawn_on(ax, 3.0) as axes:
        draw_tracking(axes, table, unit, cumulative=cumulative)
        axes.set_xlabel(f"{unit.capitalize()}s since the first day of data")
        axes.set_ylabel(find_kind(table.attrs["kind"]).words["en"].repeats.capitalize())
    return axes


def calibration(evidence: Evidence | Holdout, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how often what was forecast with a chance happened.

    Grey: where the curve falls 50 and 95% of the time if the forecasts are right.

    Parameters
    ----------
    evidence : Evidence or Holdout
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    table = _holdout(evidence).calibration
    forecast = find_kind(table.attrs["kind"]).forecast
    with drawn_on(ax, 3.4, 3.6) as axes:
        draw_calibration(axes, table)
        axes.set_ylabel(f"Share of {'customers' if forecast is None else forecast.they}")
    return axes


def coverage(evidence: Evidence | Holdout, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many customers were inside the intervals of their forecasts, against what the intervals say.

    Customers at an end of their interval count in part, so that the share should equal the level. The lines
    are 95% intervals of the share, red where they miss the level. Squares say whether the total over all
    customers was inside its own interval: filled if it was.

    Parameters
    ----------
    evidence : Evidence or Holdout
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    table = _holdout(evidence).coverage
    level = table["level"].to_numpy()
    share, low, high = (table[f"customer_randomised{end}"].to_numpy() for end in ("", "_low", "_high"))
    with drawn_on(ax, 3.4, 3.6) as axes:
        axes.plot([0, 1], [0, 1], color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
        for at, middle, below, above in zip(level, share, low, high, strict=True):
            colour = COLOURS["blue" if below <= at <= above else "red"]
            axes.plot([at, at], [below, above], color=colour, linewidth=1.6)
            axes.plot(at, middle, "o", color=colour, markersize=5, zorder=4)
        for inside in (True, False):
            here = level[table["total_inside"].to_numpy() == inside]
            face = COLOURS["muted"] if inside else "none"
            axes.plot(
                here, np.full(here.size, 0.03), "s", markersize=4.5, markerfacecolor=face,
                markeredgecolor=COLOURS["muted"],
            )  # fmt: skip
        axes.annotate(
            "total inside (filled) or not", (0.06, 0.03), va="center", fontsize=7.5, color=COLOURS["muted"]
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Level of the interval", ylabel="Customers inside it")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
    return axes


def by_frequency(evidence: Evidence | Holdout, *, ax: "Axes | None" = None) -> "Axes":
    """Draw hold-out events per customer by those before: observed (dot), expected (line), 95% interval (bar).

    Parameters
    ----------
    evidence : Evidence or Holdout
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    table = _holdout(evidence).by_frequency
    with drawn_on(ax, 3.0, 4.2) as axes:
        draw_by_frequency(axes, table)
        axes.set_ylabel(f"Hold-out {find_kind(table.attrs['kind']).words['en'].events} per customer")
    return axes


def capture(evidence: Evidence | Holdout, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of hold-out revenue, or events, that the best customers by each rule brought.

    Parameters
    ----------
    evidence : Evidence or Holdout
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no hold-out, or no rule could put customers in an order.
    """
    table = _holdout(evidence).capture
    if table is None:
        raise InputError(
            "a hold-out without a ranking of customers",
            "one in which some customers brought something",
            "choose a longer hold-out",
        )
    table = table.sortby("share", ascending=False)
    with drawn_on(ax, 0.8 + 0.27 * table.sizes["rule"]) as axes:
        draw_capture(axes, table)
        part = f"{float(table.attrs['top_share']):.0%}"
        axes.set_xlabel(
            f"Share of hold-out {table.attrs['counted']} from the top {part} of customers by each rule"
        )
    return axes


def predictive(found: PredictiveCheck, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many customers made so many events: in the data (bars), and in simulated data.

    Lines hold 95% of the data simulated from the posterior, or from the prior alone; dots are medians.

    Parameters
    ----------
    found : PredictiveCheck
        From `validation.predictive_check` or `validation.prior_predictive_check`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If it is of a model of spend, which counts no events.
    """
    with drawn_on(ax, 2.8) as axes:
        draw_predictive(axes, found)
        axes.set_ylabel("Customers")
    return axes


def comparison(found: Comparison, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how far each model is behind the one that predicts best, with two standard errors.

    Red where it is clearly behind; a lead within the shaded part decides nothing.

    Parameters
    ----------
    found : Comparison
        From `compare`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    with drawn_on(ax, 1.0 + 0.27 * found.table.sizes["model"]) as axes:
        draw_comparison(axes, found)
    return axes


def ranks(found: Sbc, coordinate: str | None = None, *, ax: "Axes | None" = None) -> "Axes":
    """Draw how far the ranks of the true values among their draws are from uniform, with the band of chance.

    Where fits are calibrated the line stays in the band; it is red where it does not, which is a failed check
    of `found`. A bulge to one side tells of draws that are too low or too high, an S of draws that are too
    close together or too far apart.

    Parameters
    ----------
    found : Sbc
        From `validation.sbc`, with one fit or more.
    coordinate : str, optional
        One of ``found.ranks["coordinate"]``; by default the one that is least uniform.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If no simulation was fitted, or there is no such coordinate.
    """
    known = [str(name) for name in found.ranks["coordinate"].to_numpy()]
    if not found.ranks.sizes["simulation"]:
        raise InputError("a calibration without a fit", "one simulation fitted or more", "see found.unfitted")
    name = min(found.p_values, key=lambda one: found.p_values[one]) if coordinate is None else coordinate
    if name not in known:
        raise InputError(f"coordinate {name!r}", f"one of {', '.join(known)}", "choose one of these")
    with drawn_on(ax, 2.6, 4.2) as axes:
        draw_ranks(axes, found, name)
        axes.set(xlabel="Share of draws below the truth", ylabel="Distribution less a uniform one")
    return axes


def _holdout(found: Evidence | Holdout) -> Holdout:
    if isinstance(found, Evidence) and found.holdout is not None:
        return found.holdout
    if not isinstance(found, Holdout):
        raise InputError(
            f"{type(found).__name__} without a hold-out",
            "what bcx.validation.holdout returned, or bcx.Evidence with it",
            "keep a part of the data back with bcx.split",
        )
    return found
