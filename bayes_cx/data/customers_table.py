"""A table of what is known of customers beside their events: contracts, segments, prices, each since when."""

import os
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayes_cx.clock import end_of
from bayes_cx.data.events import Events
from bayes_cx.data.sources import open_source
from bayes_cx.data.sql import ident
from bayes_cx.errors import InputError

__all__ = ["CustomersTable"]

_TEXT = ("VARCHAR", "ENUM")
_NUMBER = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
_NUMBER += ("FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


@dataclass(frozen=True)
class CustomersTable:
    """A table with a row for each customer, or several, each from when on it was known.

    Attributes
    ----------
    view : str
        View with ``customer`` (text), ``since`` (microseconds from the end of observation, at most 0; the
        beginning of time where there is no date) and a column ``c_0``, ``c_1``, ... for each of `columns`.
    columns : dict of str to bool
        Names of the columns, and whether they are numbers.
    """

    view: str
    columns: dict[str, bool]

    @classmethod
    def of(cls, events: Events, table: Any, until: str) -> "CustomersTable":
        """Return the table that users pass.

        It has the column of customers as in the events, or one called ``customer``, and may have
        ``known_at``, from when on a row was known.

        Raises
        ------
        InputError
            If it lacks the customers, has two rows of equal date for one, or a column of a type that cannot
            be used.
        """
        frame = _frame(table)
        key = next((name for name in (events.schema.customer, "customer") if name in frame.columns), None)
        if key is None:
            raise InputError(
                "a table of customers without their names",
                f"a column {events.schema.customer!r} or 'customer'",
                "rename the column",
            )
        source = events.table
        dates = _since(frame, events.schema.timezone, until)
        names = [name for name in frame.columns if name not in (key, "known_at")]
        if wrong := [name for name in names if "/" in name or not name.strip() or not name.isprintable()]:
            raise InputError(
                f"the column {wrong[0]!r} of customers",
                "a name of printable letters without '/'",
                "rename it",
            )
        kept = frame[[key, *names]].assign(known_since=dates)
        # A name in the database for each table that was passed, since views stay.
        name = f"customers_{len(source.views)}"
        source.connection.register(name, kept)
        types = dict(
            source.connection.sql(f"DESCRIBE {name}").fetchall()[i][:2] for i in range(len(kept.columns))
        )
        numbers = {column: _is_number(column, types[column]) for column in names}
        who = f"CAST({ident(key)} AS VARCHAR)"
        who = f"pseudonym({who})" if source.pseudonymous else f"trim({who})"
        cells = "".join(
            f", CAST({ident(column)} AS {'DOUBLE' if number else 'VARCHAR'}) AS c_{place}"
            for place, (column, number) in enumerate(numbers.items())
        )
        view = source.view(
            "customers_known",
            f"""SELECT {who} AS customer, known_since AS since{cells} FROM {name}
WHERE {ident(key)} IS NOT NULL AND known_since <= 0""",
        )
        twice = source.run(
            f"SELECT customer FROM {view} GROUP BY customer, since HAVING count(*) > 1 LIMIT 1"
        )
        if twice.num_rows:
            who = twice["customer"][0].as_py()
            raise InputError(
                f"two rows of the customer {who!r} in the table of customers, known at the same time",
                "one row a customer and date",
                "keep one, or say in a column known_at from when on each was known",
            )
        return cls(view, numbers)


def _frame(table: Any) -> pd.DataFrame:
    if isinstance(table, str | os.PathLike):
        source = open_source(table, (), None, (), None, ".")
        table = source.run(f"SELECT * FROM {source.sql}").to_pandas()
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"a {type(table).__name__} for the table of customers",
            "a pandas DataFrame, or the path of a file",
            "pass one row a customer",
        )
    frame = table if table.index.name is None else table.reset_index()
    frame = frame.rename(columns=str)
    if not frame.columns.is_unique:
        raise InputError("two columns of customers of the same name", "a name for each", "rename one")
    return frame


def _since(frame: pd.DataFrame, timezone: str, until: str) -> Any:
    """Return from when on each row was known, in microseconds from the end of observation."""
    end = end_of(until)
    long_ago = -(2**62)
    if "known_at" not in frame.columns:
        return long_ago
    found = []
    for cell in frame["known_at"].tolist():
        if cell is None or cell == "" or cell is pd.NaT or cell != cell:
            found.append(long_ago)
            continue
        # A date means that it was known from its end on.
        found.append(round((end_of(cell, timezone) - end).total_seconds() * 1e6))
    return found


def _is_number(name: str, kind: str) -> bool:
    if kind.startswith(_NUMBER) and not kind.endswith("]"):
        return True
    if kind.startswith(_TEXT):
        return False
    raise InputError(
        f"the column {name!r} of customers is of type {kind}",
        "numbers or text",
        "convert it, a date for example to days since it, or drop it",
    )
