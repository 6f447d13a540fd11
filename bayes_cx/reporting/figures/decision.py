"""Figures of the decision: possible futures, the gain by number of contacts, and how sure each contact is."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bayes_cx.reporting.fonts import printable
from bayes_cx.reporting.style import COLOURS, TEXT_WIDTH, Figure, axes_at, canvas, tint, to_svg
from bayes_cx.reporting.words import Money, about, count, per_cent, plural, shorten
from bayes_cx.reporting.words import chance as chance_of

__all__ = ["forest", "futures", "gain_curve", "sensitivity"]

_STEPS = (1, 2, 2.5, 5, 10)
_BANDS = ((0.025, 0.975, 0.16), (0.1, 0.9, 0.32), (0.25, 0.75, 0.52))
# lower and upper quantile of each band, and how strong its tint is


def futures(draws: np.ndarray, money: Money, *, what: str, line: bool, dots: int = 50) -> Figure:
    """Draw equally likely futures, one dot each (quantile dotplot, Kay et al. 2016).

    Parameters
    ----------
    draws : array, shape (sample,)
        The amount in each future.
    money : Money
    what : str
        What the amount is, to start the subtitle with.
    line : bool
        Whether zero is the line between gain and loss; it is then drawn, or said to lie outside.
    dots : int
        How many dots stand for all futures.
    """
    values = np.quantile(draws, (np.arange(dots) + 0.5) / dots)
    spread = max(np.ptp(values), 1e-9 * max(1.0, np.abs(values).max()))
    low, high = values[0] - 0.08 * spread, values[-1] + 0.08 * spread
    nearby = low - 2 * spread < 0 < high + 2 * spread
    if line and nearby:
        # room on either side of zero for the words that stand there
        low, high = min(low, -0.14 * spread), max(high, 0.14 * spread)

    height, width = 2.3, TEXT_WIDTH
    with canvas(height) as figure:
        axes = axes_at(figure, left=0.05, right=0.05, top=0.34 if line else 0.12, bottom=0.26)
        room = height - 0.6 - (0.0 if line else -0.2)
        per_inch = (high - low) / (width - 0.1)
        stacks, size = _stacks(values, per_inch, room)
        for value, level, amount in stacks:
            gain = amount >= 0 or not line
            axes.add_patch(
                Circle(
                    (value, (level + 0.5) * size),
                    0.46 * size,
                    facecolor=COLOURS["blue"] if gain else COLOURS["red"],
                    linewidth=0,
                )
            )
        axes.set(xlim=(low, high), ylim=(0, room * per_inch), yticks=[])
        axes.set_aspect("equal", adjustable="box", anchor="S")
        axes.grid(False)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=_STEPS))
        axes.xaxis.set_major_formatter(FuncFormatter(money.tick))
        if line and low < 0 < high:
            axes.axvline(0, color=COLOURS["orange"], linewidth=1.2, zorder=3, ymax=1.02, clip_on=False)
            at = (0, 1.03)
            for side, word in ((-1, "loses money"), (1, "earns money")):
                axes.annotate(
                    word,
                    at,
                    xycoords=("data", "axes fraction"),
                    xytext=(side * 6, 0),
                    textcoords="offset points",
                    ha="left" if side > 0 else "right",
                    va="bottom",
                    color=COLOURS["amber"] if side < 0 else COLOURS["blue"],
                )
        svg = to_svg(figure)

    right = int((values >= 0).sum())
    low5, high95 = np.quantile(draws, [0.05, 0.95])
    if not line:
        headline = f"Nine futures in ten bring {money.range(low5, high95)}"
    elif right == dots:
        headline = f"In all {dots} of {dots} equally likely futures the campaign earns more than it costs"
    elif right == 0:
        headline = f"In none of {dots} equally likely futures does the campaign earn more than it costs"
    else:
        headline = f"In {right} of {dots} equally likely futures the campaign earns more than it costs"
    outside = "" if not line or nearby else " Zero lies outside the picture."
    share = per_cent(1 / dots)
    return Figure(
        svg,
        headline,
        f"{what}. Each dot is one of {dots} equally likely futures, a {share} chance each.{outside}",
        f"Dot plot. {headline}. {what}: median {money(float(np.median(draws)))}, "
        f"90% interval {money.range(low5, high95)}.",
    )


def _stacks(
    values: np.ndarray, per_inch: float, room: float, largest: float = 0.3
) -> tuple[list[tuple[float, int, float]], float]:
    """Return (position, level, value) of each dot and the size of a dot, so that the highest stack fits."""
    size, stacks = 0.0, []
    for inches in np.linspace(largest, 0.02, 40):
        size, stacks = inches * per_inch, []
        for value in values:
            # a stack never mixes gains and losses: its colour would lie
            if stacks and value - stacks[-1][0] < size and (value < 0) == (stacks[-1][0] < 0):
                stacks[-1].append(value)
            else:
                stacks.append([value])
        if max(len(stack) for stack in stacks) * inches <= room:
            break
    placed: list[tuple[float, int, float]] = []
    at = -np.inf  # where the last stack stands; the next one keeps its distance
    for stack in stacks:
        middle = max((stack[0] + stack[-1]) / 2, at + size)
        if stack[0] < 0:
            middle = min(middle, -size / 2) if at + size <= -size / 2 else middle
        else:
            middle = max(middle, size / 2) if stack[0] < size / 2 else middle
        at = middle
        placed += [(middle, level, value) for level, value in enumerate(stack)]
    return placed, size


def gain_curve(curve: xr.DataArray, chosen: int, money: Money) -> Figure:
    """Draw the cumulative net gain against the number of customers contacted.

    Parameters
    ----------
    curve : DataArray, dims (contacts, sample)
        Net gain when the first `contacts` customers are contacted.
    chosen : int
        How many the plan contacts.
    money : Money
    """
    contacts = curve["contacts"].to_numpy()
    draws = curve.transpose("contacts", "sample").to_numpy()
    mean = draws.mean(1)
    peak = int(mean.argmax())
    best, everyone = int(contacts[peak]), int(contacts[-1])
    shown = _interesting(contacts, mean, max(chosen, best))
    keep = contacts <= shown

    with canvas(2.75) as figure:
        axes = axes_at(figure, left=0.62, right=0.15, top=0.12, bottom=0.46)
        for low, high, strength in _BANDS:
            lower, upper = np.quantile(draws[keep], [low, high], axis=1)
            axes.fill_between(
                contacts[keep], lower, upper, color=tint(COLOURS["green"], strength), linewidth=0
            )
        axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
        axes.plot(contacts[keep], mean[keep], color=COLOURS["green"], linewidth=1.8)
        at = int(np.abs(contacts - chosen).argmin())
        axes.plot([chosen, chosen], [0, mean[at]], color=COLOURS["orange"], linewidth=1.2)
        axes.plot(chosen, mean[at], "o", color=COLOURS["orange"], markersize=5.5, clip_on=False, zorder=5)
        axes.set(xlim=(0, shown), xlabel="Customers contacted, highest priority first")
        bottom, top = axes.get_ylim()
        axes.set_ylim(min(bottom, -0.18 * top), max(top, -0.18 * bottom))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=_STEPS))
        axes.yaxis.set_major_formatter(FuncFormatter(money.tick))
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=_STEPS, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: count(number)))
        right_half = chosen > 0.55 * shown
        axes.annotate(
            f"{plural(chosen, 'contact')}: {money(mean[at])}",
            (chosen, mean[at]),
            xytext=(-7 if right_half else 7, 6),
            textcoords="offset points",
            ha="right" if right_half else "left",
            fontweight=600,
        )
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
        headline = f"The expected gain peaks at {about(best)} contacts and then turns down"
    cut = ""
    if shown < everyone:
        cut = f" Contacting all {count(everyone)} is expected to return {money(mean[-1])}."
    return Figure(
        svg,
        headline,
        f"Cumulative net gain of the campaign: mean, with 50, 80 and 95% bands.{cut}",
        f"Line with bands. {headline}. At {plural(chosen, 'contact')} the mean is {money(mean[at])}, "
        f"90% interval {money.range(low, high)}.{cut}",
    )


def _interesting(contacts: np.ndarray, mean: np.ndarray, chosen: int) -> int:
    """Return how far to draw: past the point where the expected gain has turned negative again."""
    last = int(contacts[-1])
    after = contacts > chosen
    negative = contacts[after & (mean < -0.25 * max(mean.max(), 0))]
    if chosen == 0 or not negative.size:
        return last
    return int(min(last, max(3 * chosen, negative[0])))


def forest(data: xr.Dataset, money: Money, rows: int = 12) -> Figure:
    """Draw the net gain of the first customers with 50 and 90 % intervals, coloured where its sign is known.

    Parameters
    ----------
    data : Dataset over customer
        `Plan.data`, sorted by priority.
    money : Money
    rows : int
        How many customers to draw.
    """
    contacted = data["contact"].to_numpy()
    listed = contacted if contacted.any() else np.arange(contacted.size) < rows
    pays = data["p_gain"].to_numpy()[listed]
    top = data.isel(customer=np.flatnonzero(listed)[:rows])
    names = [shorten(printable(str(name)), 26) for name in top["customer"].to_numpy()]
    quantiles = top["gain_quantile"].transpose("customer", "quantile").to_numpy()
    chance = top["p_gain"].to_numpy()
    colours = [_verdict_colour(p) for p in chance]
    extra: list[tuple[str, list[str]]] = [
        ("expected", [money(float(g)) for g in top["gain"].to_numpy()]),
        ("chance of gain", [chance_of(float(p)) for p in chance]),
    ]
    if "p_best" in top:
        extra.append(("in best set", [chance_of(float(p)) for p in top["p_best"].to_numpy()]))
    svg = _bars(names, quantiles, colours, extra, money)

    headline = _forest_words(pays, "contact" if contacted.any() else "customer")
    shown = f"The first {len(names)}. " if len(names) < pays.size else ""
    return Figure(
        svg,
        headline,
        f"{shown}Net gain: median, 50 and 90% interval. Coloured where the sign is at least 90% certain.",
        f"Interval bars. {headline}.",
    )


def _forest_words(pays: np.ndarray, noun: str) -> str:
    """Count the contacts that almost surely pay, that are open and that almost surely do not."""
    sure, against = int((pays >= 0.9).sum()), int((pays <= 0.1).sum())
    open_ = pays.size - sure - against
    all_ = plural(pays.size, noun)
    if sure == pays.size:
        return f"The one {noun} almost surely pays" if sure == 1 else f"All {all_} almost surely pay"
    if against == pays.size:
        return f"None of the first {all_} would pay"
    parts = [f"{count(sure) if sure else 'None'} of {all_} almost surely {'pay' if sure > 1 else 'pays'}"]
    parts += [f"{count(open_)} could go either way"] if open_ else []
    parts += [f"{count(against)} almost surely would not pay"] if against else []
    return "; ".join(parts)


def _verdict_colour(chance: float) -> str:
    return COLOURS["green"] if chance >= 0.9 else COLOURS["red"] if chance <= 0.1 else COLOURS["grey"]


def _bars(
    names: Sequence[str],
    quantiles: np.ndarray,
    colours: Sequence[str],
    columns: Sequence[tuple[str, list[str]]],
    money: Money,
) -> bytes:
    n, step = len(names), 0.205
    with canvas(0.62 + step * n) as figure:
        axes = axes_at(figure, left=1.75, right=0.1 + 0.82 * len(columns), top=0.28, bottom=0.34)
        low, high = min(quantiles.min(), 0.0), max(quantiles.max(), 0.0)
        pad = 0.04 * (high - low or 1)
        axes.set(xlim=(low - pad, high + pad), ylim=(n - 0.5, -0.5), yticks=[])
        axes.grid(False)
        axes.axvline(0, color=COLOURS["orange"], linewidth=1.1)
        axes.text(0, -0.62, "break-even", color=COLOURS["amber"], ha="center", va="bottom", fontsize=8)
        for row, (name, (q5, q25, q50, q75, q95), colour) in enumerate(
            zip(names, quantiles, colours, strict=True)
        ):
            for left, right, strength in ((q5, q95, 0.35), (q25, q75, 0.85)):
                axes.add_patch(
                    Rectangle(
                        (left, row - 0.24), right - left, 0.48, facecolor=tint(colour, strength), linewidth=0
                    )
                )
            axes.plot([q50, q50], [row - 0.34, row + 0.34], color=COLOURS["ink"], linewidth=1.5)
            axes.annotate(
                name, (0, row), xycoords=("axes fraction", "data"), xytext=(-126, 0),
                textcoords="offset points", ha="left", va="center",
            )  # fmt: skip
        for place, (head, cells) in enumerate(columns):
            at = 0.82 * 72 * (place + 1)
            axes.annotate(
                head, (1, -0.62), xycoords=("axes fraction", "data"), xytext=(at, 0),
                textcoords="offset points", ha="right", va="bottom", fontsize=8, color=COLOURS["muted"],
            )  # fmt: skip
            for row, cell in enumerate(cells):
                axes.annotate(
                    cell, (1, row), xycoords=("axes fraction", "data"), xytext=(at, 0),
                    textcoords="offset points", ha="right", va="center",
                    fontweight=600 if place == 0 else 400,
                )  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=_STEPS))
        axes.xaxis.set_major_formatter(FuncFormatter(money.tick))
        return to_svg(figure)


def sensitivity(table: xr.Dataset, money: Money) -> Figure:
    """Draw the campaign's expected gain against how strongly customers respond to the offers.

    Parameters
    ----------
    table : Dataset over scale
        `gain`, `gain_low`, `gain_high` and `contacts` when the expected response is multiplied by `scale`.
    money : Money
    """
    scale = table["scale"].to_numpy()
    gain, low, high = (table[name].to_numpy() for name in ("gain", "gain_low", "gain_high"))
    contacts = table["contacts"].to_numpy()
    place = np.arange(scale.size)
    with canvas(2.3) as figure:
        axes = axes_at(figure, left=0.62, right=0.15, top=0.12, bottom=0.62)
        axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
        for at, below, above, middle in zip(place, low, high, gain, strict=True):
            colour = COLOURS["green"] if below > 0 else COLOURS["red"] if above < 0 else COLOURS["grey"]
            axes.add_patch(
                Rectangle((at - 0.08, below), 0.16, above - below, facecolor=tint(colour, 0.45), linewidth=0)
            )
            axes.plot([at - 0.14, at + 0.14], [middle, middle], color=COLOURS["ink"], linewidth=1.6)
            axes.annotate(
                money(middle), (at + 0.18, middle), ha="left", va="center", fontweight=600,
                bbox={"facecolor": "white", "linewidth": 0, "pad": 0.8},
            )  # fmt: skip
        axes.set_xlim(-0.5, place[-1] + 0.6)
        bottom, top = min(low.min(), 0.0), max(high.max(), 0.0)
        axes.set_ylim(bottom - 0.06 * (top - bottom or 1), top + 0.06 * (top - bottom or 1))
        axes.set_xticks(
            place, [f"×{s:g}\n{plural(int(k), 'contact')}" for s, k in zip(scale, contacts, strict=True)]
        )
        axes.set_xlabel(
            "Response to the offers, as a multiple of what is assumed; contacts the plan would then make"
        )
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=_STEPS))
        axes.yaxis.set_major_formatter(FuncFormatter(money.tick))
        svg = to_svg(figure)

    headline = _sensitivity_words(scale, gain, low)
    cells = "; ".join(
        f"{_times(s)}: {money(g)}, {plural(int(k), 'contact')}"
        for s, g, k in zip(scale, gain, contacts, strict=True)
    )
    return Figure(
        svg,
        headline,
        "Expected net gain (line) and 90% interval (bar) when customers respond less or more than assumed.",
        f"Interval bars. {headline}. {cells}.",
    )


def _sensitivity_words(scale: np.ndarray, gain: np.ndarray, low: np.ndarray) -> str:
    """Say at which response the campaign still pays, and where that is almost sure."""
    pays, sure = scale[gain > 0], scale[low > 0]
    if not pays.size:
        return f"Even at {_times(scale.max())} the assumed response no contact pays"
    if sure.size and sure.min() == scale.min():
        return f"Even at {_times(scale.min())} the assumed response the campaign almost surely pays"
    if pays.min() > 1:
        return f"Contacts would pay only from {_times(pays.min())} the assumed response"
    if pays.min() == 1:
        return "The gain hangs on the assumed response: with less of it the campaign is not expected to pay"
    words = f"The campaign is expected to pay from {_times(pays.min())} the assumed response"
    if not sure.size:
        return f"{words}, but nowhere almost surely"
    response = "the full response" if sure.min() == 1 else f"{_times(sure.min())} the response"
    return f"{words}, almost surely from {response}"


def _times(scale: float) -> str:
    """Return a multiple in words that fit before 'the assumed response'."""
    words = {0.25: "a quarter of", 0.5: "half", 1.0: "just", 1.5: "1.5 times", 2.0: "twice"}
    return words.get(round(float(scale), 4), f"{scale:g} times")
