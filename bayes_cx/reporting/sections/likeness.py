"""Statistics of the data beside those of data simulated from the models."""

from bayes_cx.page import Column, Number, Section, Table, Text
from bayes_cx.page.check_table import interval_cell, interval_head, status_badge
from bayes_cx.page.words import measured
from bayes_cx.study import Study

__all__ = ["section"]

_OPENING = (
    "Statistics of the data, beside the same statistics of simulated data: with parameters drawn from the "
    "posterior, and from the prior alone."
)


def section(study: Study) -> Section | None:
    """Return every statistic of every predictive check, whatever it says; nothing where none was run."""
    found = [*study.evidence.posterior_checks, *study.evidence.prior_checks]
    checks = [(one, check) for one in found for check in one.checks]
    if not checks:
        return None
    rows = tuple(
        (
            one.model,
            one.source,
            check.name,
            Number(measured(check.value), check.value),
            interval_cell(check.interval),
            status_badge(check),
        )
        for one, check in checks
    )
    alarms = [check.alarm for _, check in checks if check.alarm is not None]
    notes = [f"If models and priors were right, about {sum(alarms):.2g} of {len(alarms)} would lie outside."]
    notes += [
        f"{one.model}, {one.source}: {one.statistics.attrs['note']}."
        for one in found
        if one.statistics.attrs["note"]
    ]
    columns = (
        *(Column("Model"), Column("Draws of"), Column("Statistic", wide=True), Column("In the data")),
        *(Column(interval_head(check.interval for _, check in checks)), Column("Status")),
    )
    table = Table(columns, rows, label="Simulated data beside the data", note=" ".join(notes))
    return Section("Do the models describe the data?", (Text((_OPENING,)), table))
