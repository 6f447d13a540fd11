"""What the arms of a trial change: of all customers, or by segment."""

from typing import TYPE_CHECKING

from bayes_cx.errors import InputError
from bayes_cx.inference import TrialPosterior
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.arms import draw_arm_changes, draw_segment_changes
from bayes_cx.reporting.trial.tables import change

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["arms"]


def arms(
    posterior: TrialPosterior, arm: str | None = None, *, currency: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Draw by how much each arm of a trial differs from the control, or one arm in each segment.

    Bars are 90% intervals, lines means, and dots what was observed in a segment.

    Parameters
    ----------
    posterior : TrialPosterior
    arm : str, optional
        The arm whose effect is drawn by segment.
    currency : str
        Sign of the currency of amounts.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no such arm, it is the control, or the trial has no segments.
    """

    def said(difference: float) -> str:
        return change(posterior, difference, currency).removesuffix(" points")

    if arm is not None and (posterior.arm(arm) == 0 or not posterior.divisions):
        came = f"the control {arm!r}" if posterior.arm(arm) == 0 else "a trial without segments"
        raise InputError(came, "an arm and segments to compare it in", "pass by= to bcx.summarise_trial")
    rows = len(posterior.arms) - 1 if arm is None else posterior.draws["posterior"].sizes["segment"]
    with drawn_on(ax, 0.8 + 0.3 * rows) as axes:
        if arm is None:
            draw_arm_changes(axes, posterior, said)
        else:
            draw_segment_changes(axes, posterior, arm, said)
        axes.set_xlabel(
            "Change of the outcome" + (", in points" if posterior.measure == "conversion" else "")
        )
    return axes
