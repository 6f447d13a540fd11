"""Read purchases from anywhere, judge them row by row, and keep count."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import duckdb

from bayes_cx.data.contract import UNREADABLE_LINE, Contract, literal
from bayes_cx.data.rejected import rejected_sql, write_rejected
from bayes_cx.data.sources import Source, open_source
from bayes_cx.errors import InputError

__all__ = ["Transactions", "check_options", "read_transactions"]


@dataclass(frozen=True)
class Transactions:
    """Purchases that keep the contract, and the count of the rows that do not.

    Nothing is held in memory: the rows stay where they are and are read again when needed.

    Attributes
    ----------
    source : str
        Where the rows come from.
    contract : Contract
        What the columns mean and which rows are acceptable.
    by : tuple of str
        Columns that group customers.
    rows_read, rows_accepted : int
        Number of rows of the source, and of those that keep the contract.
    rows_zero : int
        Number of accepted rows with an amount of zero.
    first, last : datetime or None
        Earliest and latest time of an accepted row.
    rejected_by_reason : dict of str to int
        Number of rejected rows for each reason; one reason a row, the first that applies.
    sha256 : str
        Fingerprint of the accepted rows (customer, time, amount), whatever their order: SHA-256 of their
        number and of the sums over them of time, amount and the first 60 bits of each row's own SHA-256. It
        tells data sets apart; it does not prove that nobody forged one.
    """

    source: str
    contract: Contract
    by: tuple[str, ...]
    rows_read: int
    rows_accepted: int
    rows_zero: int
    first: datetime | None
    last: datetime | None
    rejected_by_reason: dict[str, int]
    sha256: str
    table: Source = field(repr=False)

    def _repr_html_(self) -> str:
        from bayes_cx.reprs import transactions_html

        return transactions_html(self)

    @property
    def returns(self) -> str:
        """What is done with negative amounts: reject, net or ignore."""
        return self.contract.returns

    @property
    def has_amount(self) -> bool:
        """Whether amounts were given."""
        return self.contract.amount is not None

    @property
    def rows_rejected(self) -> int:
        """Number of rejected rows."""
        return sum(self.rejected_by_reason.values())

    @property
    def accepted(self) -> duckdb.DuckDBPyRelation:
        """The accepted rows: customer, time and amount, returns included with ``"net"``. Lazy."""
        amount = ", amount" if self.has_amount else ""
        return self.table.connection.sql(
            f"SELECT customer, moment AS time{amount} FROM ({self.typed()}) WHERE reason IS NULL"
        )

    @property
    def rejected(self) -> duckdb.DuckDBPyRelation:
        """The rejected rows: row number (from 1), reason, original values. A lazy DuckDB relation."""
        return self.table.connection.sql(self.rejected_sql())

    def typed(self, extra: dict[str, str] | None = None) -> str:
        """Write the query for all rows, typed and judged; see `Contract.typed`."""
        return self.contract.typed(self.table.sql, self.table.types, extra)

    def write_rejected(
        self,
        path: str | os.PathLike[str],
        until: Any = None,
        unit: str = "day",
        hide: Callable[[str], str] | None = None,
    ) -> None:
        """Write the rejected rows with their number, reason and original values.

        Parameters
        ----------
        path : path
            A new file; Parquet if it ends in ``.parquet``, else CSV in which no text runs as a formula.
        until : date, optional
            End of observation: rows that `summarise` leaves out for it, or for returns, are written too.
        unit : str
            The unit given to `summarise`; only ``"hour"`` makes a difference.
        hide : callable, optional
            Makes the pseudonym of a customer, which then stands in the CSV for the id, as in the statistics.
            Only the columns of the contract are written with it: any other may name the customer as well. Of
            a row with an unreadable time or amount, both are hidden.

        Raises
        ------
        InputError
            If the file cannot be written, or pseudonyms are asked for in Parquet.

        Notes
        -----
        ``row`` counts the readable rows of the source from 1. A line of a text file that could not be split
        into the columns of its header has no row number; it is written as it stands, with the number of the
        line, but not under pseudonyms.
        """
        from bayes_cx.data.occasions import left_out_sql

        kept = None if hide is None else self.contract.columns
        sql = self.rejected_sql(kept=kept) if until is None else left_out_sql(self, until, unit, kept)
        write_rejected(self.table, sql, path, self.contract.roles, hide)

    def rejected_sql(self, reason: str = "reason", joins: str = "", kept: Sequence[str] | None = None) -> str:
        """Write the query for the rejected rows, in order; see `rejected.rejected_sql`."""
        return rejected_sql(
            self.table,
            lambda table, extra: self.contract.typed(table, self.table.types, extra),
            self.contract.customer,
            lines=UNREADABLE_LINE in self.rejected_by_reason,
            reason=reason,
            joins=joins,
            kept=kept,
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
    returns: Literal["reject", "net", "ignore"] = "reject",
    zero_amounts: Literal["reject", "keep"] = "reject",
    query: str | None = None,
) -> Transactions:
    """Read purchases and judge every row against the contract.

    Parameters
    ----------
    source : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        A CSV file (also gzipped; separated by comma, semicolon, tab, bar or spaces), a Parquet file, several
        of a kind, a folder or a pattern; a pandas or polars frame; anything that exports an Arrow stream; the
        file of an SQLite or DuckDB database, or an address for DuckDB's ATTACH such as
        ``"postgres:dbname=shop"``, with `query`.
    customer : str
        Column with the customer: text, kept to the letter (``'00001'``), or whole numbers. All of a CSV file
        is text.
    time : str
        Column with the time of purchase: dates, timestamps with or without zone, or ISO text.
    amount : str, optional
        Column with the amount paid. Amounts are kept to nine decimals and added without rounding error.
    by : str or sequence of str
        Columns that group customers, such as a segment.
    time_format : str, optional
        Format of times in text or whole numbers, for example ``"%d.%m.%Y"``, or ``"%Y%m%d"`` for 19970131.
    timezone : str
        Calendar days are those of this zone for times that carry a zone; times without one stay as written.
    returns : {"reject", "net", "ignore"}
        What to do with negative amounts. ``"reject"``: they are errors. ``"ignore"``: they are left out and
        counted. ``"net"``: the money is taken off the customer's most recent purchase of that day or before;
        a purchase of which nothing remains is no purchase. Every remaining purchase then has a positive
        amount, as models of spend need.
    zero_amounts : {"reject", "keep"}
        Whether a purchase for nothing is an error, or a purchase that adds nothing to the spend.
    query : str, optional
        SQL that selects the rows when `source` is a database.

    Returns
    -------
    Transactions
        A lazy view of the accepted rows with the counts of the rejected ones.

    Raises
    ------
    InputError
        If the source cannot be read, has no rows, lacks a column or has one of a type that cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"who": ["a", "a", None], "day": ["2025-01-01", "2025-01-09", "2025-01-03"]})
    >>> transactions = read_transactions(frame, customer="who", time="day")
    >>> transactions.rows_accepted, transactions.rejected_by_reason
    (2, {'missing customer': 1})
    """
    contract = Contract(customer, time, amount, time_format, timezone, returns, zero_amounts)
    groups = (by,) if isinstance(by, str) else tuple(by)
    table = open_source(source, (*contract.columns, *groups), query)
    check_options(table, contract)
    verdicts = table.run(_verdicts_sql(contract, table)).to_pylist()
    reasons = {row["reason"]: row["n"] for row in verdicts}
    if lines := table.run(table.unreadable_lines()).num_rows:
        reasons[UNREADABLE_LINE] = lines
    rows_read = sum(reasons.values())
    if not rows_read:
        raise InputError(f"{table.label} has no rows", "one purchase or more", "check the source")
    accepted = next(
        (row for row in verdicts if row["reason"] is None), {"n": 0, "zero": 0, "first": None, "last": None}
    )
    reasons.pop(None, None)
    return Transactions(
        source=table.label,
        contract=contract,
        by=groups,
        rows_read=rows_read,
        rows_accepted=accepted["n"],
        rows_zero=accepted["zero"],
        first=accepted["first"],
        last=accepted["last"],
        rejected_by_reason=dict(sorted(reasons.items())),
        sha256=_sha256(accepted),
        table=table,
    )


def _verdicts_sql(contract: Contract, table: Source) -> str:
    # 60 bits of each row's SHA-256, because they fit a BIGINT and their sum cannot overflow.
    row = "sha256(concat_ws(chr(31), customer, epoch_us(moment), amount))"
    accepted = "FILTER (reason IS NULL)"
    return (
        "SELECT reason, count(*) AS n, count(*) FILTER (amount = 0) AS zero, "
        f"min(moment) {accepted} AS first, max(moment) {accepted} AS last, "
        f"sum(CAST('0x' || substr(digest, 1, 15) AS BIGINT)) AS digests, "
        f"sum(epoch_us(moment)) {accepted} AS moments, sum(amount) {accepted} AS amounts "
        f"FROM (SELECT *, CASE WHEN reason IS NULL THEN {row} END AS digest "
        f"FROM ({contract.typed(table.sql, table.types)})) GROUP BY reason"
    )


def _sha256(accepted: dict[str, Any]) -> str:
    sums = ":".join(str(accepted.get(name)) for name in ("n", "digests", "moments", "amounts"))
    return hashlib.sha256(sums.encode()).hexdigest()


def check_options(table: Source, contract: Contract) -> None:
    """Let DuckDB try the zone and the format once, so that a wrong one is not taken for wrong rows."""
    trials = [
        (
            f"SELECT timezone({literal(contract.timezone)}, now())",
            f"timezone={contract.timezone!r}",
            "a name such as 'Europe/Berlin'",
        ),
    ]
    if contract.time_format is not None:
        trials.append(
            (
                f"SELECT try_strptime('x', {literal(contract.time_format)})",
                f"time_format={contract.time_format!r}",
                "a format such as '%Y%m%d'",
            )
        )
    for sql, came, expected in trials:
        try:
            table.connection.sql(sql).fetchall()
        except duckdb.Error as error:
            raise InputError(came, expected, f"correct it ({str(error).splitlines()[0]})") from error
