"""Checks as a table."""

from collections.abc import Iterable, Sequence

from bayes_cx.checks import Check, Interval
from bayes_cx.page.blocks import Badge, Cell, Column, Line, Number, Soft, Table
from bayes_cx.page.lay import STATUS_WORDS
from bayes_cx.page.words import measured, measured_range, plural, sign

__all__ = ["checks_table", "false_alarms", "interval_cell", "interval_head", "status_badge"]


def checks_table(
    checks: Iterable[Check], *, name: str = "Check", about: str = "", within: str = "", note: str = ""
) -> Table:
    """Return one row a check: what was looked at, the value and its interval, what it should be, its status.

    Parameters
    ----------
    checks : iterable of Check
    name : str
        Head of the column of names.
    about : str
        Head of a column that says what each check is about; no such column if empty.
    within : str
        What a check is about if it does not say so.
    note : str
        Small print below the table.
    """
    found = list(checks)
    rows: list[tuple[Cell, ...]] = []
    for check in found:
        said = sign(check.note)
        named: Line = (sign(check.name), Soft(f" · {said}")) if said else sign(check.name)
        rows.append(
            (
                (check.about or within) if about else "",
                named,
                Number(measured(check.value, 3 if check.interval else 4), check.value),
                interval_cell(check.interval) if any(c.interval for c in found) else "",
                sign(check.target),
                status_badge(check),
            )
        )
    heads = (about, name, "Value", interval_head(check.interval for check in found), "Should be", "Status")
    columns = tuple(Column(head, wide=head == name) for head in heads)
    return Table(columns, tuple(rows), label=name, note=note)


def interval_head(intervals: Iterable[Interval | None]) -> str:
    """Return the head of a column of intervals: with the level where all have the same."""
    levels = {interval.level for interval in intervals if interval}
    return f"{levels.pop():.0%} interval" if len(levels) == 1 else "Interval"


def interval_cell(found: Interval | None) -> Number:
    """Return an interval as it is printed."""
    if found is None:
        return Number("–")
    return Number(measured_range(found.low, found.high), found.low)


def status_badge(check: Check) -> Badge:
    """Return the status of a check with its mark."""
    return Badge(STATUS_WORDS[check.status], check.status)


def false_alarms(checks: Sequence[Check]) -> str:
    """Say how many of these checks would be expected to fail by chance, if forecasts were right."""
    levels = [check.alarm for check in checks if check.alarm is not None]
    if not levels:
        return ""
    return (
        f"For {plural(len(levels), 'check')} it is known how often they fail by chance: even if all "
        f"forecasts were right, up to {sum(levels):.2g} of them would be expected to fail."
    )
