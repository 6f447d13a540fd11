"""Periods in which customers may leave, call or buy: what was known at the start, and what happened."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, Words, share

__all__ = ["PERIODS"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    return (f"watched for {row['length']:.3g} {unit}s", "event" if row["happened"] else "no event")


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    age, length, happened = columns["age"], columns["length"], columns["happened"]
    yield "age that is negative or missing", ~((age >= 0) & np.isfinite(age))
    yield "length that is not above zero", ~((length > 0) & np.isfinite(length))
    yield "happened that is neither 0 nor 1", ~np.isin(happened, (0, 1))


def _demands(columns: Columns) -> Iterator[Demand]:
    if not np.any(columns["happened"] == 1):
        yield (
            "no period with an event",
            "one event or more during the periods at risk",
            "observe for longer, or choose an event that happens",
        )


PERIODS = Kind(
    key="periods",
    row="a customer at the start of a period, and which event came first during it",
    columns={
        "age": Column("time", "how long the customer had been at risk when the period began"),
        "length": Column("time", "how long the period is"),
        "event": Column("text", "the first of the events during the period, empty without one"),
        "happened": Column("count", "whether there was one"),
    },
    source="use bcx.summarise_periods",
    counted="happened",
    exposure="length",
    discrete=False,
    leaving="observed",
    events="events",
    words={
        "en": Words(
            event="event",
            events="events",
            active="at risk",
            lively="without an event",
            repeats="events",
            renew="went on",
            steady="customers of high and of low risk had events as often as expected",
            history=_history,
        )
    },
    lively=lambda columns: columns["happened"] == 0,
    impossible=_impossible,
    demands=_demands,
    example={"age": 1, "length": 1, "happened": 1},
    tallies=("customers", "left_early"),
    features={"share of periods without an event": lambda data: share(data["happened"] == 0)},
)
