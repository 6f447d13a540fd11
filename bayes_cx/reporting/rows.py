"""The rows of a table, one by one, with its columns as attributes."""

from typing import Any

import pandas as pd

__all__ = ["rows_of"]


def rows_of(table: pd.DataFrame) -> list[Any]:
    """Return the rows of a table as records; names of columns are attributes, the index is ``Index``.

    Examples
    --------
    >>> [row.share for row in rows_of(pd.DataFrame({"share": [0.5]}))]
    [0.5]
    """
    return list(table.itertuples())
