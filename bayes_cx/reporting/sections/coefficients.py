"""How customers differ: the effects of covariates and groups, in words."""

from bayes_cx.inference.coefficients import effects
from bayes_cx.page import Section, Text
from bayes_cx.study import Study

__all__ = ["section"]

_NOTE = (
    "Each is what the parameter of an average customer is multiplied by, with a 90% interval. These are "
    "differences between customers, and not what an action would change: who came by another channel is "
    "another customer."
)


def section(study: Study) -> Section | None:
    """Return what the designs of the fits found; nothing where all customers share the same parameters."""
    parts = tuple(
        Section(fit.model.name, (Text(effects(fit).in_short(), "bullets"),))
        for fit in study.fits
        if not fit.layout.design.is_constant
    )
    return Section("How customers differ", (*parts, Text((_NOTE,), "note"))) if parts else None
