"""How often intervals of hold-out totals hold what happened: writes docs/coverage.md.

Rolling origin: every data set is cut at several days, and what came within 13 and 26 weeks of the cut is
compared with the forecast from what was known until then, with constant rates, with calendar time, and with a
season taken for granted where two years are known. The form of calendar time and its priors were chosen with
an eye on these data sets, and on shops simulated with other seeds than those of `shops`, which are the test.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import gaussian_kde

import bayes_cx as bcx
from bayes_cx.data import Transactions
from bayes_cx.files import atomic_path
from bayes_cx.scoring import predict_events
from bayes_cx.validation.coverage import LEVELS, binomial_interval, inside_randomised
from bayes_cx.validation.scores import crps

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.worlds import KINDS, START, any_shop, daily, shop

HERE = Path(__file__).parent
APPAREL = HERE.parents[1] / "shared" / "data" / "apparelTrans.csv"
SEED, DRAWS, HORIZONS = 1, 400, (13, 26)
DESIGNS = {
    "constant": bcx.Design(),
    "calendar": bcx.Design(calendar=True),
    "season": bcx.Design(season=True),
}
WORLDS = {
    "simulated: even weeks": {},
    "simulated: seasons": {"season": 0.35, "noise": 0.05},
    "simulated: shocks": {"sd": 0.3, "memory": 10.0, "noise": 0.1},
}
# Shops of each kind.
SHOPS = 8


@dataclass(frozen=True)
class Forecast:
    """A forecast of a total, and how it did.

    Attributes
    ----------
    data, cut, design : str
    weeks : int
    observed : int
    mean, low, high : float
        Of the forecast; the interval is that of 95%.
    below : float
        Share of the draws below what was observed.
    log_score, crps : float
        Of the total: minus the log of the density of its logarithm, and CRPS as a share of what was observed.
    customers : tuple of float
        Share of single customers inside their intervals, at each of `LEVELS`.
    checks : str
        Verdict over the checks of the fit.
    """

    data: str
    cut: str
    design: str
    weeks: int
    observed: int
    mean: float
    low: float
    high: float
    below: float
    log_score: float
    crps: float
    customers: tuple[float, ...]
    checks: str

    def inside(self, level: float) -> bool:
        """Return whether the central interval holds what was observed."""
        return abs(self.below - 0.5) <= level / 2


def data() -> Iterator[tuple[str, Transactions, list[str]]]:
    """Yield data sets with their cuts."""
    cuts = ["1997-06-30", "1997-09-30", "1997-12-31", "1998-03-31"]
    yield "CDNOW, a tenth", bcx.load_cdnow(sample=True), cuts
    yield "CDNOW", bcx.load_cdnow(), cuts
    if APPAREL.exists():
        raw = pd.read_csv(APPAREL)
        frame = pd.DataFrame({"customer": raw["Id"], "time": pd.to_datetime(raw["Date"], unit="D")})
        last = frame["time"].max()
        days = [last - pd.Timedelta(weeks=weeks) for weeks in (104, 78, 52, 26)]
        yield "apparel", _read(frame), [str(day.date()) for day in days]
    for i, (name, given) in enumerate(WORLDS.items()):
        rng = np.random.default_rng([SEED, i])
        factor = daily(rng, 7 * 156, **given)
        frame = shop(rng, factor, customers=3000, joining=7 * 60)
        yield name, _read(frame), [str(START + np.timedelta64(7 * w, "D")) for w in (52, 78, 104, 130)]


def shops() -> Iterator[tuple[str, Transactions, str]]:
    """Yield shops simulated for the test alone, by kind, each with its cut."""
    for i, kind in enumerate(KINDS):
        for j in range(SHOPS):
            frame, history = any_shop(np.random.default_rng([SEED, 2, i, j]), kind, ahead=max(HORIZONS) + 8)
            yield f"{kind}: {j + 1}", _read(frame), str(START + np.timedelta64(7 * history, "D"))


def _read(frame: pd.DataFrame) -> Transactions:
    return bcx.read_transactions(frame, customer="customer", time="time")


def forecasts(
    name: str, transactions: Transactions, cut: str, designs: Iterable[str] = tuple(DESIGNS)
) -> Iterator[Forecast]:
    """Yield the forecasts of a data set from a cut on, as far as the data reach."""
    last = pd.Timestamp(bcx.summarise(transactions).attrs["until"])
    ends = {weeks: pd.Timestamp(cut) + pd.Timedelta(weeks=weeks) for weeks in HORIZONS}
    # A day or two less than the whole span counts as all of it.
    ends = {weeks: min(end, last) for weeks, end in ends.items() if end <= last + pd.Timedelta(days=3)}
    parts = {weeks: bcx.split(transactions, cut, str(end.date())) for weeks, end in ends.items()}
    stats = next(iter(parts.values())).calibration
    for design_name in designs:
        design = DESIGNS[design_name]
        try:
            fit = bcx.fit(bcx.models.BG_NBD, stats, design=design, seed=SEED, progress=False)
        except bcx.InputError:
            if design_name != "season":  # which needs two years
                raise
            continue
        counts = {weeks: np.zeros((DRAWS, stats.sizes["customer"]), np.int32) for weeks in parts}
        lengths = {weeks: part.holdout.attrs["length"] for weeks, part in parts.items()}
        for i, made in enumerate(predict_events(fit, stats, max(lengths.values()), draws=DRAWS, seed=SEED)):
            for weeks, length in lengths.items():
                within = made.customer[made.time <= length]
                counts[weeks][i] = np.bincount(within, minlength=counts[weeks].shape[1])
        for weeks, part in parts.items():
            seen = part.holdout["x_holdout"].to_numpy()
            yield _judged(name, cut, design_name, weeks, counts[weeks], seen, fit.verdict)


def _judged(
    name: str, cut: str, design: str, weeks: int, counts: np.ndarray, seen: np.ndarray, verdict: str
) -> Forecast:
    total, observed = counts.sum(axis=1, dtype=np.int64).astype(float), int(seen.sum())
    density = gaussian_kde(np.log(np.maximum(total, 0.5)))
    return Forecast(
        data=name,
        cut=cut,
        design=design,
        weeks=weeks,
        observed=observed,
        mean=float(total.mean()),
        low=float(np.quantile(total, 0.025)),
        high=float(np.quantile(total, 0.975)),
        below=float((total < observed).mean() + 0.5 * (total == observed).mean()),
        log_score=float(-density.logpdf(np.log(max(observed, 0.5)))[0]),
        crps=float(crps(total[:, None], np.array([float(observed)]))[0]) / max(observed, 1),
        customers=tuple(float(inside_randomised(counts, seen, level).mean()) for level in LEVELS),
        checks=verdict,
    )


def page(found: list[Forecast], simulated: list[Forecast]) -> str:
    """Return the page as Markdown, from the forecasts of the data sets and of the simulated shops."""
    every = {name: [f for f in found if f.design == name] for name in DESIGNS}
    lines = [
        "# How often intervals of totals hold",
        "",
        "`make coverage` writes this page. Each data set is cut at several days; the total of the purchases "
        "that its customers made within 13 and 26 weeks of the cut is compared with the forecast from what "
        "was known until then. *Constant* is BG/NBD, *calendar* is BG/NBD with `Design(calendar=True)`, in "
        "which there may be a season from a year of data on, and *season* with `Design(season=True)`, which "
        "takes one for granted and needs two years.",
        "",
        "Forecasts of one data set overlap, so they are not independent, and the intervals of the shares "
        "(95%, binomial) are too short. ✗ marks a share whose interval does not hold what was promised. "
        "The log score is minus the log of the density of the log total, CRPS a share of the observed total; "
        "lower is better in both. The apparel data are not in the repository: where `../shared/data` lacks "
        "them, they are left out.",
        "",
        "The form of calendar time and its priors were chosen with an eye on these data sets and on 64 "
        "simulated shops, so the first tables flatter it. The *other shops* below had no part in that.",
        "",
        *totals(every),
        "",
        _against(every),
        "",
        "## Single customers",
        "",
        *_single_customers(every),
        "",
        *_of_shops(simulated),
        "",
        "## Every forecast",
        "",
        "Forecasts and intervals (95%) are shares of what was observed; **bold** intervals do not hold it.",
        "",
        "| data | until | weeks | observed | constant | calendar | season |",
        "|---|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((f.data, f.cut, f.weeks, f.observed) for f in found):
        here = {f.design: f for f in found if (f.data, f.cut, f.weeks, f.observed) == key}
        cells = [_cell(here[name]) if name in here else "" for name in DESIGNS]
        lines.append(f"| {key[0]} | {key[1]} | {key[2]} | {key[3]:,} | {' | '.join(cells)} |")
    failed = [f for f in (*found, *simulated) if f.checks != "passed"]
    if failed:
        lines += ["", f"The checks of {len(failed)} forecasts' fits did not pass."]
    return "\n".join(lines) + "\n"


def totals(every: Mapping[str, list[Forecast]]) -> list[str]:
    """Return the lines of the table of totals, with its heading."""
    lines = [
        "## Totals",
        "",
        "| forecast | number | inside 50% | inside 80% | inside 95% | mean log score | mean CRPS |",
        "|---|---|---|---|---|---|---|",
    ]
    return lines + [f"| {name} | {_row(mine)} |" for name, mine in every.items()]


def _row(mine: list[Forecast]) -> str:
    shares = " | ".join(_share(mine, level) for level in LEVELS)
    log_score, distance = (np.mean([getattr(f, each) for f in mine]) for each in ("log_score", "crps"))
    return f"{len(mine)} | {shares} | {log_score:.2f} | {100 * distance:.1f} %"


def _single_customers(every: Mapping[str, list[Forecast]]) -> list[str]:
    lines = [
        "The share of customers inside their intervals, over all forecasts, those at an end counted in part; "
        "✗ where it is more than two points away.",
        "",
        "| forecast | 50% | 80% | 95% |",
        "|---|---|---|---|",
    ]
    for name, mine in every.items():
        means = np.mean([f.customers for f in mine], axis=0)
        cells = [
            f"{100 * m:.1f} %{'' if abs(m - level) <= 0.02 else ' ✗'}"
            for m, level in zip(means, LEVELS, strict=True)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _of_shops(simulated: list[Forecast]) -> list[str]:
    every = {name: [f for f in simulated if f.design == name] for name in ("constant", "calendar")}
    lines = [
        "## Other shops",
        "",
        f"{len(KINDS) * SHOPS} simulated shops, {SHOPS} for each kind of what concerns all customers: of 20 "
        "to 120 weeks and 200 to 3,000 customers, all of it by chance (`any_shop` in `tests/worlds.py`).",
        "",
        "| shops | forecast | number | inside 50% | inside 80% | inside 95% | mean log score | mean CRPS |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        for name, mine in every.items():
            lines.append(f"| {kind} | {name} | {_row([f for f in mine if f.data.startswith(kind)])} |")
    lines += [f"| all | {name} | {_row(mine)} |" for name, mine in every.items()]
    return [*lines, "", _against(every), "", *_single_customers(every)]


def _share(mine: list[Forecast], level: float) -> str:
    share = float(np.mean([f.inside(level) for f in mine]))
    low, high = binomial_interval(share, len(mine))
    return f"{share:.0%} ({low:.0%}–{high:.0%}){'' if low <= level <= high else ' ✗'}"


def _against(every: Mapping[str, list[Forecast]]) -> str:
    known = {(f.data, f.cut, f.weeks): f for f in every["constant"]}
    words = []
    for name in list(every)[1:]:
        pairs = [(f, known[f.data, f.cut, f.weeks]) for f in every[name]]
        better = {
            each: sum(getattr(f, each) < getattr(other, each) for f, other in pairs)
            for each in ("log_score", "crps")
        }
        marks = {each: "" if number > len(pairs) / 2 else " ✗" for each, number in better.items()}
        words.append(
            f"With *{name}* the log score of the total is better than with constant rates in "
            f"{better['log_score']}{marks['log_score']} of {len(pairs)} forecasts, and CRPS in "
            f"{better['crps']}{marks['crps']}."
        )
    return f"{' '.join(words)} ✗ marks what is not better in most."


def _cell(f: Forecast) -> str:
    mark = "" if f.inside(0.95) else "**"
    return f"{f.mean / f.observed:.2f} {mark}[{f.low / f.observed:.2f}, {f.high / f.observed:.2f}]{mark}"


def main() -> None:
    """Compute everything and write the page."""
    found, simulated = [], []
    for name, transactions, cuts in data():
        for cut in cuts:
            found += forecasts(name, transactions, cut)
            print(name, cut, flush=True)
    for name, transactions, cut in shops():
        simulated += forecasts(name, transactions, cut, ("constant", "calendar"))
        print(name, flush=True)
    with atomic_path(HERE / "coverage.md") as unfinished:
        unfinished.write_text(page(found, simulated), encoding="utf-8")


if __name__ == "__main__":
    main()
