"""What purchases are worth. Its columns stand in tables of purchases or of opportunities."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, Words, not_whole, plural
from bayes_cx.kinds.purchases import MONEY

__all__ = ["SPEND"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    return (plural(row["x"] + 1, "purchase"),)


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    yield "x that is not a whole number of zero or more", not_whole(columns["x"])
    yield "negative spend", columns["spend"] < 0


def _demands(columns: Columns) -> Iterator[Demand]:
    if not np.any((columns["x"] > 0) & (columns["spend"] > 0)):
        yield (
            "no customer with a paid repeat purchase",
            "repeat purchases with an amount",
            "observe for longer, or use purchases alone",
        )


SPEND = Kind(
    key="spend",
    row="what a customer's repeat purchases were worth on average",
    columns={
        "x": Column("count", "repeat purchases"),
        "spend": Column("money", "mean spend of repeat purchases", source=MONEY["spend"].source),
    },
    source=MONEY["spend"].source,
    counted="x",
    exposure="",
    discrete=False,
    leaving="none",
    events="",
    words={"en": Words("purchase", "purchases", "active", "with a repeat purchase", _history)},
    lively=lambda columns: columns["x"] > 0,
    impossible=_impossible,
    demands=_demands,
    tables=("purchases", "opportunities"),
)
