"""How sure each of the first contacts is."""

from bayes_cx.page import Section
from bayes_cx.reporting import figures
from bayes_cx.reporting.studied import listed, money_of
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return the net gain of the first customers with intervals."""
    if study.plan is None:
        return None
    return Section("How sure are we?", (figures.forest(listed(study), money_of(study)),))
