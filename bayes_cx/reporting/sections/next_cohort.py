"""Customers won next: what the cohort that has not come yet is expected to do, beside the last ones."""

from bayes_cx.page import Cell, Column, Name, Number, Section, Table, Text
from bayes_cx.page.words import chance, count, measured, measured_range, per_cent_range
from bayes_cx.reporting.studied import events, kind_of_study, money_of, ninety, worth_of
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return a sentence and a table; nothing where no next cohort was forecast."""
    if study.next_cohort is None or study.plan is None:
        return None
    return Section("Customers won next", (Text(_sentences(study)), _table(study)))


def _sentences(study: Study) -> tuple[str, ...]:
    found, words = study.next_cohort, events(study)
    assert found is not None
    data, money = found.data, money_of(study)
    last = found.names[-2]
    made = data["events"].to_numpy()
    before, mean = (measured(float(made[:, i].mean())) for i in (-2, -1))
    low, high = ninety(made[:, -1])
    worth = ""
    if not money.noun:
        value = data["value"].to_numpy()[:, -1]
        ends = money.bare.range(*ninety(value))
        worth = f", which bring {money.bare(float(value.mean()))} of {worth_of(study)} ({ends})"
    better = found.p_better("events" if money.noun else "value")
    more = words.events if money.noun else worth_of(study)
    return (
        f"Customers won next, the {found.by} {found.name}, are expected to make {mean} {words.repeats} each "
        f"({measured_range(low, high)}) in {_span(study)}{worth}. For customers like those of {last} it is "
        f"{before}. That those of {found.name} bring more {more} each than those of {last} has a probability "
        f"of {chance(better)}.",
    )


def _span(study: Study) -> str:
    """Return the time that is forecast, in words."""
    assert study.next_cohort is not None
    began = "contract began" if kind_of_study(study).leaving == "observed" else "first purchase"
    return f"the {study.next_cohort.data.attrs['horizon']} after their {began}"


def _table(study: Study) -> Table:
    found, words, money = study.next_cohort, events(study), money_of(study)
    assert found is not None
    heads = ("Customers", f"Have {words.renew}", f"{words.repeats.capitalize()} each")
    of_value = () if money.noun else (f"{worth_of(study).capitalize()} each",)
    columns = (Column(found.by.capitalize(), wide=True), *map(Column, (*heads, *of_value)))
    rows = []
    for i, name in enumerate(found.names):
        n = float(found.data["customers"][i])
        again, made, value = (found.data[one].to_numpy()[:, i] for one in ("again", "events", "value"))
        cells: list[Cell] = [
            Name(f"{name}, the next" if name == found.name else name),
            Number(count(n), n),
            Number(per_cent_range(*ninety(again)), float(again.mean())),
            Number(measured_range(*ninety(made)), float(made.mean())),
        ]
        if of_value:
            cells.append(Number(money.bare.range(*ninety(value)), float(value.mean())))
        rows.append(tuple(cells))
    drifts = found.by in study.fits[0].layout.design.ordered
    step = (
        "how far the next is from the last is drawn as cohorts have drifted so far"
        if drifts
        else "the next is drawn from the distribution of cohorts"
    )
    note = (
        f"90% intervals of what new customers do on average in {_span(study)}, with all luck. All rows are "
        f"forecasts, also those of cohorts that were observed, so that they compare; {step}. It is taken to "
        "be as large as the largest of the others. Whether as many will come is not forecast."
    )
    return Table(columns, tuple(rows), label="Customers won next", note=note)
