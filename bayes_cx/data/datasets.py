"""Public data sets: those of the lifetimes package, read without importing it, and two survivor tables."""

from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import xarray as xr

from bayes_cx.data.statistics import undated
from bayes_cx.data.survivors import from_survivors
from bayes_cx.data.transactions import Transactions, read_transactions
from bayes_cx.errors import InputError
from bayes_cx.kinds import OPPORTUNITIES

__all__ = ["cdnow_path", "load_cdnow", "load_cohorts", "load_donations"]

# The percentages are of cohorts of so many customers.
_COHORT = 1000


def cdnow_path(sample: bool = False) -> Path:
    """Return the file with the CDNOW purchases, separated by spaces; the sample has no header row."""
    return _file("CDNOW_sample.txt" if sample else "CDNOW_master.txt")


def load_cdnow(
    sample: bool = False,
    zero_amounts: Literal["reject", "keep"] = "keep",
    pseudonym_key: str | bytes | None = None,
) -> Transactions:
    """Load the purchases of CDNOW, a shop for compact discs, from January 1997 to June 1998.

    The customers are those whose first purchase fell in the first three months.

    Parameters
    ----------
    sample : bool
        The systematic tenth that the literature uses (2,357 customers) instead of all 23,570 customers.
    zero_amounts : {"reject", "keep"}
        Some discs were free (80 rows of all, 8 of the sample). The published numbers count them as purchases.
    pseudonym_key : str or bytes, optional
        As for `read_transactions`.

    Returns
    -------
    Transactions
        Columns customer_id (text), date, number_of_cds, dollar_value.

    Examples
    --------
    >>> load_cdnow(sample=True).rows_read
    6919
    """
    path = cdnow_path(sample)
    if not sample:
        source = path
    else:
        # The sample begins with the customer's number in the full file; its own number comes second.
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        columns = [[row[position] for row in rows] for position in (1, 2, 3, 4)]
        source = pa.table(columns, names=["customer_id", "date", "number_of_cds", "dollar_value"])
    transactions = read_transactions(
        source,
        customer="customer_id",
        time="date",
        amount="dollar_value",
        time_format="%Y%m%d",
        zero_amounts=zero_amounts,
        pseudonym_key=pseudonym_key,
    )
    return replace(transactions, source=path.name)


def load_donations() -> xr.Dataset:
    """Load the donations of 11,104 people in six yearly campaigns after their first gift.

    Returns
    -------
    xarray.Dataset
        Over ``row`` (22 different histories): ``x`` (campaigns with a gift), ``t_x`` (the last of them),
        ``n`` (campaigns) and ``weight`` (number of people).

    Examples
    --------
    >>> int(load_donations().weight.sum())
    11104
    """
    table = pyarrow.csv.read_csv(_file("donations.csv"))
    names = {"x": "frequency", "t_x": "recency", "n": "periods", "weight": "weights"}
    data = {name: ("row", table.column(column).to_numpy().astype(np.int64)) for name, column in names.items()}
    source = f"donations.csv (lifetimes {version('lifetimes')})"
    return xr.Dataset(
        data, attrs=undated(OPPORTUNITIES, "year", source, table.num_rows, str(table.to_pylist()))
    )


def load_cohorts(periods: int | None = None) -> xr.Dataset:
    """Load two cohorts of subscribers, Regular and High-End, 1,000 each, followed for twelve years.

    Parameters
    ----------
    periods : int, optional
        Years to keep, 1 to 12, as if the customers had been observed no longer; all by default.

    Returns
    -------
    xarray.Dataset
        Over ``row``: ``T``, ``churned``, ``cohort`` and ``weight``, as from `from_survivors`.

    Raises
    ------
    InputError
        If `periods` is not 1 to 12.

    References
    ----------
    The percentages of survivors that [fader2007project]_ prints, to a tenth.

    Examples
    --------
    >>> stats = load_cohorts(periods=4)
    >>> stats.weight.values[stats.churned == 0]
    array([326, 593])
    """
    table = pd.read_csv(Path(__file__).with_name("cohorts.csv"), index_col="year")
    last = len(table) - 1
    periods = last if periods is None else periods
    if not 1 <= periods <= last:
        raise InputError(f"periods={periods}", f"1 to {last} years", "choose one of these or leave it out")
    survivors = (table.loc[:periods] * _COHORT / 100).round().astype(np.int64)
    return from_survivors(survivors).assign_attrs(source="cohorts.csv (Fader & Hardie 2007)")


def _file(name: str) -> Path:
    found = find_spec("lifetimes")
    if found is None or found.origin is None:
        raise InputError("the lifetimes package is not installed", "its data files", "install lifetimes")
    path = Path(found.origin).parent / "datasets" / name
    if not path.is_file():
        raise InputError(
            f"the lifetimes package has no file {name}", "version 0.11.3 of it", "install lifetimes again"
        )
    return path
