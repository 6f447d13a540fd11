"""Repeat purchases by calendar week, all customers together: what a season or a shock to all needs to know.

They are an attribute of the statistics, as JSON, and not a column: no customer's row holds them. Tables add;
a selection of customers keeps the counts of all, and `weekly_repeats` refuses them where they no longer fit.
"""

import json
from collections import Counter

import numpy as np
import xarray as xr

from bayes_cx.clock import Clock
from bayes_cx.data.attributes import provenance_of
from bayes_cx.errors import InputError
from bayes_cx.weeks import day_of, monday, number_of, week_of

__all__ = ["added_repeats", "repeats_by_week", "week_sql", "weekly_repeats"]

_NAME = "repeats_by_week"


def week_sql(clock: Clock) -> str:
    """Return SQL for the number of the week of a step ``d``, as `weeks.week_of` gives it."""
    day = "d / 24" if clock.step == "hour" else "d"
    return f"CAST(floor(({day} + 3) / 7) AS BIGINT)"


def repeats_by_week(week: np.ndarray, occasions: np.ndarray, first: np.ndarray, clock: Clock) -> str:
    """Return the attribute: all occasions of each week less the first ones of customers.

    Parameters
    ----------
    week, occasions : numpy.ndarray, shape (week,)
        Numbers of weeks, and the occasions in each.
    first : numpy.ndarray of int, shape (customer,)
        Step of the first occasion of each customer.
    clock : Clock
    """
    total = Counter(dict(zip(week.tolist(), map(int, occasions), strict=True)))
    total.subtract(_counted(week_of(day_of(first, clock))))
    return _written(total)


def added_repeats(a: xr.Dataset, b: xr.Dataset) -> dict[str, str]:
    """Return the attribute of two parts together, empty where one of them has none.

    The first purchase in the later of two periods repeats one in the earlier for customers who are in both.
    """
    if not (a.attrs.get(_NAME) and b.attrs.get(_NAME)):
        return {_NAME: ""} if _NAME in {*a.attrs, *b.attrs} else {}
    total = Counter(_read(a))
    total.update(_read(b))
    if "customer" in a.sizes:
        early, late = sorted((a, b), key=lambda part: str(part["first"].values.min()))
        both = np.isin(late["customer"].to_numpy(), early["customer"].to_numpy())
        total.update(_counted(number_of(late["first"].to_numpy()[both])))
    return {_NAME: _written(total)}


def weekly_repeats(stats: xr.Dataset) -> tuple[int, np.ndarray]:
    """Return the repeat purchases of each week, from the first week with one to the last.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics of purchases, by customer or over weighted rows.

    Returns
    -------
    first : int
        Number of the first week; see `bayes_cx.weeks`.
    counts : numpy.ndarray of int, shape (week,)

    Raises
    ------
    InputError
        If the statistics do not have them, or have those of other customers.
    """
    counts = _read(stats)
    if not stats.attrs.get(_NAME):
        raise InputError(
            "statistics without the repeat purchases by week",
            "the attribute repeats_by_week, which bcx.summarise counts",
            "summarise the purchases with this version of bayes_cx",
        )
    weight = stats["weight"].to_numpy() if "weight" in stats else 1
    made, known = int((weight * stats["x"].to_numpy()).sum()), sum(counts.values())
    # Selecting customers can only make fewer purchases, and as many only if those left out made none.
    if made != known:
        raise InputError(
            f"customers with {made:,} repeat purchases, and {known:,} counted by week",
            "the purchases by week of the same customers",
            "summarise only the purchases of these customers, instead of selecting them from a larger table",
        )
    first, last = (min(counts), max(counts)) if counts else (0, -1)
    return first, np.array([counts.get(week, 0) for week in range(first, last + 1)], np.int64)


def _read(stats: xr.Dataset) -> dict[int, int]:
    written = provenance_of(stats).repeats_by_week
    return dict(zip(number_of([*written]).tolist(), written.values(), strict=True)) if written else {}


def _counted(weeks: np.ndarray) -> dict[int, int]:
    return Counter(weeks.tolist())


def _written(counts: Counter[int]) -> str:
    return json.dumps({str(monday(week)): n for week, n in sorted(counts.items()) if n})
