"""The rows that were left out: found again in their source, and written with the reason."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from bayes_cx.data.contract import UNREADABLE_LINE, ident, literal
from bayes_cx.data.sources import Source
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path, write_csv

__all__ = ["rejected_sql", "write_rejected"]

# Rows that are written at once: little beside the memory that DuckDB may use.
_BATCH = 50_000


def rejected_sql(
    table: Source,
    typed: Callable[[str, dict[str, str]], str],
    customer: str,
    *,
    lines: bool,
    reason: str = "reason",
    joins: str = "",
    kept: Sequence[str] | None = None,
) -> str:
    """Write the query for the rejected rows, in order.

    Parameters
    ----------
    table : Source
        Where the rows come from.
    typed : callable
        Of what stands behind FROM and further columns: the query for all rows, typed and judged; see
        `Contract.typed`.
    customer : str
        The column with the customer.
    lines : bool
        Whether there are lines that could not be split into columns.
    reason, joins : str
        SQL that finds further reasons in further tables.
    kept : sequence of str, optional
        The only columns of the source to show; the customer is then that of the statistics, and a line
        that could not be read shows only its number.
    """
    names = list(table.types)
    number = _free("row", names)
    why = _free("reason", names)
    numbered = f"(SELECT *, row_number() OVER () AS {ident(number)} FROM {table.sql})"
    extra = {f"value_{position}": ident(name) for position, name in enumerate(names)}
    extra["number"] = ident(number)
    shown = {ident(name): f"value_{position}" for position, name in enumerate(names)}
    if kept is not None:
        shown = {ident(name): shown[ident(name)] for name in kept}
        # What is no customer of the statistics, such as 2.5, stays what it is.
        who = ident(customer)
        shown[who] = f"coalesce(CAST(typed.customer AS VARCHAR), CAST({shown[who]} AS VARCHAR))"
    values = ", ".join(f"{value} AS {name}" for name, value in shown.items())
    rows = (
        f"SELECT number AS {ident(number)}, {reason} AS {ident(why)}, {values} "
        f"FROM ({typed(numbered, extra)}) AS typed {joins} WHERE {reason} IS NOT NULL"
    )
    if not lines:
        return f"{rows} ORDER BY number"
    line, text = ident(_free("line", names)), ident(_free("line_text", names))
    text = f", text AS {text}" if kept is None else ""
    return (
        f"SELECT * FROM (({rows}) UNION ALL BY NAME (SELECT NULL AS {ident(number)}, "
        f"{literal(UNREADABLE_LINE)} AS {ident(why)}, line AS {line}{text} "
        f"FROM ({table.unreadable_lines()}))) ORDER BY {ident(number)}, {line}"
    )


def write_rejected(
    table: Source,
    sql: str,
    path: str | os.PathLike[str],
    roles: Mapping[str, str],
    hide: Callable[[str], str] | None,
) -> None:
    """Write rejected rows to Parquet if `path` says so, else to CSV in which no text runs as a formula.

    Parameters
    ----------
    table : Source
        Where the rows come from.
    sql : str
        From `rejected_sql`.
    path : path
        A new file.
    roles : mapping of str to str
        What a column is, as reasons call it -> its name; the first is the customer.
    hide : callable, optional
        Makes the pseudonym of a customer, which then stands in the CSV for the id.

    Raises
    ------
    InputError
        If the file cannot be written, or pseudonyms are asked for in Parquet.
    """
    path = Path(path)
    if path.suffix != ".parquet":
        write_csv(_as_text(table, sql, roles, hide), path)
        return
    if hide is not None:
        raise InputError(f"{path.name} under pseudonyms", "a CSV file", "change the ending")
    with atomic_path(path) as part:
        table.connection.execute(f"COPY ({sql}) TO {literal(str(part))} (FORMAT parquet)")


def _as_text(
    table: Source, sql: str, roles: Mapping[str, str], hide: Callable[[str], str] | None
) -> Iterator[pd.DataFrame]:
    """Run a query in batches, every cell as DuckDB writes it."""
    (_, who), *others = roles.items()
    relation = table.connection.sql(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql})")
    # A reader without rows yields no batch, and a file without rows still has a header.
    yield pd.DataFrame(columns=relation.columns, dtype=object)
    for batch in relation.to_arrow_reader(_BATCH):
        rows = batch.to_pandas()
        if hide is not None:
            rows[who] = rows[who].map(lambda one: hide(one) if one.strip() else one, na_action="ignore")
            # A cell that could not be read may hold an id that slipped into the wrong column.
            slipped = rows.iloc[:, 1].isin([f"unreadable {role}" for role, _ in others])
            for _, name in others:
                rows.loc[slipped, name] = "hidden"
        yield rows


def _free(name: str, taken: list[str]) -> str:
    """Find a column name that the source does not use; DuckDB ignores case."""
    lower = {other.lower() for other in taken}
    while name.lower() in lower:
        name += "_"
    return name
