"""The whole way in one command: transactions, statistics, posteriors, plan, evidence, report, card, tables."""

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import xarray as xr

import bayes_cx as bcx
from bayes_cx.app.config import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import write_table
from bayes_cx.app.work import fit_model, hide, offers, read, write_rejected
from bayes_cx.data import Transactions
from bayes_cx.decision import Plan
from bayes_cx.errors import BayesCxError, InputError
from bayes_cx.files import atomic_folder
from bayes_cx.inference import Posterior
from bayes_cx.models import BG_NBD, GAMMA_GAMMA
from bayes_cx.validation import Holdout, holdout, predictive_check, prior_predictive_check

__all__ = ["report"]

# The models under test see this share of the observed time, unless the user names a day.
SHARE_OF_TIME = 2 / 3


def report(settings: Settings) -> Plan:
    """Do every step and move all files into ``settings.out`` at the end.

    Raises
    ------
    InputError
        If something that is needed is not given or cannot be used.
    FitError
        If ``settings.strict`` and a fit did not pass its checks.
    """
    if settings.out is None:
        raise InputError("no folder for the output", "a folder", "pass --out FOLDER")
    key = settings.key()
    steps = Steps(total=7)
    with atomic_folder(settings.out) as folder:
        transactions = read(settings, steps)
        if not transactions.has_amount:
            raise InputError("the transactions have no amounts", "what was paid", "pass --amount COLUMN")
        write_rejected(transactions, folder / "rejected.csv", key)
        with steps.step("Summarise customers") as step:
            stats = hide(bcx.summarise(transactions, settings.until, settings.unit, settings.by), key)
            step.says = f"{stats.sizes['customer']:,} customers until {stats.attrs['until']}"
        with steps.step("Fit purchases and spend") as step:
            fits = _fit(stats, settings)
            step.says = fits.says()
        with steps.step("Value customers and choose whom to contact") as step:
            plan = _plan(fits, stats, settings)
            step.says = f"{plan.data.attrs['n_contacted']:,} customers to contact"
        with steps.step("Test the models on what came later") as step:
            evidence, step.says = _evidence(transactions, stats, settings, key)
        with steps.step("Check the models against their own data"):
            checks = {
                "prior_check": prior_predictive_check(BG_NBD, stats, seed=settings.seed),
                "posterior_check": predictive_check(fits.purchases, stats, seed=settings.seed),
            }
        with steps.step("Write report, card and tables"):
            _write(folder, settings, stats, fits, plan, evidence, checks)
    return plan


@dataclass(frozen=True)
class Fits:
    """The posteriors of purchases and of spend."""

    purchases: Posterior
    spend: Posterior

    def says(self) -> str:
        """Say how each fit went."""
        return ", ".join(
            f"{p.model.name} {p.verdict.replace('_', ' ')}" for p in (self.purchases, self.spend)
        )


def _fit(stats: xr.Dataset, settings: Settings) -> Fits:
    return Fits(fit_model(BG_NBD, stats, settings), fit_model(GAMMA_GAMMA, stats, settings))


def _plan(fits: Fits, stats: xr.Dataset, settings: Settings) -> Plan:
    value = bcx.lifetime_value(
        fits.purchases,
        fits.spend,
        stats,
        horizon=settings.horizon,
        discount_rate=settings.discount_rate,
        draws=settings.draws,
        seed=settings.seed,
    )
    return bcx.prioritise(value, offers(settings, stats), budget=settings.budget, capacity=settings.capacity)


def _evidence(
    transactions: Transactions, stats: xr.Dataset, settings: Settings, key: str | None
) -> tuple[Holdout | None, str]:
    """Fit again on the past and compare with what came later; say how it went, or why it did not."""
    if not settings.holdout:
        return None, "not asked for"
    last = date.fromisoformat(str(stats.attrs["until"])[:10])
    first = date.fromisoformat(str(stats.attrs["period_start"])[:10])
    start = settings.holdout_from or first + timedelta(days=int((last - first).days * SHARE_OF_TIME))
    try:
        parts = bcx.split(transactions, start, last, settings.unit, settings.by)
        parts = replace(parts, calibration=hide(parts.calibration, key), holdout=hide(parts.holdout, key))
        fits = _fit(parts.calibration, settings)
        found = holdout(fits.purchases, fits.spend, parts, seed=settings.seed)
    except BayesCxError as error:
        # A day that the user named must work; without one, data that are too short only lack the evidence.
        if settings.holdout_from is not None or settings.strict:
            raise
        return None, f"not run ({error.came})"
    return found, f"fitted to {start}, judged until {last}"


def _write(
    folder: Path,
    settings: Settings,
    stats: xr.Dataset,
    fits: Fits,
    plan: Plan,
    evidence: Holdout | None,
    checks: dict[str, Any],
) -> None: ...
