"""How well single customers were forecast: by past events, by probability, and by the revenue of the best."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.kinds import find_kind
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, per_cent_range, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["by_frequency", "calibration", "capture", "draw_by_frequency", "draw_calibration", "draw_capture"]


def by_frequency(table: xr.Dataset) -> Picture:
    """Draw hold-out events per customer, observed and expected, by earlier ones."""
    names, observed, expected, low, high = _frequencies(table)
    words = find_kind(table.attrs["kind"]).words["en"]
    repeats = words.repeats
    with canvas(2.7, width=3.3) as figure:
        axes = axes_at(figure, left=0.34, right=0.05, top=0.1, bottom=0.62)
        draw_by_frequency(axes, table)
        svg = to_svg(figure)

    above = [name for name, o, h in zip(names, observed, high, strict=True) if o > h]
    below = [name for name, o, w in zip(names, observed, low, strict=True) if o < w]
    if not above and not below:
        headline = f"{words.steady[0].upper()}{words.steady[1:]} as expected"
    elif not below:
        headline = f"Customers with {_counted(above, repeats)} {words.renew} more than expected"
    elif not above:
        headline = f"Customers with {_counted(below, repeats)} {words.renew} less than expected"
    else:
        headline = f"More than expected with {_counted(above, repeats)}, less with {listing(below, 'or')}"
    return Picture(
        svg,
        headline,
        f"Hold-out {words.events} per customer: observed (dot), expected (line), 95% interval (bar).",
        f"Dots over interval bars. {headline}. "
        + "; ".join(
            f"{n}: observed {o:.2f}, expected {e:.2f}"
            for n, o, e in zip(names, observed, expected, strict=True)
        ),
    )


def _counted(numbers: list[str], events: str) -> str:
    """Return alternatives with what they count, in the singular after a single one."""
    return f"{listing(numbers, 'or')} {events.removesuffix('s') if numbers[-1:] == ['1'] else events}"


def _frequencies(table: xr.Dataset) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return names of the groups with a customer; observed, expected and the ends of the 95% interval."""
    table = _present(table)
    level = table["quantile"].to_numpy()
    quantiles = table["expected_quantile"].transpose("quantile", "frequency").to_numpy()
    low, high = (quantiles[int(np.abs(level - q).argmin())] for q in (0.025, 0.975))
    names = [str(name) for name in table["frequency"].to_numpy()]
    return names, table["observed"].to_numpy(), table["expected"].to_numpy(), low, high


def _present(table: xr.Dataset) -> xr.Dataset:
    return table.isel(frequency=np.flatnonzero(table["customers"].to_numpy() > 0))


def draw_by_frequency(axes: "Axes", table: xr.Dataset) -> None:
    """Draw on given axes what `by_frequency` shows."""
    names, observed, expected, low, high = _frequencies(table)
    repeats = find_kind(table.attrs["kind"]).words["en"].repeats
    place = np.arange(len(names))
    for at, below, above, middle in zip(place, low, high, expected, strict=True):
        axes.add_patch(
            Rectangle(
                (at - 0.3, below), 0.6, above - below, facecolor=tint(COLOURS["blue"], 0.28), linewidth=0
            )
        )
        axes.plot([at - 0.3, at + 0.3], [middle, middle], color=COLOURS["blue"], linewidth=1.5)
    axes.plot(
        place, observed, "o", markersize=4.2, markerfacecolor="white", markeredgecolor=COLOURS["ink"],
        markeredgewidth=1.0, zorder=4,
    )  # fmt: skip
    axes.set(xlim=(-0.6, len(names) - 0.4), ylim=(0, 1.08 * max(high.max(), observed.max(), 1e-9)))
    customers = [count(n) for n in _present(table)["customers"].to_numpy()]
    axes.set_xticks(place, [f"{name}\n{n}" for name, n in zip(names, customers, strict=True)])
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_xlabel(f"{repeats.capitalize()} before (above), customers (below)")
    axes.yaxis.set_major_locator(MaxNLocator(5))


def calibration(table: xr.Dataset) -> Picture:
    """Draw how often what was forecast with a chance happened, as an isotonic curve.

    Parameters
    ----------
    table : Dataset over point
        `Holdout.calibration`, sorted by `predicted`; attribute `least_inside` is the share of customers that
        must lie inside the band.
    """
    they = _outcome(table)[1]
    predicted, curve = table["predicted"].to_numpy(), table["isotonic"].to_numpy()
    low, high = table["low95"].to_numpy(), table["high95"].to_numpy()
    with canvas(2.7, width=3.3) as figure:
        axes = axes_at(figure, left=0.42, right=0.16, top=0.1, bottom=0.46)
        draw_calibration(axes, table)
        svg = to_svg(figure)

    outside = float(((curve < low - 1e-12) | (curve > high + 1e-12)).mean())
    at = int(np.abs(predicted - np.clip(0.6, predicted.min(), predicted.max())).argmin())
    says = f"Forecasts of {per_cent(float(predicted[at]))} came true {per_cent(float(curve[at]))} of the time"
    if predicted.size < 50:
        says = f"{plural(predicted.size, 'customer')}: too few to judge single forecasts"
    elif 1 - outside < float(table.attrs.get("least_inside", 1)):
        says = f"Forecast chances are off for {per_cent(outside)} of customers: {says[0].lower()}{says[1:]}"
    inside = "inside the 95% band for every customer" if outside == 0 else (
        f"outside the 95% band for {per_cent(outside)} of customers"
    )  # fmt: skip
    return Picture(
        svg,
        says,
        f"Observed share of {they}; the curve lies {inside}. Grey: where it falls 50 and 95% of the time "
        "if the forecasts are right.",
        f"Step curve. {says}; the curve lies {inside}.",
    )


def _outcome(table: xr.Dataset) -> tuple[str, str]:
    """Return what was forecast with a chance, and what it came true for."""
    forecast = find_kind(table.attrs["kind"]).forecast
    return ("it", "it") if forecast is None else (forecast.outcome, forecast.they)


def draw_calibration(axes: "Axes", table: xr.Dataset) -> None:
    """Draw on given axes what `calibration` shows."""
    outcome = _outcome(table)[0]
    predicted, curve = table["predicted"].to_numpy(), table["isotonic"].to_numpy()
    # thousands of points draw the same steps as the few where they change
    keep = np.unique(np.linspace(0, predicted.size - 1, min(predicted.size, 400)).astype(int))
    steps = np.unique(
        np.r_[0, np.flatnonzero(np.diff(curve)), np.flatnonzero(np.diff(curve)) + 1, predicted.size - 1]
    )
    for inner, strength in (("95", 0.22), ("50", 0.5)):
        axes.fill_between(
            predicted[keep],
            table[f"low{inner}"].to_numpy()[keep],
            table[f"high{inner}"].to_numpy()[keep],
            color=tint(COLOURS["grey"], strength), linewidth=0,
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=COLOURS["grey"], linewidth=0.9, dashes=(4, 3))
    axes.plot(predicted[steps], curve[steps], color=COLOURS["blue"], linewidth=1.6)
    if "bin_count" in table:
        edges, customers = table["bin_edges"].to_numpy(), table["bin_count"].to_numpy()
        axes.bar(
            edges[:-1], 0.14 * customers / max(customers.max(), 1), width=0.86 * np.diff(edges),
            align="edge",
            color=tint(COLOURS["blue"], 0.35), linewidth=0, zorder=1.5,
        )  # fmt: skip
        # where there are the fewest
        half = customers[edges[:-1] < 0.5].max(initial=0) > customers[edges[:-1] >= 0.5].max(initial=0)
        axes.text(
            0.99 if half else 0.12, 0.05, "number of customers", ha="right" if half else "left", fontsize=7.5,
            color=COLOURS["muted"],
        )  # fmt: skip
    ticks = (0, 0.25, 0.5, 0.75, 1)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=f"Forecast chance of {outcome}")
    axes.set_xticks(ticks, [f"{t:.0%}" for t in ticks])
    axes.set_yticks(ticks, [f"{t:.0%}" for t in ticks])
    axes.grid(False)


def capture(table: xr.Dataset, ours: str = "bayes_cx") -> Picture:
    """Draw the share of hold-out revenue, or events, that the best customers of each rule brought."""
    table = table.sortby("share", ascending=False)
    names = [str(name) for name in table["rule"].to_numpy()]
    share = table["share"].to_numpy()
    part = per_cent(float(table.attrs["top_share"]))
    with canvas(0.5 + 0.27 * len(names)) as figure:
        axes = axes_at(figure, left=2.0, right=1.5, top=0.06, bottom=0.34)
        draw_capture(axes, table, ours)
        svg = to_svg(figure)
    return Picture(
        svg,
        _capture_words(table, ours, part),
        f"Share of hold-out {table.attrs['counted']} from the top {part} of customers by each rule, with 95% "
        "interval.",
        "Interval bars. "
        + "; ".join(
            f"{'this report' if n == ours else n}: {per_cent(s)}" for n, s in zip(names, share, strict=True)
        ),
    )


def draw_capture(axes: "Axes", table: xr.Dataset, ours: str = "bayes_cx") -> None:
    """Draw on given axes what `capture` shows; the rules stand in the order of the table."""
    names = [str(name) for name in table["rule"].to_numpy()]
    share, low, high = (table[name].to_numpy() for name in ("share", "low", "high"))
    for row, name in enumerate(names):
        colour = COLOURS["blue"] if name == ours else COLOURS["grey"]
        weight = 600 if name == ours else 400
        axes.add_patch(
            Rectangle(
                (low[row], row - 0.2),
                high[row] - low[row],
                0.4,
                facecolor=tint(colour, 0.38),
                linewidth=0,
            )
        )
        axes.plot([share[row]] * 2, [row - 0.32, row + 0.32], color=colour, linewidth=2)
        for text, at, offset, align in (
            ("this report" if name == ours else printable(name), 0, -144, "left"),
            (
                f"{per_cent(share[row])}   ({per_cent_range(low[row], high[row])})",
                1,
                105,
                "right",
            ),
        ):
            axes.annotate(
                text, (at, row), xycoords=("axes fraction", "data"), xytext=(offset, 0),
                textcoords="offset points", ha=align, va="center", fontweight=weight,
            )  # fmt: skip
    axes.set(xlim=(0, min(1.0, 1.12 * high.max())), ylim=(len(names) - 0.5, -0.5), yticks=[])
    axes.grid(True, axis="x")
    # whole percentages only
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{100 * s:.3g}%"))


def _capture_words(table: xr.Dataset, ours: str, part: str) -> str:
    """Return how our ranking compares with the best other rule; a lead within its error is no lead."""
    mine, others = table.sel(rule=ours), table.drop_sel(rule=ours)
    opening = f"Our top {part} brought {per_cent(float(mine['share']))} of hold-out {table.attrs['counted']}"
    if not others.sizes["rule"]:
        return opening
    rival = others.isel(rule=int(others["share"].to_numpy().argmax()))
    name, share = str(rival["rule"].values), per_cent(float(rival["share"]))
    if float(rival["difference_low"]) > 0:
        return f"{opening}; the next best rule, {name}, {share}"
    if float(rival["difference_high"]) < 0:
        return f"{opening}; {name} found more: {share}"
    return f"{opening}, no clear lead over {name}"
