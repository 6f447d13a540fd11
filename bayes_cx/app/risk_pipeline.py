"""From events to the report of risk: PDF, HTML, model card, tables and the record of the run."""

from pathlib import Path
from typing import TYPE_CHECKING

import bayes_cx as bcx
from bayes_cx.app.folder import CARD, report_folder, write_record
from bayes_cx.app.observe_events import observe_events
from bayes_cx.app.settings import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import write_table
from bayes_cx.app.work import run_of
from bayes_cx.errors import FitError, InputError
from bayes_cx.files import few_digits, meaningful
from bayes_cx.records import RECORD

if TYPE_CHECKING:
    from bayes_cx.reporting import Report

__all__ = ["files_of", "risk"]

FILES = (
    *("risk.pdf", "risk.html", "risk.csv", "risk.parquet", "features.csv"),
    *("signals.csv", "found.csv", "calibration.csv", "rejected.csv", *CARD, RECORD),
)


def risk(settings: Settings, command: str) -> "Report":
    """Run every step and, at the end, move all files into ``settings.write.out``; see `folder`.

    Raises
    ------
    InputError
        If a setting is missing or cannot be used.
    FitError
        If ``settings.compute.strict`` and a check of the fit did not pass.
    """
    steps = Steps(total=3)
    compute, target = settings.compute, settings.events.target
    if len(target) != 1:
        raise InputError(
            f"{len(target)} targets", "one event that customers are at risk of", "pass --target termination"
        )
    with report_folder(_folder(settings), FILES) as folder:
        events = observe_events(settings, steps, folder / "rejected.csv")
        with steps.step("Fit risk, and test it on what came later") as step:
            study = bcx.study_risk(
                events,
                target=target[0],
                horizon="30 days" if compute.horizon is None else compute.horizon,
                until=compute.until,
                by=settings.read.by,
                holdout=compute.holdout,
                holdout_from=compute.holdout_from,
                provenance=run_of(settings, command),
                seed=compute.seed,
            )
            verdict = study.posterior.verdict.replace("_", " ")
            tested = "tested" if study.holdout is not None else f"not tested: {study.holdout_note}"
            step.says = f"{len(study.table):,} customers at risk, checks {verdict}, {tested}"
        if compute.strict and study.posterior.verdict != "passed":
            names = ", ".join(check.name for check in study.posterior.checks if check.status != "passed")
            raise FitError(f"the fit of risk did not pass: {names}", "every check passed", "use more data")
        with steps.step("Write report, card and tables"):
            return _write(folder, study)


def files_of(settings: Settings) -> list[Path]:
    """Return the files that a report may write.

    Raises
    ------
    InputError
        If no folder is named.
    """
    return [_folder(settings) / name for name in FILES]


def _folder(settings: Settings) -> Path:
    if settings.write.out is None:
        raise InputError("no folder for the output", "a folder", "pass --out FOLDER")
    return settings.write.out


def _write(folder: Path, study: "bcx.RiskStudy") -> "Report":
    from bayes_cx.reporting.risk.what_moves import drivers

    made = bcx.report(study)
    made.to_pdf(folder / "risk.pdf")
    made.to_html(folder / "risk.html")
    bcx.model_card(study).write(folder)
    table = meaningful(study.table)
    write_table(table, folder / "risk.csv")
    write_table(table, folder / "risk.parquet")
    write_table(meaningful(drivers(study)), folder / "features.csv")
    if study.signals is not None:
        write_table(meaningful(study.signals.table().reset_index()), folder / "signals.csv")
    if study.holdout is not None:
        write_table(meaningful(study.holdout.found), folder / "found.csv")
        write_table(meaningful(study.holdout.calibration), folder / "calibration.csv")
    run = study.provenance
    record = {
        "command": run.command,
        "timestamp": run.timestamp.isoformat(),
        "settings": run.settings,
        "risk": few_digits({k: v for k, v in study.posterior.provenance.items() if k != "seconds"}),
        "checks": {f"{check.about}: {check.name}": check.status for check in study.checks},
    }
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    write_record(folder, record, files)
    return made
