"""Queries of users: exactly one SELECT, run where it can read its tables and do nothing else."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import duckdb

from bayes_cx.data.sql import literal
from bayes_cx.errors import InputError

__all__ = ["check_query", "first_line", "lock", "nodes", "parse"]

# Functions that may stand in FROM: they make rows and read nothing.
_TABLE_FUNCTIONS = {"unnest", "range", "generate_series", "json_each", "json_tree"}
# Parts of a query that only read.
_READING = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_DO = 'pass one query, such as "SELECT * FROM orders"'


def check_query(query: str) -> set[str]:
    """Return the names of columns in a query for DuckDB, which must be one SELECT.

    Raises
    ------
    InputError
        If it is not, or changes something, or calls in FROM what reads files or other databases.
    """
    tree = parse(query)
    if tree is None:
        raise InputError("a query that is no SELECT", "one SELECT", _DO)
    if len(tree["statements"]) != 1:
        raise InputError(f"a query of {len(tree['statements'])} statements", "one SELECT", _DO)
    columns = set()
    for node in nodes(tree):
        if node.get("type") == "COLUMN_REF":
            columns.add(node["column_names"][-1])
        kind = str(node.get("type"))
        if kind.endswith("_NODE") and kind not in _READING:
            raise InputError("a query that changes a table", "a SELECT that only reads", _DO)
        if kind == "TABLE_FUNCTION":
            name = node["function"]["function_name"]
            if name.lower() not in _TABLE_FUNCTIONS:
                raise InputError(
                    f"a query that calls {name} in FROM",
                    "tables of the source only",
                    "name the file or the database itself as the source",
                )
    return columns


def lock(connection: duckdb.DuckDBPyConnection, files: Sequence[str] = ()) -> None:
    """Close a connection to the outside for good: it can read what is attached, and `files`, and no more."""
    if files:
        connection.execute(f"SET allowed_paths = [{', '.join(map(literal, files))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a parsed statement."""
    open_parts = [tree]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            yield part
            open_parts.extend(part.values())
        elif isinstance(part, list):
            open_parts.extend(part)


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": "1"})


def parse(sql: str) -> Any:
    """Return the tree of a SELECT, or None if it is something else.

    Raises
    ------
    InputError
        If it is no SQL, or nested too deeply.
    """
    try:
        parser = _parser().cursor()
        (text,) = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0]
        tree = json.loads(text)
    except (duckdb.Error, RecursionError) as error:
        raise InputError(f"SQL that cannot be read ({first_line(error)})", "one SELECT", _DO) from error
    if tree["error"] and tree["error_type"] == "parser":
        raise InputError(f"SQL that cannot be read ({tree['error_message']})", "one SELECT", "correct it")
    return None if tree["error"] else tree


def first_line(error: Exception) -> str:
    """Return the first line of a message."""
    return str(error).strip().partition("\n")[0]
