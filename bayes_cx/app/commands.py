"""The single steps as commands: each reads files, calls one verb and writes a file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

import bayes_cx as bcx
from bayes_cx import catalogue
from bayes_cx.app import work
from bayes_cx.app.choice import chosen
from bayes_cx.app.designs import by_date, check_coordinates, check_design_columns
from bayes_cx.app.folder import card_folder
from bayes_cx.app.observe import load_dataset, models_for, observe, reads_twice
from bayes_cx.app.settings import AUTO, Settings, checked_span
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import STATISTICS, TABLE, check_ending, read_statistics, write_statistics, write_table
from bayes_cx.errors import InputError
from bayes_cx.files import meaningful
from bayes_cx.model import arguments

__all__ = ["card", "datasets", "fit", "prioritise", "score", "summarise"]


def summarise(
    settings: Settings,
    out: Path,
    rejected: Path | None,
    *,
    regularity: bool = False,
    opportunities: bool = False,
) -> None:
    """From transactions, or contracts, to statistics."""
    check_ending(out, *STATISTICS)
    steps = Steps(total=1 + reads_twice(settings))
    observed = observe(settings, steps, rejected, regularity=regularity, opportunities=opportunities)
    write_statistics(observed.stats, out)
    typer.echo(out)


def fit(
    stats: Path,
    model: str | None,
    settings: Settings,
    out: Path,
    *,
    within: str | None = None,
    spend: float | None = None,
) -> None:
    """From statistics to a posterior, coarsened by a span of time or a share of spend where one is given."""
    check_ending(out, ".nc")
    table = read_statistics(stats)
    check_design_columns(table, settings.compute)
    steps = Steps(total=1)
    name = model or settings.compute.model
    if name == AUTO:
        keys = models_for(settings, table)
        if settings.compute.covariates:
            check_coordinates([*map(bcx.models.find, keys)], settings.compute)
        if len(keys) > 1:
            steps.total = 2
            with steps.step("Choose the model", bars=True) as step:
                name, step.says = chosen(keys, table, settings.compute, within, steps.bars)
        else:
            name = next(iter(keys))
    known = bcx.models.find(name)
    compute = replace(settings.compute, model=known.key)
    check_coordinates([known], compute)
    if known.kind.forecast is None and compute.in_calendar_time:
        raise InputError(
            f"calendar time, or columns by date, for {known.name}",
            "a model of what customers do",
            "leave out --calendar, --season and --by-date",
        )
    with steps.step(f"Fit {known.name}", bars=True) as step:
        posterior = work.fit_coarsely(known, table, compute, within, spend, steps.bars)
        step.says = f"checks {posterior.verdict.replace('_', ' ')}"
        posterior.save(out)
    typer.echo(out)


def score(
    posterior: Path,
    stats: Path,
    quantity: str,
    options: Mapping[str, Sequence[Any] | None],
    settings: Settings,
    out: Path,
) -> None:
    """From a posterior to a quantity by customer, discounted at the rate of the settings where needed.

    A file of columns by date states another future than that of the fit. Each of the `options` has a list of
    values, or nothing.
    """
    check_ending(out, *TABLE)
    asked: dict[str, Any] = {}
    for name, values in options.items():
        read = [checked_span(value) for value in values or ()] if name in ("t", "t1", "t2") else values
        if read:
            asked[name] = read[0] if len(read) == 1 else read
    fitted = bcx.load(posterior)
    if not isinstance(fitted, bcx.Posterior):
        raise InputError(
            f"a fit of journeys in {posterior.name}",
            "a fit of customers",
            "score journeys in Python: bcx.score",
        )
    if (future := by_date(settings.compute)) is not None:
        fitted = fitted.with_future(future)
    known = fitted.model.quantities.get(quantity)
    if known is not None and "discount" in arguments(known.formula):
        asked["discount_rate"] = settings.compute.discount_rate
    scores = bcx.score(fitted, bcx.expand(read_statistics(stats)), quantity, **asked)
    # A quantity of new customers has one value for all of them.
    write_table(meaningful(scores.table().reset_index(drop="customer" not in scores.dims)), out)
    typer.echo(out)


def prioritise(files: list[Path], settings: Settings, out: Path) -> None:
    """From posteriors and statistics to the plan."""
    check_ending(out, *TABLE)
    if len(files) not in (2, 3):
        raise InputError(
            f"{len(files)} files",
            "PURCHASES [SPEND] STATISTICS",
            "name two, or three with a posterior of spend",
        )
    if len(files) == 3 and settings.compute.worth is not None:
        raise InputError("both --worth and a posterior of spend", "one of the two", "leave out --worth")
    stats = read_statistics(files[-1])
    spend = settings.compute.worth
    if len(files) == 3:
        spend = bcx.load(files[1])
    elif spend is None and "amount" in stats:  # contracts have amounts of their own
        spend = work.spend_of(stats, settings.compute, None)
    plan = work.plan_of(bcx.load(files[0]), spend, stats, settings)
    write_table(plan.written(), out)
    typer.echo(out)


def card(posterior: Path, stats: Path, settings: Settings, out: Path, command: str) -> None:
    """From a posterior to its model card."""
    fitted, table = bcx.load(posterior), read_statistics(stats)
    evidence = work.check_data([fitted], table, settings)
    study = bcx.Study(table, (fitted,), evidence=evidence, provenance=work.run_of(settings, command))
    made = bcx.model_card(study)
    with card_folder(out) as folder:
        made.write(folder)
    typer.echo(out)


def datasets(name: str | None, out: Path | None) -> None:
    """List the datasets, or write one: as a table, or as statistics where it comes as statistics."""
    if name is None:
        for entry in catalogue.DATASETS:
            typer.echo(f"{entry.key:14}{entry.says}")
        return
    entry = catalogue.find_dataset(name)
    if out is None:
        raise InputError("no file for the output", "a file to write", "pass --out FILE")
    if entry.events:
        write_table(getattr(bcx, entry.loader)(**entry.arguments).frame, out)
        typer.echo(out)
        return
    data = load_dataset(name)
    if isinstance(data, bcx.Transactions):
        write_table(data.accepted.df(), out)
    elif out.suffix.lower() in STATISTICS:
        write_statistics(data, out)
    else:
        write_table(data.to_dataframe(), out)
    typer.echo(out)
