"""The warnings, before anything else: what failed, what was not checked, which forecasts were wrong."""

import numpy as np

from bayes_cx.journey_study import JourneyStudy
from bayes_cx.page import Notice, Section
from bayes_cx.page.words import count, listing, per_cent, plural, sign

__all__ = ["section"]

# Fewer journeys than these say little, and so few events without a state are no reason for a warning.
_FEW, _UNMAPPED = 100, 0.05


def section(study: JourneyStudy) -> Section | None:
    """Return warnings in the order of how much they matter; None where there are none."""
    found = [*_fit(study), *_forecasts(study), *_data(study)]
    return Section("", tuple(found)) if found else None


def _fit(study: JourneyStudy) -> list[Notice]:
    bad = [check for check in study.posterior.checks if check.status != "passed"]
    if not bad:
        return []
    names = listing([f"{check.name} ({check.note})" for check in bad])
    return [Notice("failed", "The fit did not pass its checks.", f"Intervals may be wrong: {names}.")]


def _forecasts(study: JourneyStudy) -> list[Notice]:
    if study.holdout is None:
        return [
            Notice(
                "not_run",
                "The forecasts were not tested.",
                f"There is no hold-out: {study.holdout_note or 'none was made'}.",
            )
        ]
    failed = [check for check in study.holdout.checks if check.status == "failed"]
    if not failed:
        return []
    said = []
    for check in failed:
        value = "none" if check.value is None else f"{check.value:.3g}"
        said.append(f"{check.name}: {value}, where {sign(check.target)} was forecast")
    text = "; ".join(said)
    return [Notice("failed", "Forecasts did not come true.", f"{text[0].upper()}{text[1:]}.")]


def _data(study: JourneyStudy) -> list[Notice]:
    found = []
    if study.journeys < _FEW:
        text = f"There are only {plural(study.journeys, 'journey')}; intervals are wide."
        found.append(Notice("look", "Few journeys.", text))
    lost = int(np.sum(study.events.unmapped["n"].to_numpy()))
    if lost > _UNMAPPED * study.events.rows_accepted:
        share = per_cent(lost / study.events.rows_accepted)
        text = f"{count(lost)} events ({share}) have no state in the taxonomy and are no part of this report."
        found.append(Notice("look", "Many events have no state.", text))
    return found
