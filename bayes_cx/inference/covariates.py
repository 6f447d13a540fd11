"""The values of columns that a design reads: numbers or text, with none missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data.groups import NO_GROUP
from bayes_cx.data.number_columns import as_numbers
from bayes_cx.errors import InputError
from bayes_cx.kinds.kind import plural

__all__ = ["Table", "check_no_missing", "is_text", "numbers"]

type Table = Mapping[str, Any] | xr.Dataset


def is_text(values: Any) -> bool:
    """Return whether a column is one of text, each value of which is a covariate of its own in a formula."""
    return np.asarray(values).dtype.kind not in "fiu" and as_numbers(values) is None


def numbers(column: str, table: Table) -> np.ndarray:
    """Return a covariate as numbers.

    Raises
    ------
    InputError
        If it holds text.
    """
    found = as_numbers(table[column])
    if found is None:
        raise InputError(
            f"covariate {column} that is not numeric",
            "numbers",
            "pool over it, name it in a formula, or code it as numbers",
        )
    return found


def check_no_missing(columns: Sequence[str], covariates: Sequence[str], stats: xr.Dataset) -> None:
    """Refuse columns of a design that are not known of all customers, and count of how many and why.

    Parameters
    ----------
    columns : sequence of str
        All columns of the design.
    covariates : sequence of str
        Those that are covariates; the others hold groups.
    stats : xarray.Dataset
        Over ``customer``, or over ``row`` with a weight.

    Raises
    ------
    InputError
        With the numbers of customers by reason.
    """
    weight = np.asarray(stats["weight"]) if "weight" in stats else None
    for column in columns:
        values = np.asarray(stats[column])
        numeric = column in covariates and not is_text(values)
        reasons = _reasons(values, numeric=numeric)
        counted = {
            why: int(rows.sum() if weight is None else weight[rows].sum())
            for why, rows in reasons.items()
            if rows.any()
        }
        if counted:
            what = "covariate" if column in covariates else "group"
            said = ", ".join(f"{count:,} {why}" for why, count in counted.items())
            size = values.size if weight is None else int(weight.sum())
            some = sum(counted.values())
            with_what = f"the median and a column {column}_known that says for whom"
            if not numeric:
                with_what = f"{NO_GROUP!r}, which is then a value of its own"
            raise InputError(
                f"{what} {column} with missing values: of {plural(size, 'customer')} {some:,} "
                f"cannot be used ({said})",
                "a value for every customer",
                f"fill them in, such as with {with_what}; or leave these customers out",
            )


def _reasons(values: np.ndarray, *, numeric: bool) -> dict[str, np.ndarray]:
    """Return which rows cannot be used, by reason."""
    if numeric or values.dtype.kind == "f":
        found = as_numbers(values)
        assert found is not None
        return {"missing": np.isnan(found), "infinite": np.isinf(found)}
    if values.dtype.kind != "O":
        return {}
    return {"missing": pd.isna(values)}
