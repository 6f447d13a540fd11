"""The settings, each defined once: its key, type, default, help and limits.

Every field of `Read`, `Compute`, `Offers`, `Write` and the records of `event_settings` is a key of the TOML
file and, under the same name, a flag of the commands that use it. The module `flags` makes the flags and
their help, `load` checks values.
Only what ``--help`` needs is imported here.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_type_hints

from bayes_cx import catalogue
from bayes_cx.app.event_settings import JourneySettings, ReadEvents
from bayes_cx.app.groupings import no_formulas, no_groupings, one_line_each, spans_by_sort
from bayes_cx.app.offer_settings import ActionSettings, OfferSettings, ResponseSettings, Several
from bayes_cx.app.option import (
    Option,
    above,
    at_least,
    between,
    checked_span,
    either,
    one_of,
    one_or_many,
    some_text,
)
from bayes_cx.errors import InputError
from bayes_cx.spans import UNITS

__all__ = [
    "AUTO",
    "GROUPS",
    "SETTINGS",
    "ActionSettings",
    "Compute",
    "OfferSettings",
    "Offers",
    "Read",
    "ResponseSettings",
    "Setting",
    "Settings",
    "Several",
    "Trial",
    "Write",
    "checked_span",
    "settings_in",
]

AUTO = "auto"
"""The value of ``model`` that compares the models for the data and chooses one."""


def _datasets() -> Iterable[str]:
    return (entry.key for entry in catalogue.DATASETS)


def _reported() -> Iterable[str]:
    return (
        AUTO,
        *(entry.key for entry in catalogue.MODELS if entry.kind != catalogue.SPEND and entry.valued),
    )


def _spends() -> Iterable[str]:
    return (AUTO, *(entry.key for entry in catalogue.MODELS if entry.kind == catalogue.SPEND))


def _model_key(name: str) -> str:
    """Return the key of a model that was named by its key or its printed name; other words as they are."""
    with suppress(InputError):  # `check` says which there are, and what else may stand here
        return catalogue.find_model(name).key
    return name


def _models_help() -> str:
    by_kind = (
        f"for {says}, {', '.join(entry.key for entry in catalogue.candidates(kind))}"
        for kind, says in catalogue.KINDS.items()
        if kind != catalogue.SPEND and catalogue.candidates(kind)
    )
    return f"Model {'; '.join(by_kind)}; or {AUTO}, which chooses among those that the data allow."


@dataclass(frozen=True, kw_only=True)
class Read:
    """What to read."""

    file: Annotated[
        str | None,
        Option(
            "Transactions, contracts or events: CSV, Parquet, Excel, a folder of one of them, or a database; "
            "or statistics (.nc) that `summarise` wrote.",
            metavar="FILE",
            argument=True,
            path=True,
            record="place",
        ),
    ] = None
    dataset: Annotated[
        str | None,
        Option(
            lambda: f"A dataset that is built in, instead of a file: {either(_datasets())}.",
            check=one_of(_datasets),
        ),
    ] = None
    customer: Annotated[str | None, Option("Column with the customer id.", metavar="COLUMN")] = None
    time: Annotated[str | None, Option("Column with the time of purchase or event.", metavar="COLUMN")] = None
    amount: Annotated[
        str | None,
        Option(
            'Column with the amount paid, or arithmetic over columns such as "Quantity * UnitPrice".',
            metavar="COLUMN",
        ),
    ] = None
    start: Annotated[
        str | None, Option("Column with the first day of a contract, instead of --time.", metavar="COLUMN")
    ] = None
    end: Annotated[
        str | None, Option("Column with its end, empty while the contract runs.", metavar="COLUMN")
    ] = None
    by: Annotated[
        tuple[str, ...],
        Option(
            "Column that groups customers; may be given several times.", metavar="COLUMN", parse=one_or_many
        ),
    ] = ()
    cohort: Annotated[
        Literal["month", "quarter", "year"] | None,
        Option(
            "Group customers by the month, quarter or year of their first purchase, as the column cohort, "
            "for --drift cohort or --pool cohort."
        ),
    ] = None
    contacts: Annotated[
        Path | None,
        Option(
            "CSV file of who was contacted when: customer in the first column, day in the second, and in a "
            "third what it was, such as mail; days after the data state the future (bg_nbd, mbg_nbd).",
            metavar="FILE",
            path=True,
            record="place",
        ),
    ] = None
    contacts_last: Annotated[
        tuple[str, ...],
        Option(
            "For how long a contact counts, such as '4 weeks' or always; of one sort 'mail=4 weeks'. May be "
            "given several times.",
            default="1 week",
            metavar="SPAN",
            parse=spans_by_sort,
        ),
    ] = ()
    time_format: Annotated[str | None, Option("strftime format of the times, such as %d.%m.%Y.")] = None
    timezone: Annotated[str, Option("Zone of the calendar days, for times with a zone.")] = "UTC"
    returns: Annotated[Literal["reject", "net", "ignore", "keep"], Option("Negative amounts")] = "reject"
    zero_amounts: Annotated[Literal["reject", "keep"], Option("Amounts of zero")] = "reject"
    decimal: Annotated[Literal[".", ","], Option("Sign before the decimals of amounts")] = "."
    thousands: Annotated[
        str | None,
        Option(
            "Sign between their groups of three digits.",
            default="none; a point if --decimal is a comma",
            check=one_of(lambda: (".", ",", " ", "'")),
        ),
    ] = None
    encoding: Annotated[
        str | None, Option("Encoding of text files, such as cp1252.", default="UTF-8", check=some_text)
    ] = None
    query: Annotated[
        str | None,
        Option(
            "One SELECT: over the tables of a database, or over the table data, which stands for the files.",
            record="hidden",
        ),
    ] = None
    pseudonymise: Annotated[bool, Option("Replace ids by keyed hashes.")] = False
    key_file: Annotated[
        Path | None,
        Option("File with the key for the hashes; else BAYES_CX_KEY.", path=True, record="none"),
    ] = None

    def key(self) -> str | None:
        """Return the key for pseudonyms, or None when ids are kept: of `key_file`, else BAYES_CX_KEY.

        Raises
        ------
        InputError
            If pseudonyms are asked for without a key, or the key file cannot be read.
        """
        if not self.pseudonymise:
            return None
        if self.key_file is not None:
            try:
                return self.key_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(
                    f"the key file {self.key_file} cannot be read",
                    "a text file with the key",
                    "check --key-file",
                ) from error
        if key := os.environ.get("BAYES_CX_KEY", "").strip():
            return key
        raise InputError(
            "--pseudonymise without a key",
            "a secret that makes the pseudonyms",
            "pass --key-file FILE or set BAYES_CX_KEY; `openssl rand -hex 32` makes one",
        )


@dataclass(frozen=True, kw_only=True)
class Compute:
    """What to compute."""

    until: Annotated[
        date | None, Option("Last day observed.", default="the last purchase; contracts need it")
    ] = None
    unit: Annotated[str, Option(f"Unit of time: {either(UNITS)}.", check=one_of(lambda: UNITS))] = "week"
    horizon: Annotated[
        str | None,
        Option(
            "How far ahead to value.",
            default="52 weeks; by years, 5 years",
            parse=lambda span: str(checked_span(span)),
        ),
    ] = None
    discount_rate: Annotated[float, Option("Discount rate per year; 0.1 is 10 %.", check=between(0, 1))] = (
        0.10
    )
    margin: Annotated[float, Option("Share of the amounts that counts as value.", check=above(0))] = 1.0
    worth: Annotated[
        float | None,
        Option("What a purchase, or a renewal, is worth where there are no amounts.", check=above(0)),
    ] = None
    model: Annotated[str, Option(_models_help, parse=_model_key, check=one_of(_reported))] = AUTO
    pool: Annotated[
        tuple[str, ...],
        Option(
            "Groups of customers with parameters of their own that lean on those of the others: a column, "
            '"country / store" for stores within countries, or "country + product"; may be given several '
            "times.",
            metavar="COLUMNS",
            parse=one_or_many,
            check=no_groupings,
        ),
    ] = ()
    drift: Annotated[
        str | None,
        Option(
            "Groups in an order, such as cohort, whose parameters move smoothly from one to the next: a "
            "column of months, quarters, years, days or numbers.",
            metavar="COLUMN",
        ),
    ] = None
    covariates: Annotated[
        tuple[str, ...],
        Option(
            'What a parameter depends on, such as "purchase_rate=channel + age" or dropout=channel; may be '
            "given several times.",
            metavar="PARAMETER=COLUMNS",
            parse=one_line_each,
            check=no_formulas,
        ),
    ] = ()
    spend_model: Annotated[
        str,
        Option(
            lambda: f"Model of what a purchase is worth: {either(_spends())}.",
            parse=_model_key,
            check=one_of(_spends),
        ),
    ] = AUTO
    calendar: Annotated[
        bool,
        Option(
            "Let the purchases of all customers rise and fall together from week to week "
            "(bg_nbd, mbg_nbd, pareto_nbd)."
        ),
    ] = False
    season: Annotated[bool, Option("With a yearly season as well; needs two years.")] = False
    by_date: Annotated[
        Path | None,
        Option(
            "CSV file of what moves the purchases of all customers, such as promotions and prices: dates in "
            "the first column, numbers in the others; rows after the data state the future.",
            metavar="FILE",
            path=True,
            record="place",
        ),
    ] = None
    by_date_otherwise: Annotated[
        float | None,
        Option(
            "What its columns are on days that it does not list.",
            default="every day, or week, has to be listed",
        ),
    ] = None
    method: Annotated[Literal["auto", "nuts", "laplace"], Option("How to fit")] = "auto"
    seed: Annotated[int, Option("The same seed, the same result.", check=at_least(0))] = 1
    draws: Annotated[int, Option("Draws to value with.", check=at_least(100))] = 1000
    holdout: Annotated[bool, Option("Test the models on a held-out period.")] = True
    holdout_from: Annotated[
        date | None,
        Option("Last day the tested models may see.", default="after two thirds of the time"),
    ] = None
    strict: Annotated[bool, Option("Stop with code 1 if a fit does not pass its checks.")] = False

    @property
    def differ(self) -> bool:
        """Whether customers differ by what is known of them: by groups or covariates."""
        return bool(self.pool or self.covariates or self.drift)

    @property
    def in_calendar_time(self) -> bool:
        """Whether calendar time is asked for, by itself or by what needs it."""
        return self.calendar or self.season or self.by_date is not None


@dataclass(frozen=True, kw_only=True)
class Offers:
    """What to offer."""

    offers: Annotated[
        tuple[OfferSettings, ...], Option("The offers to choose from, instead of a cost.", flag=False)
    ] = ()
    cost: Annotated[
        float | None, Option("Cost of the offer.", default="10 % of a purchase", check=at_least(0))
    ] = None
    budget: Annotated[float | None, Option("Money there is for offers.", check=at_least(0))] = None
    capacity: Annotated[int | None, Option("Customers that can be contacted.", check=at_least(0))] = None
    max_loss_chance: Annotated[
        float,
        Option("Chance to lose money from which on nobody is contacted.", check=between(0.01, 1)),
    ] = 0.95


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What the trial is."""

    arm: Annotated[
        tuple[str, ...],
        Option(
            "Column with the arm; several are the factors of a factorial design.",
            metavar="COLUMN",
            parse=one_or_many,
        ),
    ] = ()
    control: Annotated[
        tuple[str, ...],
        Option(
            "The arm that the others are compared with, or the level of each factor.",
            metavar="ARM",
            parse=one_or_many,
        ),
    ] = ()
    outcome: Annotated[
        str | None, Option("Column with the outcome, where it stands beside the arm.", metavar="COLUMN")
    ] = None
    purchases: Annotated[
        str | None,
        Option(
            "File of what customers did afterwards, with the columns --customer and --bought-at.",
            metavar="FILE",
            path=True,
            record="place",
        ),
    ] = None
    bought_at: Annotated[
        str | None, Option("Column of --purchases with the time.", default="that of --time", metavar="COLUMN")
    ] = None
    measure: Annotated[
        Literal["conversion", "count", "value"] | None,
        Option(
            "What the outcome is: whether something happened, how often, or an amount",
            default="conversion; a column of other numbers than 0 and 1 has to be named",
        ),
    ] = None
    window: Annotated[
        str | None,
        Option(
            "How long after the assignment purchases count.",
            default="until the end",
            parse=lambda span: str(checked_span(span)),
        ),
    ] = None
    before: Annotated[
        str | None,
        Option("Column with a number known before the assignment, to adjust for; or how long before it."),
    ] = None
    customers: Annotated[
        int | None,
        Option("How many customers the best arm would reach, for what it is worth.", check=at_least(1)),
    ] = None
    effect: Annotated[
        float | None,
        Option(
            "The effect that was hoped for before the trial.",
            default="a fifth of the control",
            check=above(0),
        ),
    ] = None
    worthwhile: Annotated[float, Option("The smallest effect worth having.", check=at_least(0))] = 0.0
    alpha: Annotated[
        float,
        Option(
            "Chance to stop for an arm without an effect, however often one looks.", check=between(1e-6, 0.5)
        ),
    ] = 0.05


@dataclass(frozen=True, kw_only=True)
class Write:
    """What to write."""

    out: Annotated[Path | None, Option("Folder to write.", path=True, record="none")] = None
    title: Annotated[str | None, Option("Title of the report.")] = None
    organisation: Annotated[str, Option("The organisation whose customers they are.")] = ""
    currency: Annotated[str, Option("Sign before amounts, such as EUR.")] = ""
    timestamp: Annotated[
        datetime | None, Option("Time to print, ISO 8601; else SOURCE_DATE_EPOCH, else now.")
    ] = None
    top: Annotated[int, Option("Rows of the short priority table.", check=at_least(1))] = 100

    def stamp(self) -> datetime:
        """Return the time printed on the output: `timestamp`, else SOURCE_DATE_EPOCH, else now; in UTC."""
        if self.timestamp is not None:
            if self.timestamp.tzinfo is None:
                return self.timestamp.replace(tzinfo=UTC)
            try:
                return self.timestamp.astimezone(UTC)
            except OverflowError as error:
                raise InputError(
                    f"the timestamp {self.timestamp}", "a time in the years 1 to 9999", "correct --timestamp"
                ) from error
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None:
            return datetime.now(UTC).replace(microsecond=0)
        try:
            return datetime.fromtimestamp(int(epoch), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise InputError(
                f"SOURCE_DATE_EPOCH is {epoch!r}", "whole seconds since 1970", "correct or unset it"
            ) from error


_EVENTS, _JOURNEYS, _SEVERAL = ReadEvents(), JourneySettings(), Several()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a command."""

    read: Read = Read()
    compute: Compute = Compute()
    offer: Offers = Offers()
    trial: Trial = Trial()
    write: Write = Write()
    events: ReadEvents = _EVENTS
    journeys: JourneySettings = _JOURNEYS
    several: Several = _SEVERAL

    def stamped(self) -> "Settings":
        """Return the settings with the time of this run, so that it is asked for once."""
        return replace(self, write=replace(self.write, timestamp=self.write.stamp()))

    def value(self, key: str) -> Any:
        """Return the value of a setting by its key, such as ``"unit"``."""
        (record,) = (part for name in GROUPS if hasattr(part := getattr(self, name), key))
        return getattr(record, key)


class Setting(NamedTuple):
    """A field of a record of settings: its key, type, default and `Option`."""

    key: str
    type: Any
    default: Any
    option: Option


def settings_in(record: type) -> tuple[Setting, ...]:
    """Return the settings of a record, such as `Read`."""
    hints = get_type_hints(record, include_extras=True)
    settings = []
    for field in fields(record):
        kind, option = get_args(hints[field.name])
        settings.append(Setting(field.name, kind, field.default, option))
    return tuple(settings)


GROUPS: dict[str, type] = {field.name: type(field.default) for field in fields(Settings)}
"""The records of settings by the name of their field."""

SETTINGS: dict[str, Setting] = {one.key: one for record in GROUPS.values() for one in settings_in(record)}
"""Every setting by its key."""
