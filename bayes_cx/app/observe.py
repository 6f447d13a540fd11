"""What a command works on: statistics from transactions or contracts, or statistics made before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx import catalogue
from bayes_cx.app.designs import able, check_design_columns, covariate_columns, design_columns
from bayes_cx.app.opt_outs import refuse
from bayes_cx.app.settings import AUTO, SETTINGS, Settings
from bayes_cx.app.spend_choice import spend_models
from bayes_cx.app.steps import Steps
from bayes_cx.app.store import holds_statistics, read_statistics
from bayes_cx.errors import InputError
from bayes_cx.kinds import CONTRACTS, kind_of

if TYPE_CHECKING:
    import xarray as xr

    type AddContacts = Callable[[xr.Dataset], xr.Dataset]

__all__ = ["Observed", "load_dataset", "models_for", "observe", "read_purchases", "reads_twice"]

# Share of the observed time that models under test are fitted to, unless the user names a day.
SHARE_OF_TIME = 2 / 3
# Settings of how to read amounts that tables of contracts do not have.
OF_PURCHASES = ("returns", "zero_amounts", "decimal", "thousands")
# What helps against a reason for which rows were rejected.
_HINTS = {
    "unreadable amount": "; see --decimal and --thousands",
    **dict.fromkeys(("unreadable time", "unreadable start", "unreadable end"), "; see --time-format"),
    "line that is not UTF-8": "; see --encoding",
}
# Settings of what statistics, or the data sets that are built in, have had read already.
OF_TABLES = (
    *("customer", "time", "amount", "start", "end", "by", "time_format", "timezone"),
    *OF_PURCHASES,
    "encoding",
    "query",
)


@dataclass(frozen=True)
class Observed:
    """The data of a run.

    Attributes
    ----------
    stats : xarray.Dataset
        Statistics by customer, or by weighted row, under pseudonyms if that was asked for.
    models : tuple of str
        The keys of the models to fit: one, or the candidates of a selection.
    split : callable or None
        ``split() -> Split`` cuts the observation in two; None where only statistics are known.
    refusing : tuple
        The customers who refuse all contacts, by the column that the settings name for that.
    """

    stats: "xr.Dataset"
    models: tuple[str, ...]
    split: "Callable[[], bcx.Split] | None" = None
    refusing: tuple[object, ...] = ()


def _observed(
    settings: Settings, stats: "xr.Dataset", split: "Callable[[], bcx.Split] | None" = None
) -> Observed:
    """Return the data of a run, in which covariates that are numbers are numbers, and not groups."""
    # Loads nothing where there are none.
    from bayes_cx.data.number_columns import as_numbers, with_numbers

    stats = _with_cohorts(settings, stats)
    check_design_columns(stats, settings.compute)
    stats, refusing = _without_opt_outs(settings, stats)
    numeric = [name for name in covariate_columns(settings.compute) if name not in settings.read.by]
    numeric = [name for name in numeric if as_numbers(stats[name]) is not None]

    def parts() -> "bcx.Split":
        assert split is not None
        made = split()
        calibration, _ = _without_opt_outs(settings, _with_cohorts(settings, made.calibration))
        return replace(made, calibration=with_numbers(calibration, numeric))

    stats = with_numbers(stats, numeric)
    changed = split is not None and (numeric or settings.read.cohort or settings.several.opt_out_column)
    again = parts if changed else split
    # Split once, although the choice of models and the hold-out test all ask.
    return Observed(stats, models_for(settings, stats), None if again is None else cache(again), refusing)


def _without_opt_outs(settings: Settings, stats: "xr.Dataset") -> "tuple[xr.Dataset, tuple[object, ...]]":
    """Return the statistics without the column of opt-outs, and who refuses by it; it groups nobody."""
    column = settings.several.opt_out_column
    if column is None:
        return stats, ()
    if column not in stats or stats[column].dims != ("customer",):
        raise InputError(
            f"no column {column} of opt-outs",
            "a column of the transactions or contracts",
            "correct opt_out_column, or name a file as opt_outs",
        )
    customers = stats["customer"].to_numpy()[refuse(stats[column].to_numpy(), column)]
    kept = stats if column in _by(settings, opt_outs=False) else stats.drop_vars(column)
    return kept, tuple(customers.tolist())


def _with_cohorts(settings: Settings, stats: "xr.Dataset") -> "xr.Dataset":
    """Return the statistics with the column of cohorts that the settings ask for."""
    from bayes_cx.data.cohorts import COHORT, cohorts

    if settings.read.cohort is None:
        return stats
    if COHORT in stats:
        raise InputError(f"--cohort for data with a column {COHORT}", "one of the two", "leave out --cohort")
    return cohorts(stats, settings.read.cohort)


def reads_twice(settings: Settings) -> bool:
    """Return whether reading and summarising are two steps, as for transactions."""
    return not _are_statistics(settings) and settings.read.start is None


def _are_statistics(settings: Settings) -> bool:
    if settings.read.dataset is not None:
        return catalogue.find_dataset(settings.read.dataset).summarised
    return settings.read.file is not None and holds_statistics(Path(settings.read.file))


def load_dataset(key: str, **options: Any) -> Any:
    """Load a data set that is built in: `Transactions`, or statistics where its entry says so.

    Raises
    ------
    InputError
        If it has events.
    """
    entry = catalogue.find_dataset(key)
    if entry.events:
        raise InputError(
            f"the dataset {key}, which has events", "transactions or statistics", "use `journeys`"
        )
    return getattr(bcx, entry.loader)(**entry.arguments, **options)


def models_for(settings: Settings, stats: "xr.Dataset") -> tuple[str, ...]:
    """Return the models for these statistics: the one that is named, or all for ``"auto"``.

    Raises
    ------
    InputError
        If the model that is named is for other data.
    """
    kind = kind_of(stats).key
    known = catalogue.candidates(kind)
    if not known:
        raise InputError(
            f"statistics of {kind}", "statistics that a report or a fit has a model for", "see docs/models.md"
        )
    if settings.compute.model == AUTO:
        keys = tuple(entry.key for entry in known if set(entry.columns) <= set(stats.keys()))
        paid = settings.compute.covariates and "spend" in stats
        return able(keys, settings.compute, spend_models(stats, settings.compute) if paid else ())
    keys = tuple(entry.key for entry in known)
    if settings.compute.model not in keys:
        raise InputError(
            f"the model {settings.compute.model} for {catalogue.KINDS[kind]}",
            f"one of {', '.join(keys)}",
            "choose one of these",
        )
    return (settings.compute.model,)


def observe(
    settings: Settings,
    steps: Steps,
    rejected: Path | None,
    *,
    regularity: bool = False,
    opportunities: bool = False,
) -> Observed:
    """Read and summarise the data that the settings name; report what was left out and why.

    Parameters
    ----------
    settings : Settings
    steps : Steps
    rejected : Path, optional
        Where to write the rows that were left out, with number and reason, as CSV. Under pseudonyms only the
        columns of the schema stay, because any other may name the customer too.
    regularity, opportunities : bool
        Whether to summarise these, even if the model of the settings does not need them.
    """
    key = settings.read.key()
    statistics = _are_statistics(settings)
    if statistics:
        made = (*OF_TABLES, "until", "unit", "contacts")
        _unused(settings, made, "statistics", "settings that statistics leave open")
    elif settings.read.dataset is not None:
        _unused(settings, OF_TABLES, f"the dataset {settings.read.dataset}", "a file with such columns")
    if statistics:
        with steps.step("Read statistics") as step:
            named = settings.read.dataset
            stats = read_statistics(Path(str(settings.read.file))) if named is None else load_dataset(named)
            step.says = f"{_customers(stats):,} customers of {stats.attrs.get('source', 'an unknown source')}"
            if key is not None:
                stats = bcx.pseudonymise(stats, key)
            return _observed(settings, stats)
    return (_contracts if settings.read.start is not None else _transactions)(
        settings, key, steps, rejected, regularity=regularity, opportunities=opportunities
    )


def _customers(stats: "xr.Dataset") -> int:
    return int(stats["weight"].sum()) if "weight" in stats else stats.sizes["customer"]


def _contracts(
    settings: Settings,
    key: str | None,
    steps: Steps,
    rejected: Path | None,
    *,
    regularity: bool,
    opportunities: bool,
) -> Observed:
    if settings.read.file is None:
        raise InputError("--start without a file", "a table of contracts", "name one, without --dataset")
    _unused(settings, ("contacts",), "contracts", "purchases, which contacts may change")
    if regularity or opportunities:
        raise InputError("--regularity or --opportunities for contracts", "neither of them", "leave them out")
    _unused(
        settings, OF_PURCHASES, "contracts", "amounts of zero or more, written as computers write numbers"
    )
    for name, what in (("customer", "the customer id"), ("end", "the end, empty while a contract runs")):
        _needed(settings, name, f"the column with {what}")
    _needed(settings, "until", "the last day that was observed", "DATE")
    given: dict[str, Any] = {
        "customer": str(settings.read.customer),
        "start": str(settings.read.start),
        "end": str(settings.read.end),
        "amount": settings.read.amount,
        "unit": settings.compute.unit,
        "by": _by(settings),
        "time_format": settings.read.time_format,
        "timezone": settings.read.timezone,
        "encoding": settings.read.encoding,
        "query": settings.read.query,
        "pseudonym_key": key,
    }
    with steps.step("Summarise contracts") as step:
        stats = bcx.summarise_contracts(
            str(settings.read.file), until=settings.compute.until, rejected=rejected, **given
        )
        step.says = f"{stats.sizes['customer']:,} customers until {stats.attrs['until']}"
    _note(stats, steps)

    def split() -> "bcx.Split":
        cut = _cut(stats, settings)
        return bcx.split_contracts(
            str(settings.read.file), calibration_end=cut, until=settings.compute.until, **given
        )

    return _observed(settings, stats, split)


def _cut(stats: "xr.Dataset", settings: Settings) -> date:
    """Return the last day that models under test may see."""
    first, last = (date.fromisoformat(stats.attrs[name][:10]) for name in ("period_start", "until"))
    return settings.compute.holdout_from or first + timedelta(days=int((last - first).days * SHARE_OF_TIME))


def _transactions(
    settings: Settings,
    key: str | None,
    steps: Steps,
    rejected: Path | None,
    *,
    regularity: bool,
    opportunities: bool,
) -> Observed:
    with steps.step("Read transactions") as step:
        transactions = read_purchases(settings, key)
        step.says = f"{transactions.rows_read:,} rows of {transactions.source}"
    contacted = _contacts_of(settings, key, transactions)
    named = [entry for entry in catalogue.MODELS if settings.compute.model == entry.key]
    regular = regularity or any("regularity" in entry.columns for entry in named)
    whole = opportunities or [entry.kind for entry in named] == ["opportunities"]
    if rejected is not None and not transactions.rows_accepted:
        transactions.write_rejected(rejected)  # before the error that nothing is left
    with steps.step("Summarise customers") as step:
        if whole:
            stats = bcx.summarise_opportunities(transactions, settings.compute.until, settings.compute.unit)
        else:
            stats = bcx.summarise(
                transactions, settings.compute.until, settings.compute.unit, regularity=regular
            )
        stats = contacted(stats)
        step.says = f"{stats.sizes['customer']:,} customers until {stats.attrs['until']}"
    _note(stats, steps)
    if rejected is not None:
        transactions.write_rejected(rejected, stats.attrs["until"], settings.compute.unit)

    def split() -> "bcx.Split":
        from bayes_cx.data.contacts import without_future_sorts

        made = bcx.split(
            transactions,
            _cut(stats, settings),
            stats.attrs["until"],
            settings.compute.unit,
            regularity=regular,
            opportunities=whole,
        )
        return replace(made, calibration=without_future_sorts(contacted(made.calibration)))

    return _observed(settings, stats, split)


def _contacts_of(settings: Settings, key: str | None, purchases: "bcx.Transactions") -> "AddContacts":
    """Return a function that adds the contacts of the settings, if any, to statistics of these purchases."""
    if settings.read.contacts is None:
        return lambda stats: stats
    from bayes_cx.data.contact_file import read_contacts

    logs = read_contacts(settings.read.contacts, timezone=settings.read.timezone, pseudonym_key=key)
    spans: dict[str, str] = {}
    for line in settings.read.contacts_last:
        name, _, span = line.rpartition("=")
        spans[name] = span
    otherwise = spans.pop("", "1 week")
    if unknown := spans.keys() - logs.keys():
        raise InputError(
            f"--contacts-last of {min(unknown)}",
            f"one of the contacts in the file: {', '.join(logs)}",
            "correct its name",
        )
    lasts = {name: spans.get(name, otherwise) for name in logs}
    return lambda stats: bcx.with_contacts(stats, purchases, logs, lasts=lasts)


def read_purchases(settings: Settings, key: str | None) -> "bcx.Transactions":
    """Return the purchases that the settings name.

    Raises
    ------
    InputError
        If none are named, or they cannot be read.
    """
    if settings.read.dataset is not None:
        return load_dataset(settings.read.dataset, pseudonym_key=key)
    if settings.read.file is None:
        raise InputError("no transactions are named", "a file", "name one, or pass --dataset cdnow")
    _needed(settings, "customer", "the column with the customer")
    _needed(settings, "time", "the column with the time")
    return bcx.read_transactions(
        str(settings.read.file),
        customer=str(settings.read.customer),
        time=str(settings.read.time),
        amount=settings.read.amount,
        by=_by(settings),
        time_format=settings.read.time_format,
        timezone=settings.read.timezone,
        returns=settings.read.returns,
        zero_amounts=settings.read.zero_amounts,
        decimal=settings.read.decimal,
        thousands=settings.read.thousands,
        encoding=settings.read.encoding,
        query=settings.read.query,
        pseudonym_key=key,
    )


def _by(settings: Settings, *, opt_outs: bool = True) -> tuple[str, ...]:
    """Return the columns to keep by customer: those asked for, of the design, and of opt-outs."""
    of_design = design_columns(settings.compute)
    if settings.read.cohort is not None:  # which is made of the statistics
        of_design = tuple(name for name in of_design if name != "cohort")
    column = settings.several.opt_out_column
    return tuple(dict.fromkeys((*settings.read.by, *of_design, *([column] if opt_outs and column else []))))


def _unused(settings: Settings, names: Sequence[str], what: str, expected: str) -> None:
    """Refuse settings that change nothing for these data, instead of passing over them."""
    changed = [name for name in names if settings.value(name) != SETTINGS[name].default]
    if changed:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in changed)
        raise InputError(f"{flags} for {what}", expected, "leave this out")


def _needed(settings: Settings, name: str, what: str, value: str = "COLUMN") -> None:
    if settings.value(name) is None:
        raise InputError(f"--{name} is missing", what, f"pass --{name} {value}")


def _note(stats: "xr.Dataset", steps: Steps) -> None:
    """Report the rows that were left out, and what a reader should know of the others."""
    from bayes_cx.data import provenance_of

    provenance = provenance_of(stats)
    for remark in provenance.remarks:
        steps.note(remark)
    for reason, rows in provenance.rejected.items():
        hint = _HINTS.get(reason, "") if provenance.kind != CONTRACTS.key or "amount" not in reason else ""
        steps.note(f"{rows:,} {'row' if rows == 1 else 'rows'} rejected: {reason}{hint}")
