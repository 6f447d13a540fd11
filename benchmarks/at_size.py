"""A priority list of very many customers, from Parquet to Parquet: each command's time and peak memory.

``python benchmarks/at_size.py 1000000`` prints it for a million customers; `bench.py` for ten.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import bayes_cx as bcx

LETTERS = {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4}
SPEND = {"p": 6.0, "q": 4.0, "v": 15.0}
DRAWS = 200  # to value with
TOGETHER = 500_000  # customers
FIRST = np.datetime64("2023-01-01", "us")
WEEK = np.timedelta64(7, "D") / np.timedelta64(1, "us")


class Took(NamedTuple):
    """What a command took."""

    command: str
    cpu: float
    wall: float
    peak: float  # MiB


def write_purchases(path: Path, customers: int) -> int:
    """Write the purchases of customers as BG/NBD and Gamma-Gamma have them; return how many there are."""
    rng, model, rows = np.random.default_rng(1), bcx.models.BG_NBD, 0
    schema = pa.schema([("customer", pa.int64()), ("time", pa.timestamp("us")), ("amount", pa.float64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, customers, TOGETHER):
            n = min(TOGETHER, customers - start)
            T = rng.integers(27 * 7, 39 * 7, n) / 7.0
            later = model.simulate(rng, T, **LETTERS)
            who = np.concatenate([np.arange(n), later.customer])
            weeks = np.concatenate([39.0 - T, 39.0 - T[later.customer] + later.time])
            nu = rng.gamma(SPEND["q"], 1.0 / SPEND["v"], n)
            amount = np.round(rng.gamma(SPEND["p"], 1.0 / nu[who]) + 0.01, 2)
            time_ = FIRST + (weeks * WEEK).astype("timedelta64[us]")
            writer.write_table(pa.table([start + who, pa.array(time_), amount], schema=schema))
            rows += who.size
    return rows


def run(*arguments: object) -> Took:
    """Run a command of the package and wait for it."""
    program = Path(sys.executable).with_name("bayes-cx")
    begin = time.perf_counter()
    process = os.spawnv(os.P_NOWAIT, program, [str(program), *map(str, arguments)])
    _, status, used = os.wait4(process, 0)
    if status:
        raise SystemExit(f"bayes-cx {' '.join(map(str, arguments))} failed")
    wall = time.perf_counter() - begin
    return Took(str(arguments[0]), used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def measure(folder: Path, customers: int) -> tuple[int, list[Took]]:
    """Return the number of purchases, and what each command took."""
    source, stats = folder / "purchases.parquet", folder / "stats.nc"
    rows = write_purchases(source, customers)
    buys, pays = folder / "buys.nc", folder / "pays.nc"
    columns = ["--customer", "customer", "--time", "time", "--amount", "amount"]
    took = [run("summarise", source, *columns, "--unit", "week", "--out", stats)]
    source.unlink()
    took.append(run("fit", stats, "--model", "bg_nbd", "--out", buys))
    took.append(run("fit", stats, "--model", "gamma_gamma", "--coarsen-spend", "0.05", "--out", pays))
    ahead = ("--cost", "2", "--draws", DRAWS, "--out", folder / "priority.parquet")
    took.append(run("prioritise", buys, pays, stats, *ahead))
    return rows, took


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows, took = measure(Path(folder), int(sys.argv[1]))
    print(f"{rows:,} purchases")
    for each in took:
        print(f"{each.command:12}{each.cpu:8.1f} CPU s{each.wall:8.1f} s{each.peak:8,.0f} MiB")


if __name__ == "__main__":
    main()
