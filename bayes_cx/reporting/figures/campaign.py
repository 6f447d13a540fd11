"""The campaign as a whole: its gain by number of contacts, and by how customers respond."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import BANDS, COLOURS, STEPS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import Money, about, count, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_gain_curve", "draw_sensitivity", "gain_curve", "net", "sensitivity"]


def gain_curve(curve: xr.DataArray, lucky: xr.DataArray, chosen: int, money: Money) -> Picture:
    """Draw the cumulative net gain against the number of customers contacted.

    Parameters
    ----------
    curve : DataArray, dims (contacts, sample)
        Expected net gain when the first `contacts` customers are contacted, for the line.
    lucky : DataArray, dims (contacts, sample)
        The same with the luck of who comes back, for the bands.
    chosen : int
        How many the plan contacts.
    money : Money
    """
    contacts, draws, mean, shown = _gains(curve, lucky, chosen)
    peak, at = int(mean.argmax()), int(np.abs(contacts - chosen).argmin())
    best, everyone = int(contacts[peak]), int(contacts[-1])
    with canvas(2.75) as figure:
        axes = axes_at(figure, left=0.62, right=0.15, top=0.12, bottom=0.46)
        draw_gain_curve(axes, curve, lucky, chosen, money)
        svg = to_svg(figure)

    low, high = np.quantile(draws[at], [0.05, 0.95])
    if mean[peak] <= 0 or best == 0:
        headline = "No number of contacts is expected to pay"
    elif chosen < best and mean[at] < mean[peak]:
        headline = (
            f"The plan stops at {plural(chosen, 'contact')}; the gain would peak at about {about(best)}"
        )
    elif best >= everyone:
        headline = "The expected gain still rises at the last customer: every contact pays"
    else:
        exact = best == chosen or best < 1000
        at_peak = plural(best, "contact") if exact else f"about {about(best)} contacts"
        headline = f"The expected gain peaks at {at_peak} and then turns down"
    cut = ""
    if shown < everyone:
        cut = f" Contacting all {count(everyone)} would be expected to {net(mean[-1], money)}."
    return Picture(
        svg,
        headline,
        f"Cumulative net gain of the campaign{money.unit}: mean, with 50, 80 and 95% bands, which include "
        f"the luck of who comes back.{cut}",
        f"Line with bands. {headline}. At {plural(chosen, 'contact')} the mean is {money(mean[at])}, "
        f"90% interval {money.range(low, high)}.{cut}",
    )


def net(gain: float, money: Money) -> str:
    """Say what is gained after the cost: money is earned or lost, purchases are brought."""
    if money.noun:
        return f"bring {money(abs(gain))} {'more' if gain >= 0 else 'less'} than it costs"
    return f"{'earn' if gain >= 0 else 'lose'} {money(abs(gain))} after its cost"


def _gains(
    curve: xr.DataArray, lucky: xr.DataArray, chosen: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return numbers of contacts, the gain at each with luck and as expected, and how far to draw."""
    contacts = curve["contacts"].to_numpy()
    draws = lucky.transpose("contacts", "sample").to_numpy()
    mean = curve.mean("sample").to_numpy()
    return contacts, draws, mean, _interesting(contacts, mean, max(chosen, int(contacts[int(mean.argmax())])))


def draw_gain_curve(
    axes: "Axes", curve: xr.DataArray, lucky: xr.DataArray, chosen: int, money: Money
) -> None:
    """Draw on given axes what `gain_curve` shows."""
    contacts, draws, mean, shown = _gains(curve, lucky, chosen)
    keep = contacts <= shown
    at = int(np.abs(contacts - chosen).argmin())
    for low, high, strength in BANDS:
        lower, upper = np.quantile(draws[keep], [low, high], axis=1)
        axes.fill_between(contacts[keep], lower, upper, color=tint(COLOURS["green"], strength), linewidth=0)
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    axes.plot(contacts[keep], mean[keep], color=COLOURS["green"], linewidth=1.8)
    axes.plot([chosen, chosen], [0, mean[at]], color=COLOURS["orange"], linewidth=1.2)
    axes.plot(chosen, mean[at], "o", color=COLOURS["orange"], markersize=5.5, clip_on=False, zorder=5)
    axes.set(xlim=(0, shown), xlabel="Customers contacted, highest priority first")
    bottom, top = axes.get_ylim()
    axes.set_ylim(min(bottom, -0.18 * top), max(top, -0.18 * bottom))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=STEPS))
    axes.yaxis.set_major_formatter(FuncFormatter(money.tick))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=STEPS, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: count(number)))
    right_half = chosen > 0.55 * shown
    axes.annotate(
        f"{plural(chosen, 'contact')}: {money(mean[at])}",
        (chosen, mean[at]),
        xytext=(-7 if right_half else 7, 6),
        textcoords="offset points",
        ha="right" if right_half else "left",
        fontweight=600,
        # readable on the bands and beside the line
        bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.0},
    )


def _interesting(contacts: np.ndarray, mean: np.ndarray, chosen: int) -> int:
    """Return how far to draw: beyond the point where the expected gain has turned negative again."""
    last = int(contacts[-1])
    after = contacts > chosen
    negative = contacts[after & (mean < -0.25 * max(mean.max(), 0))]
    if chosen == 0 or not negative.size:
        return last
    return int(min(last, max(3 * chosen, negative[0])))


def sensitivity(table: xr.Dataset, money: Money) -> Picture:
    """Draw the campaign's expected gain against how strongly customers respond to the offers.

    Parameters
    ----------
    table : Dataset over scale
        `gain`, `gain_low`, `gain_high` and `contacts` when the expected response is multiplied by `scale`.
    money : Money
    """
    scale = table["scale"].to_numpy()
    gain, low = table["gain"].to_numpy(), table["gain_low"].to_numpy()
    contacts = table["contacts"].to_numpy()
    with canvas(2.3) as figure:
        axes = axes_at(figure, left=0.62, right=0.15, top=0.12, bottom=0.62)
        draw_sensitivity(axes, table, money)
        svg = to_svg(figure)

    headline = _sensitivity_words(scale, gain, low)
    cells = "; ".join(
        f"{_times(s)}: {money(g)}, {plural(int(k), 'contact')}"
        for s, g, k in zip(scale, gain, contacts, strict=True)
    )
    return Picture(
        svg,
        headline,
        f"Net gain of this plan{money.unit} if customers respond less or more: mean (line) and 90% interval "
        "(bar), with the luck of who comes back.",
        f"Interval bars. {headline}. {cells}.",
    )


def draw_sensitivity(axes: "Axes", table: xr.Dataset, money: Money) -> None:
    """Draw on given axes what `sensitivity` shows."""
    scale, contacts = table["scale"].to_numpy(), table["contacts"].to_numpy()
    gain, low, high = (table[name].to_numpy() for name in ("gain", "gain_low", "gain_high"))
    place = np.arange(scale.size)
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    for at, below, above, middle in zip(place, low, high, gain, strict=True):
        colour = COLOURS["green"] if below > 0 else COLOURS["red"] if above < 0 else COLOURS["grey"]
        axes.add_patch(
            Rectangle((at - 0.08, below), 0.16, above - below, facecolor=tint(colour, 0.45), linewidth=0)
        )
        axes.plot([at - 0.14, at + 0.14], [middle, middle], color=COLOURS["ink"], linewidth=1.6)
    axes.set_xlim(-0.5, place[-1] + 0.6)
    bottom, top = min(low.min(), 0.0), max(high.max(), 0.0)
    room = top - bottom or 1.0
    axes.set_ylim(bottom - 0.06 * room, top + 0.06 * room)
    for at, middle in zip(place, gain, strict=True):
        # beside the bar, and not across the line of zero
        beside = middle if abs(middle) > 0.055 * room else np.copysign(0.055 * room, middle)
        axes.annotate(money.bare(middle), (at + 0.18, beside), ha="left", va="center", fontweight=600)
    axes.set_xticks(
        place, [f"×{s:g}\n{plural(int(k), 'contact')}" for s, k in zip(scale, contacts, strict=True)]
    )
    axes.set_xlabel(
        "Response to the offers, as a multiple of what is assumed; contacts that would then be best"
    )
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=STEPS))
    axes.yaxis.set_major_formatter(FuncFormatter(money.tick))


def _sensitivity_words(scale: np.ndarray, gain: np.ndarray, low: np.ndarray) -> str:
    """Say at which response the campaign still pays, and where that is almost certain."""
    pays, sure = scale[gain > 0], scale[low > 0]
    if not pays.size:
        return f"Even at {_times(scale.max())} the assumed response the campaign is not expected to pay"
    if sure.size and sure.min() == scale.min():
        return f"Even at {_times(scale.min())} the assumed response the campaign almost certainly pays"
    if pays.min() > 1:
        return f"The campaign would pay only from {_times(pays.min())} the assumed response"
    if pays.min() == 1:
        return "The gain depends on the assumed response: with less of it the campaign is not expected to pay"
    words = f"The campaign is expected to pay from {_times(pays.min())} the assumed response"
    if not sure.size:
        return f"{words}, but nowhere almost certainly"
    response = {0.5: "half of it", 1.0: "all of it"}.get(sure.min(), f"{sure.min():g} times it")
    return f"{words}, almost certainly from {response}"


def _times(scale: float) -> str:
    """Return a multiple in words that fit before 'the assumed response'."""
    words = {0.25: "a quarter of", 0.5: "half", 1.0: "just", 1.5: "1.5 times", 2.0: "twice"}
    return words.get(round(float(scale), 4), f"{scale:g} times")
