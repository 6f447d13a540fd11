"""The sections of the report of journeys, one file each: ``section(study)`` returns a Section, or None."""

from collections.abc import Callable

from bayes_cx.data import provenance_of
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Page, Section
from bayes_cx.page.words import day, last_day
from bayes_cx.reporting.journeys import (
    at_risk,
    coverage,
    forecasts,
    method,
    notices,
    page_one,
    signals,
    ways,
    winning,
)

__all__ = ["SECTIONS", "journey_page"]

SECTIONS: tuple[Callable[[JourneyStudy], Section | None], ...] = (
    notices.section,
    page_one.section,
    coverage.section,
    ways.section,
    winning.section,
    signals.section,
    at_risk.section,
    forecasts.section,
    method.method,
    method.limits,
)


def journey_page(study: JourneyStudy) -> Page:
    """Return the report of a study of journeys as a page."""
    run, source = study.provenance, provenance_of(study.stays)
    facts = (
        ("Prepared for", run.organisation),
        ("Observed until", last_day(source.until, study.events.schema.timezone)),
        ("Journeys", f"{study.journeys:,}"),
        ("Model", study.posterior.model.name),
        ("Made", day(run.timestamp)),
    )
    found = (make(study) for make in SECTIONS)
    version = f"bayes_cx {study.posterior.provenance['versions']['bayes_cx']}"
    return Page(
        run.title or "Customer journeys",
        tuple(section for section in found if section is not None),
        subtitle="Which journeys win, which are at risk, and how sure we are",
        facts=tuple((name, value) for name, value in facts if value),
        organisation=run.organisation,
        foot=f"{version} · data {source.sha256[:8]}" if source.sha256 else version,
        timestamp=run.timestamp,
    )
