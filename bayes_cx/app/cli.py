"""The command `bayes-cx`: the whole way in one command, and each step on its own.

Only what `--help` needs is imported here; everything else is imported by the command that needs it.
"""

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bayes_cx.app import options as o
from bayes_cx.errors import FitError, InputError

__all__ = ["app", "main"]

app = typer.Typer(
    name="bayes-cx",
    help="From transactions to retention priorities, with uncertainty.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Stats = Annotated[Path, typer.Argument(help="Statistics written by `summarise`.", metavar="STATISTICS")]
APosterior = Annotated[Path, typer.Argument(help="Posterior written by `fit`.", metavar="POSTERIOR")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The exit code is 0 done, 1 failed fit, 2 bad input, 70 a fault in bayes_cx. The process ends
    with 130 when it is interrupted and 143 when terminated, see `bayes_cx.stop`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "--debug" not in given:
        # What a library has to say to programmers would bury the one line that is meant for the user.
        warnings.simplefilter("ignore")
    try:
        status = app(given or ["--help"], prog_name="bayes-cx", standalone_mode=False)
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        print(f"bayes-cx: {_one_line(error)}", file=sys.stderr)
        status = _status(error)
    sys.exit(status if isinstance(status, int) else 0)


def _status(error: Exception) -> int:
    if isinstance(error, InputError):
        return 2
    if isinstance(error, FitError | OSError):
        return 1
    return error.exit_code if isinstance(error, typer.TyperException) else os.EX_SOFTWARE


def _one_line(error: Exception) -> str:
    if isinstance(error, typer.TyperException):
        text = f"{error.format_message().rstrip('.')}. See bayes-cx --help."
    elif isinstance(error, InputError | FitError | OSError):
        text = str(error)
    else:
        text = f"unexpected {type(error).__name__} ({error}). Add --debug to see where."
    return " ".join(text.split())


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"bayes-cx {installed('bayes_cx')}")
        raise typer.Exit


@app.command()
def report(
    ctx: typer.Context,
    file: o.File = None,
    config: o.Config = None,
    dataset: o.Dataset = None,
    customer: o.Customer = None,
    time: o.Time = None,
    amount: o.Amount = None,
    start: o.Start = None,
    end: o.End = None,
    by: o.By = None,
    time_format: o.TimeFormat = None,
    timezone: o.Timezone = None,
    returns: o.Returns = None,
    zero_amounts: o.ZeroAmounts = None,
    query: o.Query = None,
    pseudonymise: o.Pseudonymise = None,
    key_file: o.KeyFile = None,
    until: o.Until = None,
    unit: o.Unit = None,
    horizon: o.Horizon = None,
    discount_rate: o.DiscountRate = None,
    margin: o.Margin = None,
    worth: o.Worth = None,
    model: o.Model = None,
    method: o.Method = None,
    seed: o.Seed = None,
    draws: o.Draws = None,
    strict: o.Strict = None,
    cost: o.Cost = None,
    budget: o.Budget = None,
    capacity: o.Capacity = None,
    holdout: o.Holdout = None,
    holdout_from: o.HoldoutFrom = None,
    out: o.OutFolder = None,
    title: o.Title = None,
    organisation: o.Organisation = None,
    currency: o.Currency = None,
    timestamp: o.Timestamp = None,
    top: o.Top = None,
    debug: o.Debug = False,
) -> None:
    """From transactions, or contracts, to the retention report, the model card and the priority table."""
    from bayes_cx.app import config as settings_of
    from bayes_cx.app import pipeline

    given = _given(ctx)
    settings = settings_of.load(given)
    made = pipeline.report(settings, settings_of.command("report", given))
    for sentence in made.sentences:
        typer.echo(sentence)
    typer.echo(f"The whole report: {settings.out}/retention.pdf")


@app.command()
def summarise(
    ctx: typer.Context,
    out: o.OutFile,
    file: o.File = None,
    config: o.Config = None,
    dataset: o.Dataset = None,
    customer: o.Customer = None,
    time: o.Time = None,
    amount: o.Amount = None,
    start: o.Start = None,
    end: o.End = None,
    by: o.By = None,
    time_format: o.TimeFormat = None,
    timezone: o.Timezone = None,
    returns: o.Returns = None,
    zero_amounts: o.ZeroAmounts = None,
    query: o.Query = None,
    pseudonymise: o.Pseudonymise = None,
    key_file: o.KeyFile = None,
    until: o.Until = None,
    unit: o.Unit = None,
    regularity: Annotated[
        bool, typer.Option("--regularity", help="Also how regularly they buy, for bg_cnbd and mbg_cnbd.")
    ] = False,
    opportunities: Annotated[
        bool, typer.Option("--opportunities", help="Count whole periods with a purchase, for bg_bb.")
    ] = False,
    rejected: Annotated[Path | None, typer.Option(help="CSV file to write rejected rows to.")] = None,
    debug: o.Debug = False,
) -> None:
    """From transactions, or contracts, to statistics by customer (.nc or .parquet)."""
    from bayes_cx.app import commands
    from bayes_cx.app import config as settings_of

    settings = settings_of.load(_given(ctx))
    commands.summarise(settings, out, rejected, regularity=regularity, opportunities=opportunities)


@app.command()
def fit(
    ctx: typer.Context,
    stats: Stats,
    out: o.OutFile,
    config: o.Config = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model, such as mbg_nbd or gamma_gamma. (default: bg_nbd, bg_bb or sbg)"),
    ] = None,
    method: o.Method = None,
    seed: o.Seed = None,
    strict: o.Strict = None,
    debug: o.Debug = False,
) -> None:
    """From statistics to the posterior of a model (.nc)."""
    from bayes_cx.app import commands
    from bayes_cx.app import config as settings_of

    # Settings know the models of purchases and renewals; here one of spend may be named too.
    settings = settings_of.load({**_given(ctx), "model": None})
    commands.fit(stats, model, settings, out)


@app.command()
def score(
    ctx: typer.Context,
    posterior: APosterior,
    stats: Stats,
    out: o.OutFile,
    quantity: Annotated[str, typer.Option(help="What to score, such as p_alive.")] = "p_alive",
    t: Annotated[str | None, typer.Option(help="How far ahead, such as '52 weeks'.")] = None,
    t1: Annotated[str | None, typer.Option(help="From how far ahead, of expected_purchases_between.")] = None,
    t2: Annotated[str | None, typer.Option(help="Until how far ahead, of the same.")] = None,
    count: Annotated[int | None, typer.Option(help="The number of purchases, of p_purchases.")] = None,
    config: o.Config = None,
    discount_rate: o.DiscountRate = None,
    debug: o.Debug = False,
) -> None:
    """Mean, standard deviation and quantiles of a quantity by customer (.csv or .parquet)."""
    from bayes_cx.app import commands
    from bayes_cx.app import config as settings_of

    options = {"t": t, "t1": t1, "t2": t2, "count": count}
    commands.score(posterior, stats, quantity, options, settings_of.load(_given(ctx)), out)


@app.command()
def prioritise(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Posterior of purchases, posterior of spend where there is one, and statistics.",
            metavar="PURCHASES [SPEND] STATISTICS",
        ),
    ],
    out: o.OutFile,
    config: o.Config = None,
    horizon: o.Horizon = None,
    discount_rate: o.DiscountRate = None,
    margin: o.Margin = None,
    worth: o.Worth = None,
    seed: o.Seed = None,
    draws: o.Draws = None,
    cost: o.Cost = None,
    budget: o.Budget = None,
    capacity: o.Capacity = None,
    debug: o.Debug = False,
) -> None:
    """From posteriors and statistics to the plan: whom to contact (.csv or .parquet)."""
    from bayes_cx.app import commands
    from bayes_cx.app import config as settings_of

    commands.prioritise(files, settings_of.load(_given(ctx)), out)


@app.command()
def card(
    ctx: typer.Context,
    posterior: APosterior,
    stats: Stats,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")],
    config: o.Config = None,
    organisation: o.Organisation = None,
    timestamp: o.Timestamp = None,
    seed: o.Seed = None,
    debug: o.Debug = False,
) -> None:
    """From a posterior to its model card (JSON, Markdown and PDF)."""
    from bayes_cx.app import commands
    from bayes_cx.app import config as settings_of

    given = _given(ctx)
    again = settings_of.command("card", given, posterior, stats)
    commands.card(posterior, stats, settings_of.load(given), out, again)


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(help="Dataset to write; without it all are listed.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write; .nc for statistics.")] = None,
    debug: o.Debug = False,
) -> None:
    """List the datasets that are built in, or write one."""
    from bayes_cx.app import commands

    commands.datasets(name, out)


def _given(ctx: typer.Context) -> dict[str, object]:
    """Return the options that belong to `Settings`, whether given or not."""
    from bayes_cx.app.config import Settings

    known = {*Settings.model_fields, "config"}
    # `out` of a single step is its file; only the report takes its folder from the settings.
    if ctx.info_name != "report":
        known.remove("out")
    return {key: value for key, value in ctx.params.items() if key in known}
