"""Who was assigned to which arm of a trial: rows read and checked, with a reason for each left out."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from bayes_cx.data.groups import NO_GROUP
from bayes_cx.data.numbers import Numbers
from bayes_cx.data.rejected import write_rejected
from bayes_cx.data.schema import Schema
from bayes_cx.data.sources import Source, open_source
from bayes_cx.data.sql import ident, literal
from bayes_cx.errors import InputError
from bayes_cx.kinds import TRIALS

__all__ = ["Assignments"]

BETWEEN = " · "
"""What stands between the levels of the factors in the name of an arm."""

_TEXT = ("VARCHAR", "ENUM")
_AGAIN, _TWICE = "assigned again to the same arm", "assigned twice to different arms"
_OPEN, _LATE = "window not over at the end of observation", "assigned after the end of observation"


@dataclass(frozen=True)
class Assignments:
    """The rows of a trial, in a temporary table ``trial``: number, customer, arm, groups, y, before, reason.

    Attributes
    ----------
    source : Source
    factors : tuple of str
        The columns of a factorial design, empty where arms are those of one column.
    by : tuple of str
        The columns of segments.
    groups : dict of str to str
        Both: name in queries -> name.
    control : str
    has_customer, has_time, has_before : bool
    """

    source: Source
    factors: tuple[str, ...]
    by: tuple[str, ...]
    groups: dict[str, str]
    control: str
    has_customer: bool
    has_time: bool
    has_before: bool

    @classmethod
    def read(
        cls,
        assigned: Any,
        *,
        arm: tuple[str, ...],
        control: tuple[str, ...],
        customer: str | None,
        time: str | None,
        by: tuple[str, ...],
        arms: Sequence[str],
        outcome: str | None,
        before: str | None,
        earlier: bool,
        numbers: Numbers,
        time_format: str | None,
        timezone: str,
        encoding: str | None,
        query: str | None,
    ) -> "Assignments":
        """Read the rows and judge each."""
        if len(control) != len(arm):
            raise InputError(
                f"{len(arm)} columns of arms and a control of {len(control)} levels",
                "one level of each column",
                "pass control=('plain', 'none') for arm=('headline', 'picture')",
            )
        factors = arm if len(arm) > 1 else ()
        groups = {f"group_{i}": name for i, name in enumerate((*factors, *by))}
        _check_names(groups.values(), arm)
        known = [name for name in (customer, time, outcome, before) if name is not None]
        source = open_source(assigned, (*arm, *by, *map(str, known)), query, (), encoding)
        columns = {
            "customer": "CAST(NULL AS VARCHAR)" if customer is None else _text(customer, trim=False),
            "arm": f" || {literal(BETWEEN)} || ".join(map(_text, arm)),
            **{p: f"coalesce({_text(name)}, {literal(NO_GROUP)})" for p, name in groups.items()},
        }
        faults = [] if customer is None else [("customer IS NULL", "missing customer")]
        faults.append(("arm IS NULL", "missing arm"))
        if arms:
            faults.append((f"arm NOT IN ({', '.join(map(literal, arms))})", "unknown arm"))
        columns["moment"] = columns["instant"] = "CAST(NULL AS TIMESTAMP)"
        if time is not None:
            schema = Schema(customer or time, time, time_format=time_format, timezone=timezone)
            schema.check(source)
            read = schema.read_time(source.types)
            columns |= {"moment": read.moment, "instant": read.instant, "no_moment": read.missing}
            faults += [("no_moment", "missing time"), ("instant IS NULL", "unreadable time")]
        for role, name in (("y", outcome), ("before", before)):
            columns[role] = "CAST(NULL AS DOUBLE)"
            if name is not None:
                value, missing = _number(source, str(name), numbers)
                what = "outcome" if role == "y" else "value before"
                columns |= {role: value, f"no_{role}": missing}
                faults += [
                    (f"no_{role}", f"missing {what}"),
                    (f"{role} IS NULL OR NOT isfinite({role})", f"unreadable {what}"),
                ]
        if outcome is not None:
            faults.append(("y < 0", "negative outcome"))
        _build(source, columns, faults, customer is not None)
        return cls(
            source=source,
            factors=factors,
            by=by,
            groups=groups,
            control=BETWEEN.join(map(str, control)),
            has_customer=customer is not None,
            has_time=time is not None,
            has_before=before is not None or earlier,
        )

    def follow(
        self,
        outcomes: pa.Table,
        measured: str,
        *,
        end: str,
        by_day: bool,
        window: float | None,
        before: float | None,
    ) -> int:
        """Give every row its outcome, and return how many outcomes were before the assignment.

        Parameters
        ----------
        outcomes : pyarrow.Table
            ``customer`` (text), ``instant`` (in UTC), ``day`` and ``amount``.
        measured : str
            SQL that aggregates the outcomes of a customer.
        end : str
            SQL text of the end of observation, in UTC; what happens then is no part of it.
        by_day : bool
            Whether outcomes have dates alone, so that those of the day of the assignment count.
        window, before : float, optional
            Seconds after and before the assignment.
        """
        source, stop = self.source, f"TIMESTAMP {end}"
        # DuckDB keeps what is registered by name, and the table is needed for one query.
        source.connection.register("trial_outcomes", outcomes)
        start = "date_trunc('day', instant)" if by_day else "instant"
        late = f"{start} >= {stop}"
        if window is not None:
            whole = f"{start} + to_seconds({window!r}) > {stop}"
            source.execute(f"UPDATE trial SET reason = {literal(_OPEN)} WHERE reason IS NULL AND {whole}")
        source.execute(f"UPDATE trial SET reason = {literal(_LATE)} WHERE reason IS NULL AND {late}")
        after = f"o.instant >= a.start AND o.instant < {stop}"
        if window is not None:
            after += f" AND o.instant < a.start + to_seconds({window!r})"
        earlier = "o.instant < a.start"
        some = f"{earlier} AND o.instant >= a.start - to_seconds({before or 0.0!r})"
        followed = source.run(
            f"""SELECT a.number, CAST({measured} FILTER ({after}) AS DOUBLE) AS y,
CAST({measured} FILTER ({some}) AS DOUBLE) AS before, count(*) FILTER ({earlier}) AS early
FROM (SELECT number, customer, {start} AS start FROM trial WHERE reason IS NULL) a
JOIN trial_outcomes o USING (customer) GROUP BY ALL"""
        )
        source.connection.unregister("trial_outcomes")
        source.connection.register("trial_followed", followed)
        source.execute(
            """CREATE OR REPLACE TEMP TABLE trial AS SELECT t.* REPLACE (coalesce(f.y, 0) AS y,
coalesce(f.before, 0) AS before) FROM trial t LEFT JOIN trial_followed f USING (number)"""
        )
        source.connection.unregister("trial_followed")
        # A sum with a return in it may be below zero.
        source.execute(
            "UPDATE trial SET reason = 'negative outcome' WHERE reason IS NULL AND y < 0",
        )
        return int(sum(followed["early"].to_pylist()))

    def counted(self, *, whether: bool = False) -> pa.Table:
        """Return the outcomes (or `whether` there was one) of each arm and group with their number."""
        names = "".join(f", {prefix}" for prefix in self.groups)
        before = ", before" if self.has_before else ""
        y = "CAST(y > 0 AS DOUBLE) AS y" if whether else "y"
        return self.source.run(
            f"""SELECT arm{names}, {y}{before}, count(*) AS weight FROM trial WHERE reason IS NULL
GROUP BY ALL ORDER BY ALL"""
        )

    @cached_property
    def rejected_by_reason(self) -> dict[str, int]:
        """Number of rejected rows for each reason."""
        found = self.source.run(
            "SELECT reason, count(*) AS n FROM trial WHERE reason IS NOT NULL GROUP BY reason ORDER BY reason"
        ).to_pylist()
        lines = self.source.lines_without_row(self._rows)
        return dict(sorted(({row["reason"]: row["n"] for row in found} | lines).items()))

    @cached_property
    def _rows(self) -> int:
        return int(self.source.run("SELECT count(*) AS n FROM trial")["n"][0].as_py())

    @property
    def rows_read(self) -> int:
        """Number of rows of the source."""
        return self._rows + sum(self.source.lines_without_row(self._rows).values())

    @property
    def reasons(self) -> str:
        """The reasons with their numbers, in words."""
        return "; ".join(f"{reason}: {n:,}" for reason, n in self.rejected_by_reason.items())

    @property
    def first(self) -> str:
        """The time of the first assignment that counts, empty where none is known."""
        found = self.source.run("SELECT min(moment) AS first FROM trial WHERE reason IS NULL")["first"][0]
        return "" if found.as_py() is None else found.as_py().isoformat(" ")

    def write_rejected(self, path: str | os.PathLike[str]) -> None:
        """Write the rejected rows with number, reason and original values."""
        rows = self.source.view(
            "rejected_assignments",
            f"""SELECT t.number AS row_number, t.reason AS why_rejected, s.* EXCLUDE (trial_number)
FROM trial t JOIN (SELECT *, row_number() OVER () AS trial_number FROM {self.source.sql}) s
ON s.trial_number = t.number WHERE t.reason IS NOT NULL ORDER BY t.number""",
        )
        write_rejected(self.source, rows, path)


def _check_names(names: Any, arm: tuple[str, ...]) -> None:
    """Refuse names of groups that statistics cannot hold."""
    names = list(names)
    for name in names:
        if name in {*TRIALS.columns, "row", "weight"}:
            raise InputError(f"a column of groups called {name!r}", "another name", "rename the column")
        if "/" in name or name.strip() in {"", "."} or not name.isprintable():
            raise InputError(
                f"group column {name!r}", "a name of printable letters without '/'", "rename the column"
            )
    if len({*names}) < len(names) or (len(arm) == 1 and arm[0] in names):
        raise InputError(
            f"the columns {', '.join((*arm, *names))}",
            "each column once",
            "name a column as an arm or as a segment",
        )


def _build(source: Source, columns: dict[str, str], faults: list[tuple[str, str]], customers: bool) -> None:
    """Make the table ``trial`` of the rows with their verdicts."""
    made = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    cases = " ".join(f"WHEN {test} THEN {literal(reason)}" for test, reason in faults)
    kept = [name for name in columns if not name.startswith("no_")]
    rows = f"""SELECT number, {", ".join(kept)}, CASE {cases} END AS reason
FROM (SELECT row_number() OVER () AS number, {made} FROM {source.sql})"""
    if customers:
        again = "PARTITION BY customer, reason IS NULL"
        rows = f"""SELECT * REPLACE (CASE WHEN reason IS NOT NULL THEN reason
WHEN min(arm) OVER ({again}) <> max(arm) OVER ({again}) THEN {literal(_TWICE)}
WHEN row_number() OVER ({again} ORDER BY instant, number) > 1 THEN {literal(_AGAIN)} END AS reason)
FROM ({rows})"""
    source.execute(f"CREATE OR REPLACE TEMP TABLE trial AS {rows}")


def _text(name: str, trim: bool = True) -> str:
    """Return SQL for the text of a column, NULL where it is blank."""
    text = f"replace(CAST({ident(name)} AS VARCHAR), chr(0), '\ufffd')"
    return f"nullif(trim({text}), '')" if trim else f"CASE WHEN trim({text}) <> '' THEN {text} END"


def _number(source: Source, name: str, numbers: Numbers) -> tuple[str, str]:
    """Return SQL for the number in a column, and for the test for an empty cell."""
    column, kind = ident(name), source.types[name]
    if kind.startswith(_TEXT):
        text = f"trim(CAST({column} AS VARCHAR))"
        truth = f"CASE lower({text}) WHEN 'true' THEN 1.0 WHEN 'false' THEN 0.0 END"
        return f"coalesce(TRY_CAST({numbers.plain(text)} AS DOUBLE), {truth})", f"coalesce({text} = '', true)"
    if kind.endswith("]") or kind.startswith(("DATE", "TIME", "STRUCT", "MAP", "BLOB", "UUID", "INTERVAL")):
        raise InputError(f"column {name!r} is of type {kind}", "numbers", "convert it or name another column")
    missing = f"{column} IS NULL" + (f" OR isnan({column})" if kind in {"FLOAT", "DOUBLE"} else "")
    return f"CAST({column} AS DOUBLE)", f"({missing})"
