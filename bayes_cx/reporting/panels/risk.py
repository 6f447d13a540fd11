"""A posterior of risk: what goes with each event, as factors of its rate."""

import numpy as np

from bayes_cx.checks import in_words
from bayes_cx.inference import RiskPosterior
from bayes_cx.page import Block, Cell, Number, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.sketches import density
from bayes_cx.page.words import count, measured, per_cent, plural
from bayes_cx.reporting.panels.shared import check_badges, folded, interval, mapping, panel, table, warning
from bayes_cx.scoring.risk_effects import effects_on_risk
from bayes_cx.scoring.risk_words import size

__all__ = ["blocks"]

_MOST = 12


def blocks(posterior: RiskPosterior) -> tuple[Block, ...]:
    """Return the strongest effects on each event; checks, scales and provenance are folded."""
    made, checks, name = posterior.provenance, posterior.checks, posterior.model.name
    happened = posterior.draws["observed_data"]["events"].to_numpy()
    return panel(
        f"Risk of {' or '.join(posterior.causes)}",
        [
            f"{count(made['rows'])} different periods of {posterior.length:g} days",
            plural(int(happened.sum()), "event"),
            f"{made['method']}, {plural(posterior.n_draws, 'draw')}",
            f"{made['seconds']:.1f} s",
        ],
        check_badges(checks, name),
        warning(checks, name),
        *(_strongest(posterior, cause) for cause in posterior.causes),
        folded("how strong the effects of each family are", _scales(posterior)),
        folded(f"checks: {in_words(checks)}", checks_table(checks, within=name)),
        folded("what it cannot see", Text(posterior.model.limits, "bullets")),
        folded(
            "data and provenance", mapping({key: made[key] for key in ("seed", "pooled", "overlap", "data")})
        ),
    )


def _strongest(posterior: RiskPosterior, cause: str) -> Block | None:
    """Return one row an effect, those whose direction is surest first."""
    found = effects_on_risk(posterior, cause).head(_MOST)
    place, names = posterior.causes.index(cause), posterior.design.names
    rows: list[tuple[Cell, ...]] = []
    for one in found.to_dict("records"):
        at = names.index(one["feature"])
        drawn = posterior.beta[:, place, 1 + at]
        turned = np.sign(np.log(one["factor"]) * np.median(drawn))
        rows.append(
            (
                one["what"],
                one["step"],
                Number(measured(one["factor"]), one["factor"]),
                interval(one["low"], one["high"]),
                density(np.exp(turned * size(posterior.design.columns[at]) * drawn)),
                per_cent(one["sure"]),
            )
        )
    heads = ("what is known", "for", f"times the rate of {cause}", "90% interval", "posterior", "sure")
    return table(heads, rows, f"effects on {cause}")


def _scales(posterior: RiskPosterior) -> Block | None:
    drawn = posterior.draws["posterior"]["scale"].to_numpy()[0]
    rows = [
        (
            cause,
            family,
            Number(measured(float(own.mean())), float(own.mean())),
            interval(*np.quantile(own, [0.05, 0.95])),
        )
        for c, cause in enumerate(posterior.causes)
        for f, family in enumerate(posterior.design.families)
        for own in [drawn[:, c, f]]
    ]
    return table(("event", "family", "typical effect (log rate)", "90% interval"), rows, "scales of effects")
