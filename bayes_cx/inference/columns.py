"""What a model needs of the statistics, and whether a customer can have such values."""

from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr

from bayes_cx.data.units import UNITS
from bayes_cx.errors import InputError
from bayes_cx.model import Model

__all__ = ["check_columns"]

# Where the columns come from, for the last part of a message.
_SOURCES = {
    "spend": "summarise the transactions with an amount column",
    "regularity": "use bcx.summarise(..., regularity=True)",
    "n": "use bcx.summarise_opportunities",
    "churned": "use bcx.summarise_contracts or bcx.from_survivors",
}


def check_columns(model: Model, stats: xr.Dataset) -> None:
    """Refuse statistics that lack a column or hold values that no customer can have.

    Raises
    ------
    InputError
        Before a likelihood makes something of them.
    """
    if not isinstance(stats, xr.Dataset):
        raise InputError(
            f"statistics of type {type(stats).__name__}",
            "an xarray.Dataset",
            "use bcx.summarise, or bcx.from_lifetimes for a data frame",
        )
    missing = [name for name in model.statistics if name not in stats]
    if missing:
        raise InputError(
            f"statistics without {', '.join(missing)}",
            f"the columns {', '.join(model.statistics)} for {model.name}",
            next((_SOURCES[name] for name in missing if name in _SOURCES), "use bcx.summarise"),
        )
    if stats.attrs.get("unit") not in UNITS:
        raise InputError(
            f"statistics in the unit {stats.attrs.get('unit')!r}",
            f"an attribute unit: {', '.join(UNITS)}",
            "use bcx.summarise, or stats.assign_attrs(unit='week')",
        )
    column = {name: stats[name].to_numpy() for name in model.statistics}
    for what, rows in _impossible(column):
        if np.any(rows):
            raise InputError(
                f"{int(np.sum(rows))} customers with {what}",
                "values that a customer can have",
                "correct the statistics, or make them with bcx.summarise and its kin",
            )
    observed = column.get("n", column.get("T"))
    if observed is not None and not float(np.max(observed, initial=0.0)) > 0:
        raise InputError(
            "an observation period of no length",
            "customers observed for some time after they came",
            "choose a later end of observation (until)",
        )
    if "spend" in column and not np.any((column["x"] > 0) & (column["spend"] > 0)):
        raise InputError(
            "no customer with a paid repeat purchase",
            "repeat purchases with an amount",
            "observe for longer, or use purchases alone",
        )


def _impossible(column: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what may be wrong, and with which rows it is."""
    if "x" in column:
        yield "x that is not a whole number of zero or more", _not_whole(column["x"])
    if "T" in column:
        yield "T that is negative or missing", ~((column["T"] >= 0) & np.isfinite(column["T"]))
    if "spend" in column:
        yield "negative spend", column["spend"] < 0
    if "churned" in column:
        T, churned = column["T"], column["churned"]
        yield "churned that is neither 0 nor 1", ~np.isin(churned, (0, 1))
        yield "T that is not a whole number of periods", _not_whole(T)
        yield "churned before the first renewal (T = 0)", (churned == 1) & (T < 1)
    if "n" in column:
        x, t_x, n = column["x"], column["t_x"], column["n"]
        yield "n that is not a whole number of zero or more", _not_whole(n)
        yield "t_x that is not one of the n opportunities", _not_whole(t_x) | (t_x > n)
        yield "x that is more than t_x allows", (x > t_x) | ((x == 0) & (t_x > 0))
    elif "t_x" in column:
        x, t_x, T = column["x"], column["t_x"], column["T"]
        # A last purchase is at most one rounding error after the end.
        yield "t_x outside 0 to T", ~((t_x >= 0) & (t_x <= T * (1 + 1e-9)))
        yield "repeat purchases at time 0", (x > 0) & (t_x <= 0)
    if "regularity" in column:
        x = column["x"]
        equal_gaps = -x * np.log(np.maximum(x, 1))  # as regular as can be
        yield "regularity beyond that of equal gaps", ~(column["regularity"] <= equal_gaps + 1e-6 * (1 + x))


def _not_whole(values: np.ndarray) -> np.ndarray:
    return ~((values >= 0) & (values == np.floor(values)))
