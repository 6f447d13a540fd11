"""Statistics are additive: days, files, partitions and machines add."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.clock import Clock, end_of
from bayes_cx.data.attributes import provenance_of
from bayes_cx.data.compress import compress
from bayes_cx.data.contacts import contacts_of
from bayes_cx.data.groups import NO_GROUP
from bayes_cx.data.weekly import added_repeats
from bayes_cx.errors import InputError
from bayes_cx.kinds import PERIODS, STAYS, TREATMENTS, TRIALS, Kind, kind_of

__all__ = ["add"]

# What two parts of a trial must share beside their columns.
_OF_ARMS = ("measure", "outcome", "window", "before", "factors", "by", "shares")
_OF_A_TRIAL = ("control", "treatment", "response", "features", *_OF_ARMS)


def add(a: xr.Dataset, b: xr.Dataset) -> xr.Dataset:
    """Add the statistics of two parts of the same purchases or contracts.

    Three kinds of parts add. *Different customers, same end of observation*: the customers of both. *One
    period after the other*, where the kind allows it (purchases in time): the occasions of both in sequence,
    marked 1 (earlier) and 2 (later)::

        x = x1 + x2 + 1,  t_x from the first occasion of 1 to the last of 2,  T to the end of 2,
        spend_sum = spend_sum1 + first_spend2 + spend_sum2,
        regularity + x log t_x = sum of log gaps = that of 1 + log(gap between 1 and 2) + that of 2

    *Weighted rows, same end of observation*: the weights of equal rows add.

    Parameters
    ----------
    a, b : xarray.Dataset
        From `summarise` or a similar function, or both over weighted rows, with the same unit, columns and
        treatment of returns.

    Returns
    -------
    xarray.Dataset
        What `summarise` gives for all purchases at once. Counts of rows add. ``sha256`` is that of the two
        fingerprints in order, so it names the parts; a group that changed between the parts or within both
        counts in ``varying`` once for each.

    Raises
    ------
    InputError
        If the parts share customers in overlapping periods, have different ends of observation in overlapping
        periods, or differ in kind, unit, columns or treatment of returns; if one period comes after the other
        and the kind has no rule for that (opportunities and contracts).

    Examples
    --------
    >>> import pandas as pd
    >>> from bayes_cx.data import read_transactions, summarise
    >>> def part(days):
    ...     frame = pd.DataFrame({"who": "a", "day": days})
    ...     return summarise(read_transactions(frame, customer="who", time="day"), unit="day")
    >>> total = add(part(["2025-01-01", "2025-01-05"]), part(["2025-01-09"]))
    >>> int(total.x[0]), float(total.t_x[0]), float(total["T"][0])
    (2, 8.0, 8.0)
    """
    kind = kind_of(a)
    a, b = (_without_others(part) for part in (a, b))
    _check_alike(a, b)
    if "row" in a.sizes:
        if kind.key != TRIALS.key:  # whose outcomes have a time of their own for every customer
            _check_same_end(a, b)
        both = xr.concat([a, b], "row", combine_attrs="override")
        total = compress(both, [str(name) for name in a.data_vars if name != "weight"])
        return total.assign_attrs(_attrs(kind, a, b))
    step_of = _steps(kind_of(a), a.attrs["unit"])
    early, late = sorted((a, b), key=lambda part: step_of(part.attrs["until"]))
    if step_of(early.attrs["period_end"]) < step_of(late.attrs["period_start"]):
        return _in_sequence(kind, early, late)
    _check_same_end(a, b)
    shared = np.intersect1d(a.customer.values, b.customer.values)
    if shared.size:
        came = f"{shared.size} customers are in both parts (the first is {shared[0]!r})"
        raise InputError(
            f"{came} and the periods overlap",
            "different customers, or one period after the other",
            "summarise all purchases at once",
        )
    total = xr.concat([a, b], "customer", combine_attrs="override").sortby("customer")
    return total.assign_attrs(_attrs(kind, a, b))


def _without_others(part: xr.Dataset) -> xr.Dataset:
    """Return a part without the count of contacts with others, who may be the customers of the other part."""
    kept = {name: value for name, value in part.attrs.items() if name != "contacts_of_others"}
    return part if len(kept) == len(part.attrs) else part.drop_attrs(deep=False).assign_attrs(kept)


def _in_sequence(kind: Kind, early: xr.Dataset, late: xr.Dataset) -> xr.Dataset:
    if kind.sequence is None:
        raise InputError(
            f"two periods of {kind.key}",
            "different customers with the same end of observation",
            "summarise all of them at once",
        )
    if early.attrs["returns"] == "net":
        raise InputError(
            "two periods with returns='net'",
            "different customers, as a return in one may belong to a purchase in the other",
            "summarise all purchases at once",
        )
    clock = Clock(early.attrs["unit"])
    if contacts_of(early):
        raise InputError(
            "two periods with contacts",
            "different customers, as contacts may count at the first purchase of the later period",
            "summarise all purchases at once, and add the contacts then",
        )
    groups = [str(name) for name in early.data_vars if early[name].dtype == object]
    one, two = (_in_steps(part, kind, clock) for part in (early, late))
    customers = one.index.union(two.index, sort=False).sort_values()
    one, two = one.reindex(customers), two.reindex(customers)
    first, then = (
        {str(name): part[name].to_numpy(float) for name in part if name not in groups} for part in (one, two)
    )
    data = dict(kind.sequence(first, then, clock.step_of(late.attrs["until"])))
    data |= {name: data[name] / clock.steps_per_unit for name in kind.times}
    data["first"] = clock.times_of(data["first"])
    changed = {}
    for name in groups:
        before, after = (part[name].replace(NO_GROUP, None) for part in (one, two))
        data[name] = after.fillna(before).fillna(NO_GROUP).to_numpy(object)
        changed[name] = int(np.sum((before.notna() & after.notna() & (before != after)).to_numpy()))
    variables = {str(name): ("customer", data[str(name)], early[name].attrs) for name in early.data_vars}
    customer = customers.to_numpy(early.customer.dtype)
    return xr.Dataset(variables, coords={"customer": customer}, attrs=_attrs(kind, early, late, changed))


def _steps(kind: Kind, unit: str) -> Callable[[str], float]:
    """Return a function that orders the dates of attributes; an empty one comes before all others.

    Text would not do: in hours it carries the distance to UTC, which changes with summer time.
    """
    # Stays and periods end at a time, not with a step; treatments may have no date at all.
    if kind.key in (STAYS.key, PERIODS.key, TREATMENTS.key):
        return lambda date: (end_of(date) - datetime(1970, 1, 1)).total_seconds() if date else -np.inf
    clock = Clock(unit)
    return lambda date: clock.step_of(date) if date else -np.inf


def _in_steps(part: xr.Dataset, kind: Kind, clock: Clock) -> pd.DataFrame:
    """Return the columns with times in whole steps, which add without rounding."""
    frame = pd.DataFrame({str(name): part[name].to_numpy() for name in part.data_vars})
    frame.index = pd.Index(part.customer.values, dtype=part.customer.dtype)
    for name in kind.times:
        frame[name] = np.rint(part[name].to_numpy() * clock.steps_per_unit)
    frame["first"] = clock.steps_of(part["first"].to_numpy())
    return frame


def _check_alike(a: xr.Dataset, b: xr.Dataset) -> None:
    if a.attrs.get("pseudonyms", "") != b.attrs.get("pseudonyms", ""):
        raise InputError(
            "ids in one part and pseudonyms in the other, or pseudonyms by two keys",
            "pseudonyms by one key in both parts, or ids in both",
            "pass the same pseudonym_key for both parts",
        )
    own = ("journey", "targets", "close", "definition", "contacts", *_OF_A_TRIAL)
    for name in ("kind", "unit", "returns", "zero_amounts", *own):
        if a.attrs.get(name) != b.attrs.get(name):
            raise InputError(
                f"{name} is {a.attrs.get(name)!r} in one part and {b.attrs.get(name)!r} in the other",
                f"the same {name} in both",
                "summarise both alike",
            )
    if a.sizes.keys() == b.sizes.keys() and ("regularity" in a) != ("regularity" in b):
        raise InputError(
            "a column regularity in one part only",
            "the column in both parts or in neither",
            "summarise both with regularity=True, or drop it",
        )
    if list(a.data_vars) != list(b.data_vars) or a.sizes.keys() != b.sizes.keys():
        raise InputError(
            f"columns {', '.join(map(str, a.data_vars))} and {', '.join(map(str, b.data_vars))}",
            "the same columns in both parts",
            "summarise both alike",
        )
    if "customer" in a.sizes and a.customer.dtype != b.customer.dtype:
        raise InputError(
            f"customers of type {a.customer.dtype} in one part and {b.customer.dtype} in the other",
            "text in both or whole numbers in both",
            "read both from the same kind of column",
        )


def _check_same_end(a: xr.Dataset, b: xr.Dataset) -> None:
    step_of = _steps(kind_of(a), a.attrs["unit"])
    if step_of(a.attrs["until"]) != step_of(b.attrs["until"]):
        raise InputError(
            f"the ends of observation {a.attrs['until']} and {b.attrs['until']}, while the periods overlap",
            "one end of observation",
            "pass the same until= for both parts",
        )


def _attrs(
    kind: Kind, a: xr.Dataset, b: xr.Dataset, changed: dict[str, int] | None = None
) -> dict[str, str | int | float]:
    parts, step_of = (a.attrs, b.attrs), _steps(kind_of(a), a.attrs["unit"])
    first, second = provenance_of(a), provenance_of(b)
    rejected = Counter(first.rejected) + Counter(second.rejected)
    total = {
        name: sum(attrs[name] for attrs in parts)
        for name in a.attrs
        if name.startswith("rows_") or name in kind.tallies
    }
    varying = {
        name: number + second.varying.get(name, 0) + (changed or {}).get(name, 0)
        for name, number in first.varying.items()
    }
    parts_of = "".join(sorted(attrs["sha256"] for attrs in parts))
    return {
        **a.attrs,
        **total,
        "until": max((attrs["until"] for attrs in parts), key=step_of),
        "period_start": min((attrs["period_start"] for attrs in parts), key=step_of),
        "period_end": max((attrs["period_end"] for attrs in parts), key=step_of),
        "source": " + ".join(sorted({attrs["source"] for attrs in parts})),
        "sha256": hashlib.sha256(parts_of.encode()).hexdigest(),
        "rejected": json.dumps(dict(sorted(rejected.items()))),
        "remarks": json.dumps(sorted({*first.remarks, *second.remarks})),
        "rejected_amounts": json.dumps(_added(first.rejected_amounts, second.rejected_amounts)),
        "varying": json.dumps(varying),
        **added_repeats(a, b),
    }


def _added(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    return {
        name: round(first.get(name, 0.0) + second.get(name, 0.0), 2) for name in sorted({*first, *second})
    }
