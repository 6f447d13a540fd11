"""Sums over the customers of each arm, and of each arm and segment: what the posterior of a trial reads."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

__all__ = ["arm_table", "arms_of", "variance"]

COLUMNS = (
    "n",
    "responded",
    "total",
    "squares",
    "log_total",
    "log_squares",
    "before",
    "before_squares",
    "crossed",
)


def arms_of(stats: xr.Dataset) -> tuple[str, ...]:
    """Return the arms, the control first and the others in order."""
    control = str(stats.attrs["control"])
    return control, *sorted({*map(str, stats["arm"].to_numpy())} - {control})


def arm_table(stats: xr.Dataset, arms: Sequence[str], segment: str | None = None) -> xr.Dataset:
    """Return sums by arm, and by segment where a column is named.

    Parameters
    ----------
    stats : xarray.Dataset
        From `bcx.summarise_trial`.
    arms : sequence of str
    segment : str, optional
        Column of the segments.

    Returns
    -------
    xarray.Dataset
        Over ``arm``, or (``segment``, ``arm``): ``n`` customers, ``responded`` (those with an outcome above
        0), ``total`` and ``squares`` of the outcomes, ``log_total`` and ``log_squares`` of the logarithms of
        those above 0; ``before``, ``before_squares`` and ``crossed`` (sums of the number before, its square
        and its product with the outcome), 0 where there is none.
    """
    y, weight = stats["y"].to_numpy().astype(float), stats["weight"].to_numpy().astype(float)
    before = stats["before"].to_numpy().astype(float) if "before" in stats else np.zeros_like(y)
    log = np.log(np.where(y > 0, y, 1.0))
    values = (np.ones_like(y), y > 0, y, y**2, log, log**2, before, before**2, before * y)
    arm = np.searchsorted(sorted(arms), stats["arm"].to_numpy().astype(str))
    arm = np.array([list(arms).index(name) for name in sorted(arms)])[arm]
    labels = [""] if segment is None else sorted({*map(str, stats[segment].to_numpy())})
    place = np.zeros(y.size, int)
    if segment is not None:
        place = np.searchsorted(labels, stats[segment].to_numpy().astype(str))
    cell, shape = place * len(arms) + arm, (len(labels), len(arms))
    sums = {
        name: (
            ("segment", "arm"),
            np.bincount(cell, weight * value, shape[0] * shape[1]).reshape(shape),
        )
        for name, value in zip(COLUMNS, values, strict=True)
    }
    table = xr.Dataset(sums, coords={"segment": labels, "arm": list(arms)})
    return table.isel(segment=0, drop=True) if segment is None else table


def variance(table: xr.Dataset) -> np.ndarray:
    """Return the variance of the outcomes in each cell of a table, NaN where there are fewer than two."""
    n, total, squares = (table[name].to_numpy() for name in ("n", "total", "squares"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n > 1, np.maximum(squares - total**2 / n, 0.0) / (n - 1), np.nan)
