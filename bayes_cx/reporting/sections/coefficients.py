"""How customers differ: the effects of covariates and groups, in words."""

import numpy as np

from bayes_cx.inference import Posterior
from bayes_cx.inference.coefficients import effects, what_differs
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
        Section(fit.model.name, (Text((*effects(fit).in_short(), *_neighbours(fit)), "bullets"),))
        for fit in study.fits
        if not fit.layout.design.is_constant
    )
    return Section("How customers differ", (*parts, Text((_NOTE,), "note"))) if parts else None


def _neighbours(fit: Posterior) -> tuple[str, ...]:
    """Return how much groups in an order are like those before them, in words."""
    lines = []
    for name in fit.model.priors:
        for pool in fit.layout.pools(name):
            if pool.ordered:
                draws = fit.draws["posterior"][pool.memory].to_numpy()
                low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
                lines.append(
                    f"From one {pool.columns[0]} to the next, {what_differs(fit, name)} has a correlation of "
                    f"{middle:.2f} ({low:.2f} to {high:.2f}): at 0 their order says nothing, towards 1 it "
                    "moves smoothly."
                )
    return tuple(lines)
