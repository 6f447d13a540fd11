"""Stays of customers in states: how long, and what came next."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, Words, share

__all__ = ["STAYS"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    stayed = f"{row['wait']:.3g} {unit}s"
    return (f"left after {stayed}" if row["left"] else f"there for {stayed}",)


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    wait, left = columns["wait"], columns["left"]
    yield "wait that is negative or missing", ~((wait >= 0) & np.isfinite(wait))
    yield "left that is neither 0 nor 1", ~np.isin(left, (0, 1))


def _demands(columns: Columns) -> Iterator[Demand]:
    if not np.any(columns["left"] == 1):
        yield "no stay that has ended", "one change of state or more", "observe for longer"


STAYS = Kind(
    key="stays",
    row="how long a customer stayed in a state, and which one came next",
    columns={
        "state": Column("text", "where the customer was"),
        "next": Column("text", "the state after it, empty while the stay goes on"),
        "wait": Column("time", "how long the stay was, or has been so far"),
        "left": Column("count", "whether it has ended"),
        "before": Column("text", "the state before it", required=False),
    },
    source="use bcx.summarise_stays",
    counted="left",
    exposure="wait",
    discrete=False,
    leaving="observed",
    events="steps",
    words={
        "en": Words(
            event="step",
            events="steps",
            active="on the way",
            lively="on the way",
            repeats="steps",
            renew="went on",
            steady="short and long stays ended as expected",
            history=_history,
        )
    },
    lively=lambda columns: columns["left"] == 0,
    impossible=_impossible,
    demands=_demands,
    example={"wait": 1, "left": 1},
    tallies=("journeys",),
    features={"share of stays that go on": lambda data: share(data["left"] == 0)},
)
