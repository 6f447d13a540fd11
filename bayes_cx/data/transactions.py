"""Read purchases from any source, check them row by row, and count the rejected rows by reason."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

import duckdb

from bayes_cx.clock import Clock
from bayes_cx.data.dates import Dates
from bayes_cx.data.expressions import columns_in, with_amount
from bayes_cx.data.fingerprints import with_digests
from bayes_cx.data.groups import numbered
from bayes_cx.data.nothing_left import nothing_left, why_nothing
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.occasions import Occasions
from bayes_cx.data.pseudonyms import give_pseudonyms
from bayes_cx.data.rejected import rejected_rows, write_rejected
from bayes_cx.data.repeats import repeats, same_rows
from bayes_cx.data.schema import UNREADABLE_AMOUNT, Schema
from bayes_cx.data.sources import NO_ROWS, Source, open_source
from bayes_cx.data.sql import ident
from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["Transactions", "check_transactions", "read_transactions", "transactions_of"]


@dataclass(frozen=True)
class Transactions:
    """Purchases that satisfy the schema, and counts of the rows that do not.

    Nothing is held in memory: the rows stay where they are and are read again when needed.

    Attributes
    ----------
    source : str
        Where the rows come from.
    schema : Schema
        What the columns mean and which rows are acceptable.
    by : tuple of str
        Columns that group customers.
    rows_read, rows_accepted : int
        Number of rows of the source, and of those that satisfy the schema.
    rows_zero, rows_negative : int
        Number of accepted rows with an amount of zero, and below zero.
    dates : Dates
        From when to when the accepted rows reach, and which dates stand alone far off.
    rejected_by_reason : dict of str to int
        Number of rejected rows for each reason; one reason a row, the first that applies.
    sha256 : str
        Fingerprint of the accepted rows (customer, time, amount), whatever their order: SHA-256 of their
        number and of the sums over them of time, amount and a number of 60 bits that depends on all of a row;
        see `fingerprints.with_digests`. It tells data sets apart; it is no protection against forgery. Under
        pseudonyms it is keyed as they are, so that nobody without the key can test a guess of the data.
    """

    source: str
    schema: Schema
    by: tuple[str, ...]
    rows_read: int
    rows_accepted: int
    rows_zero: int
    rows_negative: int
    dates: Dates
    rejected_by_reason: dict[str, int]
    sha256: str
    table: Source = field(repr=False)

    def __repr__(self) -> str:
        accepted = f"{self.rows_accepted:,} of {self.rows_read:,} rows accepted{self._no_row}"
        span = f", {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else ""
        return f"<Transactions of {self.source}: {accepted}{span}>"

    def _repr_html_(self) -> str:
        return html("transactions", self)

    @property
    def returns(self) -> str:
        """What is done with negative amounts: reject, net, ignore or keep."""
        return self.schema.returns

    @property
    def has_amount(self) -> bool:
        """Whether amounts were given."""
        return self.schema.amount is not None

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
        """What a reader should know of the rows, in sentences: lone dates, amounts not counted, repeats."""
        if not self.rows_accepted:
            return (f"every row was rejected{self._no_row}",)
        kept = f"{self.rows_negative:,} negative amounts count as purchases that add nothing to the spend"
        return (
            *self.dates.remarks(),
            *((kept,) if self.returns == "keep" and self.rows_negative else ()),
            *self._repeats,
        )

    @cached_property
    def _repeats(self) -> tuple[str, ...]:
        """The sentence on rows that agree in customer, time and amount."""
        if (
            not self.has_amount
        ):  # all purchases of a day, or an hour, are one occasion: repeats change nothing
            return ()
        same, extra = ["customer", "instant", "amount"], {}
        if self.returns == "keep" and self.schema.amount is not None:
            # All losses count as 0, but are not alike.
            same, extra = [*same, "written"], {"written": f"CAST({ident(self.schema.amount)} AS VARCHAR)"}
        judged = self.schema.judged(self.table, extra)
        return tuple(
            repeats(same_rows(self.table, judged, same, self.rows_accepted), "customer, time and amount")
        )

    @cached_property
    def _no_row(self) -> str:
        """Why no row was accepted, and what to do; empty where one was."""
        if self.rows_accepted:
            return ""
        reasons = self.rejected_by_reason
        error = nothing_left(
            self.table,
            "purchases",
            reasons,
            lambda cell: self.schema.judged(self.table, cell),
            self.schema.roles,
        )
        return why_nothing(error, reasons)

    @property
    def rows_rejected(self) -> int:
        """Number of rejected rows."""
        return sum(self.rejected_by_reason.values())

    def rejected_amounts(self) -> dict[str, float]:
        """Return what the rejected rows add up to by reason, where their amount can be read."""
        if not self.has_amount or not self.rows_rejected:
            return {}
        paid = "sum(CAST(amount AS DOUBLE)) FILTER (isfinite(CAST(amount AS DOUBLE)))"
        judged = self.schema.judged(self.table)
        found = self.table.run(
            f"SELECT reason, {paid} AS paid FROM {judged} WHERE reason IS NOT NULL GROUP BY reason"
        )
        # Rounded, so that the order of the rows does not matter.
        return {row["reason"]: round(row["paid"], 2) for row in found.to_pylist() if row["paid"]}

    @property
    def accepted(self) -> duckdb.DuckDBPyRelation:
        """The accepted rows: customer, time and amount, returns included with ``"net"``. Lazy."""
        amount, judged = ", amount" if self.has_amount else "", self.schema.judged(self.table)
        accepted = f"SELECT customer, moment AS time{amount} FROM {judged} WHERE reason IS NULL"
        return self.table.connection.table(self.table.view("accepted", accepted))

    @property
    def rejected(self) -> duckdb.DuckDBPyRelation:
        """The rejected rows: row number (from 1), reason, original values. A lazy DuckDB relation."""
        return self.table.connection.table(self._rejected_rows())

    def occasions(self, until: Any, unit: str, by: Sequence[str] | str | None = None) -> Occasions:
        """Return the purchase occasions up to the end of observation.

        Parameters
        ----------
        until : str, date or datetime, optional
            Last observed day; that of the last accepted row if None. In hours a date means its last hour, or
            the first one if all times are dates alone.
        unit : str
            The unit that time is counted in.
        by : str or sequence of str, optional
            Columns to keep as groups, those named when reading by default.

        Raises
        ------
        InputError
            If the day or the unit cannot be read, or a group column does not exist; if no end is given and
            the last date stands alone, far off.
        """
        clock = Clock(unit, self.schema.timezone)
        groups = numbered(self.by if by is None else by, self.table.types)
        return Occasions(self.table, self.schema, clock, self.dates.step_of(until, clock), groups)

    def write_rejected(self, path: str | os.PathLike[str], until: Any = None, unit: str = "day") -> None:
        """Write the rejected rows with their number, reason and original values.

        Parameters
        ----------
        path : path
            A new file; Parquet if it ends in ``.parquet``, else CSV in which no text runs as a formula.
        until : date, optional
            End of observation: rows that `summarise` leaves out for it, or for returns, are written too.
        unit : str
            The unit given to `summarise`; only ``"hour"`` makes a difference.

        Raises
        ------
        InputError
            If the file cannot be written.

        Notes
        -----
        ``row`` counts the readable rows of the source from 1. A line of a text file that could not be split
        into the columns of its header has no row number; it is written as it stands, with the number of the
        line and, if there are several files, the name of its file.

        Of purchases that were read under pseudonyms the file shows only the columns of the schema, because
        any other may name the customer as well, and no line that could not be split. Of a row with an
        unreadable time or amount both are hidden: they may hold an id.
        """
        lines = not NO_ROWS.isdisjoint(self.rejected_by_reason)
        if until is None:
            rejected = self._rejected_rows()
        else:
            rejected = self.occasions(until, unit, by=()).left_out(lines)
        write_rejected(self.table, rejected, path)

    def _rejected_rows(self) -> str:
        return rejected_rows(
            self.table,
            lambda extra, rows: self.schema.judged(self.table, extra, rows),
            self.schema.roles,
            lines=not NO_ROWS.isdisjoint(self.rejected_by_reason),
        )


def check_transactions(value: Any) -> None:
    """Refuse what has not been read as transactions, such as a data frame.

    Raises
    ------
    InputError
        If it is none, with the columns that it has.
    """
    if not isinstance(value, Transactions):
        columns = getattr(value, "columns", None)
        has = "" if columns is None else f" with the columns {', '.join(map(str, [*columns][:8]))}"
        name = type(value).__name__
        raise InputError(
            f"{'an' if name[0] in 'AEIOU' else 'a'} {name}{has}",
            "transactions that were read and checked",
            "pass bcx.read_transactions(..., customer='...', time='...')",
        )


def read_transactions(
    source: Any,
    *,
    customer: str,
    time: str,
    amount: str | None = None,
    by: Sequence[str] | str = (),
    time_format: str | None = None,
    timezone: str = "UTC",
    returns: Literal["reject", "net", "ignore", "keep"] = "reject",
    zero_amounts: Literal["reject", "keep"] = "reject",
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str | None = None,
    query: str | None = None,
    pseudonym_key: str | bytes | None = None,
) -> Transactions:
    """Read purchases and check every row.

    Parameters
    ----------
    source : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        A CSV file (also packed; separated by comma, semicolon, tab, bar or spaces), a Parquet file, an Excel
        workbook, several of a kind, a folder or a pattern; a pandas or polars frame; anything that exports an
        Arrow stream; the file of an SQLite or DuckDB database, or an address for DuckDB's ATTACH such as
        ``"postgres:dbname=shop"``, with `query`.
    customer : str
        Column with the customer: text, kept to the letter (``'00001'``), or whole numbers. All of a CSV file
        is text.
    time : str
        Column with the time of purchase: dates, timestamps with or without zone, or ISO text.
    amount : str, optional
        Column with the amount paid, or arithmetic over columns such as ``"Quantity * UnitPrice"``; see
        `expressions.columns_in` for what it may hold. Amounts are kept to nine decimals and added without
        rounding error. The sign of a currency beside an amount is read over.
    by : str or sequence of str
        Columns that group customers, such as a segment.
    time_format : str, optional
        Format of times in text or whole numbers, for example ``"%d.%m.%Y"``, or ``"%Y%m%d"`` for 19970131.
    timezone : str
        Calendar days are those of this zone for times that carry a zone; times without one stay as written.
    returns : {"reject", "net", "ignore", "keep"}
        What to do with negative amounts. ``"reject"``: they are errors. ``"ignore"``: they are left out and
        counted. ``"net"``: the money is taken off the customer's most recent purchase of that day or before;
        a purchase of which nothing remains is no purchase. Every remaining purchase then has a positive
        amount, as models of spend need. ``"keep"``: they are purchases that add nothing to the spend, for
        amounts that are profits, where a negative one is a purchase with a loss and no return.
    zero_amounts : {"reject", "keep"}
        Whether a purchase for nothing is an error, or a purchase that adds nothing to the spend.
    decimal : {".", ","}
        What stands before the decimals of amounts in text.
    thousands : {".", ",", " ", "'"}, optional
        What stands between their groups of three digits: a point where `decimal` is a comma, else nothing.
        Spaces and apostrophes are understood in any case.
    encoding : str, optional
        Encoding of text files, such as ``"cp1252"``; UTF-8 if not given, or what their first bytes say.
    query : str, optional
        One SELECT: of a database over its tables, of files over one table called ``data``. Without it a
        database must have exactly one table with the columns.
    pseudonym_key : str or bytes, optional
        A secret of 16 bytes or more. With it every customer is known by a pseudonym, the first 16 digits of
        HMAC-SHA-256 of the id, from here on; the same id and key give the same pseudonym everywhere.

    Returns
    -------
    Transactions
        A lazy view of the accepted rows with the counts of the rejected ones.

    Raises
    ------
    InputError
        If the source cannot be read, has no rows, lacks a column or has one of a type that cannot be used, if
        the amounts are in several currencies, or if the key is too short.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"who": ["a", "a", None], "day": ["2025-01-01", "2025-01-09", "2025-01-03"]})
    >>> transactions = read_transactions(frame, customer="who", time="day")
    >>> transactions.rows_accepted, transactions.rejected_by_reason
    (2, {'missing customer': 1})
    """
    written = Numbers(decimal, thousands)
    groups = (by,) if isinstance(by, str) else tuple(by)
    needed, perhaps = (customer, time, *groups), ()
    if amount is not None and amount.isidentifier():
        needed = (customer, time, amount, *groups)
    elif amount is not None:
        # The columns of an expression need not be there: its text may be the name of one.
        perhaps = (amount, *columns_in(amount))
    table = open_source(source, needed, query, perhaps, encoding, decimal)
    if amount is not None and amount not in table.types:
        # What is computed is written with a decimal point, whatever it is computed from.
        table, written = with_amount(table, amount, written), Numbers()
    quick = None if written == Numbers() else written
    schema = Schema(customer, time, amount, time_format, timezone, returns, zero_amounts, quick)
    schema.check(table)
    if pseudonym_key is not None:
        table = give_pseudonyms(table, schema, pseudonym_key, groups)
    return transactions_of(table, schema, groups, written, lines=True)


def transactions_of(
    table: Source, schema: Schema, groups: tuple[str, ...], numbers: Numbers, *, lines: bool
) -> Transactions:
    """Return the transactions of an opened table, every row checked.

    Parameters
    ----------
    table : Source
    schema : Schema
        Without `numbers` amounts are first read as computers write them.
    groups : tuple of str
        Columns that group customers.
    numbers : Numbers
        How amounts are written where that does not do.
    lines : bool
        Whether lines of text files that came to no row count as rejected.

    Raises
    ------
    InputError
        If there are no rows, or amounts in several currencies.
    """
    verdicts, reasons = _verdicts(schema, table)
    if UNREADABLE_AMOUNT in reasons and schema.numbers is None:
        # Most amounts are plain numbers, and looking for signs of currencies in all of them would take time.
        schema = replace(schema, numbers=numbers)
        verdicts, reasons = _verdicts(schema, table)
    if lines:
        reasons |= table.lines_without_row(sum(reasons.values()))
    rows_read = sum(reasons.values())
    if not rows_read:
        raise InputError(f"{table.label} has no rows", "one purchase or more", "check the source")
    none: dict[str, Any] = {"n": 0, "zero": 0, "negative": 0}
    accepted = next((row for row in verdicts if row["reason"] is None), none)
    if len(signs := sorted(accepted.get("currencies") or ())) > 1:
        raise InputError(
            f"amounts in several currencies ({', '.join(signs)}) in {table.label}",
            "one currency",
            "convert them, or read one at a time by a query",
        )
    reasons.pop(None, None)
    return Transactions(
        source=table.label,
        schema=schema,
        by=groups,
        rows_read=rows_read,
        rows_accepted=accepted["n"],
        rows_zero=accepted["zero"],
        rows_negative=accepted["negative"],
        dates=Dates.of(accepted, schema.timezone),
        rejected_by_reason={str(reason): n for reason, n in sorted(reasons.items())},
        sha256=table.fingerprint(_sums(accepted)),
        table=table,
    )


def _verdicts(schema: Schema, table: Source) -> tuple[list[dict[str, Any]], dict[str | None, int]]:
    """Count the rows of each reason, and add up the accepted ones; the second is only the counts.

    What the first says of rejected rows beside their number means nothing: to leave them out takes its time.
    """
    currency = schema.currency(table.types)
    judged = schema.judged(table, {"currency": currency})
    digested = table.view(
        "digested",
        f"""SELECT *, CAST(moment AS DATE) AS day
FROM {with_digests(judged, schema.text_customers(table))}""",
    )
    # Numbers carry no sign of a currency; to list none of them for every day takes longer than to add up all.
    listed = "list(DISTINCT currency) FILTER (accepted AND currency <> '')"
    currencies = "CAST([] AS VARCHAR[])" if currency == "''" else listed
    # No row is counted for what the schema rejects.
    zero = "count(*) FILTER (amount = 0 AND NOT negative)" if schema.may_be_zero else "0"
    negative = "count(*) FILTER (negative)" if schema.may_be_negative else "0"
    by_day = table.view(
        "verdicts_by_day",
        f"""SELECT reason, day, count(*) AS n, {zero} AS zero, {negative} AS negative,
count(*) FILTER (zoned) AS zoned, min(moment) AS first, max(moment) AS last, max(instant) AS instant,
sum(digest) AS digests, sum(epoch_us(moment)) AS moments, sum(amount) FILTER (accepted) AS amounts,
{currencies} AS currencies
FROM {digested} GROUP BY reason, day""",
    )
    sums = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in ("n", "zero", "negative", "zoned"))
    view = table.view(
        "verdicts",
        f"""SELECT reason, {sums}, bool_or(last <> day) AS clocked,
min(first) AS first, max(last) AS last, max(instant) AS instant,
sum(digests) AS digests, sum(moments) AS moments, sum(amounts) AS amounts,
list({{'day': day, 'n': n}}) FILTER (day IS NOT NULL) AS days,
list_distinct(flatten(list(currencies))) AS currencies
FROM {by_day} GROUP BY reason""",
    )
    verdicts = table.run(f"FROM {view}").to_pylist()
    return verdicts, {row["reason"]: row["n"] for row in verdicts}


def _sums(accepted: dict[str, Any]) -> str:
    return ":".join(str(accepted.get(name)) for name in ("n", "digests", "moments", "amounts"))
