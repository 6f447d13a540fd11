"""Spend per purchase. Its columns are part of tables of purchases or of opportunities."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.buying import LOG_MOMENTS, MONEY, lively, of_repeaters, words
from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, not_whole, plural

__all__ = ["SPEND"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    return (plural(row["x"] + 1, "purchase"),)


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    yield "x that is not a whole number of zero or more", not_whole(columns["x"])
    yield "negative spend", columns["spend"] < 0
    yield "infinite spend", np.isposinf(columns["spend"])
    if {"paid", "log_spend", "log_spend_sd"} <= {*columns}:
        x, paid, mean, sd = (columns[name] for name in ("x", "paid", "log_spend", "log_spend_sd"))
        some = paid > 0
        yield "paid that is not a whole number from zero to x", not_whole(paid) | (paid > x)
        yield "paid purchases without a finite log_spend and log_spend_sd", some & ~np.isfinite(mean + sd)
        yield "log_spend without a paid purchase", ~some & ~(np.isnan(mean) & np.isnan(sd))
        yield "negative log_spend_sd, or one of a single purchase", (sd < 0) | ((paid == 1) & (sd > 1e-6))
        # The mean of logarithms is at most the logarithm of the mean; equal where purchases are alike.
        most = np.where(some, x * columns["spend"] / np.maximum(paid, 1), 1.0) * (1 + 1e-6)
        yield "log_spend above the log of the mean", some & ~(np.exp(np.where(some, mean, 0.0)) <= most)


def _demands(columns: Columns) -> Iterator[Demand]:
    if not np.any((columns["x"] > 0) & (columns["spend"] > 0)):
        yield (
            "no customer with a paid repeat purchase",
            "repeat purchases with an amount",
            "observe for longer, or use purchases alone",
        )


def _correlation(columns: Columns) -> float:
    bought = columns["x"] > 0
    x, spend = columns["x"][bought], columns["spend"][bought]
    return float(np.corrcoef(x, spend)[0, 1]) if x.size > 2 and x.std() > 0 and spend.std() > 0 else np.nan


SPEND = Kind(
    key="spend",
    row="what a customer's repeat purchases were worth on average",
    columns={
        "x": Column("count", "repeat purchases"),
        "spend": Column("money", "mean spend of repeat purchases", source=MONEY["spend"].source),
        **{name: MONEY[name] for name in LOG_MOMENTS},
    },
    source=MONEY["spend"].source,
    counted="x",
    exposure="",
    discrete=False,
    leaving="none",
    events="",
    words=words(_history),
    lively=lively,
    impossible=_impossible,
    demands=_demands,
    example={"x": 1, "spend": 1, "paid": 1, "log_spend": 0, "log_spend_sd": 0},
    tables=("purchases", "opportunities"),
    features={
        "mean spend per purchase of repeat buyers": of_repeaters(np.mean, "spend"),
        "median spend per purchase of repeat buyers": of_repeaters(np.median, "spend"),
        "standard deviation of spend per purchase between repeat buyers": of_repeaters(np.std, "spend"),
        "95th percentile of spend per purchase": of_repeaters(lambda z: float(np.quantile(z, 0.95)), "spend"),
        "largest mean spend of a customer": of_repeaters(np.max, "spend"),
        "correlation of repeat purchases and spend per purchase": _correlation,
    },
    # A fit leaves free purchases out as well: models of spend have positive amounts only.
    usable=lambda columns: columns["spend"] != 0,
    unusable="whose repeat purchases were free",
)
