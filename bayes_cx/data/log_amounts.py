"""Logarithms of amounts: what models of single purchases need beside the mean spend.

The sum of the logarithms and that of their squares stand for all purchases of a customer. Both are added as
whole numbers of 1e-12, so that neither the order of the rows nor the number of threads can change a digit.
"""

import numpy as np

from bayes_cx.kinds.buying import log_sd

__all__ = ["log_columns", "squared_sql", "whole_sql"]

_PARTS = 1e12


def whole_sql(paid: str) -> str:
    """Return SQL for the logarithm of an amount in whole parts, NULL where nothing was paid."""
    return f"CASE WHEN {paid} > 0 THEN CAST(round({_log(paid)} * {_PARTS}) AS BIGINT) END"


def squared_sql(paid: str) -> str:
    """Return SQL for the square of that logarithm in whole parts."""
    return f"CASE WHEN {paid} > 0 THEN CAST(round({_log(paid)} * {_log(paid)} * {_PARTS}) AS BIGINT) END"


def _log(paid: str) -> str:
    return f"ln(CAST({paid} AS DOUBLE))"


def log_columns(paid: np.ndarray, total: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of the log amounts of each customer, shape (customer,).

    Parameters
    ----------
    paid : numpy.ndarray, shape (customer,)
        Repeat purchases for which something was paid.
    total, squares : numpy.ndarray, shape (customer,)
        Sums over them of the logarithm and of its square, in whole parts.

    Returns
    -------
    mean, sd : numpy.ndarray
        NaN where there is no such purchase.
    """
    parts = np.where(paid > 0, paid, np.nan) * _PARTS
    mean = total / parts
    variance = squares / parts - mean**2
    return mean, log_sd(variance)
