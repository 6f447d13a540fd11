"""What a score returns: a data set that is a table too."""

from collections.abc import Hashable

import pandas as pd
import xarray as xr

__all__ = ["Scores"]


class Scores(xr.Dataset):
    """Mean, standard deviation and quantiles of a quantity, an `xarray.Dataset` that is a table too.

    What xarray makes of it, such as a selection, is one as well.
    """

    __slots__ = ()

    def table(self) -> pd.DataFrame:
        """Return the scores with one row a customer, to be joined, written to a file or sorted.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``customer``, one row where the quantity is of customers never seen. Columns ``mean``,
            ``sd``, of contrasts ``p_positive``, and the quantiles in per cent, such as ``quantile_5``; where
            an option has several values they are named ``"mean, t=4"`` and so on.
        """
        several = [dim for dim in self["mean"].dims if dim != "customer"]
        columns: dict[str, xr.DataArray] = {
            name: self[name] for name in ("mean", "sd", "p_positive") if name in self
        }
        columns |= {
            f"quantile_{100 * float(p):.10g}": self["quantile"].sel(probability=p, drop=True)
            for p in self["probability"].to_numpy()
        }
        for dim in several:
            columns = {
                f"{name}, {dim}={_short(value)}": column.sel({dim: value}, drop=True)
                for value in self[dim].to_numpy()
                for name, column in columns.items()
            }
        index = self["customer"].to_index() if "customer" in self.dims else pd.RangeIndex(1)
        return pd.DataFrame({name: column.to_numpy().reshape(-1) for name, column in columns.items()}, index)


def _short(value: Hashable) -> str:
    return f"{value:.10g}" if isinstance(value, (int, float)) else str(value)
