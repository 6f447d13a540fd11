"""The whole analysis: transactions, contracts or statistics in; report, card and tables out.

As in `work`, the libraries for fitting load only when there is something to fit, so bad input fails at once.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import bayes_cx as bcx
from bayes_cx.app.action_plan import check_actions, notes
from bayes_cx.app.choice import Choice, choose, is_chosen, tried
from bayes_cx.app.designs import check_coordinates
from bayes_cx.app.folder import report_files, report_folder, write_record
from bayes_cx.app.measured import check_responses
from bayes_cx.app.observe import Observed, observe, reads_twice
from bayes_cx.app.settings import AUTO, Compute, Settings
from bayes_cx.app.spend_choice import choose_spend, spend_models, with_frequency
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import write_table
from bayes_cx.app.work import ahead, check_data, fit_model, newcomers_of, plan_of, run_of, spend_of
from bayes_cx.errors import BayesCxError, InputError
from bayes_cx.files import few_digits
from bayes_cx.kinds import kind_of

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.app.work import Spend
    from bayes_cx.inference import Posterior
    from bayes_cx.model import Model
    from bayes_cx.reporting import ModelCard, Report
    from bayes_cx.validation import Holdout
    from bayes_cx.validation.selection import Selection

__all__ = ["files_of", "report"]


def report(settings: Settings, command: str) -> "Report":
    """Run every step and, at the end, move all files into ``settings.write.out``.

    They take the place of the report that was there; see `folder`.

    Parameters
    ----------
    settings : Settings
    command : str
        The command that repeats the run, for the report.

    Raises
    ------
    InputError
        If a setting is missing or cannot be used.
    FitError
        If ``settings.compute.strict`` and a fit did not pass its checks.
    """
    target = _folder(settings)
    check_responses(settings)
    check_actions(settings)
    # Statistics are read in one step, contracts too; a choice of the model is one more.
    steps = Steps(total=6 + reads_twice(settings))
    # Some of the models that compete count how regularly customers come.
    regularity = settings.compute.model == AUTO and settings.read.start is None
    with report_folder(target, report_files(settings.write.top)) as folder:
        observed = observe(settings, steps, folder / "rejected.csv", regularity=regularity)
        steps.total += is_chosen(settings.compute, observed.models)
        study, cards = _compute(observed, settings, command, steps)
        with steps.step("Write report, card and tables"):
            written = _write(folder, study, cards, settings.write.top)
    return written


def files_of(settings: Settings) -> list[Path]:
    """Return the files that a report may write.

    Raises
    ------
    InputError
        If no folder is named.
    """
    return [_folder(settings) / name for name in report_files(settings.write.top)]


def _folder(settings: Settings) -> Path:
    if settings.write.out is None:
        raise InputError("no folder for the output", "a folder", "pass --out FOLDER")
    return settings.write.out


def _compute(
    observed: Observed, settings: Settings, command: str, steps: Steps
) -> "tuple[bcx.Study, list[ModelCard]]":
    run, compute = run_of(settings, command), settings.compute
    stats, words = observed.stats, kind_of(observed.stats).words["en"]
    events = words.events
    spends = spend_models(stats, compute) if "spend" in stats else ()
    if compute.covariates:
        check_coordinates([*map(bcx.models.find, observed.models), *spends], compute)
    choice = choose_spend(stats, _parts(observed, compute), compute) if spends else None
    spend_model = None if choice is None else choice.model
    chosen, spend = _fits(observed, settings, spend_model, steps)
    purchases, selection = chosen.fit, chosen.selection
    stats = _read_by(stats, (purchases, chosen.runner_up))
    with steps.step("Choose whom to contact") as step:
        plan = plan_of(purchases, spend, stats, settings, refusing=observed.refusing)
        step.says = f"{plan.n_contacted:,} customers"
        coming = newcomers_of(purchases, spend, stats, settings)
        other = None
        if chosen.runner_up is not None:
            other = plan_of(chosen.runner_up, spend, stats, settings, brief=True, refusing=observed.refusing)
    for note in notes(plan, settings):
        steps.note(note)
    if not (settings.offer.offers or settings.several.actions) and settings.offer.cost is None:
        cost = f"{plan.offers[0].cost:g}{'' if spend is not None else f' {events}'}"
        steps.note(f"assumed an offer that costs {cost}, a tenth of an average {words.event}; see --cost")
    with steps.step("Test on what came later", bars=True) as step:
        holdout, said = _holdout(
            observed, purchases.model, compute, steps.bars, spend_model, chosen.calibrated
        )
        step.says = said if holdout is not None else f"not done: {said}"
    with steps.step("Check the models") as step:
        fits = tuple(fit for fit in (purchases, spend) if isinstance(fit, bcx.Posterior))
        note = "" if holdout is not None else said
        evidence = replace(check_data(fits, stats, settings), holdout=holdout, holdout_note=note)
        if choice is not None and isinstance(spend, bcx.Posterior):
            found = with_frequency(purchases, spend, choice, stats, ahead(settings, purchases), compute)
            evidence = replace(evidence, frequency=found)
        of_spend = choice and choice.selection
        study = bcx.Study(stats, fits, plan, evidence, selection, other, run, of_spend, coming)
        cards = [bcx.model_card(study, fit) for fit in fits]
        words = {"not_run": "not fully checked"}
        verdicts = (f"{card.model.name} {words.get(card.verdict, card.verdict)}" for card in cards)
        step.says = f"verdict of the cards {', '.join(verdicts)}"
    return study, cards


def _fits(
    observed: Observed, settings: Settings, spend_model: "Model | None", steps: Steps
) -> "tuple[Choice, Spend]":
    """Fit purchases, by the model that is named or the one that the rule chooses, and spend."""
    stats, compute, keys = observed.stats, settings.compute, observed.models
    events = kind_of(stats).words["en"].events
    with steps.step(f"Fit {events}{' and spend' if 'spend' in stats else ''}", bars=True) as step:
        if is_chosen(compute, keys):
            among = tried(keys, stats, compute, steps.bars)
            fits = [*among.fits.values()]
        else:
            among = None
            fits = [fit_model(bcx.models.find(keys[0]), stats, compute, steps.bars)]
        spend = spend_of(stats, compute, spend_model, steps.bars)
        said = [*fits, *([spend] if isinstance(spend, bcx.Posterior) else [])]
        step.says = ", ".join(f"{fit.model.name} {fit.verdict.replace('_', ' ')}" for fit in said)
    if among is None:
        return Choice(fits[0]), spend
    with steps.step("Choose the model", bars=True) as step:
        split = observed.split if compute.holdout else None
        horizon = ahead(settings, fits[0])
        chosen = choose(among, stats, compute, split, steps.bars, horizon)
        step.says = chosen.selection.reason if chosen.selection is not None else ""
    return chosen, spend


def _read_by(stats: "xr.Dataset", fits: "Sequence[Posterior | None]") -> "xr.Dataset":
    """Return statistics without the regularity where none of these fits reads it."""
    read = {name for fit in fits if fit is not None for name in fit.model.statistics}
    return stats if "regularity" in read else stats.drop_vars("regularity", errors="ignore")


def _holdout(
    observed: Observed,
    model: "Model",
    compute: Compute,
    progress: bool,
    spend_model: "Model | None" = None,
    calibrated: "Posterior | None" = None,
) -> "tuple[Holdout | None, str]":
    """Return a hold-out test on the last part of the data, and a sentence on it or on why there is none.

    The model is fitted to the calibration period, unless `calibrated` is that fit.
    """
    if not compute.holdout:
        return None, "it was not asked for"
    if observed.split is None and compute.holdout_from is not None:
        raise InputError(
            f"--holdout-from {compute.holdout_from} for {kind_of(observed.stats).key} without a hold-out",
            "transactions or contracts, which can be split in time",
            "leave it out",
        )
    if observed.split is None:
        return None, "only statistics are known, and they do not say what happened when"
    try:
        parts = observed.split()
        spend = spend_of(parts.calibration, compute, spend_model, progress)
        if calibrated is None:
            known = replace(compute, calendar=True, season=False) if _too_short(parts, compute) else compute
            calibrated = fit_model(model, parts.calibration, known, progress, first_part=True)
        found = bcx.validation.holdout(
            calibrated, spend if isinstance(spend, bcx.Posterior) else None, parts, seed=compute.seed
        )
    except BayesCxError as error:
        # A day that the user named must work. Without one, data that are too short only have no hold-out
        # test.
        if compute.holdout_from is not None or compute.strict:
            raise
        return None, error.came
    return (
        found,
        f"fitted until {parts.calibration.attrs['until']}, judged until {parts.holdout.attrs['end']}",
    )


def _parts(observed: Observed, compute: Compute) -> "bcx.Split | None":
    """Return the two periods of a hold-out test, None where there is none; `_holdout` says why."""
    if not compute.holdout or observed.split is None:
        return None
    try:
        return observed.split()
    except BayesCxError:
        return None


def _too_short(parts: "bcx.Split", compute: Compute) -> bool:
    """Return whether a season was asked for that the calibration period is too short to show."""
    from bayes_cx.inference.weekly_data import has_two_years

    return compute.season and not has_two_years(parts.calibration)


def _write(folder: Path, study: "bcx.Study", cards: "Sequence[ModelCard]", top: int) -> "Report":
    made = bcx.report(study)
    made.to_pdf(folder / "retention.pdf")
    made.to_html(folder / "retention.html")
    for card, place in zip(cards, (folder, folder / "spend"), strict=False):
        card.write(place)
    assert study.plan is not None
    table = study.plan.written()
    write_table(table, folder / "priority.csv")
    write_table(table, folder / "priority.parquet")
    write_table(table.head(top), folder / f"priority_top{top}.csv")
    run = study.provenance
    record = {
        "command": run.command,
        "timestamp": run.timestamp.isoformat(),
        "settings": run.settings,
        "offers": few_digits([offer.as_dict() for offer in study.plan.offers]),
        **{name: _repeatable(fit) for name, fit in zip(("purchases", "spend"), study.fits, strict=False)},
        **{
            name: few_digits(_compared(chosen))
            for name, chosen in (
                ("comparison", study.selection),
                ("spend_comparison", study.spend_selection),
            )
            if chosen is not None
        },
    }
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    write_record(folder, record, files)
    return made


def _compared(selection: "Selection") -> dict[str, object]:
    """Return the result of a comparison, for the record of the run."""
    found = selection.comparison
    table = {} if found is None else found.frame.to_dict(orient="index")
    return {
        "chosen": selection.chosen,
        "runner_up": selection.runner_up,
        "reason": f"{selection.reason} {selection.note}".strip(),
        "calendar": selection.calendar,
        "table": table,
    }


def _repeatable(posterior: "Posterior") -> dict[str, object]:
    """Return the provenance, with the digits that count and without timings, which differ between runs."""
    made = posterior.provenance.as_dict()
    return few_digits({key: value for key, value in made.items() if key != "seconds"})
