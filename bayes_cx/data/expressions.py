"""Amounts that are computed: arithmetic over the columns of a source, such as ``Quantity * UnitPrice``."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import duckdb

from bayes_cx.data.numbers import Numbers
from bayes_cx.data.queries import parse
from bayes_cx.data.sources import Source
from bayes_cx.data.sql import ident
from bayes_cx.errors import InputError

__all__ = ["columns_in", "with_amount"]

_OPERATORS = {"+", "-", "*", "/"}
_FUNCTIONS = {"abs", "round", "least", "greatest"}
_NUMBERS = {"INTEGER", "NUMERIC"}
_NUMERIC = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\)")
# The parts of a SELECT beside what is selected.
_REST = (
    "type",
    "modifiers",
    "cte_map",
    "from_table",
    "where_clause",
    "group_expressions",
    "group_sets",
    "having",
    "sample",
    "qualify",
)


def columns_in(expression: str) -> tuple[str, ...]:
    """Return the columns that arithmetic is over, in order; nothing if it is no arithmetic.

    It may add, subtract, multiply and divide columns and numbers, with parentheses, and call ``abs``,
    ``round``, ``least``, ``greatest`` and ``coalesce``. A name with other characters than letters, digits and
    ``_`` stands in double quotes.

    Examples
    --------
    >>> columns_in('Quantity * "Unit Price"'), columns_in("(SELECT 1)")
    (('Quantity', 'Unit Price'), ())
    """
    names: list[str] = []

    def note(name: str) -> str:
        names.append(name)
        return ident(name)

    return tuple(dict.fromkeys(names)) if _written(expression, note) is not None else ()


def with_amount(source: Source, expression: str, numbers: Numbers) -> Source:
    """Return the source with one more column: the amount that the expression says, under its text as name.

    It is NULL where a cell is empty, and ``unreadable`` where one is no number.

    Parameters
    ----------
    source : Source
    expression : str
        See `columns_in`.
    numbers : Numbers
        How numbers in text are written.

    Raises
    ------
    InputError
        If it is no arithmetic over columns of numbers that are there.
    """
    columns = columns_in(expression)
    if not columns:
        raise InputError(
            f"no column {expression!r} in {source.label}",
            f'one of {source.known}, or arithmetic over them such as Quantity * "Unit Price"',
            "check the spelling, upper and lower case included",
        )
    source.insist_on(columns)
    cells = {name: _number(name, source.types[name], numbers) for name in columns}
    amount = _written(expression, cells.__getitem__)
    empty = " OR ".join(f"coalesce(trim(CAST({ident(name)} AS VARCHAR)), '') = ''" for name in columns)
    added = f"""CASE WHEN ({amount}) IS NOT NULL THEN CAST(({amount}) AS VARCHAR)
WHEN {empty} THEN NULL ELSE 'unreadable' END AS {ident(expression)}"""
    sql = f"(SELECT *, {added} FROM {source.sql})"
    try:
        source.connection.sql(f"SELECT * FROM {sql}")
    except duckdb.Error as error:
        raise InputError(
            f"amount {expression!r} cannot be computed ({str(error).splitlines()[0]})",
            "arithmetic over columns of numbers",
            "correct it",
        ) from error
    return replace(source, sql=sql, types=source.types | {expression: "VARCHAR"})


def _number(name: str, kind: str, numbers: Numbers) -> str:
    """Return SQL for a cell as a floating-point number."""
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        return f"TRY_CAST({numbers.plain(f'trim(CAST({ident(name)} AS VARCHAR))')} AS DOUBLE)"
    if not _NUMERIC.fullmatch(kind):
        raise InputError(
            f"column {name!r} of type {kind} in an amount", "a column of numbers", "name another"
        )
    return f"CAST({ident(name)} AS DOUBLE)"


def _written(expression: str, cell: Callable[[str], str]) -> str | None:
    """Return SQL for an expression, or None if it is not just arithmetic; `cell` gives SQL for a column."""
    node = _parsed(expression)
    try:
        return None if node is None else _sql(node, cell)
    except (_NoArithmetic, RecursionError):
        return None


@cache
def _parsed(expression: str) -> dict[str, Any] | None:
    """Return the tree of an expression, or None if there is more, such as a table or a second statement."""
    try:
        tree, alone = (parse(f"SELECT ({text}\n)") for text in (expression, "1"))
    except InputError:
        return None
    selects = [part["node"] for one in (tree, alone) if one for part in one["statements"]]
    if len(selects) != 2 or any(selects[0].get(name) != selects[1][name] for name in _REST):
        return None
    selected = selects[0]["select_list"]
    return selected[0] if len(selected) == 1 else None


class _NoArithmetic(Exception):
    """An expression holds what no arithmetic has."""


def _sql(node: dict[str, Any], cell: Callable[[str], str]) -> str:
    match node:
        case {"alias": alias} if alias:
            raise _NoArithmetic
        case {"type": "COLUMN_REF", "column_names": [name]}:
            return cell(name)
        case {"type": "VALUE_CONSTANT", "literal": {"kind": kind, "text": text}} if kind in _NUMBERS:
            return text
        case {"type": "OPERATOR_COALESCE", "children": children}:
            return f"coalesce({', '.join(_sql(child, cell) for child in children)})"
        case {
            "type": "FUNCTION",
            "filter": None,
            "distinct": False,
            "function_name": name,
            "arguments": given,
        }:
            parts = [_sql(one["expression"], cell) for one in given]
            if name in _OPERATORS and node["is_operator"]:
                return f"({name} {parts[0]})" if len(parts) == 1 else f"({f' {name} '.join(parts)})"
            if name.lower() in _FUNCTIONS:
                return f"{name}({', '.join(parts)})"
    raise _NoArithmetic
