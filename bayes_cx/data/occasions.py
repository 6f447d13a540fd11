"""Purchase occasions: what one customer bought on one day (or in one hour) is one purchase."""

from collections.abc import Mapping, Sequence
from typing import Any

from bayes_cx.clock import Clock
from bayes_cx.data.contract import AFTER_END, CANCELLED, UNMATCHED_RETURN, ident, literal
from bayes_cx.data.transactions import Transactions

__all__ = ["left_out_sql", "occasions_sql", "reasons_within", "step_sql"]


def step_sql(clock: Clock) -> str:
    """Write SQL for the step of a clock that a ``moment`` lies in."""
    if clock.step == "hour":
        return "epoch_us(date_trunc('hour', moment)) // 3600000000"
    return "CAST(CAST(moment AS DATE) - DATE '1970-01-01' AS BIGINT)"


def occasions_sql(
    transactions: Transactions, until: int, clock: Clock, groups: Mapping[str, str] | None = None
) -> str:
    """Write the query for the purchase occasions up to the end of observation.

    Parameters
    ----------
    transactions : Transactions
        The accepted rows.
    until : int
        Last observed step of `clock`.
    clock : Clock
        How time is counted.
    groups : mapping of str to str, optional
        Group columns: prefix in the result -> column of the source.

    Returns
    -------
    str
        SQL with ``customer``, ``d`` (step), ``paid``, ``n`` (rows), and for each group its last known value
        with its time, its smallest and its greatest value.
    """
    return (
        f"SELECT * EXCLUDE (returns) FROM ({_days_sql(transactions, until, clock, groups)}) "
        "WHERE d IS NOT NULL AND (returns = 0 OR paid > 0)"
    )


def reasons_within(transactions: Transactions, until: int, clock: Clock, rows_used: int) -> dict[str, int]:
    """Count every row that is not part of an occasion up to the end of observation, by reason.

    Parameters
    ----------
    transactions, until, clock
        As for `occasions_sql`.
    rows_used : int
        Number of rows in these occasions.

    Returns
    -------
    dict of str to int
        The reasons of the contract and those that depend on the end of observation. With `rows_used` they add
        up to the rows read.
    """
    found = {}
    if transactions.returns == "net":
        row = transactions.table.run(
            "SELECT coalesce(sum(n) FILTER (d IS NULL), 0)::BIGINT AS unmatched, "
            "coalesce(sum(n) FILTER (d IS NOT NULL AND returns > 0 AND paid <= 0), 0)::BIGINT AS cancelled "
            f"FROM ({_days_sql(transactions, until, clock)})"
        ).to_pylist()[0]
        found = {UNMATCHED_RETURN: row["unmatched"], CANCELLED: row["cancelled"]}
    found[AFTER_END] = transactions.rows_accepted - rows_used - sum(found.values())
    counts = transactions.rejected_by_reason | {reason: n for reason, n in found.items() if n}
    return dict(sorted(counts.items()))


def left_out_sql(transactions: Transactions, until: Any, unit: str, kept: Sequence[str] | None = None) -> str:
    """Write the query for the rows in no occasion up to the end of observation, with their reasons.

    `kept` is that of `Transactions.rejected_sql`.
    """
    clock = Clock(unit, transactions.contract.timezone)
    end = clock.step_of(until)
    late = f"WHEN {step_sql(clock)} > {end} THEN {literal(AFTER_END)}"
    if transactions.returns != "net":
        return transactions.rejected_sql(f"CASE WHEN reason IS NOT NULL THEN reason {late} END", kept=kept)
    joins = (
        f"LEFT JOIN ({_homes_sql(transactions, end, clock)}) AS homes "
        f"ON typed.reason IS NULL AND typed.customer = homes.customer AND {step_sql(clock)} = homes.d "
        f"LEFT JOIN ({_days_sql(transactions, end, clock)}) AS days "
        "ON homes.customer = days.customer AND homes.home = days.d"
    )
    reason = (
        f"CASE WHEN reason IS NOT NULL THEN reason {late} "
        f"WHEN homes.home IS NULL THEN {literal(UNMATCHED_RETURN)} "
        f"WHEN days.returns > 0 AND days.paid <= 0 THEN {literal(CANCELLED)} END"
    )
    return transactions.rejected_sql(reason, joins, kept)


def _days_sql(
    transactions: Transactions, until: int, clock: Clock, groups: Mapping[str, str] | None = None
) -> str:
    """Write the query for the days with purchases, net of returns; `returns` counts the days with returns."""
    if transactions.returns != "net":
        return _raw_days_sql(transactions, until, clock, groups)
    kept = "".join(
        f", max({name}_last) AS {name}_last, min({name}_min) AS {name}_min, max({name}_max) AS {name}_max"
        for name in groups or {}
    )
    return (
        "SELECT customer, home AS d, sum(bought) + coalesce(sum(returned), 0) AS paid, sum(n) AS n, "
        f"count(returned) AS returns{kept} "
        f"FROM ({_homes_sql(transactions, until, clock, groups)}) GROUP BY customer, home"
    )


def _homes_sql(
    transactions: Transactions, until: int, clock: Clock, groups: Mapping[str, str] | None = None
) -> str:
    """Write the query that finds for each day the last day with a purchase: there its returns belong."""
    return (
        "SELECT *, max(d) FILTER (bought IS NOT NULL) OVER (PARTITION BY customer ORDER BY d) AS home "
        f"FROM ({_raw_days_sql(transactions, until, clock, groups)})"
    )


def _raw_days_sql(
    transactions: Transactions, until: int, clock: Clock, groups: Mapping[str, str] | None
) -> str:
    groups = groups or {}
    rows = transactions.typed({name: f"CAST({ident(column)} AS VARCHAR)" for name, column in groups.items()})
    kept = "".join(
        # The time comes first in the pair, so its maximum holds the last known value, ties broken by the
        # value.
        f", max({{'moment': moment, 'value': {name}}}) FILTER ({name} IS NOT NULL) AS {name}_last"
        f", min({name}) AS {name}_min, max({name}) AS {name}_max"
        for name in groups
    )
    if transactions.returns == "net":
        money = "sum(amount) FILTER (amount >= 0) AS bought, sum(amount) FILTER (amount < 0) AS returned"
    else:
        money = "sum(amount) AS paid, 0 AS returns"
    return (
        f"SELECT customer, {step_sql(clock)} AS d, {money}, count(*) AS n{kept} "
        f"FROM ({rows}) WHERE reason IS NULL AND {step_sql(clock)} <= {until} GROUP BY customer, d"
    )
