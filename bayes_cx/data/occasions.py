"""Purchase occasions: what one customer bought on one day (or in one hour) is one purchase."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from bayes_cx.data.contract import AFTER_END, CANCELLED, UNMATCHED_RETURN, ident, literal
from bayes_cx.data.transactions import Transactions
from bayes_cx.data.units import UNITS, check_unit
from bayes_cx.errors import InputError

__all__ = ["Clock", "left_out_sql", "occasions_sql", "reasons_within"]

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Clock:
    """Time counted in whole steps since 1970: hours when the unit is the hour, else calendar days.

    Differences of steps are exact, so recency and age carry no rounding from times of day.

    Parameters
    ----------
    unit : {"hour", "day", "week", "month", "year"}
        The unit that results are expressed in.
    """

    unit: str

    def __post_init__(self) -> None:
        check_unit(self.unit)

    @property
    def step(self) -> timedelta:
        """Length of a step."""
        return timedelta(hours=1) if self.unit == "hour" else timedelta(days=1)

    @property
    def steps_per_unit(self) -> float:
        """Number of steps in one unit."""
        return 1.0 if self.unit == "hour" else UNITS[self.unit]

    @property
    def sql(self) -> str:
        """SQL for the step that a ``moment`` lies in."""
        if self.unit == "hour":
            return "epoch_us(date_trunc('hour', moment)) // 3600000000"
        return "CAST(CAST(moment AS DATE) - DATE '1970-01-01' AS BIGINT)"

    def number(self, moment: Any, timezone: str = "UTC") -> int:
        """Return the step that a date or time lies in; in hours, a date alone means its last hour."""
        when, is_date = _datetime(moment, timezone)
        if self.unit == "hour" and is_date:
            when += timedelta(hours=23)
        return (when - _EPOCH) // self.step

    def iso(self, number: int) -> str:
        """Write a step as an ISO date, or as date and hour."""
        when = _EPOCH + int(number) * self.step
        return when.isoformat(timespec="minutes") if self.unit == "hour" else when.date().isoformat()

    def numbers(self, moments: np.ndarray) -> np.ndarray:
        """Return the steps that an array of datetime64 lies in."""
        seconds = moments.astype("datetime64[s]").astype("int64")
        return seconds // int(self.step.total_seconds())

    def moments(self, numbers: np.ndarray) -> np.ndarray:
        """Return the beginnings of steps as datetime64."""
        seconds = np.asarray(numbers, "int64") * int(self.step.total_seconds())
        return seconds.astype("datetime64[s]")


def _datetime(moment: Any, timezone: str) -> tuple[datetime, bool]:
    """Read a date or time, without zone; tell whether it was a date alone."""
    try:
        if isinstance(moment, str):
            is_date = len(moment.strip()) <= len("1997-09-30")
            when = datetime.fromisoformat(moment.strip())
        elif isinstance(moment, np.datetime64):
            is_date = np.datetime_data(moment.dtype)[0] in {"D", "W", "M", "Y"}
            when = moment.astype("datetime64[us]").item()
        else:
            is_date = not isinstance(moment, datetime)
            when = datetime(moment.year, moment.month, moment.day) if is_date else moment
        if when.tzinfo is not None:
            when = when.astimezone(ZoneInfo(timezone))
        return datetime(when.year, when.month, when.day, when.hour, when.minute, when.second), is_date
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"date {moment!r}", "a date such as '1997-09-30'", "write it in ISO form") from error


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
    clock = Clock(unit)
    end = clock.number(until, transactions.contract.timezone)
    late = f"WHEN {clock.sql} > {end} THEN {literal(AFTER_END)}"
    if transactions.returns != "net":
        return transactions.rejected_sql(f"CASE WHEN reason IS NOT NULL THEN reason {late} END", kept=kept)
    joins = (
        f"LEFT JOIN ({_homes_sql(transactions, end, clock)}) AS homes "
        f"ON typed.reason IS NULL AND typed.customer = homes.customer AND {clock.sql} = homes.d "
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
        f"SELECT customer, {clock.sql} AS d, {money}, count(*) AS n{kept} "
        f"FROM ({rows}) WHERE reason IS NULL AND {clock.sql} <= {until} GROUP BY customer, d"
    )
