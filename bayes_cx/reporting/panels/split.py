"""A split: the calibration period and the hold-out period."""

import numpy as np

from bayes_cx.data import Split, provenance_of
from bayes_cx.kinds import kind_of
from bayes_cx.page import Block, Number
from bayes_cx.page.words import count
from bayes_cx.reporting.panels.shared import panel, table

__all__ = ["blocks"]


def blocks(split: Split) -> tuple[Block, ...]:
    """Return both periods of a split."""
    calibration, holdout, kind = split.calibration, split.holdout, kind_of(split.calibration)
    known, forecast = provenance_of(calibration), kind.forecast
    seen = forecast.before(kind.numbers(calibration)) if forecast else np.zeros(calibration.sizes["customer"])
    later = holdout[forecast.counted].to_numpy() if forecast else seen
    periods = (
        ("calibration", known.period_start, known.until, seen),
        ("hold-out", holdout.attrs.get("start", ""), holdout.attrs.get("end", ""), later),
    )
    rows = [
        (
            name,
            start,
            end,
            *(Number(count(n), float(n)) for n in (int(events.sum()), int((events > 0).sum()))),
        )
        for name, start, end, events in periods
    ]
    heads = ("period", "from", "to", kind.words["en"].repeats, "customers with one")
    return panel(f"{count(seen.size)} customers, split in time", (), table(heads, rows, "periods"))
