"""From purchases to the few numbers per customer that the models need."""

from collections.abc import Sequence
from typing import Any

import pyarrow.compute as pc
import xarray as xr

from bayes_cx.data import groups
from bayes_cx.data.log_amounts import squared_sql, whole_sql
from bayes_cx.data.occasions import Occasions
from bayes_cx.data.statistics import column, complete
from bayes_cx.data.transactions import Transactions, check_transactions
from bayes_cx.data.weekly import repeats_by_week, week_sql
from bayes_cx.kinds import PURCHASES
from bayes_cx.kinds.purchases import relative

__all__ = ["summarise"]


def summarise(
    transactions: Transactions,
    until: Any = None,
    unit: str = "week",
    by: Sequence[str] | str | None = None,
    regularity: bool = False,
) -> xr.Dataset:
    """Reduce purchases to the statistics of each customer.

    Purchases of one customer on one calendar day are one occasion (in one hour, when the unit is the hour:
    then hours take the place of days, and those that pass count, also over a change of summer time).
    With day numbers d_0 < ... < d_x of the occasions and u of the end of observation::

        x = number of occasions - 1,  t_x = (d_x - d_0) / days per unit,  T = (u - d_0) / days per unit

    Parameters
    ----------
    transactions : Transactions
        From `read_transactions`.
    until : str, date or datetime, optional
        Last observed day (in hours: a time means its hour, a date its last hour, or its first if the data
        have no times of day); the last day of the data by default. Later purchases are counted as rejected.
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
        (mean of the repeat occasions, NaN where x is 0), ``spend_sum`` (their total), ``first_spend`` (first
        occasion), ``paid`` (int64, repeat occasions that were not free), and the mean and the standard
        deviation (divided by their number) of the logarithms of what they were worth, ``log_spend`` and
        ``log_spend_sd``, NaN where there is none. The attributes tell unit, period, source, fingerprint of
        the input and how many rows were rejected, and why (as JSON); ``varying`` (as JSON) counts the
        customers whose group changed; ``remarks`` (as JSON) are sentences on dates that stand alone and on
        zones; ``repeats_by_week`` (as JSON) counts the repeat occasions of all customers by week, named by
        its Monday.

    Raises
    ------
    InputError
        If no purchase is left or a group column does not exist; if `until` is not given and the last date
        stands alone, far after all others.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_transactions
    >>> frame = pd.DataFrame({"who": ["a", "a", "b"], "day": ["2025-01-01", "2025-01-15", "2025-01-08"]})
    >>> stats = summarise(read_transactions(frame, customer="who", time="day"), until="2025-01-29")
    >>> stats.x.values, stats.t_x.values, stats["T"].values
    (array([1, 0]), array([2., 0.]), array([4., 3.]))
    """
    check_transactions(transactions)
    occasions = transactions.occasions(until, unit, by)
    found = occasions.source.run(f"FROM {_customers_and_weeks(occasions, regularity)}")
    clock = occasions.clock
    table, weeks = (found.filter(rows) for rows in (pc.field("week").is_null(), pc.field("week").is_valid()))
    first, last, x = (column(table, name) for name in ("first", "last", "x"))
    data: dict[str, Any] = {
        "x": ("customer", x, {"meaning": "repeat purchase occasions"}),
        "t_x": ("customer", clock.length(first, last), {"unit": unit}),
        "T": ("customer", clock.length(first, occasions.end), {"unit": unit}),
    }
    if regularity:
        values = relative(column(table, "log_gaps"), x, last - first)
        data["regularity"] = ("customer", values, {"meaning": "sum of log(gap / t_x)"})
    bought, n = column(weeks, "week"), column(weeks, "x") + 1
    return complete(transactions, occasions, table, data, PURCHASES).assign_attrs(
        repeats_by_week=repeats_by_week(bought, n, first, clock)
    )


def _customers_and_weeks(occasions: Occasions, regularity: bool) -> str:
    """Return the view of the customers, in order, and after them of the weeks, from one pass over all."""
    bought, log_gaps = occasions.view, ""
    if regularity:
        since = "ln(d - lag(d) OVER (PARTITION BY customer ORDER BY d))"
        bought = occasions.source.view("gaps", f"SELECT *, {since} AS log_gap FROM {bought}")
        # Fixed-point, so that neither the order of the rows nor that of the gaps can change the sum.
        log_gaps = ",\nCAST(coalesce(sum(CAST(log_gap AS DECIMAL(38, 15))), 0) AS DOUBLE) AS log_gaps"
    logs = _logs(occasions)
    totals = occasions.source.view(
        "totals",
        f"""SELECT customer, {week_sql(occasions.clock)} AS week, count(*) - 1 AS x,
min(d) AS first, max(d) AS last, CAST(sum(n) AS BIGINT) AS n,
sum(paid) AS paid, arg_min(paid, d) AS first_paid{log_gaps}{logs}{groups.of_customers(occasions.groups)}
FROM {bought} GROUP BY GROUPING SETS ((customer), (week))""",
    )
    amounts = ""
    if occasions.schema.amount is not None:
        # What the first purchase was worth does not count; NULL where it was free, as in the sums.
        first = {"logs": whole_sql("first_paid"), "log_squares": squared_sql("first_paid")}
        sums = (f"CAST({name} - coalesce({sql}, 0) AS DOUBLE) AS {name}" for name, sql in first.items())
        amounts = ", ".join(["", "CAST(n_paid - CAST(first_paid > 0 AS INT) AS BIGINT) AS n_paid", *sums])
    left_out = "paid, first_paid, n_paid, logs, log_squares" if amounts else "paid, first_paid"
    both = occasions.source.view(
        "customers_and_weeks",
        f"""SELECT * EXCLUDE ({left_out}), CAST(paid - first_paid AS DOUBLE) AS spend_sum,
CAST(first_paid AS DOUBLE) AS first_spend{amounts} FROM {totals} ORDER BY customer NULLS LAST, week""",
    )
    # Nothing here reads it: it is for who wants to look at the steps.
    occasions.source.view("customers", f"SELECT * EXCLUDE (week) FROM {both} WHERE week IS NULL")
    return both


def _logs(occasions: Occasions) -> str:
    """Return SQL for the number of paid occasions, and the sums of their log amounts and of the squares."""
    if occasions.schema.amount is None:
        return ""
    return f""",
count(*) FILTER (paid > 0) AS n_paid, coalesce(sum({whole_sql("paid")}), 0) AS logs,
coalesce(sum({squared_sql("paid")}), 0) AS log_squares"""
