"""The command `bayes-cx`: the whole analysis in one command, and each step on its own.

Only what `--help` needs is imported here; everything else is imported by the command that needs it.
"""

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bayes_cx import catalogue
from bayes_cx.app.event_settings import JourneySettings, ReadEvents
from bayes_cx.app.flags import OUT, Debug, Given, takes
from bayes_cx.app.option import either
from bayes_cx.app.settings import AUTO, Compute, Offers, Read, Trial, Write
from bayes_cx.app.streams import forgiving
from bayes_cx.errors import BayesCxWarning, FitError, InputError

__all__ = ["app", "main"]

app = typer.Typer(
    name="bayes-cx",
    help="From transactions to retention priorities, with uncertainty.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Stats = Annotated[Path, typer.Argument(help="Statistics written by `summarise`.", metavar="STATISTICS")]
Fitted = Annotated[Path, typer.Argument(help="Posterior written by `fit`.", metavar="POSTERIOR")]
OutFile = Annotated[Path, typer.Option("--out", help="File to write.", rich_help_panel=OUT)]
MORE = "; several of them make columns of their own"
OutFolder = Annotated[Path, typer.Option("--out", help="Folder to write.", rich_help_panel=OUT)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The exit code is 0 done, 1 failed fit, 2 bad input, 70 a fault in bayes_cx. The process ends
    with 130 when it is interrupted and 143 when terminated, see `bayes_cx.stop`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with forgiving() as out:
        status = _run(given)
        out.flush()
        if out.failed is not None:
            # What a command has written into files is there; only what it says may be all that was asked for.
            status = status or int(_only_says(given))
            print(f"bayes-cx: standard output cannot be written ({out.failed.strerror}).", file=sys.stderr)
    sys.exit(status)


def _run(given: list[str]) -> int:
    if "--debug" not in given:
        # Warnings of libraries would bury the lines that are meant for the user.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", BayesCxWarning)
        warnings.showwarning = _Notes()
    try:
        status = app(given or ["--help"], prog_name="bayes-cx", standalone_mode=False)
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        print(f"bayes-cx: {_one_line(error)}", file=sys.stderr)
        status = _status(error)
    return status if isinstance(status, int) else 0


class _Notes:
    """Prints what warnings of bayes_cx say, each once, in place of `warnings.showwarning`."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def __call__(self, message: Warning | str, *where: object) -> None:
        text = str(message)
        if text not in self.said:
            print(f"bayes-cx: {text}", file=sys.stderr)
        self.said.add(text)


def _only_says(given: list[str]) -> bool:
    """Return whether all that was asked for is on standard output."""
    lists = given[:1] == ["datasets"] and not any(word.startswith("--out") for word in given)
    return not given or lists or bool({"-h", "--help", "--version"} & set(given))


def _status(error: Exception) -> int:
    if isinstance(error, InputError):
        return 2
    if isinstance(error, FitError | OSError):
        return 1
    return error.exit_code if isinstance(error, typer.TyperException) else os.EX_SOFTWARE


def _one_line(error: Exception) -> str:
    if isinstance(error, typer.TyperException):
        # What was wrong in the words of a command is in the help of that command.
        context = getattr(error, "ctx", None)
        command = "bayes-cx" if context is None else context.command_path
        text = f"{error.format_message().rstrip('.')}. See {command} --help."
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
@takes(Read, Compute, Offers, Write)
def report(given: Given) -> None:
    """From transactions, or contracts, to the retention report, the model card and the priority table."""
    from bayes_cx.app import pipeline

    settings = given.settings().stamped()
    given.check_apart(settings, writes=pipeline.files_of(settings))
    for sentence in pipeline.report(settings, given.again(settings)).sentences:
        typer.echo(sentence)
    folder = settings.write.out
    typer.echo(f"The report is {folder}/retention.pdf; with the complete list, {folder}/retention.html.")


@app.command()
@takes(
    *("file", "dataset", "customer", "time", "by", "time_format", "timezone", "decimal", "thousands"),
    *("encoding", "query", "pseudonymise", "key_file"),
    ReadEvents,
    JourneySettings,
    *("until", "horizon", "seed", "holdout", "holdout_from", "strict"),
    *("out", "title", "organisation", "timestamp"),
)
def journeys(given: Given) -> None:
    """From events to the report of journeys, the model card and the table of open journeys."""
    from bayes_cx.app import journey_pipeline

    settings = given.settings().stamped()
    given.check_apart(settings, writes=journey_pipeline.files_of(settings))
    for sentence in journey_pipeline.journeys(settings, given.again(settings)).sentences:
        typer.echo(sentence)
    folder = settings.write.out
    typer.echo(f"The report is {folder}/journeys.pdf; with the complete list, {folder}/journeys.html.")


@app.command()
@takes(
    *("file", "dataset", "customer", "time", "by", "time_format", "timezone", "decimal", "thousands"),
    *("encoding", "query", "pseudonymise", "key_file"),
    ReadEvents,
    *("until", "horizon", "seed", "holdout", "holdout_from", "strict"),
    *("out", "title", "organisation", "timestamp"),
)
def risk(given: Given) -> None:
    """From events to the report of who is at risk of one event, the model card and the table of customers."""
    from bayes_cx.app import risk_pipeline

    settings = given.settings().stamped()
    given.check_apart(settings, writes=risk_pipeline.files_of(settings))
    for sentence in risk_pipeline.risk(settings, given.again(settings)).sentences:
        typer.echo(sentence)
    folder = settings.write.out
    typer.echo(f"The report is {folder}/risk.pdf; with the complete list, {folder}/risk.html.")


@app.command()
@takes(Read, "until", "unit")
def summarise(
    given: Given,
    out: OutFile,
    regularity: Annotated[
        bool, typer.Option("--regularity", help="Add how regularly customers buy, which some models need.")
    ] = False,
    opportunities: Annotated[
        bool, typer.Option("--opportunities", help="Count whole periods with a purchase.")
    ] = False,
    rejected: Annotated[Path | None, typer.Option(help="CSV file to write rejected rows to.")] = None,
) -> None:
    """From transactions, or contracts, to statistics by customer (.nc or .parquet)."""
    from bayes_cx.app import commands

    settings = given.settings()
    given.check_apart(settings, writes=(out, rejected))
    commands.summarise(settings, out, rejected, regularity=regularity, opportunities=opportunities)


@app.command()
@takes(
    *("pool", "drift", "covariates", "calendar", "season", "by_date", "by_date_otherwise"),
    *("method", "seed", "strict"),
)
def fit(
    given: Given,
    stats: Stats,
    out: OutFile,
    model: Annotated[
        str | None,
        typer.Option(
            help=f"Model: {either((*(entry.key for entry in catalogue.MODELS), AUTO))}, which chooses among "
            f"those that the data allow. (default: {AUTO})"
        ),
    ] = None,
    coarsen: Annotated[
        str | None,
        typer.Option(help="Let customers share a row whose times differ by less than, say, '1 week'."),
    ] = None,
    coarsen_spend: Annotated[
        float | None,
        typer.Option(help="Let customers share a row whose mean spends differ by less than this share."),
    ] = None,
) -> None:
    """From statistics to the posterior of a model (.nc)."""
    from bayes_cx.app import commands

    settings = given.settings()
    given.check_apart(settings, [stats], [out])
    commands.fit(stats, model, settings, out, within=coarsen, spend=coarsen_spend)


@app.command()
@takes("discount_rate", "by_date", "by_date_otherwise")
def score(
    given: Given,
    posterior: Fitted,
    stats: Stats,
    out: OutFile,
    quantity: Annotated[str, typer.Option(help="What to score, such as p_alive.")] = "p_alive",
    t: Annotated[list[str] | None, typer.Option(help=f"How far ahead, such as '52 weeks'{MORE}.")] = None,
    t1: Annotated[
        list[str] | None, typer.Option(help=f"From how far ahead, of expected_purchases_between{MORE}.")
    ] = None,
    t2: Annotated[list[str] | None, typer.Option(help=f"Until how far ahead, of the same{MORE}.")] = None,
    count: Annotated[
        list[int] | None, typer.Option(help=f"The number of purchases, of p_purchases{MORE}.")
    ] = None,
    keep: Annotated[
        list[float] | None,
        typer.Option(help=f"The share by which the chance to leave falls, of ..._if_less_dropout{MORE}."),
    ] = None,
) -> None:
    """Mean, standard deviation and quantiles of a quantity by customer (.csv or .parquet)."""
    from bayes_cx.app import commands

    options = {"t": t, "t1": t1, "t2": t2, "count": count, "keep": keep}
    settings = given.settings()
    given.check_apart(settings, [posterior, stats], [out])
    commands.score(posterior, stats, quantity, options, settings, out)


@app.command()
@takes("horizon", "discount_rate", "margin", "worth", "seed", "draws", Offers)
def prioritise(
    given: Given,
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Posterior of purchases, posterior of spend where there is one, and statistics.",
            metavar="PURCHASES [SPEND] STATISTICS",
        ),
    ],
    out: OutFile,
) -> None:
    """From posteriors and statistics to the plan: whom to contact (.csv or .parquet)."""
    from bayes_cx.app import commands

    settings = given.settings()
    given.check_apart(settings, files, [out])
    commands.prioritise(files, settings, out)


@app.command()
@takes(
    *("file", "customer", "time", "amount", "by", "time_format", "timezone", "decimal", "thousands"),
    *("encoding", "query", "until", "worth", "margin", "cost", "seed", "strict"),
    *(Trial, "out", "title", "organisation", "currency", "timestamp"),
)
def trial(given: Given) -> None:
    """From the results of a trial to what won, how sure that is, and whether to stop or to go on."""
    from bayes_cx.app import trial_run

    settings = given.settings().stamped()
    given.check_apart(settings, writes=trial_run.files_of(settings))
    for sentence in trial_run.run(settings, given.again(settings)).sentences:
        typer.echo(sentence)
    typer.echo(f"The report is {settings.write.out}/trial.pdf; the posterior, {settings.write.out}/trial.nc.")


@app.command()
@takes("customers", "worth", "cost", "alpha", "seed", "currency")
def plan_trial(
    given: Given,
    control: Annotated[
        float,
        typer.Argument(
            help="Outcome of a customer without the action, such as 0.05 for 5%.", metavar="CONTROL"
        ),
    ],
    effect: Annotated[
        float,
        typer.Argument(
            help="The smallest change of it that one wants to find, such as 0.01.", metavar="EFFECT"
        ),
    ],
    sd: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation between customers, of amounts and counts. (default: a share's)"
        ),
    ] = None,
    arms: Annotated[int, typer.Option(help="Number of arms, the control among them.")] = 2,
    power: Annotated[float, typer.Option(help="Chance to find an effect of this size.")] = 0.8,
    looks: Annotated[int, typer.Option(help="How often one looks before the end.")] = 20,
    per_day: Annotated[
        float | None, typer.Option(help="Customers who can be assigned in a day, in all arms together.")
    ] = None,
    believed: Annotated[
        float | None,
        typer.Option(help="What the effect is believed to be. (default: 0, give or take EFFECT)"),
    ] = None,
    give_or_take: Annotated[
        float | None, typer.Option(help="Standard deviation of that belief. (default: EFFECT)")
    ] = None,
    trial_cost: Annotated[float, typer.Option(help="What the trial costs beside the action.")] = 0.0,
) -> None:
    """From an effect worth finding to the size, duration and power of a trial, and what it is worth."""
    from bayes_cx.app import trial_run

    asked = {"sd": sd, "arms": arms, "power": power, "looks": looks, "per_day": per_day}
    belief = None
    if believed is not None or give_or_take is not None:
        belief = believed or 0.0, abs(effect) if give_or_take is None else give_or_take
    for sentence in trial_run.planned(
        control, effect, given.settings(), **asked, prior=belief, trial_cost=trial_cost
    ):
        typer.echo(sentence)


@app.command()
@takes(
    *("title", "organisation", "timestamp", "seed", "strict"),
    *("decimal", "thousands", "encoding", "query"),
)
def uplift(
    given: Given,
    file: Annotated[
        Path, typer.Argument(help="Table with a row for each customer of a trial.", metavar="FILE")
    ],
    out: OutFolder,
    outcome: Annotated[str, typer.Option(help="Column with the response: 0 or 1, or an amount.")],
    treatment: Annotated[str, typer.Option(help="Column with what was done, assigned at random.")],
    control: Annotated[str, typer.Option(help="Its value for customers to whom nothing was done.")],
    features: Annotated[
        list[str], typer.Option(help="Columns by which effects may differ; several with commas.")
    ],
    categories: Annotated[
        list[str] | None, typer.Option(help="Features that are categories although they look like numbers.")
    ] = None,
    customer: Annotated[str | None, typer.Option(help="Column with the customer.")] = None,
    dose: Annotated[str | None, typer.Option(help="Column with how much of the treatment was given.")] = None,
    cost: Annotated[
        float,
        typer.Option(
            help="What a treatment costs, in the unit of the outcome; with --dose, in its largest dose."
        ),
    ] = 0.0,
    people: Annotated[
        Path | None, typer.Option(help="Table of customers to choose from. (default: those of the trial)")
    ] = None,
) -> None:
    """From a trial to whom a treatment changes, whether choosing customers gains, and whom to treat."""
    from bayes_cx.app import uplift_run
    from bayes_cx.app.rerun import command
    from bayes_cx.app.work import run_of

    settings = given.settings().stamped()
    names = [name.strip() for text in features for name in text.split(",") if name.strip()]
    kinds = [name.strip() for text in categories or () for name in text.split(",") if name.strip()]
    reading = {key: settings.value(key) for key in ("query", "encoding", "decimal", "thousands")}
    asked = uplift_run.Asked(
        file,
        people or file,
        outcome,
        treatment,
        control,
        names,
        kinds,
        customer,
        dose,
        cost,
        reading,
        settings.compute.strict,
    )
    given.check_apart(
        settings, [file, *([people] if people else [])], [out / name for name in uplift_run.FILES]
    )
    again = command("uplift", given.options, file, more=asked.flags(settings.write.stamp().isoformat()))
    for sentence in uplift_run.run(asked, run_of(settings, again), settings.compute.seed, out):
        typer.echo(sentence)
    typer.echo(f"The report is {out}/uplift.pdf; the customers, {out}/customers.csv.")


@app.command()
@takes(
    *("customer", "time", "amount", "by", "time_format", "timezone", "returns", "zero_amounts", "decimal"),
    *("thousands", "encoding", "query", "until", "window", "worth", "margin", "seed"),
    *("title", "organisation", "currency", "timestamp"),
)
def learn(
    given: Given,
    log: Annotated[Path, typer.Argument(help="Log of actions: a folder or a file.", metavar="LOG")],
    purchases: Annotated[Path, typer.Argument(help="Purchases: CSV, Parquet, Excel.", metavar="PURCHASES")],
    out: OutFolder,
    outcome: Annotated[
        str, typer.Option(help="What to learn of: bought, purchases, spend or gain.")
    ] = "bought",
    left: Annotated[str, typer.Option("--control", help="Action of customers left alone.")] = "nothing",
    cost: Annotated[
        list[str] | None, typer.Option(help="Cost of an action, such as mail=1.50; once for each.")
    ] = None,
    believe: Annotated[
        list[str] | None,
        typer.Option(help="What was believed of an action: mail=2,18 for Beta(2, 18); once for each."),
    ] = None,
    half_life: Annotated[str | None, typer.Option(help="Age at which a round counts half.")] = None,
    least: Annotated[float, typer.Option(help="Share of the next round with any action.")] = 0.05,
    left_alone: Annotated[float, typer.Option(help="Share of the next round that is left alone.")] = 0.05,
    plan_for: Annotated[
        datetime | None,
        typer.Option(
            help="Write the next plan into the log, as of this day.", formats=["%Y-%m-%d"], metavar="DATE"
        ),
    ] = None,
) -> None:
    """From a log of actions and purchases to what actions change, and the next plan."""
    from bayes_cx.app import learn_run

    settings = given.settings()
    given.check_apart(settings, [log, purchases], [out / name for name in learn_run.FILES])
    asked = learn_run.Asked(outcome, left, cost or (), believe or (), half_life, least, left_alone, plan_for)
    for sentence in learn_run.run(log, purchases, settings, asked, out):
        typer.echo(sentence)
    typer.echo(f"The report is {out}/learned.pdf; the next plan, {out}/next.csv.")


@app.command()
@takes("organisation", "timestamp", "seed")
def card(given: Given, posterior: Fitted, stats: Stats, out: OutFolder) -> None:
    """From a posterior to its model card (JSON, Markdown and PDF)."""
    from bayes_cx.app import commands
    from bayes_cx.app.folder import CARD

    settings = given.settings().stamped()
    given.check_apart(settings, [posterior, stats], [out / name for name in CARD])
    commands.card(posterior, stats, settings, out, given.again(settings, posterior, stats))


@app.command()
def datasets(
    name: Annotated[str | None, typer.Argument(help="Dataset to write; without it all are listed.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write; .nc for statistics.")] = None,
    debug: Debug = False,
) -> None:
    """List the datasets that are built in, or write one."""
    from bayes_cx.app import commands

    commands.datasets(name, out)
