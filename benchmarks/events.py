"""Time events against their peers: counts of transitions, journeys, risk and the next best action.

``python benchmarks/events.py --peers PYTHON`` prints two sections of docs/performance.md, and ``--write``
replaces them there; PYTHON is the interpreter of an environment with pm4py and retentioneering, as
``make bench`` makes it. Each task runs once in a process of its own. That the counts are equal is asserted
here.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from event_tasks import ACTIONS, CLOSE, CUSTOMERS, FEATURES, PERIODS
from page import DOCS, Timed, device, seconds, table, times, with_section
from processes import run

ACTIVITIES, EACH = 30, 12  # and events a case
SCRIPT = "event_tasks.py"
ROWS = {
    ("duckdb", "transitions"): "DuckDB alone: scan, sort, counts",
    ("bayes_cx", "transitions"): "bayes_cx: rows checked, journeys cut, stays and counts",
    ("bayes_cx", "posterior"): "bayes_cx: the same, and the posterior of journeys",
    ("pm4py", "transitions"): "pm4py: counts",
    ("retentioneering", "transitions"): "retentioneering: counts",
}


def write_events(folder: Path, rows: int) -> None:
    """Write events of cases that move between activities as a Markov chain, in order of time."""
    rng, cases = np.random.default_rng(1), rows // EACH
    moves = rng.dirichlet(np.full(ACTIVITIES, 0.3), ACTIVITIES).cumsum(axis=1)
    moves[:, -1] = 1.0
    state = np.zeros((cases, EACH), np.int8)
    state[:, 0] = rng.integers(0, 5, cases)
    for step in range(1, EACH):
        for before in range(ACTIVITIES):
            here = np.flatnonzero(state[:, step - 1] == before)
            state[here, step] = np.searchsorted(moves[before], rng.random(here.size))
    # Minutes lie between the events of a case, one second at least: their order is never in doubt.
    gap = 1 + rng.gamma(2.0, 300.0, (cases, EACH)).astype(np.int64)
    gap[:, 0] = rng.integers(0, 365 * 86_400, cases)
    time = gap.cumsum(axis=1).ravel()
    order = np.argsort(time, kind="stable")
    names = [f"step {i}" for i in range(ACTIVITIES)]
    first = int(np.datetime64("2024-01-01", "s").astype(int))
    columns = {
        "customer": order // EACH,
        "time": pa.array((first + time[order]) * 1_000_000, pa.timestamp("us")),
        "event": pa.DictionaryArray.from_arrays(state.ravel()[order], names).cast(pa.string()),
    }
    pq.write_table(pa.table(columns), folder / "events.parquet", row_group_size=1_000_000)


def counts(rows: int, top: Path, pythons: dict[str, str]) -> list[Timed]:
    """Return what the tools took; raises SystemExit if their counts differ."""
    folder = top / f"events{rows}"
    folder.mkdir()
    write_events(folder, rows)
    found = [run(pythons[tool], tool, task, folder, SCRIPT) for tool, task in ROWS if tool in pythons]
    wanted = np.load(folder / "transitions duckdb.npy")
    if wanted[:, 2].sum() != rows // EACH * (EACH - 1):
        raise SystemExit("DuckDB has not counted every transition")
    for other in found:
        path = folder / f"{other.task} {other.tool}.npy"
        if other.took and not np.array_equal(np.load(path), wanted):
            raise SystemExit(f"counts of {other.tool} ({other.task}) differ, so nothing is written")
    shutil.rmtree(folder)
    return found


def journeys_section(found: dict[int, list[Timed]]) -> str:
    """Return the section on counts of transitions and journeys."""
    head = ["events", "", "to the data", "CPU s", "s", "peak MiB", "to DuckDB alone"]
    rows = []
    for n, timed in found.items():
        for each in timed:
            name = ROWS[each.tool, each.task]
            if each.took is None:
                rows.append([f"{n:,}", name, "failed, or took longer than 15 minutes", *["–"] * 4])
                continue
            peak, wall = f"{each['peak']:,.0f}", seconds(each["first wall"])
            ratio = times(each["first"] / timed[0]["first"])
            rows.append([f"{n:,}", name, seconds(each["import"]), seconds(each["first"]), wall, peak, ratio])
    return f"""## From events to journeys

{ACTIVITIES} activities, {EACH} events a case, from a Parquet file in order of time to the number of
transitions between activities; that all tools count the same is asserted. Journeys end after {CLOSE} without
an event. Each task runs once, in a process of its own. "To the data" is the interpreter and imports. On
{device()}, by `python benchmarks/events.py`.

{table(head, rows)}
"""


def decisions_section(risk: Timed, actions: Timed) -> str:
    """Return the section on risk and the next best action."""
    head = ["", "CPU s", "s", "peak MiB", "result"]
    rows = []
    for name, each in (
        (f"`HAZARD`: {PERIODS:,} different periods at risk, {FEATURES} features", risk),
        (f"`next_best_action`: {CUSTOMERS:,} different customers, {ACTIONS} actions, 4 limits", actions),
    ):
        if each.took is None:
            rows.append([name, "failed, or took longer than 15 minutes", *["–"] * 3])
            continue
        found = each.took["result"]
        said = (
            f"no plan gains more than {found['gap']:.1g} of its gain in addition"
            if "gap" in found
            else f"checks {found['checks']}; effects are {found['off']:.2f} posterior sd off "
            "(root mean square)"
        )
        wall, peak = seconds(each["first wall"]), f"{each['peak']:,.0f}"
        rows.append([name, seconds(each["first"]), wall, peak, said])
    return f"""## Risk and the next best action

Simulated data in memory, in which no two rows are equal; one call each, with all that is compiled in it. By
`python benchmarks/events.py`.

{table(head, rows)}
"""


def measure(top: Path, sizes: list[int], pythons: dict[str, str]) -> dict:
    """Return all that was timed, as plain values by section."""
    found = {str(n): [astuple(each) for each in counts(n, top, pythons)] for n in sizes}
    ours = [astuple(run(pythons["bayes_cx"], "bayes_cx", task, top, SCRIPT)) for task in ("risk", "actions")]
    return {"counts": found, "decisions": ours}


def sections_of(found: dict) -> list[str]:
    """Return the sections on what `measure` returned."""
    by_size = {int(n): [Timed(*each) for each in timed] for n, timed in found["counts"].items()}
    risk, actions = (Timed(*each) for each in found["decisions"])
    return [journeys_section(by_size), decisions_section(risk, actions)]


def interpreters(peers: str | None) -> dict[str, str]:
    """Return the interpreter of each tool, the peers where there are such."""
    found = {"duckdb": sys.executable, "bayes_cx": sys.executable}
    # A path within the repository, seen from the folder of a task.
    return found | (dict.fromkeys(("pm4py", "retentioneering"), str(Path(peers).absolute())) if peers else {})


def main() -> None:
    """Print the sections, and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="Python of an environment with pm4py and retentioneering")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--write", action="store_true", help="replace the sections of docs/performance.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        sections = sections_of(measure(Path(name), options.rows, interpreters(options.peers)))
    print("\n".join(sections))
    if options.write:
        page = DOCS / "performance.md"
        text = page.read_text(encoding="utf-8")
        for section in sections:
            text = with_section(text, section)
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
