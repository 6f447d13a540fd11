"""A model card for reading: as Markdown, as the data of the one-page PDF, and as a notebook panel."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bayes_cx.checks import Check, Interval
from bayes_cx.page.words import count, per_cent, shorten, sign
from bayes_cx.panel import badge, interval, measured, number, panel, table
from bayes_cx.reporting.card_schema import ModelCard, Section

__all__ = ["html", "markdown", "page"]

WORDS = {"passed": "✓ passed", "failed": "▲ failed", "not_run": "– not run"}
NOT_STATED = "not stated"
# Characters of a sentence, a cell and a word on the page; the JSON and the Markdown hold them whole.
SENTENCE, CELL, WORD = 300, 120, 40


def markdown(card: ModelCard) -> str:
    """Return a card as Markdown, complete."""
    lines = [
        f"# {_plain(card.title)}",
        "",
        f"Model card · {_plain(card.model.name)} · owner: {_plain(card.owner or NOT_STATED)} · "
        f"{card.written:%Y-%m-%d}",
        "",
        f"**{_plain(card.summary)}**",
        "",
        "## Use",
        "",
        f"- **For:** {_plain(card.use.intended)}",
        f"- **By:** {_plain(card.use.users)}",
        f"- **Decision:** {_plain(card.use.decision)}",
        "",
        "### Not for",
        "",
        *_bullets(card.use.misuse),
        "## Data and provenance",
        "",
        *_grid(("Fact", "Value"), _facts(card)),
        "## Model and priors",
        "",
        _plain(card.model.story),
        "",
        f"Meant for {_plain(card.model.when)}."
        if card.model.when
        else f"What it is meant for: {NOT_STATED}.",
        "",
        *_grid(("Parameter", "Mean", "95% interval", "What it is"), _parameters(card)),
        *_grid(
            ("Quantity", "Prior", "What it is", "Why"),
            [(p.name, p.prior, p.meaning, p.reason) for p in card.model.priors],
        ),
    ]
    for heading, section in card.sections().items():
        lines += [f"## {heading}", "", f"Status: **{WORDS[section.verdict]}**", ""]
        if section.note:
            lines += [_plain(section.note), ""]
        rows = [
            (
                m["name"],
                m["about"],
                m["n"],
                m["value"],
                _levelled(m),
                m["target"],
                WORDS[m["status"]],
                m["note"],
            )
            for m in (_row(check, card.model.name) for check in section.checks)
        ]
        lines += _grid(("Check", "Of", "n", "Value", "Interval", "Target", "Status", "Note"), rows)
    lines += [
        "## Limits",
        "",
        *_bullets(card.limits),
        "## Ethics and privacy",
        "",
        *_bullets(card.ethics),
        "## Reproduction",
        "",
        *_grid(("Step", "Value"), _recipe(card)),
        "## References",
        "",
        *_bullets(card.references),
    ]
    return "\n".join(lines).rstrip() + "\n"


def page(card: ModelCard) -> dict[str, Any]:
    """Return what the template of the PDF prints; it decides how much of it one page holds."""
    return {
        "title": _clip(card.title, 90),
        "owner": _clip(card.owner or NOT_STATED, 80),
        "model": card.model.name,
        "date": f"{card.written:%Y-%m-%d}",
        "schema": card.schema_version,
        "verdict": card.verdict,
        "summary": card.summary,
        "use": {name: _clip(getattr(card.use, name)) for name in ("intended", "users", "decision")},
        "misuse": [_clip(text) for text in card.use.misuse],
        "facts": _cells(_facts(card)),
        "story": _clip(card.model.story),
        "when": _clip(card.model.when or NOT_STATED),
        "parameters": _cells(_parameters(card)),
        "priors": _cells((p.name, p.prior, p.reason) for p in card.model.priors),
        "sections": [
            _section(heading, section, card.model.name) for heading, section in card.sections().items()
        ],
        "limits": [_clip(text) for text in card.limits],
        "ethics": [_clip(text) for text in card.ethics],
        "recipe": [[name, _clip(value)] for name, value in _recipe(card)],
        "references": card.references,
    }


def html(card: ModelCard) -> str:
    """Return a card as a notebook panel: the verdict by section; each section's checks folded."""
    sections = card.sections()
    rows = [
        (heading, badge(WORDS[s.verdict][2:], s.verdict), s.note or f"{len(s.checks)} checks")
        for heading, s in sections.items()
    ]
    folded = [
        (
            heading,
            table(
                ("check", "of", "value", "interval", "target", "status"),
                [
                    (m["name"], m["about"], m["value"], _levelled(m), m["target"], WORDS[m["status"]])
                    for m in (_row(check, card.model.name) for check in section.checks)
                ],
            ),
        )
        for heading, section in sections.items()
    ]
    subtitle = f"Model card · {card.model.name} · {card.written:%Y-%m-%d}"
    passed = card.verdict == "passed"
    return panel(
        card.title,
        subtitle,
        [badge(card.summary, "passed")] if passed else (),
        table(("section", "status", ""), rows),
        [*folded, ("limits", table(("",), [(limit,) for limit in card.limits]))],
        warning="" if passed else card.summary,
    )


def _section(heading: str, section: Section, model: str) -> dict[str, Any]:
    """Return a section for the page; what all its rows share is said once, above them."""
    rows = [
        {name: _clip(text, CELL) for name, text in _row(check, model).items()} for check in section.checks
    ]
    shared = {name: _shared(row[name] for row in rows) for name in ("n", "target")}
    for row in rows:
        details = (row["about"], f"n = {row['n']}" if row["n"] and not shared["n"] else "", row["note"])
        row["details"] = " · ".join(filter(None, details))
    above = (
        f"n = {shared['n']}" if shared["n"] else "",
        f"target: {shared['target']}" if shared["target"] else "",
    )
    return {
        "heading": heading,
        "status": section.verdict,
        "note": section.note,
        "above": " · ".join(filter(None, above)),
        "level": _shared(row["level"] for row in rows if row["interval"]),
        "target": not shared["target"],
        "interval": any(row["interval"] for row in rows),
        "rows": rows,
    }


def _shared(texts: Iterable[str]) -> str:
    """Return the text that all of two or more have, else an empty one."""
    texts = list(texts)
    return texts[0] if len(texts) > 1 and len(set(texts)) == 1 else ""


def _row(check: Check, model: str) -> dict[str, str]:
    """Return a check as texts; whose it is is said where it is not just the model of the card."""
    return {
        "name": check.name,
        "about": "" if check.about == model else check.about,
        "n": "" if check.n is None else count(check.n),
        "value": number(check.value) if check.interval else measured(check.value),
        "interval": _interval(check.interval),
        "level": f"{check.interval.level:.0%}" if check.interval else "",
        "target": sign(check.target),
        "status": check.status,
        "note": sign(check.note),
    }


def _interval(found: Interval | None) -> str:
    return interval(found.low, found.high) if found else ""


def _levelled(row: dict[str, str]) -> str:
    return f"{row['interval']} ({row['level']})" if row["interval"] else ""


def _parameters(card: ModelCard) -> list[tuple[str, str, str, str]]:
    return [
        (
            p.letter,
            number(p.mean),
            _interval(p.interval),
            f"{p.meaning}{f' [{p.unit}]' if p.unit else ''}",
        )
        for p in card.model.parameters
    ]


def _facts(card: ModelCard) -> list[tuple[str, str]]:
    """Return the data's description as names and values, with "not stated" for what nobody said."""
    data = card.data
    period = [f"{day:%Y-%m-%d}" if day else NOT_STATED for day in (data.period_start, data.until)]
    customers = NOT_STATED if data.customers is None else count(data.customers)
    if data.customers and data.repeaters is not None:
        customers += (
            f", {count(data.repeaters)} with a repeat purchase ({per_cent(data.repeaters / data.customers)})"
        )
    if data.customers and data.current is not None:
        customers += f", {count(data.current)} under contract ({per_cent(data.current / data.customers)})"
    rows = NOT_STATED
    if data.rows_read is not None:
        rejected = NOT_STATED if data.rows_rejected is None else count(data.rows_rejected)
        reasons = ", ".join(f"{reason} {count(n)}" for reason, n in data.rejected.items())
        rows = f"{count(data.rows_read)} read; rejected: {rejected}{f' ({reasons})' if reasons else ''}"
    return [
        ("Source", data.source or NOT_STATED),
        ("Period", f"{period[0]} to {period[1]}, time in {data.unit}s" if data.unit else " to ".join(period)),
        ("Customers", customers),
        ("Rows", rows),
        ("Returns", data.returns or NOT_STATED),
        ("Groups", NOT_STATED if data.groups is None else ", ".join(data.groups) or "none"),
        ("SHA-256", data.sha256 or NOT_STATED),
    ]


def _recipe(card: ModelCard) -> list[tuple[str, str]]:
    made = card.reproduction
    return [
        ("Command", made.command or NOT_STATED),
        ("Method", f"{made.method or NOT_STATED}, seed {NOT_STATED if made.seed is None else made.seed}"),
        (
            "Versions",
            " · ".join(f"{tool} {release}" for tool, release in made.versions.items()) or NOT_STATED,
        ),
    ]


def _clip(text: str, length: int = SENTENCE) -> str:
    """Return `text` cut at its end, and words that no line would hold cut in their middle."""
    text = re.sub(rf"\S{{{WORD + 1},}}", lambda word: shorten(word[0], WORD), text)
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _cells(rows: Iterable[Iterable[str]]) -> list[list[str]]:
    return [[_clip(text, CELL) for text in row] for row in rows]


def _plain(text: str) -> str:
    """Return `text` so that Markdown prints it as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", " ".join(text.split())).replace("&", "&amp;")


def _bullets(items: Sequence[str]) -> list[str]:
    return [*(f"- {_plain(item)}" for item in items), ""] if items else [NOT_STATED.capitalize() + ".", ""]


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table without its empty columns, or nothing where there are no rows."""
    rows = list(rows)
    keep = [j for j in range(len(head)) if any(row[j] for row in rows)]
    if not keep:
        return []
    lines = [[head[j] for j in keep], ["---"] * len(keep)]
    lines += [[_plain(row[j]) for j in keep] for row in rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]
