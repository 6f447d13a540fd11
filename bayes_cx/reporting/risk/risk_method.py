"""How it was computed, its limits, and how to compute it again."""

from bayes_cx.data import provenance_of
from bayes_cx.page import Block, Section, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.words import count, last_day, listing, plural
from bayes_cx.references import reference
from bayes_cx.risk_study import RiskStudy

__all__ = ["limits", "method"]


def method(study: RiskStudy) -> Section:
    """Return the model in words, its checks, and the command."""
    posterior, source = study.posterior, provenance_of(study.periods)
    weight = int(study.periods["weight"].to_numpy().sum())
    events = int(posterior.draws["observed_data"]["events"].to_numpy().sum())
    customers = int(study.periods.attrs["customers"])
    families = listing(posterior.design.families)
    pooled = posterior.provenance["pooled"]
    borrow = f" Groups by {listing(pooled)} borrow from each other." if pooled else ""
    lines = [
        f"{count(weight)} periods of {study.posterior.length:g} days of {plural(customers, 'customer')}, "
        f"with {plural(events, 'event')}. Each row is what was known of a customer when the period began, "
        "and whether the event came during it. Forecasts hold what is known today over the horizon.",
        "The event comes at a rate that is a product of what is known (complementary log-log hazard). The "
        f"effects of each family ({families}) share a scale that is learnt, so what says nothing shrinks to "
        f"nothing.{borrow}",
        f"{count(posterior.n_draws)} draws from the posterior; intervals are of these draws.",
        f"Observed until {last_day(source.until, study.events.schema.timezone)}. Nothing that was known "
        "later enters, and nothing of a period enters what is known at its start.",
    ]
    blocks: list[Block] = [
        Text(tuple(lines)),
        checks_table(posterior.checks),
        Text((f"{reference(posterior.model.citation)}",), "note"),
    ]
    if study.provenance.command:
        blocks += [Text(("The same again:",)), Text((study.provenance.command,), "code")]
    return Section("Method", tuple(blocks), new_page=True)


def limits(study: RiskStudy) -> Section:
    """Return what this report cannot say."""
    found = [
        *study.posterior.model.limits,
        "Chances are of what happens if nothing changes; what a contact changes only a trial can say.",
        "What happens outside the events that were read is not seen, and counts as nothing.",
    ]
    if study.events.rows_anonymous:
        n = study.events.rows_anonymous
        found.append(
            f"{count(n)} events of visitors who are not known are no part of what is known of anybody."
        )
    return Section("Limits", (Text(tuple(found), "bullets"),))
