"""Contracts that come up for renewal again and again, where it is observed who leaves."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import (
    Column,
    Columns,
    Demand,
    Forecast,
    Kind,
    Words,
    not_whole,
    plural,
    share,
    some_time,
)

__all__ = ["CONTRACTS"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    T = row["T"]
    if row["churned"]:
        ago = row.get("periods", T) - T
        return (f"left at renewal {T:.0f}", *((f"{plural(ago, unit)} ago",) if ago >= 1 else ()))
    return (plural(T, "renewal"), *(("notice given",) if row.get("notice") else ()))


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    T, churned = columns["T"], columns["churned"]
    yield "T that is negative or missing", ~((T >= 0) & np.isfinite(T))
    yield "churned that is neither 0 nor 1", ~np.isin(churned, (0, 1))
    yield "T that is not a whole number of periods", not_whole(T)
    yield "churned before the first renewal (T = 0)", (churned == 1) & (T < 1)
    if "notice" in columns:
        yield "notice that is neither 0 nor 1", ~np.isin(columns["notice"], (0, 1))
        yield "notice given by a customer who has left", (columns["notice"] == 1) & (churned == 1)


def _demands(columns: Columns) -> Iterator[Demand]:
    yield from some_time(columns["T"])


def _left_at(columns: Columns) -> np.ndarray:
    """Return the number of the renewal at which each customer left, 0 for those who have not."""
    return columns["T"] * columns["churned"]


def _passed(columns: Columns) -> np.ndarray:
    """Return how many renewals there could have been; without dates, as many as for the oldest contract."""
    T = columns["T"]
    return np.maximum(T, columns.get("periods", T.max(initial=0)))


def _carried_on(columns: Columns, span: np.ndarray) -> np.ndarray:
    """Return the expected renewals if the share that renewed so far continues, whatever the age."""
    T, churned = columns["T"], columns["churned"]
    kept = np.sum(T - churned) / max(np.sum(T), 1)
    still = np.cumsum(kept ** np.arange(1, int(np.max(span, initial=0)) + 1))
    return np.where(churned == 0, np.append(0.0, still)[span.astype(int)], 0.0)


CONTRACTS = Kind(
    key="contracts",
    row="how often a customer's contract came up for renewal, and whether the customer left at the last",
    columns={
        "T": Column("count", "renewals that came up"),
        "churned": Column("count", "left at the last of them"),
        "periods": Column("count", "renewals that could have been", required=False),
        "notice": Column(
            "count",
            "has given notice: ended before the next renewal, which lies after the end of observation",
            required=False,
        ),
        "amount": Column(
            "money",
            "paid for a period",
            required=False,
            source="summarise the contracts with an amount column",
        ),
    },
    source="use bcx.summarise_contracts or bcx.from_survivors",
    counted="churned",
    exposure="T",
    discrete=True,
    leaving="observed",
    events="renewals",
    words={
        "en": Words(
            event="renewal",
            events="renewals",
            active="under contract",
            lively="under contract",
            repeats="renewals",
            renew="renewed",
            steady="old and new customers stayed",
            history=_history,
        )
    },
    lively=lambda columns: columns["churned"] == 0,
    impossible=_impossible,
    demands=_demands,
    example={"T": 1, "churned": 0, "periods": 1, "notice": 0},
    tallies=("contracts_ending",),
    forecast=Forecast(
        expected="expected_renewals",
        chance="survival",
        outcome="being still a customer",
        they="customers who stayed",
        whom="customers still there at the end of the hold-out",
        happened=lambda count, span: count >= span,
        reached=lambda count, span, number: count >= np.minimum(span, number),
        furthest=lambda span: int(np.max(span, initial=0)),
        before=lambda columns: columns["T"] - columns["churned"],
        passed=_passed,
        carried_on=_carried_on,
        rule="the past retention of all customers",
        ranks=lambda columns: {"time under contract": columns["T"]},
        span="asked",
    ),
    features={
        "share of customers who left": lambda data: share(data["churned"] == 1),
        "share who left at the first renewal": lambda data: share(_left_at(data) == 1),
        "share who left at the second renewal": lambda data: share(_left_at(data) == 2),
        "share who left at the third renewal": lambda data: share(_left_at(data) == 3),
        "mean renewals of all customers": lambda data: float((data["T"] - data["churned"]).mean()),
    },
    bars=_left_at,
    observed=lambda columns: {**columns, "T": _passed(columns)},
    silence=lambda columns: columns["churned"] * (_passed(columns) - columns["T"]),
    leaves_next=lambda columns: columns.get("notice", np.zeros(columns["T"].shape)) > 0,
)
