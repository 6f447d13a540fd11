"""How many customers under contract stay, by cohort: observed and expected."""

import numpy as np
import xarray as xr
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import BANDS, COLOURS, TEXT_WIDTH, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import listing, per_cent, plural, shorten

__all__ = ["retention", "survival"]

# Panels of one figure; the largest cohorts are shown.
_MOST = 6


def survival(table: xr.Dataset) -> Picture:
    """Draw the share of customers still there by the number of renewals, observed and expected.

    Parameters
    ----------
    table : Dataset over cohort, period
        What `validation.survival` returns.
    """
    table, shown = _largest(table)
    svg = _panels(table, "observed", "expected", (0.0, 1.0))
    unit = str(table.attrs["unit"])
    ahead = int(table.attrs["horizon"])
    parts = []
    for i, name in enumerate(_names(table)):
        one = table.isel(cohort=i)
        end = int(one["last"]) + ahead
        low, high = _ninety(one["expected_quantile"].isel(period=end))
        share = per_cent(float(one["expected"][end]))
        parts.append(f"{share} of {name} ({per_cent(low)} to {per_cent(high)})")
    headline = f"{plural(ahead, unit).capitalize()} on there will be {listing(parts[:3])}"
    if len(parts) > 1 or _names(table) != ["all customers"]:
        headline += " still under contract"
    return Picture(
        svg,
        headline,
        f"Share of customers still there after so many {unit}s: observed (dots), expected (line), bands that "
        "hold 50, 80 and 95% of forecasts; right of the line nothing has been seen yet. In brackets the 95% "
        f"interval.{shown}",
        f"Line with bands for each cohort. {headline}.",
    )


def retention(table: xr.Dataset) -> Picture:
    """Draw the share of customers who renew, by the number of the renewal, observed and expected."""
    table, shown = _largest(table)
    least = float(
        np.nanmin([table["retention_observed"].min(), table["retention_quantile"].isel(quantile=1).min()])
    )
    svg = _panels(table, "retention_observed", "retention", (max(0.0, np.floor(10 * least) / 10), 1.0))
    rising = [_change(table.isel(cohort=i), name) for i, name in enumerate(_names(table))]
    return Picture(
        svg,
        _first_upper(listing(rising[:3])),
        "Share of those asked who renew, by the number of the renewal: observed (dots), expected (line), "
        f"bands that hold 50, 80 and 95% of forecasts.{shown}",
        f"Line with bands for each cohort. {listing(rising)}.",
    )


def _change(one: xr.Dataset, name: str) -> str:
    last = int(one["last"])
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


def _ninety(quantiles: xr.DataArray) -> tuple[float, float]:
    return float(quantiles.sel(quantile=0.025)), float(quantiles.sel(quantile=0.975))


def _largest(table: xr.Dataset) -> tuple[xr.Dataset, str]:
    """Return the largest cohorts in their order, and a sentence on the others."""
    n = table.sizes["cohort"]
    if n <= _MOST:
        return table, ""
    largest = np.sort(np.argsort(-table["customers"].to_numpy(), kind="stable")[:_MOST])
    return table.isel(cohort=largest), f" The {_MOST} largest of {n} cohorts."


def _panels(table: xr.Dataset, seen: str, expected: str, limits: tuple[float, float]) -> bytes:
    """Draw one panel a cohort, two in a row."""
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
                bottom=height * (rows - 1 - row) + 0.42,
            )
            one = table.isel(cohort=i)
            _panel(axes, one, seen, expected, limits)
            axes.annotate(
                f"{name} ({plural(int(one['customers']), 'customer')})", (0, 1), xycoords="axes fraction",
                xytext=(0, 5), textcoords="offset points", fontweight=600,
            )  # fmt: skip
            axes.set_xlabel(f"Renewals ({table.attrs['unit']}s)")
        return to_svg(figure)


def _panel(axes, one: xr.Dataset, seen: str, expected: str, limits: tuple[float, float]) -> None:
    last = int(one["last"])
    keep = (one["period"].to_numpy() <= last + int(one.attrs["horizon"])) & ~np.isnan(
        one[expected].to_numpy()
    )
    period = one["period"].to_numpy()[keep]
    quantiles = one[f"{expected}_quantile"].transpose("quantile", "period")
    for low, high, strength in BANDS:
        below, above = (quantiles.sel(quantile=q).to_numpy()[keep] for q in (low, high))
        axes.fill_between(period, below, above, color=tint(COLOURS["blue"], strength), linewidth=0)
    axes.plot(period, one[expected].to_numpy()[keep], color=COLOURS["blue"], linewidth=1.4)
    axes.plot(one["period"], one[seen], "o", color=COLOURS["ink"], markersize=3.0, zorder=4)
    axes.axvline(last + 0.0, color=COLOURS["orange"], linewidth=1.1)
    axes.annotate(
        "today", (last, limits[0]), xytext=(4, 4), textcoords="offset points", color=COLOURS["amber"]
    )
    axes.set_ylim(limits[0], limits[1] + 0.02)
    axes.set_xlim(period[0] - 0.3, period[-1] + 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
