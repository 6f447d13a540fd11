"""The model card of journeys."""

from datetime import date

from bayes_cx.data import provenance_of
from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page.words import last_day, last_moment
from bayes_cx.references import reference
from bayes_cx.reporting.card.parts import Checked, DataPart, ModelPart, PriorPart, Reproduction, Use
from bayes_cx.reporting.card.record import ModelCard
from bayes_cx.reporting.card.text import NOT_GIVEN
from bayes_cx.reporting.journeys.words import what_is_a_journey

__all__ = ["journey_card"]

_USE = Use(
    intended=(
        "Say where customers go next, which journeys lead to the states that are wanted and which to those "
        "that are to be avoided, with the uncertainty, so that people can decide what to mend and whom to "
        "contact."
    ),
    users="Analysts and managers who look at an interval before a rank.",
    decision="A person looks at the states where journeys turn, and the list of open journeys, and decides.",
    misuse=(
        "Decisions about credit, price, insurance, work or anything else that affects a person's rights.",
        "The claim that a state causes what follows it: only an experiment shows what a change would do.",
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


def journey_card(study: JourneyStudy, *, title: str = "", use: Use | None = None) -> ModelCard:
    """Return the model card of a study of journeys; see `model_card`."""
    posterior, run, source = study.posterior, study.provenance, provenance_of(study.stays)
    model, made = posterior.model, posterior.provenance
    found = study.holdout
    zone = study.events.schema.timezone
    cut = (
        ""
        if found is None
        else f"Fitted again until {last_day(found.cut, zone)}, judged until {last_day(found.until, zone)}."
    )
    pooled = (
        f"Each segment by {posterior.pooled} has chances of its own, which lean on those of the others. "
        if posterior.pooled
        else ""
    )
    memory = "" if study.memory is None else f"{study.memory.sentence} "
    memory += f"The chances use the last {'two states' if posterior.memory == 2 else 'state alone'}."
    return ModelCard(
        title=title or f"{model.name} model of journeys",
        owner=run.organisation,
        written=run.timestamp,
        use=use or _USE,
        data=DataPart(
            source=source.source,
            sha256=source.sha256,
            period_start=_day(source.period_start),
            until=_day(last_moment(source.until, zone)),
            unit=source.unit,
            customers=study.customers,
            rows_read=source.rows_read,
            rows_rejected=source.rows_rejected,
            rejected=dict(source.rejected),
            remarks=source.remarks,
            pseudonyms=bool(source.pseudonyms),
            groups=(posterior.pooled,) if posterior.pooled else (),
        ),
        model=ModelPart(
            name=model.name,
            story=(
                f"{what_is_a_journey(study)} From each state it goes on to another with a chance of its own, "
                f"after a time whose distribution depends on the state. {pooled}{memory}"
            ).strip(),
            when="where customers pass states that are seen",
            priors=(
                PriorPart(
                    name="p",
                    meaning="chances of the next state",
                    prior=f"Dirichlet({model.a:g}, ..., {model.a:g})",
                    reason="half a journey more on each way",
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
        limits=posterior.limits,
        ethics=_ETHICS,
        reproduction=Reproduction(
            method=f"{made['method']}()",
            seed=made["seed"],
            command=run.command or f"bcx.fit(bcx.models.{model.key.upper()}, stays, seed={made['seed']})",
            versions=dict(made["versions"]),
        ),
        references=tuple(str(reference(key)) for key in (model.citation, *_GUIDELINES)),
    ).with_few_digits()


def _day(text: str) -> date | None:
    return date.fromisoformat(text[:10]) if text else None
