"""From assignments and what followed to the statistics of a trial: equal outcomes with their number."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from bayes_cx.argument_types import check_types
from bayes_cx.clock import end_of
from bayes_cx.data.assignments import Assignments
from bayes_cx.data.events import Events
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.sql import literal
from bayes_cx.data.statistics import column
from bayes_cx.data.transactions import Transactions
from bayes_cx.errors import InputError
from bayes_cx.kinds import TRIALS
from bayes_cx.spans import Span

__all__ = ["Measure", "summarise_trial"]

type Measure = Literal["conversion", "count", "value"]
"""What the outcome of a trial is: whether something happened, how often, or an amount."""

_MEASURES = get_args(Measure.__value__)


def summarise_trial(
    assigned: Any,
    outcomes: Transactions | Events | str | None = None,
    *,
    arm: str | Sequence[str],
    control: str | int | bool | Sequence[str],
    customer: str | None = None,
    time: str | None = None,
    by: Sequence[str] | str = (),
    measure: Measure | None = None,
    window: Any = None,
    before: Any = None,
    until: Any = None,
    arms: Sequence[str | int] = (),
    shares: Mapping[str, float] | None = None,
    time_format: str | None = None,
    timezone: str = "UTC",
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str | None = None,
    query: str | None = None,
    rejected: str | os.PathLike[str] | None = None,
) -> xr.Dataset:
    """Reduce a trial to the outcomes of each arm, equal ones together with their number.

    Parameters
    ----------
    assigned : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        Who was assigned to which arm, one row a customer; what `read_transactions` accepts.
    outcomes : str, Transactions or Events
        The column of `assigned` with the outcome, such as ``"visit"`` or ``"spend"``; or what customers did
        afterwards, of which what counts begins with the assignment. Purchases of one day are one.
    arm : str or sequence of str
        Column with the arm; or the columns of a factorial design, such as ``("headline", "picture")``, whose
        combinations are the arms.
    control : str, int, bool or sequence of str
        The arm that the others are compared with; the level of each factor in a factorial design.
    customer, time : str, optional
        Columns with the customer and the time of assignment. Both are needed where outcomes are events or
        purchases; without a customer each row is one.
    by : str or sequence of str
        Columns that divide customers into segments, known before the assignment.
    measure : {"conversion", "count", "value"}, optional
        What the outcome is: whether something happened, how often, or an amount. By default conversion of
        events and purchases; a column of zeros and ones is conversion, and others must be named.
    window : str, Span or timedelta, optional
        How long after the assignment an outcome counts, such as ``"30 days"``; customers whose window is not
        over are left out. By default until the end of observation, however long that is.
    before : str, Span or timedelta, optional
        Column of `assigned` with a number known before the assignment, such as last year's spend; or, where
        outcomes are purchases or events, for how long before it they are measured in the same way. What
        it explains of the outcome makes the comparison sharper.
    until : str, date or datetime, optional
        End of observation, by default the time of the last outcome.
    arms : sequence of str
        The arms that there are; a row with another one is rejected. By default all that are found.
    shares : mapping of str to float, optional
        The share of customers that each arm was to get, by default the same; see the check of the shares in
        a fit.
    time_format, timezone, decimal, thousands, encoding, query
        As for `read_transactions`.
    rejected : path, optional
        File (.csv or .parquet) to write rejected rows to, with the reason.

    Returns
    -------
    xarray.Dataset
        Over ``row``, sorted: ``arm`` (text), the factors and the segments (text), ``y`` (float64, the
        outcome), ``before`` (float64) where there is one, and ``weight`` (int64, number of customers).
        Statistics of different customers add (`add`).

    Raises
    ------
    InputError
        If a column is missing or of a wrong type, the control or every other arm has no customer, or an
        argument cannot be read.

    Notes
    -----
    A row is rejected where the customer, the arm, the time or the outcome is missing or cannot be read, and
    where the arm is unknown. Customers who were assigned to different arms are left out altogether; of one
    assigned twice to the same arm the first time counts. Outcomes before the assignment are counted, as the
    attribute ``outcomes_before``, and not used.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"mail": ["old", "new"] * 4, "bought": [0, 1, 0, 0, 1, 1, 0, 1]})
    >>> stats = summarise_trial(frame, "bought", arm="mail", control="old")
    >>> stats.to_dataframe().values.tolist()
    [['new', 0.0, 1], ['new', 1.0, 3], ['old', 0.0, 3], ['old', 1.0, 1]]
    """
    check_types(summarise_trial, locals())
    apart = not (outcomes is None or isinstance(outcomes, str))
    if apart and not isinstance(outcomes, Transactions | Events):
        raise InputError(
            f"outcomes of the type {type(outcomes).__name__}",
            "the name of a column, or what bcx.read_transactions or bcx.read_events returns",
            "read them first",
        )
    if outcomes is None:
        raise InputError("a trial without outcomes", "a column, purchases or events", "pass outcomes=")
    if apart and (customer is None or time is None):
        raise InputError(
            "outcomes in a table of their own, and assignments without customer or time",
            "both columns",
            "pass customer= and time=",
        )
    if measure is not None and measure not in _MEASURES:
        raise InputError(f"measure={measure!r}", f"one of {', '.join(_MEASURES)}", "pass one of these")
    rows = Assignments.read(
        assigned,
        arm=(arm,) if isinstance(arm, str) else tuple(arm),
        control=_levels(control),
        customer=customer,
        time=time,
        by=(by,) if isinstance(by, str) else tuple(by),
        arms=tuple(map(str, arms)),
        outcome=outcomes if isinstance(outcomes, str) else None,
        before=None if before is None or apart else str(before),
        earlier=apart and before is not None,
        numbers=Numbers(decimal, thousands),
        time_format=time_format,
        timezone=timezone,
        encoding=encoding,
        query=query,
    )
    found = _Found("", "", 0)
    if isinstance(outcomes, Transactions | Events):
        measure = measure or "conversion"
        found = _follow(rows, outcomes, measure, window, before, until)
    elif window is not None or until is not None:
        raise InputError(
            "a window for a column of outcomes",
            "outcomes with times of their own",
            "leave window and until out",
        )
    counted = rows.counted(whether=measure == "conversion")
    y = column(counted, "y").astype(float)
    measure = measure or _measure_of(y, str(outcomes))
    if measure == "count" and np.any(y != np.rint(y)):
        raise InputError(
            f"outcomes that are no whole numbers, such as {y[y != np.rint(y)][0]:g}",
            "numbers of events",
            "pass measure='value' for amounts",
        )
    data: dict[str, Any] = {"arm": ("row", column(counted, "arm"))}
    data |= {name: ("row", column(counted, prefix)) for prefix, name in rows.groups.items()}
    data["y"] = ("row", y)
    if rows.has_before:
        data["before"] = ("row", column(counted, "before").astype(float))
    data["weight"] = ("row", column(counted, "weight"))
    rejections = rows.rejected_by_reason
    if rejected is not None:
        rows.write_rejected(rejected)
    names = {*column(counted, "arm")}
    if rows.control not in names or len(names) < 2:
        raise InputError(
            f"a trial of the arms {', '.join(sorted(names)) or 'nobody was assigned to'}",
            f"the control {rows.control!r} and one arm more, with customers",
            f"check the control and the rejected rows ({rows.reasons or 'there are none'})",
        )
    planned = _shares(shares, names)
    stats = xr.Dataset(data)
    content = stats.to_dataframe().to_csv(index=False)
    return stats.assign_attrs(
        {
            "kind": TRIALS.key,
            "unit": "day",
            "until": found.until,
            "period_start": rows.first,
            "period_end": found.until,
            "source": rows.source.label
            if isinstance(outcomes, str)
            else f"{rows.source.label} + {outcomes.source}",
            "sha256": hashlib.sha256(content.encode()).hexdigest(),
            "rows_read": rows.rows_read,
            "rows_rejected": sum(rejections.values()),
            "rejected": json.dumps(rejections),
            "remarks": json.dumps(_remarks(found, y)),
            "control": rows.control,
            "measure": measure,
            "outcome": outcomes if isinstance(outcomes, str) else "",
            "window": found.window,
            "before": "" if before is None else str(before),
            "factors": json.dumps(rows.factors),
            "by": json.dumps(rows.by),
            "shares": json.dumps(planned, sort_keys=True),
            "outcomes_before": found.early,
        }
    )


@dataclass(frozen=True)
class _Found:
    """What was found of outcomes in a table of their own."""

    until: str
    window: str
    early: int


def _follow(
    rows: Assignments, outcomes: Transactions | Events, measure: Measure, window: Any, before: Any, until: Any
) -> _Found:
    """Give every assignment its outcome."""
    if outcomes.table.pseudonymous:
        raise InputError(
            "outcomes of pseudonyms",
            "the ids of the assignments",
            "read the outcomes without a pseudonym_key",
        )
    is_events = isinstance(outcomes, Events)
    if measure == "value" and not (outcomes.schema.value if is_events else outcomes.has_amount):
        raise InputError(
            "a trial of value, and outcomes without amounts",
            "outcomes with an amount",
            f"name the column of {'values' if is_events else 'amounts'} when reading them",
        )
    zone = outcomes.schema.timezone
    last = outcomes.dates.last
    if last is None or outcomes.dates.last_instant is None:
        raise InputError("no outcome that can be used", "one or more", "check the outcomes")
    by_day = not outcomes.dates.with_clock
    if until is None and by_day:
        until = last.date().isoformat()
    if until is not None:
        end = end_of(until, zone)
    else:  # which is the last that counts
        end = outcomes.dates.last_instant.replace(tzinfo=None) + timedelta(microseconds=1)
    if is_events:
        happened = f"value AS amount FROM {outcomes.rows()} WHERE customer IS NOT NULL"
    else:
        happened = f"amount FROM {outcomes.schema.judged(outcomes.table)} WHERE reason IS NULL"
    table = outcomes.table.run(
        f"""SELECT CAST(customer AS VARCHAR) AS customer, instant, CAST(moment AS DATE) AS day,
CAST(coalesce(amount, 0) AS DECIMAL(38, 9)) AS amount
FROM (SELECT customer, instant, moment, {happened})"""
    )
    spans = [_span(one, name) for one, name in ((window, "window"), (before, "before"))]
    early = rows.follow(
        table,
        # Purchases of a day are one, where rows are receipts or even positions of them.
        {
            "conversion": "count(*)",
            "count": "count(*)" if is_events else "count(DISTINCT day)",
            "value": "sum(amount)",
        }[measure],
        end=literal(end.isoformat(" ")),
        by_day=by_day,
        window=None if spans[0] is None else spans[0].in_unit("second"),
        before=None if spans[1] is None else spans[1].in_unit("second"),
    )
    return _Found(
        str(until) if until is not None else end.isoformat(" "),
        "" if spans[0] is None else str(spans[0]),
        early,
    )


def _span(value: Any, name: str) -> Span | None:
    if value is None:
        return None
    span = Span.of(value, "day")
    if not span.number > 0:
        raise InputError(f"{name}={value!r}", "a span above zero", "write for example '30 days'")
    return span


def _levels(control: Any) -> tuple[str, ...]:
    """Return the control as text, as the columns of arms are read."""
    found = control if isinstance(control, tuple | list) else (control,)
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in found)


def _measure_of(y: np.ndarray, name: str) -> Measure:
    """Return the measure of a column of zeros and ones; of others nobody can know."""
    if np.all((y == 0) | (y == 1)):
        return "conversion"
    raise InputError(
        f"the outcome {name!r}, which is not of zeros and ones",
        "measure='count' of events, measure='value' of amounts, or 'conversion' of what is above zero",
        "pass measure",
    )


def _shares(shares: Mapping[str, float] | None, arms: set[str]) -> dict[str, float]:
    """Return the planned share of each arm."""
    if shares is None:
        return {name: 1 / len(arms) for name in sorted(arms)}
    given = {str(name): float(share) for name, share in shares.items()}
    if {*given} != arms or not all(0 < share < np.inf for share in given.values()):
        raise InputError(
            f"shares of {', '.join(given)}",
            f"a number above zero for each of {', '.join(sorted(arms))}",
            "correct shares",
        )
    total = sum(given.values())
    return {name: share / total for name, share in given.items()}


def _remarks(found: _Found, y: np.ndarray) -> list[str]:
    said = []
    if found.early:
        was = "outcome before the assignment of its customer is" if found.early == 1 else (
            "outcomes before the assignment of their customers are"
        )  # fmt: skip
        said.append(f"{found.early:,} {was} not used")
    if found.until and not found.early and not y.any():
        said.append(
            "no customer of the trial is among the outcomes: are the ids written alike in both tables?"
        )
    return said
