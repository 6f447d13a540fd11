"""The provenance of statistics: the one place in which their attributes are read."""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np

from bayes_cx.errors import InputError

__all__ = ["DataProvenance", "provenance_of"]


@dataclass(frozen=True)
class DataProvenance:
    """The provenance of statistics, from their attributes; empty or None where an attribute is missing.

    Attributes
    ----------
    kind, unit : str
        The key of the kind, and the unit of time.
    source, sha256 : str
        Name and hash of what was read; under pseudonyms the hash is keyed.
    pseudonyms : str
        The mark of the key that made pseudonyms of the ids; empty where ids are ids.
    period_start, period_end, until : str
        ISO times: of the first and the last row, and of the end of observation.
    returns, zero_amounts : str
        How negative amounts and amounts of zero were treated.
    rows_read, rows_rejected, rows_zero : int or None
        Rows of the source, those that were left out, and those of an amount of zero.
    rejected, varying : mapping of str to int
        Rejected rows by reason; by column of groups, the customers in more than one.
    remarks : tuple of str
        What a reader should know of the rows that count, in sentences.
    rejected_amounts : mapping of str to float
        What rejected rows of known amount add up to, by reason.
    repeats_by_week : mapping of str to int
        Repeat purchases of all customers by week, named by the date of its Monday; weeks without one are left
        out. Empty where it is not known.
    more : mapping of str to str, int or float
        All other attributes.
    """

    kind: str = ""
    unit: str = ""
    source: str = ""
    sha256: str = ""
    period_start: str = ""
    period_end: str = ""
    until: str = ""
    returns: str = ""
    zero_amounts: str = ""
    pseudonyms: str = ""
    rows_read: int | None = None
    rows_rejected: int | None = None
    rows_zero: int | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)
    varying: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    rejected_amounts: Mapping[str, float] = field(default_factory=dict)
    repeats_by_week: Mapping[str, int] = field(default_factory=dict)
    more: Mapping[str, str | int | float] = field(default_factory=dict)


_TYPES = {one.name: one.type for one in fields(DataProvenance) if one.name != "more"}


class _Dataset(Protocol):
    @property
    def attrs(self) -> Mapping[Hashable, Any]: ...


def provenance_of(stats: _Dataset) -> DataProvenance:
    """Return the provenance of statistics.

    Raises
    ------
    InputError
        If an attribute has the wrong type, such as text in `rows_read`.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> found = provenance_of(stats)
    >>> found.until, found.unit, found.rows_read
    ('1997-09-30', 'week', 6919)
    """
    known: dict[str, Any] = {}
    more: dict[str, str | int | float] = {}
    for name, value in ((str(name), value) for name, value in stats.attrs.items()):
        # What was read from netCDF is of NumPy's types.
        plain = value.item() if isinstance(value, np.generic) else value
        try:
            if name not in _TYPES:
                more |= {name: plain} if isinstance(plain, str | int | float) else {}
            elif name == "remarks":
                known[name] = tuple(map(str, json.loads(plain or "[]")))
            elif name == "rejected_amounts":
                known[name] = {str(reason): float(paid) for reason, paid in json.loads(plain or "{}").items()}
            elif _TYPES[name] is str:
                known[name] = str(plain)
            elif _TYPES[name] == int | None:
                known[name] = int(plain)
            else:
                known[name] = {str(reason): int(n) for reason, n in json.loads(plain or "{}").items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(
                f"statistics with {name} = {plain!r}",
                f"the attribute {name} as bcx.summarise writes it",
                "remove the attribute",
            ) from error
    return DataProvenance(**known, more=more)
