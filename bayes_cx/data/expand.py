"""One row a customer again: the opposite of `compress`."""

import numpy as np
import xarray as xr

__all__ = ["expand"]


def expand(stats: xr.Dataset) -> xr.Dataset:
    """Repeat weighted rows into customers.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics over ``row`` with ``weight``; those without weights are returned as they are.

    Returns
    -------
    xarray.Dataset
        Over ``customer``, called ``"row 3, 17"``: the 17th customer of the third row. Attributes are kept.

    Examples
    --------
    >>> stats = xr.Dataset({"x": ("row", [0, 2]), "weight": ("row", [2, 1])})
    >>> expand(stats).x.values, list(expand(stats).customer.values)
    (array([0, 0, 2]), ['row 1, 1', 'row 1, 2', 'row 2, 1'])
    """
    if "weight" not in stats:
        return stats
    weight = stats["weight"].to_numpy()
    each = np.repeat(np.arange(weight.size), weight)
    place = np.arange(each.size) - np.repeat(np.cumsum(weight) - weight, weight)
    names = [f"row {row + 1}, {number + 1}" for row, number in zip(each, place, strict=True)]
    single = stats.drop_vars(["weight", "row"], errors="ignore").isel(row=each).rename(row="customer")
    return single.assign_coords(customer=("customer", np.array(names, object)))
