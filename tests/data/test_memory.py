import re
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_cx.data import read_transactions


@pytest.mark.slow
def test_ten_million_rows_stay_below_a_gigabyte():
    script = Path(__file__).parents[2] / "benchmarks" / "summarise.py"
    done = subprocess.run(
        [sys.executable, script, "--only", "bayes_cx"], check=True, capture_output=True, text=True
    )
    peak = re.search(r"10,000,000 rows.* (\d+) MiB", done.stdout)
    assert peak, done.stdout
    assert int(peak[1]) * 2**20 < 1e9


def test_the_folder_for_spilling_goes_with_the_purchases(shop):
    transactions = read_transactions(shop, customer="id", time="when")
    setting = "SELECT current_setting('temp_directory')"
    folder = Path(transactions.table.connection.sql(setting).fetchall()[0][0])
    assert folder.is_dir()
    del transactions
    assert not folder.exists()
