"""docs/performance.md, its picture, and the sentence of the README on speed, from what `bench.py` timed."""

import os
import platform
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from at_size import DRAWS, Took

README = Path(__file__).parents[1] / "README.md"
DOCS = README.parent / "docs"
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


@dataclass
class Results:
    """All that was timed: lists by tool, ours first, and lists by size."""

    sizes: list[int]
    customers: int
    fit: list[Timed] = field(default_factory=list)
    pareto: list[Timed] = field(default_factory=list)
    nuts: list[Timed] = field(default_factory=list)
    scores: list[Timed] = field(default_factory=list)
    values: list[Timed] = field(default_factory=list)
    compared: list[Timed] = field(default_factory=list)
    reports: list[float] = field(default_factory=list)
    unique: list[int] = field(default_factory=list)
    fits_by_size: dict[str, list[float]] = field(default_factory=dict)
    scores_by_size: list[float] = field(default_factory=list)
    peaks_by_size: list[float] = field(default_factory=list)
    summaries: list[tuple[int, list[Timed]]] = field(default_factory=list)
    purchases: int = 0
    steps: list[Took] = field(default_factory=list)


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


def by_draw(timed: Timed) -> float:
    """Return the CPU seconds of the last call for each effective draw; not a number where there are none."""
    ess = timed.took["result"].get("ess") if timed.took else None
    return timed.last / ess if ess else float("nan")


def rows_of(label: str, found: list[Timed]) -> list[list[str]]:
    """Return the rows of one task; ratios are of the last call's CPU seconds, to ours."""
    rows = []
    for timed in found:
        name = NAMES[timed.tool]
        if timed.took is None:
            rows.append([label, name, "failed, or took longer than 15 minutes", *["–"] * 6])
            continue
        ess = timed.took["result"].get("ess")
        rows.append(
            [
                label, name, seconds(timed["import"]), seconds(timed["first"]), seconds(timed["second"]),
                f"{timed['peak']:,.0f}", "–" if ess is None else f"{ess:,.0f}",
                times(timed.last / found[0].last), times(by_draw(timed) / by_draw(found[0])),
            ]
        )  # fmt: skip
    return rows


def picture(results: Results, path: Path) -> None:
    """Draw CPU seconds over the number of customers."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharex=True, layout="constrained")
    scores = {"bayes_cx": results.scores_by_size}
    titles = "Fit of BG/NBD", "Two scores on 1,000 draws"
    for ax, found, title in zip(axes, (results.fits_by_size, scores), titles, strict=True):
        for tool, values in found.items():
            ax.loglog(results.sizes, values, marker="o", label=NAMES[tool])
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


# The item of the README on speed.
CLAIM = re.compile(
    r"(- \*\*The whole posterior at the price of a point estimate[^*]*\*\*).*?(?=\n- |\n\n)", re.DOTALL
)


def replaced(readme: str, sentence: str) -> str:
    """Return the README with this sentence on speed."""
    return CLAIM.sub(lambda found: wrapped(f"{found[1]} {sentence}"), readme)


def wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, 110, subsequent_indent="  ", break_on_hyphens=False))


def claim(results: Results) -> str:
    """Return what the README says on speed."""
    return f"{sentence(results)} [docs/performance.md](docs/performance.md) has the rest."


def sentence(results: Results) -> str:
    ours, point = results.fit
    said = (
        f"On CDNOW, 23,570 customers, the posterior of BG/NBD takes {seconds(ours['second'])} CPU seconds in "
        f"the second call, once its formulas are compiled, and the point estimate of lifetimes "
        f"{seconds(point['second'])}; the first calls take {seconds(ours['first'])} and "
        f"{seconds(point['first'])}."
    )
    own, peer = results.nuts[0], results.nuts[-1]
    if peer.tool == "pymc_marketing" and peer.took and own.took and ours.took:
        which = "second call" if np.isfinite(peer["second"]) else "only call, a first one"
        said += (
            f" NUTS by pymc-marketing with nutpie takes {seconds(peer.last)} in its {which}: for each "
            f"effective draw {times(by_draw(peer) / by_draw(ours))} as much as that second call, and "
            f"{times(by_draw(peer) / by_draw(own))} as much as the second call of NUTS in bayes_cx, which "
            f"takes {seconds(own['second'])} (the first: {seconds(own['first'])})."
        )
    return said


def with_section(page: str, section: str) -> str:
    """Return the page with this section in place of the one with its heading, or else at its end."""
    heading = section.splitlines()[0]
    before, found, rest = page.partition(f"{heading}\n")
    if not found:
        return f"{page.rstrip()}\n\n{section}"
    after = re.search(r"^## .*", rest, re.DOTALL | re.MULTILINE)
    return before + section + (f"\n{after[0]}" if after else "")


def page_of(results: Results) -> str:
    """Return docs/performance.md."""
    head = [
        "", "", "to the data", "first call", "second call", "peak MiB", "effective draws",
        "last call, to ours", "and for each effective draw",
    ]  # fmt: skip
    rows = [
        *rows_of("BG/NBD: 4,000 draws, or a maximum", results.fit),
        *rows_of("Pareto/NBD: 4,000 draws, or a maximum", results.pareto),
        *rows_of("BG/NBD by NUTS, 4 x 1,000 draws", results.nuts),
        *rows_of("P(active) and purchases in 39 weeks, 1,000 draws", results.scores),
        *rows_of("Value of a year, discounted, 1,000 draws", results.values),
        *rows_of("Fit and comparison of five models", results.compared),
    ]
    by_size = [*results.fits_by_size.values(), results.scores_by_size]
    growth = [
        [f"{n:,}", f"{results.unique[i]:,}", *(seconds(each[i]) for each in by_size),
         f"{results.peaks_by_size[i]:,.0f}"]
        for i, n in enumerate(results.sizes)
    ]  # fmt: skip
    powers = (f"{exponent(results.sizes, each):.2f}" for each in by_size)
    growth.append(["grows with the power", "", *powers, ""])
    fits = [f"fit, {NAMES[tool]}" for tool in results.fits_by_size]
    return PAGE.format(
        device=device(),
        python=platform.python_version(),
        sentence=wrapped(sentence(results)).replace("\n  ", "\n"),
        cdnow=table(head, rows),
        report=seconds(results.reports[0]),
        again=seconds(results.reports[1]),
        growth=table(["customers", "different rows", *fits, "scores", "peak of scores, MiB"], growth),
        summaries=table(
            head, [row for n, found in results.summaries for row in rows_of(f"{n:,} purchases", found)]
        ),
        customers=f"{results.customers:,}",
        purchases=f"{results.purchases:,}",
        draws=DRAWS,
        at_size=table(
            ["", "CPU s", "s", "peak MiB"],
            [
                [f"`bayes-cx {each.command}`", seconds(each.cpu), seconds(each.wall), f"{each.peak:,.0f}"]
                for each in results.steps
            ],
        ),
    )


PAGE = """# Performance

Written by `make bench`, which runs every task of every tool in a process of its own and asserts that the
results agree. CPU seconds on {device}; Python {python}.

{sentence}

## CDNOW, 23,570 customers

"To the data" is the interpreter, imports and loading. Formulas are compiled in the first call of a process,
and nothing is kept on disk, so caches are never cold. A peer whose calls take minutes is called once.

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

## A priority list of {customers} customers

From {purchases} purchases in a Parquet file to the priority list in another, command by command. Mean spends
are coarsened by five percent for the fit, and customers are valued with {draws} draws.

{at_size}
"""
