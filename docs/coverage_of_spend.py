"""How often intervals of what customers pay hold what they paid: writes docs/coverage_spend.md.

Rolling origin: every data set is cut at several days. Each model of spend is fitted to what was known until
then, and its intervals for the mean spend of each later buyer, given how often the buyer bought, and for each
single later purchase, are compared with what was paid. Nothing is fitted to the result; the seed is 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import bayes_cx as bcx
from bayes_cx.data import Transactions
from bayes_cx.files import atomic_path
from bayes_cx.inference import Posterior
from bayes_cx.models import GAMMA_GAMMA, LOG_NORMAL, LOG_NORMAL_FREQUENCY
from bayes_cx.scoring import payments
from bayes_cx.validation.coverage import LEVELS, TOLERANCE, binomial_interval, randomised_share

HERE = Path(__file__).parent
APPAREL = HERE.parents[1] / "shared" / "data" / "apparelTrans.csv"
SEED, DRAWS = 1, 400
MODELS = (GAMMA_GAMMA, LOG_NORMAL, LOG_NORMAL_FREQUENCY)


@dataclass(frozen=True)
class Tested:
    """How a model of spend did from one cut on.

    Attributes
    ----------
    data, cut, model : str
    buyers, purchases : int
        How many bought after the cut, and how often.
    mean, single : tuple of float
        Shares of the buyers whose mean spend, and of single purchases, inside their interval, by level.
    total : float
        What these purchases were expected to bring, as a share of what they brought.
    behind : str
        By how much the model predicts the single amounts known at the cut worse than the best one, by
        leave-one-out prediction of customers, with its standard error.
    frequency : SpendAndFrequency or None
        Of the model that knows frequency, for the value of the next 52 weeks by BG/NBD.
    """

    data: str
    cut: str
    model: str
    buyers: int
    purchases: int
    mean: tuple[float, ...]
    single: tuple[float, ...]
    total: float
    behind: str
    frequency: bcx.SpendAndFrequency | None = None


def data() -> Iterator[tuple[str, Transactions, list[str]]]:
    """Yield data sets with their cuts."""
    cuts = ["1997-06-30", "1997-09-30", "1997-12-31"]
    yield "CDNOW, a tenth", bcx.load_cdnow(sample=True), cuts
    yield "CDNOW", bcx.load_cdnow(), cuts
    if APPAREL.exists():
        raw = pd.read_csv(APPAREL)
        time = pd.to_datetime(raw["Date"], unit="D")
        frame = pd.DataFrame({"customer": raw["Id"], "time": time, "amount": raw["Price"]})
        made = bcx.read_transactions(frame, customer="customer", time="time", amount="amount")
        yield "apparel", made, [str((time.max() - pd.Timedelta(weeks=w)).date()) for w in (208, 156, 104)]


def tests(name: str, transactions: Transactions, cut: str) -> Iterator[Tested]:
    """Yield how each model does from a cut on."""
    parts = bcx.split(transactions, cut)
    fits = {m.name: bcx.fit(m, parts.calibration, seed=SEED, progress=False) for m in MODELS}
    found = bcx.compare(fits, stats=parts.calibration).table
    who, paid = _later(transactions, parts)
    purchases = bcx.fit(bcx.models.BG_NBD, parts.calibration, seed=SEED, progress=False)
    value = bcx.lifetime_value(
        purchases, fits[LOG_NORMAL_FREQUENCY.name], parts.calibration, horizon="52 weeks", draws=DRAWS
    )
    for model, fit in fits.items():
        one = found.sel(model=model)
        behind = f"{float(one['behind']):,.0f} ± {float(one['behind_se']):,.0f}"
        each = bcx.validation.spend_coverage(fit, parts, draws=DRAWS, seed=SEED)
        yield Tested(
            data=name,
            cut=cut,
            model=model,
            buyers=each.attrs["n"],
            purchases=paid.size,
            mean=tuple(map(float, each["customer"].to_numpy())),
            single=tuple(_single(fit, parts, who, paid)),
            total=each.attrs["expected"] / each.attrs["observed"],
            behind="–" if float(one["behind"]) == 0 else behind,
            frequency=bcx.spend_and_frequency(value) if model == LOG_NORMAL_FREQUENCY.name else None,
        )


def _later(transactions: Transactions, parts: bcx.Split) -> tuple[np.ndarray, np.ndarray]:
    """Return, for every paid occasion after the cut, the place of its customer and what was paid."""
    rows = transactions.accepted.df()
    rows = rows.assign(day=pd.to_datetime(rows["time"]).dt.normalize())
    each = rows.groupby(["customer", "day"], as_index=False)["amount"].sum()
    place = pd.Index(parts.calibration["customer"].to_numpy()).get_indexer(pd.Index(each["customer"]))
    after = each["day"] >= pd.Timestamp(str(parts.holdout.attrs["start"]))
    amount = each["amount"].to_numpy(float)
    kept = after.to_numpy() & (place >= 0) & (amount > 0)
    return place[kept], amount[kept]


def _single(fit: Posterior, parts: bcx.Split, who: np.ndarray, paid: np.ndarray) -> Iterator[float]:
    """Yield the share of single purchases inside their interval, level by level."""
    stats, once = parts.calibration.isel(customer=who), np.ones(who.size)
    below, equal = np.zeros(who.size), np.zeros(who.size)
    for pay in payments(fit, stats, DRAWS, np.random.default_rng(SEED)):
        came = pay(once)
        below, equal = below + (came < paid), equal + (came == paid)
    for level in LEVELS:
        yield float(randomised_share(below, equal, DRAWS, level).mean())


def page(found: list[Tested]) -> str:
    """Return the page as Markdown."""
    lines = [
        "# How often intervals of spend hold",
        "",
        "`make coverage-spend` writes this page. Each data set is cut at several days, and each model of "
        "spend is fitted to what was known until then. *Mean* is the share of later buyers whose mean spend "
        "lies in its interval, given how often they bought; *single* that of single later purchases. ✗ marks "
        f"a share that is further from its level than {100 * TOLERANCE:g} points and chance (95%, binomial) "
        "explain; purchases of one customer go together, so chance explains more of the single purchases "
        "than this allows for. *Expected* is what the purchases were expected to bring, as a share of what "
        "they brought. *Behind* is the log score of the single amounts known at the cut, leaving out one "
        "customer after the other, behind the best model, with its standard error. The apparel data are not "
        "in the repository: where `../shared/data` lacks them, they are left out.",
        "",
        "| data | until | buyers | model | mean 50 / 80 / 95 % | single 50 / 80 / 95 % | expected | behind |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        mean, single = _shares(one.mean, one.buyers), _shares(one.single, one.purchases)
        lines.append(
            f"| {one.data} | {one.cut} | {one.buyers:,} | {one.model} | {mean} | {single} | "
            f"{one.total:.2f} | {one.behind} |"
        )
    lines += [
        "",
        "## Spend and frequency",
        "",
        "By log-normal spend with frequency, with 95% intervals: how much more a purchase is worth where a "
        "customer has bought twice as often; the correlation of the log number of repeat purchases and the "
        "log level of spend; and by how much the value of the next 52 weeks (by BG/NBD, of all customers and "
        "of the best tenth) would be taken too high or too low if both were taken as independent.",
        "",
        "| data | until | bought twice as often | correlation | value of all | of the best tenth |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        if (known := one.frequency) is not None:
            low, middle, high = np.quantile(known.correlation, [0.025, 0.5, 0.975])
            shares = " | ".join(_signed(draws) for draws in (known.base, known.best))
            lines.append(
                f"| {one.data} | {one.cut} | {_signed(known.per_doubling)} | {middle:.2f} ({low:.2f} to "
                f"{high:.2f}) | {shares} |"
            )
    return "\n".join(lines) + "\n"


def _signed(draws: np.ndarray) -> str:
    low, middle, high = (f"{100 * q:+.1f}".replace("-", "−") for q in np.quantile(draws, [0.025, 0.5, 0.975]))
    return f"{middle} % ({low} to {high})"


def _shares(shares: tuple[float, ...], n: int) -> str:
    cells = []
    for share, level in zip(shares, LEVELS, strict=True):
        low, high = binomial_interval(share, n)
        good = low - TOLERANCE <= level <= high + TOLERANCE
        cells.append(f"{100 * share:.0f}{'' if good else ' ✗'}")
    return " / ".join(cells)


def main() -> None:
    """Compute everything and write the page."""
    found = []
    for name, transactions, cuts in data():
        for cut in cuts:
            found += tests(name, transactions, cut)
            print(name, cut, flush=True)
    with atomic_path(HERE / "coverage_spend.md") as unfinished:
        unfinished.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
