"""The command `bayes-cx trial`: from the results of a trial to its report, posterior and record."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx.app.folder import CARD, report_folder, write_record
from bayes_cx.app.settings import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.app.work import run_of
from bayes_cx.errors import FitError, InputError
from bayes_cx.files import atomic_path, few_digits
from bayes_cx.records import RECORD
from bayes_cx.reporting import Report

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["files_of", "planned", "run"]

_FILES = ("trial.pdf", "trial.html", "trial.json", "trial.nc", "rejected.csv", *CARD, RECORD)


def files_of(settings: Settings) -> list[Path]:
    """Return the files that the command may write.

    Raises
    ------
    InputError
        If no folder is named.
    """
    return [_folder(settings) / name for name in _FILES]


def run(settings: Settings, command: str) -> Report:
    """Read, fit and report a trial, and move all files into ``settings.write.out`` at the end.

    Raises
    ------
    InputError
        If a setting is missing or cannot be used.
    FitError
        If ``settings.compute.strict`` and the trial did not pass its checks.
    """
    target = _folder(settings)
    _needed(settings)
    steps = Steps(total=3)
    with report_folder(target, _FILES) as folder:
        with steps.step("Read the trial") as step:
            stats = _statistics(settings, folder / "rejected.csv")
            step.says = f"{int(stats['weight'].sum()):,} customers in {len({*stats['arm'].to_numpy()})} arms"
        for reason, n in json.loads(stats.attrs["rejected"]).items():
            steps.note(f"{n:,} {'row' if n == 1 else 'rows'} rejected: {reason}")
        for remark in json.loads(stats.attrs["remarks"]):
            steps.note(remark)
        with steps.step("Compare the arms") as step:
            posterior = bcx.fit(bcx.models.TRIAL, stats, seed=settings.compute.seed)
            step.says = f"checks {posterior.verdict.replace('_', ' ')}"
        if settings.compute.strict and posterior.verdict != "passed":
            failed = ", ".join(check.name for check in posterior.checks if check.status != "passed")
            raise FitError(
                f"the trial did not pass: {failed}",
                "every check passed",
                "look for what made the arms unlike",
            )
        with steps.step("Write report, posterior and record"):
            study = _study(settings, posterior, command)
            made = bcx.trial_report(study)
            made.to_pdf(folder / "trial.pdf")
            made.to_html(folder / "trial.html")
            bcx.model_card(study).write(folder)
            posterior.save(folder / "trial.nc")
            with atomic_path(folder / "trial.json") as part:
                part.write_text(json.dumps(few_digits(study.record()), indent=1) + "\n", encoding="utf-8")
            _record(folder, study, command)
    return made


def planned(control: float, effect: float, settings: Settings, **asked: Any) -> tuple[str, ...]:
    """Return how large a trial has to be and how long it takes, in sentences, and in money what it is worth.

    Raises
    ------
    InputError
        If a number is out of its range, or customers come without what an outcome is worth.
    """
    customers, worth = settings.trial.customers, settings.compute.worth
    if customers is not None and worth is None:
        raise InputError("--customers without --worth", "what one more outcome is worth", "pass --worth")
    if customers is None and (worth is not None or settings.offer.cost is not None):
        raise InputError(
            "--worth or --cost without --customers",
            "how many customers get the better arm afterwards",
            "pass --customers",
        )
    plan = bcx.plan_trial(
        control,
        effect,
        alpha=settings.trial.alpha,
        customers=customers,
        worth=1.0 if worth is None else worth,
        cost=settings.offer.cost or 0.0,
        seed=settings.compute.seed,
        **asked,
    )
    rest = () if customers is not None else ("What it is worth: pass --customers, --worth and --cost.",)
    return (*plan.sentences(settings.write.currency), *rest)


def _folder(settings: Settings) -> Path:
    if settings.write.out is None:
        raise InputError("no folder for the output", "a folder", "pass --out FOLDER")
    return settings.write.out


def _needed(settings: Settings) -> None:
    trial = settings.trial
    for name, given, what in (
        ("FILE", settings.read.file, "the table of the trial"),
        ("--arm", trial.arm, "the column with the arm"),
        ("--control", trial.control, "the arm to compare with"),
        ("--outcome or --purchases", trial.outcome or trial.purchases, "what customers did afterwards"),
    ):
        if not given:
            raise InputError(f"{name} is missing", what, f"pass {name}")
    if trial.outcome and trial.purchases:
        raise InputError("both --outcome and --purchases", "one of the two", "leave out one of them")
    if trial.purchases and not (settings.read.customer and settings.read.time):
        raise InputError(
            "--purchases without --customer and --time", "both columns", "pass --customer and --time"
        )


def _statistics(settings: Settings, rejected: Path) -> "xr.Dataset":
    read, trial = settings.read, settings.trial
    text = {"timezone": read.timezone, "decimal": read.decimal, "thousands": read.thousands}
    outcomes = trial.outcome
    if trial.purchases is not None:
        outcomes = bcx.read_transactions(
            trial.purchases,
            customer=str(read.customer),
            time=trial.bought_at or str(read.time),
            amount=read.amount,
            encoding=read.encoding,
            time_format=read.time_format,
            **text,
        )
    return bcx.summarise_trial(
        read.file,
        outcomes,
        arm=trial.arm,
        control=trial.control,
        customer=read.customer,
        time=read.time,
        by=read.by,
        measure=trial.measure,
        window=trial.window,
        before=trial.before,
        until=settings.compute.until,
        time_format=read.time_format,
        encoding=read.encoding,
        query=read.query,
        rejected=rejected,
        **text,
    )


def _study(settings: Settings, posterior: bcx.TrialPosterior, command: str) -> bcx.TrialStudy:
    trial = settings.trial
    if settings.compute.worth is not None and posterior.measure == "value":
        raise InputError("--worth of an outcome in money", "the share that is kept", "pass --margin instead")
    worth = settings.compute.margin
    if posterior.measure != "value":
        worth *= 1.0 if settings.compute.worth is None else settings.compute.worth
        if trial.customers is not None and settings.compute.worth is None:
            raise InputError("--customers without --worth", "what an outcome is worth", "pass --worth")
    return bcx.TrialStudy(
        posterior,
        customers=trial.customers,
        worth=worth,
        cost=settings.offer.cost or 0.0,
        alpha=trial.alpha,
        effect=trial.effect,
        worthwhile=trial.worthwhile,
        provenance=run_of(settings, command),
    )


def _record(folder: Path, study: bcx.TrialStudy, command: str) -> None:
    run, made = study.provenance, dict(study.posterior.provenance)
    made.pop("seconds")  # which differs between runs
    record = {
        "command": command,
        "timestamp": run.timestamp.isoformat(),
        "settings": run.settings,
        "trial": few_digits(made),
    }
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    write_record(folder, record, files)
