"""The action log: what was done to whom, when and with which probability; read and checked row by row."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pandas as pd

from bayes_cx.data.action_schema import NUMBERS, TEXTS, ActionSchema, actions_given
from bayes_cx.data.fingerprints import with_digests
from bayes_cx.data.groups import as_text, numbered
from bayes_cx.data.pseudonyms import give_pseudonyms
from bayes_cx.data.rejected import rejected_rows, write_rejected
from bayes_cx.data.sources import NO_ROWS, Source, open_source
from bayes_cx.data.sql import ident
from bayes_cx.errors import InputError
from bayes_cx.notebook import html

__all__ = ["NOTHING", "OPTIONAL", "Actions", "check_actions", "read_actions"]

NOTHING = "nothing"
"""The action of customers who were left alone, on purpose or by chance."""

OPTIONAL = ("expected", "expected_sd", "model", "run")
"""The columns of an action log that may be missing."""

_FIXED = ("customer", "time", "action", "propensity", *OPTIONAL)


@dataclass(frozen=True)
class Actions:
    """Decisions that can be used, and counts of the rows that cannot.

    Nothing is held in memory: the rows stay where they are and are read again when needed.

    Attributes
    ----------
    source : str
        Where the rows come from.
    schema : ActionSchema
        What the columns mean and which rows are acceptable.
    context : tuple of str
        Further columns: what was known of the customer when it was decided.
    rows_read, rows_accepted : int
        Number of rows of the source, and of those that can be used.
    counts : pandas.DataFrame
        Accepted rows by ``action``: their number ``n``, the different ``customers``, and the smallest and
        largest ``propensity``.
    first, last : datetime or None
        Earliest and latest decision.
    rejected_by_reason : dict of str to int
        Number of rejected rows for each reason; one reason a row, the first that applies.
    sha256 : str
        Fingerprint of the accepted rows, whatever their order.
    """

    source: str
    schema: ActionSchema
    context: tuple[str, ...]
    rows_read: int
    rows_accepted: int
    counts: pd.DataFrame = field(repr=False)
    first: datetime | None
    last: datetime | None
    rejected_by_reason: dict[str, int]
    sha256: str
    data: Source = field(repr=False)

    def __repr__(self) -> str:
        span = f", {self.first:%Y-%m-%d} to {self.last:%Y-%m-%d}" if self.first and self.last else ""
        return f"<Actions of {self.source}: {self.rows_accepted:,} of {self.rows_read:,} rows accepted{span}>"

    def _repr_html_(self) -> str:
        return html("action_log", self)

    @property
    def rows_rejected(self) -> int:
        """Number of rejected rows."""
        return sum(self.rejected_by_reason.values())

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions of the accepted rows, the most frequent first."""
        return tuple(self.counts["action"])

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the accepted rows, in sentences."""
        lowest = self.counts["propensity_low"]
        found = []
        if len(self.counts) and bool((lowest == 1).all()):
            found.append("every action was certain, so no other rule can be judged by this log")
        if len(self.counts) and NOTHING not in self.actions:
            found.append(f"nobody was left alone (action {NOTHING!r}), so nothing says what actions changed")
        return tuple(found)

    @property
    def accepted(self) -> duckdb.DuckDBPyRelation:
        """The accepted rows, lazy: customer, time, the columns that were named, the context."""
        roles = [role for role in (*TEXTS, *NUMBERS) if role in self.schema.roles]
        order = [name for name in _FIXED if name in roles]
        context = [f"{prefix} AS {ident(name)}" for prefix, name in self._groups.items()]
        view = self.schema.judged(self.data, as_text(self._groups))
        return self.data.connection.table(
            self.data.view(
                "accepted_actions",
                f"SELECT {', '.join(['customer', 'moment AS time', *order, *context])} FROM {view} "
                "WHERE reason IS NULL ORDER BY moment, customer",
            )
        )

    def table(self) -> pd.DataFrame:
        """Return the accepted rows as a frame, in order of time and customer."""
        return self.accepted.df()

    @property
    def rejected(self) -> duckdb.DuckDBPyRelation:
        """The rejected rows: row number (from 1), reason, original values. A lazy DuckDB relation."""
        return self.data.connection.table(self._rejected_rows())

    def write_rejected(self, path: str | os.PathLike[str]) -> None:
        """Write the rejected rows with their number, reason and original values.

        Parameters
        ----------
        path : path
            A new file; Parquet if it ends in ``.parquet``, else CSV in which no text runs as a formula.
        """
        write_rejected(self.data, self._rejected_rows(), path)

    @property
    def _groups(self) -> dict[str, str]:
        return numbered(self.context, self.data.types)

    def _rejected_rows(self) -> str:
        return rejected_rows(
            self.data,
            lambda extra, rows: self.schema.judged(self.data, extra, rows),
            self.schema.roles,
            lines=not NO_ROWS.isdisjoint(self.rejected_by_reason),
        )


def read_actions(
    source: Any,
    *,
    customer: str = "customer",
    time: str = "time",
    action: str = "action",
    propensity: str = "propensity",
    expected: str | None = None,
    expected_sd: str | None = None,
    model: str | None = None,
    run: str | None = None,
    context: Sequence[str] | str | None = None,
    actions: Sequence[str] | None = None,
    time_format: str | None = None,
    timezone: str = "UTC",
    query: str | None = None,
    pseudonym_key: str | bytes | None = None,
) -> Actions:
    """Read an action log and check every row.

    A row says what was done to one customer at one time, and with which probability it was chosen. Customers
    who could have been contacted and were not belong into it too, with the action ``"nothing"``: without them
    nobody knows what the actions changed.

    Parameters
    ----------
    source : path, list of paths, frame, Arrow table or reader, DuckDB relation, or database
        What `read_transactions` accepts; a folder is that of `write_actions`.
    customer, time, action, propensity : str
        Columns with the customer, the time of the decision, what was done, and its probability, above 0 and
        at most 1.
    expected, expected_sd : str, optional
        Columns with the gain that was expected of the action, and its standard deviation.
    model, run : str, optional
        Columns with the model and the run that decided. Columns of these four names are found by themselves.
    context : sequence of str, optional
        Columns with what was known of the customer; if not given, all further ones.
    actions : sequence of str, optional
        The actions that there are; rows of others are rejected.
    time_format, timezone, query, pseudonym_key
        As for `read_transactions`.

    Returns
    -------
    Actions
        A lazy view of the accepted rows with the counts of the rejected ones.

    Raises
    ------
    InputError
        If the source cannot be read, has no rows, lacks a column, or has one of a type that cannot be used.

    Examples
    --------
    >>> rows = {"customer": ["a", "b", "b"], "time": "2025-01-01", "action": ["mail", "nothing", "nothing"]}
    >>> log = read_actions(pd.DataFrame(rows | {"propensity": [0.8, 0.2, 0.2]}))
    >>> log.actions, log.rejected_by_reason
    (('mail', 'nothing'), {'duplicate': 1})
    """
    found = open_source(source, (customer, time, action), query)
    if propensity not in found.types:
        raise InputError(
            f"no column {propensity!r} in {found.label}",
            "the probability with which each action was chosen, without which no log can be judged",
            "write 1 where an action was certain; name the column with propensity='...'",
        )
    named = {"expected": expected, "expected_sd": expected_sd, "model": model, "run": run}
    named = {
        role: name if name is not None else role if role in found.types else None
        for role, name in named.items()
    }
    found.insist_on([name for name in named.values() if name is not None])
    schema = ActionSchema(
        customer,
        time,
        action,
        propensity,
        **named,
        actions=actions_given(actions),
        time_format=time_format,
        timezone=timezone,
    )
    used = {*schema.roles.values()}
    given = (context,) if isinstance(context, str) else context
    further = tuple(name for name in found.types if name not in used) if given is None else tuple(given)
    found = found.narrowed((*used, *further))
    schema.of_customers.check(found)
    if pseudonym_key is not None:
        found = give_pseudonyms(found, schema.of_customers, pseudonym_key, list(further))
    return _counted(found, schema, further)


def _counted(table: Source, schema: ActionSchema, context: tuple[str, ...]) -> Actions:
    rows = with_digests(
        f"(SELECT *, propensity AS amount FROM {schema.judged(table)})",
        schema.of_customers.text_customers(table),
    )
    view = table.view(
        "actions_counted",
        f"""SELECT reason, CASE WHEN reason IS NULL THEN action END AS action, count(*) AS n,
count(DISTINCT customer) AS customers, min(propensity) AS propensity_low, max(propensity) AS propensity_high,
min(moment) AS first, max(moment) AS last, sum(digest) AS digests
FROM {rows} GROUP BY ALL""",
    )
    found = table.run(f"FROM {view}").to_pylist()
    good = sorted((row for row in found if row["reason"] is None), key=lambda row: (-row["n"], row["action"]))
    reasons = {row["reason"]: row["n"] for row in found if row["reason"] is not None}
    accepted = sum(row["n"] for row in good)
    reasons |= table.lines_without_row(accepted + sum(reasons.values()))
    rows_read = accepted + sum(reasons.values())
    if not rows_read:
        raise InputError(f"{table.label} has no rows", "one decision or more", "check the source")
    columns = ["action", "n", "customers", "propensity_low", "propensity_high"]
    return Actions(
        source=table.label,
        schema=schema,
        context=context,
        rows_read=rows_read,
        rows_accepted=accepted,
        counts=pd.DataFrame([{name: row[name] for name in columns} for row in good], columns=columns),
        first=min((row["first"] for row in good), default=None),
        last=max((row["last"] for row in good), default=None),
        rejected_by_reason={str(why): n for why, n in sorted(reasons.items())},
        sha256=table.fingerprint(":".join(f"{row['action']}:{row['n']}:{row['digests']}" for row in good)),
        data=table,
    )


def check_actions(value: Any) -> Actions:
    """Return an action log that was read and checked.

    Raises
    ------
    InputError
        If it is something else, such as a data frame.
    """
    if not isinstance(value, Actions):
        raise InputError(
            f"a {type(value).__name__}",
            "an action log that was read and checked",
            "pass bcx.read_actions(...)",
        )
    return value
