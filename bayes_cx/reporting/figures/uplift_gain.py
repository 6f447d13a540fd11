"""What treating some customers before others gains, and whether forecasts of uplift were right."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from bayes_cx.page.blocks import Picture
from bayes_cx.page.style import COLOURS, STEPS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import measured
from bayes_cx.validation import UpliftJudgement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_tenths", "draw_uplift_curve", "outcome_axis", "tenths", "uplift_curve"]


def uplift_curve(judgement: UpliftJudgement) -> Picture:
    """Draw the gain by the share treated, beside that of treating at random."""
    with canvas(2.75) as figure:
        draw_uplift_curve(axes_at(figure, left=0.62, right=0.15, top=0.12, bottom=0.46), judgement)
        svg = to_svg(figure)
    attrs, headline = judgement.data.attrs, judgement.sentences[1]
    return Picture(
        svg,
        headline.rstrip("."),
        f"{outcome_axis(judgement)} if that share of customers gets {attrs['to']}, those with the highest "
        "expected uplift first: hold-out with its 95% band, dashed the forecast, straight at random.",
        f"Line with band. {headline}",
    )


def tenths(judgement: UpliftJudgement) -> Picture:
    """Draw observed and expected uplift by tenths of customers."""
    with canvas(2.6) as figure:
        draw_tenths(axes_at(figure, left=0.62, right=0.15, top=0.12, bottom=0.46), judgement)
        svg = to_svg(figure)
    check = judgement.checks[-1]
    headline = (
        "Uplift was as expected in tenths of customers"
        if check.status == "passed"
        else "Uplift was not as expected in some tenths of customers"
    )
    return Picture(
        svg,
        headline,
        "Dots: uplift in the hold-out with its 95% interval. Lines: expected by the fit, with its 95% band.",
        f"Dots with intervals beside a band. {headline}.",
    )


def outcome_axis(judgement: UpliftJudgement) -> str:
    """Return what the vertical axis counts."""
    attrs = judgement.data.attrs
    return (
        f"Gain in {attrs['outcome']} per {'100 customers' if attrs['family'] == 'bernoulli' else 'customer'}"
    )


def draw_uplift_curve(axes: "Axes", judgement: UpliftJudgement) -> None:
    """Draw on given axes what `uplift_curve` shows."""
    data, unit = judgement.data, _unit(judgement)
    share = data["share"].to_numpy()
    gain, low, high, expected = (
        unit * data[name].to_numpy() for name in ("gain", "gain_low", "gain_high", "expected")
    )
    colour = COLOURS["green"] if judgement.ranks else COLOURS["blue"]
    axes.fill_between(share, low, high, color=tint(colour, 0.2), linewidth=0)
    axes.plot([0, 1], [0, gain[-1]], color=COLOURS["grey"], linewidth=1.2)
    axes.plot(share, expected, color=COLOURS["muted"], linewidth=1.0, linestyle=(0, (4, 3)))
    axes.plot(share, gain, color=colour, linewidth=1.8)
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    part = float(data["treated"].sel(policy="choose"))
    if judgement.advice == "choose":
        height = float(np.interp(part, share, gain))
        axes.plot(part, height, "o", color=COLOURS["orange"], markersize=5.5, zorder=5)
        axes.annotate(
            f"uplift above cost: {part:.0%}",
            (part, height),
            xytext=(-4, 9),
            textcoords="offset points",
            ha="right",
            color=COLOURS["amber"],
        )
    axes.annotate(
        "at random",
        (0.62, 0.62 * gain[-1]),
        xytext=(4, -11),
        textcoords="offset points",
        color=COLOURS["muted"],
    )
    axes.set(xlim=(0, 1), xlabel="Share treated, highest expected uplift first")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _heights(axes)


def draw_tenths(axes: "Axes", judgement: UpliftJudgement) -> None:
    """Draw on given axes what `tenths` shows."""
    data, unit = judgement.data, _unit(judgement)
    at = data["tenth"].to_numpy()
    value = {
        f"{name}{end}": unit * data[f"{name}{end}"].to_numpy()
        for name in ("predicted", "observed")
        for end in ("", "_low", "_high")
    }
    for place, low, high, mean in zip(
        at, value["predicted_low"], value["predicted_high"], value["predicted"], strict=True
    ):
        side = [place - 0.32, place + 0.32]
        axes.fill_between(side, low, high, color=tint(COLOURS["blue"], 0.25), linewidth=0)
        axes.plot(side, [mean, mean], color=COLOURS["blue"], linewidth=1.4)
    axes.vlines(at, value["observed_low"], value["observed_high"], color=COLOURS["ink"], linewidth=1.0)
    axes.plot(at, value["observed"], "o", color=COLOURS["ink"], markersize=4)
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
    axes.set(xlabel="Tenth of customers, lowest expected uplift on the right", xticks=at)
    _heights(axes)


def _heights(axes: "Axes") -> None:
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=STEPS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: measured(value)))


def _unit(judgement: UpliftJudgement) -> int:
    return 100 if judgement.data.attrs["family"] == "bernoulli" else 1
