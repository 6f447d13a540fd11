"""From purchases to opportunities taken, where time is counted in whole weeks, months or campaigns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data import groups
from bayes_cx.data.log_amounts import squared_sql, whole_sql
from bayes_cx.data.occasions import Occasions
from bayes_cx.data.statistics import column, complete, sum_of
from bayes_cx.data.transactions import Transactions, check_transactions
from bayes_cx.errors import InputError
from bayes_cx.kinds import OPPORTUNITIES

__all__ = ["opportunities_after", "summarise_opportunities"]


def summarise_opportunities(
    transactions: Transactions,
    until: Any = None,
    unit: str = "week",
    by: Sequence[str] | str | None = None,
) -> xr.Dataset:
    """Reduce purchases to the opportunities that each customer took.

    A customer's i-th opportunity is the span ((i - 1) unit, i unit] after the day of the first purchase. It
    is taken if there is a purchase in it, however many. Only those that had passed at the end of observation
    count: with day numbers d_0 of the first purchase and u of the end::

        n = floor((u - d_0) / days per unit),  x = number of the n that were taken,
        t_x = number of the last one taken, 0 if none was

    Parameters
    ----------
    transactions, until, by
        As for `summarise`.
    unit : {"hour", "day", "week", "month", "year"}
        Length of an opportunity. A month is 30.4375 days, a year 365.25.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, in order: ``x``, ``t_x`` and ``n`` (int64), ``first`` and the groups. With amounts
        also ``spend`` (mean of the opportunities taken, NaN where x is 0), ``spend_sum`` (their total),
        ``first_spend`` (first day), ``paid``, ``log_spend`` and ``log_spend_sd``, as from `summarise`. The
        attributes are those of `summarise` and ``occasions_unfinished``, the number of purchase occasions
        left out because their opportunity had not passed.

    Raises
    ------
    InputError
        If no purchase is left or a group column does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_transactions
    >>> days = ["2025-01-01", "2025-01-10", "2025-01-15", "2025-01-24"]
    >>> transactions = read_transactions(pd.DataFrame({"who": 7, "day": days}), customer="who", time="day")
    >>> stats = summarise_opportunities(transactions, until="2025-01-25")
    >>> stats.x.values, stats.t_x.values, stats.n.values, stats.attrs["occasions_unfinished"]
    (array([1]), array([2]), array([3]), 1)
    """
    check_transactions(transactions)
    occasions = transactions.occasions(until, unit, by)
    table = occasions.source.run(f"FROM {_customers(occasions)}")
    data: dict[str, Any] = {
        "x": ("customer", column(table, "x"), {"meaning": "opportunities taken"}),
        "t_x": ("customer", column(table, "t_x"), {"meaning": "the last opportunity taken"}),
        "n": ("customer", column(table, "passed"), {"meaning": "opportunities that passed"}),
    }
    stats = complete(transactions, occasions, table, data, OPPORTUNITIES, "opportunities")
    return stats.assign_attrs(occasions_unfinished=int(sum_of(table, "unfinished")))


def opportunities_after(
    calibration: xr.Dataset, known: Occasions, all_of_them: Occasions
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return what happened after the end of calibration, by customer and by opportunity; see `split`.

    Parameters
    ----------
    calibration : xarray.Dataset
        From `summarise_opportunities`, of the occasions `known`.
    known, all_of_them : Occasions
        Until the end of calibration, and until the end of the data to use.

    Returns
    -------
    holdout, tracking : xarray.Dataset
        As in `Split`.

    Raises
    ------
    InputError
        If not one whole opportunity lies on each side of the cut.
    """
    clock, cut, has_amount = known.clock, known.end, known.schema.amount is not None
    ahead, passed = clock.periods(cut, all_of_them.end), calibration["n"].to_numpy()
    if not (passed.max() and ahead):
        raise InputError(
            f"{passed.max()} whole {clock.unit}s before the end of calibration and {ahead} after it",
            "one or more on each side",
            "move calibration_end, or choose a shorter unit",
        )
    begun = known.source.view(
        "begun", f"SELECT customer, min(d) AS first FROM {known.view} GROUP BY customer"
    )
    before, after = (_taken(occasions, begun, cut) for occasions in (known, all_of_them))
    kept = (column(after, "ahead") > 0) & (column(after, "ahead") <= ahead)
    later, paid = column(after, "ahead")[kept], column(after, "paid")[kept]
    customers = pd.Index(calibration["customer"].to_numpy())
    who = customers.get_indexer(pd.Index(column(after, "customer")[kept]))
    data: dict[str, Any] = {"x_holdout": ("customer", np.bincount(who, minlength=passed.size))}
    if has_amount:
        data["spend_holdout"] = ("customer", np.bincount(who, paid, minlength=passed.size))
    last = cut + int(ahead * clock.steps_per_unit)
    attrs = {
        "unit": clock.unit,
        "start": clock.iso(cut + 1),
        "end": clock.iso(last),
        "length": float(ahead),
        "new_customers": _newcomers(all_of_them.until(last), begun),
    }
    holdout = xr.Dataset(data, coords={"customer": calibration["customer"]}, attrs=attrs)
    earlier = column(before, "ahead")
    tracking = _tracking(passed, np.concatenate([earlier[earlier <= 0], later]), cut, ahead, clock)
    return holdout, tracking


def _tracking(passed: np.ndarray, taken: np.ndarray, cut: int, ahead: int, clock: Clock) -> xr.Dataset:
    """Return the opportunities taken by period; `taken` numbers the first after the cut 1."""
    known = int(passed.max())
    number = np.arange(known + ahead)
    start = clock.starts(cut + 1, number - known)
    first = np.bincount(known - passed, minlength=number.size)
    data = {
        "start": start,
        "observed": np.bincount(taken + known - 1, minlength=number.size),
        "customers": np.cumsum(first),
        "observed_share": np.ones(number.size),
    }
    attrs = {
        "unit": clock.unit,
        "start": clock.iso(int(clock.steps_of(start)[0])),
        "end": clock.iso(cut + int(ahead * clock.steps_per_unit)),
        "calibration_periods": known,
    }
    variables = {name: ("period", values) for name, values in data.items()}
    return xr.Dataset(variables, coords={"period": number}, attrs=attrs)


def _number_sql(step: str, clock: Clock) -> str:
    """Return SQL for the number of the opportunity in which a step lies, 0 for the first purchase itself."""
    # A quotient of whole steps that is a whole number has no rounding error, so the limits are exact.
    return f"CAST(ceil(({step} - first) / {clock.steps_per_unit}) AS BIGINT)"


def _passed_sql(end: int, clock: Clock) -> str:
    return f"CAST(floor(({end} - first) / {clock.steps_per_unit}) AS BIGINT)"


def _customers(occasions: Occasions) -> str:
    """Return the view of the customers, in order."""
    source, clock = occasions.source, occasions.clock
    dated = source.view(
        "dated", f"SELECT *, min(d) OVER (PARTITION BY customer) AS first FROM {occasions.view}"
    )
    numbered = source.view(
        "occasions_numbered",
        f"SELECT *, {_number_sql('d', clock)} AS number, {_passed_sql(occasions.end, clock)} AS passed "
        f"FROM {dated}",
    )
    each = source.view(
        "opportunities",
        f"""SELECT customer, first, passed, number, sum(paid) AS paid, sum(n) AS n,
count(*) AS occasions{groups.again(occasions.groups)}
FROM {numbered} GROUP BY customer, first, passed, number""",
    )
    taken = "FILTER (number BETWEEN 1 AND passed)"
    logs = ""
    if occasions.schema.amount is not None:
        logs = f"""count(*) FILTER (paid > 0 AND number BETWEEN 1 AND passed) AS n_paid,
CAST(coalesce(sum({whole_sql("paid")}) {taken}, 0) AS DOUBLE) AS logs,
CAST(coalesce(sum({squared_sql("paid")}) {taken}, 0) AS DOUBLE) AS log_squares,
"""
    return source.view(
        "customers",
        f"""SELECT customer, first, passed, count(*) {taken} AS x, coalesce(max(number) {taken}, 0) AS t_x,
CAST(sum(n) AS BIGINT) AS n, CAST(sum(occasions) FILTER (number > passed) AS BIGINT) AS unfinished,
{logs}CAST(coalesce(sum(paid) {taken}, 0) AS DOUBLE) AS spend_sum,
CAST(sum(paid) FILTER (number = 0) AS DOUBLE) AS first_spend{groups.of_customers(occasions.groups)}
FROM {each} GROUP BY customer, first, passed ORDER BY customer""",
    )


def _taken(occasions: Occasions, begun: str, cut: int) -> pa.Table:
    """Return the opportunities taken; the first after the cut has the number 1.

    `begun` is the view of the customers of calibration, as they were known at its end.
    """
    clock = occasions.clock
    number = f"{_number_sql('d', clock)} - {_passed_sql(cut, clock)}"
    taken = occasions.source.view(
        "taken",
        f"""SELECT customer, {number} AS ahead, CAST(sum(paid) AS DOUBLE) AS paid
FROM {occasions.view} JOIN {begun} USING (customer)
WHERE d > first GROUP BY customer, ahead ORDER BY customer, ahead""",
    )
    return occasions.source.run(f"FROM {taken}")


def _newcomers(occasions: Occasions, begun: str) -> int:
    table = occasions.source.run(
        f"SELECT count(DISTINCT customer) AS n FROM {occasions.view} ANTI JOIN {begun} USING (customer)"
    )
    return int(column(table, "n")[0])
