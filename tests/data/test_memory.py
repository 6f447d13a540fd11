import json
import subprocess
import sys
from pathlib import Path

import pytest

from bayes_cx.data import read_transactions


@pytest.mark.slow
def test_ten_million_rows_stay_below_a_gigabyte(tmp_path):
    benchmarks = Path(__file__).parents[2] / "benchmarks"
    folder = tmp_path / "purchases"
    made = f"from pathlib import Path; import bench; bench.write_purchases(Path({str(folder)!r}), 10_000_000)"
    subprocess.run([sys.executable, "-c", made], check=True, cwd=benchmarks)
    task = [sys.executable, benchmarks / "tasks.py", "bayes_cx", "summarise", folder]
    done = subprocess.run(task, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1])["peak"] * 2**20 < 1e9


def test_the_folder_for_spilling_goes_with_the_purchases(shop):
    transactions = read_transactions(shop, customer="id", time="when")
    setting = "SELECT current_setting('temp_directory')"
    folder = Path(transactions.table.connection.sql(setting).fetchall()[0][0])
    assert folder.is_dir()
    del transactions
    assert not folder.exists()
