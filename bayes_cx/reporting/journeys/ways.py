"""The journeys: their map, the most frequent ones, and how they end step by step."""

from typing import Any

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Column, Number, Section, Table, Text
from bayes_cx.page.words import count, per_cent, per_cent_beside, per_cent_range
from bayes_cx.reporting.figures.journey_map import ending_words, journey_map
from bayes_cx.reporting.journeys.words import path_words
from bayes_cx.scoring.journey_views import each_row, journey_steps, variants
from bayes_cx.scoring.journey_views import journey_map as flows_of

__all__ = ["section"]

_TOP, _STEPS = 10, 8


def section(study: JourneyStudy) -> Section:
    """Return the map and two tables."""
    flows = flows_of(study.paths)
    return Section(
        "The journeys",
        (
            journey_map(flows, study.terms.goals, study.terms.rivals),
            _variants(study),
            _steps(study),
            Text(
                (
                    "A state that follows itself counts once. All are shares of the journeys that were seen; "
                    "those that still go on are shown apart.",
                ),
                "note",
            ),
        ),
        new_page=True,
    )


def _variants(study: JourneyStudy) -> Table:
    found: Any = variants(study.paths, _TOP)
    rows = tuple(
        (
            path_words(row.path),
            ending_words(row.end),
            Number(count(row.n), float(row.n)),
            Number(per_cent_beside(row.share, row.low, row.high), float(row.share), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
        )
        for row in each_row(found)
    )
    return Table(
        (Column("Journey", wide=True), *map(Column, ("End", "Journeys", "Share", "90% interval"))),
        rows,
        caption=f"The {len(rows)} most frequent journeys, {per_cent(float(found['share'].sum()))} of all.",
        label="Most frequent journeys",
    )


def _steps(study: JourneyStudy) -> Table:
    """Return how many journeys come to each step, and how those end that go no further."""
    found: Any = journey_steps(study.paths, _STEPS)
    ends = [name for name in dict.fromkeys((*study.terms.goals, *study.terms.rivals, *found["end"])) if name]
    cells = {(row.step, row.end): row for row in each_row(found)}
    rows = []
    for step in sorted(found["step"].unique()):
        of = next(row.of for key, row in cells.items() if key[0] == step)
        shares = []
        for name in ends:
            row = cells.get((step, name))
            shares.append(
                Number("–", 0.0)
                if row is None
                else Number(
                    f"{per_cent_beside(row.share, row.low, row.high)} ({per_cent_range(row.low, row.high)})",
                    float(row.share),
                )
            )
        rows.append((count(step), Number(count(of), float(of)), *shares))
    return Table(
        (Column("Steps so far"), Column("Journeys"), *(Column(ending_words(name)) for name in ends)),
        tuple(rows),
        caption="How journeys end that come so far and no further.",
        legend="Share of the journeys that came so far, with 90% interval.",
        label="Journeys by step",
    )


def _share(row: Any) -> Number:
    """Return a share with its interval in brackets."""
    share = per_cent_beside(row.share, row.low, row.high)
    return Number(f"{share} ({per_cent_range(row.low, row.high)})", float(row.share))
