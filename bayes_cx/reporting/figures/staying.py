"""How many customers under contract stay: by the age of the contract, and from today on."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import BANDS, COLOURS, TEXT_WIDTH, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, per_cent_range, plural, shorten

__all__ = ["retention", "still", "survival"]

# Panels of one figure; the largest cohorts are shown.
_MOST = 6
# Ages at which fewer customers were asked are not drawn: one who leaves would move the line by a tenth.
_LEAST_AT_RISK = 10


def still(table: xr.Dataset) -> Picture:
    """Draw the share of the customers of today who will still be there, by the time from now.

    Parameters
    ----------
    table : Dataset over cohort, ahead
        What `validation.survival` returns.
    """
    there = np.flatnonzero(table["current"].to_numpy() > 0)
    table, shown = _largest(table.isel(cohort=there) if there.size else table)
    unit, ahead = str(table.attrs["unit"]), int(table.attrs["horizon"])
    parts = []
    for i, name in enumerate(_names(table)):
        one = table.isel(cohort=i)
        low, high = _ends(one["still_quantile"].isel(ahead=ahead))
        share = per_cent(float(one["still"][ahead]))
        parts.append(f"{share} of {name} ({per_cent_range(low, high)})")
    # One cohort alone has no name of its own.
    if _names(table) == ["all customers"]:
        parts = [part.replace(" of all customers", "") for part in parts]
    headline = f"Of today's customers {listing(parts[:3])} will still be there in {plural(ahead, unit)}"
    least = float(table["still_quantile"].min())
    limits = (max(0.0, np.floor(10 * least) / 10), 1.0)

    def panel(axes: Axes, one: xr.Dataset) -> None:
        time = one["ahead"].to_numpy()
        _fan(axes, time, one["still"], one["still_quantile"])
        _share_axis(axes, limits, time)

    return Picture(
        _panels(table, panel, "current", f"{unit.capitalize()}s from today"),
        headline,
        "Share of the customers under contract today who are still there: expected (line), bands that hold "
        f"50, 80 and 95% of forecasts. In brackets the 95% interval.{shown}",
        f"Line with bands for each cohort. {headline}.",
    )


def survival(table: xr.Dataset) -> Picture:
    """Draw the share of customers still there by the age of the contract, observed and expected.

    Parameters
    ----------
    table : Dataset over cohort, period
        What `validation.survival` returns.
    """
    table, shown = _largest(table)
    unit = str(table.attrs["unit"])
    parts = []
    for i, name in enumerate(_names(table)):
        one = table.isel(cohort=i)
        end = _drawn(one)
        parts.append(f"{per_cent(float(one['observed'][end]))} of {name} after {plural(end, 'renewal')}")
    headline = f"Still there were {listing(parts[:3])}"
    return Picture(
        _by_age(table, "observed", "expected", (0.0, 1.0)),
        headline,
        f"Share of customers still there by the age of the contract in {unit}s, whenever it began: observed "
        f"(dots), expected (line), bands that hold 50, 80 and 95% of forecasts. {_BELOW}{shown}",
        f"Line with bands for each cohort. {headline}.",
    )


def retention(table: xr.Dataset) -> Picture:
    """Draw the share of customers who renew, by the number of the renewal, observed and expected."""
    table, shown = _largest(table)
    least = 1.0
    for i in range(table.sizes["cohort"]):
        one = table.isel(cohort=i)
        drawn = one.isel(period=slice(1, _drawn(one) + 1))
        lows = drawn["retention_quantile"].isel(quantile=1)
        least = float(np.nanmin([least, drawn["retention_observed"].min(), lows.min()]))
    svg = _by_age(
        table, "retention_observed", "retention", (max(0.0, np.floor(10 * least) / 10), 1.0), first=1
    )
    rising = [_change(table.isel(cohort=i), name) for i, name in enumerate(_names(table))]
    return Picture(
        svg,
        _first_upper(listing(rising[:3])),
        "Share of those asked who renew, by the number of the renewal: observed (dots), expected (line), "
        f"bands that hold 50, 80 and 95% of forecasts. {_BELOW}{shown}",
        f"Line with bands for each cohort. {listing(rising)}.",
    )


_BELOW = f"Below: how many customers came up for that renewal; drawn while {_LEAST_AT_RISK} or more did."


def _drawn(one: xr.Dataset) -> int:
    """Return the last age that is drawn, of one cohort: one or more."""
    enough = np.flatnonzero(one["at_risk"].to_numpy() >= _LEAST_AT_RISK)
    last = int(enough[-1]) if enough.size > 1 else int(one["last"])
    return max(min(last, int(one["last"])), 1)


def _change(one: xr.Dataset, name: str) -> str:
    last = _drawn(one)
    first, now = (float(one["retention"].isel(period=i)) for i in (1, last))
    verb = "rises" if now - first > 0.005 else "falls" if first - now > 0.005 else "stays"
    change = (
        f"{verb} from {per_cent(first)} to {per_cent(now)}"
        if verb != "stays"
        else f"stays at {per_cent(now)}"
    )
    return f"retention of {name} {change} at renewal {last}"


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _names(table: xr.Dataset) -> list[str]:
    return [shorten(printable(str(name)), 24) for name in table["cohort"].to_numpy()]


def _ends(quantiles: xr.DataArray) -> tuple[float, float]:
    return float(quantiles.sel(quantile=0.025)), float(quantiles.sel(quantile=0.975))


def _largest(table: xr.Dataset) -> tuple[xr.Dataset, str]:
    """Return the largest cohorts in their order, and a sentence on the others."""
    n = table.sizes["cohort"]
    if n <= _MOST:
        return table, ""
    largest = np.sort(np.argsort(-table["customers"].to_numpy(), kind="stable")[:_MOST])
    return table.isel(cohort=largest), f" The {_MOST} largest of {n} cohorts."


def _panels(table: xr.Dataset, draw: Callable[[Axes, xr.Dataset], None], counted: str, axis: str) -> bytes:
    """Draw one panel a cohort, two in a row; `counted` is the number in its head."""
    n = table.sizes["cohort"]
    columns = min(n, 2)
    rows = -(-n // columns)
    height, left, gap = 2.25, 0.46, 0.62
    width = (TEXT_WIDTH - left - 0.1 - (columns - 1) * gap) / columns
    with canvas(height * rows) as figure:
        for i, name in enumerate(_names(table)):
            row, column = divmod(i, columns)
            start = left + column * (width + gap)
            axes = axes_at(
                figure,
                left=start,
                right=TEXT_WIDTH - start - width,
                top=height * row + 0.26,
                bottom=height * (rows - 1 - row) + 0.5,
            )
            one = table.isel(cohort=i)
            draw(axes, one)
            axes.annotate(
                f"{name} ({plural(int(one[counted]), 'customer')})", (0, 1), xycoords="axes fraction",
                xytext=(0, 5), textcoords="offset points", fontweight=600,
            )  # fmt: skip
            axes.set_xlabel(axis)
        return to_svg(figure)


def _by_age(
    table: xr.Dataset, seen: str, expected: str, limits: tuple[float, float], first: int = 0
) -> bytes:
    """Draw what was observed and expected by age, with the numbers at risk below the axis."""

    def panel(axes: Axes, one: xr.Dataset) -> None:
        one = one.isel(period=slice(first, _drawn(one) + 1))
        period = one["period"].to_numpy()
        _fan(axes, period, one[expected], one[f"{expected}_quantile"])
        axes.plot(period, one[seen], "o", color=COLOURS["ink"], markersize=3.0, zorder=4)
        _share_axis(axes, limits, period)
        step = max(1, -(-period.size // (7 if table.sizes["cohort"] > 1 else 13)))
        ticks = period[::step]
        asked = one["at_risk"].to_numpy()[::step]
        axes.set_xticks(ticks, [f"{age}\n{count(n)}" for age, n in zip(ticks, asked, strict=True)])
        axes.tick_params(axis="x", labelsize=7.5)

    return _panels(table, panel, "customers", "Renewal (above), customers at risk (below)")


def _fan(axes: Axes, time: np.ndarray, expected: xr.DataArray, quantile: xr.DataArray) -> None:
    for low, high, strength in BANDS:
        below, above = (quantile.sel(quantile=q).to_numpy() for q in (low, high))
        axes.fill_between(time, below, above, color=tint(COLOURS["blue"], strength), linewidth=0)
    axes.plot(time, expected.to_numpy(), color=COLOURS["blue"], linewidth=1.4)


def _share_axis(axes: Axes, limits: tuple[float, float], time: np.ndarray) -> None:
    axes.set_ylim(limits[0], limits[1] + 0.02)
    axes.set_xlim(time[0] - 0.3, max(time[-1], time[0] + 1) + 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
