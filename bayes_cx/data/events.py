"""What customers did in any channel: the rows that can be used, their states, and what is seen of whom."""

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
from bayes_cx.data.groups import NO_GROUP, as_text, numbered
from bayes_cx.data.nothing_left import nothing_left, why_nothing
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.rejected import rejected_rows, write_rejected
from bayes_cx.data.repeats import names_alike, repeats, same_rows
from bayes_cx.data.sources import NO_ROWS, Source
from bayes_cx.data.sql import ident, literal
from bayes_cx.data.taxonomy import Taxonomy
from bayes_cx.data.transactions import Transactions, transactions_of
from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["Events", "check_events"]


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
        accepted = f"{self.rows_accepted:,} of {self.rows_read:,} rows accepted{self._no_row}"
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
        """What a reader should know of the rows, in sentences: repeats, names that are nearly alike."""
        if not self.rows_accepted:
            return (f"every row was rejected{self._no_row}",)
        found = [*self.dates.remarks(), *self._repeats]
        if self.states is None:
            found += names_alike(self.counts["event"].unique().tolist())
        if self.rows_anonymous:
            found.append(f"{self.rows_anonymous:,} events have a session but no customer")
        if lost := sum(self.unmapped["n"].tolist()):
            found.append(f"{lost:,} events have no state in the taxonomy and are no part of journeys")
        return tuple(found)

    @cached_property
    def _repeats(self) -> tuple[str, ...]:
        """The sentence on rows that agree in everything that was named when reading."""
        context = {
            f"context_{i}": f"CAST({ident(name)} AS VARCHAR)"
            for i, name in enumerate(name for names in self.context.values() for name in names)
        }
        judged = self.schema.judged(self.table, context)
        named = (
            "known" if role == "known_at" else self.schema.column_of(role)
            for role in self.schema.roles
            if role not in {"customer", "time"}
        )
        same = ("customer", "instant", *named, *context)
        return tuple(
            repeats(same_rows(self.table, judged, same, self.rows_accepted), "customer, time and event")
        )

    @cached_property
    def _no_row(self) -> str:
        """Why no row was accepted, and what to do; empty where one was."""
        return "" if self.rows_accepted else why_nothing(self.nothing("events"), self.rejected_by_reason)

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
        return self.table.connection.table(self.table.view("accepted_events", self._shown("true")))

    def _shown(self, where: str) -> str:
        """Return the query for the accepted rows as users see them; `where` is a condition, and an order."""
        roles = [role for role in (*TEXTS, "value") if role in self.schema.roles]
        columns = [f"{self.schema.column_of(role)} AS {ident(role)}" for role in roles]
        columns += ["known AS known_at"] if self.schema.known_at is not None else []
        columns += ["state"] if self.states is not None else []
        columns += [f"{prefix} AS {ident(name)}" for prefix, name in self.groups.items()]
        return f"SELECT customer, moment AS time, {', '.join(columns)} FROM {self.rows()} WHERE {where}"

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
        >>> from bayes_cx.data import read_events
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
        view = self.table.view(
            "one_customer", self._shown(f"CAST(customer AS VARCHAR) = {who} ORDER BY instant")
        )
        return self.table.connection.table(view).df()

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
        >>> from bayes_cx.data import read_events
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
        missing = [part for part in taxonomy.parts if part not in self.schema.roles]
        if set(missing) <= set(taxonomy.optional):
            taxonomy = taxonomy.without(missing) if missing else taxonomy
        else:
            raise InputError(
                f"a taxonomy by {', '.join(taxonomy.parts)}, of events without {', '.join(missing)}",
                "patterns of columns that were named when reading",
                f"pass {missing[0]}='...' to bcx.read_events",
            )
        return replace(self, states=taxonomy)

    def crossed(self, columns: Sequence[str]) -> "Events":
        """Return the events with one more column: the values of several columns together.

        Parameters
        ----------
        columns : sequence of str
            Columns of the data. The new one is called by their names with ``and`` between them; a missing
            value is ``missing``.

        Raises
        ------
        InputError
            If there is no such column, or one of the new name already.

        Examples
        --------
        >>> from bayes_cx.data import read_events
        >>> frame = pd.DataFrame({"who": ["a"], "day": "2025-01-01", "what": "call", "age": 30, "at": "home"})
        >>> events = read_events(frame, customer="who", time="day", event="what")
        >>> events.crossed(["age", "at"]).accepted.df()["age and at"].tolist()
        ['30 · home']
        """
        types, name = self.table.types, " and ".join(columns)
        values = as_text({column: column for column in numbered(columns, types).values()})
        if name in types:
            raise InputError(f"a column {name!r}", "a name that is free for both together", "rename it")
        parts = [f"coalesce({value}, {literal(NO_GROUP)})" for value in values.values()]
        both = f"concat_ws(' · ', {', '.join(parts)}) AS {ident(name)}"
        view = self.table.view("crossed_columns", f"SELECT *, {both} FROM {self.table.sql}")
        context = self.context | {"relational": (*self.context.get("relational", ()), name)}
        return replace(
            self, table=replace(self.table, sql=view, types=types | {name: "VARCHAR"}), context=context
        )

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
        >>> from bayes_cx.data import read_events
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

    def nothing(self, expected: str) -> InputError:
        """Return the error that no event is left, with what to do about the most frequent reason."""
        return nothing_left(
            self.table,
            expected,
            self.rejected_by_reason,
            lambda cell: self.schema.judged(self.table, cell),
            self.schema.roles,
        )

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
