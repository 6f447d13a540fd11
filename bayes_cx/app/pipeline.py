"""The whole way in one command: transactions in; report, card and tables out.

As in `work`, the libraries for fitting load only when there is something to fit: bad input is told at once.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import bayes_cx as bcx
from bayes_cx.app.config import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import write_table
from bayes_cx.app.work import card_of, compare, fit_model, hide, plan_of, read, summarise, write_rejected
from bayes_cx.errors import BayesCxError, InputError
from bayes_cx.files import atomic_folder

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.data import Transactions
    from bayes_cx.decision import Plan
    from bayes_cx.inference import Posterior
    from bayes_cx.reporting import ModelCard, Report
    from bayes_cx.validation import Holdout, PredictiveCheck

__all__ = ["Result", "report"]

# The models under test see this share of the observed time, unless the user names a day.
SHARE_OF_TIME = 2 / 3


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes
    ----------
    stats : xarray.Dataset
        Statistics of all customers, under pseudonyms if that was asked for.
    purchases, spend : Posterior
    plan : Plan
    evidence : Holdout or None
        None if there was no test on held-out time.
    why_not : str
        The reason for that.
    cards : tuple of ModelCard
        Of purchases and of spend.
    compared : tuple of pairs of PredictiveCheck
        The same two models compared with their own data, after and before they have seen them.
    """

    stats: "xr.Dataset"
    purchases: "Posterior"
    spend: "Posterior"
    plan: "Plan"
    evidence: "Holdout | None"
    why_not: str
    cards: "tuple[ModelCard, ModelCard]"
    compared: "tuple[tuple[PredictiveCheck, PredictiveCheck], ...]"


def report(settings: Settings, command: str) -> "Report":
    """Do every step and, at the end, move all files into ``settings.out``.

    Parameters
    ----------
    settings : Settings
    command : str
        What does the same again; it is printed.

    Raises
    ------
    InputError
        If something that is needed is not given or cannot be used.
    FitError
        If ``settings.strict`` and a fit did not pass its checks.
    """
    if settings.out is None:
        raise InputError("no folder for the output", "a folder", "pass --out FOLDER")
    # A key that is missing shall not be noticed after the work.
    settings.key()
    steps = Steps(total=7)
    with atomic_folder(settings.out) as folder:
        with steps.step("Read transactions") as step:
            transactions = read(settings)
            step.says = f"{transactions.rows_read:,} rows of {transactions.source}"
        if not transactions.has_amount:
            raise InputError("the transactions have no amounts", "what was paid", "pass --amount COLUMN")
        stats = summarise(transactions, settings, steps)
        write_rejected(transactions, stats, settings, folder / "rejected.csv")
        result = _compute(transactions, stats, settings, command, steps)
        with steps.step("Write report, card and tables"):
            written = _write(folder, result, settings, command)
    # The short list of an earlier run, perhaps with ids in the clear, would pass for a part of this one.
    for old in Path(settings.out).glob("priority_top*.csv"):
        if old.name != f"priority_top{settings.top}.csv":
            old.unlink()
    return written


def _compute(
    transactions: "Transactions", stats: "xr.Dataset", settings: Settings, command: str, steps: Steps
) -> Result:
    with steps.step("Fit purchases and spend", bars=True) as step:
        fits = _fit(stats, settings, steps.bars)
        step.says = ", ".join(f"{fit.model.name} {fit.verdict.replace('_', ' ')}" for fit in fits)
    with steps.step("Choose whom to contact") as step:
        plan = plan_of(*fits, stats, settings)
        step.says = f"{plan.n_contacted:,} customers"
    if not settings.offers and settings.cost is None:
        steps.note(
            f"assumed an offer that costs {plan.offers[0].cost:g}, a tenth of an average purchase; see --cost"
        )
    with steps.step("Test on held-out time", bars=settings.holdout) as step:
        evidence, said = _evidence(transactions, stats, settings, steps.bars)
        step.says = said if evidence is not None else f"not run ({said})"
    with steps.step("Compare the models with their own data") as step:
        compared = tuple(compare(fit, stats, settings) for fit in fits)
        cards = (
            card_of(fits[0], stats, settings, command, evidence, compared[0]),
            card_of(fits[1], stats, settings, command, compared=compared[1]),
        )
        verdicts = (f"{card.model.name} {card.verdict.replace('_', ' ')}" for card in cards)
        step.says = f"verdict of the cards {', '.join(verdicts)}"
    return Result(stats, *fits, plan, evidence, "" if evidence is not None else said, cards, compared)


def _fit(stats: "xr.Dataset", settings: Settings, progress: bool) -> "tuple[Posterior, Posterior]":
    purchases, spend = bcx.models.find(settings.model), bcx.models.GAMMA_GAMMA
    return fit_model(purchases, stats, settings, progress), fit_model(spend, stats, settings, progress)


def _evidence(
    transactions: "Transactions", stats: "xr.Dataset", settings: Settings, progress: bool
) -> "tuple[Holdout | None, str]":
    """Fit again on the past and compare with what came later; say how that went, or why it did not."""
    if not settings.holdout:
        return None, "it was not asked for"
    first, last = (date.fromisoformat(stats.attrs[name][:10]) for name in ("period_start", "until"))
    cut = settings.holdout_from or first + timedelta(days=int((last - first).days * SHARE_OF_TIME))
    try:
        parts = bcx.split(transactions, cut, stats.attrs["until"], settings.unit)
        key = settings.key()
        parts = replace(parts, calibration=hide(parts.calibration, key), holdout=hide(parts.holdout, key))
        fits = _fit(parts.calibration, settings, progress)
        found = bcx.validation.holdout(*fits, parts, seed=settings.seed)
    except BayesCxError as error:
        # A day that the user named must work; without one, data that are too short only lack the evidence.
        if settings.holdout_from is not None or settings.strict:
            raise
        return None, error.came
    return found, f"fitted until {cut}, judged until {last}"


def _write(folder: Path, result: Result, settings: Settings, command: str) -> "Report":
    stamp = settings.stamp()
    named = {"title": settings.title} if settings.title else {}
    made = bcx.report(
        result.plan,
        purchases=result.purchases,
        spend=result.spend,
        stats=result.stats,
        holdout=result.evidence,
        holdout_note=result.why_not,
        posterior_checks=[after for after, _ in result.compared],
        prior_checks=[before for _, before in result.compared],
        organisation=settings.organisation,
        currency=settings.currency,
        timestamp=stamp,
        command=command,
        **named,
    )
    made.to_pdf(folder / "retention.pdf")
    for card, place in zip(result.cards, (folder, folder / "spend"), strict=True):
        card.write(place)
    table = result.plan.table()
    write_table(table, folder / "priority.csv")
    write_table(table, folder / "priority.parquet")
    write_table(table.head(settings.top), folder / f"priority_top{settings.top}.csv")
    record = {
        "command": command,
        "timestamp": stamp.isoformat(),
        "settings": settings.told(),
        "offers": [asdict(offer) for offer in result.plan.offers],
        "purchases": _told(result.purchases),
        "spend": _told(result.spend),
    }
    (folder / "run.json").write_text(
        json.dumps(record, indent=1, sort_keys=True, default=str) + "\n", encoding="utf-8"
    )
    return made


def _told(posterior: "Posterior") -> dict[str, object]:
    """Return the provenance without timings, which no second run repeats."""
    return {key: value for key, value in posterior.provenance.items() if key != "seconds"}
