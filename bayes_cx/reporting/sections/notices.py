"""The warnings, before anything else: what failed, what was not checked, what was forecast wrongly."""

from collections.abc import Iterator

from bayes_cx.checks import Check
from bayes_cx.inference import Posterior
from bayes_cx.page import Notice, Section
from bayes_cx.page.words import count, listing, per_cent, plural, sign
from bayes_cx.reporting.sections.selection import matters
from bayes_cx.reporting.studied import events
from bayes_cx.study import Study
from bayes_cx.validation import Holdout

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return the warnings at the top of page one, or nothing where there are none."""
    found = (
        *(notice for fit in study.fits for notice in _fit(fit)),
        *_holdout(study),
        *_unlike(study),
        *matters(study),
    )
    return Section("", found) if found else None


def _fit(fit: Posterior) -> Iterator[Notice]:
    name = fit.model.name
    if fit.verdict == "failed":
        failed = [_said(check, name) for check in fit.checks if check.status == "failed"]
        text = (
            f"{plural(len(failed), 'check')} of the {name} fit failed: {listing(failed)}. The numbers below "
            "may be wrong; do not act on them until the fit passes its checks."
        )
        yield Notice("failed", "The fit failed its checks.", text)
    elif fit.verdict == "not_run":
        skipped = [check.named(name) for check in fit.checks if check.status == "not_run"]
        what = f"not run: {listing(skipped)}" if skipped else "no check was run"
        text = f"{name}: {what}. Whether the numbers below can be trusted is not known."
        yield Notice("not_run", "The fit was not fully checked.", text)


def _said(check: Check, within: str) -> str:
    value = "" if check.value is None else f" is {check.value:.4g}, should be {sign(check.target)}"
    return f"{sign(check.named(within))}{value}"


def _holdout(study: Study) -> Iterator[Notice]:
    made, evidence = events(study).events, study.evidence
    if evidence.holdout is not None:
        yield from _missed(evidence.holdout, made)
        return
    why = f": {sign(evidence.holdout_note)}" if evidence.holdout_note else ""
    text = (
        f"The forecasts were not compared with {made} that the model had not seen{why}. How well they "
        "predict these customers is unknown."
    )
    yield Notice("not_run", "The forecasts were not tested.", text)


def _missed(holdout: Holdout, made: str) -> Iterator[Notice]:
    """Say which forecasts did not come true, and in which direction the total missed."""
    failed = [check for check in holdout.checks if check.status == "failed"]
    named = sign(listing([check.name for check in failed]))
    number = plural(len(holdout.checks), "check")
    text = f"{count(len(failed))} of {number} on the hold-out period failed: {named}." if failed else ""
    widest = holdout.coverage.isel(level=int(holdout.coverage["level"].to_numpy().argmax()))
    if bool(widest["total_inside"]):
        if failed:
            yield Notice("look", "Some forecasts did not come true.", text)
        return
    seen, low, high = (
        float(v) for v in (widest.attrs["total_observed"], widest["total_low"], widest["total_high"])
    )
    total = (
        f"In the hold-out period, which the model had not seen, {count(seen)} {made} happened; the "
        f"{per_cent(float(widest['level']))} interval of the forecast was {count(low)} to {count(high)}. "
        f"Expect the totals below to be too {'low' if seen > high else 'high'}."
    )
    yield Notice("failed", "The forecast missed the hold-out total.", f"{total} {text}".strip())


def _unlike(study: Study) -> Iterator[Notice]:
    found = [check for one in study.evidence.posterior_checks for check in one.checks]
    unlike = listing([check.name for check in found if check.status == "failed"])
    if unlike:
        made = events(study).events
        text = f"Simulated {made} differ from those in the data by: {unlike} (see the appendix)."
        yield Notice("look", "The model does not describe these customers in every respect.", text)
