"""Did the forecasts come true? The next state, waiting times and targets after a cut."""

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Block, Column, Columns, Number, Section, Table, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import about, count, last_day, per_cent, per_cent_range, plural
from bayes_cx.reporting.figures.journey_chances import came_true
from bayes_cx.reporting.journeys.words import either_of
from bayes_cx.scoring.journey_views import each_row
from bayes_cx.validation.journey_holdout import JourneyHoldout, Reached

__all__ = ["section"]


def section(study: JourneyStudy) -> Section:
    """Return what forecasts until an earlier day were worth, or why that is not known."""
    found = study.holdout
    if found is None:
        note = study.holdout_note or "none was made"
        return Section("Did the forecasts come true?", (Text((f"Not tested: {note}.",)),))
    zone = study.events.schema.timezone
    lines = (
        f"Fitted again on what was known until {last_day(found.cut, zone)}, judged on what came until "
        f"{last_day(found.until, zone)}.",
        _next(found),
        *map(_target, found.reached),
    )
    blocks: list[Block] = [Text(lines), *_pictures(found), _waits(found), checks_table(found.checks)]
    return Section("Did the forecasts come true?", tuple(blocks), new_page=True)


def _next(found: JourneyHoldout) -> str:
    difference = found.log_loss_difference
    word = "better" if difference.high < 0 else "worse" if difference.low > 0 else "not surely better"
    surprises = (
        f" {plural(found.surprises, 'step')} led from or into states that were new and could not be forecast."
        if found.surprises
        else ""
    )
    return (
        f"Next event: over {plural(found.steps, 'step')} the log loss was {found.log_loss:.3f}, {word} than "
        f"{found.log_loss_without:.3f} for forecasts that do not look at the state (difference "
        f"{difference.low:.3f} to {difference.high:.3f}).{_of_one(found)}{surprises}".replace(" -", " −")
    )


def _of_one(found: JourneyHoldout) -> str:
    if found.memory == 1:
        return ""
    return (
        " The forecasts look at the last two states; those of the last state alone had "
        f"{found.log_loss_one:.3f}."
    )


def _target(one: Reached) -> str:
    whose = "on the way at the cut" if one.since == "open" else "begun after it"
    inside = "inside" if one.low <= one.observed <= one.high else "outside"
    skill = "" if one.skill != one.skill else f" {_skill(one.skill)}"
    return (
        f"{count(one.observed)} of {plural(one.journeys, 'journey')} {whose} reached "
        f"{either_of(one.states)}; {about(one.expected)} were expected, and that is {inside} the 95% "
        f"interval ({count(one.low)} to {count(one.high)}).{skill}"
    )


def _skill(skill: float) -> str:
    if skill <= 0:
        return "Single chances were no better than the same chance for all."
    return f"Single chances were better than the same chance for all, by {per_cent(skill)} of squared error."


def _pictures(found: JourneyHoldout) -> tuple[Block, ...]:
    steps = found.next_states.rename(columns={"steps": "journeys"})
    pictures = [came_true(steps, "next states")]
    largest = max(found.reached, key=lambda one: one.journeys, default=None)
    if largest is not None:
        pictures.append(came_true(largest.calibration, either_of(largest.states)))
    return (Columns(tuple((one,) for one in pictures)),) if len(pictures) > 1 else tuple(pictures)


def _waits(found: JourneyHoldout) -> Table:
    rows = tuple(
        (
            Number(per_cent(row.level), float(row.level)),
            Number(per_cent(row.share), float(row.share), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
        )
        for row in each_row(found.waits)
    )
    return Table(
        (Column("Forecast to be shorter"), Column("Were shorter"), Column("95% interval")),
        rows,
        caption="Waiting times until the next event, against their forecast distribution.",
        label="Waiting times",
    )
