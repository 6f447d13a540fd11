"""The schema of a table of purchases, as SQL: the types of its columns, and a verdict on each row."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import duckdb

from bayes_cx.data.column_names import free
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.sources import Source
from bayes_cx.data.sql import ident, literal
from bayes_cx.data.time_format import check_format
from bayes_cx.data.time_sql import NO_INSTANT, NO_TIME, OUT_OF_YEARS, TimeSQL, as_timestamp, dated
from bayes_cx.errors import InputError

__all__ = [
    "AFTER_END",
    "CANCELLED",
    "TOO_MUCH",
    "UNMATCHED_RETURN",
    "UNREADABLE_AMOUNT",
    "Schema",
]

Returns = Literal["reject", "net", "ignore", "keep"]
ZeroAmounts = Literal["reject", "keep"]

UNREADABLE_AMOUNT = "unreadable amount"
AFTER_END = "after the end of observation"
CANCELLED = "purchase cancelled by a return"
UNMATCHED_RETURN = "return without an earlier purchase"

# Money is added as fixed-point numbers, so that the order of the rows cannot change a sum.
MONEY = "DECIMAL(38, 9)"

_TEXT = {"VARCHAR", "UUID"}
_SMALL_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_LARGE_INTEGERS = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_INTEGERS = _SMALL_INTEGERS | _LARGE_INTEGERS
_FLOATS = {"FLOAT", "DOUBLE"}
_MOMENTS = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
_ZONED = {"TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"}
# Ten thousand times the largest note ever printed; sums of a hundred billion smaller amounts fit MONEY.
_TOO_MUCH = "1e18"
TOO_MUCH = f"amount of {_TOO_MUCH} or more"
# A letter or a sign behind hours and minutes names a zone: "10:00Z", "10:00:00+02:00", "10:00 Europe/Berlin".
_ZONE_IN_TEXT = r"[0-9]:[0-9]{2}.*[A-Za-z+\-]"


@dataclass(frozen=True)
class Schema:
    """What the columns of a table of purchases mean and which rows are acceptable.

    Parameters
    ----------
    customer, time : str
        Names of the columns with the customer and the time of purchase.
    amount : str, optional
        Name of the column with the amount paid.
    time_format : str, optional
        A strftime format for times held as text or as whole numbers such as 19970131.
    timezone : str
        Calendar days are those of this zone, for times that carry a zone. Times without one stay as written:
        they are taken for times of a clock in this zone.
    returns : {"reject", "net", "ignore", "keep"}
        What a negative amount is: an error, money taken off an earlier purchase, a row to leave out, or a
        purchase that adds nothing to the spend.
    zero_amounts : {"reject", "keep"}
        Whether a purchase for nothing is an error or a purchase.
    numbers : Numbers, optional
        How amounts in text are written; if not given, as computers write them.
    anonymous : bool
        Whether a row without a customer is acceptable, as one of events by a visitor not known yet.
    """

    customer: str
    time: str
    amount: str | None = None
    time_format: str | None = None
    timezone: str = "UTC"
    returns: Returns = "reject"
    zero_amounts: ZeroAmounts = "reject"
    numbers: Numbers | None = None
    anonymous: bool = False

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("returns", self.returns, get_args(Returns)),
            ("zero_amounts", self.zero_amounts, get_args(ZeroAmounts)),
        ):
            if value not in choices:
                raise InputError(
                    f"{name}={value!r}", f"one of {', '.join(choices)}", f"pass {name}={choices[0]!r}"
                )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be in the table."""
        return tuple(self.roles.values())

    @property
    def roles(self) -> dict[str, str]:
        """The roles of these columns, as reasons call them, with their names; the customer first."""
        roles = {"customer": self.customer, "time": self.time}
        return roles if self.amount is None else roles | {"amount": self.amount}

    @property
    def may_be_zero(self) -> bool:
        """Whether a purchase for nothing is accepted."""
        return self.amount is not None and self.zero_amounts == "keep"

    @property
    def may_be_negative(self) -> bool:
        """Whether a negative amount is accepted."""
        return self.amount is not None and self.returns in {"net", "keep"}

    def text_customers(self, source: Source) -> bool:
        """Return whether the customers that rows are judged for are text, and not whole numbers."""
        return source.pseudonymous or _kind(source.types[self.customer]) in _TEXT | _LARGE_INTEGERS

    def judged(self, source: Source, extra: Mapping[str, str] | None = None, rows: str | None = None) -> str:
        """Return the view that reads every row once and says what is wrong with it.

        Parameters
        ----------
        source : Source
            Where the rows are.
        extra : mapping of str to str, optional
            Further columns: name in the result -> SQL over the columns of the source.
        rows : str, optional
            SQL for the FROM clause, in place of the whole source.

        Returns
        -------
        str
            A view with the columns ``customer`` (the pseudonym, where the source has such), ``moment``
            (timestamp), ``amount`` (fixed-point, NULL when there is no amount), ``accepted`` (boolean),
            ``reason`` (NULL for an accepted row), those of `extra`, and ``instant`` (the moment in UTC; a
            time without a zone is one of the clock in `timezone`), ``zoned`` (whether the cell carries a
            zone) and ``negative`` (whether the amount is; where such purchases are kept it counts as 0).
            To ask for ``accepted`` takes far less time than to find the reasons.

        Raises
        ------
        InputError
            If a column has a type that cannot be used.
        """
        extra = extra or {}
        types = source.types
        faults = [self._of_customer(types), self._of_time(), *self._of_amount()]
        wrong, cases = " OR ".join(fault.test for fault in faults), "\n".join(fault.case for fault in faults)
        names = "".join(f", {ident(name)}" for name in extra)
        typed = self.typed(source, extra, rows)
        customer, join = "customer", ""
        if source.pseudonymous:
            customer, join = "pseudonym AS customer", "LEFT JOIN identities ON customer = identities.id"
        amount = "greatest(amount, 0)" if self.returns == "keep" else "amount"
        return source.view(
            "judged",
            f"""SELECT {customer}, moment, instant, zoned, {amount} AS amount, amount < 0 AS negative,
({wrong}) IS NOT true AS accepted,
CASE WHEN ({wrong}) IS NOT true THEN NULL
{cases}
END AS reason{names}
FROM {typed} {join}""",
        )

    def customer_text(self, types: Mapping[str, str]) -> str:
        """Return SQL for the customer as text, as in the data, NULL where there is none."""
        customer, missing = self._customer(dict(types))
        return f"CASE WHEN NOT {missing} THEN CAST({customer} AS VARCHAR) END"

    def typed(self, source: Source, extra: Mapping[str, str] | None = None, rows: str | None = None) -> str:
        """Return the view of all rows with typed columns, and what is missing; see `judged`."""
        types = source.types
        customer, no_customer = self._customer(types)
        if self.anonymous:
            # Blank text is nobody, and not somebody whose name is blank.
            customer = f"CASE WHEN NOT {no_customer} THEN {customer} END"
        time = self.read_time(types)
        read, amount, value = self._amount(types)
        extra = extra or {}
        added = "".join(f",\n{sql} AS {ident(name)}" for name, sql in extra.items())
        # What a column of its type never holds costs nothing: no zone beside dates, no clock beside zones.
        plain, zoned = time.plain != NO_TIME, time.zoned != NO_INSTANT
        found = TimeSQL(
            "plain" if plain else NO_TIME, "zoned" if zoned else NO_INSTANT, "no_moment", self.timezone
        )
        written = "coalesce(plain, zoned)" if plain and zoned else "plain" if plain else "zoned"
        names = "".join(f", {ident(name)}" for name in extra)
        return source.view(
            "typed",
            f"""SELECT customer, no_customer, {found.moment} AS moment, {found.instant} AS instant,
zoned IS NOT NULL AS zoned, isfinite({written}) AS finite, no_moment,
amount, value, no_amount{names}
FROM (
SELECT {customer} AS customer, {no_customer} AS no_customer,
{time.plain} AS plain, {time.zoned} AS zoned, {time.missing} AS no_moment,
{amount} AS amount, {value} AS value, {self._missing(self.amount, types)} AS no_amount{added}
FROM {f"(SELECT *, {read} FROM {rows or source.sql})" if read else rows or source.sql})""",
        )

    def check(self, source: Source) -> None:
        """Try the zone and the format once in DuckDB, so that a wrong one is not reported as wrong rows."""
        trials = {
            f"SELECT timezone({literal(self.timezone)}, now())": (
                f"timezone={self.timezone!r}",
                "a name such as 'Europe/Berlin'",
            )
        }
        if self.time_format is not None:
            check_format(self.time_format)
            trials[f"SELECT try_strptime('x', {literal(self.time_format)})"] = (
                f"time_format={self.time_format!r}",
                "a format such as '%Y%m%d'",
            )
        for sql, (came, expected) in trials.items():
            try:
                source.connection.sql(sql).fetchall()
            except duckdb.Error as error:
                raise InputError(came, expected, f"correct it ({str(error).splitlines()[0]})") from error

    def _of_customer(self, types: dict[str, str]) -> "_Fault":
        wrong = (
            "customer IS NULL AND NOT no_customer" if self.anonymous else "no_customer OR customer IS NULL"
        )
        if _kind(types[self.customer]) == "VARCHAR":
            # Files of text and of statistics end a name at a zero byte.
            wrong += " OR contains(customer, chr(0))"
        missing = () if self.anonymous else (("no_customer", "missing customer"),)
        return _Fault(wrong, missing, "unreadable customer")

    def _of_time(self) -> "_Fault":
        reasons = (("no_moment", "missing time"), ("finite IS NOT true", "unreadable time"))
        return _Fault("moment IS NULL", reasons, OUT_OF_YEARS)

    def _of_amount(self) -> Iterator["_Fault"]:
        if self.amount is None:
            return
        not_finite, too_much = "isnan(value) OR isinf(value)", f"abs(value) >= {_TOO_MUCH}"
        reasons = (("no_amount", "missing amount"), (not_finite, "non-finite amount"), (too_much, TOO_MUCH))
        yield _Fault(
            f"amount IS NULL OR value IS NULL OR {not_finite} OR {too_much}", reasons, UNREADABLE_AMOUNT
        )
        if self.returns in {"reject", "ignore"}:
            yield _Fault(
                "amount < 0", (), "negative amount" if self.returns == "reject" else "return, ignored"
            )
        if self.zero_amounts == "reject":
            yield _Fault("amount = 0", (), "zero amount")

    def _missing(self, name: str | None, types: dict[str, str]) -> str:
        """Return SQL that tests for an empty cell: NULL or blank text."""
        if name is None:
            return "NULL"
        column, kind = ident(name), _kind(types[name])
        return (
            f"({column} IS NULL OR trim(CAST({column} AS VARCHAR)) = '')"
            if kind == "VARCHAR"
            else f"({column} IS NULL)"
        )

    def _customer(self, types: dict[str, str]) -> tuple[str, str]:
        column, kind = ident(self.customer), _kind(types[self.customer])
        missing = self._missing(self.customer, types)
        if kind in _SMALL_INTEGERS:
            return f"CAST({column} AS BIGINT)", missing
        if kind in _FLOATS:
            # A frame with a hole in a column of whole numbers turns them into floats.
            whole = f"CASE WHEN {column} = trunc({column}) THEN TRY_CAST({column} AS BIGINT) END"
            return whole, f"({missing} OR isnan({column}))"
        if kind in _TEXT | _LARGE_INTEGERS:
            return f"CAST({column} AS VARCHAR)", missing
        raise _wrong_type("customer", self.customer, types, "text or whole numbers")

    def read_time(self, types: dict[str, str]) -> TimeSQL:
        """Return the SQL that reads the column of times."""
        column, kind = ident(self.time), _kind(types[self.time])
        missing = self._missing(self.time, types)
        if self.time_format is not None:
            if kind not in _TEXT | _INTEGERS | _FLOATS:
                raise InputError(
                    f"column {self.time!r} already holds times ({types[self.time]})",
                    "text or whole numbers, when time_format is given",
                    "leave time_format out",
                )
            text = f"CAST({f'TRY_CAST({column} AS BIGINT)' if kind in _FLOATS else column} AS VARCHAR)"
            parsed = dated(text, f"try_strptime({text}, {literal(self.time_format)})")
            missing = f"({missing} OR isnan({column}))" if kind in _FLOATS else missing
            if "%z" in self.time_format or "%Z" in self.time_format:
                return TimeSQL(NO_TIME, parsed, missing, self.timezone)
            return TimeSQL(parsed, NO_INSTANT, missing, self.timezone)
        if kind in _MOMENTS:
            return TimeSQL(as_timestamp(column, kind), NO_INSTANT, missing, self.timezone)
        if kind in _ZONED:
            return TimeSQL(NO_TIME, f"CAST({column} AS TIMESTAMPTZ)", missing, self.timezone)
        if kind == "VARCHAR":
            text = f"trim(CAST({column} AS VARCHAR))"
            carries_zone = f"regexp_matches({text}, {literal(_ZONE_IN_TEXT)})"
            plain = f"CASE WHEN NOT {carries_zone} THEN TRY_CAST({text} AS TIMESTAMP) END"
            zoned = f"CASE WHEN {carries_zone} THEN TRY_CAST({text} AS TIMESTAMPTZ) END"
            return TimeSQL(dated(text, plain), zoned, missing, self.timezone)
        hint = "times as dates, timestamps or ISO text, or time_format for whole numbers such as 19970131"
        raise _wrong_type("time", self.time, types, hint)

    def _amount(self, types: dict[str, str]) -> tuple[str, str, str]:
        """Return SQL for the amount as a fixed-point number, and as a float, which has infinity and NaN.

        Before them comes a column that must be computed first, once: what text says in plain digits.
        """
        if self.amount is None:
            return "", f"CAST(NULL AS {MONEY})", "CAST(NULL AS DOUBLE)"
        number, kind = ident(self.amount), _kind(types[self.amount])
        if kind not in {"VARCHAR", "DECIMAL"} | _INTEGERS | _FLOATS:
            raise _wrong_type("amount", self.amount, types, "numbers")
        read = ""
        if kind == "VARCHAR":
            text = f"trim(CAST({number} AS VARCHAR))"
            if self.numbers is None:
                number = text
            else:
                number = free("digits", {name.lower() for name in types})
                read = f"{self.numbers.plain(text)} AS {number}"
        return read, f"TRY_CAST({number} AS {MONEY})", f"TRY_CAST({number} AS DOUBLE)"

    def currency(self, types: dict[str, str]) -> str:
        """Return SQL for the sign of the currency beside an amount; empty where there is none."""
        if self.amount is None or self.numbers is None or _kind(types[self.amount]) != "VARCHAR":
            return "''"
        return self.numbers.currency(f"trim(CAST({ident(self.amount)} AS VARCHAR))")


@dataclass(frozen=True)
class _Fault:
    """What can be wrong with a row: one test that says whether it is, and others that tell what.

    The first test is all that most rows ever meet. One that is neither true nor false finds nothing wrong.

    Attributes
    ----------
    test : str
        SQL over a typed row; true wherever one of `reasons` is.
    reasons : tuple of (str, str)
        Tests with their reasons; the first that is true counts.
    otherwise : str
        The reason where none of them is.
    """

    test: str
    reasons: tuple[tuple[str, str], ...]
    otherwise: str

    @property
    def case(self) -> str:
        """The branch of a CASE that gives the reason."""
        cases = " ".join(f"WHEN {test} THEN {literal(reason)}" for test, reason in self.reasons)
        reason = literal(self.otherwise)
        return f"WHEN {self.test} THEN {f'CASE {cases} ELSE {reason} END' if cases else reason}"


def _kind(duckdb_type: str) -> str:
    """Return the name of a DuckDB type without its parameters, as the rules use it."""
    if duckdb_type.startswith("DECIMAL"):
        return "DECIMAL"
    return "VARCHAR" if duckdb_type.startswith("ENUM") else duckdb_type


def _wrong_type(role: str, name: str, types: dict[str, str], expected: str) -> InputError:
    return InputError(
        f"column {name!r} for {role} is of type {types[name]}", expected, f"convert it or name another {role}"
    )
