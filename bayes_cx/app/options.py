"""The options that several commands share: said once, so that they mean the same everywhere."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

_DATE = ["%Y-%m-%d"]
_READ, _DO, _OUT = "What to read", "What to compute", "What to write"

Config = Annotated[
    Path | None,
    typer.Option(help="TOML file with any of these options; a flag wins over it.", metavar="FILE"),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

File = Annotated[
    str | None,
    typer.Argument(
        help="Transactions or contracts: CSV, Parquet, a folder of either, or a database with --query; "
        "or statistics (.nc) that `summarise` wrote.",
        metavar="FILE",
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="A dataset that is built in, instead of a file: cdnow, cdnow-sample, donations or cohorts.",
        rich_help_panel=_READ,
    ),
]
Customer = Annotated[str | None, typer.Option(help="Column with the customer id.", rich_help_panel=_READ)]
Time = Annotated[str | None, typer.Option(help="Column with the time of purchase.", rich_help_panel=_READ)]
Amount = Annotated[str | None, typer.Option(help="Column with the amount paid.", rich_help_panel=_READ)]
Start = Annotated[
    str | None,
    typer.Option(help="Column with the first day of a contract, instead of --time.", rich_help_panel=_READ),
]
End = Annotated[
    str | None,
    typer.Option(help="Column with its end, empty while the contract runs.", rich_help_panel=_READ),
]
By = Annotated[
    list[str] | None,
    typer.Option(help="Column that groups customers; may be given several times.", rich_help_panel=_READ),
]
TimeFormat = Annotated[
    str | None, typer.Option(help="strftime format of the times, such as %d.%m.%Y.", rich_help_panel=_READ)
]
Returns = Annotated[
    str | None,
    typer.Option(help="Negative amounts: reject, net or ignore. (default: reject)", rich_help_panel=_READ),
]
Query = Annotated[
    str | None, typer.Option(help="SQL that selects the rows of a database.", rich_help_panel=_READ)
]
Timezone = Annotated[
    str | None,
    typer.Option(
        help="Zone of the calendar days, for times with a zone. (default: UTC)", rich_help_panel=_READ
    ),
]
ZeroAmounts = Annotated[
    str | None, typer.Option(help="Amounts of zero: reject or keep. (default: reject)", rich_help_panel=_READ)
]
Pseudonymise = Annotated[
    bool | None, typer.Option("--pseudonymise", help="Replace ids by keyed hashes.", rich_help_panel=_READ)
]
KeyFile = Annotated[
    str | None,
    typer.Option(help="File with the key for the hashes; else BAYES_CX_KEY.", rich_help_panel=_READ),
]

Until = Annotated[
    datetime | None,
    typer.Option(
        formats=_DATE,
        help="Last day observed. (default: the last purchase; contracts need it)",
        rich_help_panel=_DO,
        metavar="DATE",
    ),
]
Unit = Annotated[
    str | None, typer.Option(help="hour, day, week, month or year. (default: week)", rich_help_panel=_DO)
]
Horizon = Annotated[
    str | None,
    typer.Option(help="How far ahead to value. (default: 52 weeks; by years, 5 years)", rich_help_panel=_DO),
]
DiscountRate = Annotated[
    float | None, typer.Option(help="Discount rate per year. (default: 0.10)", rich_help_panel=_DO)
]
Margin = Annotated[
    float | None,
    typer.Option(help="Share of the amounts that counts as value. (default: 1)", rich_help_panel=_DO),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Purchases: bg_nbd, mbg_nbd, pareto_nbd, bg_cnbd, mbg_cnbd. Purchases in whole periods: bg_bb. "
        "Contracts: sbg, bdw. Or auto: compare those that the data allow. (default: bg_nbd, or sbg)",
        rich_help_panel=_DO,
    ),
]
Worth = Annotated[
    float | None,
    typer.Option(
        help="What a purchase, or a renewal, is worth where there are no amounts.", rich_help_panel=_DO
    ),
]
Method = Annotated[
    str | None, typer.Option(help="auto, nuts or laplace. (default: auto)", rich_help_panel=_DO)
]
Seed = Annotated[
    int | None, typer.Option(help="The same seed, the same result. (default: 1)", rich_help_panel=_DO)
]
Draws = Annotated[int | None, typer.Option(help="Draws to value with. (default: 1000)", rich_help_panel=_DO)]
Strict = Annotated[
    bool | None,
    typer.Option("--strict", help="Stop with code 1 if a fit does not pass its checks.", rich_help_panel=_DO),
]
Cost = Annotated[
    float | None,
    typer.Option(help="Cost of the offer. (default: 10 % of a purchase)", rich_help_panel=_DO),
]
Budget = Annotated[float | None, typer.Option(help="Money there is for offers.", rich_help_panel=_DO)]
Capacity = Annotated[int | None, typer.Option(help="Customers that can be contacted.", rich_help_panel=_DO)]
Holdout = Annotated[
    bool | None,
    typer.Option(
        "--holdout/--no-holdout",
        help="Test the models on a held-out period. (default: yes)",
        rich_help_panel=_DO,
    ),
]
HoldoutFrom = Annotated[
    datetime | None,
    typer.Option(
        formats=_DATE,
        help="Last day the tested models may see. (default: after two thirds of the time)",
        rich_help_panel=_DO,
        metavar="DATE",
    ),
]

OutFile = Annotated[Path, typer.Option("--out", help="File to write.", rich_help_panel=_OUT)]
OutFolder = Annotated[Path | None, typer.Option("--out", help="Folder to write.", rich_help_panel=_OUT)]
Title = Annotated[str | None, typer.Option(help="Title of the report.", rich_help_panel=_OUT)]
Organisation = Annotated[str | None, typer.Option(help="Whose customers they are.", rich_help_panel=_OUT)]
Currency = Annotated[str | None, typer.Option(help="Sign before amounts, such as EUR.", rich_help_panel=_OUT)]
Timestamp = Annotated[
    str | None,
    typer.Option(help="Time to print, ISO 8601; else SOURCE_DATE_EPOCH, else now.", rich_help_panel=_OUT),
]
Top = Annotated[
    int | None, typer.Option(help="Rows of the short priority table. (default: 100)", rich_help_panel=_OUT)
]
