"""Trials: customers who were assigned to arms at random, and what they did afterwards."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, Words

__all__ = ["TRIALS"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    return (f"outcome {row['y']:.3g}",)


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    yield "y that is negative, infinite or missing", ~((columns["y"] >= 0) & np.isfinite(columns["y"]))
    if "before" in columns:
        yield "before that is infinite or missing", ~np.isfinite(columns["before"])


def _demands(columns: Columns) -> Iterator[Demand]:
    if not columns["y"].size:
        yield "no customer in the trial", "customers in two arms or more", "check the assignments"


TRIALS = Kind(
    key="trials",
    row="the arm of a customer, and what he or she did afterwards",
    columns={
        "arm": Column("text", "what the customer was assigned to"),
        "y": Column("", "outcome: 1 or 0, a number of events, or an amount"),
        "before": Column("", "the same, or something like it, before the assignment", required=False),
    },
    source="use bcx.summarise_trial",
    counted="y",
    exposure="",
    discrete=False,
    leaving="none",
    events="",
    words={
        "en": Words(
            event="outcome",
            events="purchases",
            active="in the trial",
            lively="responding",
            repeats="outcomes",
            renew="responded",
            steady="customers of every arm did what was expected",
            history=_history,
        )
    },
    lively=lambda columns: columns["y"] > 0,
    impossible=_impossible,
    demands=_demands,
    example={"y": 1},
    tallies=("outcomes_before",),
    features={"mean outcome": lambda data: float(np.mean(data["y"]))},
)
