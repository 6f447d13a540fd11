"""A comparison of models: how far each is behind the best, and how well it forecast."""

from bayes_cx.page import Block, Cell, Number, Text
from bayes_cx.page.words import count, measured, per_cent
from bayes_cx.reporting.panels.shared import check_badges, folded, interval, panel, table
from bayes_cx.validation import Comparison

__all__ = ["blocks"]


def blocks(comparison: Comparison) -> tuple[Block, ...]:
    """Return one row a model, the best first."""
    found = comparison.table
    heads = ["model", "behind", "± se", "weight", "effective parameters"]
    if "total" in found:
        heads += ["log score", "CRPS", "95% coverage", "total error", "top 10% brought"]
    rows = []
    for i, name in enumerate(found["model"].to_numpy()):
        one = found.isel(model=i)
        value = {str(key): float(one[key]) for key in one.data_vars if not one[key].dims}
        row: list[Cell] = [
            str(name),
            *(Number(measured(value[key]), value[key]) for key in ("behind", "behind_se")),
            Number(per_cent(round(value["weight"], 6)), value["weight"]),
            Number(measured(value["parameters"]), value["parameters"]),
        ]
        if "total" in found:
            covered, error = float(one["coverage"].sel(level=0.95)), value["total_error"]
            row += [Number(measured(value[key]), value[key]) for key in ("log_score", "crps")]
            row += [
                Number(per_cent(covered), covered),
                Number(f"{100 * error:+.1f}%".replace("-", "−"), error),
            ]
            row.append(interval(value["captured_low"], value["captured_high"], share=True))
        rows.append(row)
    return panel(
        f"{comparison.best} predicts best{'' if comparison.clear else ', but not clearly'}",
        [f"{count(found.attrs['customers'])} customers"],
        check_badges(comparison.checks),
        table(heads, rows, "models"),
        folded("in words", Text((comparison.sentence,))),
    )
