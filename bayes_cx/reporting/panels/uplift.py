"""A posterior of uplift: what each treatment changes, how much that differs, and for whom."""

import numpy as np

from bayes_cx.checks import in_words
from bayes_cx.inference import UpliftPosterior
from bayes_cx.page import Block, Number, Text
from bayes_cx.page.check_table import checks_table
from bayes_cx.page.sketches import density
from bayes_cx.page.words import chance, count, measured, plural
from bayes_cx.reporting.panels.shared import check_badges, folded, interval, mapping, panel, table, warning
from bayes_cx.scoring import average_effects

__all__ = ["blocks", "effects_by_arm", "strongest"]

_MOST = 12


def blocks(posterior: UpliftPosterior) -> tuple[Block, ...]:
    """Return effects by treatment; for whom they differ most, folded."""
    made, checks, name = posterior.provenance, posterior.checks, posterior.model.name
    return panel(
        f"Uplift of {posterior.outcome}, against {posterior.control}",
        [
            f"{count(posterior.n_customers)} customers",
            f"{made['method']}, {plural(posterior.n_draws, 'draw')}",
            f"{made['seconds']:.1f} s",
        ],
        check_badges(checks, name),
        warning(checks, name),
        effects_by_arm(posterior),
        folded("for whom effects differ most", strongest(posterior)),
        folded(f"checks: {in_words(checks)}", checks_table(checks, within=name)),
        folded("what it cannot see", Text(posterior.model.limits, "bullets")),
        folded(
            "data and provenance", mapping({key: made[key] for key in ("seed", "scales", "shapes", "data")})
        ),
    )


def effects_by_arm(posterior: UpliftPosterior) -> Block | None:
    """Return one row a treatment: the average effect and its spread between customers."""
    found = average_effects(posterior)
    draws = posterior.coefficients()["effect"]
    rows = []
    for k, arm in enumerate(found["arm"].to_numpy()):
        one = {str(key): float(value[k]) for key, value in found.data_vars.items()}
        rows.append(
            (
                str(arm),
                Number(measured(one["effect"]), one["effect"]),
                interval(one["effect_low"], one["effect_high"]),
                density(draws[:, k]),
                chance(one["p_positive"]),
                interval(one["spread_low"], one["spread_high"]),
            )
        )
    heads = (
        "treatment",
        "average effect",
        "95% interval",
        "posterior",
        "above zero",
        "spread between customers",
    )
    return table(heads, rows, "effects of treatments")


def strongest(posterior: UpliftPosterior, most: int = _MOST) -> Block | None:
    """Return the levels at which effects differ most from the average, by means over standard deviations."""
    draws = posterior.coefficients()["interaction"]
    mean, sd = draws.mean(axis=0), draws.std(axis=0)
    order = np.argsort(-np.abs(mean / np.maximum(sd, 1e-300)), axis=None)[:most]
    names, arms = posterior.terms.names, posterior.arms
    rows = []
    for k, j in zip(*np.unravel_index(order, mean.shape), strict=True):
        value = float(mean[k, j])
        ends = np.quantile(draws[:, k, j], [0.025, 0.975])
        rows.append((arms[k], names[j], Number(measured(value), value), interval(*ends)))
    unit = "log odds" if posterior.family == "bernoulli" else posterior.outcome
    return table(
        ("treatment", "customers", f"effect against the average ({unit})", "95% interval"), rows, "for whom"
    )
