"""From events to the report of journeys: PDF, HTML, model card, tables and the record of the run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx.app.folder import CARD, report_folder, write_record
from bayes_cx.app.observe_events import observe_events
from bayes_cx.app.settings import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import write_table
from bayes_cx.app.work import run_of
from bayes_cx.errors import FitError, InputError
from bayes_cx.files import few_digits, meaningful
from bayes_cx.page.words import last_moment
from bayes_cx.records import RECORD

if TYPE_CHECKING:
    import pandas as pd

    from bayes_cx.reporting import Report

__all__ = ["files_of", "journeys"]

FILES = (
    *("journeys.pdf", "journeys.html", "open_journeys.csv", "open_journeys.parquet", "states.csv"),
    *("signals.csv", "paths.csv", "forecasts.csv", "rejected.csv", *CARD, RECORD),
)
# Rows of the table of paths.
_PATHS = 1_000


def journeys(settings: Settings, command: str) -> "Report":
    """Run every step and, at the end, move all files into ``settings.write.out``; see `folder`.

    Raises
    ------
    InputError
        If a setting is missing or cannot be used.
    FitError
        If ``settings.compute.strict`` and a check of the fit did not pass.
    """
    from bayes_cx.journey_study import completed, fitted, in_segments, signals_of, terms_of, tested_later

    steps = Steps(total=6)
    compute, given, own = settings.compute, settings.events, settings.journeys
    with report_folder(_folder(settings), FILES) as folder:
        events, segments = in_segments(
            observe_events(settings, steps, folder / "rejected.csv"), settings.read.by
        )
        with steps.step("Fit journeys") as step:
            terms = terms_of(
                events,
                given.target,
                own.rival,
                compute.until,
                own.journey,
                own.close,
                segments,
                compute.horizon,
            )
            stays, posterior, paths = fitted(events, terms, compute.until, compute.seed)
            step.says = (
                f"{paths['n'].to_numpy().sum():,} journeys, checks {posterior.verdict.replace('_', ' ')}"
            )
        if compute.strict and posterior.verdict != "passed":
            names = ", ".join(check.name for check in posterior.checks if check.status != "passed")
            raise FitError(
                f"the fit of journeys did not pass: {names}", "every check passed", "use more data"
            )
        with steps.step("Test on what came later") as step:
            holdout, note = None, "it was not asked for"
            if compute.holdout:
                holdout, note = tested_later(events, terms, compute.until, compute.holdout_from, compute.seed)
            if holdout is not None:
                cut, end = (last_moment(at, events.schema.timezone) for at in (holdout.cut, holdout.until))
                step.says = f"fitted until {cut}, judged until {end}"
            else:
                step.says = f"not done: {note}"
        with steps.step("Look for signals") as step:
            signals, why = signals_of(events, terms, compute.until, compute.seed)
            step.says = f"none: {why}" if signals is None else f"{len(signals.found()):,} found"
        with steps.step("Ask where journeys lead") as step:
            study = completed(
                events,
                terms,
                compute.until,
                stays,
                posterior,
                paths,
                holdout=holdout,
                note=note,
                signals=signals,
                provenance=run_of(settings, command),
                seed=compute.seed,
            )
            step.says = f"{study.open.sizes['customer']:,} open journeys"
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


def _write(folder: Path, study: "bcx.JourneyStudy") -> "Report":
    made = bcx.report(study)
    made.to_pdf(folder / "journeys.pdf")
    made.to_html(folder / "journeys.html")
    bcx.model_card(study).write(folder)
    table = meaningful(study.at_risk())
    write_table(table, folder / "open_journeys.csv")
    write_table(table, folder / "open_journeys.parquet")
    write_table(meaningful(_states(study)), folder / "states.csv")
    write_table(_paths(study), folder / "paths.csv")
    if study.signals is not None:
        write_table(meaningful(study.signals.table().reset_index()), folder / "signals.csv")
    if study.holdout is not None:
        write_table(meaningful(_forecasts(study)), folder / "forecasts.csv")
    run = study.provenance
    record = {
        "command": run.command,
        "timestamp": run.timestamp.isoformat(),
        "settings": run.settings,
        "journeys": few_digits({k: v for k, v in study.posterior.provenance.items() if k != "seconds"}),
        "checks": {
            f"{check.about}: {check.name}" if check.about else check.name: check.status
            for check in study.checks
        },
    }
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    write_record(folder, record, files)
    return made


def _states(study: "bcx.JourneyStudy") -> "pd.DataFrame":
    """Return the chances from each state, of the rivals and of the goals."""
    import pandas as pd

    parts = [
        one.by_state.reset_index().assign(target=" or ".join(one.states))
        for one in (study.rival, study.goal)
        if one is not None
    ]
    return pd.concat(parts, ignore_index=True)


def _paths(study: "bcx.JourneyStudy") -> "pd.DataFrame":
    """Return the most frequent paths, as text."""
    table = study.paths.head(_PATHS)
    return table.assign(path=[" > ".join(path) for path in table["path"]])


def _forecasts(study: "bcx.JourneyStudy") -> Any:
    """Return what was forecast after the cut beside what happened."""
    import pandas as pd

    found = study.holdout
    assert found is not None
    steps = found.next_states.rename(columns={"steps": "forecasts"}).assign(about="next state")
    parts = [steps]
    for one in found.reached:
        about = f"{' or '.join(one.states)}, {'on the way' if one.since == 'open' else 'begun later'}"
        parts.append(one.calibration.rename(columns={"journeys": "forecasts"}).assign(about=about))
    return pd.concat(parts, ignore_index=True)[["about", "forecast", "forecasts", "observed", "low", "high"]]
