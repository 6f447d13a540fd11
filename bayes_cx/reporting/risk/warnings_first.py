"""The warnings, before anything else: what failed, or was not checked; forecasts that did not come true."""

from bayes_cx.page import Notice, Section
from bayes_cx.page.words import listing, plural, sign
from bayes_cx.risk_study import RiskStudy

__all__ = ["section"]

_FEW = 50


def section(study: RiskStudy) -> Section | None:
    """Return warnings in the order of how much they matter; None where there are none."""
    found = []
    bad = [check for check in study.posterior.checks if check.status != "passed"]
    if bad:
        names = listing([f"{check.name} of {check.about}" for check in bad])
        found.append(
            Notice("failed", "The fit did not pass its checks.", f"Intervals may be wrong: {names}.")
        )
    if study.holdout is None:
        text = f"There is no hold-out: {study.holdout_note or 'none was made'}."
        found.append(Notice("not_run", "The forecasts were not tested.", text))
    elif failed := [check for check in study.holdout.checks if check.status == "failed"]:
        said = [f"{check.name}: {check.value:g}, where {sign(check.target)} was forecast" for check in failed]
        text = "; ".join(said)
        found.append(Notice("failed", "Forecasts did not come true.", f"{text[0].upper()}{text[1:]}."))
    events = int(study.posterior.draws["observed_data"]["events"].to_numpy().sum())
    if events < _FEW:
        text = (
            f"The fit rests on {plural(events, 'event')}; chances of single customers differ little for it."
        )
        found.append(Notice("look", "Few events.", text))
    return Section("", tuple(found)) if found else None
