"""Which share of customers each channel sees, month by month."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from bayes_cx.data import ChannelView
from bayes_cx.data.groups import NO_GROUP
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, PAPER, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import per_cent, plural, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["channels", "draw_channels"]

_MOST, _LONGEST = 12, 22
# Of more months the numbers would not be readable.
_WRITTEN = 14


def channels(view: ChannelView) -> Picture | None:
    """Draw the share of customers that each channel sees by month; None where there is no channel."""
    if view.by_channel.empty:
        return None
    rows = min(len(view.by_channel), _MOST)
    with canvas(0.72 + 0.27 * rows) as figure:
        axes = axes_at(figure, left=1.5, right=0.1, top=0.1, bottom=0.36)
        draw_channels(axes, view)
        svg = to_svg(figure)
    shares = list(
        zip(view.by_channel.index.tolist(), view.by_channel["seen"].fillna(0).tolist(), strict=True)
    )
    shares.sort(key=lambda pair: -pair[1])
    named = [pair for pair in shares if pair[0] != NO_GROUP] or shares
    (most, share), (least, smallest) = named[0], named[-1]
    headline = f"{str(most)[:1].upper()}{str(most)[1:]} sees {per_cent(share)} of the customers"
    if len(named) > 1:
        headline += f", {least} {per_cent(smallest)}"
    return Picture(
        svg,
        headline,
        f"Share of {plural(view.customers, 'customer')} seen in each month, by channel; empty where nothing "
        "is known.",
        f"Table of shades. {headline} over the whole time. "
        + "; ".join(f"{name}: {per_cent(share)}" for name, share in shares),
    )


def draw_channels(axes: "Axes", view: ChannelView) -> None:
    """Draw on given axes what `channels` shows."""
    names = list(view.by_channel.index[:_MOST])
    shares = view.by_month.reset_index().pivot(index="month", columns="channel", values="seen")[names]
    months = pd.date_range(shares.index[0], shares.index[-1], freq="MS")
    shares = shares.reindex(months)
    most = float(np.nanmax(shares.to_numpy(float), initial=0)) or 1.0
    for (place, row), share in np.ndenumerate(shares.to_numpy(float)):
        if not np.isfinite(share):
            continue
        # A few shades, since those of a continuous scale would not follow a dark screen.
        strength = (1 + round(9 * share / most)) / 10
        box = Rectangle((place - 0.47, row - 0.44), 0.94, 0.88, facecolor=tint(COLOURS["blue"], strength))
        axes.add_patch(box)
        if len(months) <= _WRITTEN:
            colour = PAPER["light"] if strength > 0.55 else COLOURS["ink"]
            where = {"ha": "center", "va": "center", "fontsize": 7.5, "color": colour}
            axes.annotate(per_cent(share), (place, row), **where)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(-0.5, len(months) - 0.5))
    axes.set_yticks(range(len(names)), [shorten(printable(str(name)), _LONGEST) for name in names])
    step = max(1, round(len(months) / 8))
    places = range(0, len(months), step)
    axes.set_xticks(places, [f"{months[place]:%b %Y}" for place in places])
    axes.tick_params(length=0)
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
