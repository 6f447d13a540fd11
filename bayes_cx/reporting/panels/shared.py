"""Blocks that several panels use."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, in_words, verdict
from bayes_cx.page import Badge, Block, Column, Notice, Number, Section, Soft, Table, Text
from bayes_cx.page.words import count, measured, measured_range, per_cent_range, shorten

__all__ = [
    "badges",
    "check_badges",
    "folded",
    "ids",
    "interval",
    "mapping",
    "panel",
    "read_and_rejected",
    "reasons",
    "table",
    "warning",
]

_LONGEST_ID, _LONGEST_TEXT = 40, 240


def panel(title: str, subtitle: Iterable[str], *blocks: Block | None) -> tuple[Block, ...]:
    """Return blocks under a title and a line of facts; empty ones are left out."""
    facts = " · ".join(filter(None, subtitle))
    kept = [block for block in blocks if block is not None]
    return (Section(title, (*([Text((facts,), "note")] if facts else []), *kept)),)


def folded(title: str, *blocks: Block | None) -> Section | None:
    """Return a part that starts folded; none where it would hold nothing."""
    kept = tuple(block for block in blocks if block is not None and block != Text(()))
    return Section(title, kept, folded=True) if kept else None


def badges(texts: Iterable[str]) -> Text | None:
    """Return short facts side by side."""
    found = tuple(Badge(text) for text in texts)
    return Text(found, "badges") if found else None


def check_badges(checks: Iterable[Check], within: str = "") -> Text | None:
    """Return one badge a check of what is `within`, failures first: its name with its value, or "not run"."""
    order = ("failed", "passed", "not_run")
    found = tuple(
        Badge(
            f"{check.named(within)} {'not run' if check.value is None else measured(check.value, 4)}",
            check.status,
        )
        for check in sorted(checks, key=lambda check: order.index(check.status))
    )
    return Text(found, "badges") if found else None


def warning(checks: Sequence[Check], within: str = "") -> Notice | None:
    """Return a warning that checks failed or were not run; None where all passed."""
    match verdict(checks):
        case "failed":
            names = ", ".join(check.named(within) for check in checks if check.status == "failed")
            return Notice(
                "failed",
                f"{in_words(checks).capitalize()}.",
                f"Do not act on this until these checks pass: {names}.",
            )
        case "not_run":
            return Notice("not_run", f"{in_words(checks).capitalize()}.", "This is not a pass.")
        case _:
            return None


def table(heads: Sequence[str], rows: Iterable[Sequence], label: str) -> Table | None:
    """Return a table, or nothing where it has no rows."""
    found = tuple(tuple(row) for row in rows)
    return Table(tuple(Column(head) for head in heads), found, label=label) if found else None


def mapping(values: Mapping[str, object]) -> Table | None:
    """Return names and values; a mapping inside is one line of ``name value`` pairs."""
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        text = "none" if value is None else str(value)
        rows.append((Soft(str(name)), shorten(text, _LONGEST_TEXT)))
    return table(("", ""), rows, "provenance")


def reasons(rejected: Mapping[str, int]) -> Table | None:
    """Return rejected rows by reason."""
    rows = [(reason, Number(count(n), float(n))) for reason, n in rejected.items() if n]
    return table(("rejected because", "rows"), rows, "rejected rows")


def read_and_rejected(rows_read: int | None, rejected: Mapping[str, int]) -> Text | None:
    """Return how many rows were read and rejected; None where this is not known."""
    if rows_read is None:
        return None
    return badges([f"{count(rows_read)} rows read", f"{count(sum(rejected.values()))} rejected"])


def interval(low: float, high: float, *, share: bool = False) -> Number:
    """Return an interval of numbers or of shares."""
    text = per_cent_range(low, high) if share else measured_range(low, high)
    return Number(text, float(low))


def ids(data: xr.Dataset) -> list[str]:
    """Return the ids of customers as text, the middle of a very long one left out."""
    return [shorten(str(customer), _LONGEST_ID) for customer in np.asarray(data["customer"])]
