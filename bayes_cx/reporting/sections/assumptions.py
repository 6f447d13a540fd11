"""The assumptions: offers, horizon, value, data, priors."""

from collections.abc import Iterator

from scipy import stats as distributions

from bayes_cx.data import DataProvenance, provenance_of
from bayes_cx.decision import Beta, Offer, Response, Stated, response_of
from bayes_cx.decision.offers import NEVER
from bayes_cx.models import find
from bayes_cx.page import Block, Column, Section, Strong, Table, Text
from bayes_cx.page.words import Money, between, count, day, plural
from bayes_cx.reporting import figures
from bayes_cx.reporting.effects_in_words import rise
from bayes_cx.reporting.phrases import RETURNS, phrases
from bayes_cx.reporting.studied import events, kind_of_study, money_of, plan_of
from bayes_cx.study import Study

__all__ = ["assumptions", "section"]


def section(study: Study) -> Section | None:
    """Return what was assumed rather than estimated, and the priors."""
    blocks: list[Block] = []
    if study.plan is not None:
        rows = tuple((Strong(name), text) for name, text in assumptions(study))
        blocks.append(Table((Column("Assumption"), Column("Value", wide=True)), rows, label="Assumptions"))
    priors = tuple(
        (fit.model.name, fit.priors[name].meaning, _minus(text))
        for fit in study.fits
        for name, text in fit.provenance.priors.items()
    )
    columns = (Column("Model"), Column("Quantity with a prior", wide=True), Column("Prior"))
    blocks += [Table(columns, priors, label="Priors"), *_own_priors(study)]
    return Section("What the numbers rest on", tuple(blocks))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _own_priors(study: Study) -> Iterator[Block]:
    """Yield why some priors are not those of the model, and what all of them together imply."""
    for fit in study.fits:
        if not (own := fit.provenance.own_priors):
            continue
        usual = find(fit.model.key).priors
        yield Text(
            tuple(
                f"{prior.meaning[:1].upper()}{prior.meaning[1:]}: {_minus(prior.text)}, in place of "
                f"{_minus(usual[name].text)}, by choice of the analyst. Reason: {prior.reason}"
                for name, prior in own.items()
            ),
            "bullets",
        )
        for check in study.evidence.prior_checks:
            if check.model == fit.model.name and check.histogram is not None:
                yield figures.predictive(check)


def assumptions(study: Study) -> Iterator[tuple[str, str]]:
    """Yield names and texts."""
    plan, money = plan_of(study), money_of(study)
    data = plan.data
    for offer in plan.offers:
        charged = "paid for every contact" if offer.charged == "contacted" else "paid when accepted"
        yield f"Offer: {offer.name}", f"costs {money(offer.cost)}, {charged}"
        if offer.response is not None:
            yield "What a contact changes", _response(offer.response, money)
            continue
        back = response_of(offer.win_back)
        said = _beta(back.prior) if isinstance(back, Stated) else rise(back, money)
        yield "ρ, chance that it wins back who has just left", said
        yield "Half-life of ρ", _half_life(offer)
        yield "κ, share by which it lowers the chance to leave", _beta(offer.keep)
    if any(offer.response is None for offer in plan.offers):
        yield "Who is won back", phrases(kind_of_study(study)).won_back
        yield "Who is kept", "the chance to leave stays lower for the whole horizon"
    if any(offer.response is not None and offer.response.outcome == "buying" for offer in plan.offers):
        yield "Who buys because of an offer", _BUYS
    if (budget := plan.settings.get("budget")) not in (None, ""):
        yield "Budget", money(float(budget))
    if (capacity := plan.settings.get("capacity")) not in (None, ""):
        yield "Capacity", plural(int(capacity), "contact")
    until = str(data.attrs["until"])
    start = f"from {day(until)}" if until else "from the end of observation"
    yield "Horizon", f"{data.attrs['horizon']} {start}"
    yield "Value", _value(study)
    yield "Discount rate", f"{100 * float(data.attrs['discount_rate']):.3g}% a year, continuous in time"
    yield from _data(provenance_of(study.stats), amounts=not money.noun)


def _value(study: Study) -> str:
    plan, money, words = plan_of(study), money_of(study), events(study)
    margin = float(plan.settings.get("margin", 1.0))
    counts = "all that customers pay" if margin == 1.0 else f"{100 * margin:.3g}% of what customers pay"
    goods = "the cost of goods is not deducted" if margin == 1.0 else "the rest is the cost of goods"
    if money.noun:
        return f"{words.events} are counted, because no amounts are known"
    if (each := plan.data.attrs.get("worth")) is not None:
        return f"every {words.event} is worth {money(float(each))}, {counts}; {goods}"
    return f"{counts}; {goods}"


def _data(source: DataProvenance, amounts: bool) -> Iterator[tuple[str, str]]:
    if source.returns and amounts:
        yield "Returns", RETURNS.get(source.returns, source.returns)
    if source.rows_zero:
        yield "Purchases at no charge", f"{count(source.rows_zero)} rows, counted as purchases"
    if source.rows_read is not None:
        yield "Rows read", count(source.rows_read)
        yield "Rows rejected", _rejected(source)
    if source.remarks:
        yield "Remarks on the data", "; ".join(source.remarks)
    for name, number in source.varying.items():
        if number:
            some = plural(number, "customer has", "customers have")
            yield f"Values of {name}", f"{some} more than one; the last one known counts"


def _rejected(source: DataProvenance) -> str:
    total = source.rows_rejected or 0
    listed = "; ".join(f"{reason}: {count(number)}" for reason, number in source.rejected.items())
    return f"{count(total)} ({listed})" if listed and total else count(total)


def _half_life(offer: Offer) -> str:
    if offer.half_life == NEVER:
        return "none: the chance is the same however long the silence"
    return f"{offer.half_life} of silence; an assumption until a trial with a control group measures it"


_BUYS = (
    "makes one purchase more, and counts as active again if he or she had left; the effect is that of the "
    "customers of the trial, the same for active and for lost ones"
)


def _response(response: Response, money: Money) -> str:
    """Return an effect with its interval, and whether it is an assumption."""
    if isinstance(response, Stated):
        return f"{_beta(response.prior)}; an assumption"
    return rise(response, money)


def _beta(prior: Beta) -> str:
    """Return a response prior: mean and 90% interval."""
    low, high = distributions.beta(prior.alpha, prior.beta).ppf([0.05, 0.95])
    interval = f"mean {prior.mean:.1%}, 90% interval {between(low, high, '{:.1%}'.format, '{:.2%}'.format)}"
    return f"Beta({prior.alpha:g}, {prior.beta:g}): {interval}"
