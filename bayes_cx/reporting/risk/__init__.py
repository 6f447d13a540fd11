"""The sections of the report of risk, one file each: ``section(study)`` returns a Section, or None."""

from collections.abc import Callable

from bayes_cx.data import provenance_of
from bayes_cx.page import Page, Section
from bayes_cx.page.words import day, last_day
from bayes_cx.reporting.risk import (
    comes_before,
    forecast_test,
    in_short,
    risk_list,
    risk_method,
    warnings_first,
    what_moves,
)
from bayes_cx.risk_study import RiskStudy

__all__ = ["SECTIONS", "risk_page"]

SECTIONS: tuple[Callable[[RiskStudy], Section | None], ...] = (
    warnings_first.section,
    in_short.section,
    risk_list.section,
    what_moves.section,
    comes_before.section,
    forecast_test.section,
    risk_method.method,
    risk_method.limits,
)


def risk_page(study: RiskStudy) -> Page:
    """Return the report of a study of risk as a page."""
    run, source = study.provenance, provenance_of(study.periods)
    facts = (
        ("Prepared for", run.organisation),
        ("Observed until", last_day(source.until, study.events.schema.timezone)),
        ("Customers at risk", f"{len(study.table):,}"),
        ("Within", str(study.horizon)),
        ("Made", day(run.timestamp)),
    )
    found = (make(study) for make in SECTIONS)
    version = f"bayes_cx {study.posterior.provenance['versions']['bayes_cx']}"
    return Page(
        run.title or f"Customers at risk of {study.target}",
        tuple(section for section in found if section is not None),
        subtitle="Who is at risk, how sure we are, and what speaks for it",
        facts=tuple((name, value) for name, value in facts if value),
        organisation=run.organisation,
        foot=f"{version} · data {source.sha256[:8]}",
        timestamp=run.timestamp,
    )
