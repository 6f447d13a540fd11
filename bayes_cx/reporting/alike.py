"""One row for all customers with the same history, who get the same answer, where there are many."""

from collections.abc import Iterable

import numpy as np
import xarray as xr

from bayes_cx.data import at_purchases, groups_of
from bayes_cx.kinds import Kind
from bayes_cx.page.words import count, plural, shorten

__all__ = ["alike", "counted", "group_columns", "history"]

# The average number of customers for each history from which on histories are listed, not customers.
_MANY = 10
# text columns of a plan that are not groups of customers
_OWN = frozenset({"offer", "label", "customer", "tier", "rfm_class", "channel", "planned", "reason"})


def group_columns(data: xr.Dataset) -> list[str]:
    """Return the names of the columns that put customers into groups."""
    return [name for name in groups_of(data) if name not in _OWN]


def alike(data: xr.Dataset, kind: Kind, statistics: Iterable[str], many: int = _MANY) -> xr.Dataset | None:
    """Return one row for all customers of the same history, or None where few customers share one.

    Parameters
    ----------
    data : Dataset over customer
        `Plan.data`, sorted by priority.
    kind : Kind
        Of the model that says who comes back or stays.
    statistics : iterable of str
        The columns that the models read; a column may be named twice.
    many : int
        The average number of customers for each history from which on rows are joined.

    Returns
    -------
    Dataset over customer
        The first customer of each row, named by the history, with ``customers`` and ``contacts``, how many
        they are and how many of them are contacted; in the order of priority.
    """
    key = [name for name in dict.fromkeys(statistics) if name in data] + group_columns(data)
    key += [str(name) for name in data.data_vars if at_purchases(str(name)) in data]
    columns = [data[name].to_numpy() for name in key]
    # The plan also goes by the silence, and by who has given notice, which models of contracts do not read.
    if kind.silence is not None:
        columns.append(kind.silence(kind.numbers(data)))
    columns.append(kind.leaving_next(data))
    codes = [
        np.unique(c.astype(str) if c.dtype.kind in "OUT" else c, return_inverse=True)[1] for c in columns
    ]
    _, first, row = np.unique(np.array(codes), axis=1, return_index=True, return_inverse=True)
    row = row.ravel()
    if data.sizes["customer"] < many * first.size:
        return None
    size = np.bincount(row)
    contacts = np.bincount(row, weights=data["contact"].to_numpy()).astype(int)
    order = np.argsort(first)
    some = data.isel(customer=first[order])
    unit = str(data.attrs["unit"])
    names = [_name(some.isel(customer=i), kind, unit) for i in range(order.size)]
    return some.assign_coords(customer=("customer", np.array(names, object))).assign(
        customers=("customer", size[order]), contacts=("customer", contacts[order])
    )


def _name(customer: xr.Dataset, kind: Kind, unit: str) -> str:
    groups = [
        shorten(str(customer[name].values), 24) for name in group_columns(customer.expand_dims("customer"))
    ]
    return ", ".join([*groups, *history(customer, kind, unit)])


def history(customer: xr.Dataset, kind: Kind, unit: str) -> tuple[str, ...]:
    """Return the history of one customer in a few words."""
    row = {name: float(customer[name]) for name in kind.columns if name in customer and name != "first"}
    return kind.words["en"].history(row, unit)


def counted(some: xr.Dataset, i: int) -> str:
    """Return how many customers a row stands for, and how many of them are contacted if not all."""
    n, contacts = int(some["customers"][i]), int(some["contacts"][i])
    part = f", {count(contacts)} of them contacted" if 0 < contacts < n else ""
    return f"{plural(n, 'customer')}{part}"
