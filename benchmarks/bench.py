"""Time this package and its peers on the same data in one run, and write docs/performance.md: ``make bench``.

Every task of every tool runs in a process of its own (`tasks.py`). That the results agree is asserted here.
``--peers PYTHON`` names the interpreter of an environment with pymc-marketing, ``--quick`` leaves out what
takes minutes and writes nothing.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import bayes_cx as bcx

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
LIMIT = 900  # seconds that a task may take
LETTERS = {"r": 0.25, "alpha": 4.5, "a": 0.8, "b": 2.4}
NAMES = {"bayes_cx": "bayes_cx", "lifetimes": "lifetimes", "pymc_marketing": "pymc-marketing"}


@dataclass(frozen=True)
class Timed:
    """What a task took, by the names of `tasks.py`; None if it failed or took too long."""

    tool: str
    task: str
    took: dict | None

    def __getitem__(self, name: str) -> float:
        """Return CPU seconds or MiB; the second call of what was called once is not a number."""
        return self.took.get(name, float("nan")) if self.took else float("nan")

    @property
    def last(self) -> float:
        """CPU seconds of the last call."""
        return self["second"] if np.isfinite(self["second"]) else self["first"]


def run(python: str, tool: str, task: str, folder: Path) -> Timed:
    """Run one task; one that fails or takes too long has no times."""
    print(f"{tool} {task} …", flush=True)
    command = [python, str(HERE / "tasks.py"), tool, task, str(folder)]
    # In a folder of its own, so that no other environment finds this package by chance.
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, cwd=folder, check=False, env=environment()
        )
    except subprocess.TimeoutExpired:
        return Timed(tool, task, None)
    if done.returncode:
        print(done.stderr[-2000:])
        return Timed(tool, task, None)
    return Timed(tool, task, json.loads(done.stdout.splitlines()[-1]))


def environment() -> dict[str, str]:
    """Return the environment of tasks: one process, as many threads as libraries take by themselves."""
    return {**os.environ, "PYTHONWARNINGS": "ignore"}


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


def report(folder: Path) -> tuple[float, float]:
    """Return the CPU seconds of the whole report of CDNOW on the command line, and peak MiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [Path(sys.executable).with_name("bayes-cx"), "report", "--dataset", "cdnow"]
    options = ["--until", "1998-06-30", "--holdout-from", "1997-09-30", "--out", folder / "report"]
    subprocess.run([*command, *options], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024


def agree(one: Timed, other: Timed, tolerance: float) -> None:
    """Assert that two tasks found the same numbers."""
    if one.took and other.took:
        ours, theirs = one.took["result"], other.took["result"]
        for name in set(ours) & set(theirs) - {"ess"}:
            assert abs(theirs[name] / ours[name] - 1) < tolerance, (one, other)


def agree_scores(folder: Path, tools) -> None:
    """Assert that all tools give the same means, deviations and quantiles from the same draws."""
    ours = np.load(folder / "bayes_cx.npy")
    for tool in tools:
        if (folder / f"{tool}.npy").exists():
            np.testing.assert_allclose(np.load(folder / f"{tool}.npy"), ours, rtol=1e-6, atol=1e-9)


def exponent(sizes, seconds) -> float:
    """Return the power of the size with which time grows, over the last two sizes."""
    return float(np.log(seconds[-1] / seconds[-2]) / np.log(sizes[-1] / sizes[-2]))


def seconds(value: float) -> str:
    return "–" if not np.isfinite(value) else f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def times(ratio: float) -> str:
    return "–" if not np.isfinite(ratio) else f"{ratio:.1f} x" if ratio < 10 else f"{ratio:,.0f} x"


def table(head, rows) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def rows_of(label: str, found: list[Timed]) -> list[list[str]]:
    """Return the rows of one task; ratios are of the last call's CPU seconds, to ours."""
    rows = []
    for timed in found:
        name = NAMES[timed.tool]
        if timed.took is None:
            rows.append([label, name, "failed, or took longer than 15 minutes", *["–"] * 5])
            continue
        ess = timed.took["result"].get("ess")
        rows.append(
            [
                label, name, seconds(timed["import"]), seconds(timed["first"]), seconds(timed["second"]),
                f"{timed['peak']:,.0f}", "–" if ess is None else f"{ess:,.0f}",
                times(timed.last / found[0].last),
            ]
        )  # fmt: skip
    return rows


def picture(sizes, fits, scores, path: Path) -> None:
    """Draw CPU seconds over the number of customers."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharex=True, layout="constrained")
    for ax, found, title in zip(
        axes, (fits, scores), ("Fit of BG/NBD", "Scores on 1,000 draws"), strict=True
    ):
        for tool, values in found.items():
            ax.loglog(sizes, values, marker="o", label=NAMES[tool])
        ax.set_title(title, loc="left")
        ax.set_xlabel("customers")
        ax.legend(frameon=False)
        ax.grid(visible=True, alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("CPU seconds, second call")
    figure.savefig(path, dpi=130)


def device() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor()}, {os.cpu_count()} cores, {platform.system()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="Python of an environment with pymc-marketing")
    parser.add_argument("--quick", action="store_true", help="small sizes, and nothing is written")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options = parser.parse_args()
    if options.quick:
        options.sizes, options.rows = [3_000, 10_000], [100_000, 1_000_000]
    pythons = {"bayes_cx": sys.executable, "lifetimes": sys.executable}
    if options.peers:
        pythons["pymc_marketing"] = options.peers
    with tempfile.TemporaryDirectory() as name:
        page = measure(Path(name), options, pythons)
    print(page)
    if not options.quick:
        (DOCS / "performance.md").write_text(page, encoding="utf-8")
        readme = HERE.parent / "README.md"
        text = re.sub(CLAIM, lambda found: f"{found[1]} {claim(page)}", readme.read_text(encoding="utf-8"))
        readme.write_text(text, encoding="utf-8")


# The sentence of the README on speed, up to its link.
CLAIM = re.compile(
    r"(- \*\*The whole posterior at the price of a point estimate\.\*\*).*?(?=\n- )", re.DOTALL
)


def claim(page: str) -> str:
    """Return the sentence of the page on speed, as an item of the README's list."""
    sentence = page.split("\n\n")[2].replace("\n", " ")
    link = "[docs/performance.md](docs/performance.md) has the rest."
    words = textwrap.wrap(f"{sentence} {link}", 110, initial_indent="", subsequent_indent="  ")
    return "\n  " + "\n".join(words)


def measure(top: Path, options, pythons) -> str:
    """Run everything and return the page."""

    def each(task: str, folder: Path, tools=("bayes_cx", "lifetimes", "pymc_marketing")) -> list[Timed]:
        return [run(pythons[tool], tool, task, folder) for tool in tools if tool in pythons]

    transactions = bcx.load_cdnow()
    stats = bcx.summarise(transactions, until="1997-09-30", unit="week")
    cdnow = prepare(top / "cdnow", stats, 100 if options.quick else 1000)
    bcx.summarise(transactions, until="1997-09-30", unit="week", regularity=True).to_netcdf(
        cdnow / "regular.nc", engine="h5netcdf"
    )
    fit = each("fit", cdnow, ("bayes_cx", "lifetimes"))
    agree(*fit, 0.05)
    pareto = each("fit_pareto", cdnow, ("bayes_cx", "lifetimes"))
    agree(*pareto, 0.1)
    nuts = each("nuts", cdnow, ("bayes_cx", "pymc_marketing"))
    for other in nuts:
        agree(fit[0], other, 0.05)
    scored = each("score", cdnow)
    agree_scores(cdnow, pythons)
    five = [] if options.quick else each("compare", cdnow, ("bayes_cx",))
    first_report, again = report(top), report(top)
    by_size: dict[str, dict[str, list[float]]] = {"fit": {}, "score": {}}
    unique, peaks = [], []
    for n in options.sizes:
        some = customers(n)
        folder = prepare(top / f"customers{n}", some, 1000)
        unique.append(len(np.unique(np.stack([some[c].to_numpy() for c in ("x", "t_x", "T")]), axis=1).T))
        del some
        found = each("fit", folder, ("bayes_cx", "lifetimes"))
        agree(*found, 0.1)
        score = run(pythons["bayes_cx"], "bayes_cx", "score", folder)
        peaks.append(score["peak"])
        for timed in found:
            by_size["fit"].setdefault(timed.tool, []).append(timed.last)
        by_size["score"].setdefault("bayes_cx", []).append(score.last)
    summaries = []
    for rows in options.rows:
        folder = write_purchases(top / f"rows{rows}", rows)
        large = rows > 20_000_000  # for the peers all rows lie in memory, several times
        found = each("summarise", folder, ("bayes_cx",) if large else tuple(pythons))
        for other in found[1:]:
            agree(found[0], other, 1e-9)
        summaries += rows_of(f"{rows:,} purchases", found)
        (folder / "purchases.parquet").unlink()
    if not options.quick:
        picture(options.sizes, by_size["fit"], by_size["score"], DOCS / "images" / "performance.png")
    return page_of(
        options, fit, pareto, nuts, scored, five, (first_report, again), by_size, unique, peaks, summaries
    )


def page_of(options, fit, pareto, nuts, scored, five, reports, by_size, unique, peaks, summaries) -> str:
    """Return docs/performance.md."""
    head = [
        "", "", "to the data", "first call", "second call", "peak MiB", "effective draws",
        "last call, to ours",
    ]  # fmt: skip
    rows = [
        *rows_of("BG/NBD: 4,000 draws, or a maximum", fit),
        *rows_of("Pareto/NBD: 4,000 draws, or a maximum", pareto),
        *rows_of("BG/NBD by NUTS, 4 x 1,000 draws", nuts),
        *rows_of("P(active) and purchases in 39 weeks, 1,000 draws", scored),
        *rows_of("Fit and comparison of five models", five),
    ]
    sizes = options.sizes
    growth = [
        [
            f"{n:,}", f"{unique[i]:,}", *(seconds(by_size["fit"][tool][i]) for tool in by_size["fit"]),
            seconds(by_size["score"]["bayes_cx"][i]), f"{peaks[i]:,.0f}",
        ]
        for i, n in enumerate(sizes)
    ]  # fmt: skip
    powers = [exponent(sizes, by_size["fit"][tool]) for tool in by_size["fit"]]
    powers.append(exponent(sizes, by_size["score"]["bayes_cx"]))
    growth.append(["grows with the power", "", *(f"{power:.2f}" for power in powers), ""])
    theirs, ours = (
        each.last / each.took["result"]["ess"] if each.took else np.nan for each in (nuts[-1], fit[0])
    )
    sentence = (
        f"On CDNOW the posterior of BG/NBD takes {seconds(fit[0]['second'])} CPU seconds, lifetimes' point "
        f"estimate {seconds(fit[1]['second'])}"
    )
    if nuts[-1].tool == "pymc_marketing" and nuts[-1].took:
        sentence += (
            f", and pymc-marketing with nutpie {seconds(nuts[-1]['second'])}: {times(theirs / ours)} as much "
            "for each effective draw"
        )
    names = ["customers", "different rows", *(f"fit, {NAMES[tool]}" for tool in by_size["fit"])]
    return PAGE.format(
        device=device(),
        python=platform.python_version(),
        sentence=sentence,
        cdnow=table(head, rows),
        report=seconds(reports[0][0]),
        again=seconds(reports[1][0]),
        growth=table([*names, "scores", "peak of scores, MiB"], growth),
        summaries=table(head, summaries),
    )


PAGE = """# Performance

Written by `make bench`, which runs every task of every tool in a process of its own and asserts that the
results agree. CPU seconds on {device}; Python {python}.

{sentence}.

## CDNOW, 23,570 customers

"To the data" is the interpreter, imports and loading. Formulas are compiled in the first call of a process,
and nothing is kept on disk, so caches are never cold.

{cdnow}

The whole report (`bayes-cx report`, with hold-out, cards and HTML) takes {report} CPU seconds, and {again}
the second time.

## Growth

Customers who buy and leave as BG/NBD has it, seen for 27 to 39 weeks of whole days. Equal rows collapse, so
the fit grows with the number of different rows; scores are those above, on 1,000 draws.

![CPU seconds by number of customers](images/performance.png)

{growth}

## From purchases to statistics

{summaries}
"""


if __name__ == "__main__":
    main()
