"""From survivor tables: how many customers of each cohort were still there after each renewal."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data.statistics import undated
from bayes_cx.errors import InputError
from bayes_cx.kinds import CONTRACTS
from bayes_cx.spans import check_unit

__all__ = ["from_survivors"]


def from_survivors(table: Any, unit: str = "year") -> xr.Dataset:
    """Convert a table of survivors to statistics of contracts.

    With S_t customers still there after t renewals, observed until the P-th::

        weight(T = t, churned = 1) = S_{t-1} - S_t  for t = 1..P,    weight(T = P, churned = 0) = S_P

    Parameters
    ----------
    table : pandas.DataFrame, or what pandas makes one of
        One column a cohort; index 0, 1, 2, ...: the renewals asked for; values: customers still there. A
        cohort that was observed for less time than others has missing values at its end.
    unit : {"hour", "day", "week", "month", "year"}
        Time from one renewal to the next.

    Returns
    -------
    xarray.Dataset
        Over ``row``: ``T`` (int64), ``churned`` (int64: 1 if the customer left at the T-th renewal, 0 if
        still a customer after T renewals), ``periods`` (int64: renewals of the cohort that could have been
        seen), ``cohort`` (text) and ``weight`` (int64, customers).

    Raises
    ------
    InputError
        If the index is not 0, 1, 2, ..., or a cohort is empty, grows or has values that are not whole
        numbers.

    Examples
    --------
    >>> stats = from_survivors({"2023": [100, 63, 47]})
    >>> stats["T"].values, stats.churned.values, stats.weight.values
    (array([1, 2, 2]), array([1, 1, 0]), array([37, 16, 47]))
    """
    check_unit(unit)
    frame = pd.DataFrame(table)
    if list(frame.index) != list(range(len(frame))) or not frame.size:
        raise InputError(
            f"a survivor table with the index {', '.join(map(str, frame.index[:4])) or '(empty)'}",
            "0, 1, 2, ...: the periods, from the beginning on, and one column a cohort",
            "set the period as index and add the customers at the beginning as period 0",
        )
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise InputError("two cohorts of one name", "one column a cohort", "rename one of them")
    rows = [row for name, values in zip(names, frame.items(), strict=True) for row in _rows(name, values[1])]
    T, churned, cohort, weight = zip(*rows, strict=True)
    periods = {name: max(t for t, _, of, _ in rows if of == name) for name in names}
    return xr.Dataset(
        {
            "T": ("row", np.array(T, np.int64), {"meaning": "renewals"}),
            "churned": ("row", np.array(churned, np.int64), {"meaning": "left at the T-th renewal"}),
            "periods": (
                "row",
                np.array([periods[name] for name in cohort], np.int64),
                {"meaning": "renewals that could have been"},
            ),
            "cohort": ("row", np.array(cohort, object)),
            "weight": ("row", np.array(weight, np.int64), {"meaning": "customers"}),
        },
        attrs=undated(CONTRACTS, unit, "table of survivors", frame.shape[1], repr(rows)),
    )


def _rows(name: str, column: pd.Series) -> list[tuple[int, int, str, int]]:
    """Return (T, churned, cohort, weight) of one cohort."""
    numbers = pd.Series(pd.to_numeric(column, errors="coerce"), dtype="Float64")
    values = numbers.to_numpy(float, na_value=np.nan)
    if (pd.isna(values) & column.notna().to_numpy()).any():
        raise _wrong(name, "a value that is no number", "customers still there")
    last = int(np.flatnonzero(~np.isnan(values)).max(initial=-1))
    survivors = values[: last + 1]
    if last < 0 or not survivors[0] > 0:
        raise _wrong(name, "no customer in period 0", "one customer or more at the beginning")
    if np.isnan(survivors).any():
        raise _wrong(name, "a gap", "a value for every period up to the last that was observed")
    if not (np.isfinite(survivors) & (survivors == np.rint(survivors)) & (survivors >= 0)).all():
        raise _wrong(name, "survivors that are no whole number of zero or more", "customers, not percentages")
    lost = -np.diff(survivors)
    if (lost < 0).any():
        raise _wrong(
            name, f"more survivors in period {int(np.argmax(lost < 0)) + 1} than before", "ever fewer"
        )
    left = [(t, 1, name, int(n)) for t, n in enumerate(lost, start=1) if n]
    return left + ([(last, 0, name, int(survivors[-1]))] if survivors[-1] else [])


def _wrong(name: str, came: str, expected: str) -> InputError:
    return InputError(f"cohort {name!r} has {came}", expected, "correct the table of survivors")
