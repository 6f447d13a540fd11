"""Read what customers did in any channel, check it row by row, and count the rejected rows by reason."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import duckdb
import pandas as pd

from bayes_cx.data.dates import Dates
from bayes_cx.data.event_schema import TEXTS, EventSchema
from bayes_cx.data.fingerprints import with_digests
from bayes_cx.data.groups import NO_GROUP, as_text, numbered
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.pseudonyms import give_pseudonyms
from bayes_cx.data.rejected import rejected_rows, write_rejected
from bayes_cx.data.sources import NO_ROWS, Source, open_source
from bayes_cx.data.sql import ident, literal
from bayes_cx.data.taxonomy import Taxonomy
from bayes_cx.data.transactions import Transactions, transactions_of
from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["LAYERS", "Events", "check_events", "read_events"]

LAYERS = ("relational", "personal", "situational")
"""The layers of context: history and contracts; complaints and answers; device, place and now."""


@dataclass(frozen=True)
class Events:
    """What customers did, row by row, and counts of the rows that cannot be used.

    Nothing is held in memory: the rows stay where they are and are read again when needed.

    Attributes
    ----------
    source : str
        Where the rows come from.
    schema : EventSchema
        What the columns mean and which rows are acceptable.
    context : dict of str to tuple of str
        Further columns by layer: relational, personal, situational.
    rows_read, rows_accepted : int
        Number of rows of the source, and of those that can be used.
    rows_anonymous : int
        Accepted rows with a session but no customer.
    counts : pandas.DataFrame
        Accepted rows by ``event`` and ``channel``: their number ``n``, and how many have a customer
        (``known``).
    dates : Dates
        From when to when the accepted rows reach, and which dates stand alone far off.
    rejected_by_reason : dict of str to int
        Number of rejected rows for each reason; one reason a row, the first that applies.
    sha256 : str
        Fingerprint of the accepted rows, whatever their order; see `Transactions`.
    states : Taxonomy or None
        How raw events become states; None where each event is a state of its own.
    """

    source: str
    schema: EventSchema
    context: dict[str, tuple[str, ...]]
    rows_read: int
    rows_accepted: int
    rows_anonymous: int
    counts: pd.DataFrame = field(repr=False)
    dates: Dates
    rejected_by_reason: dict[str, int]
    sha256: str
    table: Source = field(repr=False)
    states: Taxonomy | None = None

    def __repr__(self) -> str:
        accepted = f"{self.rows_accepted:,} of {self.rows_read:,} rows accepted"
        span = f", {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else ""
        return f"<Events of {self.source}: {accepted}{span}>"

    def _repr_html_(self) -> str:
        return html("events", self)

    @property
    def first(self) -> datetime | None:
        """Earliest time of an accepted row, as a clock of the zone shows it."""
        return self.dates.first

    @property
    def last(self) -> datetime | None:
        """Latest time of an accepted row, as a clock of the zone shows it."""
        return self.dates.last

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the accepted rows, in sentences."""
        found = list(self.dates.remarks())
        if self.rows_anonymous:
            found.append(f"{self.rows_anonymous:,} events have a session but no customer")
        if lost := sum(self.unmapped["n"].tolist()):
            found.append(f"{lost:,} events have no state in the taxonomy and are no part of journeys")
        return tuple(found)

    @property
    def rows_rejected(self) -> int:
        """Number of rejected rows."""
        return sum(self.rejected_by_reason.values())

    @property
    def unmapped(self) -> pd.DataFrame:
        """The accepted rows without a state, by ``event`` and ``channel``, the most frequent first."""
        if self.states is None:
            return self.counts.iloc[:0]
        view = self.rows()
        found = self.table.run(
            f"""SELECT event, channel, count(*) AS n FROM {view} WHERE state IS NULL
GROUP BY event, channel ORDER BY n DESC, event, channel"""
        )
        return found.to_pandas()

    @property
    def accepted(self) -> duckdb.DuckDBPyRelation:
        """The accepted rows, lazy: customer, time, the columns that were named, the state, the context."""
        roles = [role for role in (*TEXTS, "value") if role in self.schema.roles]
        columns = [f"{self.schema.column_of(role)} AS {ident(role)}" for role in roles]
        columns += ["known AS known_at"] if self.schema.known_at is not None else []
        columns += ["state"] if self.states is not None else []
        columns += [f"{prefix} AS {ident(name)}" for prefix, name in self.groups.items()]
        sql = f"SELECT customer, moment AS time, {', '.join(columns)} FROM {self.rows()}"
        return self.table.connection.table(self.table.view("accepted_events", sql))

    @property
    def rejected(self) -> duckdb.DuckDBPyRelation:
        """The rejected rows: row number (from 1), reason, original values. A lazy DuckDB relation."""
        return self.table.connection.table(self._rejected_rows())

    @property
    def groups(self) -> dict[str, str]:
        """The columns of the context: name in queries -> name."""
        return numbered([name for names in self.context.values() for name in names], self.table.types)

    def coverage(self) -> pd.DataFrame:
        """Return what is seen of customers, by month and channel.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``month`` (its first day) and ``channel`` (``missing`` where none was given):
            ``events``, ``identified`` (share of events with a customer), ``customers`` (different ones) and
            ``seen`` (share of all customers of the data who used the channel in that month).

        Examples
        --------
        >>> days = ["2025-01-01", "2025-01-02", "2025-02-02"]
        >>> frame = pd.DataFrame({"who": ["a", "b", "a"], "day": days, "what": "visit", "via": "web"})
        >>> events = read_events(frame, customer="who", time="day", event="what", channel="via")
        >>> events.coverage()["seen"].tolist()
        [1.0, 0.5]
        """
        rows = self.rows()
        found = self.table.run(
            f"""SELECT date_trunc('month', moment) AS month,
coalesce(channel, {literal(NO_GROUP)}) AS channel,
count(*) AS events, count(customer) / count(*) AS identified, count(DISTINCT customer) AS customers,
count(DISTINCT customer) / nullif((SELECT count(DISTINCT customer) FROM {rows}), 0) AS seen
FROM {rows} GROUP BY ALL ORDER BY ALL"""
        )
        return found.to_pandas().set_index(["month", "channel"])

    def of_customer(self, customer: object) -> pd.DataFrame:
        """Return all that is known of one customer: the accepted rows in order of time.

        Parameters
        ----------
        customer : str or int
            As in the data; under pseudonyms the pseudonym.

        Returns
        -------
        pandas.DataFrame
            The columns of `accepted`; without rows for a customer who is not there.
        """
        who = literal(str(customer))
        return self.accepted.filter(f"CAST(customer AS VARCHAR) = {who}").order("time").df()

    def with_states(self, states: Taxonomy | Mapping[str, Any] | str | os.PathLike[str]) -> "Events":
        """Return the events with a taxonomy that turns them into states.

        Parameters
        ----------
        states : Taxonomy, mapping or path
            A taxonomy, its patterns by state, or a TOML file of them.

        Raises
        ------
        InputError
            If it cannot be read, or looks at a column that was not named when reading.

        Examples
        --------
        >>> days = ["2025-01-01", "2025-01-02"]
        >>> frame = pd.DataFrame({"who": ["a", "a"], "day": days, "what": ["call", "buy"]})
        >>> events = read_events(frame, customer="who", time="day", event="what")
        >>> events = events.with_states({"help": "call*"})
        >>> events.unmapped[["event", "n"]].values.tolist()
        [['buy', 1]]
        """
        if isinstance(states, str | os.PathLike):
            states = Taxonomy.read(states)
        taxonomy = states if isinstance(states, Taxonomy) else Taxonomy(states)
        if missing := [part for part in taxonomy.parts if part not in self.schema.roles]:
            raise InputError(
                f"a taxonomy by {', '.join(taxonomy.parts)}, of events without {', '.join(missing)}",
                "patterns of columns that were named when reading",
                f"pass {missing[0]}='...' to bcx.read_events",
            )
        return replace(self, states=taxonomy)

    def only(self, *events: str) -> Transactions:
        """Return the events of these names, or states, as transactions with the value as amount.

        Parameters
        ----------
        *events : str
            Names of states where there is a taxonomy, else of events.

        Returns
        -------
        Transactions
            Rows without a customer or with a broken value are rejected there, with their reason.

        Raises
        ------
        InputError
            If there is no such event.

        Examples
        --------
        >>> days = ["2025-01-01", "2025-01-02"]
        >>> frame = pd.DataFrame({"who": ["a", "a"], "day": days, "what": ["visit", "buy"]})
        >>> read_events(frame, customer="who", time="day", event="what").only("buy").rows_accepted
        1
        """
        known = sorted(self.states.states) if self.states is not None else sorted(set(self.counts["event"]))
        if not events or (missing := [name for name in events if name not in known]):
            raise InputError(
                f"no event {', '.join(map(repr, missing if events else ['']))} in {self.source}",
                f"one of {', '.join(map(repr, known[:50]))}",
                "check the spelling, upper and lower case included",
            )
        chosen = self.table.view("chosen", f"SELECT * FROM {self.table.sql} WHERE {self._named(events)}")
        source = replace(self.table, sql=chosen, label=f"{self.source} ({', '.join(events)})")
        of_customers = replace(self.schema.of_customers, anonymous=False)
        schema = of_customers
        if self.schema.value is not None:
            schema = replace(schema, amount=self.schema.value, returns="net", zero_amounts="keep")
        if self.schema.value is not None and self.schema.numbers != Numbers():
            schema = replace(schema, numbers=self.schema.numbers)
        return transactions_of(source, schema, (), self.schema.numbers, lines=False)

    def rows(
        self, extra: Mapping[str, str] | None = None, rows: str | None = None, *, accepted: bool = True
    ) -> str:
        """Return the view of the rows, with ``state`` and the columns of the context.

        Parameters
        ----------
        extra, rows
            As in `EventSchema.judged`.
        accepted : bool
            Whether to leave out the rejected rows.
        """
        judged = self.schema.judged(self.table, as_text(self.groups) | dict(extra or {}), rows)
        where = "WHERE reason IS NULL" if accepted else ""
        if self.states is None:
            return self.table.view("event_states", f"SELECT *, event AS state FROM {judged} {where}")
        on = " AND ".join(f"rows.{name} IS NOT DISTINCT FROM map.{name}" for name in self._looked_at)
        return self.table.view(
            "event_states",
            f"""SELECT rows.*, map.state FROM {judged} AS rows
LEFT JOIN {self._map} AS map ON {on} {where}""",
        )

    @property
    def _looked_at(self) -> tuple[str, ...]:
        """The columns of views that the taxonomy looks at."""
        parts = () if self.states is None else self.states.parts
        return tuple(self.schema.column_of(part) for part in parts)

    @cached_property
    def _map(self) -> str:
        """The table of states by what the patterns look at: few rows, since names come again and again."""
        assert self.states is not None
        names, parts = ", ".join(self._looked_at), self.states.parts
        judged = self.schema.judged(self.table)
        found = self.table.run(f"SELECT DISTINCT {names} FROM {judged} WHERE reason IS NULL").to_pylist()
        cells = [[row[name] for name in self._looked_at] for row in found]
        states = [self.states.state_of(**dict(zip(parts, row, strict=True))) for row in cells]
        rows = [(*row, state) for row, state in zip(cells, states, strict=True) if state is not None]
        # Never empty, so that the columns have their type.
        rows = [(*("" for _ in parts), ""), *sorted(rows, key=str)]
        values = ", ".join(f"({', '.join(map(_quoted, row))})" for row in rows)
        return self.table.view("states_of_events", f"SELECT * FROM (VALUES {values}) AS map({names}, state)")

    def _named(self, events: Sequence[str]) -> str:
        """Return the condition on rows of the source that they are of these events or states."""
        names = ", ".join(map(literal, events))
        if self.states is None:
            return f"{self.schema.text('event', self.table)} IN ({names})"
        # What is empty is none of these, and equal to itself all the same.
        cells = ", ".join(f"coalesce({self.schema.text(part, self.table)}, '')" for part in self.states.parts)
        mapped = ", ".join(f"coalesce({name}, '')" for name in self._looked_at)
        return f"({cells}) IN (SELECT ({mapped}) FROM {self._map} WHERE state IN ({names}))"

    def write_rejected(self, path: str | os.PathLike[str]) -> None:
        """Write the rejected rows with their number, reason and original values.

        Parameters
        ----------
        path : path
            A new file; Parquet if it ends in ``.parquet``, else CSV in which no text runs as a formula.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        write_rejected(self.table, self._rejected_rows(), path)

    def _rejected_rows(self) -> str:
        return rejected_rows(
            self.table,
            lambda extra, rows: self.schema.judged(self.table, extra, rows),
            # Under pseudonyms a session would name its visitor.
            {k: v for k, v in self.schema.roles.items() if k != "session" or not self.table.pseudonymous},
            lines=not NO_ROWS.isdisjoint(self.rejected_by_reason),
        )


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else literal(text)


def check_events(value: Any) -> None:
    """Refuse what has not been read as events, such as a data frame.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(value, Events):
        raise InputError(
            f"a {type(value).__name__}",
            "events that were read and checked",
            "pass bcx.read_events(..., customer='...', time='...', event='...')",
        )


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
