"""What goes with an event, what a list of those at risk finds, and whether forecasts of risk came true."""

from matplotlib.axes import Axes

from bayes_cx.argument_types import check_types
from bayes_cx.inference import RiskPosterior
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.risk_found import draw_came_true, draw_found, draw_risk_effects
from bayes_cx.scoring.risk_effects import effects_on_risk
from bayes_cx.validation.risk_holdout import RiskHoldout

__all__ = ["risk_calibration", "risk_effects", "risk_found"]


def risk_effects(
    posterior: RiskPosterior, target: str | None = None, *, most: int = 12, ax: Axes | None = None
) -> Axes:
    """Draw by which factor the rate of an event differs with what is known of customers, with 90% intervals.

    Those of which the direction is surest are drawn; grey ones include no difference. A factor is for one
    standard deviation of a number, or for being of a level.

    Parameters
    ----------
    posterior : RiskPosterior
    target : str, optional
        The event, by default the first of the fit.
    most : int
        How many are drawn.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_types(risk_effects, {"posterior": posterior})
    table = effects_on_risk(posterior, target).head(most)
    with drawn_on(ax, 0.72 + 0.25 * max(len(table), 1)) as axes:
        draw_risk_effects(axes, table, posterior.causes[0] if target is None else target)
    return axes


def risk_found(holdout: RiskHoldout, *, ax: Axes | None = None) -> Axes:
    """Draw the share of those with the event whom a list finds, by contacts, beside other rules.

    The band is the 95% interval of the model, the grey line is drawing by lot.

    Parameters
    ----------
    holdout : RiskHoldout
        From `bcx.validation.risk_holdout`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_types(risk_found, {"holdout": holdout})
    with drawn_on(ax, 3.0) as axes:
        draw_found(axes, holdout)
    return axes


def risk_calibration(holdout: RiskHoldout, *, ax: Axes | None = None) -> Axes:
    """Draw how often what was forecast with a chance happened, with 90% intervals.

    Customers are in tenths by their forecast; red intervals miss the line on which forecasts come true.

    Parameters
    ----------
    holdout : RiskHoldout
        From `bcx.validation.risk_holdout`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    check_types(risk_calibration, {"holdout": holdout})
    with drawn_on(ax, 3.0) as axes:
        draw_came_true(axes, holdout)
    return axes
