"""The steps that commands have in common: read, hide ids, fit, offer.

The public names are reached through `bayes_cx` when a step runs, so that a command loads only what it uses.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import bayes_cx as bcx
from bayes_cx.app.config import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.errors import FitError, InputError
from bayes_cx.privacy import pseudonym, pseudonyms

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.model import Model
    from bayes_cx.validation import Holdout, PredictiveCheck

__all__ = [
    "card_of",
    "compare",
    "fit_model",
    "hide",
    "offers",
    "plan_of",
    "read",
    "summarise",
    "write_rejected",
]

# An offer that nobody priced costs this share of an average purchase: a usual voucher, whatever the currency.
SHARE_OF_PURCHASE = 0.10


def read(settings: Settings) -> "bcx.Transactions":
    """Read the transactions that the settings name."""
    if settings.dataset is not None:
        return bcx.load_cdnow(sample=settings.dataset == "cdnow-sample")
    if settings.file is None:
        raise InputError("no transactions are named", "a file", "name one, or pass --dataset cdnow")
    if settings.customer is None or settings.time is None:
        name = "customer" if settings.customer is None else "time"
        raise InputError(f"--{name} is missing", f"the column with the {name}", f"pass --{name} COLUMN")
    return bcx.read_transactions(
        str(settings.file),
        customer=settings.customer,
        time=settings.time,
        amount=settings.amount,
        by=settings.by,
        time_format=settings.time_format,
        timezone=settings.timezone,
        returns=settings.returns,
        zero_amounts=settings.zero_amounts,
        query=settings.query,
    )


def summarise(transactions: "bcx.Transactions", settings: Settings, steps: Steps) -> "xr.Dataset":
    """Make the statistics, hide the ids if that is asked for, and say what was left out and why."""
    key = settings.key()
    with steps.step("Summarise customers") as step:
        stats = bcx.summarise(transactions, settings.until, settings.unit)
        stats = hide(stats, key)
        step.says = f"{stats.sizes['customer']:,} customers until {stats.attrs['until']}"
    for reason, rows in json.loads(stats.attrs["rejected"]).items():
        steps.note(f"{rows:,} {'row' if rows == 1 else 'rows'} rejected: {reason}")
    return stats


def write_rejected(
    transactions: "bcx.Transactions", stats: "xr.Dataset", settings: Settings, path: Path
) -> None:
    """Write the rows that were left out, with number and reason, as CSV.

    Under pseudonyms only the columns of the contract stay, because any other may name the customer too.
    """
    key = settings.key()
    hidden = None if key is None else lambda one: pseudonym(one, key)
    transactions.write_rejected(path, stats.attrs["until"], settings.unit, hidden)


def hide(stats: "xr.Dataset", key: str | None) -> "xr.Dataset":
    """Replace ids by pseudonyms if there is a key: whatever is made of the result never sees an id."""
    if key is None:
        return stats
    hidden = pseudonyms(stats["customer"].to_numpy().tolist(), key)
    # In another order than the ids, so that no list of customers can be laid beside it.
    return stats.assign_coords(customer=("customer", hidden)).sortby("customer")


def fit_model(
    model: "Model", stats: "xr.Dataset", settings: Settings, progress: bool = False
) -> "bcx.Posterior":
    """Fit one model as the settings say, with a progress bar or without.

    Raises
    ------
    FitError
        If ``settings.strict`` and the fit did not pass its checks.
    """
    methods = {"auto": "auto", "nuts": bcx.NUTS(), "laplace": bcx.Laplace()}
    posterior = bcx.fit(model, stats, method=methods[settings.method], seed=settings.seed, progress=progress)
    if settings.strict and posterior.verdict != "passed":
        names = ", ".join(check.name for check in posterior.checks if check.status != "passed")
        raise FitError(
            f"the fit of {model.name} did not pass: {names}",
            "every check passed",
            "try --method nuts or more data",
        )
    return posterior


def compare(
    posterior: "bcx.Posterior", stats: "xr.Dataset", settings: Settings
) -> "tuple[PredictiveCheck, PredictiveCheck]":
    """Compare the data with what a model makes, after it has seen them and before."""
    return (
        bcx.validation.predictive_check(posterior, stats, seed=settings.seed),
        bcx.validation.prior_predictive_check(posterior.model, stats, seed=settings.seed),
    )


def card_of(
    posterior: "bcx.Posterior",
    stats: "xr.Dataset",
    settings: Settings,
    command: str,
    evidence: "Holdout | None" = None,
    compared: "tuple[PredictiveCheck, PredictiveCheck] | None" = None,
) -> "bcx.ModelCard":
    """Fill the card of a model; `compared` is what `compare` returns, made here if it is not given."""
    after, before = compared or compare(posterior, stats, settings)
    return bcx.model_card(
        posterior,
        stats=stats,
        holdout=evidence,
        prior_check=before,
        posterior_check=after,
        sensitivity=bcx.validation.prior_sensitivity(posterior),
        owner=settings.organisation,
        command=command,
        timestamp=settings.stamp(),
    )


def plan_of(
    purchases: "bcx.Posterior", spend: "bcx.Posterior", stats: "xr.Dataset", settings: Settings
) -> "bcx.Plan":
    """Value customers and choose whom to contact, as the settings say."""
    value = bcx.lifetime_value(
        purchases,
        spend,
        stats,
        horizon=settings.horizon,
        discount_rate=settings.discount_rate,
        margin=settings.margin,
        draws=settings.draws,
    )
    return bcx.prioritise(
        value,
        offers(settings, stats),
        budget=settings.budget,
        capacity=settings.capacity,
        seed=settings.seed,
    )


def offers(settings: Settings, stats: "xr.Dataset") -> tuple["bcx.Offer", ...]:
    """Return the offers of the settings, or one by default that costs a share of an average purchase."""
    if settings.offers:
        return tuple(
            bcx.Offer(
                o.name, o.cost, win_back=bcx.Beta(*o.win_back), keep=bcx.Beta(*o.keep), charged=o.charged
            )
            for o in settings.offers
        )
    cost = settings.cost
    if cost is None:
        spent = float(stats["first_spend"].sum() + stats["spend_sum"].sum())
        purchases = int(stats.sizes["customer"] + stats["x"].sum())
        cost = float(f"{SHARE_OF_PURCHASE * spent / purchases:.2g}")
    return (bcx.Offer("voucher", cost),)
