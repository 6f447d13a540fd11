"""How it was computed, its limits, and how to compute it again."""

import numpy as np

from bayes_cx.data import provenance_of
from bayes_cx.inference.waits import Waits
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Block, Column, Number, Section, Table, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import count, last_day, listing, per_cent, plural, shorten
from bayes_cx.references import reference
from bayes_cx.reporting.journeys.words import ahead, either_of, length_words, what_is_a_journey

__all__ = ["limits", "method"]

_STATES = 30


def method(study: JourneyStudy) -> Section:
    """Return the model in words, what was chosen by the data, its checks, and the command."""
    posterior = study.posterior
    source = provenance_of(study.stays)
    lines = [
        what_is_a_journey(study),
        f"From each state a journey goes on to another with a chance of its own (Dirichlet), after a time of "
        f"{_families(study)}, whichever the data prefer in that state.{_kinds(study)} {_pooled(study)}",
        _memory(study),
        f"Chances of {either_of((*study.terms.goals, *study.terms.rivals))}{ahead(study)} follow from these "
        f"for each of {count(posterior.n_draws)} draws from the posterior; intervals are of these draws.",
        f"Observed until {last_day(source.until, study.events.schema.timezone)}. What was known later is not "
        "used.",
    ]
    blocks: list[Block] = [
        Text(tuple(lines)),
        checks_table(posterior.checks),
        _waits(study),
        Text((f"{reference(posterior.model.citation)}",), "note"),
    ]
    if study.provenance.command:
        blocks += [Text(("The same again:",)), Text((study.provenance.command,), "code")]
    return Section("Method", tuple(blocks), new_page=True)


def _families(study: JourneyStudy) -> str:
    found = list(dict.fromkeys(waits.family for waits in study.posterior.waits.values()))
    return f"a distribution that is {listing(found, 'or')}" if found else "unknown length"


def _kinds(study: JourneyStudy) -> str:
    """Say in how many states waiting times are of two kinds."""
    waits = study.posterior.waits.values()
    two = sum(one.short is not None for one in waits)
    if not two:
        return ""
    return (
        f" In {count(two)} of {plural(len(waits), 'state')} waiting times are of two kinds, short ones and "
        "long ones, such as those within a visit and those until the customer comes back."
    )


def _pooled(study: JourneyStudy) -> str:
    posterior = study.posterior
    if not posterior.pooled:
        return "All customers share these chances."
    return (
        f"Each of {plural(len(posterior.segments), 'segment')} by {posterior.pooled} has chances of its own; "
        "a small one borrows from the others, as much as they are alike."
    )


def _memory(study: JourneyStudy) -> str:
    used = (
        "The chances depend on the last two states; a pair that is rarely seen leans on the last one."
        if study.posterior.memory == 2
        else "The chances depend on the last state alone."
    )
    return used if study.memory is None else f"{study.memory.sentence} {used}"


def _waits(study: JourneyStudy) -> Table:
    waits = study.posterior.waits
    rows = tuple(
        (
            shorten(name, 30),
            one.family,
            Number(per_cent(one.probability[one.family]), one.probability[one.family]),
            *_times(one, study.terms.unit),
        )
        for name, one in list(waits.items())[:_STATES]
    )
    heads = ("Distribution", "Probability", "Median", "Short ones", "Their median", "Median of long ones")
    return Table(
        (Column("State", wide=True), *map(Column, heads)),
        rows,
        caption="Time until the next event, by state.",
        legend=(
            "The distribution that the data prefer, and its posterior probability among four families and "
            "two mixtures of a short and a long kind. Short ones: their share of the stays, where there are "
            "two kinds."
        ),
        label="Waiting times by state",
    )


def _times(one: Waits, unit: str) -> list[Number]:
    """Return the median, and of two kinds the share of the short one and the median of each."""
    median = float(one.quantile(0.5).mean())
    found = [Number(length_words(median, unit), median)]
    if one.short is None:
        return [*found, *[Number("–", 0.0)] * 3]
    share = float(one.short.share.mean())
    each = [float(part.inverse(np.array(0.5)).mean()) for part in one.parts]
    return [
        *found,
        Number(per_cent(share), share),
        *(Number(length_words(half, unit), half) for half in each),
    ]


def limits(study: JourneyStudy) -> Section:
    """Return what this report cannot say."""
    found = [
        *study.posterior.limits,
        "Chances are of what happens if nothing changes; what an action changes only a trial can say.",
        "What happens outside the events that were read is not seen, and counts as nothing.",
    ]
    if study.memory is not None and study.memory.more_than_one and study.posterior.memory == 1:
        found.append(
            "How a journey came to its last state matters in these data, and the chances do not use it: a "
            "state after which journeys differ by their past is described by its average."
        )
    if study.events.rows_anonymous:
        found.append("Visits of nobody known are journeys of their own, so some customers are counted twice.")
    if study.terms.horizon is not None and study.terms.close is None:
        found.append(f"Nothing is said of what happens later than {study.terms.horizon} ahead.")
    return Section("Limits", (Text(tuple(found), "bullets"),))
