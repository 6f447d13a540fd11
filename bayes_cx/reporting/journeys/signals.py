"""Signals: what comes before the end that is to be avoided, more often or less often than otherwise."""

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Section, Text
from bayes_cx.page.words import count, per_cent_range, plural

__all__ = ["section"]

_SENTENCES = 8


def section(study: JourneyStudy) -> Section | None:
    """Return the signals in sentences; None where none could be looked for."""
    found = study.signals
    if found is None:
        return None
    _, low, high = found.share_none
    note = (
        f"{plural(found.data.sizes['sequence'], 'event or sequence', 'events and sequences')} were compared "
        f"between {count(found.cases)} cases and {count(found.controls)} moments of others at the same time "
        f"and age; {per_cent_range(low, high)} of them have nothing to do with it. Shrunk towards no effect, "
        "so that at most one in twenty of those named is false. What comes before need not be the cause."
    )
    return Section("Signals", (Text(found.sentences(_SENTENCES), "bullets"), Text((note,), "note")))
