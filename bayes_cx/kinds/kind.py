"""A kind of statistics: what a row means, and all that other rooms do differently for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Column",
    "Columns",
    "Demand",
    "Forecast",
    "Kind",
    "Statistic",
    "Unit",
    "Words",
    "differences",
    "not_whole",
    "plural",
    "share",
    "some_time",
]

type Columns = Mapping[str, np.ndarray]
type Statistic = Callable[[Columns], float]
type Unit = Literal["", "time", "money", "count", "text"]
# What came, what was expected and what to do, as `InputError` takes them.
type Demand = tuple[str, str, str]


@dataclass(frozen=True)
class Column:
    """A column of the statistics.

    Attributes
    ----------
    unit : {"", "time", "money", "count", "text"}
        A column in time changes with the unit of the statistics, a count never does; text is no number.
    meaning : str
    required : bool
        Whether statistics of the kind must have it.
    source : str
        What to do where it is missing, if that differs from the kind's own `source`.
    """

    unit: Unit
    meaning: str
    required: bool = True
    source: str = ""


@dataclass(frozen=True)
class Words:
    """What people call the events and the customers of a kind, in one language.

    Attributes
    ----------
    event, events : str
        What customers make over time, singular and plural.
    active : str
        The state of a customer who has not left, as in "active".
    lively : str
        Description of the customers that ``Kind.lively`` finds.
    repeats : str
        The events that are counted from the first on, plural.
    renew : str
        Verb for making more of them, as in "bought".
    steady : str
        A sentence for the case that frequent and rare customers alike did what was expected.
    history : callable
        ``history(row, unit) -> tuple of str``, one customer's history in a few words; `row` maps the names of
        columns to numbers.
    """

    event: str
    events: str
    active: str
    lively: str
    repeats: str
    renew: str
    steady: str
    history: Callable[[Mapping[str, float], str], tuple[str, ...]]


@dataclass(frozen=True)
class Forecast:
    """What a hold-out counts and how it is forecast.

    `columns` are those of the calibration period, `span` how far the forecast reaches for each customer and
    `count` the events within it, all of shape (customer,).

    Attributes
    ----------
    counted : str
        The column of the hold-out with the number of events.
    span : str
        The column of the hold-out that says how far the forecast of a customer reaches, in opportunities; ""
        where it is the length of the hold-out for all. Customers of span 0 are not judged.
    expected : str
        The quantity that forecasts `counted`.
    chance : str
        The quantity that forecasts whether something happens.
    outcome, they, whom : str
        Name of that event, and of the customers to whom it happens, in short and in full.
    happened : callable
        ``happened(count, span)`` returns for whom it happened.
    reached : callable
        ``reached(count, span, number)`` returns who made `number` events or more.
    furthest : callable
        ``furthest(span)`` returns the largest `number` to look at.
    before : callable
        ``before(columns)`` returns the events until the cut.
    passed : callable
        ``passed(columns)`` returns the opportunities until the cut, where time is counted in them.
    carried_on : callable
        ``carried_on(columns, span)`` returns what a simple rule expects.
    rule : str
        That rule in words.
    ranks : callable
        ``ranks(columns)`` returns the scores of other simple rules by name; a higher score is a better
        customer.
    peer : bool
        Whether there is a point estimate by another package to compare with.
    """

    expected: str
    chance: str
    outcome: str
    they: str
    whom: str
    happened: Callable[[np.ndarray, np.ndarray], np.ndarray]
    reached: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    furthest: Callable[[np.ndarray], int]
    before: Callable[[Columns], np.ndarray]
    passed: Callable[[Columns], np.ndarray]
    carried_on: Callable[[Columns, np.ndarray], np.ndarray]
    rule: str
    ranks: Callable[[Columns], dict[str, np.ndarray]]
    counted: str = "x_holdout"
    span: str = ""
    peer: bool = False


@dataclass(frozen=True)
class Kind:
    """What a row of statistics means, and all that other rooms do differently for it.

    Attributes
    ----------
    key : str
        Name in ``stats.attrs["kind"]``, in files and in commands.
    row : str
        What a row says of a customer.
    columns : mapping of str to Column
        The columns by name, required and optional ones.
    source : str
        How to get such statistics, as the last part of an error message.
    counted : str
        The column of whole numbers whose sum distinguishes data sets in any unit of time.
    exposure : str
        The column that says how long a customer was observed, "" where that does not matter.
    discrete : bool
        Whether time counts opportunities, which no unit converts into others.
    leaving : {"latent", "observed", "none"}
        ``latent``: dropout is not observed; ``observed``: it is; ``none``: the kind has no dropout.
    events : str
        The events in the names of quantities, such as ``expected_purchases``; "" where there are none.
    words : mapping of str to Words
        By language.
    lively : callable
        ``lively(columns)`` returns who came back or stayed, as bool by row.
    impossible : callable
        ``impossible(columns)`` yields descriptions of impossible values, each with the rows (bool) that have
        them.
    demands : callable
        ``demands(columns)`` yields what is wrong with a table as a whole.
    example : mapping of str to float
        The numbers of a row that a customer can have.
    tables : tuple of str
        Other kinds whose tables have the columns of this one.
    tallies : tuple of str
        Attributes that add when tables add, beside the counts of rows.
    sequence : callable or None
        ``sequence(early, late, end)`` returns the columns over two periods, one after the other: for equally
        many rows, NaN where a part does not have the customer, times and ``first`` in whole steps of time up
        to the last one, `end`. None where two periods do not add.
    forecast : Forecast or None
        What a hold-out counts; None where there is nothing to count.
    features : mapping of str to callable
        Statistics in which data are compared with simulated data: ``feature(columns) -> float``.
    bars : callable or None
        ``bars(columns)`` returns a small whole number for each customer, for the comparison of histograms.
    usable : callable or None
        ``usable(columns)`` says which customers these comparisons can use, if not all; `unusable` describes
    the others.
    observed : callable
        ``observed(columns)`` returns the columns with the spans for which customers were observed.
    silence : callable or None
        ``silence(columns)`` returns how long nothing was heard of each customer: the time since the last
        event, or since the customer left where that is observed.
    rfm : callable or None
        ``rfm(columns)`` returns quintiles of ``recency``, ``frequency`` and, with amounts, ``monetary``, each
        from 1 to 5, the best; None for customers who do not buy.
    leaves_next : callable or None
        ``leaves_next(columns)`` returns who is known to leave at the next opportunity although still there,
        as bool by row; None where that is never known.
    """

    key: str
    row: str
    columns: Mapping[str, Column]
    source: str
    counted: str
    exposure: str
    discrete: bool
    leaving: Literal["latent", "observed", "none"]
    events: str
    words: Mapping[str, Words]
    lively: Callable[[Columns], np.ndarray]
    impossible: Callable[[Columns], Iterator[tuple[str, np.ndarray]]]
    demands: Callable[[Columns], Iterator[Demand]]
    example: Mapping[str, float]
    tables: tuple[str, ...] = ()
    tallies: tuple[str, ...] = ()
    sequence: Callable[[Columns, Columns, int], dict[str, np.ndarray]] | None = None
    forecast: Forecast | None = None
    features: Mapping[str, Statistic] = field(default_factory=dict)
    bars: Callable[[Columns], np.ndarray] | None = None
    usable: Callable[[Columns], np.ndarray] | None = None
    unusable: str = ""
    observed: Callable[[Columns], Columns] = dict
    silence: Callable[[Columns], np.ndarray] | None = None
    rfm: Callable[[Columns], dict[str, np.ndarray]] | None = None
    leaves_next: Callable[[Columns], np.ndarray] | None = None

    def numbers(self, stats: "xr.Dataset") -> dict[str, np.ndarray]:
        """Return the columns of statistics that the kind knows, but for dates."""
        known = {name: stats[name].to_numpy() for name in self.columns if name in stats}
        return {name: values for name, values in known.items() if values.dtype.kind in "biuf"}

    @property
    def times(self) -> tuple[str, ...]:
        """The columns that are measured in units of time."""
        return tuple(name for name, column in self.columns.items() if column.unit == "time")

    def reads(self, key: str) -> bool:
        """Return whether statistics of the kind `key` have what models of this kind need."""
        return key == self.key or key in self.tables

    def source_of(self, missing: tuple[str, ...] | list[str]) -> str:
        """Return what to do where these columns are missing."""
        known = (self.columns[name].source for name in missing if name in self.columns)
        return next(filter(None, known), self.source)

    def leaving_next(self, stats: "xr.Dataset") -> np.ndarray:
        """Return who is known to leave at the next opportunity, as bool by row."""
        if self.leaves_next is None:
            return np.zeros(stats[self.counted].size, bool)
        return np.asarray(self.leaves_next(self.numbers(stats)), bool)

    def __repr__(self) -> str:
        return f"<Kind {self.key}: {', '.join(self.columns)}>"


def differences(record: Any, base: Any) -> dict[str, Any]:
    """Return the fields in which a frozen record differs from another of its class."""
    pairs = {each.name: (getattr(record, each.name), getattr(base, each.name)) for each in fields(base)}
    return {name: own for name, (own, other) in pairs.items() if own is not other and own != other}


def not_whole(values: np.ndarray) -> np.ndarray:
    """Return which values are no whole numbers of zero or more; infinity is none."""
    return ~((values >= 0) & np.isfinite(values) & (values == np.floor(values)))


def some_time(exposure: np.ndarray) -> Iterator[Demand]:
    """Yield what is wrong if no customer was observed for any time."""
    if not float(np.max(exposure, initial=0.0)) > 0:
        yield (
            "an observation period of no length",
            "customers observed for some time after they came",
            "choose a later end of observation (until)",
        )


def share(condition: np.ndarray) -> float:
    """Return the share of rows that meet a condition, NaN where there is no row."""
    return float(condition.mean()) if condition.size else np.nan


def plural(number: float, noun: str) -> str:
    """Return a counted noun.

    Examples
    --------
    >>> plural(1, "renewal"), plural(1200, "renewal")
    ('1 renewal', '1,200 renewals')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"
