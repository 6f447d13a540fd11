"""Forecasts for a period that the model had not seen, and what happened."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from bayes_cx.kinds import find_kind
from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import BANDS, COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_tracking", "tracking"]


def tracking(table: xr.Dataset, unit: str = "week") -> Picture:
    """Draw forecast and observed events, cumulative above and per period below.

    Parameters
    ----------
    table : Dataset over period
        `Holdout.tracking`.
    unit : str
        What a period is called.
    """
    with canvas(4.0) as figure:
        upper = axes_at(figure, left=0.62, right=0.55, top=0.16, bottom=1.85)
        lower = axes_at(figure, left=0.62, right=0.55, top=2.45, bottom=0.46)
        draw_tracking(upper, table, unit, cumulative=True)
        draw_tracking(lower, table, unit, cumulative=False)
        lower.set_xlabel(f"{unit.capitalize()}s since the first day of data")
        svg = to_svg(figure)

    headline, detail = _tracking_words(table, unit)
    repeats = _repeats(table)
    return Picture(
        svg,
        headline,
        f"{repeats}: observed (dots), forecast (line), bands that hold 50, 80 and 95% of forecasts. {detail}",
        f"Two line charts with bands. {headline}. {detail}",
    )


def draw_tracking(axes: "Axes", table: xr.Dataset, unit: str, *, cumulative: bool) -> None:
    """Draw on given axes one of the two charts of `tracking`: added up since the beginning, or by period."""
    cut, kind = int(table.attrs["calibration_periods"]), "cumulative_" if cumulative else ""
    time = np.arange(1, table.sizes["period"] + 1)
    observed = table[f"{kind}observed"].to_numpy()
    bands = table["cumulative_quantile" if cumulative else "predicted_quantile"]
    _fan(axes, time, bands)
    axes.plot(time, table[f"{kind}predicted"], color=COLOURS["blue"], linewidth=1.4)
    seen = time <= cut
    axes.plot(time[seen], observed[seen], "o", color=COLOURS["ink"], markersize=2.6, zorder=4)
    axes.plot(
        time[~seen], observed[~seen], "o", markerfacecolor="white", markeredgecolor=COLOURS["ink"],
        markeredgewidth=0.8, markersize=3.2, zorder=4,
    )  # fmt: skip
    axes.axvline(cut + 0.5, color=COLOURS["orange"], linewidth=1.1)
    axes.set_xlim(0, time[-1] + 0.5)
    axes.set_ylim(0, 1.05 * max(float(bands.max()), observed.max()))
    axes.yaxis.set_major_locator(MaxNLocator(4 if cumulative else 3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: count(number)))
    quarters = unit == "week" and 26 <= time.size <= 130
    axes.xaxis.set_major_locator(MultipleLocator(13) if quarters else MaxNLocator(10, integer=True))
    if cumulative:
        _label_bands(axes, bands.isel(period=-1))
    axes.annotate(
        "cumulative" if cumulative else f"each {unit}", (0, 1), xycoords="axes fraction", xytext=(5, -9),
        textcoords="offset points", fontweight=600, color=COLOURS["muted"],
    )  # fmt: skip
    if cumulative:
        for side, word, colour in (
            (-1, "the model learnt from this", "muted"),
            (1, "it had not seen this", "amber"),
        ):
            axes.annotate(
                word, (cut + 0.5, 0), xycoords=("data", "axes fraction"), xytext=(side * 5, 5),
                textcoords="offset points", ha="left" if side > 0 else "right", color=COLOURS[colour],
            )  # fmt: skip


def _fan(axes, time: np.ndarray, quantiles: xr.DataArray) -> None:
    level = quantiles["quantile"].to_numpy()
    values = quantiles.transpose("quantile", "period").to_numpy()
    for low, high, strength in BANDS:
        below, above = (values[int(np.abs(level - q).argmin())] for q in (low, high))
        axes.fill_between(time, below, above, color=tint(COLOURS["blue"], strength), linewidth=0)


def _label_bands(axes, last: xr.DataArray) -> None:
    """Name the bands at their right end, apart from each other even where the bands are narrow."""
    level = last["quantile"].to_numpy()
    low, high = axes.get_ylim()
    points = (high - low) / (axes.get_position().height * axes.figure.get_size_inches()[1] * 72)
    named = ((0.75, "50%"), (0.9, "80%"), (0.975, "95%"))
    places: list[float] = []
    for q, _ in named:
        lowest = places[-1] + 9 * points if places else -np.inf
        places.append(max(float(last[int(np.abs(level - q).argmin())]), lowest))
    too_high = max(places[-1] - (high - 4 * points), 0.0)
    for (_, word), place in zip(named, places, strict=True):
        at = place - too_high
        axes.annotate(
            word, (1, at), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=8, color=COLOURS["muted"],
        )  # fmt: skip


def _tracking_words(table: xr.Dataset, unit: str) -> tuple[str, str]:
    """Return whether events in the hold-out stayed inside the 95% band, and where they did not."""
    cut = int(table.attrs["calibration_periods"])
    kept = table.isel(period=slice(cut, None))
    number = kept.sizes["period"]
    out = _outside(kept["observed"], kept["predicted_quantile"])
    total = _outside(kept["cumulative_observed"], kept["cumulative_quantile"])
    where = _spans(np.flatnonzero(out) + cut + 1)
    by_chance = f"about {max(1, round(0.05 * number))} in {number} would be outside by chance"
    if not total.any() and not out.any():
        headline = f"{_repeats(table)} stayed inside the forecast in all {plural(number, unit)} kept back"
        detail = ""
    elif not total.any():
        headline = (
            f"The total stayed inside the forecast; {plural(int(out.sum()), f'single {unit}')} "
            f"of {count(number)} left the 95% band"
        )
        detail = f"Outside: {unit} {where} ({by_chance})."
    else:
        ahead = (kept["cumulative_observed"] > kept["cumulative_predicted"]).to_numpy()
        if total[-1]:
            since = number - int(np.argmin(total[::-1])) if not total.all() else 0
            side = "above" if ahead[-1] else "below"
            headline = (
                f"The total ended {side} the forecast's 95% band, outside it from {unit} {cut + since + 1} on"
            )
        else:
            weeks = _spans(np.flatnonzero(total) + cut + 1)
            headline = f"The total left the forecast's 95% band in {unit}s {weeks} and came back"
        detail = f"Single {unit}s outside: {where or 'none'} ({by_chance})."
    return headline, detail


def _repeats(table: xr.Dataset) -> str:
    return find_kind(table.attrs["kind"]).words["en"].repeats.capitalize()


def _outside(observed: xr.DataArray, quantiles: xr.DataArray) -> np.ndarray:
    level = quantiles["quantile"].to_numpy()
    low, high = (quantiles.isel(quantile=int(np.abs(level - q).argmin())).to_numpy() for q in (0.025, 0.975))
    return (observed.to_numpy() < low) | (observed.to_numpy() > high)


def _spans(numbers: np.ndarray) -> str:
    """Return sorted whole numbers with runs joined: 45–49, 52 and 60."""
    runs: list[list[int]] = []
    for number in map(int, numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return listing([f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs])
