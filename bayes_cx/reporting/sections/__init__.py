"""The sections of the report, one file each: ``section(study)`` returns a Section, or None if it is left out.

A new section is one more file and one more name here, at the place where it is to stand.
"""

from collections.abc import Callable

from bayes_cx.page import Section
from bayes_cx.reporting.sections import (
    actions,
    by_segment,
    calendar,
    certainty,
    coefficients,
    contacts,
    holdout,
    method,
    next_cohort,
    notices,
    page_one,
    priority,
    segments,
    spend,
    staying,
    worth,
)
from bayes_cx.study import Study

__all__ = ["SECTIONS"]

SECTIONS: tuple[Callable[[Study], Section | None], ...] = (
    notices.section,
    page_one.section,
    staying.section,
    priority.section,
    actions.section,
    worth.section,
    spend.section,
    segments.section,
    by_segment.section,
    next_cohort.section,
    coefficients.section,
    contacts.section,
    certainty.section,
    calendar.section,
    holdout.section,
    method.section,
)
