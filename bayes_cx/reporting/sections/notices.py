"""The warnings, before anything else: what failed, what was not checked, what was forecast wrongly."""

from collections.abc import Iterable, Iterator, Sequence

from bayes_cx.catalogue import candidates
from bayes_cx.checks import Check
from bayes_cx.decision import Measured
from bayes_cx.inference import Posterior
from bayes_cx.page import Notice, Section
from bayes_cx.page.words import between, count, listing, per_cent, plural, sign
from bayes_cx.reporting.sections.selection import matters
from bayes_cx.reporting.studied import events, kind_of_study
from bayes_cx.study import Study
from bayes_cx.validation import Holdout
from bayes_cx.validation.selection import is_calendar

__all__ = ["section"]

# Failed checks that page one names.
_NAMED = 3
_UNKNOWN = "which the model does not know"


def section(study: Study) -> Section | None:
    """Return the warnings at the top of page one, or nothing where there are none."""
    found = (
        *(notice for fit in study.fits for notice in _fit(fit)),
        *_holdout(study),
        *_unlike(study),
        *_trials(study),
        *matters(study),
    )
    return Section("", found) if found else None


def _fit(fit: Posterior) -> Iterator[Notice]:
    name = fit.model.name
    if fit.verdict == "failed":
        failed = [_said(check, name) for check in fit.checks if check.status == "failed"]
        text = (
            "Do not act on the numbers below: they may be wrong. "
            f"Fit again {_again(fit)}, or with more data. "
            f"{plural(len(failed), 'check')} of the {name} fit failed: {listing(failed)}."
        )
        yield Notice("failed", "The fit failed its checks.", text)
    elif fit.verdict == "not_run":
        skipped = [check.named(name) for check in fit.checks if check.status == "not_run"]
        what = f"not run: {listing(skipped)}" if skipped else "no check was run"
        text = f"{name}: {what}. Whether the numbers below can be trusted is not known."
        yield Notice("not_run", "The fit was not fully checked.", text)


def _again(fit: Posterior) -> str:
    if fit.layout.design.calendar:  # which NUTS does not sample
        groups = ", or without --pool" if fit.layout.design.group_columns else ""
        return f"without --calendar and --season{groups}"
    return "with more draws" if fit.provenance.method == "NUTS" else "with --method nuts"


def _said(check: Check, within: str) -> str:
    value = "" if check.value is None else f" is {check.value:.4g}, should be {sign(check.target)}"
    return f"{sign(check.named(within))}{value}"


def _holdout(study: Study) -> Iterator[Notice]:
    made, evidence = events(study).events, study.evidence
    if evidence.holdout is not None:
        why = "which the past weeks do not show" if study.fits[0].layout.design.calendar else _UNKNOWN
        yield from _missed(evidence.holdout, made, _remedy(study), _remedy_of_total(study), why)
        return
    why = f": {sign(evidence.holdout_note)}" if evidence.holdout_note else ""
    text = (
        "Take the order of the list as a first guess and the totals with caution. "
        f"The forecasts were not compared with {made} that the model had not seen{why}. How well they "
        "predict these customers is unknown."
    )
    yield Notice("not_run", "The forecasts were not tested.", text)


def _remedy(study: Study) -> str:
    """Return what to try where the forecasts missed; nothing where it has been tried."""
    kind = kind_of_study(study)
    others = [entry for entry in candidates(kind.key) if entry.valued]
    if study.selection is None and len(others) > 1 and not study.fits[0].layout.design.calendar:
        return (
            " Have the report made again without --model, which then chooses among the models for such data."
        )
    return ""


def _remedy_of_total(study: Study) -> str:
    """Return what to try where the total was missed."""
    fit = study.fits[0]
    # A choice among models has tried it, but where customers are grouped.
    tried = study.selection is not None and any(
        map(is_calendar, study.selection.tests.get(fit.model.name, ()))
    )
    if fit.model.has_clock and not fit.layout.design.calendar and not tried:
        named = "" if study.selection is None else f"--model {fit.model.key} "
        return (
            f" Have the report made again with {named}--calendar, which lets the purchases of all customers "
            "rise and fall with the weeks."
        )
    return _remedy(study)


def _missed(holdout: Holdout, made: str, remedy: str, remedy_of_total: str, unseen: str) -> Iterator[Notice]:
    """Say what to do with forecasts that did not come true, then in which direction they missed."""
    failed = [check for check in holdout.checks if check.status == "failed"]
    number = plural(len(holdout.checks), "check")
    named = f"{count(len(failed))} of {number} on that period failed: {_shortly(failed)}."
    widest = holdout.coverage.isel(level=int(holdout.coverage["level"].to_numpy().argmax()))
    if bool(widest["total_inside"]):
        if failed:
            text = (
                f"The total number of {made} came true, and the list can be used in its order; be careful "
                f"with what rests on the checks of the hold-out period that failed.{remedy}"
            )
            yield Notice("look", "Some forecasts did not come true.", f"{text} {named}")
        return
    seen, low, high = (
        float(v) for v in (widest.attrs["total_observed"], widest["total_low"], widest["total_high"])
    )
    side = "low" if seen > high else "high"
    why = f" A season, a campaign or a trend, {unseen}, is a common reason."
    total = (
        f"Trust the order of the list more than the totals below, which are probably too {side}."
        f"{why}{remedy_of_total} In the hold-out period {count(seen)} {made} happened; the "
        f"{per_cent(float(widest['level']))} interval of the forecast was {between(low, high, count)}."
    )
    yield Notice(
        "failed", "The forecast missed the hold-out total.", f"{total} {named if failed else ''}".strip()
    )


def _shortly(failed: Sequence[Check]) -> str:
    """Name the first checks; the appendix has them all."""
    names = [check.name for check in failed[:_NAMED]]
    more = len(failed) - len(names)
    return sign(listing([*names, *([f"{count(more)} more (see the appendix)"] if more else [])]))


def _trials(study: Study) -> Iterator[Notice]:
    """Say which effects come from a trial that failed its checks."""
    for offer in () if study.plan is None else study.plan.offers:
        for effect in offer.effects.values():
            if isinstance(effect, Measured) and effect.trial.verdict == "failed":
                failed = [_said(check, "") for check in effect.trial.checks if check.status == "failed"]
                text = (
                    f"Do not act on the gain of the offer “{offer.name}”: its effect may be none. "
                    f"{plural(len(failed), 'check')} of the trial failed: {listing(failed)}."
                )
                yield Notice("failed", "The trial that measured an offer failed its checks.", text)


def _unlike(study: Study) -> Iterator[Notice]:
    found = [one.checks for one in study.evidence.posterior_checks]
    unlike = listing([check.name for one in found for check in one if check.status == "failed"])
    if unlike:
        made = events(study).events
        text = (
            f"Do not rely on what depends on these features, in which simulated {made} differ from the data: "
            f"{unlike} (see the appendix).{_follows(check for one in found for check in one)}"
        )
        yield Notice("look", "The model does not describe these customers in every respect.", text)


# Statistics of the most frequent buyers, and the beginning of the names of those of the largest amounts.
_TOP = (
    (
        "standard deviation of repeat purchases",
        "95th percentile of repeat purchases",
        "most repeat purchases",
    ),
    ("standard deviation of spend per purchase", "95th percentile of spend per purchase"),
)
_WHO = ("the most frequent buyers", "customers who pay much at a time")


def _follows(checks: Iterable[Check]) -> str:
    """Say what follows for single forecasts where the simulated customers at the top are too few or many."""
    sides: dict[str, set[bool]] = {}
    for check in checks:
        for who, names in zip(_WHO, _TOP, strict=True):
            if check.status == "failed" and check.name.startswith(names) and check.interval is not None:
                assert check.value is not None
                sides.setdefault(who, set()).add(check.value > check.interval.high)
    said = []
    for who, found in sides.items():
        if len(found) == 1:
            above = True in found
            said.append(
                f" In the model {who} are {'rarer' if above else 'more frequent'} than in the data, so "
                f"single forecasts for them, at the top of the list, may be too {'low' if above else 'high'}."
            )
    return "".join(said)
