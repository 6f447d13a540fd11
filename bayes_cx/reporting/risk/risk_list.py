"""Who is at risk now: the customers in order of their chance, with intervals and reasons."""

from bayes_cx.page import Column, Extract, Name, Number, Section, Table
from bayes_cx.page.words import count, per_cent, per_cent_range, plural, shorten
from bayes_cx.reporting.rows import rows_of
from bayes_cx.risk_study import RiskStudy

__all__ = ["section"]

_ON_PAPER, _ON_SCREEN = 25, 5_000


def section(study: RiskStudy) -> Section:
    """Return the customers at risk: some on paper, many more on a screen; and what contacting them finds."""
    table = study.table
    rows = tuple(
        (
            Number(count(row.rank), float(row.rank), "soft"),
            Name(shorten(str(row.customer), 34), shorten(str(row.reasons), 110)),
            Number(per_cent(row.chance), float(row.chance), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
            Number(f"{row.times_average:.1f}", float(row.times_average)),
        )
        for row in rows_of(table.head(_ON_SCREEN))
    )
    number = min(_ON_PAPER, len(table))
    listed = Table(
        (
            Column(),
            Column("Customer", wide=True),
            Column("Chance"),
            Column("90% interval"),
            Column("Times average"),
        ),
        rows,
        caption=f"{plural(len(table), 'customer')} at risk, the largest chance of {study.target} within "
        f"{study.horizon} first.",
        legend="Below each name what moves the chance most, compared with an average customer.",
        label="Customers at risk",
        extract=Extract(number, f"The first {plural(number, 'customer')} of {count(len(table))}."),
        total=len(table),
        rest="risk.csv has them all",
    )
    return Section("Who is at risk now", (listed, *_contacts(study)), new_page=True)


def _contacts(study: RiskStudy) -> tuple[Table, ...]:
    if len(study.contacts) < 2:
        return ()
    rows = tuple(
        (
            Number(count(row.contacts), float(row.contacts)),
            Number(f"{row.expected:.1f}", float(row.expected), "strong"),
            Number(f"{row.low:.0f} to {row.high:.0f}", float(row.low), "soft"),
            Number(per_cent(row.share), float(row.share)),
        )
        for row in rows_of(study.contacts)
    )
    return (
        Table(
            (Column("The first"), Column("Expected"), Column("90% interval"), Column("Of all expected")),
            rows,
            caption=f"How many of the first of the list would reach {study.target} within {study.horizon}.",
            label="Contacts",
        ),
    )
