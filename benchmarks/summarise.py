"""Summarise purchases in a Parquet file: peak memory, and time against lifetimes on the same file.

Run ``python benchmarks/summarise.py``; ``--rows 1000000`` makes it short. Each step runs in a process of its
own, because the peak memory of a process never falls again. Times count from opening the file, after imports.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

STEPS = ("bayes_cx", "lifetimes")


def write(path, rows):
    """Write purchases over two years, ten a customer, a group of rows at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1)
    schema = pa.schema([("customer", pa.int64()), ("time", pa.timestamp("us")), ("amount", pa.float64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 1_000_000):
            n = min(1_000_000, rows - start)
            seconds = (
                rng.integers(0, 730 * 86_400, n) + np.datetime64("2023-01-01", "us").astype(int) // 1_000_000
            )
            columns = {
                "customer": rng.integers(0, max(rows // 10, 1), n),
                "time": pa.array(seconds * 1_000_000, pa.timestamp("us")),
                "amount": np.round(rng.gamma(2.0, 20.0, n) + 0.01, 2),
            }
            writer.write_table(pa.table(columns, schema))


def run_bayes_cx(path):
    import bayes_cx.data as bcx

    begin = clock()
    transactions = bcx.read_transactions(path, customer="customer", time="time", amount="amount")
    stats = bcx.summarise(transactions, unit="day")
    return begin, [float(stats[name].sum()) for name in ("x", "t_x", "T", "spend")]


def run_lifetimes(path):
    warnings.simplefilter("ignore")
    import pandas as pd
    from lifetimes.utils import summary_data_from_transaction_data

    begin = clock()
    frame = summary_data_from_transaction_data(pd.read_parquet(path), "customer", "time", "amount")
    return begin, [float(frame[name].sum()) for name in ("frequency", "recency", "T", "monetary_value")]


def clock():
    return time.perf_counter(), time.process_time()


def run(step, path):
    """Run one step here and print what it took as JSON."""
    begin, sums = {"bayes_cx": run_bayes_cx, "lifetimes": run_lifetimes}[step](path)
    wall, cpu = (after - before for before, after in zip(begin, clock(), strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "peak_mib": peak, "sums": sums}))


def child(*arguments):
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", choices=STEPS, help="one of the two")
    parser.add_argument("--step", choices=("write", *STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--path", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "write":
        write(options.path, options.rows)
        return
    if options.step:
        run(options.step, options.path)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "purchases.parquet")
        child("--step", "write", "--path", path, "--rows", str(options.rows))
        results = {
            step: child("--step", step, "--path", path) for step in STEPS if options.only in (None, step)
        }
    for step, result in results.items():
        print(
            f"{step:10}{options.rows:>12,} rows{result['wall_s']:8.1f} s{result['cpu_s']:8.1f} cpu-s"
            f"{result['peak_mib']:8.0f} MiB at peak"
        )
    if len(results) == len(STEPS):
        ours, theirs = (results[step] for step in STEPS)
        ratios = [theirs[name] / ours[name] for name in ("wall_s", "cpu_s", "peak_mib")]
        print(
            "lifetimes takes {:.1f} times the time, {:.1f} times the cpu, {:.1f} times the memory".format(
                *ratios
            )
        )
        difference = max(abs(a / b - 1) for a, b in zip(ours["sums"], theirs["sums"], strict=True))
        print(f"largest relative difference of the sums of x, t_x, T and spend: {difference:.0e}")


if __name__ == "__main__":
    main()
