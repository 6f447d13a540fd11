"""Contracts that come up for renewal again and again, where one sees who leaves."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, Words, not_whole, plural, some_time

__all__ = ["CONTRACTS"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    T = row["T"]
    return (f"left at renewal {T:.0f}" if row["churned"] else plural(T, "renewal"),)


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    T, churned = columns["T"], columns["churned"]
    yield "T that is negative or missing", ~((T >= 0) & np.isfinite(T))
    yield "churned that is neither 0 nor 1", ~np.isin(churned, (0, 1))
    yield "T that is not a whole number of periods", not_whole(T)
    yield "churned before the first renewal (T = 0)", (churned == 1) & (T < 1)


def _demands(columns: Columns) -> Iterator[Demand]:
    yield from some_time(columns["T"])


CONTRACTS = Kind(
    key="contracts",
    row="how often a customer's contract came up for renewal, and whether the customer left at the last",
    columns={
        "T": Column("count", "renewals that came up"),
        "churned": Column("count", "left at the last of them"),
        "periods": Column("count", "renewals that could have been", required=False),
    },
    source="use bcx.summarise_contracts or bcx.from_survivors",
    counted="churned",
    exposure="T",
    discrete=True,
    leaving="observed",
    events="renewals",
    words={"en": Words("renewal", "renewals", "under contract", "under contract", _history)},
    lively=lambda columns: columns["churned"] == 0,
    impossible=_impossible,
    demands=_demands,
    tallies=("contracts_ending",),
)
