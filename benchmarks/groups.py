"""Time fits of pooled groups: made-up segments of unequal sizes, in CDNOW and in a simulated million.

``python benchmarks/groups.py`` prints the section *Groups* of docs/performance.md, and with ``--write``
replaces it there; ``--customers`` sets the number of simulated customers. Set ``OPENBLAS_NUM_THREADS=1``
where other work uses the processor.
"""

import argparse
import sys
import time

import numpy as np
import xarray as xr
from page import DOCS, seconds, table, with_section

import bayes_cx as bcx
from bayes_cx.models import BG_NBD

UNTIL, SEED, MILLION = "1997-09-30", 1, 1_000_000
LETTERS = {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4}
SPREAD = 0.3  # between the purchase rates of simulated segments, on the log scale


def dealt(stats: xr.Dataset, groups: int, each_of: int = 1) -> xr.Dataset:
    """Return the statistics with segments of unequal sizes, and larger ones of `each_of` segments each."""
    rng = np.random.default_rng(SEED)
    segment = rng.choice(groups, stats.sizes["customer"], p=rng.dirichlet(np.full(groups, 0.7)))
    named = {"segment": segment, "region": segment // each_of, "channel": rng.integers(0, 10, segment.size)}
    return stats.assign({name: ("customer", code.astype(str).astype(object)) for name, code in named.items()})


def simulated(customers: int, groups: int) -> xr.Dataset:
    """Return customers seen for 27 to 39 weeks of whole days, in segments whose purchase rates differ."""
    rng = np.random.default_rng(SEED)
    segment = rng.choice(groups, customers, p=rng.dirichlet(np.full(groups, 0.7)))
    slower = np.exp(-SPREAD * rng.standard_normal(groups))[segment]
    T = rng.integers(27 * 7, 39 * 7, customers) / 7.0
    letters = LETTERS | {"alpha": LETTERS["alpha"] * slower}
    seen = BG_NBD.observe(BG_NBD.simulate(rng, T, **letters), T)
    columns = {name: np.asarray(seen[name], float) for name in ("x", "t_x", "T")}
    columns["t_x"] = np.ceil(columns["t_x"] * 7) / 7  # to the day
    columns["segment"] = segment.astype(str).astype(object)
    return xr.Dataset(
        {name: ("customer", column) for name, column in columns.items()},
        coords={"customer": np.arange(customers)},
        attrs={"kind": "purchases", "unit": "week"},
    )


def timed(name: str, stats: xr.Dataset, pool: list[str]) -> list:
    """Fit, and return a row of the table."""
    design = bcx.Design(pool=pool)
    wall, cpu = time.perf_counter(), time.process_time()
    fit = bcx.fit(BG_NBD, stats, design=design, method=bcx.Laplace(), seed=SEED, progress=False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    khat, ess = (check.value for check in fit.checks[:2])
    sizes = np.unique(stats["segment"].to_numpy(), return_counts=True)[1]
    smallest = f"{sizes.min():,} to {sizes.max():,}"
    row = [name, smallest, seconds(cpu), seconds(wall), f"{khat:.2f}", f"{ess:,.0f}", fit.verdict]
    print(*row, sep="; ", file=sys.stderr, flush=True)
    return row


def measure(customers: int = MILLION) -> list[list]:
    """Return the rows of the table."""
    cdnow = bcx.summarise(bcx.load_cdnow(), until=UNTIL, unit="week")
    bcx.fit(BG_NBD, cdnow, seed=SEED, progress=False)  # imports and compiles what fits share
    rows = [
        timed(f"CDNOW, 23,570 customers: {groups:,} segments", dealt(cdnow, groups), ["segment"])
        for groups in (2, 20, 200, 1000)
    ]
    many = dealt(cdnow, 200, each_of=10)
    rows.append(timed("CDNOW: 200 segments in 20 regions, nested", many, ["region / segment"]))
    rows.append(timed("CDNOW: 200 segments and 10 channels, crossed", many, ["segment + channel"]))
    name = f"simulated, {customers:,} customers: 200 segments"
    return [*rows, timed(name, simulated(customers, 200), ["segment"])]


def section(rows: list[list]) -> str:
    """Return the section on groups."""
    head = ["", "customers in a segment", "CPU s", "s", "k-hat", "effective draws", "checks"]
    return f"""## Groups

BG/NBD with all four coordinates pooled over made-up segments of unequal sizes, by `Laplace()`: 4,000 draws.
By `python benchmarks/groups.py`.

{table(head, rows)}
"""


def main() -> None:
    """Print the section, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=MILLION, help="number of simulated customers")
    parser.add_argument("--write", action="store_true", help="replace the section of docs/performance.md")
    options = parser.parse_args()
    found = section(measure(options.customers))
    print(found)
    if options.write:
        page = DOCS / "performance.md"
        page.write_text(with_section(page.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
