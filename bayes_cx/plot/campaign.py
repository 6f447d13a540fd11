"""The campaign: its gain by number of contacts, by response and by future, and how sure each contact is."""

from typing import TYPE_CHECKING

from bayes_cx.decision import Plan
from bayes_cx.errors import InputError
from bayes_cx.page.words import Money
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.campaign import draw_gain_curve, draw_sensitivity
from bayes_cx.reporting.figures.contacts import ROW, draw_forest
from bayes_cx.reporting.figures.futures import draw_futures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["forest", "futures", "gain_curve", "sensitivity"]


def gain_curve(plan: Plan, *, currency: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the cumulative net gain by number of contacts: the mean, with 50, 80 and 95% bands.

    Parameters
    ----------
    plan : Plan
    currency : str
        Sign of the currency, such as ``"€"``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    money = _money(plan, currency)
    with drawn_on(ax, 3.0) as axes:
        curves = plan.data["curve"], plan.data["curve_predictive"]
        draw_gain_curve(axes, *curves, plan.n_contacted, money)
        axes.set_ylabel(f"Cumulative net gain{money.unit}")
    return axes


def sensitivity(plan: Plan, *, currency: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the expected gain of the plan if customers respond less or more than assumed, with 90% intervals.

    Parameters
    ----------
    plan : Plan
    currency : str
        Sign of the currency, such as ``"€"``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    money = _money(plan, currency)
    with drawn_on(ax, 2.6) as axes:
        draw_sensitivity(axes, plan.sensitivity, money)
        axes.set_ylabel(f"Net gain of the plan{money.unit}")
    return axes


def forest(plan: Plan, *, rows: int = 12, currency: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw the net gain of the first customers with 50 and 90% intervals.

    A customer is green where the gain is positive, and red where it is negative, with at least 90% certainty.

    Parameters
    ----------
    plan : Plan
    rows : int
        How many customers to draw: the first to contact, or the first of all where nobody is.
    currency : str
        Sign of the currency, such as ``"€"``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    money = _money(plan, currency)
    with drawn_on(ax, 0.9 + ROW * min(rows, plan.data.sizes["customer"])) as axes:
        draw_forest(axes, plan.data, money, rows)
        axes.set_xlabel(f"Net gain{money.unit}")
    return axes


def futures(plan: Plan, *, dots: int = 50, currency: str = "", ax: "Axes | None" = None) -> "Axes":
    """Draw equally likely futures of the campaign, one dot each, by its net gain.

    Count the dots left of zero: their share is the chance to lose money. A few that lie many times as far out
    as the others are drawn at the edge. Of a plan that contacts nobody the dots are what all customers bring.

    Parameters
    ----------
    plan : Plan
    dots : int
        How many dots stand for all futures.
    currency : str
        Sign of the currency, such as ``"€"``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is to be no dot.
    """
    if dots < 1:
        raise InputError(f"{dots} dots", "one or more", "draw for example 50")
    money = _money(plan, currency)
    some = plan.n_contacted > 0
    with drawn_on(ax, 1.7) as axes:
        draws = plan.data["total_gain_predictive" if some else "total_value_predictive"].to_numpy()
        draw_futures(axes, draws, money, line=some, dots=dots)
        axes.set_xlabel(
            f"Net gain of the plan{money.unit}"
            if some
            else f"{money.noun.capitalize() or 'Value'} over the next {plan.data.attrs['horizon']}"
        )
    return axes


def _money(plan: Plan, currency: str) -> Money:
    """Return how gains are printed: in a currency, or as a number of events where there are no amounts."""
    values = str(plan.data.attrs["values"])
    return Money(currency) if values == "spend" else Money("", values)
