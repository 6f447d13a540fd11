"""Features of customers as levels: categories as they are, numbers in a few intervals."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from bayes_cx.errors import InputError

__all__ = ["MISSING", "OTHER", "Feature", "as_numbers", "as_text", "features_from_json", "features_to_json"]

MISSING = "missing"
"""The level of customers of whom a feature is not known."""

OTHER = "other"
"""The level of rare categories, and of those that were not seen before."""

# A category more would have too few customers to learn anything from.
_MOST_LEVELS = 20


@dataclass(frozen=True)
class Feature:
    """A feature of customers with its levels.

    Attributes
    ----------
    name : str
    levels : tuple of str
        In their order for numbers; the last ones may be `OTHER` and `MISSING`.
    edges : tuple of float or None
        Of a number: where its intervals meet, one fewer than there are. A value at an edge belongs to the
        lower interval. None for categories.

    Examples
    --------
    >>> age = Feature.of("age", pd.Series([20, 30, 40, 50, 60, 70]), bins=3)
    >>> age.levels
    ('up to 30', '30 to 50', 'above 50')
    >>> age.labels(pd.Series([18, None])).tolist()
    ['up to 30', 'missing']
    """

    name: str
    levels: tuple[str, ...]
    edges: tuple[float, ...] | None = None

    @property
    def ordered(self) -> int:
        """How many of the levels, from the first on, have an order: all intervals of a number."""
        return 0 if self.edges is None else len(self.edges) + 1

    @classmethod
    def of(cls, name: str, values: Any, bins: int, *, category: bool = False) -> "Feature":
        """Return the feature with the levels of these values: quantiles of a number, the frequent categories.

        A number with no more different values than `bins` has a level for each.
        """
        text = as_text(values)
        missing = (MISSING,) if any(value is None for value in text) else ()
        if category or not _is_number(values):
            counts = Counter(value for value in text if value is not None)
            known = sorted(counts, key=lambda level: (-counts[level], level))
            kept = sorted(known[:_MOST_LEVELS])
            return cls(name, (*kept, *((OTHER,) if len(known) > len(kept) else ()), *missing))
        found = as_numbers(text)[0]
        found = found[~np.isnan(found)]
        distinct = np.unique(found)
        if distinct.size <= bins:
            edges = (distinct[1:] + distinct[:-1]) / 2
            return cls(name, (*(f"{value:.12g}" for value in distinct), *missing), tuple(edges.tolist()))
        cut = np.unique(np.quantile(found, np.arange(1, bins) / bins, method="inverted_cdf"))
        # Where most have the largest value there is one interval for it and one for all below.
        cut = cut[cut < distinct[-1]] if cut[0] < distinct[-1] else distinct[-2:-1]
        shown = [f"{edge:.6g}" for edge in cut]
        if len(set(shown)) < len(shown):
            shown = [repr(float(edge)) for edge in cut]
        middle = [f"{low} to {high}" for low, high in pairwise(shown)]
        return cls(name, (f"up to {shown[0]}", *middle, f"above {shown[-1]}", *missing), tuple(cut.tolist()))

    def labels(self, values: Any) -> np.ndarray:
        """Return the level of each value, as objects of text.

        A category that is not among the levels is `OTHER` where that is one.

        Raises
        ------
        InputError
            If the feature is a number and a value is none.
        """
        text = as_text(values)
        if self.edges is None:
            known = {level: level for level in self.levels}
            rest = OTHER if OTHER in known else None
            return np.array([known.get(v or MISSING, rest or v or MISSING) for v in text], object)
        numbers, wrong = as_numbers(text)
        if wrong.any():
            raise InputError(
                f"{text[wrong][0]!r} in the feature {self.name!r}",
                "numbers, as in the fit",
                "correct the column",
            )
        levels = np.array([*self.levels[: self.ordered], MISSING], object)
        place = np.searchsorted(self.edges, numbers, side="left")
        return levels[np.where(np.isnan(numbers), self.ordered, place)]


def features_to_json(features: Sequence[Feature]) -> str:
    """Return features as JSON text."""
    return json.dumps([asdict(feature) for feature in features])


def features_from_json(said: str | Sequence[Mapping[str, Any]]) -> tuple[Feature, ...]:
    """Return the features that `features_to_json` wrote."""
    found = json.loads(said) if isinstance(said, str) else said
    return tuple(
        Feature(one["name"], tuple(one["levels"]), None if one["edges"] is None else tuple(one["edges"]))
        for one in found
    )


def as_text(values: Any) -> np.ndarray:
    """Return values as objects of text, missing and empty ones as None; 1 and 1.0 are equal.

    Examples
    --------
    >>> as_text([1.0, None, 2.5]).tolist(), as_text(["a ", "", True]).tolist()
    (['1', None, '2.5'], ['a', None, 'yes'])
    """
    series: Any = pd.Series(values)
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) != "string":
        # Of several types, in which 1 and True would be one value.
        return np.array([_one(value) for value in series.where(series.notna(), None)], object)
    place, different = pd.factorize(series)
    texts = np.array([*(_one(value) for value in different.tolist()), None], object)
    return texts[place]


def as_numbers(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return values as numbers, NaN where there is none, and which are neither a finite number nor missing.

    Yes and no, true and false are 1 and 0.

    Examples
    --------
    >>> numbers, wrong = as_numbers(["1.5", "yes", None, "x"])
    >>> numbers.tolist(), wrong.tolist()
    ([1.5, 1.0, nan, nan], [False, False, False, True])
    """
    text: Any = pd.Series(as_text(values))
    named = text.str.casefold().map({"yes": "1", "true": "1", "no": "0", "false": "0"})
    numbers = np.asarray(pd.to_numeric(named.where(named.notna(), text), errors="coerce"), float)
    numbers = np.where(np.isfinite(numbers), numbers, np.nan)
    return numbers, np.isnan(numbers) & text.notna().to_numpy()


def _one(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        return f"{value:.12g}"
    return str(value).strip() or None


def _is_number(values: Any) -> bool:
    """Return whether all values that are not missing are finite numbers, and there is one."""
    series: Any = pd.Series(values)
    if series.map(lambda value: isinstance(value, bool | np.bool_)).any():
        return False
    text = as_text(series)
    found = [value for value in text if value is not None]
    _, wrong = as_numbers(text)
    words = any(value.casefold() in ("yes", "no", "true", "false") for value in found)
    return bool(found) and not words and not wrong.any()
