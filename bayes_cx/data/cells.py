"""Cells of a column that holds both numbers and text, all as text."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

__all__ = ["as_text"]


def as_text(cell: Any, decimal: str = ".") -> str:
    """Return a cell as text: numbers in plain digits, with the decimal sign that text has beside them.

    Half of a pair of surrogates, which no file can hold, becomes a question mark.

    Examples
    --------
    >>> as_text(12.345, ","), as_text(101.0), as_text("7,50", ","), as_text(1e-7)
    ('12,345', '101', '7,50', '0.0000001')
    """
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float | np.floating | Decimal) and np.isfinite(float(cell)):
        number = f"{cell if isinstance(cell, Decimal) else Decimal(str(cell)):f}"
        whole, _, decimals = number.partition(".")
        decimals = decimals.rstrip("0")
        return f"{whole}{decimal}{decimals}" if decimals else whole
    return str(cell).encode("utf-8", "replace").decode("utf-8")
