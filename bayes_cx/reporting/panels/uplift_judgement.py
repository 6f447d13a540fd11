"""A judgement of uplift: the verdict in words, the values of policies, and the curve."""

from bayes_cx.checks import in_words
from bayes_cx.page import Block, Number, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import count, measured, per_cent
from bayes_cx.reporting.figures.uplift_gain import outcome_axis, tenths, uplift_curve
from bayes_cx.reporting.panels.shared import folded, interval, panel, table, warning
from bayes_cx.validation import UpliftJudgement

__all__ = ["blocks", "policies"]


def blocks(judgement: UpliftJudgement) -> tuple[Block, ...]:
    """Return the sentences, the policies and the curve; tenths and checks folded."""
    attrs = judgement.data.attrs
    return panel(
        f"{attrs['to']} against {attrs['against']}, on {count(attrs['customers'])} customers not in the fit",
        [attrs["outcome"], in_words(judgement.checks)],
        warning(judgement.checks),
        Text(judgement.sentences, "bullets"),
        policies(judgement),
        uplift_curve(judgement),
        folded("was uplift as expected?", tenths(judgement)),
        folded("checks", checks_table(judgement.checks)),
    )


def policies(judgement: UpliftJudgement) -> Block | None:
    """Return one row a policy: what it brings after its cost, and how far choosing is ahead of it."""
    data = judgement.data
    unit = 100 if data.attrs["family"] == "bernoulli" else 1
    rows = []
    names = {
        "choose": "choose by uplift",
        "all": "treat all",
        "random": "as many at random",
        "none": "treat none",
    }
    for key, name in names.items():
        one = {str(k): float(v) for k, v in data.sel(policy=key).data_vars.items() if not v.dims}
        value, low, high = (unit * one[f"value{end}"] for end in ("", "_low", "_high"))
        lead = "" if key == "choose" else interval(unit * one["lead_low"], unit * one["lead_high"])
        share = Number(per_cent(one["treated"]), one["treated"])
        rows.append((name, share, Number(measured(value), value), interval(low, high), lead))
    what = outcome_axis(judgement).lower().removeprefix("gain in ")
    heads = ("policy", "treated", f"{what}, after cost", "95% interval", "choosing is ahead by")
    return table(heads, rows, "policies")
