"""Segments compared: what their customers will do, and which differences are more than noise."""

from collections.abc import Sequence

import numpy as np

from bayes_cx.decision.segment_futures import CLEAR, BySegment
from bayes_cx.page import Block, Cell, Column, Name, Number, Section, Table, Text
from bayes_cx.page.words import chance, count, listing, measured_range, per_cent_range, plural, shorten
from bayes_cx.reporting.studied import events, money_of, ninety, worth_of
from bayes_cx.study import Study

__all__ = ["section"]

# So many columns are shown, of each so many segments, and up to so few segments are compared pair by pair.
_COLUMNS, _SEGMENTS, _PAIRWISE = 3, 20, 6
# Lines on what differs clearly, and characters of a name.
_LINES, _NAME = 6, 28


def section(study: Study) -> Section | None:
    """Return one part for each column of groups; nothing without a plan, or where there are no groups."""
    if study.plan is None or not study.plan.by_segment:
        return None
    parts: list[Block] = [_part(study, found) for found in study.plan.by_segment[:_COLUMNS]]
    more = [found.by for found in study.plan.by_segment[_COLUMNS:]]
    if more:
        left = f"Not shown: {listing([f'“{name}”' for name in more])}. plan.by_segment has them in Python."
        parts.append(Text((left,), "note"))
    return Section("Segments compared", tuple(parts))


def _part(study: Study, found: BySegment) -> Section:
    shown = _largest(found)
    blocks: list[Block] = [_table(study, found, shown)]
    if len(found.names) <= _PAIRWISE:
        blocks.append(_pairs(study, found))
    blocks.append(Text(_clear(study, found, shown), "bullets"))
    return Section(f"By {found.by}", tuple(blocks))


def _largest(found: BySegment) -> list[int]:
    """Return the positions of the largest segments, in the order of their names."""
    size = found.data["customers"].to_numpy()
    return sorted(np.argsort(-size, kind="stable")[:_SEGMENTS].tolist())


def _table(study: Study, found: BySegment, shown: Sequence[int]) -> Table:
    words, money, worth = events(study), money_of(study), worth_of(study)
    data, better = found.data, found.p_above_others()
    each = f"{words.events.capitalize()} each"
    heads = ("Customers", words.active.capitalize(), each)
    of_value = () if money.noun else (f"{worth.capitalize()} each",)
    columns = (
        Column("Segment", wide=True),
        *map(Column, (*heads, *of_value, f"More {worth} than the others")),
    )
    rows = []
    for i in shown:
        n = float(data["customers"][i])
        active, made, value = (ninety(data[name][:, i]) for name in ("active", "events", "value"))
        cells: list[Cell] = [
            Name(shorten(found.names[i], _NAME)),
            Number(count(n), n),
            Number(per_cent_range(*active), float(np.mean(active))),
            Number(measured_range(*made), float(np.mean(made))),
        ]
        if of_value:
            cells.append(Number(money.bare.range(*value), float(np.mean(value))))
        rows.append((*cells, Number(chance(float(better[i])), float(better[i]))))
    rest = len(found.names) - len(rows)
    ahead = data.attrs["horizon"]
    note = (
        f"90% intervals of what a customer of the segment will do on average over {ahead}, with all luck, so "
        "small segments have wide ones. Segments stand in the order of their names. More than the others: "
        f"the probability that their customers bring more {worth} on average than all others do."
    )
    if rest:
        note += f" The {len(rows)} largest of {len(found.names)}; {plural(rest, 'smaller one')} are left out."
    if found.by not in study.fits[0].layout.design.columns:
        note += (
            f" The model does not know “{found.by}”: of customers with the same history it expects the "
            f"same. With --pool {found.by} it learns how segments differ."
        )
    return Table(columns, tuple(rows), label=f"Segments by {found.by}", note=note)


def _pairs(study: Study, found: BySegment) -> Table:
    """Return the probability that the segment of a row brings more than that of a column."""
    table, names = found.p_better().to_numpy(), [shorten(name, _NAME) for name in found.names]
    rows = tuple(
        (Name(name), *("" if i == j else Number(chance(p), p) for j, p in enumerate(map(float, table[i]))))
        for i, name in enumerate(names)
    )
    columns = (Column("Brings more than …", wide=True), *map(Column, names))
    note = f"Probability that a customer of the segment on the left brings more {worth_of(study)} on average."
    return Table(columns, rows, label=f"Segments by {found.by}, pair by pair", note=note)


def _clear(study: Study, found: BySegment, shown: Sequence[int]) -> tuple[str, ...]:
    """Return the differences that are more than noise, and how many are not."""
    names = {found.names[i] for i in shown}
    pairs = [pair for pair in found.clear() if {*pair[:2]} <= names]
    lines = []
    for one in dict.fromkeys(better for better, _, _ in pairs):
        others = [f"{shorten(other, _NAME)} ({chance(p)})" for better, other, p in pairs if better == one]
        lines.append(f"{shorten(one, _NAME)} brings more {worth_of(study)} than {listing(others)}.")
    if len(lines) > _LINES:
        lines = [
            *lines[:_LINES],
            f"{plural(len(lines) - _LINES, 'more segment')} clearly bring more than some.",
        ]
    total = len(names) * (len(names) - 1) // 2
    if rest := total - len(pairs):
        lines.append(_noise(rest, total))
    return tuple(lines)


def _noise(rest: int, total: int) -> str:
    """Say how many of the differences between pairs of segments are no more than noise."""
    if total == 1:
        return f"The difference does not reach a probability of {CLEAR:.0%}: it may be noise."
    some = f"None of the {total}" if rest == total else f"{rest} of {total}"
    reach = "reaches" if rest == total else "do not reach"
    return f"{some} differences {reach} a probability of {CLEAR:.0%}: to rank by them is to rank noise."
