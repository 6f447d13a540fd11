"""The report for the manager: whom to contact, what it is worth and how sure that is."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import xarray as xr

from bayes_cx.data import provenance_of
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_path
from bayes_cx.page.blocks import Picture
from bayes_cx.page.fonts import printable
from bayes_cx.page.words import Money, count, day, plural
from bayes_cx.references import reference
from bayes_cx.reporting import figures, render, summary, tables
from bayes_cx.reporting import selection as chosen
from bayes_cx.reporting.alike import alike
from bayes_cx.reporting.terms import Terms, terms
from bayes_cx.study import Study

__all__ = ["Report", "report"]

# Rows of the priority list where they stand for histories: as many as a page holds.
_HISTORIES = 30


@dataclass(frozen=True)
class Report:
    """A report that is ready to be set.

    Attributes
    ----------
    data : mapping
        What the template prints.
    figures : mapping of str to Picture
    timestamp : datetime
        Printed, and written into the file; the same data and timestamp give the same bytes.
    """

    data: Mapping[str, Any]
    figures: Mapping[str, Picture]
    timestamp: datetime

    @property
    def sentences(self) -> tuple[str, ...]:
        """The computed sentences of page one, warnings first."""
        page = self.data["page_one"]
        warnings = [f"{notice['title']} {notice['text']}" for notice in page["notices"]]
        steps = [f"{step['head']}: {step['text']}" for step in page["actions"]]
        return (*warnings, page["lead"], *page["texts"], *steps)

    def to_bytes(self) -> bytes:
        """Return the report as PDF."""
        svgs = {name: figure.svg for name, figure in self.figures.items()}
        return render.pdf("report.typ", self.data, figures=svgs, timestamp=self.timestamp)

    def to_pdf(self, path: str | os.PathLike[str]) -> None:
        """Write the report as PDF, whole or not at all."""
        content = self.to_bytes()
        with atomic_path(path) as unfinished:
            unfinished.write_bytes(content)


def report(study: Study) -> Report:
    """Put a plan, and the evidence for it, into a report.

    Parameters
    ----------
    study : Study
        With a plan. Without a hold-out the report says so on page one, with the reason if one is noted.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If the study has no plan.

    Notes
    -----
    Sentences and headlines are computed from draws and data; none of them is fixed.
    """
    if study.plan is None:
        raise InputError("a study without a plan", "whom to contact", "pass plan=bcx.prioritise(...)")
    plan: Any = study.plan
    stats, selection, other = study.stats, study.selection, study.other
    evidence, run = study.evidence, study.provenance
    holdout, organisation, timestamp = evidence.holdout, run.organisation, run.timestamp
    data = plan.data
    posteriors = list(study.fits)
    purchases = posteriors[0]
    values = str(data.attrs["values"])
    money = Money(run.currency) if values == "spend" else Money("", values)
    words = terms(purchases.model)
    rows = alike(data, posteriors)
    listed = data if rows is None else rows
    drawn, stay, staying = {}, None, {"rows": [], "note": ""}
    if words.contracts:
        # It evaluates quantities of the model, which loads what is not needed otherwise.
        from bayes_cx.reporting import contracts

        listed = contracts.with_stay(listed, purchases)
        drawn, stay = contracts.figures_of(plan, purchases, stats)
        staying = contracts.staying(plan, purchases, money)
    drawn |= _figures(plan, listed, holdout, money)
    if selection is not None and selection.comparison is not None:
        from bayes_cx.reporting.figures.comparison import comparison

        drawn["comparison"] = comparison(selection.comparison)
    number = int(data.attrs["n_contacted"])
    predictive, predictive_note = tables.predictive([*evidence.posterior_checks, *evidence.prior_checks])
    choice = _choice(selection, plan, other, money)
    warned = summary.notices(posteriors, holdout, evidence.holdout_note, predictive, words.events)
    content = {
        "title": run.title or "Retention priorities",
        "organisation": organisation,
        "unit": data.attrs["unit"],
        "currency": run.currency if values == "spend" else values,
        "words": {
            "current": words.current,
            "bar": words.bar,
            "bars": words.bars,
            "condition": words.condition,
        },
        "contracts": words.contracts,
        "events": words.events,
        "meta": _meta(data, posteriors, organisation, timestamp),
        "page_one": {
            "notices": [asdict(notice) for notice in [*warned, *choice.pop("notices")]],
            "lead": summary.campaign(data, money),
            "texts": [
                summary.customers(data, words, stay),
                summary.value(data, money),
                *([summary.grounds(plan, money)] if number else []),
            ],
            "tiles": summary.tiles(data, money, words),
            "actions": summary.actions(data, words, rows),
        },
        "priority": tables.priority(listed, money, 20 if rows is None else _HISTORIES),
        "top_note": tables.top_note(plan, money, listed=rows),
        "priority_title": _priority_title(number, listed),
        "stronger": "" if number else summary.stronger(plan.sensitivity),
        "staying": staying,
        "segments": tables.segments(data, money, words),
        "groups": [
            {"name": name, "rows": tables.groups(data, name, money)} for name in tables.group_columns(data)
        ],
        "coverage": tables.coverage(holdout.coverage) if holdout is not None else [],
        "coverage_total": count(holdout.coverage.attrs["total_observed"]) if holdout is not None else "",
        "choice": choice,
        "method": [_method(posterior) for posterior in posteriors],
        "metrics": tables.metrics(holdout.checks) if holdout is not None else [],
        "false_alarms": tables.false_alarms(holdout.checks) if holdout is not None else "",
        "predictive": predictive,
        "predictive_note": predictive_note,
        "priors": tables.priors(posteriors),
        "checks": tables.checks(posteriors),
        "assumptions": tables.assumptions(plan, stats, words, money),
        "limits": _limits(posteriors, words),
        "provenance": tables.provenance(posteriors, stats, run.command),
        "run": _run(purchases, stats),
        "respelt": any(printable(str(name)) != str(name) for name in data["customer"].to_numpy()[:20]),
        "figures": {
            name: {"headline": figure.headline, "subtitle": figure.subtitle, "alt": figure.alt}
            for name, figure in drawn.items()
        },
    }
    return Report(content, drawn, timestamp)


def _figures(plan: Any, listed: xr.Dataset, holdout: Any, money: Money) -> dict[str, Picture]:
    data = plan.data
    number = int(data.attrs["n_contacted"])
    if number:
        what = f"Net gain{money.unit} of contacting {plural(number, 'customer')}"
        dots = figures.futures(
            data["total_gain_predictive"].to_numpy(),
            money,
            what=what,
            line=True,
            counted=summary.COUNTED_PURCHASES if money.noun else summary.COUNTED,
        )
    else:
        what = f"{(money.noun or 'value').capitalize()} over the next {data.attrs['horizon']}"
        dots = figures.futures(data["total_value_predictive"].to_numpy(), money, what=what, line=False)
    drawn = {
        "futures": dots,
        "gain_curve": figures.gain_curve(data["curve"], number, money),
        "forest": figures.forest(listed, money),
    }
    if number:
        drawn["sensitivity"] = figures.sensitivity(plan.sensitivity, money)
    if holdout is not None:
        unit = str(holdout.tracking.attrs.get("unit", data.attrs["unit"]))
        drawn["tracking"] = figures.tracking(holdout.tracking, unit)
        drawn["by_frequency"] = figures.by_frequency(holdout.by_frequency)
        drawn["calibration"] = figures.calibration(holdout.calibration)
        if holdout.capture is not None:
            drawn["capture"] = figures.capture(holdout.capture)
    return drawn


def _choice(selection: Any, plan: Any, other: Any, money: Money) -> dict[str, Any]:
    """Return what is said of the choice of the model; nothing where there was none."""
    if selection is None:
        return {"notices": [], "texts": [], "rows": []}
    texts, notices = [selection.reason, f"The rule: {selection.rule[0].lower()}{selection.rule[1:]}"], []
    if selection.comparison is not None:
        texts.insert(1, selection.comparison.sentence)
    if other is not None:
        given = (plan, other, selection.runner_up, money)
        texts.append(chosen.differences(*given))
        notices = chosen.matters(*given)
    return {"notices": notices, "texts": texts, "rows": chosen.table(selection)}


def _meta(data: xr.Dataset, posteriors: list[Any], organisation: str, timestamp: datetime) -> list[list[str]]:
    rows = [["Prepared for", organisation]] if organisation else []
    until = str(data.attrs["until"])
    return [
        *rows,
        *([["Observed until", day(until)]] if until else []),
        ["Looking ahead", str(data.attrs["horizon"])],
        ["Models", " + ".join(posterior.model.name for posterior in posteriors)],
        ["Made", day(timestamp)],
    ]


def _run(purchases: Any, stats: xr.Dataset) -> str:
    """Name what made the page, for its foot."""
    sha256 = provenance_of(stats).sha256
    version = f"bayes_cx {purchases.provenance.versions['bayes_cx']}"
    return f"{version} · data {sha256[:8]}" if sha256 else version


def _priority_title(number: int, listed: xr.Dataset) -> str:
    customers = listed.sizes["customer"]
    shown = min(_HISTORIES if "customers" in listed else 20, customers)
    if "customers" in listed:
        whom = f"the {plural(customers, 'history', 'histories')}"
        whom = f"All {whom[4:]}" if shown == customers else f"The first {shown} of {whom}"
        return f"{whom} that customers have, in the order of priority."
    if number == 0:
        return f"The {plural(shown, 'customer')} nearest to being worth a contact; none of them is today."
    if number >= customers == shown:
        return f"All {plural(shown, 'customer')}, in the order in which to contact them."
    if number < shown:
        return f"The first {plural(shown, 'customer')}; the first {count(number)} are worth a contact."
    return f"The first {count(shown)} of {count(number)} customers to contact."


def _method(posterior: Any) -> dict[str, Any]:
    model = posterior.model
    return {
        "name": model.name,
        "story": model.story,
        "formulas": list(model.formulas),
        "reference": str(reference(model.reference)) if model.reference else "",
        "parameters": tables.parameters(posterior),
    }


def _limits(posteriors: list[Any], words: Terms) -> list[str]:
    limits = [limit for posterior in posteriors for limit in posterior.model.limits]
    return [
        *limits,
        f"How customers respond to the offers is put in; {words.events} alone cannot tell it. A test with a "
        "control group that gets no offer measures it, and the sensitivity figure shows what hangs on it.",
        "Every number speaks about these customers; new customers who are still to come are not counted.",
    ]
