"""What pictures share: Axes to draw on, given or new in the style of the report, and bands."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from bayes_cx.errors import InputError
from bayes_cx.inference import Posterior
from bayes_cx.kinds import Kind
from bayes_cx.page.style import BANDS, COLOURS, TEXT_WIDTH, house_style, tint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DRAWS", "LEVELS", "drawn_on", "fan", "latent"]

LEVELS = tuple(sorted({q for low, high, _ in BANDS for q in (low, high)}))
"""The quantiles between which bands are drawn."""

DRAWS = 400
"""More draws of a posterior would not be seen in a picture."""


@contextmanager
def drawn_on(ax: "Axes | None", height: float, width: float = TEXT_WIDTH) -> Iterator["Axes"]:
    """Yield the Axes to draw on; what is drawn inside has the style of the report.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
        None makes a figure of its own.
    height, width : float
        Size of that figure in inches.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        # Before the style: a notebook sets how figures are shown when they are first drawn, and the end of
        # the style would undo that.
        plt.draw_if_interactive()
    with house_style():
        if ax is not None:
            yield ax
            return
        figure, own = plt.subplots(figsize=(width, height), layout="constrained")
        yield own
        # Labels of ticks are made when a figure is drawn, and take the style of that moment.
        figure.draw_without_rendering()


def fan(axes: "Axes", at: np.ndarray, quantiles: np.ndarray) -> None:
    """Draw bands between quantiles of shape (level, at)."""
    for low, high, strength in BANDS:
        below, above = (quantiles[LEVELS.index(q)] for q in (low, high))
        axes.fill_between(at, below, above, color=tint(COLOURS["blue"], strength), linewidth=0)


def latent(posterior: Posterior) -> Kind:
    """Return the kind of a model of purchases or opportunities, where one does not see who has left."""
    kind = posterior.model.kind
    if kind.leaving != "latent":
        raise InputError(
            f"a posterior of {posterior.model.name}",
            "one of a model of purchases or opportunities, where leaving is not observed",
            "pass such a posterior",
        )
    return kind
