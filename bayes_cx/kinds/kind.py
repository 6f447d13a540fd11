"""What a kind of statistics is: the meaning of a row, and what follows from it everywhere else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Column", "Columns", "Demand", "Kind", "Unit", "Words", "not_whole", "plural", "some_time"]

type Columns = Mapping[str, np.ndarray]
type Unit = Literal["", "time", "money", "count"]
# What came, what was expected and what to do, as `InputError` takes them.
type Demand = tuple[str, str, str]


@dataclass(frozen=True)
class Column:
    """A column of the statistics.

    Attributes
    ----------
    unit : {"", "time", "money", "count"}
        A column in time changes with the unit of the statistics, a count never does.
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
        What a customer is who has not left.
    lively : str
        What those customers are that ``Kind.lively`` finds.
    history : callable
        ``history(row, unit) -> tuple of str``, one customer's history in a few words; `row` maps the names of
        columns to numbers.
    """

    event: str
    events: str
    active: str
    lively: str
    history: Callable[[Mapping[str, float], str], tuple[str, ...]]


@dataclass(frozen=True)
class Kind:
    """What a row of statistics is, and what follows from it.

    Attributes
    ----------
    key : str
        Name in ``stats.attrs["kind"]``, in files and in commands.
    row : str
        What a row says of a customer.
    columns : mapping of str to Column
        The columns by name, those that every summary has and those it may have.
    source : str
        How one gets such statistics, as the last part of a message.
    counted : str
        The column of whole numbers whose sum tells data sets apart, whatever the unit of time.
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
        ``lively(columns)`` says at first sight who came back or stayed, as bool by row.
    impossible : callable
        ``impossible(columns)`` yields what may be wrong with a customer, and the rows (bool) where it is.
    demands : callable
        ``demands(columns)`` yields what a table as a whole lacks.
    tables : tuple of str
        Kinds whose tables have the columns of this one, if that is more than its own.
    tallies : tuple of str
        Attributes that add when tables add, beside the counts of rows.
    sequence : callable or None
        ``sequence(early, late, end)`` returns the columns over two periods, one after the other: for equally
        many rows, NaN where a part does not have the customer, times and ``first`` in whole steps of time up
        to the last one, `end`. None where two periods do not add, as what began in one may end in the other.
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
    tables: tuple[str, ...] = ()
    tallies: tuple[str, ...] = ()
    sequence: Callable[[Columns, Columns, int], dict[str, np.ndarray]] | None = None

    @property
    def times(self) -> tuple[str, ...]:
        """The columns that are measured in units of time."""
        return tuple(name for name, column in self.columns.items() if column.unit == "time")

    def reads(self, key: str) -> bool:
        """Say whether statistics of the kind `key` have what models of this kind need."""
        return key == self.key or key in self.tables

    def source_of(self, missing: tuple[str, ...] | list[str]) -> str:
        """Return what to do where these columns are missing."""
        known = (self.columns[name].source for name in missing if name in self.columns)
        return next(filter(None, known), self.source)

    def __repr__(self) -> str:
        return f"<Kind {self.key}: {', '.join(self.columns)}>"


def not_whole(values: np.ndarray) -> np.ndarray:
    """Return which values are no whole numbers of zero or more."""
    return ~((values >= 0) & (values == np.floor(values)))


def some_time(exposure: np.ndarray) -> Iterator[Demand]:
    """Demand that some customer was observed for some time."""
    if not float(np.max(exposure, initial=0.0)) > 0:
        yield (
            "an observation period of no length",
            "customers observed for some time after they came",
            "choose a later end of observation (until)",
        )


def plural(number: float, noun: str) -> str:
    """Return a counted noun.

    Examples
    --------
    >>> plural(1, "renewal"), plural(1200, "renewal")
    ('1 renewal', '1,200 renewals')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"
