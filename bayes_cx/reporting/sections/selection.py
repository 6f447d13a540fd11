"""Which model was selected, by how much, and whether it matters."""

from collections.abc import Iterator

import numpy as np

from bayes_cx.decision import Plan
from bayes_cx.page import Block, Column, Notice, Number, Section, Strong, Table, Text
from bayes_cx.page.words import count, per_cent
from bayes_cx.reporting.studied import money_of, plan_of
from bayes_cx.study import Study
from bayes_cx.validation import Comparison

__all__ = ["matters", "section"]

# Page one warns if the runner-up would change the total value, or the list of contacts, by a larger share.
_TOTAL, _LIST = 0.10, 0.20


def section(study: Study) -> Section | None:
    """Return how the model was chosen; nothing where only one was tried."""
    selection = study.selection
    if selection is None:
        return None
    found = selection.comparison
    lines = [
        selection.reason,
        *([found.sentence] if found is not None else []),
        f"The rule: {selection.rule[0].lower()}{selection.rule[1:]}",
        *([_differences(study)] if study.other is not None else []),
    ]
    blocks: list[Block] = [Text(tuple(lines))]
    if found is not None:
        from bayes_cx.reporting.figures.comparison import comparison

        blocks += [_table(found), comparison(found)]
    return Section("Which model", tuple(blocks))


def matters(study: Study) -> Iterator[Notice]:
    """Warn on page one if the model that came next would change totals or contacts by much."""
    if study.other is None:
        return
    here, there, both = _contacts(plan_of(study), study.other)
    total = abs(_worth(study.other) / _worth(plan_of(study)) - 1.0)
    apart = 1.0 - both / max(here, there, 1) if here or there else 0.0
    if total > _TOTAL or apart > _LIST:
        yield Notice("look", "The choice of the model matters.", _differences(study))


def _table(comparison: Comparison) -> Table:
    """Return one row for each model that was compared, the best first."""
    found = comparison.table
    rows = []
    for i, name in enumerate(found["model"].to_numpy()):
        elpd, behind, se, parameters, weight, khat = (
            float(found[key][i])
            for key in ("elpd", "behind", "behind_se", "parameters", "weight", "khat_max")
        )
        lead = f"{behind:,.1f} ± {se:,.1f}" if i else "–"
        rows.append(
            (
                Strong(str(name)),
                _number(f"{elpd:,.1f}", elpd),
                _number(lead, behind),
                _number(f"{parameters:.1f}", parameters),
                _number(f"{khat:.2f}", khat),
                Number(per_cent(weight), weight),
            )
        )
    heads = (
        *("Model", "Log score", "Behind ± s.e.", "Effective parameters"),
        *("Largest k-hat", "Weight in an average"),
    )
    note = (
        "Log score: log predictive density of each customer given all others, added up, by Pareto-smoothed "
        "importance sampling; larger is better. Weight: share of the model in the average of all models "
        "that predicts best."
    )
    return Table(tuple(map(Column, heads)), tuple(rows), label="Models that were compared", note=note)


def _number(text: str, value: float) -> Number:
    return Number(text.replace("-", "−"), value)


def _differences(study: Study) -> str:
    """Say what the plan would be under the model that came next."""
    plan, other, money = plan_of(study), study.other, money_of(study)
    assert other is not None
    assert study.selection is not None
    mine, theirs = _worth(plan), _worth(other)
    here, there, both = _contacts(plan, other)
    change = f"{100 * (theirs / mine - 1.0):+.1f}%".replace("-", "−")
    text = (
        f"With {study.selection.runner_up}, the next best, the customers would be valued at "
        f"{money(theirs)} over the next {plan.data.attrs['horizon']} instead of {money(mine)} ({change})"
    )
    if not here and not there:
        return f"{text}, and nobody would be contacted either."
    return (
        f"{text}, and {count(there)} instead of {count(here)} customers would be contacted; {count(both)} "
        "are on both lists."
    )


def _worth(plan: Plan) -> float:
    return float(plan.data["total_value"].mean())


def _contacts(plan: Plan, other: Plan) -> tuple[int, int, int]:
    """Return how many customers each plan contacts, and how many both do."""
    mine, theirs = (one.data["customer"].to_numpy()[one.data["contact"].to_numpy()] for one in (plan, other))
    return mine.size, theirs.size, int(np.isin(mine, theirs).sum())
