"""Scores: the distribution of the means over customers, and the first customers."""

import numpy as np
import xarray as xr

from bayes_cx.page import Block, Cell, Number, Table
from bayes_cx.page.sketches import histogram
from bayes_cx.page.words import count, measured, per_cent
from bayes_cx.reporting.panels.shared import badges, folded, ids, interval, mapping, panel, table

__all__ = ["blocks"]

_FIRST_ROWS = 10


def blocks(score: xr.Dataset) -> tuple[Block, ...]:
    """Return the scores of customers, or the one of customers never seen."""
    attrs = score.attrs
    new = "customer" not in score.dims
    if new:
        score = score.expand_dims(customer=["any new customer"])
    mean = score["mean"].to_numpy()
    share = attrs.get("unit") == "probability"
    form = per_cent if share else measured
    t = attrs.get("t")
    spread = {"smallest": np.min, "mean": np.mean, "largest": np.max}
    several = not new and mean.size > 0
    found = [f"{name} {form(float(of(mean)))}" for name, of in spread.items()] if several else []
    drawing = [(histogram(mean, 280, 44),)] if several else []
    return panel(
        str(attrs.get("meaning") or attrs.get("quantity", "score")).capitalize(),
        [
            "" if new else f"{count(mean.size)} customers",
            str(attrs.get("quantity", "")),
            f"t = {t}" if t not in (None, "") else "",
            str(attrs.get("unit", "")),
        ],
        badges(found),
        table(("how the means spread",), drawing, "spread of the means"),
        _first(score, share),
        folded("provenance", mapping({str(name): value for name, value in attrs.items()})),
    )


def _first(score: xr.Dataset, share: bool) -> Table | None:
    first = score.isel(customer=slice(_FIRST_ROWS))
    form = per_cent if share else measured
    rows: list[list[Cell]] = [
        [name, Number(form(float(mean)), float(mean))]
        for name, mean in zip(ids(first), first["mean"].to_numpy(), strict=True)
    ]
    heads = ["customer", "mean"]
    if "quantile" in score:
        low, high = (float(p) for p in score["probability"].to_numpy()[[0, -1]])
        ends = first["quantile"].transpose("customer", "probability").to_numpy()[:, [0, -1]]
        heads.append(f"{high - low:.0%} interval")
        for row, (a, b) in zip(rows, ends, strict=True):
            row.append(interval(a, b, share=share))
    return table(heads, rows, "scores")
