"""From a table of contracts to renewals: how often each customer renewed, and who left."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.contract import UNREADABLE_LINE, Contract, ident, literal
from bayes_cx.data.rejected import rejected_sql, write_rejected
from bayes_cx.data.sources import Source, open_source
from bayes_cx.data.summary import NO_GROUP, column, numbered_groups, sum_of
from bayes_cx.data.transactions import check_options
from bayes_cx.errors import InputError
from bayes_cx.kinds import CONTRACTS

__all__ = ["summarise_contracts"]


def summarise_contracts(
    contracts: Any,
    *,
    customer: str,
    start: str,
    end: str,
    until: Any,
    unit: str = "month",
    by: Sequence[str] | str = (),
    time_format: str | None = None,
    timezone: str = "UTC",
    query: str | None = None,
    rejected: str | os.PathLike[str] | None = None,
    hide: Callable[[str], str] | None = None,
) -> xr.Dataset:
    """Reduce contracts to the renewals that each customer made.

    A contract that starts on day s comes up for renewal on s + 1 unit, s + 2 units, ... of the calendar: the
    31st of January is followed by the last of February. With e its end, u the end of observation::

        renewals that came up:  n = greatest i with s + i units <= u
        the one not made:       t = smallest i >= 1 with s + i units >= e
        t <= n:  T = t, churned = 1        otherwise, or without an end:  T = n, churned = 0

    Whether `end` names the last day or the day after it makes no difference. A contract that has ended, but
    whose next renewal lies after u, counts as one still running: those who will renew then cannot be seen yet
    either, so that counting only the others would make customers look less loyal than they are.

    Parameters
    ----------
    contracts : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        One row a customer; what `read_transactions` accepts.
    customer, start, end : str
        Columns with the customer, the first day of the contract and its end, empty while it runs. Of several
        contracts of a customer the first counts and the others are rejected.
    until : str, date or datetime
        Last observed day. An end after it was not known then, so that such a contract runs.
    unit : {"hour", "day", "week", "month", "year"}
        Time from one renewal to the next.
    by : str or sequence of str
        Columns to keep as groups.
    time_format, timezone, query
        As for `read_transactions`; both times have the same format.
    rejected : path, optional
        Where to write the rejected rows with their number and reason, as `Transactions.write_rejected` does.
    hide : callable, optional
        Makes the pseudonyms of customers in that file; see there.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, in order: ``T`` (int64, whole periods), ``churned`` (int64: 1 if the customer left
        at the T-th renewal, 0 if still a customer after T renewals) and the groups (text). The attributes
        tell unit, period, source, fingerprint, how many rows were rejected, and why (as JSON), and
        ``contracts_ending``: those that have ended and whose next renewal lies after `until`.

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
    clock = Clock(unit, timezone)
    contract = Contract(customer, start, time_format=time_format, timezone=timezone)
    names = (by,) if isinstance(by, str) else tuple(by)
    table = open_source(contracts, (customer, start, end, *names), query)
    groups = numbered_groups(names, table.types)
    check_options(table, contract)
    last = clock.step_of(until)
    judge = _judge(table, contract, end, f"TIMESTAMP {literal(clock.iso(last))}", clock, groups)

    verdicts = table.run(f"SELECT reason, count(*) AS n FROM ({judge(table.sql, {})}) GROUP BY reason")
    reasons = {row["reason"]: row["n"] for row in verdicts.to_pylist()}
    if lines := table.run(table.unreadable_lines()).num_rows:
        reasons[UNREADABLE_LINE] = lines
    rows_read = sum(reasons.values())
    reasons.pop(None, None)
    reasons = dict(sorted(reasons.items()))
    if rejected is not None:
        roles = {"customer": customer, "start": start, "end": end}
        kept = None if hide is None else tuple(roles.values())
        found = rejected_sql(table, judge, customer, lines=UNREADABLE_LINE in reasons, kept=kept)
        write_rejected(table, found, rejected, roles, hide)

    found = table.run(f"{_renewals_sql(judge(table.sql, {}), unit)} ORDER BY customer")
    if not found.num_rows:
        counts = ", ".join(f"{n} {reason}" for reason, n in reasons.items())
        raise InputError(
            f"no contract in {table.label} is left (rejected rows: {counts or 'none'})",
            f"contracts that started until {clock.iso(last)}",
            "check the columns, the time format and the end of observation",
        )
    data = {
        "T": ("customer", column(found, "T"), {"meaning": "renewals"}),
        "churned": ("customer", column(found, "churned"), {"meaning": "left at the T-th renewal"}),
        "periods": ("customer", column(found, "made"), {"meaning": "renewals that could have been"}),
    }
    # Added up, because their order says nothing.
    digest = int(column(found, "digest").sum())
    attrs = {
        "kind": CONTRACTS.key,
        "unit": unit,
        "until": clock.iso(last),
        "period_start": clock.iso(clock.steps_of(column(found, "begins")).min()),
        "period_end": clock.iso(last),
        "source": table.label,
        "sha256": hashlib.sha256(f"{found.num_rows}:{digest}".encode()).hexdigest(),
        "rows_read": rows_read,
        "rows_rejected": sum(reasons.values()),
        "rejected": json.dumps(reasons),
        "varying": json.dumps(dict.fromkeys(groups.values(), 0)),
        "contracts_ending": int(sum_of(found, "ending")),
    }
    kinds = {name: ("customer", column(found, prefix)) for prefix, name in groups.items()}
    return xr.Dataset(data | kinds, coords={"customer": column(found, "customer")}, attrs=attrs)


def _judge(
    table: Source, contract: Contract, end: str, until: str, clock: Clock, groups: dict[str, str]
) -> Callable[[str, dict[str, str]], str]:
    """Return what writes the query for all rows, typed and judged, with further columns."""
    ends, running = _ends(table, contract, end)
    step = clock.step
    own = {"ends": f"date_trunc('{step}', {ends})", "running": running}
    own |= {
        prefix: f"coalesce(CAST({ident(name)} AS VARCHAR), {literal(NO_GROUP)})"
        for prefix, name in groups.items()
    }
    first = ", ".join(["begins", "ends", *groups])

    def typed(rows: str, extra: dict[str, str]) -> str:
        verdict = (
            "CASE WHEN reason IS NOT NULL THEN replace(reason, ' time', ' start') "
            "WHEN NOT running AND (ends IS NULL OR NOT isfinite(ends)) THEN 'unreadable end' "
            "WHEN ends < begins THEN 'end before start' "
            f"WHEN begins > {until} THEN 'start after the end of observation' END"
        )
        judged = (
            f"SELECT * REPLACE ({verdict} AS reason), {until} AS until FROM ("
            f"SELECT *, date_trunc('{step}', moment) AS begins "
            f"FROM ({contract.typed(rows, table.types, own | extra)}))"
        )
        # The order does not depend on that of the rows, so that the same contract counts in every query.
        place = f"row_number() OVER (PARTITION BY customer, reason ORDER BY {first})"
        again = f"CASE WHEN reason IS NULL AND {place} > 1 THEN 'duplicate customer' ELSE reason END"
        return f"SELECT * REPLACE ({again} AS reason) FROM ({judged})"

    return typed


def _ends(table: Source, contract: Contract, end: str) -> tuple[str, str]:
    """Write the end of a contract as a timestamp, and the test for none; a column may be quite empty."""
    try:
        return replace(contract, time=end).moment(table.types)
    except InputError:
        found = table.run(f"SELECT 1 FROM {table.sql} WHERE {ident(end)} IS NOT NULL LIMIT 1")
        if found.num_rows:
            raise
        return "CAST(NULL AS TIMESTAMP)", "true"


def _renewals_sql(judged: str, unit: str) -> str:
    add = f"to_{unit}s(CAST(over AS {'BIGINT' if unit == 'hour' else 'INTEGER'}))"
    spans = (
        f"SELECT *, datesub('{unit}', begins, until) AS made, datesub('{unit}', begins, ends) AS over "
        f"FROM ({judged}) WHERE reason IS NULL"
    )
    left = (
        f"SELECT *, greatest(1, CASE WHEN begins + {add} < ends THEN over + 1 ELSE over END) AS missed "
        f"FROM ({spans})"
    )
    # 32 bits of each row's SHA-256, so that their sum fits 64.
    digest = "substr(sha256(concat_ws(chr(31), customer, epoch_us(begins), epoch_us(ends))), 1, 8)"
    return (
        "SELECT *, CASE WHEN churned = 1 THEN missed ELSE made END AS T, "
        "CAST(churned = 0 AND ends <= until AS BIGINT) AS ending, "
        f"CAST('0x' || {digest} AS BIGINT) AS digest "
        "FROM (SELECT *, CAST(ends IS NOT NULL AND missed <= made AS BIGINT) AS churned "
        f"FROM ({left}))"
    )
