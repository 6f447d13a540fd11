"""What a purchase is worth: which model says so, whether it held, and how spend goes with frequency."""

import numpy as np
import xarray as xr

from bayes_cx.decision import SpendAndFrequency
from bayes_cx.kinds import SPEND
from bayes_cx.page import Block, Column, Number, Section, Table, Text
from bayes_cx.page.words import count, per_cent
from bayes_cx.reporting.studied import money_of
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return how the model of spend was chosen and tested; nothing where amounts were not fitted."""
    fit = next((fit for fit in study.fits if fit.model.kind is SPEND), None)
    if fit is None:
        return None
    chosen = study.spend_selection
    why = "" if chosen is None else f"{chosen.reason} "
    blocks: list[Block] = [Text((f"{why}{fit.model.story}",))]
    found = study.evidence.holdout
    if found is not None and found.spend is not None:
        blocks += [Text((_tested(found.spend, study),)), _coverage(found.spend)]
    if study.evidence.frequency is not None:
        words = Text(_frequency(study.evidence.frequency))
        blocks.append(Section("Do those who buy often spend more?", (words,)))
    return Section("What a purchase is worth", tuple(blocks))


def _tested(table: xr.Dataset, study: Study) -> str:
    """Say what hold-out buyers paid, against what was expected of as many purchases."""
    paid, expected = float(table.attrs["observed"]), float(table.attrs["expected"])
    off, n = paid / expected - 1.0, count(table.attrs["n"])
    how = f"{_per_cent(abs(off))} {'more' if off > 0 else 'less'} than"
    money = money_of(study) if study.plan is not None else None
    brought = f"brought {money(paid)}, {how} expected" if money is not None else f"brought {how} expected"
    return (
        f"In the period that was held back {n} customers bought. Given how often each of them did, their "
        f"purchases {brought} of so many. The table says for how many of them the mean of what they paid "
        "lies in its interval."
    )


def _coverage(table: xr.Dataset) -> Table:
    """Return the share of buyers inside their interval, level by level."""
    rows = []
    for level in table["level"].to_numpy():
        one = table.sel(level=level)
        cells = [Number(per_cent(float(level)), float(level))]
        for name in ("customer", "single"):
            share, low, high = (float(one[key]) for key in (name, f"{name}_low", f"{name}_high"))
            text = (
                f"{_per_cent(share)} ({_per_cent(low)} to {_per_cent(high)})" if np.isfinite(share) else "–"
            )
            cells.append(Number(text, share))
        rows.append(tuple(cells))
    heads = ("Interval", "All buyers", "Those with one purchase")
    note = (
        f"95% binomial intervals in brackets. {count(table.attrs['n'])} buyers, "
        f"{count(table.attrs['n_single'])} of them with one purchase."
    )
    return Table(tuple(map(Column, heads)), tuple(rows), label="Buyers inside their interval", note=note)


def _frequency(found: SpendAndFrequency) -> tuple[str, ...]:
    """Say how spend goes with frequency, and how wrong it would be to take them as independent."""
    per, low, high = _summary(found.per_doubling)
    correlation, least, most = _summary(found.correlation)
    unclear = " It is not clear whether they pay more or less." if low < 0 < high else ""
    return (
        f"Customers who have bought twice as often pay {_per_cent(abs(per))} {'more' if per > 0 else 'less'} "
        f"per purchase (95% interval {_signed(low)} to {_signed(high)}).{unclear} Between customers, the "
        "correlation of how often they have bought and how much they pay (both as logarithms) is "
        f"{correlation:.2f} ({least:.2f} to {most:.2f}).",
        "Were frequency and spend taken as independent, all customers together would be valued "
        f"{_off(found.base)}, and the best {per_cent(found.top)} {_off(found.best)}; {per_cent(found.same)} "
        "of the best would be the same customers.",
    )


def _summary(draws: np.ndarray) -> tuple[float, float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(draws.mean()), float(low), float(high)


def _off(draws: np.ndarray) -> str:
    """Return a relative error in words, with its interval."""
    mean, low, high = _summary(draws)
    return f"{_per_cent(abs(mean))} too {'high' if mean > 0 else 'low'} ({_signed(low)} to {_signed(high)})"


def _per_cent(share: float) -> str:
    """Return a share with one decimal."""
    return f"{100 * share:.1f}%"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}%".replace("-", "−")
