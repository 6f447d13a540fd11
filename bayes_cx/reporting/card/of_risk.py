"""The model card of risk."""

from datetime import date

from bayes_cx.data import provenance_of
from bayes_cx.page.words import last_day, last_moment, listing
from bayes_cx.references import reference
from bayes_cx.reporting.card.parts import Checked, DataPart, ModelPart, PriorPart, Reproduction, Use
from bayes_cx.reporting.card.record import ModelCard
from bayes_cx.reporting.card.text import NOT_GIVEN
from bayes_cx.risk_study import RiskStudy

__all__ = ["risk_card"]

_USE = Use(
    intended=(
        "Say how likely an event is for each customer within a horizon, with the uncertainty and what speaks "
        "for it, so that people can decide whom to contact first."
    ),
    users="Analysts and managers who look at an interval before a rank.",
    decision="A person looks at the list and at the reasons, and decides whom to contact.",
    misuse=(
        "Decisions about credit, price, insurance, work or anything else that affects a person's rights.",
        "The claim that a feature causes the event: only an experiment shows what a change would do.",
        "Making it harder to leave or to complain: chances are computed to serve customers better.",
        "Another business, country or time than that of the data, without fitting and checking again.",
    ),
)
_ETHICS = (
    "This is profiling of people who did not ask for it: leave out those who object to it or to marketing.",
    "What customers do can stand in for age, health, income or religion: look at the segments before a list "
    "is used.",
    "This card names no customer. Posteriors, scores and lists belong to people: keep them no longer than "
    "their purpose needs; a pseudonym is still personal data for whoever holds the key.",
)
_GUIDELINES = ("mitchell2019model", "kruschke2021bayesian")


def risk_card(study: RiskStudy, *, title: str = "", use: Use | None = None) -> ModelCard:
    """Return the model card of a study of risk; see `model_card`."""
    posterior, run, source = study.posterior, study.provenance, provenance_of(study.periods)
    model, made, found = posterior.model, posterior.provenance, study.holdout
    zone = study.events.schema.timezone
    cut = (
        ""
        if found is None
        else f"Fitted again until {last_day(found.cut, zone)}, judged until {last_day(found.until, zone)}."
    )
    return ModelCard(
        title=title or f"{model.name.capitalize()} model of {study.target}",
        owner=run.organisation,
        written=run.timestamp,
        use=use or _USE,
        data=DataPart(
            source=source.source,
            sha256=source.sha256,
            period_start=_day(source.period_start),
            until=_day(last_moment(source.until, zone)),
            unit=source.unit,
            customers=int(study.periods.attrs["customers"]),
            rows_read=source.rows_read,
            rows_rejected=source.rows_rejected,
            rejected=dict(source.rejected),
            remarks=source.remarks,
            pseudonyms=bool(source.pseudonyms),
            groups=tuple(made["pooled"]) or None,
        ),
        model=ModelPart(
            name=model.name,
            story=(
                f"In each period of {posterior.length:g} days a customer who is at risk may reach "
                f"{study.target}, at a rate that is a product of what was known when the period began: "
                f"{listing(posterior.design.families)}."
            ),
            when="where what customers do before tells who is at risk",
            priors=(
                PriorPart(
                    name="effects",
                    meaning="logarithms of factors of the rate",
                    prior="normal, with a scale for each family of features",
                    reason="features that say nothing shrink to nothing",
                ),
                PriorPart(
                    name="scales",
                    meaning="how strong the effects of a family are",
                    prior=f"half-normal({model.scale:g})",
                    reason="a standard deviation of a feature seldom more than triples a rate",
                ),
            ),
            reference=str(reference(model.citation)),
        ),
        computation=Checked(checks=posterior.checks),
        prior_check=Checked(note=NOT_GIVEN["prior_check"]),
        posterior_check=Checked(note=NOT_GIVEN["posterior_check"]),
        sensitivity=Checked(note=NOT_GIVEN["sensitivity"]),
        holdout=Checked(checks=found.checks, note=cut)
        if found is not None
        else Checked(note=NOT_GIVEN["holdout"]),
        subgroups=Checked(note=NOT_GIVEN["subgroups"]),
        limits=model.limits,
        ethics=_ETHICS,
        reproduction=Reproduction(
            method=f"{made['method']}()",
            seed=made["seed"],
            command=run.command or f"bcx.fit(bcx.models.{model.key.upper()}, periods, seed={made['seed']})",
            versions=dict(made["versions"]),
        ),
        references=tuple(str(reference(key)) for key in (model.citation, *_GUIDELINES)),
    ).with_few_digits()


def _day(text: str) -> date | None:
    return date.fromisoformat(text[:10]) if text else None
