import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bayes_cx.data import read_transactions

# What a process of its own does, so that only this counts in its peak.
SUMMARISE = """
import re, sys
from pathlib import Path
import bayes_cx as bcx
found = bcx.read_transactions(sys.argv[1], customer="customer", time="time", amount="amount")
assert bcx.summarise(found, unit="day").sizes["customer"] > 990_000
print(re.search(r"VmHWM: *(\\d+) kB", Path("/proc/self/status").read_text().replace(chr(9), ""))[1])
"""


@pytest.mark.slow
def test_ten_million_rows_stay_below_a_gigabyte(tmp_path):
    path, rng = tmp_path / "purchases.parquet", np.random.default_rng(1)
    schema = pa.schema([("customer", pa.int64()), ("time", pa.timestamp("s")), ("amount", pa.float64())])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(10):
            days = np.datetime64("2023-01-01", "s") + rng.integers(0, 730 * 86_400, 1_000_000)
            columns = [
                rng.integers(0, 1_000_000, 1_000_000),
                days,
                np.round(rng.gamma(2, 20, 1_000_000) + 1, 2),
            ]
            writer.write_table(pa.table(columns, schema=schema))
    done = subprocess.run([sys.executable, "-c", SUMMARISE, path], check=True, capture_output=True, text=True)
    # DuckDB shows its progress where there is no script.
    assert int(done.stdout.split()[-1]) * 1024 < 1e9


def test_the_folder_for_spilling_goes_with_the_purchases(shop):
    transactions = read_transactions(shop, customer="id", time="when")
    setting = "SELECT current_setting('temp_directory')"
    folder = Path(transactions.table.connection.sql(setting).fetchall()[0][0])
    assert folder.is_dir()
    del transactions
    assert not folder.exists()
