"""How far each model is behind the one that predicts best, and whether the difference is clear."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.style import COLOURS, STEPS, axes_at, canvas, tint, to_svg
from bayes_cx.page.words import count, listing, per_cent, shorten
from bayes_cx.validation import Comparison
from bayes_cx.validation.comparison import LEAST_LEAD, STANDARD_ERRORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["comparison", "draw_comparison"]


def comparison(found: Comparison) -> Picture:
    """Draw how far each model is behind the best, with two standard errors, red where that is clear.

    Parameters
    ----------
    found : Comparison
        From `compare`.
    """
    names, columns = _rows(found)
    error = "; “hold-out” is the error of the forecast total" if "total_error" in found.table else ""
    with canvas(0.78 + 0.27 * len(names)) as figure:
        axes = axes_at(figure, left=1.5, right=0.1 + 0.85 * len(columns), top=0.28, bottom=0.5)
        draw_comparison(axes, found)
        svg = to_svg(figure)

    rest = "clearly" if found.clear else f"but not clearly ahead of {listing(found.rivals, 'or')}"
    headline = f"{found.best} predicts best, {rest}"
    return Picture(
        svg,
        headline,
        f"How far each model is behind in predicting {count(found.table.attrs['customers'])} customers that "
        "it has not seen, with two standard errors. A lead within the shaded part decides nothing. “Weight” "
        f"is the part in the average that predicts best{error}.",
        f"Interval bars. {headline}. "
        + "; ".join(
            f"{name}: {text} behind" for name, text in list(zip(names, columns[0][1], strict=True))[1:]
        ),
    )


def _rows(found: Comparison) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the names of the models, and the columns beside them with their heads."""
    names = [str(name) for name in found.table["model"].to_numpy()]
    behind, se = (found.table[name].to_numpy() for name in ("behind", "behind_se"))
    said = [f"{b:.1f} ± {s:.1f}" for b, s in zip(behind, se, strict=True)]
    columns = [("behind", ["", *said[1:]])]
    columns.append(("weight", [per_cent(w) for w in found.table["weight"].to_numpy().round(3)]))
    if "total_error" in found.table:
        errors = found.table["total_error"].to_numpy()
        columns.append(("hold-out", [f"{100 * e:+.1f}%".replace("-", "−") for e in errors]))
    return names, columns


def draw_comparison(axes: "Axes", found: Comparison) -> None:
    """Draw on given axes what `comparison` shows."""
    names, columns = _rows(found)
    behind, se = (found.table[name].to_numpy() for name in ("behind", "behind_se"))
    low, high = behind - STANDARD_ERRORS * se, behind + STANDARD_ERRORS * se
    axes.axvspan(0, LEAST_LEAD, color=COLOURS["panel"], zorder=0)
    for row, name in enumerate(names):
        colour = COLOURS["blue" if row == 0 else "grey" if name in found.rivals else "red"]
        box = ((low[row], row - 0.2), high[row] - low[row], 0.4)
        axes.add_patch(Rectangle(*box, facecolor=tint(colour, 0.38), linewidth=0))
        axes.plot([behind[row]] * 2, [row - 0.32, row + 0.32], color=colour, linewidth=2)
        axes.annotate(
            shorten(printable(name), 22), (0, row), xycoords=("axes fraction", "data"), xytext=(-108, 0),
            textcoords="offset points", ha="left", va="center", fontweight=600 if row == 0 else 400,
        )  # fmt: skip
    _write(axes, columns)
    right = 1.06 * max(high.max(), 2 * LEAST_LEAD)
    axes.set(xlim=(min(1.06 * low.min(), -0.03 * right), right), ylim=(len(names) - 0.5, -0.5), yticks=[])
    axes.set_xlabel("Log score behind the best, added up over customers")
    axes.grid(True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=STEPS))


def _write(axes: "Axes", columns: Sequence[tuple[str, list[str]]]) -> None:
    """Write columns to the right of the rows."""
    for place, (head, cells) in enumerate(columns):
        at = (0.85 * 72 * (place + 1), 0)
        kind = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
        axes.annotate(head, (1, -0.62), xytext=at, va="bottom", fontsize=8, color=COLOURS["muted"], **kind)
        for row, cell in enumerate(cells):
            axes.annotate(cell, (1, row), xytext=at, va="center", **kind)
