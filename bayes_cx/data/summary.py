"""From purchases to the few numbers per customer that the models need."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.contract import literal
from bayes_cx.data.occasions import occasions_sql, reasons_within
from bayes_cx.data.transactions import Transactions
from bayes_cx.errors import InputError
from bayes_cx.kinds import KINDS, PURCHASES, Kind
from bayes_cx.kinds.purchases import relative

__all__ = [
    "NO_GROUP",
    "column",
    "complete",
    "group_columns",
    "groups_sql",
    "last_step",
    "numbered_groups",
    "summarise",
    "undated",
]

# What stands for a customer whose group was never given.
NO_GROUP = "missing"

_STATISTICS = {"customer", "row", "weight"}.union(*(kind.columns for kind in KINDS.values()))


def summarise(
    transactions: Transactions,
    until: Any = None,
    unit: str = "week",
    by: Sequence[str] | str | None = None,
    regularity: bool = False,
) -> xr.Dataset:
    """Reduce purchases to the statistics of each customer.

    Purchases of one customer on one calendar day are one occasion (in one hour, when the unit is the hour).
    With day numbers d_0 < ... < d_x of the occasions and u of the end of observation::

        x = number of occasions - 1,  t_x = (d_x - d_0) / days per unit,  T = (u - d_0) / days per unit

    Parameters
    ----------
    transactions : Transactions
        From `read_transactions`.
    until : str, date or datetime, optional
        Last observed day (in hours: a time means its hour, a date its last hour); the last day of the data by
        default. Later purchases are counted as rejected.
    unit : {"hour", "day", "week", "month", "year"}
        Unit of t_x and T. A month is 30.4375 days, a year 365.25.
    by : str or sequence of str, optional
        Columns to keep as groups, those named in `read_transactions` by default. A customer has the last
        known value up to the end of observation.
    regularity : bool
        Whether to compute the column ``regularity``, which models of regular buyers need: the sum over the
        gaps between occasions of log(gap / t_x), 0 where x is 0 or 1. It has no unit, is never positive and
        largest, -x log x, where all gaps are equal.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, in order: ``x`` (int64, repeat purchase occasions), ``t_x`` and ``T`` (float64, in
        `unit`), ``first`` (datetime64, first occasion) and the groups (text). With amounts also ``spend``
        (mean of the repeat occasions, NaN where x is 0), ``spend_sum`` (their total) and ``first_spend``
        (first occasion). The attributes tell unit, period, source, fingerprint of the input and how many rows
        were rejected, and why (as JSON); ``varying`` (as JSON) counts the customers whose group changed.

    Raises
    ------
    InputError
        If no purchase is left or a group column does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_transactions
    >>> frame = pd.DataFrame({"who": ["a", "a", "b"], "day": ["2025-01-01", "2025-01-15", "2025-01-08"]})
    >>> stats = summarise(read_transactions(frame, customer="who", time="day"), until="2025-01-29")
    >>> stats.x.values, stats.t_x.values, stats["T"].values
    (array([1, 0]), array([2., 0.]), array([4., 3.]))
    """
    clock = Clock(unit, transactions.contract.timezone)
    groups = group_columns(transactions, by)
    end = last_step(transactions, until, clock)
    table = transactions.table.run(_customers_sql(transactions, end, clock, groups, regularity))
    first, last, x = (column(table, name) for name in ("first", "last", "x"))
    data: dict[str, Any] = {
        "x": ("customer", x, {"meaning": "repeat purchase occasions"}),
        "t_x": ("customer", clock.length(first, last), {"unit": unit}),
        "T": ("customer", clock.length(first, end), {"unit": unit}),
    }
    if regularity:
        values = relative(column(table, "log_gaps"), x, last - first)
        data["regularity"] = ("customer", values, {"meaning": "sum of log(gap / t_x)"})
    return complete(transactions, table, data, groups, end, clock, PURCHASES)


def complete(
    transactions: Transactions,
    table: pa.Table,
    data: dict[str, Any],
    groups: dict[str, str],
    end: int,
    clock: Clock,
    kind: Kind,
    occasions: str = "occasions",
) -> xr.Dataset:
    """Add to the statistics of time what every summary has: money, first day, groups and attributes.

    Parameters
    ----------
    transactions : Transactions
    table : pyarrow.Table
        One row a customer: ``customer``, ``x``, ``first`` (step), ``n`` (rows), the groups and, with amounts,
        ``spend_sum`` and ``first_spend``.
    data : dict
        Variables over ``customer``.
    groups : dict of str to str
        From `group_columns`.
    end : int
        Last observed step of `clock`.
    clock : Clock
    kind : Kind
    occasions : str
        What x counts.

    Raises
    ------
    InputError
        If there is no customer.
    """
    rejected = reasons_within(transactions, end, clock, int(sum_of(table, "n")))
    if not table.num_rows:
        counts = ", ".join(f"{n} {reason}" for reason, n in rejected.items())
        raise InputError(
            f"no purchase in {transactions.source} is left (rejected rows: {counts})",
            f"purchases up to {clock.iso(end)}",
            "check the columns, the time format and the end of observation",
        )
    first = column(table, "first")
    if transactions.has_amount:
        x, total = column(table, "x"), column(table, "spend_sum")
        mean = np.divide(total, x, out=np.full(len(x), np.nan), where=x > 0)
        data["spend"] = ("customer", mean, {"meaning": f"mean spend of repeat {occasions}"})
        data["spend_sum"] = ("customer", total, {"meaning": f"total spend of repeat {occasions}"})
        data["first_spend"] = (
            "customer",
            column(table, "first_spend"),
            {"meaning": "spend of the first occasion"},
        )
    data["first"] = ("customer", clock.times_of(first), {"meaning": "first occasion"})
    for prefix, name in groups.items():
        data[name] = ("customer", column(table, prefix))
    attrs = {
        "kind": kind.key,
        "unit": clock.unit,
        "until": clock.iso(end),
        "period_start": clock.iso(first.min()),
        "period_end": clock.iso(end),
        "source": transactions.source,
        "sha256": transactions.sha256,
        "returns": transactions.returns,
        "zero_amounts": transactions.contract.zero_amounts,
        "rows_read": transactions.rows_read,
        "rows_zero": transactions.rows_zero,
        "rows_rejected": sum(rejected.values()),
        "rejected": json.dumps(rejected),
        "varying": json.dumps(
            {name: int(sum_of(table, f"{prefix}_varies")) for prefix, name in groups.items()}
        ),
    }
    return xr.Dataset(data, coords={"customer": column(table, "customer")}, attrs=attrs)


def undated(kind: Kind, unit: str, source: str, rows: int, content: str) -> dict[str, str | int]:
    """Return the attributes of statistics that were counted elsewhere: no dates, and every row used."""
    return {
        "kind": kind.key,
        "unit": unit,
        "until": "",
        "period_start": "",
        "period_end": "",
        "source": source,
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "rows_read": rows,
        "rows_rejected": 0,
        "rejected": "{}",
    }


def group_columns(transactions: Transactions, by: Sequence[str] | str | None) -> dict[str, str]:
    """Return the groups to keep, by default those that the transactions name; see `numbered_groups`."""
    return numbered_groups(transactions.by if by is None else by, transactions.table.types)


def numbered_groups(by: Sequence[str] | str, types: dict[str, str]) -> dict[str, str]:
    """Number the group columns, so that their names cannot meet ours in SQL: prefix -> name."""
    names = (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in types:
            known = ", ".join(map(repr, types))
            raise InputError(f"no column {name!r} to group by", f"one of {known}", "check the spelling")
        if name in _STATISTICS:
            raise InputError(f"group column {name!r}", "a name that is no statistic", "rename the column")
    return {f"group_{position}": name for position, name in enumerate(names)}


def last_step(transactions: Transactions, until: Any, clock: Clock) -> int:
    """Return the last observed step; that of the last accepted row if none is given."""
    if until is not None:
        return clock.step_of(until)
    return 0 if transactions.last is None else clock.step_of(transactions.last)


def _customers_sql(
    transactions: Transactions, end: int, clock: Clock, groups: dict[str, str], regularity: bool
) -> str:
    occasions, log_gaps = occasions_sql(transactions, end, clock, groups), ""
    if regularity:
        since = "ln(d - lag(d) OVER (PARTITION BY customer ORDER BY d))"
        occasions = f"SELECT *, {since} AS log_gap FROM ({occasions})"
        # Fixed-point, so that neither the order of the rows nor that of the gaps can change the sum.
        log_gaps = ", CAST(coalesce(sum(CAST(log_gap AS DECIMAL(38, 15))), 0) AS DOUBLE) AS log_gaps"
    return (
        "SELECT * EXCLUDE (paid, first_paid), CAST(paid - first_paid AS DOUBLE) AS spend_sum, "
        "CAST(first_paid AS DOUBLE) AS first_spend FROM ("
        "SELECT customer, count(*) - 1 AS x, min(d) AS first, max(d) AS last, CAST(sum(n) AS BIGINT) AS n, "
        f"sum(paid) AS paid, arg_min(paid, d) AS first_paid{log_gaps}{groups_sql(groups)} "
        f"FROM ({occasions}) GROUP BY customer) ORDER BY customer"
    )


def groups_sql(groups: dict[str, str]) -> str:
    """Write what to select for the groups of a customer: last known value, and whether it ever changed."""
    return "".join(
        f", coalesce(max({name}_last).value, {literal(NO_GROUP)}) AS {name}"
        f", CAST(min({name}_min) <> max({name}_max) AS INTEGER) AS {name}_varies"
        for name in groups
    )


def column(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as an array: numbers as they are, text as objects."""
    return table.column(name).to_numpy()


def sum_of(table: pa.Table, name: str) -> float:
    """Add up a column, 0 if it is empty."""
    return float(np.nansum(column(table, name).astype(float))) if table.num_rows else 0.0
