"""Split the observation in time: a calibration period to fit, and a hold-out period to test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data.occasions import Occasions, step_sql
from bayes_cx.data.statistics import column
from bayes_cx.data.summarise import summarise
from bayes_cx.data.summarise_opportunities import opportunities_after, summarise_opportunities
from bayes_cx.data.transactions import Transactions, check_transactions
from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["Split", "split"]


@dataclass(frozen=True)
class Split:
    """Statistics of the calibration period, and what happened in the hold-out period.

    Attributes
    ----------
    calibration : xarray.Dataset
        Statistics up to the end of calibration, as from `summarise`.
    holdout : xarray.Dataset
        Over the same customers in the same order: ``x_holdout`` (int64, purchase occasions in the hold-out
        period; of opportunities, those taken) and, with amounts, ``spend_holdout`` (their total). Attributes
        ``start`` and ``end`` (first and last day of the period), ``length`` in ``unit``, ``new_customers``
        (who bought first in the hold-out period and are left out) and ``rows_after_end``.
    tracking : xarray.Dataset
        Over ``period``, each one unit long and counted from the first day of the data: ``start``
        (datetime64), ``observed`` (int64, repeat occasions of the calibration customers), ``first_purchases``
        (int64, new customers) and ``observed_share`` (less than 1 for a last period cut off by the end). The
        attribute ``calibration_periods`` is the number of whole periods in calibration. Of opportunities, a
        period holds one of each customer, counted from the cut: the j-th of n in calibration stands in period
        ``calibration_periods - n + j - 1``, the j-th after it in period ``calibration_periods + j - 1``;
        ``customers`` (int64, who had one in that period) takes the place of ``first_purchases``.
    """

    calibration: xr.Dataset
    holdout: xr.Dataset
    tracking: xr.Dataset

    def __repr__(self) -> str:
        n, later = self.calibration.sizes["customer"], self.holdout.attrs
        span = f"{later.get('start', '?')} to {later.get('end', '?')}"
        until = self.calibration.attrs.get("until", "?")
        return f"<Split of {n:,} customers: calibration until {until}, hold-out {span}>"

    def _repr_html_(self) -> str:
        return html("split", self)


def split(
    transactions: Transactions,
    calibration_end: Any,
    holdout_end: Any = None,
    unit: str = "week",
    by: Sequence[str] | str | None = None,
    regularity: bool = False,
    opportunities: bool = False,
) -> Split:
    """Split purchases into statistics up to a day and what the same customers did after it.

    Parameters
    ----------
    transactions : Transactions
        From `read_transactions`.
    calibration_end : str, date or datetime
        Last day of calibration.
    holdout_end : str, date or datetime, optional
        Last day of the hold-out period; the last day of the data by default.
    unit : {"hour", "day", "week", "month", "year"}
        Unit of the statistics, of ``length`` and of the tracking periods.
    by : str or sequence of str, optional
        Columns to keep as groups; see `summarise`.
    regularity : bool
        Whether calibration has the column ``regularity``; see `summarise`.
    opportunities : bool
        Whether to count whole opportunities, as `summarise_opportunities` does. The hold-out period of a
        customer then begins with the first opportunity that calibration has not counted, up to one `unit`
        before its end, and is equally many opportunities long for all: the whole units between the two ends.

    Returns
    -------
    Split
        Calibration statistics, hold-out truth and purchases by period. With ``returns="net"`` money returned
        after the end of calibration is taken off hold-out purchases only: calibration knows what was known at
        its end.

    Raises
    ------
    InputError
        If no time lies between the two ends (for opportunities: no whole one on each side), or no purchase
        before the first end.

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_transactions
    >>> days = ["2025-01-01", "2025-01-09", "2025-01-20", "2025-01-28"]
    >>> frame = pd.DataFrame({"who": list("aaab"), "day": days})
    >>> transactions = read_transactions(frame, customer="who", time="day")
    >>> parts = split(transactions, "2025-01-14")
    >>> parts.holdout.x_holdout.values, parts.holdout.attrs["length"], parts.holdout.attrs["new_customers"]
    (array([1]), 2.0, 1)
    """
    check_transactions(transactions)
    if opportunities and regularity:
        raise InputError("regularity=True with opportunities=True", "one of the two", "leave one of them out")
    if opportunities:
        calibration = summarise_opportunities(transactions, calibration_end, unit, by)
    else:
        calibration = summarise(transactions, calibration_end, unit, by, regularity)
    known, later = (transactions.occasions(end, unit, by=()) for end in (calibration_end, holdout_end))
    clock = known.clock
    if later.end <= known.end:
        raise InputError(
            f"the hold-out period ends on {clock.iso(later.end)} and calibration on {clock.iso(known.end)}",
            "a hold-out period after calibration",
            "move calibration_end back or holdout_end forward",
        )
    if opportunities:
        holdout, tracking = opportunities_after(calibration, known, later)
    else:
        holdout = _holdout(calibration, known.end, later)
        tracking = _tracking(calibration, known.end, later)
    # The last whole opportunity may end before the end that was asked for.
    left = _rows_after(later.until(clock.step_of(holdout.attrs["end"])))
    return Split(calibration, holdout.assign_attrs(rows_after_end=left), tracking)


def _holdout(calibration: xr.Dataset, cut: int, occasions: Occasions) -> xr.Dataset:
    clock, end = occasions.clock, occasions.end
    table = occasions.source.run(
        f"""SELECT customer, count(*) FILTER (d > {cut}) AS x,
coalesce(CAST(sum(paid) FILTER (d > {cut}) AS DOUBLE), 0) AS spend
FROM {occasions.view} GROUP BY customer"""
    )
    # Customers whose purchases were all cancelled by later returns are missing here: they made no purchase.
    customers = pd.Index(column(table, "customer"))
    position = customers.get_indexer(pd.Index(calibration.customer.values))
    found = position >= 0
    data = {"x_holdout": ("customer", np.where(found, column(table, "x")[position], 0))}
    if occasions.schema.amount is not None:
        data["spend_holdout"] = ("customer", np.where(found, column(table, "spend")[position], 0.0))
    attrs = {
        "unit": clock.unit,
        "start": clock.iso(cut + 1),
        "end": clock.iso(end),
        "length": clock.length(cut, end),
        "new_customers": int(len(customers) - found.sum()),
    }
    return xr.Dataset(data, coords={"customer": calibration.customer}, attrs=attrs)


def _tracking(calibration: xr.Dataset, cut: int, occasions: Occasions) -> xr.Dataset:
    clock, end = occasions.clock, occasions.end
    begin, length = clock.step_of(calibration.attrs["period_start"]), clock.steps_per_unit
    dated = occasions.source.view(
        "dated", f"SELECT d, min(d) OVER (PARTITION BY customer) AS first FROM {occasions.view}"
    )
    table = occasions.source.run(
        f"""SELECT CAST(floor((d - {begin}) / {length}) AS BIGINT) AS period,
count(*) FILTER (d > first AND first <= {cut}) AS observed, count(*) FILTER (d = first) AS first_purchases
FROM {dated} GROUP BY period"""
    )
    steps = end - begin + 1
    periods = int(np.ceil(steps / length))
    index = column(table, "period")
    counts = {name: np.zeros(periods, np.int64) for name in ("observed", "first_purchases")}
    for name, values in counts.items():
        inside = index >= 0
        values[index[inside]] = column(table, name)[inside]
    number = np.arange(periods)
    data = {name: ("period", values) for name, values in counts.items()}
    data["start"] = ("period", clock.starts(begin, number))
    data["observed_share"] = ("period", np.minimum(1.0, steps / length - number))
    attrs = {
        "unit": clock.unit,
        "start": clock.iso(begin),
        "end": clock.iso(end),
        "calibration_periods": clock.periods(begin, cut + 1),
    }
    return xr.Dataset(data, coords={"period": number}, attrs=attrs)


def _rows_after(occasions: Occasions) -> int:
    """Return the number of accepted rows after the end."""
    rows = occasions.schema.judged(occasions.source)
    table = occasions.source.run(
        f"SELECT count(*) AS n FROM {rows} WHERE accepted AND {step_sql(occasions.clock)} > {occasions.end}"
    )
    return int(column(table, "n")[0])
