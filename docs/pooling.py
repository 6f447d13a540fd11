"""What partial pooling gains for small groups: writes the tables of docs/pooling.md.

Groups are fitted three ways: all customers together (complete pooling), every group by itself (no pooling),
and with offsets that have a common distribution (partial pooling); cohorts also in their order (drift). Each
is judged by leave-one-out prediction of customers and by the purchases of every group in a hold-out. Nothing
here is fitted to the result: the truth of the simulated shop are round numbers, and the seed is 1.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

import bayes_cx as bcx
from bayes_cx.inference import Posterior
from bayes_cx.models import BG_NBD
from bayes_cx.validation.loo import leave_one_out
from bayes_cx.validation.scores import crps

HERE = Path(__file__).parent
SEED, FUTURES = 1, 400
# Of all customers, and of a single group.
WHOLE, ALONE = bcx.Laplace(), bcx.Laplace(draws=1000)
# Simulated shops; the sizes of the groups in each, the weeks seen, and those that follow.
SHOPS = 12
SIZES, SEEN, AHEAD = (3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400), 39.0, 39.0
CENTRE = {"purchase_rate": 1.5, "rate_cv": 1.2, "dropout": 0.2, "dropout_size": 3.0}
SPREAD = {"purchase_rate": 0.5, "rate_cv": 0.2, "dropout": 0.5, "dropout_size": 0.2}
SMALL, PARTIAL = 50, "partial pooling"
CUT, END, DAYS = "1997-09-30", "1998-06-30", 273
BEGIN, FINISH = "<!-- tables: begin -->", "<!-- tables: end -->"


def simulated(shop: int) -> tuple[xr.Dataset, np.ndarray]:
    """Return the statistics of customers in groups that differ, and what they bought afterwards."""
    rng = np.random.default_rng([SEED, shop])
    parts, after = [], []
    for g, n in enumerate(SIZES):
        own = {}
        for name, value in CENTRE.items():
            by = SPREAD[name] * rng.standard_normal()
            log = BG_NBD.priors[name].link == "log"
            own[name] = value * np.exp(by) if log else 1 / (1 + (1 - value) / value * np.exp(-by))
        bought = BG_NBD.simulate(rng, np.full(n, SEEN + AHEAD), **BG_NBD.letters(0.1, **own))
        before = bought.time <= SEEN
        last = np.zeros(n)
        np.maximum.at(last, bought.customer[before], bought.time[before])
        x = np.bincount(bought.customer[before], minlength=n)
        parts.append((x, last, np.full(n, f"{g:02d}", object)))
        after.append(np.bincount(bought.customer[~before], minlength=n))
    x, t_x, group = (np.concatenate(column) for column in zip(*parts, strict=True))
    columns = {"x": x, "t_x": t_x, "T": np.full(x.size, SEEN), "group": group}
    data = {name: ("customer", column) for name, column in columns.items()}
    stats = xr.Dataset(
        data, coords={"customer": np.arange(x.size)}, attrs={"kind": "purchases", "unit": "week"}
    )
    return stats, np.concatenate(after)


def cdnow() -> tuple[xr.Dataset, np.ndarray]:
    """Return the tenth of CDNOW with the day and week of the first purchase, and what followed."""
    split = bcx.split(bcx.load_cdnow(sample=True), CUT, END)
    stats = split.calibration
    days = np.round(stats["T"].to_numpy() * 7).astype(int)
    first = np.datetime64(CUT) - days.astype("timedelta64[D]")
    week = first - ((first.astype("datetime64[D]").astype(int) - 4) % 7).astype("timedelta64[D]")
    dated = stats.assign(group=("customer", first.astype(str).astype(object)))
    dated = dated.assign(week=("customer", week.astype(str).astype(object)))
    return dated, split.holdout["x_holdout"].to_numpy()


def fits(stats: xr.Dataset, designs: Mapping[str, bcx.Design]) -> dict[str, Posterior]:
    """Return the fits of all customers by name."""
    found = {}
    for name, design in designs.items():
        found[name] = bcx.fit(BG_NBD, stats, design=design, method=WHOLE, seed=SEED, progress=False)
        failed = [f"{check.name} {check.value}" for check in found[name].checks if check.status == "failed"]
        print(f"{name}: {found[name]!r} {'; '.join(failed)}", file=sys.stderr)
    return found


def judged(stats: xr.Dataset, fit: Posterior, weeks: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the elpd of each customer, and futures of shape (sample, customer)."""
    on = (*BG_NBD.statistics, *fit.layout.design.columns)
    table = xr.Dataset({name: ("row", stats[name].to_numpy()) for name in on}, attrs=stats.attrs)
    futures = bcx.predict_purchases(fit, stats, f"{weeks} weeks", draws=FUTURES, seed=SEED)
    return leave_one_out(fit, table).elpd, futures.transpose(..., "customer").to_numpy()


@dataclass(frozen=True)
class Judged:
    """How the fits of one set of customers predict them.

    Attributes
    ----------
    size, happened : numpy.ndarray
        Customers in each group, and their purchases in the hold-out.
    at : numpy.ndarray
        The group of each customer.
    elpd : dict of str to numpy.ndarray
        By fit, of each customer.
    totals : dict of str to numpy.ndarray
        By fit, drawn totals of the hold-out, shape (future, group).
    """

    size: np.ndarray
    happened: np.ndarray
    at: np.ndarray
    elpd: dict[str, np.ndarray]
    totals: dict[str, np.ndarray]


def compared(stats: xr.Dataset, after: np.ndarray, designs: Mapping[str, bcx.Design], weeks: float) -> Judged:
    """Return how fits with these designs, and one of every group by itself, predict."""
    groups, at = np.unique(stats["group"].to_numpy().astype(str), return_inverse=True)
    found = {name: judged(stats, fit, weeks) for name, fit in fits(stats, designs).items()}
    elpd, futures = np.empty(at.size), np.empty((FUTURES, at.size))
    # The scale of the priors is that of all customers, so that the priors are the same.
    scale = bcx.fit(BG_NBD, stats, method=bcx.MAP(), progress=False).provenance.scale
    for g in range(groups.size):
        own = np.flatnonzero(at == g)
        some = stats.isel(customer=own)
        fit = bcx.fit(BG_NBD, some, method=ALONE, seed=SEED, scale=scale, progress=False)
        elpd[own], futures[:, own] = judged(some, fit, weeks)
    found["no pooling"] = elpd, futures
    totals = {
        name: np.stack([made[:, at == g].sum(axis=1) for g in range(groups.size)], axis=1)
        for name, (_, made) in found.items()
    }
    elpds = {name: own for name, (own, _) in found.items()}
    return Judged(np.bincount(at), np.bincount(at, after), at, elpds, totals)


def table(parts: Sequence[Judged]) -> str:
    """Return the comparison as a table of Markdown."""
    size, happened = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("size", "happened")
    )
    of_customer = np.concatenate([part.size[part.at] for part in parts])
    small = size < SMALL
    lines = [
        f"| fit | elpd, {small.sum()} groups of fewer than {SMALL} | elpd, {(~small).sum()} larger groups | "
        "CRPS of the total of a small group | of a larger one | totals inside 90 % intervals |",
        "|---|---|---|---|---|---|",
    ]
    scores: dict[str, np.ndarray] = {}
    for name in parts[0].elpd:
        totals = np.concatenate([part.totals[name] for part in parts], axis=1)
        scores[name] = crps(totals, happened)
        low, high = np.quantile(totals, [0.05, 0.95], axis=0)
        inside = np.mean((low <= happened) & (happened <= high))
        gain = np.concatenate([part.elpd[name] - part.elpd[PARTIAL] for part in parts])
        cells = [_difference(gain[(of_customer < SMALL) == which]) for which in (True, False)]
        behind = scores[name] - scores[PARTIAL]
        for each in (small, ~small):
            cells.append(_average(scores[name][each], behind[each]))
        lines.append(f"| {name} | {' | '.join(cells)} | {inside:.0%} |")
    return "\n".join(lines)


def _average(scores: np.ndarray, behind: np.ndarray) -> str:
    """Return a mean score, and by how much it is above that of partial pooling, with its standard error."""
    if not scores.size:
        return ""
    if not np.any(behind):
        return f"{scores.mean():.2f}"
    return f"{scores.mean():.2f} ({behind.mean():+.2f} ± {behind.std() / np.sqrt(behind.size):.2f})"


def _difference(values: np.ndarray) -> str:
    """Return a sum of differences between customers with its standard error."""
    if not values.size or not np.any(values):
        return "0" if values.size else ""
    return f"{values.sum():+.1f} ± {np.sqrt(values.size) * values.std():.1f}"


def main() -> None:
    """Write the tables into the page."""
    designs = {PARTIAL: bcx.Design(pool=["group"]), "complete pooling": bcx.Design()}
    first = table([compared(*simulated(shop), designs, AHEAD) for shop in range(SHOPS)])
    second = table(
        [compared(*cdnow(), designs | {"drift from week to week": bcx.Design(drift="week")}, DAYS / 7)]
    )
    text = f"""{BEGIN}
Simulated: {SHOPS} shops, each with {len(SIZES)} groups of {min(SIZES)} to {max(SIZES)} customers, seen for
{SEEN:g} weeks and followed for as many.

{first}

CDNOW, the sample of 2,357 customers: cohorts by the day of the first purchase, cut at {CUT} and followed
until {END}.

{second}
{FINISH}"""
    page = HERE / "pooling.md"
    before, _, rest = page.read_text().partition(BEGIN)
    after_tables = rest.partition(FINISH)[2]
    page.write_text(before + text + after_tables)


if __name__ == "__main__":
    main()
