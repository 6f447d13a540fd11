"""The parts of a model card as blocks: for a document, for one sheet of paper, and for a notebook."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bayes_cx.checks import Check, Status
from bayes_cx.page import (
    Badge,
    Block,
    Column,
    Columns,
    Notice,
    Number,
    Section,
    Soft,
    Strong,
    Table,
    Text,
)
from bayes_cx.page.blocks import tables_of
from bayes_cx.page.check_table import checks_table, interval_cell, interval_head
from bayes_cx.page.lay import STATUS_WORDS
from bayes_cx.page.words import Money, between, count, measured, per_cent, plural, shorten, sign
from bayes_cx.reporting.card.parts import Checked, DataPart, ModelPart, Reproduction, SegmentPart, Use
from bayes_cx.reporting.phrases import RETURNS

__all__ = [
    "NOT_STATED",
    "SHEET",
    "WHOLE",
    "Room",
    "balanced",
    "bullets",
    "by_segment",
    "clip",
    "data",
    "evidence",
    "model",
    "panel",
    "recipe",
    "references",
    "side_by_side",
    "use",
    "verdict",
]

NOT_STATED = "not stated"
_SEVERITY: tuple[Status, ...] = ("failed", "not_run", "passed")
_REST = "in model_card.json"
# Effects of a design on one sheet.
_EFFECTS = 4
# Characters of a command on one sheet.
_LONGEST_COMMAND = 400


@dataclass(frozen=True)
class Room:
    """The largest number of characters in a sentence, a cell and a word; None for no limit."""

    sentence: int | None = None
    cell: int | None = None
    word: int | None = None


WHOLE = Room()
SHEET = Room(sentence=220, cell=100, word=40)


def clip(text: str, length: int | None, word: int | None = 40) -> str:
    """Return a text cut at its end, with words that are too long for a line cut in their middle.

    Examples
    --------
    >>> clip("what there is to say", 8), clip("what there is to say", None)
    ('what th…', 'what there is to say')
    """
    if length is None or word is None:
        return text
    text = re.sub(rf"\S{{{word + 1},}}", lambda long: shorten(long[0], word), text)
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def verdict(status: Status, summary: str) -> Section:
    """Return the verdict, framed."""
    return Section("", (Notice(status, summary, ""),))


def use(part: Use, room: Room) -> tuple[Section, Section]:
    """Return what the model is for, and what it is not for."""
    said = {"For:": part.intended, "By:": part.users, "Decision:": part.decision}
    lines = tuple((Strong(name), f" {clip(text, room.sentence)}") for name, text in said.items())
    return Section("Use", (Text(lines),)), bullets("Not for", part.misuse, room)


def bullets(title: str, items: Sequence[str], room: Room) -> Section:
    """Return a list under a heading."""
    return Section(title, (Text(tuple(clip(item, room.sentence) for item in items), "bullets"),))


def data(part: DataPart, room: Room) -> Section:
    """Return the description of the data, with "not stated" where something is missing."""
    period = [f"{day:%Y-%m-%d}" if day else NOT_STATED for day in (part.period_start, part.until)]
    customers = NOT_STATED if part.customers is None else count(part.customers)
    if part.customers and part.repeaters is not None:
        share = per_cent(part.repeaters / part.customers)
        customers += f", {count(part.repeaters)} with a repeat purchase ({share})"
    if part.customers and part.current is not None:
        customers += f", {count(part.current)} under contract ({per_cent(part.current / part.customers)})"
    rows = NOT_STATED
    if part.rows_read is not None:
        rejected = NOT_STATED if part.rows_rejected is None else count(part.rows_rejected)
        reasons = ", ".join(
            f"{reason} {count(n)}{_paid(part, reason)}" for reason, n in part.rejected.items()
        )
        rows = f"{count(part.rows_read)} read; rejected: {rejected}{f' ({reasons})' if reasons else ''}"
    ids = {None: NOT_STATED, True: "replaced by pseudonyms", False: "as in the source; this card has none"}
    facts = {
        "Source": part.source or NOT_STATED,
        "Period": f"{period[0]} to {period[1]}" + (f", time in {part.unit}s" if part.unit else ""),
        "Customers": customers,
        "Rows": rows,
        **({"Remarks": "; ".join(part.remarks)} if part.remarks else {}),
        # Contracts have no returns.
        **(
            {"Returns": RETURNS.get(part.returns, part.returns) or NOT_STATED} if part.current is None else {}
        ),
        "Customer ids": ids[part.pseudonyms],
        "Groups": NOT_STATED if part.groups is None else ", ".join(part.groups) or "none",
        "SHA-256": part.sha256 or NOT_STATED,
    }
    return Section("Data and provenance", (_pairs(facts, replace(room, cell=room.sentence)),))


def _returns(part: DataPart) -> str:
    return RETURNS.get(part.returns, part.returns) or NOT_STATED


def _paid(part: DataPart, reason: str) -> str:
    """Say what the rows that were rejected for a reason are worth, where that is known."""
    paid = part.rejected_amounts.get(reason)
    return f", worth {Money(part.currency)(paid)}" if paid else ""


def recipe(part: Reproduction, room: Room) -> Section:
    """Return what is needed to compute the same again."""
    seed = NOT_STATED if part.seed is None else part.seed
    versions = " · ".join(f"{tool} {release}" for tool, release in part.versions.items())
    facts = {
        "Command": part.command or NOT_STATED,
        "Method": f"{part.method or NOT_STATED}, seed {seed}",
        "Versions": versions or NOT_STATED,
    }
    # A command that is cut cannot be run; only very long ones are.
    longest = None if room is WHOLE else _LONGEST_COMMAND
    return Section("Reproduction", (_pairs(facts, replace(room, cell=longest)),))


def model(part: ModelPart, room: Room) -> Section:
    """Return the model in words, its parameters and its priors."""
    meant = f" Meant for {clip(part.when or NOT_STATED, room.sentence)}."
    story = Text(((clip(part.story, room.sentence), Soft(meant)),))
    head = interval_head(p.interval for p in part.parameters)
    parameters = Table(
        (Column("Parameter"), Column("Mean"), Column(head), Column("What it is", wide=True)),
        tuple(
            (
                p.letter,
                Number(measured(p.mean), p.mean),
                interval_cell(p.interval),
                clip(f"{p.meaning}{f' [{p.unit}]' if p.unit else ''}", room.cell),
            )
            for p in part.parameters
        ),
        label="Parameters",
        rest=_REST,
    )
    if room is WHOLE:
        heads = ("Prior of", "Distribution", "What it is", "Why")
        rows = [(p.name, p.prior, p.meaning, p.reason) for p in part.priors]
    else:
        heads = ("Prior", "Why")
        rows = [
            (
                (f"{clip(p.name, room.cell)} ", Soft(clip(p.prior, room.cell))),
                clip(p.reason, room.cell),
            )
            for p in part.priors
        ]
    columns = tuple(Column(head, wide=head == "Why") for head in heads)
    priors = Table(columns, tuple(rows), label="Priors", rest=_REST)
    shown = part.effects if room is WHOLE else part.effects[:_EFFECTS]
    lines = [clip(one, room.sentence) for one in shown]
    if rest := len(part.effects) - len(lines):
        lines.append(f"… and {rest} more {_REST}")
    effects = (Text(tuple(lines), "bullets"),) if lines else ()
    return Section("Model and priors", (story, Columns(((parameters,), (priors,))), *effects))


def evidence(heading: str, part: Checked, name: str, room: Room) -> Section:
    """Return checks of one kind; what they have in common is printed once, above them.

    Parameters
    ----------
    heading : str
    part : Checked
    name : str
        Of the model: checks about it need not say so.
    room : Room
        On one sheet the worst checks come first, since the last ones may be left out.
    """
    found = part.checks
    if room is not WHOLE:
        found = sorted(found, key=lambda check: _SEVERITY.index(check.status))
    n, target = _shared(_size(check) for check in found), _shared(sign(check.target) for check in found)
    above = " · ".join(filter(None, (n, f"should be: {clip(target, room.cell)}" if target else "")))
    rows = [
        Check(
            name=clip(check.name, room.cell),
            value=check.value,
            target="" if target else clip(check.target, room.cell),
            status=check.status,
            note=clip(" · ".join(filter(None, ("" if n else _size(check), check.note))), room.cell),
            about="" if check.about == name else clip(check.about, room.cell),
            interval=check.interval,
        )
        for check in found
    ]
    said = " · ".join(filter(None, (above, clip(part.note, room.sentence))))
    blocks: list[Block] = [Text((said,), "note")] if said else []
    if rows:
        blocks.append(replace(checks_table(rows, about="Of"), label=heading, rest=_left_out(found)))
    return Section(heading, tuple(blocks), badge=Badge(STATUS_WORDS[part.verdict], part.verdict))


def by_segment(section: Section, parts: Sequence[SegmentPart], room: Room) -> Section:
    """Return the section on subgroups with one row a segment, and the checks only where there is room."""
    levels = list(parts[0].inside)
    heads = ("Customers", "Forecast", "95% interval", "Observed", "Error")
    columns = (Column("Segment", wide=True), *map(Column, heads), *(Column(f"In {one}") for one in levels))
    rows = []
    for part in parts:
        error = part.predicted / part.observed - 1 if part.observed else None
        ends = (part.interval.low, part.interval.high)
        rows.append(
            (
                clip(part.segment, room.cell),
                Number(count(part.customers), part.customers),
                Number(count(part.predicted), part.predicted),
                Number(between(*ends, count), ends[0]),
                Number(
                    count(part.observed),
                    part.observed,
                    "plain" if ends[0] <= part.observed <= ends[1] else "strong",
                ),
                Number("–" if error is None else sign(f"{error:+.0%}".replace("-", "−")), error),
                *(Number(per_cent(part.inside[one]), part.inside[one]) for one in levels),
            )
        )
    note = (
        "Hold-out by segment: the total, in bold where it lies outside its interval, and the share of "
        "customers inside their own intervals, which should equal the level."
    )
    table = Table(columns, tuple(rows), label="Calibration by segment", note=note, rest=_REST)
    rest = tuple(block for block in section.blocks if room is WHOLE or not isinstance(block, Table))
    return replace(section, blocks=(table, *rest))


def references(items: Sequence[str], room: Room) -> Section:
    """Return the references: as a list, or where there is little room in one line of small print."""
    if room is WHOLE:
        return bullets("References", items, room)
    return Section("", (Text((" · ".join(items),), "note"),))


def side_by_side(left: Sequence[Section], right: Sequence[Section]) -> Section:
    """Return sections in two columns."""
    return Section("", (Columns((tuple(left), tuple(right))),))


def balanced(sections: Sequence[Section]) -> Section:
    """Return sections in two columns, in order, so that neither column is much longer."""

    def height(part: Sequence[Section]) -> int:
        # A heading takes about three rows.
        return sum(3 + sum(len(table.rows) for table in tables_of(one.blocks)) for one in part)

    cut = min(range(1, len(sections)), key=lambda i: max(height(sections[:i]), height(sections[i:])))
    return side_by_side(sections[:cut], sections[cut:])


def panel(
    title: str,
    subtitle: str,
    status: Status,
    summary: str,
    sections: Mapping[str, Checked],
    limits: Sequence[str],
    name: str,
) -> tuple[Block, ...]:
    """Return a card for a notebook: the verdict by section; each section's checks and the limits folded."""
    overview = Table(
        (Column("Section"), Column("Status"), Column("")),
        tuple(
            (
                heading,
                Badge(STATUS_WORDS[part.verdict], part.verdict),
                part.note or plural(len(part.checks), "check"),
            )
            for heading, part in sections.items()
        ),
        label="Verdict by section",
    )
    folded = [
        replace(evidence(heading, part, name, WHOLE), folded=True)
        for heading, part in sections.items()
        if part.checks
    ]
    limited = replace(bullets("Limits", limits, WHOLE), folded=True)
    blocks = (Text((subtitle,), "note"), Notice(status, summary, ""), overview, *folded, limited)
    return (Section(title, blocks),)


def _pairs(facts: Mapping[str, str], room: Room) -> Table:
    rows = tuple((Soft(name), clip(value, room.cell)) for name, value in facts.items())
    return Table((Column(), Column(wide=True)), rows)


def _size(check: Check) -> str:
    return "" if check.n is None else f"n = {count(check.n)}"


def _shared(texts: Iterable[str]) -> str:
    """Return the text that all of two or more have, else an empty one."""
    found = list(texts)
    return found[0] if len(found) > 1 and len(set(found)) == 1 else ""


def _left_out(checks: Sequence[Check]) -> str:
    """Return where to find the checks that do not fit on a sheet, and how many of all failed."""
    failed = sum(check.status == "failed" for check in checks)
    return f"{_REST}; of all {len(checks)}, {failed} failed"
