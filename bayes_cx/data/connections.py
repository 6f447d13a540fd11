"""Connections to DuckDB in memory, with a limit to what they use and a folder to spill to."""

import os
import weakref

import duckdb

from bayes_cx.files import make_temporary, remove_temporary

__all__ = ["connect"]

# Enough to aggregate ten million rows without touching the disk, little enough for a small container.
MEMORY_LIMIT = "650MB"
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
    weakref.finalize(connection, remove_temporary, spill)
    return connection
