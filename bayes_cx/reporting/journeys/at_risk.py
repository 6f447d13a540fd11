"""Where open journeys stand now: the customers, in the order of their chance, with intervals."""

import pandas as pd

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Column, Extract, Name, Number, Section, Table, Text
from bayes_cx.page.words import count, per_cent, per_cent_range, plural, shorten
from bayes_cx.reporting.figures.journey_map import ending_words
from bayes_cx.reporting.journeys.words import ahead, either_of
from bayes_cx.scoring.journey_views import each_row
from bayes_cx.spans import FINE_UNITS

__all__ = ["section"]

_ON_PAPER, _ON_SCREEN = 25, 5_000


def section(study: JourneyStudy) -> Section:
    """Return the open journeys with their chances: some on paper, many more on a screen."""
    title = "Who is at risk now" if study.rival is not None else "Where open journeys stand now"
    if not study.open.sizes["customer"]:
        return Section(title, (Text(("No journey was open at the end of the observation.",)),))
    return Section(title, (_table(study), *_contacts(study)), new_page=True)


def _table(study: JourneyStudy) -> Table:
    table = study.at_risk()
    shown = [one for one in (study.rival, study.goal) if one is not None]
    waits = study.open["wait"].to_series().to_dict() if study.open.indexes["customer"].is_unique else {}
    rows = []
    for row in table.head(_ON_SCREEN).to_dict("records"):
        cells = []
        for one in shown:
            name = " or ".join(one.states)
            chance, low, high = (float(row[f"{what} of {name}"]) for what in ("chance", "low", "high"))
            cells += [
                Number(per_cent(chance), chance, "strong"),
                Number(per_cent_range(low, high), low, "soft"),
            ]
        note = "" if row.get("known", True) else "not known yet"
        segment = shorten(str(row[study.terms.by]), 20) if study.terms.by else ""
        rows.append(
            (
                Number(count(row["rank"]), float(row["rank"]), "soft"),
                Name(shorten(str(row["customer"]), 34), " · ".join(filter(None, (segment, note)))),
                shorten(ending_words(str(row["state"])), 26),
                _since(waits.get(row["customer"]), study.terms.unit, row["since"]),
                Number(count(row["events"]), float(row["events"])),
                *cells,
            )
        )
    heads = []
    for one in shown:
        heads += [Column(shorten(" or ".join(one.states), 20)), Column("90% interval")]
    legend = (
        f"Chance of {' and of '.join(either_of(one.states) for one in shown)}{ahead(study)}, given where the "
        "journey is and for how long nothing has happened."
    )
    number = min(_ON_PAPER, len(rows))
    return Table(
        (
            Column(),
            Column("Customer", wide=True),
            Column("Last event"),
            Column("Since"),
            Column("Events"),
            *heads,
        ),
        tuple(rows),
        caption=f"{plural(len(table), 'open journey')} by the chance of {either_of(shown[0].states)}.",
        legend=legend,
        label="Open journeys",
        extract=Extract(number, f"The first {plural(number, 'open journey')} of {count(len(table))}."),
        total=len(table),
        rest="open_journeys.csv has them all",
    )


def _since(wait: float | None, unit: str, since: pd.Timestamp) -> Number:
    """Return for how long nothing has happened, in the largest unit that fits."""
    if wait is None:
        return Number(f"{since:%Y-%m-%d}", float(since.timestamp()))
    days = float(wait) * FINE_UNITS[unit]
    for name, letter in (("day", "d"), ("hour", "h"), ("minute", "min"), ("second", "s")):
        if days >= FINE_UNITS[name] or name == "second":
            return Number(f"{days / FINE_UNITS[name]:.0f} {letter}", days)
    raise AssertionError


def _contacts(study: JourneyStudy) -> tuple[Table, ...]:
    found = study.main.contacts
    if len(found) < 2:
        return ()
    rows = tuple(
        (
            Number(count(row.contacts), float(row.contacts)),
            Number(f"{row.expected:.1f}", float(row.expected), "strong"),
            Number(f"{row.low:.0f} to {row.high:.0f}", float(row.low), "soft"),
            Number(per_cent(row.expected / row.of) if row.of > 0 else "–", float(row.expected)),
        )
        for row in each_row(found)
    )
    return (
        Table(
            (Column("The first"), Column("Expected"), Column("90% interval"), Column("Of all expected")),
            rows,
            caption=f"How many of the first would reach {either_of(study.main.states)}{ahead(study)}.",
            label="Contacts",
        ),
    )
