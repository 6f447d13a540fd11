"""Opportunities to buy that come one by one, taken or not by customers whose leaving is latent."""

from collections.abc import Iterator

import numpy as np

from bayes_cx.kinds.buying import MONEY, PAID, features, forecast, history, lively, rfm, words
from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, not_whole, some_time

__all__ = ["OPPORTUNITIES"]


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    x, t_x, n = columns["x"], columns["t_x"], columns["n"]
    yield "x that is not a whole number of zero or more", not_whole(x)
    yield "n that is not a whole number of zero or more", not_whole(n)
    yield "t_x that is not one of the n opportunities", not_whole(t_x) | (t_x > n)
    yield "x that is more than t_x allows", (x > t_x) | ((x == 0) & (t_x > 0))


def _demands(columns: Columns) -> Iterator[Demand]:
    yield from some_time(columns["n"])


OPPORTUNITIES = Kind(
    key="opportunities",
    row="which of the opportunities since the first purchase a customer took",
    columns={
        "x": Column("count", "opportunities taken"),
        "t_x": Column("count", "the last one taken"),
        "n": Column("count", "opportunities so far"),
        **MONEY,
        "first": Column("", "day of the first purchase", required=False),
    },
    source="use bcx.summarise_opportunities",
    counted="x",
    exposure="n",
    discrete=True,
    leaving="latent",
    events="purchases",
    words=words(history("n")),
    lively=lively,
    impossible=_impossible,
    demands=_demands,
    example={"x": 1, "t_x": 1, "n": 1, **PAID},
    tallies=("occasions_unfinished",),
    forecast=forecast("n"),
    features=features("n"),
    bars=lambda columns: columns["x"],
    rfm=rfm("n"),
    silence=lambda columns: columns["n"] - columns["t_x"],
)
