"""What is computed of people whose identities are uncertain: pooled over the ways to link them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.data import Events, Linked
from bayes_cx.errors import InputError

__all__ = ["OverLinks", "over_links"]


@dataclass(frozen=True)
class OverLinks:
    """Draws of a quantity, over the ways to link people and over the posterior of each.

    Attributes
    ----------
    draws : xarray.DataArray
        With the dimensions ``imputation`` and ``draw``, and those of the quantity.
    left_out : int
        Number of values, such as customers, that not all imputations have.
    """

    draws: xr.DataArray
    left_out: int

    @property
    def share_of_links(self) -> xr.DataArray:
        """The share of the variance that comes from not knowing who is who.

        It is the variance between the means of the imputations, less what the draws of each make of it by
        chance, divided by the whole variance; from 0 to 1, and NaN of what does not vary.
        """
        n = self.draws.sizes["draw"]
        within = self.draws.var("draw", ddof=1).mean("imputation") if n > 1 else xr.zeros_like(self._mean)
        m = self.draws.sizes["imputation"]
        if m == 1:
            return xr.where(within > 0, 0.0, np.nan)
        between = (self.draws.mean("draw").var("imputation", ddof=1) - within / n).clip(min=0)
        whole = within + between
        return (between / whole.where(whole > 0)).rename("share_of_links")

    @property
    def _mean(self) -> xr.DataArray:
        return self.draws.mean(("imputation", "draw"))

    def summary(self, quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)) -> xr.Dataset:
        """Return mean, standard deviation and quantiles over all draws, and the share of the links."""
        both = ("imputation", "draw")
        return xr.Dataset(
            {
                "mean": self._mean,
                "sd": self.draws.std(both),
                "quantile": self.draws.quantile(list(quantiles), both).rename(quantile="probability"),
                "share_of_links": self.share_of_links,
            }
        )

    def __repr__(self) -> str:
        return (
            f"<OverLinks: {self.draws.sizes['imputation']} imputations of {self.draws.sizes['draw']:,} draws>"
        )


def over_links(linked: Linked, function: Callable[[Events], Any]) -> OverLinks:
    """Compute something for each way to link people, and pool the draws.

    The posterior of each imputation is conditional on who is who; the draws of all of them together are of
    the posterior that does not know it. So linkage uncertainty is in every interval.

    Parameters
    ----------
    linked : Linked
        From `link`.
    function : callable
        From events to draws: an `xarray.DataArray` with the dimension ``draw`` (and ``chain``, perhaps), as
        `bcx.draws` returns; or an array whose first dimension is that of draws. A single number is one draw.

    Returns
    -------
    OverLinks

    Raises
    ------
    InputError
        If the function returns something else.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_cx as bcx
    >>> frame = pd.DataFrame({"who": ["ann", "app-7"], "day": "2025-01-01", "what": "visit"})
    >>> events = bcx.read_events(frame, customer="who", time="day", event="what")
    >>> perhaps = pd.DataFrame({"left": ["app-7"], "right": ["ann"], "probability": [0.5]})
    >>> linked = bcx.link(events, perhaps, imputations=10, seed=1)
    >>> number = bcx.over_links(linked, lambda events: events.coverage()["customers"].iloc[0])
    >>> sorted(set(number.draws.values.ravel().tolist())), float(number.share_of_links)
    ([1.0, 2.0], 1.0)
    """
    found = [_as_draws(function(linked.events(number))) for number in range(linked.imputations)]
    shapes = {one.dims for one in found}
    if len(shapes) > 1 or len({one.sizes["draw"] for one in found}) > 1:
        raise InputError(
            f"draws over {' and over '.join(str(dims) for dims in sorted(shapes))}",
            "the same dimensions, and as many draws, in each imputation",
            "let the function return a quantity of the same form for all events",
        )
    sizes = max(int(np.prod([one.sizes[dim] for dim in one.dims if dim != "draw"])) for one in found)
    together = xr.concat(
        found, "imputation", join="inner", combine_attrs="drop_conflicts", coords="minimal", compat="override"
    )
    kept = int(np.prod([together.sizes[dim] for dim in found[0].dims if dim != "draw"]))
    return OverLinks(together, sizes - kept)


def _as_draws(value: Any) -> xr.DataArray:
    """Return draws with the dimension ``draw``, chains put together."""
    if isinstance(value, xr.DataArray):
        if "draw" not in value.dims:
            raise InputError(
                f"a DataArray over {', '.join(map(str, value.dims)) or 'nothing'}",
                "one with the dimension draw",
                "return for example bcx.draws(...)",
            )
        if "chain" in value.dims:
            value = value.stack(every=("chain", "draw")).drop_vars(("every", "chain", "draw"))
            value = value.rename(every="draw")
        rest = [dim for dim in value.dims if dim != "draw"]
        return value.drop_vars("draw", errors="ignore").transpose("draw", *rest)
    try:
        array = np.atleast_1d(np.asarray(value, float))
    except (TypeError, ValueError):
        raise InputError(
            f"a {type(value).__name__}", "draws: a DataArray, an array or a number", "return one of these"
        ) from None
    dims = ("draw", *(f"dim_{number}" for number in range(array.ndim - 1)))
    return xr.DataArray(array, dims=dims)
