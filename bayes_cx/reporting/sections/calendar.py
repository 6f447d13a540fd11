"""What all customers shared, week by week, and how much of what is not known comes from it."""

from bayes_cx.data import expand
from bayes_cx.page import Column, Number, Section, Share, Table, Text
from bayes_cx.page.words import count, per_cent
from bayes_cx.reporting import figures
from bayes_cx.reporting.studied import events
from bayes_cx.scoring import sources_of_total
from bayes_cx.study import Study

__all__ = ["section"]

_DRAWS = 400
_WORDS = {
    "parameters": "not knowing how customers as a whole behave",
    "shared": "what all customers will share: seasons, promotions, fashion",
    "luck": "who each customer is, and the luck of each",
}


def section(study: Study) -> Section | None:
    """Return the factor of each week, and where the uncertainty of the total comes from."""
    fit = study.fits[0]
    if not fit.layout.design.calendar:
        return None
    horizon = "52 weeks" if study.plan is None else str(study.plan.data.attrs["horizon"])
    found = sources_of_total(fit, expand(study.stats), horizon, draws=_DRAWS)
    rows = tuple(
        (_WORDS[str(name)], Share(float(share)), Number(per_cent(float(share)), float(share)))
        for name, share in zip(found["source"].to_numpy(), found["share"].to_numpy(), strict=True)
    )
    mean, sd = (float(found.attrs[name]) for name in ("mean", "sd"))
    text = (
        f"Over the next {horizon} {count(round(mean))} {events(study).events} are expected, give or take "
        f"{count(round(sd))} (one standard deviation). Its variance comes from:"
    )
    columns = (Column("Source", wide=True), Column("Share"), Column(""))
    return Section(
        "What all customers share",
        (figures.factors(fit), Text((text,)), Table(columns, rows, label="Sources of uncertainty")),
    )
