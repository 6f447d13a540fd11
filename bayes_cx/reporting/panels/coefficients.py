"""Effects of a design: factors with intervals, and in words."""

from bayes_cx.inference.coefficients import Effects
from bayes_cx.page import Badge, Block, Cell, Number, Text
from bayes_cx.page.words import count, measured, per_cent, plural
from bayes_cx.reporting.panels.shared import folded, interval, panel, table

__all__ = ["blocks", "effects_table"]

# So many effects are shown; groups may be thousands.
_MOST = 60


def blocks(effects: Effects) -> tuple[Block, ...]:
    """Return one row an effect, and the same in words, folded."""
    n = effects.data.sizes["effect"]
    words = effects.sentences[:_MOST]
    return panel(
        f"Effects of {effects.model}",
        [plural(n, "effect"), f"the first {count(_MOST)}; all are in .table()" if n > _MOST else ""],
        effects_table(effects),
        folded("in words", Text(words, "bullets")),
    )


def effects_table(effects: Effects) -> Block | None:
    """Return one row an effect, the first of them where there are many."""
    rows: list[tuple[Cell, ...]] = []
    for one in effects.table().head(_MOST).to_dict(orient="records"):
        of = f"{one['term']} {one['value']}".strip()
        if one["kind"] == "slope":
            of = f"{one['step']:g} more of {of}"
        rows.append(
            (
                one["parameter"],
                f"spread of {of}" if one["kind"] == "spread" else of,
                one["against"],
                Number(measured(one["factor"]), one["factor"]),
                interval(one["low"], one["high"]),
                "" if one["kind"] == "spread" else Badge("clear" if one["clear"] else "not clear"),
            )
        )
    heads = ("parameter", "of", "against", "times", f"{per_cent(effects.level)} interval", "direction")
    return table(heads, rows, "effects")
