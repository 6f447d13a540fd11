"""A posterior: parameters with densities; checks, priors and provenance folded."""

import numpy as np

from bayes_cx.checks import in_words
from bayes_cx.inference import Posterior
from bayes_cx.inference.coefficients import effects
from bayes_cx.page import Block, Cell, Number, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.sketches import density
from bayes_cx.page.words import count, measured, plural
from bayes_cx.reporting.panels.coefficients import effects_table
from bayes_cx.reporting.panels.shared import check_badges, folded, interval, mapping, panel, table, warning
from bayes_cx.scoring import effects_of_contacts

__all__ = ["blocks"]


def blocks(posterior: Posterior) -> tuple[Block, ...]:
    """Return the parameters of a posterior; a point estimate has no intervals."""
    model, made = posterior.model, posterior.provenance
    checks, name = posterior.checks, model.name
    sampled, constant = posterior.n_draws > 1, posterior.layout.design.is_constant
    rows: list[tuple[Cell, ...]] = []
    for letter, draws in posterior.parameters().items():
        mean, meaning = float(np.mean(draws)), model.params[letter].meaning
        shown = (interval(*np.quantile(draws, [0.025, 0.975])), density(draws)) if sampled else ()
        rows.append((letter, Number(measured(mean), mean), *shown, meaning))
    more = ("95% interval", "posterior") if sampled else ()
    heads = ("parameter", "mean" if sampled else "estimate", *more, "what it is")
    priors = [(key, prior.text, prior.meaning, prior.reason) for key, prior in posterior.priors.items()]
    return panel(
        f"{name} posterior",
        [
            f"{count(made.n_customers)} customers",
            f"until {made.data.until}" if made.data.until else "",
            f"time in {made.data.unit}s",
            f"{made.method}, {plural(posterior.n_draws, 'draw')}",
            f"{made.seconds:.1f} s",
        ],
        check_badges(checks, name),
        warning(checks, name),
        table(heads, rows, "parameters"),
        None if constant else folded("how customers differ", effects_table(effects(posterior))),
        Text(tuple(map(str, effects_of_contacts(posterior)["sentence"].to_numpy())), "bullets")
        if posterior.layout.contacts
        else None,
        folded(f"checks: {in_words(checks)}", checks_table(checks, within=name) if checks else None),
        folded("priors and why", table(("quantity", "prior", "what it is", "why"), priors, "priors")),
        folded("the model in words", Text((posterior.story, *posterior.limits), "bullets")),
        folded("data and provenance", mapping(made.as_dict())),
    )
