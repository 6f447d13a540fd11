"""Signals: what comes before the end that is to be avoided, more often or less often than otherwise."""

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Section
from bayes_cx.reporting.before_target import signals_section

__all__ = ["section"]


def section(study: JourneyStudy) -> Section | None:
    """Return the signals in a picture, a table and sentences; None where none could be looked for."""
    return None if study.signals is None else signals_section(study.signals, "Signals")
