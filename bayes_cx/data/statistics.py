"""What all statistics of purchases have beside their columns of time: money, groups, attributes."""

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import xarray as xr

from bayes_cx.data.log_amounts import log_columns
from bayes_cx.data.nothing_left import nothing_left
from bayes_cx.data.occasions import Occasions
from bayes_cx.data.sources import Source
from bayes_cx.data.transactions import Transactions
from bayes_cx.kinds import Kind

__all__ = ["column", "complete", "marked", "sum_of", "undated"]


def complete(
    transactions: Transactions,
    occasions: Occasions,
    table: pa.Table,
    data: dict[str, Any],
    kind: Kind,
    counted: str = "occasions",
) -> xr.Dataset:
    """Return statistics with the columns that all of them have: money, first day, groups; and attributes.

    Parameters
    ----------
    transactions : Transactions
    occasions : Occasions
        Those that were summarised.
    table : pyarrow.Table
        One row a customer: ``customer``, ``x``, ``first`` (step), ``n`` (rows), the groups and, with amounts,
        ``spend_sum``, ``first_spend`` and, of repeat purchases, ``n_paid`` (those not free), ``logs`` and
        ``log_squares``; see `log_amounts`.
    data : dict
        Variables over ``customer``.
    kind : Kind
    counted : str
        What x counts.

    Raises
    ------
    InputError
        If there is no customer.
    """
    clock, end = occasions.clock, occasions.end
    left_out = occasions.reasons(transactions.rows_accepted, int(sum_of(table, "n")))
    rejected = dict(sorted((transactions.rejected_by_reason | left_out).items()))
    if not table.num_rows:
        schema = transactions.schema
        raise nothing_left(
            transactions.table,
            f"purchases up to {clock.iso(end)}" if transactions.rows_accepted else "purchases",
            rejected,
            lambda cell: schema.judged(transactions.table, cell),
            schema.roles,
        )
    first = column(table, "first")
    if transactions.has_amount:
        x, total = column(table, "x"), column(table, "spend_sum")
        mean = np.divide(total, x, out=np.full(len(x), np.nan), where=x > 0)
        data["spend"] = ("customer", mean, {"meaning": f"mean spend of repeat {counted}"})
        data["spend_sum"] = ("customer", total, {"meaning": f"total spend of repeat {counted}"})
        data["first_spend"] = (
            "customer",
            column(table, "first_spend"),
            {"meaning": "spend of the first occasion"},
        )
        paid = column(table, "n_paid")
        mean_log, sd_log = log_columns(paid, column(table, "logs"), column(table, "log_squares"))
        data["paid"] = ("customer", paid, {"meaning": f"repeat {counted} that were not free"})
        data["log_spend"] = ("customer", mean_log, {"meaning": "mean log spend of these"})
        data["log_spend_sd"] = ("customer", sd_log, {"meaning": "standard deviation of the same"})
    data["first"] = ("customer", clock.times_of(first), {"meaning": "first occasion"})
    for prefix, name in occasions.groups.items():
        data[name] = ("customer", column(table, prefix))
    attrs = {
        "kind": kind.key,
        "unit": clock.unit,
        "until": clock.iso(end),
        "period_start": clock.iso(first.min()),
        "period_end": clock.iso(end),
        "source": transactions.source,
        "sha256": transactions.sha256,
        **marked(transactions.table),
        "returns": transactions.returns,
        "zero_amounts": transactions.schema.zero_amounts,
        "rows_read": transactions.rows_read,
        "rows_zero": transactions.rows_zero,
        "rows_rejected": sum(rejected.values()),
        "rejected": json.dumps(rejected),
        "remarks": json.dumps(transactions.remarks),
        "rejected_amounts": json.dumps(dict(sorted(transactions.rejected_amounts().items()))),
        "varying": json.dumps(
            {name: int(sum_of(table, f"{prefix}_varies")) for prefix, name in occasions.groups.items()}
        ),
    }
    return xr.Dataset(data, coords={"customer": column(table, "customer")}, attrs=attrs)


def marked(source: Source) -> dict[str, str]:
    """Return the attribute that says that the customers are pseudonyms, where they are."""
    return {"pseudonyms": source.pseudonyms} if source.pseudonymous else {}


def undated(kind: Kind, unit: str, source: str, rows: int, content: str) -> dict[str, str | int]:
    """Return the attributes of statistics that were computed elsewhere: no dates, and every row used."""
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
        "rejected_amounts": "{}",
        "remarks": "[]",
    }


def column(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as an array: numbers as they are, text as objects."""
    return table.column(name).to_numpy()


def sum_of(table: pa.Table, name: str) -> float:
    """Add up a column, 0 if it is empty."""
    return float(np.nansum(column(table, name).astype(float))) if table.num_rows else 0.0
