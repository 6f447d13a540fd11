"""Whether each fit can be trusted."""

from dataclasses import replace

from bayes_cx.checks import Check
from bayes_cx.page import Section
from bayes_cx.page.check_table import checks_table
from bayes_cx.study import Study

__all__ = ["section"]

_NONE = Check("checks of the fit", None, "–", "not_run")


def section(study: Study) -> Section | None:
    """Return the checks of every fit; one without checks says so."""
    checks = [
        replace(check, about=check.about or fit.model.name)
        for fit in study.fits
        for check in fit.checks or (_NONE,)
    ]
    return Section("Quality of the fit", (checks_table(checks, about="Model"),))
