"""Customers of a trial: their features, what was done to them, and how they responded."""

from collections.abc import Iterator, Mapping

import numpy as np

from bayes_cx.kinds.kind import Column, Columns, Demand, Kind, Words

__all__ = ["TREATMENTS"]


def _history(row: Mapping[str, float], unit: str) -> tuple[str, ...]:
    return (f"outcome {row['outcome']:g}",)


def _impossible(columns: Columns) -> Iterator[tuple[str, np.ndarray]]:
    yield "outcome that is not a finite number", ~np.isfinite(columns["outcome"])
    if "dose" in columns:
        yield "dose that is negative or missing", ~((columns["dose"] >= 0) & np.isfinite(columns["dose"]))


def _demands(columns: Columns) -> Iterator[Demand]:
    if not columns["outcome"].size:
        yield "no customers", "those of a trial", "check the table, and the rejected rows"


TREATMENTS = Kind(
    key="treatments",
    row="customers who are alike in their features, were treated alike and responded alike",
    columns={
        "arm": Column("text", "what was done: the name of the treatment, or of the control"),
        "outcome": Column("", "how the customer responded: 0 or 1, or an amount"),
        "dose": Column("", "how much of the treatment, such as the amount of a voucher", required=False),
    },
    source="use bcx.summarise_uplift",
    counted="outcome",
    exposure="",
    discrete=False,
    leaving="none",
    events="responses",
    words={
        "en": Words(
            event="response",
            events="responses",
            active="in the trial",
            lively="responded",
            repeats="responses",
            renew="responded",
            steady="rare and frequent responders alike responded as expected",
            history=_history,
        )
    },
    lively=lambda columns: columns["outcome"] > 0,
    impossible=_impossible,
    demands=_demands,
    example={"outcome": 1, "dose": 0},
    features={
        "mean outcome": lambda data: float(np.mean(data["outcome"])) if data["outcome"].size else np.nan
    },
)
