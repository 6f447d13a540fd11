"""Split contracts in time: what was known on a day, and which renewals were made after it."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.attributes import provenance_of
from bayes_cx.data.split import Split
from bayes_cx.data.summarise_contracts import open_contracts
from bayes_cx.errors import InputError

__all__ = ["split_contracts"]


def split_contracts(
    contracts: Any,
    *,
    customer: str,
    start: str,
    end: str,
    calibration_end: Any,
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
) -> Split:
    """Split contracts into statistics up to a day and the renewals that the same customers made after it.

    The calibration period knows the contracts that had begun and the ends that had come by its last day; a
    contract that had ended, but whose next renewal came after that day, counted as running. With T
    renewals at the cut and T' at the end of observation, of which the last was not made if ``churned``::

        asked = renewals that came up after the cut, 0 for those who had left
        x_holdout = T' - churned' - T of them were made

    Parameters
    ----------
    contracts : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        One row a customer, as for `summarise_contracts`.
    customer, start, end, amount, unit, by, time_format, timezone, encoding, query, rejected, pseudonym_key
        As for `summarise_contracts`.
    calibration_end : str, date or datetime
        Last day of calibration.
    until : str, date or datetime
        Last observed day.

    Returns
    -------
    Split
        Calibration statistics over all customers of that time; ``holdout`` with ``asked`` and ``x_holdout``
        (both int64); ``tracking`` with the renewals made (``observed``) and asked for (``customers``) by
        period, one unit long and counted from the cut: with c ``calibration_periods`` the j-th renewal after
        it stands in period ``c + j - 1``, the j-th of n before it in period ``c - n + j - 1``.

    Raises
    ------
    InputError
        If the contracts cannot be summarised, or no contract comes up for renewal on each side of the cut.

    Examples
    --------
    >>> ends = ["2025-02-28", None, "2025-06-30"]
    >>> frame = pd.DataFrame({"who": list("abc"), "from": "2025-01-31", "to": ends})
    >>> parts = split_contracts(
    ...     frame, customer="who", start="from", end="to", calibration_end="2025-04-15", until="2025-07-31"
    ... )
    >>> parts.calibration["T"].values, parts.calibration.churned.values
    (array([1, 2, 2]), array([1, 0, 0]))
    >>> parts.holdout.asked.values, parts.holdout.x_holdout.values
    (array([0, 4, 4]), array([0, 4, 2]))
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
    whole = table.summarise(until, unit, rejected)
    calibration = table.summarise(calibration_end, unit)
    cut, last = calibration.attrs["until"], whole.attrs["until"]
    clock = Clock(unit, timezone)
    if clock.step_of(last) <= clock.step_of(cut):
        raise InputError(
            f"the hold-out period ends on {last} and calibration on {cut}",
            "a hold-out period after calibration",
            "move calibration_end back or until forward",
        )
    place = pd.Index(whole["customer"].to_numpy()).get_indexer(pd.Index(calibration["customer"].to_numpy()))
    later = whole.isel(customer=place)
    known, possible = (part["periods"].to_numpy() for part in (calibration, later))
    current = calibration["churned"].to_numpy() == 0
    asked = np.where(current, possible - known, 0)
    made = (later["T"] - later["churned"] - calibration["T"]).to_numpy()
    if not (known.max() and asked.max()):
        raise InputError(
            f"at most {known.max()} renewals of a customer until {cut} and {asked.max()} from then to {last}",
            "one or more on each side",
            "move calibration_end, or choose a shorter unit",
        )
    begin = clock.step_of(cut) + 1
    late = provenance_of(whole).rejected.get("start after the end of observation", 0)
    holdout = xr.Dataset(
        {
            "asked": ("customer", asked, {"meaning": "renewals that came up"}),
            "x_holdout": ("customer", np.where(current, made, 0), {"meaning": "renewals made"}),
        },
        coords={"customer": calibration["customer"]},
        attrs={
            "unit": unit,
            "start": clock.iso(begin),
            "end": last,
            "length": float(asked.max()),
            "new_customers": whole.sizes["customer"] - calibration.sizes["customer"],
            "rows_after_end": late,
        },
    )
    return Split(calibration, holdout, _tracking(calibration, holdout, begin, clock))


def _tracking(calibration: xr.Dataset, holdout: xr.Dataset, begin: int, clock: Clock) -> xr.Dataset:
    """Count the renewals asked for and made by period, counted from the cut."""
    n, T, churned = (calibration[name].to_numpy() for name in ("periods", "T", "churned"))
    asked, made = (holdout[name].to_numpy() for name in ("asked", "x_holdout"))
    known, ahead = int(n.max()), int(asked.max())
    number = np.arange(known + ahead)[:, None]
    before, j = number < known, number - known + 1
    first = known - n
    # A customer who did not renew is not asked again.
    counts = {
        "observed": np.where(before, (number >= first) & (number < first + T - churned), j <= made),
        "customers": np.where(
            before, (number >= first) & (number < first + T), j <= np.minimum(asked, made + 1)
        ),
    }
    start = [clock.on_calendar(begin, int(k) - known) for k in number[:, 0]]
    data = {
        "start": clock.times_of(np.array(start)),
        **{name: values.sum(axis=1) for name, values in counts.items()},
        "observed_share": np.ones(number.size),
    }
    attrs = {
        "unit": clock.unit,
        "start": clock.iso(start[0]),
        "end": holdout.attrs["end"],
        "calibration_periods": known,
    }
    return xr.Dataset(
        {name: ("period", values) for name, values in data.items()},
        coords={"period": number[:, 0]},
        attrs=attrs,
    )
