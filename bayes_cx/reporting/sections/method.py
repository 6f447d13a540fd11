"""The appendix: models, checks, assumptions and limits, each from a file of its own."""

from bayes_cx.page import Section
from bayes_cx.reporting.sections import (
    assumptions,
    fit_checks,
    forecast_checks,
    likeness,
    limits,
    models,
    reproduction,
    rule,
    selection,
)
from bayes_cx.study import Study

__all__ = ["section"]

_PARTS = (
    models.section,
    selection.section,
    rule.section,
    fit_checks.section,
    forecast_checks.section,
    likeness.section,
    assumptions.section,
    limits.section,
    reproduction.section,
)


def section(study: Study) -> Section | None:
    """Return the parts of the appendix that apply to this study."""
    parts = tuple(part for part in (make(study) for make in _PARTS) if part is not None)
    return Section("Appendix: method and checks", parts, new_page=True)
