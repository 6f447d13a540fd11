"""Winning and at risk: where journeys turn, which beginnings lead where, and what goes with the target."""

from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.journey_study import JourneyStudy, Outlook
from bayes_cx.page import Block, Column, Columns, Number, Section, Table, Text
from bayes_cx.page.style import TEXT_WIDTH
from bayes_cx.page.words import count, per_cent, per_cent_beside, per_cent_range, plural, shorten
from bayes_cx.reporting.figures.journey_chances import chances
from bayes_cx.reporting.journeys.words import ahead, either_of, path_words
from bayes_cx.scoring.journey_views import beginnings, each_row
from bayes_cx.scoring.reach import removal_effects

__all__ = ["section"]

_ROWS = 8
# Of so many beginnings some rare ones would lead there by luck alone.
_FEWEST = 20


def section(study: JourneyStudy) -> Section:
    """Return chances from each state, where journeys turn, their beginnings, segments and removal effects."""
    shown = [(one, good) for one, good in ((study.rival, False), (study.goal, True)) if one is not None]
    width = 3.3 if len(shown) > 1 else TEXT_WIDTH
    pictures = tuple(
        (
            chances(
                one.by_state,
                one.start,
                f"{either_of(one.states)}{ahead(study)}",
                "green" if good else "red",
                width=width,
            ),
        )
        for one, good in shown
    )
    blocks: list[Block] = [Columns(pictures)] if len(pictures) > 1 else [*pictures[0]] if pictures else []
    for one, good in shown:
        if (one.by_state["others"] > 0).any():
            blocks.append(_turns(one, good, study))
    for one, good in shown:
        blocks += _beginnings(study, one, good)
    blocks += [table for one, _ in shown if (table := _segments(study, one)) is not None]
    blocks += [table for one, _ in shown if (table := _removal(study, one)) is not None]
    return Section("Winning and at risk", tuple(blocks), new_page=True)


def _turns(one: Outlook, good: bool, study: JourneyStudy) -> Table:
    """Return the states by what coming into them changes, the worst first."""
    # Where all that came before led there, there is nothing to compare with.
    table = one.by_state[one.by_state["others"] > 0]
    table = table.sort_values("gain", ascending=good, kind="stable").head(_ROWS)
    rows = tuple(
        (
            shorten(str(row.Index), 34),
            Number(per_cent(row.passed), float(row.passed)),
            Number(count(row.stays), float(row.stays)),
            Number(per_cent(row.earlier), float(row.earlier)),
            Number(per_cent_beside(row.chance, row.low, row.high), float(row.chance), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
            Number(_signed(row.gain), float(row.gain), "strong"),
            Number(f"{_signed(row.gain_low)} to {_signed(row.gain_high)}", float(row.gain_low), "soft"),
        )
        for row in each_row(table)
    )
    heads = ("Passed by", "Times", "Before", "There", "90% interval", "Per 1,000", "90% interval")
    return Table(
        (Column("State", wide=True), *map(Column, heads)),
        rows,
        caption=f"Where the chance of {either_of(one.states)} {'falls' if good else 'rises'} most.",
        legend=(
            f"Chance of {either_of(one.states)}{ahead(study)}, right before coming there and then; and how "
            "many more or fewer of 1,000 journeys that makes. What goes together need not be the cause."
        ),
        label="Turns",
    )


def _signed(share: float) -> str:
    text = f"{1000 * share:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def _beginnings(study: JourneyStudy, one: Outlook, good: bool) -> list[Block]:
    found: Any = beginnings(study.paths, one.states)
    found = found[(found["low"] > found["overall"]) & (found["n"] >= _FEWEST)]
    what = either_of(one.states)
    if found.empty:
        return [Text((f"No way to begin leads to {what} surely more often than the others.",))]
    rows = tuple(
        (
            path_words(row.path),
            Number(count(row.n), float(row.n)),
            Number(per_cent_beside(row.share, row.low, row.high), float(row.share), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
        )
        for row in each_row(found.head(_ROWS))
    )
    word = "Winning" if good else "At risk"
    return [
        Table(
            (
                Column("Journeys that begin with", wide=True),
                *map(Column, ("Journeys", "Ended so", "90% interval")),
            ),
            rows,
            caption=(
                f"{word}: beginnings that ended in {what} surely more often than the "
                f"{per_cent(float(found['overall'].iloc[0]))} of all."
            ),
            legend=f"Of {_FEWEST} journeys or more, by the lower end of the interval, against lucky few.",
            label="Beginnings",
        )
    ]


def _segments(study: JourneyStudy, one: Outlook) -> Table | None:
    if one.by_segment.empty:
        return None
    table = one.by_segment.sort_values("low", ascending=False, kind="stable")
    rows = tuple(
        (
            shorten(str(row.segment), 40),
            Number(count(row.journeys), float(row.journeys)),
            Number(per_cent_beside(row.chance, row.low, row.high), float(row.chance), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
        )
        for row in each_row(table.head(30))
    )
    rest = len(table) - len(rows)
    return Table(
        (
            Column(shorten(study.terms.by, 30), wide=True),
            *map(Column, ("Journeys", "Chance", "90% interval")),
        ),
        rows,
        caption=f"Chance of {either_of(one.states)}{ahead(study)} at the start, by {study.terms.by}.",
        legend="Small segments lean on the others.",
        note=f"{plural(rest, 'segment')} with smaller chances left out." if rest > 0 else "",
        label="Segments",
    )


def _removal(study: JourneyStudy, one: Outlook) -> Table | None:
    """Return by which share fewer journeys would reach the first target without each state."""
    target = one.states[0]
    if target not in study.posterior.following or len(study.posterior.states) < 2:
        return None
    draws = removal_effects(study.posterior, target)
    middle = draws.mean("draw").to_pandas()
    low, high = np.quantile(draws.to_numpy(), [0.05, 0.95], axis=0)
    table: Any = pd.DataFrame({"effect": middle, "low": low, "high": high}, index=middle.index)
    table = table.sort_values("low", ascending=False, kind="stable").head(_ROWS)
    rows = tuple(
        (
            shorten(str(row.Index), 40),
            Number(per_cent(row.effect), float(row.effect), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
        )
        for row in each_row(table)
    )
    return Table(
        (Column("State", wide=True), Column("Fewer"), Column("90% interval")),
        rows,
        caption=f"By which share fewer would reach {either_of([target])} in the end without a state.",
        legend=(
            "If every journey that comes there ended there. An association: those who come through a state "
            "may be more willing anyway."
        ),
        label="Removal effects",
    )
