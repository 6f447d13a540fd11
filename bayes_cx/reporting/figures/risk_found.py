"""How many of those with the event a list finds, and forecasts of risk beside what happened."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, per_cent_range, shorten
from bayes_cx.reporting.rows import rows_of
from bayes_cx.validation.capture import MODEL
from bayes_cx.validation.risk_holdout import RiskHoldout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "came_true",
    "draw_came_true",
    "draw_found",
    "draw_rate_by_age",
    "draw_risk_effects",
    "found_by_contacts",
    "rate_by_age",
]

_LINES = (("blue", "-"), ("orange", "--"), ("green", ":"), ("grey", "-."), ("red", (0, (1, 1))))


def found_by_contacts(found: RiskHoldout) -> Picture:
    """Draw the share of those with the event among the first of each list, by the number of contacts."""
    with canvas(2.9, width=3.3) as figure:
        axes = axes_at(figure, left=0.5, right=0.1, top=0.12, bottom=0.5)
        draw_found(axes, found)
        svg = to_svg(figure)
    middle = found.found["contacts"].unique()
    at = found.at(int(middle[len(middle) // 2]))
    own = rows_of(at.loc[[MODEL]])[0]
    rest = listing([f"{row.Index} {per_cent(row.share)}" for row in rows_of(at.drop(MODEL))])
    headline = f"{count(own.contacts)} contacts find {per_cent(own.share)} of them; {rest}"
    return Picture(
        svg,
        headline,
        f"Share of the {count(found.observed)} who reached {found.target} after the cut that are among the "
        "first of each list. Band: 95% interval of the model; grey line: drawn by lot.",
        "; ".join(
            f"{row.rule} with {count(row.contacts)} contacts: {per_cent(row.share)} "
            f"({per_cent_range(row.low, row.high)})"
            for row in rows_of(found.found)
        ),
    )


def draw_found(axes: "Axes", found: RiskHoldout) -> None:
    """Draw on given axes what `found_by_contacts` shows."""
    most = float(np.max(found.found["contacts"].to_numpy()))
    axes.plot([0, most], [0, most * found.dates / found.customers], color=COLOURS["grey"], linewidth=0.8)
    for place, rule in enumerate(found.rules):
        own = pd.DataFrame(found.found[found.found["rule"] == rule])
        x = np.concatenate([[0], own["contacts"].to_numpy(float)])
        colour, dashes = _LINES[place % len(_LINES)]
        if place == 0:
            low, high = (np.concatenate([[0], own[name].to_numpy(float)]) for name in ("low", "high"))
            axes.fill_between(x, low, high, color=tint(COLOURS[colour], 0.25), linewidth=0)
        y = np.concatenate([[0], own["share"].to_numpy(float)])
        axes.plot(x, y, color=COLOURS[colour], linestyle=dashes, linewidth=1.6, label=rule)
    axes.legend(loc="upper left", fontsize=7.5, frameon=False)
    axes.set(
        xlim=(0, most),
        ylim=(0, 1),
        xlabel="Contacts on each date" if found.dates > 1 else "Contacts",
        ylabel="Found",
    )
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def came_true(found: RiskHoldout) -> Picture:
    """Draw how often what was forecast with a chance happened, with 90 % intervals of the share."""
    with canvas(2.9, width=3.3) as figure:
        axes = axes_at(figure, left=0.55, right=0.1, top=0.12, bottom=0.5)
        draw_came_true(axes, found)
        svg = to_svg(figure)
    table = found.calibration
    off = [row for row in rows_of(table) if not row.low <= row.forecast <= row.high]
    if not off:
        headline = "Chances came true as forecast"
    else:
        headline = f"Of {len(table)} groups {len(off)} had more or fewer events than forecast"
    return Picture(
        svg,
        headline,
        "Customers in tenths by their forecast; on the line it came true. Bars: 90% intervals; red where "
        "they miss the line.",
        "; ".join(
            f"forecast {per_cent(row.forecast)}: {per_cent(row.observed)} of {count(row.customers)}"
            for row in rows_of(table)
        ),
    )


def draw_came_true(axes: "Axes", found: RiskHoldout) -> None:
    """Draw on given axes what `came_true` shows."""
    table = found.calibration
    most = float(np.clip(1.1 * max(table["forecast"].max(), table["high"].max()), 0.01, 1))
    axes.plot([0, most], [0, most], color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
    for row in rows_of(table):
        colour = COLOURS["blue" if row.low <= row.forecast <= row.high else "red"]
        axes.plot([row.forecast] * 2, [row.low, row.high], color=colour, linewidth=1.6)
        axes.plot(row.forecast, row.observed, "o", color=colour, markersize=4.5, zorder=4)
    axes.set(xlim=(0, most), ylim=(0, most), xlabel="Forecast chance", ylabel="Share that did")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:.3g}" if most < 0.05 else f"{value:.0%}")
        )


def rate_by_age(table: pd.DataFrame, target: str, said: str) -> Picture:
    """Draw the factor of the rate by how long one has been a customer, with 90 % intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        ``age`` in days, ``factor``, ``low`` and ``high``.
    target : str
    said : str
        The same in words, empty where no age surely differs.
    """
    with canvas(2.2) as figure:
        axes = axes_at(figure, left=0.6, right=0.1, top=0.12, bottom=0.5)
        draw_rate_by_age(axes, table)
        svg = to_svg(figure)
    return Picture(
        svg,
        said.rstrip(".") or "No age of customers surely has more or less risk than the average",
        f"Factor of the rate of {target} by how long one has been a customer, all else equal, compared with "
        "the average. Band: 90% interval.",
        said or "The interval holds no difference at every age.",
    )


def draw_rate_by_age(axes: "Axes", table: pd.DataFrame) -> None:
    """Draw on given axes what `rate_by_age` shows."""
    age = table["age"].to_numpy(float)
    unit, length = ("months", 365.25 / 12) if age.max() >= 90 else ("days", 1.0)
    x = age / length
    low, middle, high = (table[name].to_numpy(float) for name in ("low", "factor", "high"))
    axes.axhline(1.0, color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
    axes.fill_between(x, low, high, color=tint(COLOURS["blue"], 0.25), linewidth=0)
    axes.plot(x, middle, color=COLOURS["blue"], linewidth=1.6)
    axes.set_yscale("log")
    axes.set(xlim=(x[0], x[-1]), xlabel=f"Customer for so many {unit}", ylabel="Factor of the rate")
    ticks = [
        one for one in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if low.min() * 0.7 <= one <= high.max() * 1.4
    ]
    axes.set_yticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()


def draw_risk_effects(axes: "Axes", table: pd.DataFrame, target: str) -> None:
    """Draw factors of a rate with their intervals on given axes, from `effects_on_risk`; the first on top."""
    y = np.arange(len(table))[::-1]
    axes.axvline(1.0, color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
    for at, row in zip(y, rows_of(table), strict=True):
        colour = COLOURS["blue" if row.low > 1 or row.high < 1 else "grey"]
        axes.plot([row.low, row.high], [at, at], color=colour, linewidth=1.6)
        axes.plot(row.factor, at, "o", color=colour, markersize=4.5, zorder=4)
    axes.set_xscale("log")
    low, high = np.min(table["low"].to_numpy()), np.max(table["high"].to_numpy())
    steps = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
    ticks = [one for one in steps if low * 0.9 <= one <= high * 1.1]
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    axes.set_yticks(y, [shorten(str(name), 40) for name in table["what"]])
    axes.set(ylim=(-0.6, len(table) - 0.4), xlabel=f"Times the rate of {target}")
