"""What went with contacts: how much more often customers buy after mail, a visit and the like."""

import json

import numpy as np

from bayes_cx.data import contacts_of, expand
from bayes_cx.data.contact_paths import days_of
from bayes_cx.page import Column, Name, Number, Section, Table, Text
from bayes_cx.page.words import count, listing, plural
from bayes_cx.scoring import effects_of_contacts
from bayes_cx.study import Study
from bayes_cx.weeks import points

__all__ = ["section"]

_CAVEAT = (
    "The ranges hold the effect with 95% probability. It is an association: customers who are contacted "
    "because of what they do, such as those who bought just now, would buy otherwise than the rest without "
    "it too. What a contact causes only a trial can tell."
)


def section(study: Study) -> Section | None:
    """Return the effect of each sort of contact in words, and how many there were; nothing without."""
    fit = study.fits[0]
    if not fit.layout.design.contacts:
        return None
    found = effects_of_contacts(fit)
    effects = Text(tuple(map(str, found["sentence"].to_numpy())), "bullets")
    return Section(
        "What goes with contacts", (effects, Text((_CAVEAT,)), _table(study), Text((_future(study),)))
    )


def _table(study: Study) -> Table:
    """Return how many contacts there were, with how many customers, and how many counted at purchases."""
    names = study.fits[0].layout.design.contacts
    stats, lasts = expand(study.stats), contacts_of(study.stats)
    others = json.loads(study.stats.attrs.get("contacts_of_others", "{}"))
    end = points(stats.attrs["until"], stats.attrs["unit"])
    at_purchases = effects_of_contacts(study.fits[0])["at_purchases"].to_numpy()
    heads = ("Counts for", "Contacts", "Customers", "To come", "Counted at purchases", "With others")
    rows = []
    for name, counted in zip(names, at_purchases, strict=True):
        row, day = days_of(name, stats[name].to_numpy())
        past = day <= end
        lasting = lasts[name]
        numbers = (past.sum(), np.unique(row[past]).size, (~past).sum(), counted, others.get(name, 0))
        rows.append(
            (
                Name(name),
                "good" if lasting is None else plural(lasting, "day"),
                *(Number(count(float(n)), float(n)) for n in numbers),
            )
        )
    note = (
        "Contacts: days on which customers of the data were contacted, up to the end of observation, without "
        "those that had ended before the first purchase. To come: listed after it. Counted at purchases: how "
        "many of them counted at the repeat purchases of all customers, from which their effect is learnt. "
        "With others: with who is no customer of the data."
    )
    columns = (Column("", wide=True), *map(Column, heads))
    return Table(columns, tuple(rows), label="Contacts", note=note)


def _future(study: Study) -> str:
    """Say which contacts forecasts assume."""
    stats = expand(study.stats)
    end = points(stats.attrs["until"], stats.attrs["unit"])
    coming = [
        name
        for name in study.fits[0].layout.design.contacts
        if (days_of(name, stats[name].to_numpy())[1] > end).any()
    ]
    if not coming:
        said = "Forecasts and values assume that nobody is contacted after the end of observation"
    else:
        said = f"Forecasts and values assume the contacts that are listed to come ({listing(coming)})"
    later = "" if study.evidence.holdout is None else " The hold-out knows who was contacted in it."
    return f"{said}; contacts made before go on counting for their time.{later}"
