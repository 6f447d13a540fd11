"""How many customers under contract stay: by the age of the contract, and from today on."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import BANDS, COLOURS, STEPS, TEXT_WIDTH, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, per_cent_range, plural, shorten
from bayes_cx.validation.survival import EVERYBODY

__all__ = ["cohort_title", "draw_retention", "draw_still", "draw_survival", "retention", "still", "survival"]

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
        parts.append(f"{share} of “{name}” ({per_cent_range(low, high)})")
    # One cohort alone has no name of its own.
    if _names(table) == [EVERYBODY]:
        parts = [part.replace(f" of “{EVERYBODY}”", "") for part in parts]
    headline = f"Of today's customers, {listing(parts[:3])} will still be there in {plural(ahead, unit)}"
    limits = _still_limits(table)
    return Picture(
        _panels(table, lambda axes, one: draw_still(axes, one, limits), "current"),
        headline,
        "Share of the customers under contract today who are still there: expected (line), bands that hold "
        f"50, 80 and 95% of forecasts. In brackets the 95% interval.{shown}",
        f"Line with bands for each cohort. {headline}.",
    )


def draw_still(axes: Axes, one: xr.Dataset, limits: tuple[float, float] | None = None) -> None:
    """Draw on given axes what `still` shows of one cohort."""
    time = one["ahead"].to_numpy()
    _fan(axes, time, one["still"], one["still_quantile"])
    _share_axis(axes, limits or _still_limits(one), time)
    axes.set_xlabel(f"{str(one.attrs['unit']).capitalize()}s from today")


def _still_limits(table: xr.Dataset) -> tuple[float, float]:
    return max(0.0, np.floor(10 * float(table["still_quantile"].min())) / 10), 1.0


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
        share = per_cent(float(one["observed"][end]))
        there = "" if parts else " were still there"
        parts.append(f"{share} of {_quoted(name)}{there} after {plural(end, 'renewal')}")
    headline = listing(parts[:3])
    return Picture(
        _panels(table, lambda axes, one: draw_survival(axes, one, _ticks(table)), "customers"),
        headline,
        f"Share of customers still there by the age of the contract in {unit}s, whenever it began: observed "
        f"(dots), expected (line), bands that hold 50, 80 and 95% of forecasts. {_BELOW}{shown}",
        f"Line with bands for each cohort. {headline}.",
    )


def retention(table: xr.Dataset) -> Picture:
    """Draw the share of customers who renew, by the number of the renewal, observed and expected."""
    table, shown = _largest(table)
    limits = (min(_retention_limits(table.isel(cohort=i))[0] for i in range(table.sizes["cohort"])), 1.0)
    rising = [_change(table.isel(cohort=i), name) for i, name in enumerate(_names(table))]
    return Picture(
        _panels(table, lambda axes, one: draw_retention(axes, one, limits, _ticks(table)), "customers"),
        _first_upper(listing(rising[:3])),
        "Share of those asked who renew, by the number of the renewal: observed (dots), expected (line), "
        f"bands that hold 50, 80 and 95% of forecasts. {_BELOW}{shown}",
        f"Line with bands for each cohort. {listing(rising)}.",
    )


def draw_survival(axes: Axes, one: xr.Dataset, ticks: int = 13) -> None:
    """Draw on given axes what `survival` shows of one cohort, with about so many `ticks`."""
    _draw_by_age(axes, one, "observed", "expected", (0.0, 1.0), ticks)


def draw_retention(
    axes: Axes, one: xr.Dataset, limits: tuple[float, float] | None = None, ticks: int = 13
) -> None:
    """Draw on given axes what `retention` shows of one cohort, with about so many `ticks`."""
    limits = limits or _retention_limits(one)
    _draw_by_age(axes, one, "retention_observed", "retention", limits, ticks, first=1)


def _retention_limits(one: xr.Dataset) -> tuple[float, float]:
    drawn = one.isel(period=slice(1, _drawn(one) + 1))
    lows = drawn["retention_quantile"].isel(quantile=1)
    least = float(np.nanmin([1.0, drawn["retention_observed"].min(), lows.min()]))
    return max(0.0, np.floor(10 * least) / 10), 1.0


def _ticks(table: xr.Dataset) -> int:
    """Return for how many ticks there is room in a panel."""
    return 7 if table.sizes["cohort"] > 1 else 13


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
        f"{verb} from {per_cent(first)} to {per_cent(now)} at renewal {last}"
        if verb != "stays"
        else f"stays at {per_cent(now)} up to renewal {last}"
    )
    return f"retention of {_quoted(name)} {change}"


def _quoted(name: str) -> str:
    return name if name == EVERYBODY else f"“{name}”"


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


def cohort_title(one: xr.Dataset, counted: str = "customers") -> str:
    """Name one cohort and say how many customers it has; `counted` is the variable with their number."""
    return f"{_names(one.expand_dims('cohort'))[0]} ({plural(int(one[counted]), 'customer')})"


def _panels(table: xr.Dataset, draw: Callable[[Axes, xr.Dataset], None], counted: str) -> bytes:
    """Draw one panel a cohort, two in a row; `counted` is the number in its head."""
    n = table.sizes["cohort"]
    columns = min(n, 2)
    rows = -(-n // columns)
    height, left, gap = 2.25, 0.46, 0.62
    width = (TEXT_WIDTH - left - 0.1 - (columns - 1) * gap) / columns
    with canvas(height * rows) as figure:
        for i in range(n):
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
                cohort_title(one, counted), (0, 1), xycoords="axes fraction", xytext=(0, 5),
                textcoords="offset points", fontweight=600,
            )  # fmt: skip
        return to_svg(figure)


def _draw_by_age(
    axes: Axes,
    one: xr.Dataset,
    seen: str,
    expected: str,
    limits: tuple[float, float],
    most: int,
    first: int = 0,
) -> None:
    """Draw what was observed and expected by age, with the numbers at risk below the axis."""
    one = one.isel(period=slice(first, _drawn(one) + 1))
    period = one["period"].to_numpy()
    _fan(axes, period, one[expected], one[f"{expected}_quantile"])
    axes.plot(period, one[seen], "o", color=COLOURS["ink"], markersize=3.0, zorder=4)
    _share_axis(axes, limits, period)
    step = max(1, -(-period.size // most))
    ticks = period[::step]
    asked = one["at_risk"].to_numpy()[::step]
    axes.set_xticks(ticks, [f"{age}\n{count(n)}" for age, n in zip(ticks, asked, strict=True)])
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xlabel("Renewal (above), customers at risk (below)")


def _fan(axes: Axes, time: np.ndarray, expected: xr.DataArray, quantile: xr.DataArray) -> None:
    for low, high, strength in BANDS:
        below, above = (quantile.sel(quantile=q).to_numpy() for q in (low, high))
        axes.fill_between(time, below, above, color=tint(COLOURS["blue"], strength), linewidth=0)
    axes.plot(time, expected.to_numpy(), color=COLOURS["blue"], linewidth=1.4)


def _share_axis(axes: Axes, limits: tuple[float, float], time: np.ndarray) -> None:
    axes.set_ylim(limits[0], limits[1] + 0.02)
    axes.set_xlim(time[0] - 0.3, max(time[-1], time[0] + 1) + 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}%"))
