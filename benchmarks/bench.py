"""Time this package and its peers on the same data in one run, and write docs/performance.md: ``make bench``.

Every task of every tool runs in a process of its own (`tasks.py`). That the results agree is asserted here.
``--peers PYTHON`` names the interpreter of an environment with pymc-marketing, ``--event-peers`` that of one
with pm4py and retentioneering; ``--quick`` leaves out what takes minutes and writes nothing. What was
measured is kept in build/bench.json, and ``--go-on`` goes on from there; tools are always compared with each
other in one go.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import Any

import events
import groups
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from at_size import Took
from at_size import measure as at_size
from page import DOCS, README, Results, Timed, claim, page_of, picture, replaced, with_section
from processes import run

import bayes_cx as bcx

HERE = Path(__file__).parent
KEPT = HERE.parent / "build" / "bench.json"
LETTERS = {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4}
# For the peers all rows lie in memory, several times.
MOST_ROWS_OF_PEERS = 20_000_000


def prepare(folder: Path, stats, draws: int) -> Path:
    """Leave statistics, a posterior and its draws for everybody."""
    folder.mkdir()
    stats.to_netcdf(folder / "stats.nc", engine="h5netcdf")
    columns = {name: stats[name].to_numpy() for name in ("x", "t_x", "T")}
    np.savez(folder / "history.npz", **columns)
    posterior = bcx.fit("bg_nbd", stats, seed=1, progress=False)
    posterior.save(folder / "posterior.nc")
    np.savez(folder / "draws.npz", **posterior.parameters(draws))
    return folder


def customers(n: int):
    """Return statistics of customers as BG/NBD has them, seen for 27 to 39 weeks of whole days."""
    import xarray as xr

    rng, parts = np.random.default_rng(1), []
    for start in range(0, n, 1_000_000):
        T = rng.integers(27 * 7, 39 * 7, min(1_000_000, n - start)) / 7.0
        model = bcx.models.BG_NBD
        seen = model.observe(model.simulate(rng, T, **LETTERS), T)
        parts.append({name: np.asarray(value, float) for name, value in seen.items()})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in ("x", "t_x", "T")}
    columns["t_x"] = np.ceil(columns["t_x"] * 7) / 7  # to the day
    return xr.Dataset(
        {name: ("customer", column) for name, column in columns.items()},
        coords={"customer": np.arange(n)},
        attrs={"kind": "purchases", "unit": "week"},
    )


def write_purchases(folder: Path, rows: int) -> Path:
    """Write purchases over two years, ten a customer, a group of rows at a time."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    schema = pa.schema([("customer", pa.int64()), ("time", pa.timestamp("us")), ("amount", pa.float64())])
    first = int(np.datetime64("2023-01-01", "s").astype(int))
    with pq.ParquetWriter(folder / "purchases.parquet", schema) as writer:
        for start in range(0, rows, 1_000_000):
            n = min(1_000_000, rows - start)
            columns = {
                "customer": rng.integers(0, max(rows // 10, 1), n),
                "time": pa.array((first + rng.integers(0, 730 * 86_400, n)) * 1_000_000, pa.timestamp("us")),
                "amount": np.round(rng.gamma(2.0, 20.0, n) + 0.01, 2),
            }
            writer.write_table(pa.table(columns, schema))
    return folder


def report(folder: Path) -> float:
    """Return the CPU seconds of the whole report of CDNOW on the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [Path(sys.executable).with_name("bayes-cx"), "report", "--dataset", "cdnow"]
    options = ["--until", "1998-06-30", "--holdout-from", "1997-09-30", "--out", folder / "report"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Agreement:
    """Whether tools found the same: all are compared before one that differs ends the run."""

    def __init__(self) -> None:
        self.differing: list[str] = []

    def of_numbers(self, one: Timed, other: Timed, tolerance: float) -> None:
        """Compare the named results of two tasks."""
        if one.took and other.took:
            ours, theirs = one.took["result"], other.took["result"]
            for name in set(ours) & set(theirs) - {"ess"}:
                if not abs(theirs[name] / ours[name] - 1) < tolerance:
                    self.differing.append(
                        f"{one.task} {name}: {ours[name]} and {theirs[name]} by {other.tool}"
                    )

    def of_scores(self, folder: Path, found: list[Timed], tolerance: float) -> None:
        """Compare means, deviations and quantiles from the same draws, which tasks left in files."""
        task = found[0].task
        ours = np.load(folder / f"{task} bayes_cx.npy")
        for other in found[1:]:
            path = folder / f"{task} {other.tool}.npy"
            if path.exists() and not np.allclose(np.load(path), ours, rtol=tolerance, atol=1e-9):
                apart = np.max(np.abs(np.load(path) - ours))
                self.differing.append(f"{task}: differs from {other.tool} by up to {apart}")


class Kept:
    """What was measured, group by group, in a file, so that a run that was stopped can go on.

    Parameters
    ----------
    path : Path
    agreement : Agreement
        Nothing is kept once results differ.
    go_on : bool
        Take what the file has; if not, all is measured again.
    """

    def __init__(self, path: Path, agreement: Agreement, *, go_on: bool) -> None:
        self.path, self.agreement = path, agreement
        self.groups = json.loads(path.read_text()) if go_on and path.exists() else {}

    def of(self, group: str, compute: Callable[[], Any]) -> Any:
        """Return what was kept of a group, or compute and keep it."""
        if group not in self.groups:
            found = compute()
            if self.agreement.differing:
                return found
            self.groups[group] = found
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.groups, indent=1))
        return self.groups[group]

    def timed(self, group: str, compute: Callable[[], list[Timed]]) -> list[Timed]:
        """Return the times of the tools in one group."""
        return [Timed(*each) for each in self.of(group, lambda: [astuple(each) for each in compute()])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="Python of an environment with pymc-marketing")
    parser.add_argument("--event-peers", help="Python of an environment with pm4py and retentioneering")
    parser.add_argument("--quick", action="store_true", help="small sizes, and nothing is written")
    parser.add_argument("--go-on", action="store_true", help="keep what a run that was stopped has measured")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--customers", type=int, default=10_000_000, help="of the priority list at size")
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.rows, options.customers = [3_000, 10_000], [100_000, 1_000_000], 10_000
    pythons = {"bayes_cx": sys.executable, "lifetimes": sys.executable}
    if options.peers:
        # A path within the repository, seen from the folder of a task.
        pythons["pymc_marketing"] = str(Path(options.peers).absolute())
    agreement = Agreement()
    kept = Kept(KEPT, agreement, go_on=options.go_on)
    with tempfile.TemporaryDirectory() as name:
        results = measure(Path(name), options, pythons, agreement, kept)
        sizes, tools = options.rows[:2], events.interpreters(options.event_peers)
        of_events = kept.of("events", lambda: events.measure(Path(name), sizes, tools))
    of_groups = kept.of("groups", lambda: groups.measure(min(options.customers, groups.MILLION)))
    page = page_of(results)
    for section in [*events.sections_of(of_events), groups.section(of_groups)]:
        page = with_section(page, section)
    print(page)
    if agreement.differing:
        raise SystemExit(
            "\n".join(["The results do not agree, so nothing is written:", *agreement.differing])
        )
    if not options.quick:
        picture(results, DOCS / "images" / "performance.png")
        (DOCS / "performance.md").write_text(page, encoding="utf-8")
        README.write_text(replaced(README.read_text(encoding="utf-8"), claim(results)), encoding="utf-8")


def measure(top: Path, options, pythons, agreement: Agreement, kept: Kept) -> Results:
    """Run everything."""

    def each(task: str, folder: Path, tools=("bayes_cx", "lifetimes", "pymc_marketing")) -> list[Timed]:
        return [run(pythons[tool], tool, task, folder) for tool in tools if tool in pythons]

    def both(task: str, tools, tolerance: float) -> list[Timed]:
        found = kept.timed(task, lambda: each(task, cdnow(), tools))
        for other in found[1:]:
            agreement.of_numbers(found[0], other, tolerance)
        return found

    def scored(task: str, tolerance: float) -> list[Timed]:
        def compute() -> list[Timed]:
            found = each(task, cdnow())
            agreement.of_scores(cdnow(), found, tolerance)
            return found

        return kept.timed(task, compute)

    @cache
    def cdnow() -> Path:
        transactions = bcx.load_cdnow()
        stats = bcx.summarise(transactions, until="1997-09-30", unit="week")
        folder = prepare(top / "cdnow", stats, 100 if options.quick else 1000)
        regular = bcx.summarise(transactions, until="1997-09-30", unit="week", regularity=True)
        regular.to_netcdf(folder / "regular.nc", engine="h5netcdf")
        return folder

    found = Results(sizes=options.sizes, customers=options.customers)
    found.fit = both("fit", ("bayes_cx", "lifetimes"), 0.05)
    found.pareto = both("fit_pareto", ("bayes_cx", "lifetimes"), 0.1)
    found.nuts = both("nuts", ("bayes_cx", "pymc_marketing"), 0.05)
    agreement.of_numbers(found.fit[0], found.nuts[0], 0.05)
    found.scores = scored("score", 1e-6)
    # The peers pay at the end of a month what comes within it, half a month later.
    found.values = scored("value", 0.01)
    if not options.quick:
        found.compared = kept.timed("compare", lambda: each("compare", cdnow(), ("bayes_cx",)))
    found.reports = kept.of("report", lambda: [report(top), report(top)])
    for n in options.sizes:
        unique, fits, score = kept.of(f"{n} customers", lambda n=n: at(n, top, each))
        fits, score = [Timed(*fit) for fit in fits], Timed(*score)
        agreement.of_numbers(*fits, 0.1)
        found.unique.append(unique)
        for timed in fits:
            found.fits_by_size.setdefault(timed.tool, []).append(timed.last)
        found.scores_by_size.append(score.last)
        found.peaks_by_size.append(score["peak"])
    for rows in options.rows:
        tools = tuple(pythons) if rows < MOST_ROWS_OF_PEERS else ("bayes_cx",)
        summarised = kept.timed(f"{rows} purchases", lambda n=rows, t=tools: summaries(n, top, t, each))
        for other in summarised[1:]:
            agreement.of_numbers(summarised[0], other, 1e-9)
        found.summaries.append((rows, summarised))
    found.purchases, steps = kept.of("at size", lambda: at_size(top, options.customers))
    found.steps = [Took(*step) for step in steps]
    return found


def at(n: int, top: Path, each: Callable[..., list[Timed]]) -> tuple:
    """Return the number of different rows of customers, and the times of fits and scores."""
    some = customers(n)
    folder = prepare(top / f"customers{n}", some, 1000)
    unique = bcx.compress(some).sizes["row"]
    del some
    fits = each("fit", folder, ("bayes_cx", "lifetimes"))
    (score,) = each("score", folder, ("bayes_cx",))
    shutil.rmtree(folder)
    return unique, [astuple(timed) for timed in fits], astuple(score)


def summaries(rows: int, top: Path, tools, each: Callable[..., list[Timed]]) -> list[Timed]:
    """Return the times of summaries of purchases."""
    folder = write_purchases(top / f"rows{rows}", rows)
    found = each("summarise", folder, tools)
    shutil.rmtree(folder)
    return found


if __name__ == "__main__":
    main()
