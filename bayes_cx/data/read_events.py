"""Read what customers did in any channel, check it row by row, and count the rejected rows by reason."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from bayes_cx.data.dates import Dates
from bayes_cx.data.event_schema import EventSchema
from bayes_cx.data.events import Events
from bayes_cx.data.fingerprints import with_digests
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.pseudonyms import give_pseudonyms
from bayes_cx.data.sources import Source, open_source
from bayes_cx.data.taxonomy import Taxonomy
from bayes_cx.errors import InputError

__all__ = ["read_events"]

LAYERS = ("relational", "personal", "situational")
"""The layers of context: history and contracts; complaints and answers; device, place and now."""


def read_events(
    source: Any,
    *,
    customer: str,
    time: str,
    event: str,
    channel: str | None = None,
    value: str | None = None,
    reason: str | None = None,
    initiator: str | None = None,
    session: str | None = None,
    known_at: str | None = None,
    context: Mapping[str, Sequence[str]] | None = None,
    states: Taxonomy | Mapping[str, Any] | str | os.PathLike[str] | None = None,
    time_format: str | None = None,
    timezone: str = "UTC",
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str | None = None,
    query: str | None = None,
    pseudonym_key: str | bytes | None = None,
) -> Events:
    """Read events of every channel and check every row.

    Parameters
    ----------
    source : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        What `read_transactions` accepts.
    customer : str
        Column with the customer; it may be empty where `session` is given, in visits of somebody not known.
    time : str
        Column with the time of the event.
    event : str
        Column with its name, such as ``visit``, ``call`` or ``purchase``.
    channel : str, optional
        Column with the channel: web, app, shop, call centre, mail.
    value : str, optional
        Column with a number, such as the amount of a purchase; may be empty.
    reason, initiator : str, optional
        Columns with why it happened, and who began it: the customer or the company.
    session : str, optional
        Column with the visit that the event is part of.
    known_at : str, optional
        Column with the time at which the company knew of the event; where it is empty, that of the event.
        Nothing that is computed as of a day uses what was known later.
    context : mapping of str to sequence of str, optional
        Further columns by layer: ``relational`` (history, customer relations, contracts), ``personal``
        (complaints, answers, social media) and ``situational`` (device, place).
    states : Taxonomy, mapping or path, optional
        How raw events become states; see `Events.with_states`.
    time_format, timezone, decimal, thousands, encoding, query, pseudonym_key
        As for `read_transactions`. With a key sessions are known by pseudonyms as well.

    Returns
    -------
    Events
        A lazy view of the accepted rows with the counts of the rejected ones.

    Raises
    ------
    InputError
        If the source cannot be read, has no rows, lacks a column or has one of a type that cannot be used.

    Examples
    --------
    >>> days = ["2025-01-01", "2025-01-02"]
    >>> frame = pd.DataFrame({"who": ["a", None], "day": days, "what": ["call", "buy"]})
    >>> events = read_events(frame, customer="who", time="day", event="what")
    >>> events.rows_accepted, events.rejected_by_reason
    (1, {'missing customer': 1})
    """
    layers = _layers(context or {})
    numbers = Numbers(decimal, thousands)
    schema = EventSchema(
        customer,
        time,
        event,
        channel,
        value,
        reason,
        initiator,
        session,
        known_at,
        time_format,
        timezone,
        numbers,
    )
    further = [name for names in layers.values() for name in names]
    table = open_source(source, (*schema.roles.values(), *further), query, (), encoding, decimal)
    schema.of_customers.check(table)
    if pseudonym_key is not None:
        table = give_pseudonyms(table, schema.of_customers, pseudonym_key, further)
    verdicts, counts = _verdicts(schema, table)
    reasons = {row["reason"]: row["n"] for row in verdicts}
    reasons |= table.lines_without_row(sum(reasons.values()))
    rows_read = sum(reasons.values())
    if not rows_read:
        raise InputError(f"{table.label} has no rows", "one event or more", "check the source")
    accepted = next((row for row in verdicts if row["reason"] is None), {"n": 0})
    reasons.pop(None, None)
    parts = ":".join(f"{row['event']}:{row['channel']}:{row['n']}:{row['digests']}" for row in counts)
    events = Events(
        source=table.label,
        schema=schema,
        context=layers,
        rows_read=rows_read,
        rows_accepted=accepted["n"],
        rows_anonymous=accepted["n"] - sum(row["known"] for row in counts),
        counts=pd.DataFrame(counts, columns=["event", "channel", "n", "known"]),
        dates=Dates.of(accepted, timezone),
        rejected_by_reason={str(why): n for why, n in sorted(reasons.items())},
        sha256=table.fingerprint(parts),
        table=table,
    )
    return events if states is None else events.with_states(states)


def _layers(context: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the further columns by layer."""
    if unknown := [layer for layer in context if layer not in LAYERS]:
        raise InputError(
            f"context of the layer {unknown[0]!r}", f"one of {', '.join(LAYERS)}", "name the columns by layer"
        )
    return {layer: (names,) if isinstance(names, str) else tuple(names) for layer, names in context.items()}


def _verdicts(schema: EventSchema, table: Source) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Count the rows of each reason with their dates, and the accepted ones of each event and channel."""
    who = "customer" if schema.session is None else "coalesce(CAST(customer AS VARCHAR), session)"
    judged = table.view(
        "event_verdicts",
        f"""SELECT reason, moment, instant, zoned, event, channel, customer IS NOT NULL AS known,
{who} AS customer, value AS amount FROM {schema.judged(table)}""",
    )
    rows = with_digests(judged, schema.session is not None or schema.of_customers.text_customers(table))
    view = table.view(
        "events_by_day",
        f"""SELECT reason, day, event, channel, grouping(day) AS of_event, count(*) AS n,
count(*) FILTER (known) AS known, count(*) FILTER (zoned) AS zoned, min(moment) AS first, max(moment) AS last,
max(instant) AS instant, sum(digest) AS digests
FROM (SELECT *, CAST(moment AS DATE) AS day FROM {rows})
GROUP BY GROUPING SETS ((reason, day), (reason, event, channel))""",
    )
    found = table.run(f"FROM {view}").to_pylist()
    counts = [row for row in found if row["of_event"] and row["reason"] is None]
    counts.sort(key=lambda row: (-row["n"], row["event"], row["channel"] or ""))
    by_reason: dict[str | None, list[dict[str, Any]]] = {}
    for row in found:
        if not row["of_event"]:
            by_reason.setdefault(row["reason"], []).append(row)
    return [_together(reason, rows) for reason, rows in by_reason.items()], counts


def _together(reason: str | None, days: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what `Dates` needs of the rows of one reason."""
    dated = [row for row in days if row["day"] is not None]
    return {
        "reason": reason,
        "n": sum(row["n"] for row in days),
        "zoned": sum(row["zoned"] for row in days),
        "days": [{"day": row["day"], "n": row["n"]} for row in dated],
        "first": min((row["first"] for row in dated), default=None),
        "last": max((row["last"] for row in dated), default=None),
        "instant": max((row["instant"] for row in dated), default=None),
        "clocked": any(row["last"] != datetime.combine(row["day"], datetime.min.time()) for row in dated),
    }
