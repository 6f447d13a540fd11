"""Pictures of journeys: their map, the chances from each state, and forecasts beside what happened."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from bayes_cx.errors import InputError
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.journey_chances import draw_came_true, draw_chances
from bayes_cx.reporting.figures.journey_map import draw_journey_map
from bayes_cx.reporting.journeys.words import ahead, either_of
from bayes_cx.scoring.journey_views import journey_map as flows_of
from bayes_cx.validation.journey_holdout import JourneyHoldout

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["journey_calibration", "journey_chances", "journey_map"]


def journey_map(
    found: JourneyStudy | pd.DataFrame,
    *,
    goals: Sequence[str] = (),
    rivals: Sequence[str] = (),
    steps: int = 3,
    states: int = 8,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw which ways journeys take, step by step, and how they end.

    The width of a flow is its share of all journeys; the dark core is the lower end of its 90% interval.

    Parameters
    ----------
    found : JourneyStudy or pandas.DataFrame
        A study, or paths from `journey_paths`.
    goals, rivals : sequence of str
        Ends that are wanted (green) and to be avoided (red); those of the study by default.
    steps, states : int
        As for `bayes_cx.journey_map`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    if isinstance(found, JourneyStudy):
        goals, rivals = goals or found.terms.goals, rivals or found.terms.rivals
    paths = found.paths if isinstance(found, JourneyStudy) else found
    with drawn_on(ax, 2.4 + 0.28 * min(states, 20)) as axes:
        draw_journey_map(axes, flows_of(paths, steps, states), tuple(goals), tuple(rivals))
    return axes


def journey_chances(
    study: JourneyStudy, *, of: str = "goal", rows: int = 14, ax: "Axes | None" = None
) -> "Axes":
    """Draw the chance to reach the goal, or a rival, from each state, with 90% intervals.

    The line is the chance at the start of a journey.

    Parameters
    ----------
    study : JourneyStudy
    of : {"goal", "rival"}
    rows : int
        At most so many states, those that most journeys pass.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If the study has no such end.
    """
    one = {"goal": study.goal, "rival": study.rival}.get(of)
    if one is None:
        raise InputError(
            f"of={of!r}", " or ".join(repr(k) for k in ("goal", "rival") if getattr(study, k)), "choose one"
        )
    shown = one.by_state.nlargest(rows, "passed").sort_values("chance", ascending=False)
    with drawn_on(ax, 0.9 + 0.2 * len(shown), 4.6) as axes:
        draw_chances(axes, shown, one.start, "green" if of == "goal" else "red")
        axes.set_xlabel(f"Chance of {either_of(one.states)}{ahead(study)}")
    return axes


def journey_calibration(
    found: JourneyStudy | JourneyHoldout, states: Sequence[str] | str = (), *, ax: "Axes | None" = None
) -> "Axes":
    """Draw how often what was forecast of journeys with a chance happened, with 90% intervals.

    Parameters
    ----------
    found : JourneyStudy or JourneyHoldout
    states : str or sequence of str
        Of chances to reach these; by default of the next state.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no hold-out, or none of these states.
    """
    holdout = found.holdout if isinstance(found, JourneyStudy) else found
    if holdout is None:
        raise InputError("a study without a hold-out", "one with", "pass holdout=True to bcx.study_journeys")
    named = (states,) if isinstance(states, str) else tuple(states)
    tables = [one for one in holdout.reached if one.states == named]
    if named and not tables:
        known = [" or ".join(one.states) for one in holdout.reached]
        raise InputError(f"states={states!r}", f"one of {', '.join(known)}", "name these")
    largest = max(tables, key=lambda one: one.journeys, default=None)
    table = holdout.next_states if largest is None else largest.calibration
    with drawn_on(ax, 3.4, 3.6) as axes:
        draw_came_true(axes, table)
        axes.set(xlabel="Forecast chance", ylabel="Share that did")
    return axes
