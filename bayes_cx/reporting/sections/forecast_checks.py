"""Single numbers about the forecasts of the hold-out."""

from dataclasses import replace

from bayes_cx.page import Section
from bayes_cx.page.check_table import checks_table, false_alarms
from bayes_cx.study import Study

__all__ = ["section"]


def section(study: Study) -> Section | None:
    """Return the checks on the hold-out, with notes where one did not pass; nothing without a hold-out."""
    if study.evidence.holdout is None:
        return None
    checks = study.evidence.holdout.checks
    noted = [replace(check, note="") if check.status == "passed" else check for check in checks]
    table = checks_table(noted, name="Check on the hold-out", note=false_alarms(checks))
    return Section("Quality of the forecasts", (table,))
