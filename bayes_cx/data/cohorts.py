"""Cohorts: customers grouped by when they first bought, as a column to pool over or to report by."""

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError

__all__ = ["COHORT", "WIDTHS", "cohorts"]

COHORT = "cohort"
"""Name of the column."""

WIDTHS = ("month", "quarter", "year")
"""How long the time is in which customers of one cohort first bought."""


def cohorts(stats: xr.Dataset, by: str = "month") -> xr.Dataset:
    """Return the statistics with a column ``cohort``: the month, quarter or year of the first purchase.

    Customers who came at the same time often are alike: they answered the same campaign. Pooled by cohort,
    ``Design(pool=["cohort"])``, each cohort has rates of its own, and small ones borrow strength from others.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics of purchases over ``customer``, with the time of the first purchase in ``first``.
    by : {"month", "quarter", "year"}

    Returns
    -------
    xarray.Dataset
        With the column ``cohort`` of text, such as ``"1997-01"``, ``"1997-Q1"`` or ``"1997"``.

    Raises
    ------
    InputError
        If the statistics have no first purchases, or `by` is none of these.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30")
    >>> sorted(set(bcx.cohorts(stats)["cohort"].values))
    ['1997-01', '1997-02', '1997-03']
    """
    if by not in WIDTHS:
        raise InputError(f"cohorts by {by!r}", f"one of {', '.join(WIDTHS)}", "name one of these")
    if "first" not in stats or stats["first"].dtype.kind != "M":
        raise InputError(
            "cohorts of statistics without the time of the first purchase",
            "a column first",
            "make the statistics with bcx.summarise, or assign a column of groups of your own",
        )
    first = stats["first"].to_numpy()
    if np.isnat(first).any():
        raise InputError(
            f"{int(np.isnat(first).sum())} customers without a first purchase",
            "customers who have bought",
            "leave them out",
        )
    month = np.datetime_as_string(first.astype("datetime64[M]"))
    year = np.array([text[:-3] for text in month], dtype=object)
    quarter = [f"{y}-Q{(int(text[-2:]) + 2) // 3}" for y, text in zip(year, month, strict=True)]
    texts = {"month": month.astype(object), "quarter": np.array(quarter, dtype=object), "year": year}
    attrs = {"meaning": f"{by} of the first purchase"}
    return stats.assign({COHORT: (stats["first"].dims, texts[by], attrs)})
