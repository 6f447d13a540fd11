"""Signals: what comes before the end that is to be avoided, more often than by chance."""

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Section, Text

__all__ = ["section"]

_SENTENCES = 8


def section(study: JourneyStudy) -> Section | None:
    """Return the signals in sentences; None where none were looked for."""
    if study.signals is None:
        return None
    sentences = tuple(study.signals.sentences)[:_SENTENCES]
    return Section("Signals", (Text(sentences or ("No signal stands out from chance.",), "bullets"),))
