"""The options of quantities, such as horizons: one value for all, one for each customer, or several."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.inference.posterior import Posterior
from bayes_cx.spans import DiscountRate, Span, check_unit

__all__ = ["HORIZONS", "check_names", "check_one", "horizon_in_fit", "read", "several", "unit_of"]

# What an error message shows for each option.
_EXAMPLES = {
    "t": "t='52 weeks'",
    "t1": "t1='26 weeks'",
    "t2": "t2='52 weeks'",
    "count": "count=0",
    "discount_rate": "discount_rate=0.10, which is 10 % per year",
    "keep": "keep=0.2",
}
# What users call an option, by its name in formulas.
_PUBLIC = {"discount": "discount_rate"}
HORIZONS = ("t", "t1", "t2")


def check_one(quantity: Any) -> None:
    """Refuse what is no name of a quantity, such as a list of several.

    Raises
    ------
    InputError
        With what it is.
    """
    if not isinstance(quantity, str):
        raise InputError(
            f"quantity={quantity!r}", "the name of one quantity", "ask for one after the other, as 'p_alive'"
        )


def check_names(quantity: str, wanted: set[str], given: set[str]) -> None:
    """Refuse options that a quantity lacks or does not use.

    Parameters
    ----------
    quantity : str
    wanted : set of str
        Arguments of its formula.
    given : set of str
        Options as users call them.

    Raises
    ------
    InputError
        If they are not the same; it says what is lacking.
    """
    needs = {_PUBLIC.get(name, name) for name in wanted}
    names = ", ".join(sorted(needs)) or "none"
    if lacking := sorted(needs - given):
        examples = ", ".join(_EXAMPLES[name] for name in lacking)
        come = f" (it got {', '.join(sorted(given - needs))})" if given - needs else ""
        raise InputError(
            f"{quantity} needs {', '.join(lacking)}{come}",
            f"the options {names}",
            f"pass for example {examples}",
        )
    if unused := sorted(given - needs):
        raise InputError(
            f"{', '.join(unused)}, which {quantity} does not use",
            f"the options {names}",
            "leave the others out",
        )


def several(options: Mapping[str, Any], stats: xr.Dataset) -> dict[str, list[Any]]:
    """Return the options that have several values for every customer, each as a list.

    Raises
    ------
    InputError
        If there is no value, or an array could as well have one value for each customer.
    """
    return {
        name: found for name, value in options.items() if (found := _listed(name, value, stats)) is not None
    }


def _listed(name: str, value: Any, stats: xr.Dataset) -> list[Any] | None:
    if isinstance(value, pd.Series) or (isinstance(value, xr.DataArray) and "customer" in value.dims):
        return None
    if isinstance(value, (str, bytes, Span, DiscountRate)) or np.ndim(value) == 0:
        return None
    if np.ndim(value) > 1:
        raise InputError(
            f"{name} with {np.ndim(value)} dimensions", "a list of values", f"pass {name}=[4, 8]"
        )
    found = list(value.to_numpy() if isinstance(value, xr.DataArray) else value)
    if not found:
        raise InputError(f"{name} without a value", "one value or more", f"pass {name}=[4, 8]")
    # A list is meant as one; an array as long as the customers is most often a column.
    own = isinstance(value, np.ndarray) and len(found) == stats.sizes.get("customer") and len(found) > 1
    if own:
        raise InputError(
            f"an array of {len(found)} values of {name} for {len(found)} customers",
            "one value for each customer, or several values for all of them, but which of the two",
            f"pass {name}=xr.DataArray(values, dims='customer') for one each, or a list for several",
        )
    return found


def read(options: Mapping[str, Any], stats: xr.Dataset, posterior: Posterior) -> dict[str, np.ndarray]:
    """Return the options by their names in formulas, in the unit of the fit.

    Parameters
    ----------
    options : mapping of str to object
        One value each, or one for each customer.
    stats : xarray.Dataset
        A number as a horizon is in their unit.
    posterior : Posterior

    Returns
    -------
    dict of str to numpy.ndarray, shape () or (customer,)

    Raises
    ------
    InputError
        If a value cannot be read, is outside its range, or t1 is after t2.
    """
    unit = posterior.provenance.data.unit
    readers: dict[str, Callable[[Any], float]] = {
        **dict.fromkeys(HORIZONS, lambda value: horizon_in_fit(value, stats, posterior).number),
        "count": _count,
        "keep": _share,
        "discount_rate": lambda value: DiscountRate.of(value).force(unit),
    }
    public = {name: formula for formula, name in _PUBLIC.items()}
    found = {
        public.get(name, name): _each(name, value, readers[name], stats) for name, value in options.items()
    }
    if "t1" in found and "t2" in found and np.any(found["t1"] > found["t2"]):
        each = max(value.ndim for value in found.values()) > 0
        raise InputError(
            "t1 after t2" if each else f"t1={options['t1']} after t2={options['t2']}",
            "a span that begins at t1 and ends at t2",
            "swap them",
        )
    return found


def _each(name: str, value: Any, reader: Callable[[Any], float], stats: xr.Dataset) -> np.ndarray:
    """Return what was read of one value, or of one for each customer."""
    if not isinstance(value, (pd.Series, xr.DataArray)) or not np.ndim(value):
        plain = (
            value.item() if isinstance(value, (np.ndarray, xr.DataArray)) and not np.ndim(value) else value
        )
        return np.asarray(reader(plain), float)
    aligned = _aligned(name, value, stats)
    if pd.isna(aligned).any():
        raise InputError(
            f"{name} for {stats.sizes['customer']} customers, some of it missing",
            "one value for each",
            "fill the gaps",
        )
    try:
        different, inverse = np.unique(aligned, return_inverse=True)
    except TypeError:
        raise InputError(
            f"{name} of several types", f"one for all, such as {_EXAMPLES[name]}", "convert them"
        ) from None
    return np.array([reader(one) for one in different], float)[inverse]


def _aligned(name: str, value: pd.Series | xr.DataArray, stats: xr.Dataset) -> np.ndarray:
    """Return one value for each customer, in the order of the statistics, found by the customers' names."""
    if "customer" not in stats.sizes:
        raise InputError(f"{name} by customer", "statistics by customer", "pass bcx.expand(stats)")
    column = value.to_xarray() if isinstance(value, pd.Series) else value
    column = column if isinstance(value, xr.DataArray) else column.rename({column.dims[0]: "customer"})
    n = stats.sizes["customer"]
    if column.dims != ("customer",):
        raise InputError(
            f"{name} with the dimensions {', '.join(map(str, column.dims))}",
            "one value, or one for each customer (dimension customer)",
            f"pass {name}=xr.DataArray(values, dims='customer')",
        )
    if "customer" not in column.indexes or "customer" not in stats.indexes:
        if column.size == n:
            return column.to_numpy()
    elif not column.indexes["customer"].is_unique:
        raise InputError(f"{name} with a customer twice", "one value for each", "leave one of them out")
    elif stats.indexes["customer"].isin(column.indexes["customer"]).all():
        return column.sel(customer=stats["customer"].to_numpy()).to_numpy()
    raise InputError(
        f"{name} for {column.size} customers, not all of them those of the statistics",
        f"one value for each of the {n} customers, by their names",
        f"pass xr.DataArray(values, dims='customer'), or a list {name}=[...] of values for all of them",
    )


def _count(value: Any) -> float:
    number = _number("count", value)
    if not (0 <= number < np.inf and number == np.floor(number)):
        raise InputError(
            f"count={number:g}", "a whole number of zero or more", "ask for a number of purchases"
        )
    return number


def _share(value: Any) -> float:
    number = _number("keep", value)
    if not 0 <= number <= 1:
        raise InputError(f"keep={number:g}", "a share from 0 to 1", "write 0.2 for 20 %")
    return number


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name}={value!r}", "a number", f"pass for example {_EXAMPLES[name]}") from None


def horizon_in_fit(t: Any, stats: xr.Dataset, posterior: Posterior) -> Span:
    """Return a horizon in the unit of the fit; a bare number is in the unit of the statistics.

    Raises
    ------
    InputError
        If it cannot be read, or is no whole number of opportunities where the model counts these.
    """
    span, unit = Span.of(t, unit_of(stats)), posterior.provenance.data.unit
    if posterior.model.kind.discrete:
        return span.whole(unit, f"{posterior.model.name} counts opportunities")
    return span.to(unit)


def unit_of(stats: xr.Dataset) -> str:
    """Return the unit of time of the statistics.

    Raises
    ------
    InputError
        If they have none.
    """
    if "unit" not in stats.attrs:
        raise InputError(
            "statistics without a unit of time", "an attribute unit", "write stats.assign_attrs(unit='week')"
        )
    return check_unit(stats.attrs["unit"])
