"""The rejected rows: read again from their source, and written with the reason."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import pandas as pd

from bayes_cx.data.column_names import free
from bayes_cx.data.schema import TOO_MUCH
from bayes_cx.data.sources import Source, unreadable
from bayes_cx.data.sql import ident, literal
from bayes_cx.files import atomic_path, write_csv

__all__ = ["rejected_rows", "write_rejected"]

# Rows written at a time: they need little of the memory that DuckDB may use.
_BATCH = 50_000


def rejected_rows(
    source: Source,
    judge: Callable[[Mapping[str, str], str], str],
    roles: Mapping[str, str],
    *,
    lines: bool,
    reason: str = "reason",
    joins: str = "",
) -> str:
    """Return the view of the rejected rows, in order: number (from 1), reason, original values.

    Under pseudonyms only the columns of the schema are shown, because any other may name the customer as
    well. A time or an amount is hidden where one of them could not be read, because it may hold an id that
    slipped into the wrong column. Of a line that could not be split into columns the number is shown; without
    pseudonyms also its text and, where there are several files, its file.

    Of a table with very many columns only those that were asked for are shown.

    Parameters
    ----------
    source : Source
        Where the rows come from.
    judge : callable
        ``judge(extra, rows)`` returns the view of all rows with their verdicts; see `Schema.judged`.
    roles : mapping of str to str
        For each role, as reasons call it, the name of its column; the first role is the customer.
    lines : bool
        Whether there are lines that could not be split into columns.
    reason, joins : str
        SQL that finds further reasons in further views.
    """
    names = list(source.types)
    lower = {name.lower() for name in names}
    number, why, file, line, text = (
        ident(free(name, lower)) for name in ("row", "reason", "file", "line", "line_text")
    )
    numbered = source.view("numbered", f"SELECT *, row_number() OVER () AS {number} FROM {source.sql}")
    values = {name: f"value_{position}" for position, name in enumerate(names)}
    judged = judge({value: ident(name) for name, value in values.items()} | {"number": number}, numbered)
    shown = _hidden(values, roles) if source.pseudonymous else values
    cells = ", ".join(f"{value} AS {ident(name)}" for name, value in shown.items())
    rows = (
        f"SELECT number AS {number}, {reason} AS {why}, {cells}\n"
        f"FROM {judged} AS judged {joins}\nWHERE {reason} IS NOT NULL"
    )
    if not lines:
        return source.view("rejected", f"{rows} ORDER BY number")
    text = "" if source.pseudonymous else f", text AS {text}"
    named, first = "", ""
    if source.several_files and not source.pseudonymous:
        named, first = f", file AS {file}", f"{file}, "
    return source.view(
        "rejected",
        f"""SELECT * FROM (({rows}) UNION ALL BY NAME (
SELECT NULL AS {number}, reason AS {why}{named}, line AS {line}{text}
FROM ({source.unreadable_lines()}))) ORDER BY {number}, {first}{line}""",
    )


def _hidden(values: Mapping[str, str], roles: Mapping[str, str]) -> dict[str, str]:
    """Return what to show of rejected rows under pseudonyms: column -> SQL, all as text."""
    (_, customer), *others = roles.items()
    cell = f"CAST({values[customer]} AS VARCHAR)"
    slipped = ", ".join(map(literal, (*(f"unreadable {role}" for role, _ in others), TOO_MUCH)))
    hidden = {
        name: f"CASE WHEN judged.reason IN ({slipped}) THEN 'hidden' ELSE CAST({values[name]} AS VARCHAR) END"
        for _, name in others
    }
    # A cell that is no customer of the statistics, such as 2.5, gets a pseudonym of its own.
    own = f"CASE WHEN trim({cell}) = '' THEN {cell} ELSE pseudonym({cell}) END"
    return {customer: f"coalesce(judged.customer, {own})"} | hidden


def write_rejected(source: Source, rejected: str, path: str | os.PathLike[str]) -> None:
    """Write rejected rows to Parquet if `path` says so, else to CSV in which no text runs as a formula.

    Parameters
    ----------
    source : Source
        Where the rows come from.
    rejected : str
        From `rejected_rows`.
    path : path
        A new file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    try:
        if path.suffix.lower() != ".parquet":
            write_csv(_as_text(source, rejected), path)
            return
        with atomic_path(path) as part:
            source.connection.execute(f"COPY (FROM {rejected}) TO {literal(str(part))} (FORMAT parquet)")
    except duckdb.Error as error:
        raise unreadable(source.label, error) from error


def _as_text(source: Source, rejected: str) -> Iterator[pd.DataFrame]:
    """Run a query in batches, every cell as DuckDB writes it."""
    relation = source.connection.sql(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {rejected}")
    # A reader without rows yields no batch, and a file without rows still has a header.
    yield pd.DataFrame(columns=relation.columns, dtype=object)
    for batch in relation.to_arrow_reader(_BATCH):
        yield batch.to_pandas()
