"""A query that runs out of memory is asked once more with more of it."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import bayes_cx as bcx
from bayes_cx.data.connections import connect, with_more_memory


def test_a_summary_that_does_not_fit_gets_more_memory():
    rng, n = np.random.default_rng(1), 400_000
    days = np.datetime64("2023-01-01", "s") + rng.integers(0, 700, n).astype("timedelta64[D]")
    table = pa.table({"customer": rng.integers(0, n // 2, n), "time": pa.array(days)})
    usual, tight = (bcx.read_transactions(table, customer="customer", time="time") for _ in range(2))
    connection = tight.table.connection
    connection.execute("SET memory_limit = '20MB'")
    assert bcx.summarise(tight).equals(bcx.summarise(usual))
    assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("5.5 GiB",)]


def test_locked_settings_stay_as_they_are():
    connection = connect()
    connection.execute("SET lock_configuration = true")

    def run():
        raise duckdb.OutOfMemoryException("too little")

    with pytest.raises(duckdb.OutOfMemoryException, match="too little"):
        with_more_memory(connection, run)
