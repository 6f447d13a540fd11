"""What comes before the event, more or less often than with others who are as old at the same time."""

from bayes_cx.page import Section, Text
from bayes_cx.reporting.before_target import signals_section
from bayes_cx.risk_study import RiskStudy

__all__ = ["section"]


def section(study: RiskStudy) -> Section:
    """Return the signals in a picture, a table and sentences, or why there are none."""
    if study.signals is None:
        why = study.signals_note or "signals were not looked for"
        return Section(f"What comes before {study.target}", (Text((f"Not known: {why}.",)),))
    return signals_section(study.signals)
