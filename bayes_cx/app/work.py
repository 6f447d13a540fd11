"""The steps that commands have in common: fit, check, value, offer.

The public names are reached through `bayes_cx` when a step runs, so that a command loads only what it uses.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import bayes_cx as bcx
from bayes_cx.app.action_plan import next_actions
from bayes_cx.app.designs import design_of
from bayes_cx.app.measured import response_of
from bayes_cx.app.rerun import recorded
from bayes_cx.app.settings import Compute, Settings
from bayes_cx.errors import FitError, InputError

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from bayes_cx.inference.methods import Method
    from bayes_cx.model import Model

    # What purchases are worth: a model of spend, one number for all or one a customer, or nothing.
    type Spend = bcx.Posterior | float | np.ndarray | None

__all__ = [
    "ahead",
    "check_data",
    "fit_coarsely",
    "fit_model",
    "insist",
    "method_of",
    "newcomers_of",
    "offers",
    "plan_of",
    "run_of",
    "spend_of",
]

# Without a given cost an offer costs this share of an average purchase, as a usual voucher does.
SHARE_OF_PURCHASE = 0.10
# The shift by coarsening is a covariance over so many draws, each of which asks all rows.
SHIFT_DRAWS = 100
# The default horizon by the unit of time, for models that count whole periods.
PERIODS = {
    "year": "5 years",
    "month": "12 months",
    "week": "52 weeks",
    "day": "365 days",
    "hour": "8766 hours",
}


def fit_model(
    model: "Model",
    stats: "xr.Dataset",
    compute: Compute,
    progress: bool = False,
    *,
    first_part: bool = False,
) -> "bcx.Posterior":
    """Fit one model as the settings say, with a progress bar or without.

    How customers differ is what the settings say; see `design_of`. Of a `first_part` of the data, as in a
    hold-out test, columns by date that do not vary in it are left out.

    Raises
    ------
    FitError
        If ``compute.strict`` and the fit did not pass its checks.
    """
    posterior = bcx.fit(
        model,
        stats,
        design=design_of(model, stats, compute, first_part=first_part),
        method=method_of(compute),
        seed=compute.seed,
        progress=progress,
    )
    return insist(posterior) if compute.strict else posterior


def method_of(compute: Compute) -> "Method | Literal['auto']":
    """Return the method of inference that the settings name."""
    return {"auto": "auto", "nuts": bcx.NUTS(), "laplace": bcx.Laplace()}[compute.method]


def fit_coarsely(
    model: "Model",
    stats: "xr.Dataset",
    compute: Compute,
    within: str | None,
    spend: float | None,
    progress: bool = False,
) -> "bcx.Posterior":
    """Fit one model to coarsened statistics, with a check of what that changes; or to all, without widths.

    Raises
    ------
    FitError
        If ``compute.strict`` and the fit did not pass its checks.
    """
    if within is None and spend is None:
        return fit_model(model, stats, compute, progress)
    if (design := design_of(model, stats, compute)).has_clock:
        other = "--calendar" if design.calendar else "contacts"
        raise InputError(
            f"both {'--coarsen' if within is not None else '--coarsen-spend'} and {other}",
            "one of the two: what coarser data change cannot be measured where rates change over time",
            "leave one of them out",
        )
    on = [*model.statistics, *design_of(model, stats, compute).columns]
    lenient = replace(compute, strict=False)
    posterior = fit_model(model, bcx.coarsen(stats, within, on, spend=spend), lenient, progress)
    shift = bcx.validation.coarsening_shift(posterior, stats, draws=SHIFT_DRAWS)
    posterior = posterior.with_checks(shift)
    return insist(posterior) if compute.strict else posterior


def insist(posterior: "bcx.Posterior") -> "bcx.Posterior":
    """Return the posterior if its fit passed its checks.

    Raises
    ------
    FitError
        If it did not.
    """
    if posterior.verdict != "passed":
        within = posterior.model.name
        names = ", ".join(check.named(within) for check in posterior.checks if check.status != "passed")
        raise FitError(
            f"the fit of {posterior.model.name} did not pass: {names}",
            "every check passed",
            _advice(posterior),
        )
    return posterior


def _advice(posterior: "bcx.Posterior") -> str:
    """Return what to do about a fit that did not pass its checks."""
    failed = [check.name for check in posterior.checks if check.status != "passed"]
    if all(name.startswith("shift by coarsening") for name in failed):
        return "coarsen less"
    if posterior.layout.design.calendar:  # which NUTS does not sample
        groups = ", or without --pool" if posterior.layout.design.group_columns else ""
        return f"try it without --calendar and --season{groups}, or with more data"
    return "try more data" if posterior.provenance.method == "NUTS" else "try --method nuts or more data"


def spend_of(stats: "xr.Dataset", compute: Compute, model: "Model | None", progress: bool = False) -> "Spend":
    """Return what purchases are worth: a fit of the amounts, a worth from the settings, or None.

    Contracts have amounts of their own, one a customer. `model` is that of spend, where there are amounts.

    Raises
    ------
    InputError
        If there are amounts and the settings have a worth as well.
    """
    if "spend" not in stats and "amount" not in stats:
        return compute.worth
    if compute.worth is not None:
        raise InputError("both --worth and amounts", "one of the two", "leave out --worth")
    if "amount" in stats:
        return bcx.expand(stats)["amount"].to_numpy()
    assert model is not None
    return fit_model(model, stats, compute, progress)


def check_data(fits: "Sequence[bcx.Posterior]", stats: "xr.Dataset", settings: Settings) -> "bcx.Evidence":
    """Return predictive checks from prior and posterior, and the sensitivity to the priors, of each fit."""
    seed = settings.compute.seed
    sensitivity = [check for fit in fits for check in bcx.validation.prior_sensitivity(fit)]
    for fit in fits:
        if fit.layout.design.calendar:
            sensitivity += bcx.validation.total_sensitivity(fit, bcx.expand(stats), ahead(settings, fit))
    return bcx.Evidence(
        posterior_checks=tuple(bcx.validation.predictive_check(fit, stats, seed=seed) for fit in fits),
        prior_checks=tuple(
            bcx.validation.prior_predictive_check(fit.model, stats, seed=seed) for fit in fits
        ),
        sensitivity=tuple(sensitivity),
    )


def run_of(settings: Settings, command: str) -> "bcx.RunProvenance":
    """Return the provenance of a run from its settings, with the time printed on its output."""
    return bcx.RunProvenance(
        title=settings.write.title or "",
        organisation=settings.write.organisation,
        currency=settings.write.currency,
        command=command,
        timestamp=settings.write.stamp(),
        settings=recorded(settings),
    )


def ahead(settings: Settings, posterior: "bcx.Posterior") -> str:
    """Return the horizon of the settings, or the default."""
    if settings.compute.horizon is not None:
        return settings.compute.horizon
    return PERIODS[posterior.provenance.data.unit] if posterior.model.kind.discrete else PERIODS["week"]


def plan_of(
    purchases: "bcx.Posterior",
    spend: "Spend",
    stats: "xr.Dataset",
    settings: Settings,
    *,
    brief: bool = False,
    refusing: Sequence[object] = (),
) -> "bcx.Plan":
    """Return the plan for the value, offers and limits of the settings, with simulated futures or `brief`.

    Of several actions nobody among the customers `refusing` gets one that contacts.
    """
    value = _value_of(purchases, spend, stats, settings)
    if settings.several.actions:
        return bcx.prioritise(
            value,
            next_actions(value, settings, refusing),
            max_loss_chance=settings.offer.max_loss_chance,
            seed=settings.compute.seed,
            futures=not brief,
        )
    return bcx.prioritise(
        value,
        offers(settings, stats, spend),
        budget=settings.offer.budget,
        capacity=settings.offer.capacity,
        max_loss_chance=settings.offer.max_loss_chance,
        seed=settings.compute.seed,
        futures=not brief,
    )


def _value_of(
    purchases: "bcx.Posterior", spend: "Spend", stats: "xr.Dataset", settings: Settings
) -> "bcx.LifetimeValue":
    """Return the value of customers as the settings say."""
    return bcx.lifetime_value(
        purchases,
        spend,
        bcx.expand(stats),
        horizon=ahead(settings, purchases),
        discount_rate=settings.compute.discount_rate,
        margin=settings.compute.margin,
        draws=settings.compute.draws,
    )


def newcomers_of(
    purchases: "bcx.Posterior", spend: "Spend", stats: "xr.Dataset", settings: Settings
) -> "bcx.NextCohort | None":
    """Return what customers won next are expected to do; None where the fit has no cohorts in an order."""
    from bayes_cx.data.cohorts import COHORT

    design = purchases.layout.design
    # Of other groups that are pooled nobody says that they have an order.
    pooled = settings.read.cohort is not None and COHORT in design.group_columns
    if design.has_clock or not (design.ordered or pooled):
        return None
    return bcx.next_cohort(_value_of(purchases, spend, stats, settings), seed=settings.compute.seed)


def offers(settings: Settings, stats: "xr.Dataset", spend: "Spend") -> tuple["bcx.Offer", ...]:
    """Return the offers of the settings, or one by default that costs a share of an average purchase."""
    if settings.offer.offers:
        return tuple(
            bcx.Offer(
                o.name,
                o.cost,
                win_back=bcx.Beta(*o.win_back),
                keep=bcx.Beta(*o.keep),
                charged=o.charged,
                half_life=o.half_life,
                response=None if o.response is None else response_of(o.response, settings),
            )
            for o in settings.offer.offers
        )
    cost = settings.offer.cost
    if cost is None:
        each = 1.0 if spend is None else spend
        if isinstance(each, bcx.Posterior):
            spent = float(stats["first_spend"].sum() + stats["spend_sum"].sum())
            each = spent / int(stats.sizes["customer"] + stats["x"].sum())
        elif not isinstance(each, float | int):
            each = float(each.mean())
        cost = float(f"{SHARE_OF_PURCHASE * each:.2g}")
    return (bcx.Offer("voucher", cost),)
