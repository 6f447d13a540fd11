"""Did the forecasts come true? Fitted until an earlier cut, judged on what came after it."""

from bayes_cx.page import Block, Column, Columns, Number, Section, Table, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import about, about_range, count, last_day, per_cent, per_cent_range, plural
from bayes_cx.reporting.figures.risk_found import came_true, found_by_contacts
from bayes_cx.reporting.rows import rows_of
from bayes_cx.risk_study import RiskStudy
from bayes_cx.validation.risk_holdout import RiskHoldout

__all__ = ["section"]

_TITLE = "Did the forecasts come true?"


def section(study: RiskStudy) -> Section:
    """Return what forecasts until an earlier day were worth, or why that is not known."""
    found = study.holdout
    if found is None:
        return Section(_TITLE, (Text((f"Not tested: {study.holdout_note or 'none was made'}.",)),))
    inside = "inside" if found.low <= found.observed <= found.high else "outside"
    better = found.log_loss < found.log_loss_flat
    zone = study.events.schema.timezone
    several = found.dates > 1
    dates = (
        f", on {found.dates} dates one horizon apart, each with what was known of customers by then"
        if several
        else ""
    )
    who, many = "customer at risk", "customers at risk"
    if several:
        who, many = "case of a customer at risk on a date", "cases of a customer at risk on a date"
    lines = (
        f"Fitted again on what was known until {last_day(found.cut, zone)}, judged on what came until "
        f"{last_day(found.until, zone)}{dates}.",
        f"{count(found.observed)} of {plural(found.customers, who, many)} reached {found.target}; "
        f"{about(found.expected)} were expected, and that is {inside} the 95% interval "
        f"({about_range(found.low, found.high)}).",
        f"Single chances were {'better' if better else 'no better'} than one chance for all: log loss "
        f"{found.log_loss:.4f}, against {found.log_loss_flat:.4f}.",
    )
    blocks: list[Block] = [Text(lines)]
    if found.found.empty:
        blocks.append(Text((f"Nobody reached {found.target}, so no list could have found anybody.",)))
    else:
        blocks.append(Columns(((found_by_contacts(found),), (came_true(found),))))
        blocks.append(_compared(found))
    return Section(_TITLE, (*blocks, checks_table(found.checks)), new_page=True)


def _compared(found: RiskHoldout) -> Table:
    rows = tuple(
        (
            Number(count(row.contacts), float(row.contacts)),
            str(row.rule),
            Number(per_cent(row.share), float(row.share), "strong"),
            Number(per_cent_range(row.low, row.high), float(row.low), "soft"),
            Number(
                "" if row.difference == 0 and row.difference_low == row.difference_high == 0
                else f"{100 * row.difference_low:+.0f} to {100 * row.difference_high:+.0f}".replace("-", "−"),
                float(row.difference),
                "soft",
            ),
        )
        for row in rows_of(found.found)
    )  # fmt: skip
    first = "Contacts are those on each date. " if found.dates > 1 else ""
    return Table(
        (
            Column("Contacts"),
            Column("Ranked by", wide=True),
            Column("Found"),
            Column("95% interval"),
            Column("Better by, points"),
        ),
        rows,
        caption=f"Share of those who reached {found.target} among the first of each list.",
        legend=f"{first}Intervals by bootstrap over customers; the last column is this model less the rule.",
        label="Found by contacts",
    )
