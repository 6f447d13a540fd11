"""Connections to DuckDB in memory, with a limit to what they use and a folder to spill to."""

import os
import weakref
from collections.abc import Callable

import duckdb

from bayes_cx.files import make_temporary, remove_temporary

__all__ = ["connect", "with_more_memory"]

# Enough to aggregate ten million rows without touching the disk, little enough for a small container.
MEMORY_LIMIT = "650MB"
# Where that is too little, although what can be is put on the disk: a hundred million rows need it.
MORE_MEMORY = "6GB"
MAX_THREADS = 4


def connect() -> duckdb.DuckDBPyConnection:
    """Return a connection to a new database in memory; its temporary folder goes when it goes."""
    spill = make_temporary()
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": str(min(MAX_THREADS, os.cpu_count() or 1)),
            "temp_directory": str(spill),
        }
    )
    # A bar that moves belongs on no console that is written to a file.
    connection.execute("SET enable_progress_bar = false")
    weakref.finalize(connection, remove_temporary, spill)
    return connection


def with_more_memory[T](connection: duckdb.DuckDBPyConnection, run: Callable[[], T]) -> T:
    """Return what a query gives, asked once more with more memory where it ran out of it.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    run : callable
        Runs the query.
    """
    try:
        return run()
    except duckdb.OutOfMemoryException as short:
        try:
            connection.execute(f"SET memory_limit = '{MORE_MEMORY}'")
        except duckdb.Error:  # the settings of this connection are locked
            raise short from None
        return run()
