"""How parameters differ between customers: not at all, by covariates, or by groups that share strength."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from bayes_cx.errors import InputError
from bayes_cx.model import Model

__all__ = ["CONSTANT", "Design", "Layout", "coordinates", "lay_out"]

type Table = Mapping[str, Any] | xr.Dataset

# The scale on which effects add, by the distribution of the coordinate's prior, and the way back.
LINKS: dict[str, tuple[Any, Any]] = {
    "LogNormal": (np.log, np.exp),
    "Beta": (special.logit, special.expit),
}
# Standard deviations of the priors, on the scale of the link. A slope of .5 changes a rate by 65 % for one
# standard deviation of its covariate; a spread of .5 lets typical groups differ by as much.
SLOPE, SPREAD = 0.5, 0.5


@dataclass(frozen=True)
class Design:
    """How the coordinates of a model differ between customers.

    Attributes
    ----------
    covariates : mapping of str to sequence of str
        For a coordinate, the numeric columns of the statistics that shift it. They are standardised, so their
        units do not matter.
    pooled : mapping of str to str
        For a coordinate, the column of groups that share strength: each group has its own value, drawn from
        what is common to all, so small groups borrow from the others.

    Examples
    --------
    >>> Design(pooled={"purchase_rate": "segment"}).columns
    ('segment',)
    >>> Design().is_constant
    True
    """

    covariates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pooled: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        mappings = isinstance(self.covariates, Mapping) and isinstance(self.pooled, Mapping)
        if not mappings or any(isinstance(columns, str) for columns in self.covariates.values()):
            raise InputError(
                "a design that is not two mappings",
                "covariates={coordinate: [columns]} and pooled={coordinate: column}",
                "write for example Design(pooled={'purchase_rate': 'segment'})",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the statistics that the design reads."""
        named = [*(name for names in self.covariates.values() for name in names), *self.pooled.values()]
        return tuple(sorted(set(named)))

    @property
    def is_constant(self) -> bool:
        """Whether all customers share the same parameters."""
        return not self.columns


CONSTANT = Design()


@dataclass(frozen=True)
class Layout:
    """A design laid out on data: what standardises the covariates and which groups there are.

    Attributes
    ----------
    design : Design
    centre, spread : mapping of str to float
        Mean and standard deviation of each covariate.
    groups : mapping of str to tuple of str
        The groups of each pooled column.
    """

    design: Design
    centre: Mapping[str, float]
    spread: Mapping[str, float]
    groups: Mapping[str, tuple[str, ...]]

    def standardised(self, name: str, table: Table) -> np.ndarray:
        """Return the covariates of coordinate `name`, shape (covariate, pattern)."""
        columns = [
            (_numbers(column, table) - self.centre[column]) / self.spread[column]
            for column in self.design.covariates[name]
        ]
        return np.array(columns)

    def membership(self, name: str, table: Table) -> np.ndarray:
        """Return the position of each pattern's group."""
        column = self.design.pooled[name]
        return np.array([self.groups[column].index(group) for group in _names(column, table)])

    def as_dict(self) -> dict[str, Any]:
        """Return the layout as plain data, for the record of where draws come from."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Layout":
        """Return the layout that `as_dict` wrote."""
        groups = {name: tuple(members) for name, members in told["groups"].items()}
        return cls(Design(**told["design"]), told["centre"], told["spread"], groups)


def lay_out(design: Design, model: Model, stats: xr.Dataset) -> Layout:
    """Lay a design out on statistics.

    Raises
    ------
    InputError
        If the model has no such coordinate, a column is missing, or a covariate is not numeric and finite.
    """
    for name in (*design.covariates, *design.pooled):
        if name not in model.priors:
            raise InputError(
                f"a design for {name!r}",
                f"a coordinate of {model.name}: {', '.join(model.priors)}",
                "name one of these",
            )
    missing = [name for name in design.columns if name not in stats]
    if missing:
        raise InputError(
            f"a design on {', '.join(missing)}",
            f"columns of the statistics: {', '.join(map(str, stats.data_vars))}",
            "name group columns in summarise(by=...), or assign the column to the statistics",
        )
    covariates = sorted({column for columns in design.covariates.values() for column in columns})
    values = {column: _numbers(column, stats) for column in covariates}
    weight = np.asarray(stats["weight"]) if "weight" in stats else None
    centre = {column: float(np.average(value, weights=weight)) for column, value in values.items()}
    spread = {
        column: float(np.sqrt(np.average((value - centre[column]) ** 2, weights=weight)))
        for column, value in values.items()
    }
    constant = [column for column, value in spread.items() if value == 0]
    if constant:
        raise InputError(
            f"covariate {constant[0]} with one value only", "a covariate that varies", "leave it out"
        )
    return Layout(
        design=design,
        centre=centre,
        spread=spread,
        groups={column: tuple(sorted(set(_names(column, stats)))) for column in design.pooled.values()},
    )


def coordinates(
    layout: Layout,
    model: Model,
    draws: Mapping[str, np.ndarray],
    table: Table,
    unseen: Callable[[str], np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the coordinates of each pattern of the design's columns, draw by draw.

    Parameters
    ----------
    layout : Layout
    model : Model
    draws : mapping of str to numpy.ndarray, shape (sample, ...)
        The sampled variables.
    table : mapping of str to array, shape (pattern,)
        The columns of the design.
    unseen : callable
        ``unseen(name)`` gives standard normal draws, shape (sample,), for a group never seen, whose own
        values come from what is common to all.

    Returns
    -------
    dict of str to numpy.ndarray, shape (sample, pattern)
    """
    found = {}
    for name, prior in model.priors.items():
        link, back = LINKS[prior.distribution]
        linked = link(draws[name])[:, None]
        if name in layout.design.covariates:
            linked = linked + draws[f"{name}_slope"] @ layout.standardised(name, table)
        if name in layout.design.pooled:
            column = layout.design.pooled[name]
            place = {group: i for i, group in enumerate(layout.groups[column])}
            raw = draws[f"{name}_offset"]
            offset = np.stack(
                [
                    raw[:, place[group]] if group in place else unseen(f"{name} {group}")
                    for group in _names(column, table)
                ],
                axis=1,
            )
            linked = linked + draws[f"{name}_spread"][:, None] * offset
        found[name] = back(linked)
    return found


def _numbers(column: str, table: Table) -> np.ndarray:
    try:
        values = np.asarray(table[column]).astype(float)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"covariate {column} that is not numeric", "numbers", "pool over it, or code it as numbers"
        ) from error
    if not np.all(np.isfinite(values)):
        raise InputError(
            f"covariate {column} with missing values", "a number for every customer", "fill or leave out"
        )
    return values


def _names(column: str, table: Table) -> list[str]:
    return [str(value) for value in np.asarray(table[column])]
