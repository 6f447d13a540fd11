"""Which model was selected, by how much, and whether it matters."""

from collections.abc import Iterator

import numpy as np

from bayes_cx.decision import Plan
from bayes_cx.page import Badge, Block, Cell, Column, Notice, Number, Section, Strong, Table, Text
from bayes_cx.page.words import about, about_range, between, count, per_cent
from bayes_cx.reporting.studied import money_of, plan_of
from bayes_cx.study import Study
from bayes_cx.validation import Comparison
from bayes_cx.validation.selection import Selection, is_calendar
from bayes_cx.validation.short_test import Forecasted

__all__ = ["chosen", "matters", "section"]

# Page one warns if the runner-up would change the total value, or the list of contacts, by a larger share.
_TOTAL, _LIST = 0.10, 0.20


def section(study: Study) -> Section | None:
    """Return how the model was chosen; nothing where only one was tried."""
    selection = study.selection
    if selection is None:
        return None
    found = selection.comparison
    lines = [
        f"{selection.reason} {selection.note}".strip(),
        *([found.sentence] if found is not None else []),
        f"The rule: {selection.rule[0].lower()}{selection.rule[1:]}",
        *([_differences(study)] if study.other is not None else []),
    ]
    blocks: list[Block] = [Text(tuple(lines)), *_tested(selection), *_said(study)]
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


def chosen(selection: Selection) -> str:
    """Return what was chosen: the name of the model, with calendar time if that is part of it."""
    return f"{selection.chosen}{', calendar time' if selection.calendar else ''}"


def _tested(selection: Selection) -> list[Block]:
    """Return how those that predict about as well forecast the hold-out; nothing where none was asked."""
    rows = []
    for name, tests in selection.tests.items():
        for test in tests:
            with_calendar = is_calendar(test)
            label = f"{name}, calendar time" if with_calendar else name
            ours = name == selection.chosen and with_calendar == selection.calendar
            rows.append((Strong(label) if ours else label, *_forecast(test.once), *_forecast(test.total)))
    if not rows:
        return []
    made = next(iter(selection.tests.values()))[0].fit.model.kind.words["en"].events
    heads = ("Model", "One-time buyers who bought again", "", f"Total of {made}", "")
    first = next(iter(selection.tests.values()))[0]
    came = f"{count(first.total.observed)} {made} happened"
    if first.once is not None:
        came = f"{count(first.once.observed)} one-time buyers bought again, and {came}"
    note = f"Forecasts with 95% intervals, of the fit to the calibration period. In the hold-out {came}."
    return [Table(tuple(map(Column, heads)), tuple(rows), label="Forecasts of the hold-out", note=note)]


def _forecast(one: Forecasted | None) -> tuple[Cell, Cell]:
    """Return the cells of a number that was forecast, and of whether its interval held what happened."""
    if one is None:
        return "–", ""
    held = Badge("inside", "passed") if one.held else Badge("outside", "failed")
    return Number(f"{count(one.mean)} ({between(one.low, one.high, count)})", one.mean), held


def _said(study: Study) -> list[Block]:
    """Return what each model says of the customers now and ahead; nothing where that was not asked."""
    selection = study.selection
    assert selection is not None
    if not selection.prospects:
        return []
    kind = study.fits[0].model.kind
    made, ahead = kind.words["en"].events, plan_of(study).data.attrs["horizon"]
    latent = kind.leaving == "latent"
    rows = []
    order = sorted(selection.prospects, key=lambda name: name != selection.chosen)
    for name in order:
        one = selection.prospects[name]
        cells = [Number(f"{about(one.active)} ({about_range(*one.active_interval)})", one.active)]
        if latent:
            once = Number(about(one.once), one.once)
            cells.append(Number(f"{once.text} (assumed)", one.once) if name in selection.assuming else once)
        cells.append(Number(f"{about(one.events)} ({about_range(*one.events_interval)})", one.events))
        rows.append((Strong(chosen(selection)) if name == selection.chosen else name, *cells))
    heads = (
        *("Model", "Still active" if latent else "Under contract"),
        *(["of these bought only once"] if latent else []),
        f"{made.capitalize()} in the next {ahead}",
    )
    note = (
        "With 90% intervals of what is not known of the parameters. The others have constant rates"
        f"{' and know nothing of groups and covariates' if study.fits[0].layout.design.columns else ''}."
    )
    if selection.assuming:
        note += (
            " Assumed: the model lets nobody leave before a repeat purchase, so that it counts every "
            "one-time buyer as active, whatever the data."
        )
    return [Table(tuple(map(Column, heads)), tuple(rows), label="What each model says", note=note)]


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
