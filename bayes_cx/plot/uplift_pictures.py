"""What a treatment changes, for whom, and whether choosing customers gains."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bayes_cx.errors import InputError
from bayes_cx.inference import UpliftPosterior
from bayes_cx.page.style import COLOURS
from bayes_cx.plot.axes import drawn_on
from bayes_cx.reporting.figures.uplift_gain import draw_tenths, draw_uplift_curve, outcome_axis
from bayes_cx.validation import UpliftJudgement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["uplift_by_feature", "uplift_curve", "uplift_tenths"]


def uplift_curve(judgement: UpliftJudgement, *, ax: "Axes | None" = None) -> "Axes":
    """Draw what treating a share of customers gains, those with the highest expected uplift first.

    The band holds 95% of resamples of the hold-out, the dashed line is the forecast, the straight line is
    treating at random.

    Parameters
    ----------
    judgement : UpliftJudgement
        From `judge_uplift`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If it is no judgement; so for `uplift_tenths`.
    """
    _check(judgement)
    with drawn_on(ax, 3.0) as axes:
        draw_uplift_curve(axes, judgement)
        axes.set_ylabel(outcome_axis(judgement))
    return axes


def uplift_tenths(judgement: UpliftJudgement, *, ax: "Axes | None" = None) -> "Axes":
    """Draw the uplift of the hold-out by tenths of customers (dots) beside what was expected (bands).

    Intervals and bands hold 95%.

    Parameters
    ----------
    judgement : UpliftJudgement
        From `judge_uplift`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    _check(judgement)
    with drawn_on(ax, 3.0) as axes:
        draw_tenths(axes, judgement)
        axes.set_ylabel(outcome_axis(judgement).replace("Gain", "Uplift"))
    return axes


def uplift_by_feature(
    posterior: UpliftPosterior, to: str, feature: str, *, ax: "Axes | None" = None
) -> "Axes":
    """Draw by how much a treatment does more or less at each level of a feature, with 50 and 95% intervals.

    In log odds; zero is the average customer of the trial. Where the outcome is an amount it is in its unit.

    Parameters
    ----------
    posterior : UpliftPosterior
    to : str
        The treatment.
    feature : str
        A feature of the fit.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        If there is no such treatment or feature.
    """
    terms = posterior.terms
    names = [each.name for each in terms.features]
    for given, known, what in ((to, terms.arms, "treatment"), (feature, tuple(names), "feature")):
        if given not in known:
            raise InputError(f"the {what} {given!r}", f"one of {', '.join(map(repr, known))}", "choose one")
    one = terms.features[names.index(feature)]
    share = dict(zip(one.levels, terms.shares[names.index(feature)], strict=True))
    levels = [level for level in one.levels if share[level] > 0]
    rest = {each.name: np.full(len(levels), "") for each in terms.features if each.name != feature}
    z = terms.columns({**rest, feature: np.array(levels, object)})
    draws = posterior.coefficients()["interaction"][:, terms.arms.index(to)] @ z.T
    ends = np.quantile(draws, [0.025, 0.25, 0.5, 0.75, 0.975], axis=0)
    with drawn_on(ax, 0.6 + 0.28 * len(levels)) as axes:
        at = np.arange(len(levels))[::-1]
        axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
        axes.hlines(at, ends[0], ends[4], color=COLOURS["blue"], linewidth=1.0)
        axes.hlines(at, ends[1], ends[3], color=COLOURS["blue"], linewidth=3.0)
        axes.plot(ends[2], at, "o", color=COLOURS["blue"], markersize=4)
        axes.set_yticks(at, [f"{feature}: {level}" for level in levels])
        unit = "log odds" if posterior.family == "bernoulli" else f"{posterior.outcome} per customer"
        axes.set_xlabel(f"Effect of {to}, against the average customer ({unit})")
        axes.set_ylim(-0.6, len(levels) - 0.4)
        axes.grid(axis="x")
        axes.grid(visible=False, axis="y")
    return axes


def _check(judgement: Any) -> None:
    if not isinstance(judgement, UpliftJudgement):
        raise InputError(
            f"a {type(judgement).__name__}", "a judgement of uplift", "pass what bcx.judge_uplift returned"
        )
