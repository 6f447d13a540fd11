"""The model cards of trials: what arms change on average, and for whom a treatment changes more."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bayes_cx.checks import Check, Interval
from bayes_cx.inference import TrialPosterior, UpliftPosterior
from bayes_cx.page.words import count, listing
from bayes_cx.references import reference
from bayes_cx.reporting.card.parts import (
    Checked,
    DataPart,
    ModelPart,
    Parameter,
    PriorPart,
    Reproduction,
    Use,
)
from bayes_cx.reporting.card.record import ModelCard
from bayes_cx.reporting.card.text import NOT_GIVEN
from bayes_cx.reporting.trial.trial_study import TrialStudy
from bayes_cx.reporting.uplift_study import UpliftStudy
from bayes_cx.scoring import average_effects, compare_arms
from bayes_cx.study import RunProvenance

__all__ = ["trial_card", "uplift_card"]

_USERS = "Analysts and managers who look at an interval before a rank."
_MISUSE = (
    "Decisions about credit, price, insurance, work or anything else that affects a person's rights.",
    "Other customers, another time or another treatment than those of the trial, without a trial of its own.",
    "Stopping as soon as a probability is high: only the rule for looking early holds at every look.",
)
_ETHICS = (
    "Customers of a trial did not ask for it: leave out those who object, and end a trial that does harm.",
    "What customers do can stand in for age, health, income or religion: look at the groups before some get "
    "something that others do not.",
    "This card names no customer. Lists of customers are personal data: keep them no longer than their "
    "purpose needs.",
)
LEVEL = 0.95
_GUIDELINES = ("mitchell2019model", "kruschke2021bayesian")


def trial_card(study: TrialStudy, *, title: str = "", use: Use | None = None) -> ModelCard:
    """Return the model card of a trial; see `model_card`."""
    posterior, model = study.posterior, study.posterior.model
    made = posterior.provenance
    story = {
        "conversion": "Each customer of an arm responds with the same probability.",
        "count": "Each customer of an arm has a number of events around the same mean.",
        "value": "Each customer of an arm pays with the same probability, and who pays an amount around the "
        "same mean.",
    }[posterior.measure]
    priors = [
        PriorPart(
            name="share",
            meaning="probability to respond, or to pay, in an arm",
            prior=f"Beta({model.a:g}, {model.b:g})",
            reason="every share is equally likely before the data",
        )
    ]
    if posterior.divisions:
        priors.append(
            PriorPart(
                name="spread of segments",
                meaning="by how much the change differs between segments",
                prior="zero with probability 1/2",
                reason="that segments do not differ is the default",
            )
        )
    return _card(
        title or f"{model.name.capitalize()} of {_outcome(made['data']) or 'an outcome'}",
        study.provenance,
        made,
        posterior.n_customers,
        use
        or Use(
            intended="Say by how much each arm of a trial changes what customers do, how sure that is, and "
            "whether the trial may stop.",
            users=_USERS,
            decision="A person looks at the change, its interval and its worth, and chooses an arm.",
            misuse=_MISUSE,
        ),
        ModelPart(
            name=model.name,
            story=f"{story} Arms are assigned at random.",
            when="where customers were assigned at random to arms, one of them a control",
            parameters=_lifts(posterior),
            priors=tuple(priors),
            reference=str(reference(model.citation)),
        ),
        posterior.checks,
        Checked(
            note="Not needed: arms are compared on the customers of the trial, with no forecast of others."
        ),
        tuple(posterior.divisions),
        model.limits,
        model.citation,
        "TRIAL",
    )


def uplift_card(study: UpliftStudy, *, title: str = "", use: Use | None = None) -> ModelCard:
    """Return the model card of uplift; see `model_card`."""
    posterior, model = study.posterior, study.posterior.model
    made = posterior.provenance
    judged = [check for one in study.judgements for check in _about(one.checks, str(one.data.attrs["to"]))]
    said = [
        f"{one.data.attrs['to']}: "
        + ("a gain from choosing customers is shown" if one.ranks else "no gain from choosing is claimed")
        + f", on {count(one.data.attrs['customers'])} customers not in the fit."
        for one in study.judgements
    ]
    holdout = (
        Checked(checks=tuple(judged), note=" ".join(said)) if said else Checked(note=NOT_GIVEN["holdout"])
    )
    scale = "log odds" if posterior.family == "bernoulli" else "standard deviations of the outcome"
    features = [feature.name for feature in posterior.terms.features]
    names = {
        "main": "how features go with the outcome without treatment",
        "effect": "what a treatment changes on average",
        "interaction": "by how much customers differ in what a treatment changes",
    }
    return _card(
        title or f"{model.name.capitalize()} of {posterior.outcome}",
        study.provenance,
        made,
        posterior.n_customers,
        use
        or Use(
            intended="Say for whom a treatment changes more, and whether choosing customers by that gains "
            "more than choosing them at random.",
            users=_USERS,
            decision="A person reads the judgement on customers not in the fit before the list; without a "
            "shown gain nothing is claimed for single customers.",
            misuse=_MISUSE,
        ),
        ModelPart(
            name=model.name,
            story=(
                "What customers do without treatment, what a treatment changes, and how that differs by "
                f"{listing(features)} add in {scale if posterior.family == 'bernoulli' else 'the outcome'}."
            ),
            when="where a treatment was assigned at random and one asks for whom it changes more",
            parameters=_effects(posterior),
            priors=tuple(
                PriorPart(
                    name=name,
                    meaning=f"spread of {names[name]}",
                    prior=f"half-normal({value:g}) {scale}",
                    reason="its largest density is at zero, so that no difference is the default",
                )
                for name, value in model.scales
            ),
            reference=str(reference(model.citation)),
        ),
        posterior.checks,
        holdout,
        tuple(features),
        model.limits,
        model.citation,
        "UPLIFT",
    )


def _about(checks: tuple[Check, ...], arm: str) -> tuple[Check, ...]:
    return tuple(replace(check, about=arm) for check in checks)


def _lifts(posterior: TrialPosterior) -> tuple[Parameter, ...]:
    """Return by how much each arm differs from the control."""
    found = compare_arms(posterior, level=LEVEL)
    return tuple(
        Parameter(
            letter=arm,
            meaning=f"change of the outcome of a customer, against {posterior.control}",
            mean=float(found["lift"].sel(arm=arm)),
            interval=Interval(
                float(found["lift_low"].sel(arm=arm)), float(found["lift_high"].sel(arm=arm)), LEVEL
            ),
        )
        for arm in posterior.arms[1:]
    )


def _effects(posterior: UpliftPosterior) -> tuple[Parameter, ...]:
    """Return what each treatment changes on average."""
    found = average_effects(posterior)
    return tuple(
        Parameter(
            letter=str(arm),
            meaning=f"average change of {posterior.outcome}, against {posterior.control}",
            mean=float(found["effect"][k]),
            interval=Interval(float(found["effect_low"][k]), float(found["effect_high"][k]), LEVEL),
        )
        for k, arm in enumerate(found["arm"].to_numpy())
    )


def _outcome(data: Mapping[str, Any]) -> str:
    return str(data.get("outcome", ""))


def _card(
    title: str,
    run: RunProvenance,
    made: Mapping[str, Any],
    customers: int,
    use: Use,
    model: ModelPart,
    checks: tuple[Check, ...],
    holdout: Checked,
    groups: tuple[str, ...],
    limits: tuple[str, ...],
    citation: str,
    record: str,
) -> ModelCard:
    data = made["data"]
    return ModelCard(
        title=title,
        owner=run.organisation,
        written=run.timestamp,
        use=use,
        data=DataPart(
            source=str(data.get("source", "")),
            sha256=str(data.get("sha256", "")),
            customers=customers,
            rows_read=int(data["rows_read"]) if "rows_read" in data else None,
            rows_rejected=int(data["rows_rejected"]) if "rows_rejected" in data else None,
            rejected=json.loads(data.get("rejected", "{}")),
            remarks=tuple(json.loads(data.get("remarks", "[]"))),
            currency=run.currency,
            groups=groups or None,
        ),
        model=model,
        computation=Checked(checks=checks),
        prior_check=Checked(note=NOT_GIVEN["prior_check"]),
        posterior_check=Checked(note=NOT_GIVEN["posterior_check"]),
        sensitivity=Checked(note=NOT_GIVEN["sensitivity"]),
        holdout=holdout,
        subgroups=Checked(note=NOT_GIVEN["subgroups"]),
        limits=limits,
        ethics=_ETHICS,
        reproduction=Reproduction(
            method=f"{made['method']}()",
            seed=made["seed"],
            command=run.command or f"bcx.fit(bcx.models.{record}, stats, seed={made['seed']})",
            versions=dict(made["versions"]),
        ),
        references=tuple(str(reference(key)) for key in (citation, *_GUIDELINES)),
    ).with_few_digits()
