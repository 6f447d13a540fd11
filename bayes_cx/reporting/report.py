"""The report for the manager: whom to contact, what it is worth and how sure that is."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bayes_cx.data import provenance_of
from bayes_cx.files import atomic_path
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Block, Notice, Page, Section, Text
from bayes_cx.page.html import document, fragment
from bayes_cx.page.lay import cell_text
from bayes_cx.page.markdown import markdown
from bayes_cx.page.typst import pdf
from bayes_cx.page.words import day
from bayes_cx.reporting.journeys import journey_page
from bayes_cx.reporting.risk import risk_page
from bayes_cx.reporting.sections import SECTIONS
from bayes_cx.reporting.studied import plan_of
from bayes_cx.risk_study import RiskStudy
from bayes_cx.study import Study

__all__ = ["Report", "report"]


@dataclass(frozen=True)
class Report:
    """A report as a page of sections, ready to be written.

    Attributes
    ----------
    page : Page
    """

    page: Page

    @property
    def sections(self) -> tuple[Section, ...]:
        """The sections, in order."""
        return self.page.sections

    @property
    def sentences(self) -> tuple[str, ...]:
        """The computed sentences of page one, warnings first."""
        opening = (s for s in self.sections if s.title in ("", "In short"))
        return tuple(sentence for section in opening for sentence in _sentences(section.blocks))

    def to_bytes(self) -> bytes:
        """Return the report as PDF; the same study gives the same bytes."""
        return pdf(self.page)

    def to_pdf(self, path: str | os.PathLike[str]) -> None:
        """Write the report as PDF, whole or not at all."""
        _write(path, self.to_bytes())

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one HTML file that needs no network, whole or not at all."""
        _write(path, document(self.page).encode())

    def to_markdown(self, path: str | os.PathLike[str]) -> None:
        """Write the report as Markdown, whole or not at all."""
        _write(path, markdown(self.page).encode())

    def _repr_html_(self) -> str:
        """Show page one in a notebook."""
        return fragment([s for s in self.sections if s.title in ("", "In short")])


def report(study: Study | JourneyStudy | RiskStudy) -> Report:
    """Put a plan, or a study of journeys or risk, and the evidence for it, into a report.

    Parameters
    ----------
    study : Study, JourneyStudy or RiskStudy
        A `Study` with a plan. Without a hold-out the report says so on page one, with the reason if one is
        noted.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the study has no plan.

    Notes
    -----
    Sentences and headlines are computed from draws and data; none of them is fixed.
    """
    if isinstance(study, JourneyStudy):
        return Report(journey_page(study))
    if isinstance(study, RiskStudy):
        return Report(risk_page(study))
    plan, run = plan_of(study), study.provenance
    until = str(plan.data.attrs["until"])
    facts = (
        ("Prepared for", run.organisation),
        ("Observed until", day(until) if until else ""),
        ("Looking ahead", str(plan.data.attrs["horizon"])),
        ("Models", " + ".join(fit.model.name for fit in study.fits)),
        ("Made", day(run.timestamp)),
    )
    found = (make(study) for make in SECTIONS)
    return Report(
        Page(
            run.title or "Retention priorities",
            tuple(section for section in found if section is not None),
            subtitle="Which customers to contact first, and how sure we are",
            facts=tuple((name, value) for name, value in facts if value),
            organisation=run.organisation,
            foot=_foot(study),
            timestamp=run.timestamp,
        )
    )


def _foot(study: Study) -> str:
    """Name what made the page."""
    sha256 = provenance_of(study.stats).sha256
    version = f"bayes_cx {study.fits[0].provenance.versions['bayes_cx']}"
    return f"{version} · data {sha256[:8]}" if sha256 else version


def _sentences(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Notice(_, title, text):
                yield f"{title} {text}"
            case Text(lines):
                yield from map(cell_text, lines)
            case Section(blocks=inner):
                yield from _sentences(inner)
            case _:
                pass


def _write(path: str | os.PathLike[str], content: bytes) -> None:
    with atomic_path(path) as unfinished:
        Path(unfinished).write_bytes(content)
