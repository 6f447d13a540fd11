"""The steps that commands have in common: read, hide ids, fit, offer.

The public names are reached through `bayes_cx` when a step runs, so that a command loads only what it uses.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import bayes_cx as bcx
from bayes_cx.app.config import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.errors import FitError, InputError
from bayes_cx.files import write_csv
from bayes_cx.privacy import pseudonym, pseudonyms

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.model import Model

__all__ = ["fit_model", "hide", "offers", "read", "write_rejected"]

# An offer that nobody priced costs this share of an average purchase: a usual voucher, whatever the currency.
SHARE_OF_PURCHASE = 0.10


def read(settings: Settings, steps: Steps) -> "bcx.Transactions":
    """Read the transactions that the settings name, and say how many rows were rejected and why."""
    with steps.step("Read transactions") as step:
        transactions = _read(settings)
        rejected = sum(transactions.rejected_by_reason.values())
        step.says = f"{transactions.rows_read:,} rows, {rejected:,} rejected"
    for reason, rows in transactions.rejected_by_reason.items():
        steps.note(f"rejected {rows:,}: {reason}")
    return transactions


def _read(settings: Settings) -> "bcx.Transactions":
    if settings.dataset is not None:
        return bcx.load_cdnow(sample=settings.dataset == "cdnow-sample")
    if settings.file is None:
        raise InputError("no transactions are named", "a file", "name one, or pass --dataset cdnow")
    if settings.customer is None or settings.time is None:
        name = "customer" if settings.customer is None else "time"
        raise InputError(f"--{name} is missing", f"the column with the {name}", f"pass --{name} COLUMN")
    return bcx.read_transactions(
        settings.file,
        customer=settings.customer,
        time=settings.time,
        amount=settings.amount,
        by=settings.by,
        time_format=settings.time_format,
        returns=settings.returns,
        table=settings.table,
        query=settings.query,
    )


def write_rejected(transactions: "bcx.Transactions", path: Path, key: str | None) -> None:
    """Write the rejected rows with their reasons as CSV, under pseudonyms if there is a key."""
    rows = transactions.rejected.df()
    if key is not None:
        rows["customer"] = rows["customer"].map(lambda one: pseudonym(one, key), na_action="ignore")
    write_csv(rows, path)


def hide(stats: "xr.Dataset", key: str | None) -> "xr.Dataset":
    """Replace ids by pseudonyms if there is a key: whatever is made of the result never sees an id."""
    if key is None:
        return stats
    hidden = pseudonyms(stats["customer"].to_numpy().tolist(), key)
    return stats.assign_coords(customer=("customer", hidden))


def fit_model(model: "Model", stats: "xr.Dataset", settings: Settings) -> "bcx.Posterior":
    """Fit one model as the settings say.

    Raises
    ------
    FitError
        If ``settings.strict`` and the fit did not pass its checks.
    """
    methods = {"auto": "auto", "nuts": bcx.NUTS(), "laplace": bcx.Laplace()}
    posterior = bcx.fit(model, stats, method=methods[settings.method], seed=settings.seed, progress=False)
    if settings.strict and posterior.verdict != "passed":
        names = ", ".join(check.name for check in posterior.checks if check.status != "passed")
        raise FitError(
            f"the fit of {model.name} did not pass: {names}",
            "every check passed",
            "try --method nuts or more data",
        )
    return posterior


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
