"""Purchases in time, by customers whose leaving is latent."""

from collections.abc import Iterator

import numpy as np

from bayes_cx.kinds.buying import (
    MONEY,
    PAID,
    features,
    forecast,
    history,
    lively,
    log_moments,
    rfm,
    words,
)
from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, not_whole, some_time

__all__ = ["PURCHASES", "relative"]


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    x, t_x, T = columns["x"], columns["t_x"], columns["T"]
    yield "x that is not a whole number of zero or more", not_whole(x)
    yield "T that is negative or missing", ~((T >= 0) & np.isfinite(T))
    # The last purchase may be after the end by a rounding error.
    yield "t_x outside 0 to T", ~((t_x >= 0) & (t_x <= T * (1 + 1e-9)))
    yield "repeat purchases at time 0", (x > 0) & (t_x <= 0)
    yield "a last purchase after time 0 (t_x > 0) but no repeat purchase (x = 0)", (x == 0) & (t_x > 0)
    if "regularity" in columns:
        equal_gaps = -x * np.log(np.maximum(x, 1))  # as regular as can be
        beyond = ~(columns["regularity"] <= equal_gaps + 1e-6 * (1 + x))
        yield "regularity beyond that of equal gaps", beyond | np.isinf(columns["regularity"])


def _demands(columns: Columns) -> Iterator[Demand]:
    yield from some_time(columns["T"])


def relative(log_gaps: np.ndarray, x: np.ndarray, t_x: np.ndarray) -> np.ndarray:
    """Return the regularity: a sum of log gaps, relative to the time from first to last occasion."""
    return np.where(x > 1, log_gaps - x * np.log(np.maximum(t_x, 1)), 0.0)


def _sequence(early: Columns, late: Columns, end: int) -> dict[str, np.ndarray]:
    both = ~np.isnan(early["x"]) & ~np.isnan(late["x"])
    first, came_again = _known(early["first"], late["first"]), late["first"]
    last = _known(late["first"] + late["t_x"], early["first"] + early["t_x"])
    x = np.nan_to_num(early["x"]) + np.nan_to_num(late["x"]) + both
    total = {"x": x.astype(np.int64), "t_x": last - first, "T": end - first, "first": first}
    if "regularity" in early:
        gaps = [p["regularity"] + p["x"] * np.log(np.maximum(p["t_x"], 1)) for p in (early, late)]
        joining = np.where(both, came_again - early["first"] - early["t_x"], 1.0)
        log_gaps = np.nan_to_num(gaps[0]) + np.nan_to_num(gaps[1]) + np.log(joining)
        total["regularity"] = relative(log_gaps, x, last - first)
    if "spend_sum" in early:
        paid = np.nan_to_num(early["spend_sum"]) + np.nan_to_num(late["spend_sum"])
        paid = paid + np.where(both, late["first_spend"], 0.0)
        total["spend"] = np.divide(paid, x, out=np.full(x.size, np.nan), where=x > 0)
        total |= {"spend_sum": paid, "first_spend": _known(early["first_spend"], late["first_spend"])}
    if "log_spend" in early:
        repeats = [(np.nan_to_num(p["paid"]), p["log_spend"], p["log_spend_sd"]) for p in (early, late)]
        again = both & (late["first_spend"] > 0)
        came = np.log(late["first_spend"], out=np.zeros(x.size), where=again)
        total["paid"] = (repeats[0][0] + repeats[1][0] + again).astype(np.int64)
        total["log_spend"], total["log_spend_sd"] = log_moments(*repeats, (again, came, np.zeros(x.size)))
    return total


def _known(values: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), otherwise, values)


PURCHASES = Kind(
    key="purchases",
    row="what a customer bought from the first purchase to the end of observation",
    columns={
        "x": Column("count", "repeat purchases"),
        "t_x": Column("time", "first to last purchase"),
        "T": Column("time", "first purchase to end of observation"),
        "regularity": Column(
            "", "how equal the gaps are", required=False, source="use bcx.summarise(..., regularity=True)"
        ),
        **MONEY,
        "first": Column("", "day of the first purchase", required=False),
    },
    source="use bcx.summarise",
    counted="x",
    exposure="T",
    discrete=False,
    leaving="latent",
    events="purchases",
    words=words(history("T")),
    lively=lively,
    impossible=_impossible,
    demands=_demands,
    example={"x": 1, "t_x": 1, "T": 1, "regularity": 0, **PAID},
    sequence=_sequence,
    forecast=forecast("T", peer=True),
    features=features("T"),
    bars=lambda columns: columns["x"],
    rfm=rfm("T"),
    silence=lambda columns: columns["T"] - columns["t_x"],
)
