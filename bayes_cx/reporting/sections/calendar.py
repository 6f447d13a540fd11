"""What all customers shared, week by week, and how much of what is not known comes from it."""

from collections.abc import Iterator

from bayes_cx.data import expand
from bayes_cx.inference import Posterior
from bayes_cx.page import Block, Column, Number, Section, Share, Table, Text
from bayes_cx.page.words import count, measured, per_cent
from bayes_cx.reporting import figures
from bayes_cx.reporting.studied import events
from bayes_cx.scoring import effects_by_date, sources_of_total
from bayes_cx.study import Study

__all__ = ["section"]

_DRAWS = 400
_WORDS = {
    "parameters": "not knowing how customers as a whole behave",
    "shared": "what all customers will share: seasons, promotions, fashion",
    "luck": "who each customer is, and the luck of each",
}
_CAVEAT = (
    "The ranges hold the effect with 95% probability. Whatever else happened in the same weeks is part of "
    "it; and forecasts assume that what is stated for the weeks to come will be done."
)


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
    sources = Table(columns, rows, label="Sources of uncertainty")
    return Section(
        "What all customers share",
        (figures.factors(fit, horizon), *_effects(fit), Text((text,)), sources),
    )


def _effects(fit: Posterior) -> Iterator[Block]:
    """Yield the effects of columns by date in words."""
    if fit.layout.design.by_date is None:
        return
    found = effects_by_date(fit)
    lines = []
    for i, name in enumerate(map(str, found["by_date"].to_numpy())):
        lowest, highest = (float(found[which][i]) for which in ("lowest", "highest"))
        low, middle, high = (_times(q) for q in found["quantile"].to_numpy()[i].tolist())
        if (lowest, highest) == (0.0, 1.0):
            where, other = f"In weeks of {name}", "in weeks without"
        else:
            where = f"In weeks with the highest {name} ({measured(highest)})"
            other = f"with the lowest ({measured(lowest)})"
        lines.append(f"{where} customers buy {middle} times as often as {other}, {low} to {high}.")
    yield Text(tuple(lines), "bullets")
    yield Text((_CAVEAT,))


def _times(ratio: float) -> str:
    """Return a ratio with two digits after the point below ten, as differences of a tenth matter.

    Examples
    --------
    >>> _times(1.284), _times(0.5), _times(12.34)
    ('1.28', '0.50', '12.3')
    """
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.3g}"
