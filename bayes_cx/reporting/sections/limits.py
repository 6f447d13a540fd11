"""What the models and the plan do not take into account."""

from bayes_cx.page import Section, Text
from bayes_cx.reporting.effects_in_words import all_measured
from bayes_cx.reporting.studied import events
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return the limits of every model and of the plan."""
    limits = [limit for fit in study.fits for limit in fit.limits]
    if study.plan is not None and all_measured(study.plan.offers):
        limits.append(
            "What a contact changes was measured on the customers of a trial, within its time; others may "
            "respond differently, and an effect may wear off when the offer is repeated."
        )
    elif study.plan is not None:
        limits.append(
            f"How customers respond to the offers is an assumption; {events(study).events} alone do not show "
            "it. A test with a control group that gets no offer measures it, and the sensitivity figure "
            "shows how much depends on it."
        )
    limits.append(
        "All numbers are about the customers in the data; customers who are still to come are not counted."
    )
    return Section("Limits", (Text(tuple(limits), "bullets"),))
