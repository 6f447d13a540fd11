"""What to do with each kind of customer, the first step first."""

import numpy as np
import xarray as xr

from bayes_cx.page import Strong, Text
from bayes_cx.page.words import count, listing, plural, shorten
from bayes_cx.reporting.phrases import phrases
from bayes_cx.reporting.studied import histories, kind_of_study, plan_of
from bayes_cx.study import Study

__all__ = ["actions", "assumed_active", "offers_made"]

# From this chance on, all one-time buyers count as active.
_SURELY = 0.999


def actions(study: Study) -> Text:
    """Return what to do with each kind of customer, the first step first."""
    data, rows = plan_of(study).data, histories(study)
    label = data["label"].to_numpy()
    advice = phrases(kind_of_study(study)).advice
    steps = {
        "contact": ("Contact {}", lambda: _contact(data, rows)),
        "held out": ("Leave {} alone", lambda: "they were drawn at random, to measure what the plan brings."),
        "not possible": (
            "Do not contact {}",
            lambda: "they refuse it, had as many contacts as are allowed, or got another message lately.",
        ),
        "wait and see": ("Wait and see with {}", lambda: _waiting(data)),
        "notice given": ("Expect {} to leave", lambda: advice["notice given"]),
        "needs no offer": ("Send no offer to {}", lambda: _left_alone(data, advice["needs no offer"])),
        "let go": ("Let {} go", lambda: advice["let go"]),
    }
    lines = []
    for name, (head, text) in steps.items():
        if number := int((label == name).sum()):
            lines.append((Strong(head.format(plural(number, "customer"))), f": {text()}"))
    return Text(tuple(lines), "steps")


def _contact(data: xr.Dataset, rows: xr.Dataset | None) -> str:
    """Name the first customers, or the first histories that many share, and what they get."""
    listed = data if rows is None else rows
    chosen = listed["customer"].to_numpy()[listed["label"].to_numpy() == "contact"][:3]
    if rows is None:
        noun, first = "customer" if len(chosen) == 1 else "customers", [shorten(str(c), 28) for c in chosen]
    else:
        noun, first = "those with", [f"“{shorten(str(c), 60)}”" for c in chosen]
    offers = [f"{name} for {count(k)}" for name, k in offers_made(data)]
    with_ = f"{listing(offers)}; " if len(offers) > 1 else ""
    if rows is None and data.attrs["n_contacted"] == 1:
        return f"{first[0]}."
    return f"{with_}in the order of the priority list, starting with {noun} {listing(first)}."


def _waiting(data: xr.Dataset) -> str:
    """Say why some customers wait: the budget is used up, or it is not clear whether a contact pays."""
    waits = data["label"].to_numpy() == "wait and see"
    beyond = int((waits & (data["gain"].to_numpy() > 0)).sum())
    if "withheld_contacts" in data.attrs:
        return "contacting them almost surely loses money, although the average gain of some is positive."
    again = "it is not clear whether a contact is worth its cost; a test on some would show it."
    if not beyond:
        return again
    rest = "" if beyond == waits.sum() else f" For the others {again}"
    return f"{count(beyond)} would be worth a contact, but the budget or the capacity is used up.{rest}"


def _left_alone(data: xr.Dataset, advice: str) -> str:
    """Return the advice for those who need no offer; of some it is only assumed that they are active."""
    label, once = data["label"].to_numpy(), data["x"].to_numpy() == 0 if "x" in data else None
    if (
        once is None
        or not assumed_active(data)
        or not (some := int((once & (label == "needs no offer")).sum()))
    ):
        return advice
    return (
        f"an offer would cost more than it saves if they are active, which of {count(some)} who bought only "
        "once is not known."
    )


def offers_made(data: xr.Dataset) -> list[tuple[str, int]]:
    """Return the offers that are made and to how many, the most frequent first."""
    made = data["offer"].to_numpy()[data["contact"].to_numpy()].astype(str)
    names, numbers = np.unique(made, return_counts=True)
    pairs = ((str(n), int(k)) for n, k in zip(names, numbers, strict=True))
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def assumed_active(data: xr.Dataset) -> int:
    """Return how many one-time buyers a plan counts as active only because its model assumes it."""
    if "x" not in data:
        return 0
    once = data["x"].to_numpy() == 0
    known = once.any() and data["p_alive"].to_numpy()[once].min() <= _SURELY
    return 0 if known else int(once.sum())
