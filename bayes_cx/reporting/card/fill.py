"""Fill a model card from a posterior and the evidence about it; missing evidence is named as missing."""

import math
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from bayes_cx.checks import Check, Interval
from bayes_cx.data import DataProvenance, groups_of, provenance_of
from bayes_cx.errors import InputError
from bayes_cx.inference.coefficients import effects
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.kinds import kind_of
from bayes_cx.page.check_table import false_alarms
from bayes_cx.page.words import agree, per_cent, plural, shorten
from bayes_cx.references import reference
from bayes_cx.reporting.alike import group_columns
from bayes_cx.reporting.card.of_journeys import journey_card
from bayes_cx.reporting.card.of_risk import risk_card
from bayes_cx.reporting.card.of_trials import trial_card, uplift_card
from bayes_cx.reporting.card.parts import (
    Checked,
    DataPart,
    ModelPart,
    Parameter,
    PriorPart,
    Reproduction,
    SegmentPart,
    Use,
)
from bayes_cx.reporting.card.record import ModelCard
from bayes_cx.reporting.card.text import NOT_GIVEN, TOO_FEW, USE, ethics, limits
from bayes_cx.reporting.trial.trial_study import TrialStudy
from bayes_cx.reporting.uplift_study import UpliftStudy
from bayes_cx.risk_study import RiskStudy
from bayes_cx.study import Study
from bayes_cx.validation.holdout import SMALLEST_GROUP

if TYPE_CHECKING:
    from bayes_cx.inference import Posterior
    from bayes_cx.inference.provenance import Provenance
    from bayes_cx.validation import Holdout, PredictiveCheck

__all__ = ["model_card"]

LEVEL = 0.95
GUIDELINES = ("mitchell2019model", "kruschke2021bayesian")
# The references of the methods of inference, and of the other sections.
METHODS = {
    "NUTS": ("hoffman2014nouturn", "vehtari2021rank", "betancourt2016diagnosing"),
    "Laplace": ("vehtari2024pareto",),
    "sensitivity": ("kallioinen2024detecting",),
    "holdout": ("dimitriadis2021stable",),
}
# A column such as a postcode has thousands of values; its largest groups are shown and the others counted.
MOST_GROUPS = 30


def model_card(
    study: "Study | JourneyStudy | RiskStudy | TrialStudy | UpliftStudy",
    posterior: "Posterior | None" = None,
    *,
    title: str = "",
    use: Use | None = None,
) -> ModelCard:
    """Return the model card of a posterior.

    Parameters
    ----------
    study : Study, JourneyStudy, RiskStudy, TrialStudy or UpliftStudy
        Its evidence fills the sections of the card: the hold-out for the first of its fits, the predictive
        checks and the sensitivity for the fit of whose model they are.
    posterior : Posterior, optional
        One of the fits of the study; the first if omitted.
    title : str
        What the card is called.
    use : Use, optional
        What the model is for and not for; by default the text for all models of its kind.

    Returns
    -------
    ModelCard

    Raises
    ------
    InputError
        If the posterior was fitted to other data than the study is about.

    Notes
    -----
    Owner, command and timestamp are those of the study's provenance; without a command the card prints the
    call of `fit`. The same study gives the same bytes.
    """
    if isinstance(study, JourneyStudy):
        return journey_card(study, title=title, use=use)
    if isinstance(study, RiskStudy):
        return risk_card(study, title=title, use=use)
    if isinstance(study, TrialStudy):
        return trial_card(study, title=title, use=use)
    if isinstance(study, UpliftStudy):
        return uplift_card(study, title=title, use=use)
    posterior = study.fits[0] if posterior is None else posterior
    stats, run = study.stats, study.provenance
    model, made = posterior.model, posterior.provenance
    if provenance_of(stats).sha256 not in ("", made.data.sha256):
        raise InputError(
            "statistics of other data than the posterior was fitted to",
            "the statistics of the fit",
            "pass the statistics that were given to fit",
        )
    holdout = study.evidence.holdout if posterior is study.fits[0] else None
    after, before = (
        next((check for check in checks if check.model == model.name), None)
        for checks in (study.evidence.posterior_checks, study.evidence.prior_checks)
    )
    sensitivity = [check for check in study.evidence.sensitivity if check.about == model.name]
    judged = holdout.checks if holdout is not None else ()
    groups, left_out = _largest(holdout.by_group if holdout is not None else ())
    columns, first = posterior.layout.design.columns, study.fits[0]
    decided = posterior is first and study.selection is not None and bool(study.selection.tests)
    used = [made.method, "sensitivity" if sensitivity else "", "holdout" if judged else ""]
    methods = [key for name in used for key in METHODS.get(name, ())]
    cited = dict.fromkeys([model.reference, *methods, *GUIDELINES])
    return ModelCard(
        title=title or f"{model.name} model",
        owner=run.organisation,
        written=run.timestamp,
        use=use or USE[model.kind.leaving],
        data=_data(made.data, stats, run.currency),
        model=ModelPart(
            name=model.name,
            story=posterior.story,
            when=model.when,
            parameters=_parameters(posterior),
            priors=tuple(
                PriorPart(name=name, meaning=prior.meaning, prior=prior.text, reason=prior.reason)
                for name, prior in posterior.priors.items()
                if prior.text == made.priors.get(name)
            ),
            effects=() if posterior.layout.design.is_constant else effects(posterior).in_short(),
            reference=str(reference(model.reference)) if model.reference else "",
        ),
        computation=_evidence("computation", posterior.checks),
        prior_check=_predictive("prior_check", before),
        posterior_check=_predictive("posterior_check", after),
        sensitivity=_evidence("sensitivity", sensitivity),
        holdout=_holdout(holdout, "" if posterior is first else first.model.name),
        subgroups=_evidence("subgroups", groups, left_out),
        segments=_segments(holdout, {check.about for check in groups}),
        limits=(
            *posterior.limits,
            *limits(model.kind.leaving, columns, tested=study.evidence.holdout is not None, decided=decided),
        ),
        ethics=ethics(model.kind.leaving, columns, _contacted(study)),
        reproduction=_reproduction(made, run.command),
        references=tuple(str(reference(key)) for key in cited if key),
    ).with_few_digits()


def _evidence(name: str, found: Iterable[Check], note: str = "") -> Checked:
    checks = tuple(found)
    return Checked(checks=checks, note=note if checks or note else NOT_GIVEN[name])


def _largest(found: Iterable[Check]) -> tuple[list[Check], str]:
    """Return the checks of the largest groups, and how many groups are left out, and why."""
    given = list(found)
    groups = [check for check in given if (check.n or 0) >= SMALLEST_GROUP]
    few = len({check.about for check in given} - {check.about for check in groups})
    size = {check.about: check.n or 0 for check in groups}
    kept = sorted(size, key=lambda name: -size[name])[:MOST_GROUPS]
    rest = len(size) - len(kept)
    failed = sum(check.status == "failed" and check.about not in kept for check in groups)
    said = []
    if rest:
        said.append(
            f"The {MOST_GROUPS} largest of {len(size)} groups; {rest} were left out, with {failed} failed "
            "checks."
        )
    if few:
        said.append(
            f"{plural(few, 'group')} of fewer than {SMALLEST_GROUP} customers {agree(few, 'is', 'are')} left "
            f"out: {TOO_FEW}."
        )
    return [check for check in groups if check.about in kept], " ".join(said)


def _segments(found: "Holdout | None", shown: set[str]) -> tuple[SegmentPart, ...]:
    """Return how well the hold-out of the groups that are shown was forecast."""
    if found is None or found.by_segment is None:
        return ()
    parts = []
    for i, name in enumerate(found.by_segment["segment"].to_numpy()):
        row = found.by_segment.isel(segment=i)
        if str(name) in shown:
            levels = zip(row["level"].to_numpy(), row["inside"].to_numpy(), strict=True)
            parts.append(
                SegmentPart(
                    segment=str(name),
                    customers=int(row["customers"]),
                    predicted=float(row["predicted"]),
                    interval=Interval(float(row["low"]), float(row["high"]), LEVEL),
                    observed=float(row["observed"]),
                    inside={f"{level:.0%}": float(share) for level, share in levels},
                )
            )
    return tuple(parts)


def _predictive(name: str, found: "PredictiveCheck | None") -> Checked:
    return _evidence(
        name, () if found is None else found.checks, found.statistics.attrs["note"] if found else ""
    )


def _holdout(found: "Holdout | None", elsewhere: str) -> Checked:
    """Return the checks of a hold-out, with its dates; or where else they are, on the card of which model."""
    if found is None:
        note = NOT_GIVEN["together"].format(elsewhere) if elsewhere else NOT_GIVEN["holdout"]
        return Checked(note=note)
    cut, until = (str(found.tracking.attrs.get(name, "")) for name in ("fitted_until", "until"))
    dates = f"Fitted again until {cut}, judged until {until}." if cut and until else ""
    return _evidence("holdout", found.checks, " ".join(filter(None, (dates, false_alarms(found.checks)))))


def _contacted(study: Study) -> str:
    """Say which share of each group the plan contacts, where there are groups to compare."""
    if study.plan is None or not (names := group_columns(study.plan.data)):
        return ""
    column, contact = study.plan.data[names[0]].to_numpy().astype(str), study.plan.data["contact"].to_numpy()
    found, place, size = np.unique(column, return_inverse=True, return_counts=True)
    share = np.bincount(place, weights=contact) / size
    order = [i for i in np.argsort(share, kind="stable") if size[i] >= SMALLEST_GROUP]
    if len(order) < 2:
        return ""
    least, most = (
        f"{per_cent(float(share[i]))} ({shorten(str(found[i]), 24)})" for i in (order[0], order[-1])
    )
    return (
        f"by “{names[0]}”, between {least} and {most} of the customers of a group are contacted; ask whether "
        "that is fair"
    )


def _data(source: DataProvenance, stats: xr.Dataset, currency: str) -> DataPart:
    size = next(iter(stats.sizes.values()))
    weight = stats["weight"].to_numpy() if "weight" in stats else np.ones(size, dtype=int)
    kind = kind_of(stats)
    lively = int(weight[kind.lively(kind.numbers(stats))].sum())
    repeaters, current = (None, lively) if kind.leaving == "observed" else (lively, None)
    return DataPart(
        source=source.source,
        sha256=source.sha256,
        period_start=_day(source.period_start),
        until=_day(source.until),
        unit=source.unit,
        customers=int(weight.sum()),
        repeaters=repeaters,
        current=current,
        rows_read=source.rows_read,
        rows_rejected=source.rows_rejected,
        rejected=dict(source.rejected),
        rejected_amounts=dict(source.rejected_amounts),
        remarks=source.remarks,
        currency=currency,
        returns=source.returns,
        pseudonyms=bool(source.pseudonyms),
        groups=groups_of(stats),
    )


def _parameters(posterior: "Posterior") -> tuple[Parameter, ...]:
    units = {"": "", "time": posterior.provenance.data.unit, "money": "money"}
    parts = []
    for letter, draws in posterior.parameters().items():
        known = posterior.model.params[letter]
        low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        parts.append(
            Parameter(
                letter=letter,
                meaning=known.meaning,
                unit=units[known.unit],
                mean=_finite(np.mean(draws)),
                interval=Interval(low=float(low), high=float(high), level=LEVEL)
                if np.size(draws) > 1
                else None,
            )
        )
    return tuple(parts)


def _reproduction(made: "Provenance", command: str) -> Reproduction:
    from bayes_cx.inference.provenance import OWN

    model = f"bcx.models.{made.model.upper()}"
    if made.method == OWN:
        method, call = made.method, f"bcx.posterior({model}, draws, stats)"
    else:
        settings = ", ".join(f"{name}={value}" for name, value in made.method_settings.items())
        method = f"{made.method}({settings})"
        call = f"bcx.fit({model}, stats, method=bcx.{method}, seed={made.seed})"
    return Reproduction(method=method, seed=made.seed, command=command or call, versions=dict(made.versions))


def _day(text: str) -> date | None:
    return date.fromisoformat(text[:10]) if text else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
