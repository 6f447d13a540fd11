"""What we see of customers: events, identities and channels, month by month, and what is missing."""

from dataclasses import replace

from bayes_cx.data import channel_view
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Section, Text
from bayes_cx.page.words import count, per_cent, plural
from bayes_cx.reporting.what_is_seen import coverage_section

__all__ = ["section"]


def section(study: JourneyStudy) -> Section:
    """Return how many events have an identity, what each channel sees of customers, and what is missing."""
    found = coverage_section(channel_view(study.events))
    lines = [_seen(study)]
    if study.events.schema.known_at is None:
        lines.append(
            "It is not said when the company knew of an event; each counts as known when it happened, which "
            "makes forecasts look better than they are if news arrives late."
        )
    return replace(found, blocks=(Text(tuple(lines)), *found.blocks), new_page=True)


def _seen(study: JourneyStudy) -> str:
    events = study.events
    known = events.rows_accepted - events.rows_anonymous
    states = len(study.posterior.states) - 1
    return (
        f"{count(events.rows_accepted)} events of {plural(study.customers, 'customer')}, of which "
        f"{per_cent(known / max(1, events.rows_accepted))} have a customer. They are "
        f"{plural(study.journeys, 'journey')} through {plural(states, 'state')}."
    )
