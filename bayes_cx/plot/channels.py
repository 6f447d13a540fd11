"""Which share of customers each channel sees."""

from typing import TYPE_CHECKING

from bayes_cx.data import ChannelView, Events, channel_view
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.channels import draw_channels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["channels"]


def channels(events: Events | ChannelView, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the share of customers that each channel sees, month by month.

    The darker, the more of them; what is white is not known at all.

    Parameters
    ----------
    events : Events or ChannelView
        From `bcx.read_events`, or `bcx.channel_view`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If it is neither.
    """
    view = events if isinstance(events, ChannelView) else channel_view(events)
    with drawn_on(ax, 0.72 + 0.27 * max(min(len(view.by_channel), 12), 1)) as axes:
        draw_channels(axes, view)
    return axes
