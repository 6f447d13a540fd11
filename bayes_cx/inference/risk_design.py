"""What is known of customers at risk as a matrix: standardised numbers, levels of text, bends in age."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from bayes_cx.errors import InputError
from bayes_cx.spans import FINE_UNITS

__all__ = ["AGE", "RiskColumn", "RiskDesign"]

AGE, BENDS = "age", "bends in age"
"""The column of age, and the family of its bends."""
# At which shares of the periods the line in log age may bend; and up to which it goes.
_KNOTS, _SEEN = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85), 0.99


@dataclass(frozen=True)
class RiskColumn:
    """A column of the matrix: ``(g(x) - centre) / spread``.

    Attributes
    ----------
    name, family : str
    feature : str
        The column of the statistics that it comes from.
    form : {"count", "value", "recency", "number", "share", "category", "missing", "age", "bend"}
        What g is. Of counts and times, in periods, it is log2(1 + x); of values log2(1 + x / `at`) with the
        sign of x, where `at` is the median of those that are not zero; of a category whether it is `level`; a
        bend rises from the log age `at` on.
    level : str
    at : float
    most : float
        The log age beyond which hardly anybody was seen; whoever is older counts as so old, since a line that
        goes on would say much of what nobody has seen.
    centre, spread : float
    """

    name: str
    family: str
    feature: str
    form: str
    level: str = ""
    at: float = 0.0
    most: float = 0.0
    centre: float = 0.0
    spread: float = 1.0

    def raw(self, x: np.ndarray, per_period: float) -> np.ndarray:
        """Return g(x), shape (row,); `per_period` is the length of a period in the unit of x."""
        if self.form == "category":
            return (x.astype(str) == self.level).astype(float)
        x = x.astype(float)
        if self.form == "missing":
            return np.isnan(x).astype(float)
        if self.form == "count":
            return np.log2(1 + np.maximum(x, 0))
        if self.form == "value":
            return np.sign(x) * np.log2(1 + np.abs(x) / self.at)
        if self.form == "recency":
            return np.log2(1 + np.maximum(x, 0) / per_period)
        if self.form in ("age", "bend"):
            return np.maximum(np.minimum(np.log2(1 + np.maximum(x, 0) / per_period), self.most) - self.at, 0)
        # What is missing counts as average; a column of its own says that it is missing.
        return np.where(np.isnan(x), self.centre, x)


@dataclass(frozen=True)
class RiskDesign:
    """The columns of the matrix, as a fit found them.

    Attributes
    ----------
    columns : tuple of RiskColumn
    period : float
        Length of a period in days.
    """

    columns: tuple[RiskColumn, ...]
    period: float

    @classmethod
    def of(cls, periods: xr.Dataset, pooled: Sequence[str]) -> "RiskDesign":
        """Return the design for periods at risk; columns that do not vary are left out.

        Raises
        ------
        InputError
            If the periods do not say what their columns are, or lack one.
        """
        said = json.loads(periods.attrs.get("definition", "null"))
        if said is None:
            raise InputError(
                "periods without a definition", "what bcx.summarise_periods returns", "use it to make them"
            )
        if missing := [name for name in pooled if name not in periods]:
            raise InputError(
                f"periods without {missing[0]}",
                "the columns of the design",
                "pass by=... to bcx.summarise_periods",
            )
        weight = periods["weight"].to_numpy().astype(float) if "weight" in periods else None
        found = []
        for column in _wanted(periods, said, pooled, weight):
            x = column.raw(periods[column.feature].to_numpy(), _per_period(periods, said["period"]))
            centre = float(np.average(x, weights=weight))
            spread = float(np.sqrt(np.average((x - centre) ** 2, weights=weight)))
            if spread <= 1e-9 * max(1.0, abs(centre)):
                continue
            if column.form in ("category", "missing"):  # in which one step is from no to yes
                spread = 1.0
            found.append(RiskColumn(**{**asdict(column), "centre": centre, "spread": spread}))
        return cls(tuple(found), float(said["period"]))

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    @property
    def features(self) -> list[str]:
        """The columns of statistics that are read, each once."""
        return list(dict.fromkeys(column.feature for column in self.columns))

    @cached_property
    def families(self) -> list[str]:
        """Names of the families, in order."""
        return list(dict.fromkeys(column.family for column in self.columns))

    @cached_property
    def family(self) -> np.ndarray:
        """The position of each column's family, shape (column,)."""
        return np.array([self.families.index(column.family) for column in self.columns], int)

    def matrix(self, rows: xr.Dataset, later: float = 0.0) -> np.ndarray:
        """Return the matrix, shape (row, column).

        Parameters
        ----------
        rows : xarray.Dataset
            Periods, or customers at risk, in any unit of time.
        later : float
            Customers are older by so many days; all else stays as it is.

        Raises
        ------
        InputError
            If a column is missing.
        """
        if missing := [name for name in self.features if name not in rows]:
            raise InputError(
                f"no column {missing[0]!r}", "the columns of the fit", "use bcx.at_risk(events, like=fit)"
            )
        per = _per_period(rows, self.period)
        n = next(iter(rows.sizes.values()))
        found = np.empty((n, len(self.columns)), order="F")
        for place, column in enumerate(self.columns):
            x = rows[column.feature].to_numpy()
            if later and column.feature == AGE:
                x = x + later / self.period * per
            found[:, place] = (column.raw(x, per) - column.centre) / column.spread
        return found

    def new_levels(self, rows: xr.Dataset) -> dict[str, list[str]]:
        """Return the levels of text that the fit has not seen; they count as average."""
        known: dict[str, set[str]] = {}
        for column in self.columns:
            if column.form == "category":
                known.setdefault(column.feature, set()).add(column.level)
        new = {name: sorted({*rows[name].to_numpy().astype(str)} - levels) for name, levels in known.items()}
        return {name: levels for name, levels in new.items() if levels}

    def plain(self) -> dict[str, object]:
        """Return the design as plain data."""
        return {"columns": [asdict(column) for column in self.columns], "period": self.period}

    @classmethod
    def from_plain(cls, plain: dict) -> "RiskDesign":
        """Return the design from plain data."""
        return cls(tuple(RiskColumn(**column) for column in plain["columns"]), float(plain["period"]))


def _per_period(rows: xr.Dataset, days: float) -> float:
    """Return the length of a period in the unit of the rows."""
    return days / FINE_UNITS[rows.attrs["unit"]]


def _wanted(
    periods: xr.Dataset, said: dict, pooled: Sequence[str], weight: np.ndarray | None
) -> Iterable[RiskColumn]:
    """Yield the columns that there may be, not yet standardised."""
    per = _per_period(periods, said["period"])
    age = np.log2(1 + periods["age"].to_numpy().astype(float) / per)
    order = np.argsort(age, kind="stable")
    share = np.cumsum(np.ones(age.size) if weight is None else weight[order])
    at = age[order][np.minimum(np.searchsorted(share / share[-1], (*_KNOTS, _SEEN)), age.size - 1)]
    *knots, most = (round(float(one), 9) for one in at)
    yield RiskColumn("age", AGE, "age", "age", most=most)
    for knot in sorted(set(knots) - {round(float(age.min()), 9), most}):
        yield RiskColumn(f"age beyond {2**knot - 1:.3g} periods", BENDS, "age", "bend", at=knot, most=most)
    for feature in said["features"]:
        name, form = feature["name"], feature["form"]
        if name in pooled:
            continue
        x = periods[name].to_numpy()
        if form == "category":
            for level in sorted(set(x.astype(str))):
                yield RiskColumn(f"{name}: {level}", name, name, "category", level=level)
            continue
        family = "numbers" if form == "number" else feature["family"]
        x = x.astype(float)
        if form == "number" and np.isnan(x).any():
            known = ~np.isnan(x)
            if not known.any():
                continue
            centre = float(np.average(x[known], weights=None if weight is None else weight[known]))
            yield RiskColumn(name, family, name, form, centre=centre)
            yield RiskColumn(f"{name} is missing", family, name, "missing")
            continue
        middle = np.abs(x[x != 0])
        at = float(np.median(middle)) if form == "value" and middle.size else 1.0
        yield RiskColumn(name, family, name, form, at=at)
    for name in pooled:
        for level in sorted({*periods[name].to_numpy().astype(str)}):
            yield RiskColumn(f"{name}: {level}", name, name, "category", level=level)
