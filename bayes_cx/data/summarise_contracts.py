"""From a table of contracts to renewals: how often each customer renewed, and who left."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.dates import Dates
from bayes_cx.data.groups import NO_GROUP, as_text, numbered
from bayes_cx.data.nothing_left import nothing_left
from bayes_cx.data.occasions import hour_sql
from bayes_cx.data.pseudonyms import give_pseudonyms
from bayes_cx.data.rejected import rejected_rows, write_rejected
from bayes_cx.data.schema import Schema
from bayes_cx.data.sources import NO_ROWS, Source, open_source
from bayes_cx.data.sql import ident, literal
from bayes_cx.data.statistics import column, marked, sum_of
from bayes_cx.data.time_sql import OUT_OF_YEARS, TimeSQL
from bayes_cx.errors import InputError
from bayes_cx.kinds import CONTRACTS

__all__ = ["ContractTable", "open_contracts", "summarise_contracts"]

_OUT_OF_YEARS = OUT_OF_YEARS.replace("time", "start")


def summarise_contracts(
    contracts: Any,
    *,
    customer: str,
    start: str,
    end: str,
    until: Any,
    amount: str | None = None,
    unit: str = "month",
    by: Sequence[str] | str = (),
    time_format: str | None = None,
    timezone: str = "UTC",
    encoding: str | None = None,
    query: str | None = None,
    rejected: str | os.PathLike[str] | None = None,
    pseudonym_key: str | bytes | None = None,
) -> xr.Dataset:
    """Reduce contracts to the renewals that each customer made.

    A contract that starts on day s comes up for renewal on s + 1 unit, s + 2 units, ... of the calendar: the
    31st of January is followed by the last of February. With e its end, u the end of observation::

        renewals that came up:  n = greatest i with s + i units <= u
        the one not made:       t = smallest i >= 1 with s + i units >= e
        t <= n:  T = t, churned = 1        otherwise, or without an end:  T = n, churned = 0

    Whether `end` names the last day or the day after it makes no difference. A contract that has ended, but
    whose next renewal lies after u, has churned = 0: those who will renew then cannot be seen yet either, so
    that counting only the others would make customers look less loyal than they are. Such a customer has
    given notice, and the column ``notice`` says so: the next renewal will not be made.

    Parameters
    ----------
    contracts : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        One row a customer; what `read_transactions` accepts.
    customer, start, end : str
        Columns with the customer, the first day of the contract and its end, empty while it runs. Of several
        contracts of a customer the first counts and the others are rejected.
    until : str, date or datetime
        Last observed day. An end after it was not known then, so that such a contract runs.
    amount : str, optional
        Column with what the customer pays for a period; 0 for a contract that is free.
    unit : {"hour", "day", "week", "month", "year"}
        Time from one renewal to the next.
    by : str or sequence of str
        Columns to keep as groups.
    time_format, timezone, encoding, query, pseudonym_key
        As for `read_transactions`; both times have the same format.
    rejected : path, optional
        Where to write the rejected rows with their number and reason, as `Transactions.write_rejected` does.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, in order: ``T`` (int64, whole periods), ``churned`` (int64: 1 if the customer left
        at the T-th renewal, 0 if still a customer after T renewals), ``periods`` (int64, renewals that could
        have been until `until`), ``notice`` (int64: 1 if the contract has ended and its next renewal lies
        after `until`, else 0), ``amount`` (float64, if asked for; pass it to `lifetime_value` as `spend`) and
        the groups (text). The attributes tell unit, period, source, fingerprint, how many rows were rejected,
        and why (as JSON), and ``contracts_ending``, the number of customers who have given notice.

    Raises
    ------
    InputError
        If the source cannot be read, lacks a column or has one of a type that cannot be used, or if no
        contract is left.

    Examples
    --------
    >>> import pandas as pd
    >>> ends = ["2025-02-28", None, "2025-04-01"]
    >>> frame = pd.DataFrame({"who": list("abc"), "from": "2025-01-31", "to": ends})
    >>> stats = summarise_contracts(frame, customer="who", start="from", end="to", until="2025-05-15")
    >>> stats["T"].values, stats.churned.values
    (array([1, 3, 3]), array([1, 0, 1]))
    """
    table = open_contracts(
        contracts,
        customer=customer,
        start=start,
        end=end,
        amount=amount,
        by=by,
        time_format=time_format,
        timezone=timezone,
        encoding=encoding,
        query=query,
        pseudonym_key=pseudonym_key,
    )
    return table.summarise(until, unit, rejected)


def open_contracts(
    contracts: Any,
    *,
    customer: str,
    start: str,
    end: str,
    amount: str | None = None,
    by: Sequence[str] | str = (),
    time_format: str | None = None,
    timezone: str = "UTC",
    encoding: str | None = None,
    query: str | None = None,
    pseudonym_key: str | bytes | None = None,
) -> "ContractTable":
    """Return a table of contracts, ready to be summarised; see `summarise_contracts`."""
    schema = Schema(customer, start, amount, time_format, timezone, zero_amounts="keep")
    names = (by,) if isinstance(by, str) else tuple(by)
    source = open_source(contracts, (*schema.columns, end, *names), query, (), encoding)
    groups = numbered(names, source.types)
    schema.check(source)
    if pseudonym_key is not None:
        source = give_pseudonyms(source, schema, pseudonym_key, names)
    return ContractTable(source, schema, end, groups)


@dataclass(frozen=True)
class ContractTable:
    """A table of contracts, which can be summarised as of any day.

    Attributes
    ----------
    source : Source
    schema : Schema
        Of the customer, the start and the amount.
    end : str
        Column with the end.
    groups : mapping of str to str
        Group columns: prefix in queries -> name.
    """

    source: Source
    schema: Schema
    end: str
    groups: Mapping[str, str]

    def summarise(self, until: Any, unit: str, rejected: str | os.PathLike[str] | None = None) -> xr.Dataset:
        """Return the statistics as of a day; see `summarise_contracts`."""
        clock, source = Clock(unit, self.schema.timezone), self.source
        last = clock.step_of(until, 23 if unit != "hour" or self._with_clock() else 0)
        contracts = self.contracts(last, clock)
        verdicts = source.run(
            f"""SELECT reason, CASE WHEN reason IS NULL THEN CAST(begins AS DATE) END AS day, count(*) AS n,
count(*) FILTER (zoned) AS zoned FROM {contracts} GROUP BY reason, day"""
        ).to_pylist()
        reasons = Counter[str | None]()
        for row in verdicts:
            reasons[row["reason"]] += row["n"]
        began = [row for row in verdicts if row["reason"] is None]
        zoned = sum(row["zoned"] for row in began)
        dates = Dates.of({"n": reasons[None], "zoned": zoned, "days": began}, self.schema.timezone)
        reasons.update(source.lines_without_row(reasons.total()))
        rows_read = reasons.total()
        rejections = {reason: n for reason, n in sorted(reasons.items(), key=str) if reason is not None}
        if rejected is not None:
            rows = rejected_rows(
                source,
                lambda extra, rows: self.contracts(last, clock, extra, rows),
                self.roles,
                lines=not NO_ROWS.isdisjoint(rejections),
            )
            write_rejected(source, rows, rejected)

        found = source.run(f"FROM {self.renewals(last, clock)}")
        if not found.num_rows:
            cells = partial(self.contracts, last, clock)
            expected = f"contracts that started until {clock.iso(last)}"
            raise nothing_left(source, expected, rejections, cells, self.roles)
        data = {
            "T": ("customer", column(found, "T"), {"meaning": "renewals"}),
            "churned": ("customer", column(found, "churned"), {"meaning": "left at the T-th renewal"}),
            "periods": ("customer", column(found, "made"), {"meaning": "renewals that could have been"}),
            "notice": ("customer", column(found, "ending"), {"meaning": "ended before the next renewal"}),
        }
        if self.schema.amount is not None:
            data["amount"] = ("customer", column(found, "paid"), {"meaning": "paid for a period"})
        # A sum, so that the order of the rows does not matter.
        digest = int(column(found, "digest").sum())
        attrs = {
            "kind": CONTRACTS.key,
            "unit": unit,
            "until": clock.iso(last),
            "period_start": clock.iso(clock.steps_of(column(found, "begins")).min()),
            "period_end": clock.iso(last),
            "source": source.label,
            "sha256": source.fingerprint(f"{found.num_rows}:{digest}"),
            **marked(source),
            "rows_read": rows_read,
            "rows_rejected": sum(rejections.values()),
            "rejected": json.dumps(rejections),
            "remarks": json.dumps(tuple(dates.remarks())),
            "varying": json.dumps(dict.fromkeys(self.groups.values(), 0)),
            "contracts_ending": int(sum_of(found, "ending")),
        }
        groups = {name: ("customer", column(found, prefix)) for prefix, name in self.groups.items()}
        return xr.Dataset(data | groups, coords={"customer": column(found, "customer")}, attrs=attrs)

    @property
    def roles(self) -> dict[str, str]:
        """The roles of the columns, as reasons call them, with their names; the customer first."""
        paid = {} if self.schema.amount is None else {"amount": self.schema.amount}
        return {"customer": self.schema.customer, "start": self.schema.time, "end": self.end} | paid

    def contracts(
        self, last: int, clock: Clock, extra: Mapping[str, str] | None = None, rows: str | None = None
    ) -> str:
        """Return the view of all contracts, checked as of a step; `extra`, `rows` as in `Schema.judged`."""
        ends, running = self._ends(clock)
        columns = {"ends": ends, "running": running}
        columns |= {
            prefix: f"coalesce({group}, {literal(NO_GROUP)})"
            for prefix, group in as_text(self.groups).items()
        }
        until = f"TIMESTAMP {literal(str(clock.times_of(np.array(last))))}"
        dated = self.source.view(
            "dated",
            f"""SELECT * EXCLUDE (accepted),
{_begin_of_step("moment", "instant", clock)} AS begins, {until} AS until
FROM {self.schema.judged(self.source, columns | dict(extra or {}), rows)}""",
        )
        start = (
            f"replace(replace(reason, ' time', ' start'), {literal(OUT_OF_YEARS)}, {literal(_OUT_OF_YEARS)})"
        )
        possible = self.source.view(
            "possible",
            f"""SELECT * REPLACE (CASE WHEN reason IS NOT NULL THEN {start}
WHEN NOT running AND ends IS NULL THEN 'unreadable end'
WHEN ends < begins THEN 'end before start'
WHEN begins > until THEN 'start after the end of observation' END AS reason)
FROM {dated}""",
        )
        # The order does not depend on that of the rows, so that the same contract counts in every query.
        order = ", ".join(["begins", "ends", *self.groups])
        place = f"row_number() OVER (PARTITION BY customer, reason ORDER BY {order})"
        return self.source.view(
            "contracts",
            f"""SELECT * REPLACE (
CASE WHEN reason IS NULL AND {place} > 1 THEN 'duplicate customer' ELSE reason END AS reason)
FROM {possible}""",
        )

    def _end_time(self) -> TimeSQL:
        """Return the SQL that reads the ends; one far in the future, such as 9999-12-31, stays there."""
        return replace(self.schema, time=self.end).read_time(self.source.types).clipped()

    def _ends(self, clock: Clock) -> tuple[str, str]:
        """Return SQL for the step in which a contract ends, and for the test for an empty end."""
        try:
            end = self._end_time()
        except InputError:
            found = self.source.run(
                f"SELECT 1 FROM {self.source.sql} WHERE {ident(self.end)} IS NOT NULL LIMIT 1"
            )
            if found.num_rows:
                raise
            return "CAST(NULL AS TIMESTAMP)", "true"
        return _begin_of_step(end.moment, end.instant, clock), end.missing

    def _with_clock(self) -> bool:
        """Return whether any start or end has a time of day."""
        try:
            ends = self._end_time().moment
        except InputError:
            ends = "CAST(NULL AS TIMESTAMP)"
        rows = self.schema.judged(self.source, {"ends": ends})
        found = self.source.run(
            f"SELECT 1 FROM {rows} WHERE reason IS NULL AND "
            "(moment <> date_trunc('day', moment) OR ends <> date_trunc('day', ends)) LIMIT 1"
        )
        return found.num_rows > 0

    def renewals(self, last: int, clock: Clock) -> str:
        """Return the view of the renewals of each customer as of a step, in order."""
        view, unit = self.source.view, clock.unit
        periods = view(
            "periods",
            f"""SELECT *, datesub('{unit}', begins, until) AS made, datesub('{unit}', begins, ends) AS over
FROM {self.contracts(last, clock)} WHERE reason IS NULL""",
        )
        whole = f"to_{unit}s(CAST(over AS {'BIGINT' if unit == 'hour' else 'INTEGER'}))"
        missed = view(
            "missed",
            f"""SELECT *, greatest(1, CASE WHEN begins + {whole} < ends THEN over + 1 ELSE over END) AS missed
FROM {periods}""",
        )
        left = view(
            "left_or_not",
            f"SELECT *, CAST(ends IS NOT NULL AND missed <= made AS BIGINT) AS churned FROM {missed}",
        )
        # 32 bits of each row's SHA-256, so that their sum fits 64.
        digest = (
            "substr(sha256(concat_ws(chr(31), customer, epoch_us(begins), epoch_us(ends), amount)), 1, 8)"
        )
        return view(
            "renewals",
            f"""SELECT *, CASE WHEN churned = 1 THEN missed ELSE made END AS T,
CAST(coalesce(churned = 0 AND ends <= until, false) AS BIGINT) AS ending,
CAST(amount AS DOUBLE) AS paid, CAST('0x' || {digest} AS BIGINT) AS digest
FROM {left} ORDER BY customer""",
        )


def _begin_of_step(moment: str, instant: str, clock: Clock) -> str:
    """Return SQL for the beginning of the step of a clock that a time lies in: a day, or an hour in UTC."""
    return hour_sql(moment, instant) if clock.step == "hour" else f"date_trunc('day', {moment})"
