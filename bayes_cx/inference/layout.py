"""A design applied to data: the columns of its matrix, how they are standardised, and its groups."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_cx.data import ByDate
from bayes_cx.errors import InputError
from bayes_cx.inference.contacted import check_contacts, contacts_in
from bayes_cx.inference.covariates import Table, check_no_missing, is_text, numbers
from bayes_cx.inference.dated import standards
from bayes_cx.inference.design import Design, groupings, variables
from bayes_cx.inference.drift import positions
from bayes_cx.inference.weekly_data import check_calendar
from bayes_cx.model import Model

__all__ = ["Layout", "Pool", "Table", "check_design", "lay_out", "members"]


@dataclass(frozen=True)
class Pool:
    """One grouping of customers for one coordinate.

    Attributes
    ----------
    columns : tuple of str
        A group is a combination of their values.
    groups : tuple of str
        The groups of the fit.
    name : str
        Names of random variables begin with it.
    ordered : bool
        Whether groups follow each other, so that neighbours are alike.
    """

    columns: tuple[str, ...]
    groups: tuple[str, ...]
    name: str
    ordered: bool = False

    @property
    def offset(self) -> str:
        """Name of the offset of each group, in standard deviations of the groups."""
        return f"{self.name}_offset"

    @property
    def spread(self) -> str:
        """Name of the standard deviation of the groups."""
        return f"{self.name}_spread"

    @property
    def memory(self) -> str:
        """Name of the correlation of neighbours, where groups are ordered."""
        return f"{self.name}_memory"

    @property
    def dim(self) -> str:
        """Name of the dimension of the groups."""
        return f"{self.name}_group"

    def steps(self, groups: Sequence[str] | None = None) -> np.ndarray:
        """Return where ordered groups, by default those of the fit, are, in steps from its first one."""
        known = positions(self.groups, self.columns[0])
        unit = np.diff(known).min(initial=np.inf)
        asked = known if groups is None else positions(groups, self.columns[0])
        return (asked - known[0]) / (unit if np.isfinite(unit) else 1.0)

    def new(self, table: Table) -> tuple[str, ...]:
        """Return the groups of a table that are not among those of the fit, in order."""
        return _sorted(set(members(self.columns, table)) - set(self.groups), self.columns, self.ordered)

    def place(self, table: Table) -> np.ndarray:
        """Return the position of each row's group, shape (row,); groups not in the fit come last."""
        position = {group: i for i, group in enumerate((*self.groups, *self.new(table)))}
        return np.array([position[group] for group in members(self.columns, table)])


@dataclass(frozen=True)
class Layout:
    """A design applied to data.

    Attributes
    ----------
    design : Design
    matrix : mapping of str to mapping of str to (float, float)
        For a coordinate, the columns of its matrix of covariates X, each with what is subtracted from it and
        what it is then divided by.
    levels : mapping of str to tuple of str
        The values of the columns of text in formulas.
    groups : mapping of str to tuple of str
        The groups of each grouping.
    by_date : mapping of str to (float, float)
        The columns by date, each with what is subtracted from it and what it is then divided by.
    contacts : mapping of str to (int or None, int)
        The sorts of contact, each with the days for which one counts (None: for good), and how many counted
        at the repeat purchases of all customers.
    """

    design: Design
    matrix: Mapping[str, Mapping[str, tuple[float, float]]]
    levels: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]]
    by_date: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    contacts: Mapping[str, tuple[int | None, int]] = field(default_factory=dict)

    def covariates(self, name: str, table: Table) -> np.ndarray:
        """Return the matrix X of coordinate `name`, shape (pattern, column); new columns come last."""
        raw = _columns(self.design, name, table, self._levels_of(table))
        standard = [(raw[key] - centre) / spread for key, (centre, spread) in self.matrix[name].items()]
        return np.column_stack([*standard, *(raw[key] for key in self.new_covariates(name, table))])

    def new_covariates(self, name: str, table: Table) -> tuple[str, ...]:
        """Return the columns that X of coordinate `name` has more than in the fit: those of new levels.

        Raises
        ------
        InputError
            If there are new levels and the design does not say what to do, or they stand in a product with
            numbers, of which nothing is known.
        """
        if name in self.design.covariates or not self.new_levels(table):
            return ()
        raw = _columns(self.design, name, table, self._levels_of(table))
        more = {key: values for key, values in raw.items() if key not in self.matrix[name]}
        if numeric := [key for key, values in more.items() if not np.all(np.isin(values, (0.0, 1.0)))]:
            raise InputError(
                f"covariate {numeric[0]}, of a value that the fit has not seen",
                "values that the fit has seen, where a formula multiplies by them",
                "fit again with it",
            )
        return tuple(more)

    def new_levels(self, table: Table) -> dict[str, tuple[str, ...]]:
        """Return the values of text in formulas that the fit has not seen, sorted, by column."""
        found = {
            column: tuple(sorted(set(map(str, np.asarray(table[column]))) - set(levels)))
            for column, levels in self.levels.items()
        }
        return {column: new for column, new in found.items() if new}

    def _levels_of(self, table: Table) -> dict[str, tuple[str, ...]]:
        """Return the values of text that X needs columns for: those of the fit, then new ones."""
        new = self.new_levels(table)
        if new and self.design.new_levels == "error":
            column, values = next(iter(new.items()))
            more = f" and {len(values) - 3} more" if len(values) > 3 else ""
            raise InputError(
                f"{column} {', '.join(map(repr, values[:3]))}{more}",
                f"one that the fit has seen: {', '.join(self.levels[column])}",
                f"fit again with it; or with Design(..., new_levels='prior') or pooled over {column}, which "
                "allow for values not seen",
            )
        return {column: (*levels, *new.get(column, ())) for column, levels in self.levels.items()}

    def pools(self, name: str) -> tuple[Pool, ...]:
        """Return the groupings of coordinate `name`."""
        own, shared = self.design.pooled.get(name), _pooled_everywhere(self.design)
        pools = () if own is None else (Pool((own,), self.groups[own], name),)
        pools += tuple(
            Pool(columns, self.groups[_key(columns)], f"{name}_{_key(columns)}") for columns in shared
        )
        drift = self.design.drift
        over = drift if isinstance(drift, str) else drift.get(name)
        ordered = () if over is None else (Pool((over,), self.groups[over], f"{name}_drift", ordered=True),)
        return pools + ordered

    def as_dict(self) -> dict[str, Any]:
        """Return the layout as plain data, for the record of where draws come from."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Layout":
        """Return the layout that `as_dict` wrote."""
        matrix = {name: _pairs(columns) for name, columns in plain["matrix"].items()}
        levels, groups = (
            {name: tuple(values) for name, values in plain[part].items()} for part in ("levels", "groups")
        )
        dated = plain["design"]["by_date"]
        design = Design(**{**plain["design"], "by_date": dated and ByDate.from_dict(dated)})
        contacts = {name: (days, int(n)) for name, (days, n) in plain.get("contacts", {}).items()}
        return cls(design, matrix, levels, groups, _pairs(plain["by_date"]), contacts)


def _pairs(columns: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {name: (float(centre), float(spread)) for name, (centre, spread) in columns.items()}


def check_design(design: Design, model: Model, stats: xr.Dataset) -> None:
    """Refuse a design that names what the model or the statistics do not have.

    Raises
    ------
    InputError
        If the model has no such coordinate, a column is missing, or values of one are.
    """
    drifting = () if isinstance(design.drift, str) else design.drift
    for name in (*design.covariates, *design.pooled, *design.formulas, *drifting):
        if name not in model.priors:
            raise InputError(
                f"a design for {name!r}",
                f"a coordinate of {model.name}: {', '.join(model.priors)}",
                "name one of these",
            )
    if twice := [name for name in design.formulas if name in design.covariates]:
        raise InputError(
            f"covariates of {twice[0]} and a formula for it", "one of the two", "write all into the formula"
        )
    if missing := [name for name in design.columns if name not in stats]:
        raise InputError(
            f"a design on {', '.join(missing)}",
            f"columns of the statistics: {', '.join(map(str, stats.data_vars))}",
            "name group columns in summarise(by=...), or assign the column to the statistics",
        )
    check_no_missing(design.columns, design.covariate_columns, stats)
    if design.calendar:
        check_calendar(design, model, stats)
    if design.contacts:
        check_contacts(design, model, stats)


def lay_out(design: Design, stats: xr.Dataset) -> Layout:
    """Apply a design to statistics, in which each row counts by its weight.

    Raises
    ------
    InputError
        If a covariate is not finite or does not vary.
    """
    levels = _levels(design, stats)
    weight = np.asarray(stats["weight"]) if "weight" in stats else None
    matrix = {
        name: {key: _standard(key, values, weight, name in design.formulas) for key, values in found.items()}
        for name in (*design.covariates, *design.formulas)
        for found in [_columns(design, name, stats, levels)]
    }
    groups = {column: _found((column,), stats) for column in design.pooled.values()}
    groups |= {_key(columns): _found(columns, stats) for columns in _pooled_everywhere(design)}
    groups |= {column: _found((column,), stats, ordered=True) for column in design.ordered}
    by_date = {} if design.by_date is None else standards(design.by_date, stats)
    return Layout(design, matrix, levels, groups, by_date, contacts_in(design, stats))


def _standard(
    key: str, values: np.ndarray, weight: np.ndarray | None, of_formula: bool
) -> tuple[float, float]:
    """Return what is subtracted from a covariate, and what it is then divided by."""
    centre = float(np.average(values, weights=weight))
    spread = float(np.sqrt(np.average((values - centre) ** 2, weights=weight)))
    if spread == 0:
        raise InputError(f"covariate {key} with one value only", "a covariate that varies", "leave it out")
    # Indicators in a formula are centred but not divided, so that a slope is the difference of two groups.
    return centre, 1.0 if of_formula and np.all(np.isin(values, (0.0, 1.0))) else spread


def members(columns: tuple[str, ...], table: Table) -> list[str]:
    """Return the group of each row."""
    return [
        " / ".join(map(str, values)) for values in zip(*(np.asarray(table[c]) for c in columns), strict=True)
    ]


def _found(columns: tuple[str, ...], table: Table, *, ordered: bool = False) -> tuple[str, ...]:
    return _sorted(set(members(columns, table)), columns, ordered)


def _sorted(groups: set[str], columns: tuple[str, ...], ordered: bool) -> tuple[str, ...]:
    names = sorted(groups)
    if not (ordered and names):
        return tuple(names)
    at = positions(names, columns[0])
    if np.unique(at).size < at.size:
        raise InputError(
            f"ordered groups of {columns[0]} that are the same, such as 1 and 1.0",
            "one name for each",
            "correct the column",
        )
    return tuple(names[i] for i in np.argsort(at))


def _key(columns: tuple[str, ...]) -> str:
    return ":".join(columns)


def _pooled_everywhere(design: Design) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(grouping for text in design.pool for grouping in groupings(text)))


def _levels(design: Design, table: Table) -> dict[str, tuple[str, ...]]:
    """Return the values of the columns of text that formulas read."""
    read = sorted({name for formula in design.formulas.values() for name in variables(formula)})
    coded = {name for name in read for formula in design.formulas.values() if _coded(name) in formula}
    return {name: _found((name,), table) for name in read if name in coded or is_text(table[name])}


def _coded(column: str) -> str:
    """Return how a formula says that a column of numbers has a covariate for each of its values."""
    return f"C({column})"


def _columns(
    design: Design, name: str, table: Table, levels: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    """Return the covariates of a coordinate as they are, by name, shape (row,)."""
    if name in design.covariates:
        return {column: numbers(column, table) for column in design.covariates[name]}
    return _of_formula(design.formulas[name], table, levels)


def _of_formula(formula: str, table: Table, levels: Mapping[str, tuple[str, ...]]) -> dict[str, np.ndarray]:
    from formulaic import model_matrix

    frame = pd.DataFrame(
        {
            name: _text(name, table, levels[name]) if name in levels else numbers(name, table)
            for name in variables(formula)
        }
    )
    made = model_matrix(formula, frame)
    spec: Any = made.model_spec
    categories = {key for key, (kind, _) in spec.encoder_state.items() if kind.value == "categorical"}
    if spec.transform_state or not categories <= {*levels, *map(_coded, levels)}:
        raise InputError(
            f"a formula {formula!r} that codes a column by all its values",
            "transforms of one row at a time, such as log(age), columns of numbers or of text, and C(column)",
            "assign what it computes to the statistics, as a column of its own",
        )
    columns = {str(key): made[key].to_numpy(float) for key in made.columns if key != "Intercept"}
    if bad := [key for key, values in columns.items() if not np.all(np.isfinite(values))]:
        raise InputError(f"covariate {bad[0]} that is not finite", "finite numbers", "correct the column")
    return columns


def _text(column: str, table: Table, levels: tuple[str, ...]) -> pd.Categorical:
    return pd.Categorical([str(value) for value in np.asarray(table[column])], categories=list(levels))
