"""What the columns of a table of events mean, and which of its rows are acceptable."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from bayes_cx.data.numbers import Numbers
from bayes_cx.data.schema import Schema
from bayes_cx.data.sources import Source
from bayes_cx.data.sql import ident
from bayes_cx.errors import InputError

__all__ = ["TEXTS", "EventSchema"]

TEXTS = ("event", "channel", "reason", "initiator", "session")
"""The roles whose columns hold text."""
# Views of rows have a column `reason` already: why a row is rejected.
_COLUMN = {"reason": "cause"}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER")
_NUMBERS += ("UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "ENUM", "BOOLEAN")


@dataclass(frozen=True)
class EventSchema:
    """What the columns of a table of events mean, and which of its rows are acceptable.

    Parameters
    ----------
    customer, time, event : str
        Columns with the customer, the time and the name of the event.
    channel, value, reason, initiator, session, known_at : str, optional
        Columns with the channel, a number, why it happened, who began it, the visit that it is part of, and
        when the company knew of it.
    time_format, timezone : str
        As in `Schema`; both times are written alike.
    numbers : Numbers
        How values in text are written.
    """

    customer: str
    time: str
    event: str
    channel: str | None = None
    value: str | None = None
    reason: str | None = None
    initiator: str | None = None
    session: str | None = None
    known_at: str | None = None
    time_format: str | None = None
    timezone: str = "UTC"
    numbers: Numbers = field(default_factory=Numbers)

    @cached_property
    def of_customers(self) -> Schema:
        """The schema of customer and time; a row without a customer is acceptable where it has a session."""
        return Schema(
            self.customer,
            self.time,
            time_format=self.time_format,
            timezone=self.timezone,
            anonymous=self.session is not None,
        )

    @property
    def roles(self) -> dict[str, str]:
        """The roles of the columns, as reasons call them, with their names; the customer first."""
        names = ("customer", "time", *TEXTS, "value", "known_at")
        return {role: name for role in names if (name := getattr(self, role)) is not None}

    @staticmethod
    def column_of(role: str) -> str:
        """Return the column of the view of events that holds a role."""
        return _COLUMN.get(role, role)

    def judged(self, source: Source, extra: Mapping[str, str] | None = None, rows: str | None = None) -> str:
        """Return the view that reads every row once and says what is wrong with it.

        It has the columns ``customer``, ``moment``, ``instant`` and ``zoned`` as in `Schema.judged`,
        ``event``, ``channel``, ``cause``, ``initiator`` and ``session`` (text, trimmed, NULL where empty),
        ``value`` (float), ``known`` (moment at which it was known, at the earliest that of the event),
        ``reason`` (NULL for an accepted row) and those of `extra`.

        Raises
        ------
        InputError
            If a column has a type that cannot be used.
        """
        texts = {self.column_of(role): self.text(role, source) for role in TEXTS}
        value, no_value = self._value(source.types)
        known, no_known = self._known(source)
        # Rows have a `value` already, which is that of their amount.
        columns = texts | {"worth": value, "no_worth": no_value, "known": known, "no_known": no_known}
        view = self.of_customers.judged(source, columns | dict(extra or {}), rows)
        return source.view(
            "events",
            f"""SELECT * EXCLUDE (accepted, amount, negative, worth, no_worth, no_known) REPLACE (
greatest(moment, known) AS known,
CASE WHEN reason IS NOT NULL THEN reason
WHEN event IS NULL THEN 'missing event'
WHEN customer IS NULL AND session IS NULL THEN 'missing customer'
WHEN NOT no_worth AND (worth IS NULL OR NOT isfinite(worth)) THEN 'unreadable value'
WHEN NOT no_known AND known IS NULL THEN 'unreadable known_at' END AS reason),
worth AS value
FROM {view}""",
        )

    def text(self, role: str, source: Source) -> str:
        """Return SQL for the text of a role over the columns of the source, NULL where it is empty."""
        name = getattr(self, role)
        if name is None:
            return "CAST(NULL AS VARCHAR)"
        text = f"nullif(trim(CAST({ident(name)} AS VARCHAR)), '')"
        # A session names somebody as an id does.
        return f"pseudonym({text})" if role == "session" and source.pseudonymous else text

    def _value(self, types: Mapping[str, str]) -> tuple[str, str]:
        """Return SQL for the value, and for the test for an empty cell."""
        if self.value is None:
            return "CAST(NULL AS DOUBLE)", "true"
        column, kind = ident(self.value), types[self.value]
        if not kind.startswith(_NUMBERS) or kind.endswith("]"):
            raise InputError(
                f"column {self.value!r} for value is of type {kind}",
                "numbers",
                "convert it or name another value",
            )
        if not kind.startswith(("VARCHAR", "ENUM")):
            missing = f"{column} IS NULL" + (f" OR isnan({column})" if kind in {"FLOAT", "DOUBLE"} else "")
            return f"CAST({column} AS DOUBLE)", f"({missing})"
        text = f"trim(CAST({column} AS VARCHAR))"
        return f"TRY_CAST({self.numbers.plain(text)} AS DOUBLE)", f"coalesce({text} = '', true)"

    def _known(self, source: Source) -> tuple[str, str]:
        """Return SQL for the time at which an event was known, and for the test for an empty cell."""
        if self.known_at is None:
            return "CAST(NULL AS TIMESTAMP)", "true"
        time = replace(self.of_customers, time=self.known_at).read_time(source.types)
        return time.moment, time.missing
