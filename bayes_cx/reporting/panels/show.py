"""The display of statistics and scores in notebooks, in place of that of xarray."""

from dataclasses import dataclass

import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["Shown", "show"]


@dataclass(frozen=True)
class Shown:
    """A Dataset with a display for notebooks; elsewhere its plain text."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def show(data: xr.Dataset) -> Shown:
    """Return statistics or scores as a notebook should show them.

    Parameters
    ----------
    data : xarray.Dataset
        From `summarise`, `split` or `score`.

    Raises
    ------
    InputError
        If the Dataset is neither.
    """
    if {"mean", "sd"} <= set(data.data_vars):
        return Shown(html("score", data), repr(data))
    if "kind" in data.attrs:
        return Shown(html("statistics", data), repr(data))
    raise InputError(
        f"a Dataset with {', '.join(map(str, data.data_vars)) or 'no variables'}",
        "statistics (with an attribute kind) or scores (mean, sd)",
        "show the Dataset itself",
    )
