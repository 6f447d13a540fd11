"""Statistics: the spread of each column; what was read and rejected folded."""

import numpy as np
import xarray as xr

from bayes_cx.data import provenance_of
from bayes_cx.kinds import kind_of
from bayes_cx.page import Block, Number
from bayes_cx.page.sketches import histogram
from bayes_cx.page.words import count, measured
from bayes_cx.reporting.panels.shared import folded, mapping, panel, read_and_rejected, reasons, table

__all__ = ["blocks"]


def blocks(stats: xr.Dataset) -> tuple[Block, ...]:
    """Return the columns of statistics, by customer or by weighted row."""
    source, kind = provenance_of(stats), kind_of(stats)
    size = next(iter(stats.sizes.values()))
    weight = stats["weight"].to_numpy() if "weight" in stats else np.ones(size, dtype=int)
    numbers = kind.numbers(stats)
    lively = int(weight[kind.lively(numbers)].sum())
    rows = []
    for name, values in numbers.items():
        seen = np.repeat(values, weight)
        seen = seen[~np.isnan(seen)]
        if seen.size:
            spread = (float(of(seen)) for of in (np.min, np.median, np.mean, np.max))
            cells = (Number(measured(value), value) for value in spread)
            rows.append((name, *cells, histogram(seen), kind.columns[name].meaning))
    return panel(
        f"{count(weight.sum())} customers, {count(lively)} {kind.words['en'].lively}",
        [
            f"{source.period_start} to {source.until}" if source.until else "",
            f"time in {source.unit}s" if source.unit else "",
            f"{count(size)} rows with a weight" if "weight" in stats else "",
            *source.remarks,
        ],
        read_and_rejected(source.rows_read, source.rejected),
        table(("column", "min", "median", "mean", "max", "customers", "what it is"), rows, "columns"),
        folded("rejected rows", reasons(source.rejected)),
        folded("provenance", mapping({str(name): value for name, value in stats.attrs.items()})),
    )
