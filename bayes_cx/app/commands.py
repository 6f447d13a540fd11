"""The single steps as commands: each reads files, calls one verb and writes a file."""

from pathlib import Path

import typer

import bayes_cx as bcx
from bayes_cx.app.config import Settings
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import read_statistics, write_statistics, write_table
from bayes_cx.app.work import fit_model, hide, offers, read, write_rejected
from bayes_cx.errors import InputError
from bayes_cx.files import atomic_folder

__all__ = ["card", "datasets", "fit", "prioritise", "score", "summarise"]

DATASETS = {
    "cdnow": (
        lambda: bcx.load_cdnow(),
        "purchases of 23,570 customers of a music shop, 1997-01-01 to 1998-06-30",
    ),
    "cdnow-sample": (lambda: bcx.load_cdnow(sample=True), "a tenth of them, as the papers use it"),
    "donations": (lambda: bcx.load_donations(), "how often and how lately 11,104 donors gave in six years"),
}


def summarise(settings: Settings, out: Path, rejected: Path | None) -> None:
    """From transactions to statistics."""
    steps, key = Steps(total=2), settings.key()
    transactions = read(settings, steps)
    with steps.step("Summarise customers") as step:
        stats = hide(bcx.summarise(transactions, settings.until, settings.unit, settings.by), key)
        step.says = f"{stats.sizes['customer']:,} customers until {stats.attrs['until']}"
        write_statistics(stats, out)
    if rejected is not None:
        write_rejected(transactions, rejected, key)
    typer.echo(out)


def fit(stats: Path, model: str, settings: Settings, out: Path) -> None:
    """From statistics to a posterior."""
    table, chosen = read_statistics(stats), bcx.models.find(model)
    with Steps(total=1).step(f"Fit {chosen.name}") as step:
        posterior = fit_model(chosen, table, settings)
        step.says = f"checks {posterior.verdict.replace('_', ' ')}"
        posterior.save(out)
    typer.echo(out)


def score(posterior: Path, stats: Path, quantity: str, t: str | None, out: Path) -> None:
    """From a posterior to a quantity by customer."""
    scores = bcx.score(bcx.load(posterior), read_statistics(stats), quantity, t=t)
    frame = scores[["mean", "sd"]].to_dataframe()
    for q in scores["quantile"].to_numpy():
        frame[f"q{100 * q:02g}"] = scores["quantiles"].sel(quantile=q).to_numpy()
    write_table(frame.reset_index(), out)
    typer.echo(out)


def prioritise(purchases: Path, spend: Path, stats: Path, settings: Settings, out: Path) -> None:
    """From posteriors to the plan."""
    table = read_statistics(stats)
    value = bcx.lifetime_value(
        bcx.load(purchases),
        bcx.load(spend),
        table,
        horizon=settings.horizon,
        discount_rate=settings.discount_rate,
        draws=settings.draws,
        seed=settings.seed,
    )
    plan = bcx.prioritise(value, offers(settings, table), budget=settings.budget, capacity=settings.capacity)
    write_table(plan.table(), out)
    typer.echo(out)


def card(posterior: Path, stats: Path, settings: Settings, out: Path) -> None:
    """From a posterior to its model card."""
    with atomic_folder(out) as folder:
        bcx.model_card(bcx.load(posterior)).write(folder)
    typer.echo(out)


def datasets(name: str | None, out: Path | None) -> None:
    """List the datasets, or write one as CSV."""
    if name is None:
        for key, (_, text) in DATASETS.items():
            typer.echo(f"{key:14}{text}")
        return
    if name not in DATASETS:
        raise InputError(f"no dataset {name!r}", f"one of {', '.join(DATASETS)}", "run `bayes-cx datasets`")
    if out is None:
        raise InputError("no file for the output", "a CSV file", "pass --out FILE")
    data = DATASETS[name][0]()
    frame = data.accepted.df() if isinstance(data, bcx.Transactions) else data.to_dataframe()
    write_table(frame, out)
    typer.echo(out)
