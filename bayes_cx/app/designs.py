"""The design that the settings ask for: the columns it reads, and the part of it for each model."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx.app.option import either
from bayes_cx.app.settings import Compute
from bayes_cx.data.contacts import contacts_of
from bayes_cx.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.model import Model

__all__ = [
    "able",
    "by_date",
    "check_coordinates",
    "check_design_columns",
    "covariate_columns",
    "design_columns",
    "design_of",
    "formulas",
]


def formulas(compute: Compute) -> dict[str, str]:
    """Return the formula of each coordinate that has covariates.

    Examples
    --------
    >>> formulas(Compute(covariates=("purchase_rate=channel + age", "dropout=channel")))
    {'purchase_rate': 'channel + age', 'dropout': 'channel'}
    """
    return dict(line.split("=", 1) for line in compute.covariates)


def design_columns(compute: Compute) -> tuple[str, ...]:
    """Return the columns that the settings pool over, let drift or use as covariates.

    Examples
    --------
    >>> design_columns(Compute(pool=("country / store",), covariates=("dropout=channel",)))
    ('channel', 'country', 'store')
    >>> design_columns(Compute(drift="cohort"))
    ('cohort',)
    """
    if not compute.differ:
        return ()
    return bcx.Design(pool=compute.pool, formulas=formulas(compute), drift=compute.drift).columns


def covariate_columns(compute: Compute) -> tuple[str, ...]:
    """Return the columns that are covariates and nothing else.

    Examples
    --------
    >>> covariate_columns(Compute(pool=("country",), covariates=("dropout=country + age",)))
    ('age',)
    """
    if not compute.covariates:
        return ()
    design = bcx.Design(pool=compute.pool, formulas=formulas(compute), drift=compute.drift)
    return tuple(name for name in design.covariate_columns if name not in design.group_columns)


def design_of(
    model: "Model", stats: "xr.Dataset", compute: Compute, *, first_part: bool = False
) -> "bcx.Design":
    """Return the design of a fit: what the settings say of the coordinates that the model has.

    If they say nothing, contracts are partially pooled by the first column of groups. Contacts that are in
    the statistics count. Of the `first_part` of the data, columns by date that do not vary in it are left
    out. Groups and calendar time are for what customers do. What they spend, of which each customer has a
    level of their own in any case, has groups only where its model is the one that is named; with drift the
    level of those of a cohort moves as well.
    """
    acts = model.kind.forecast is not None
    shared: dict[str, Any] = (
        {**_shared(compute, stats if first_part else None), "contacts": tuple(contacts_of(stats))}
        if acts
        else {}
    )
    if compute.differ:
        own = {name: text for name, text in formulas(compute).items() if name in model.priors}
        grouped = acts or compute.model == model.key
        pool: Any = compute.pool if grouped else ()
        drift: Any = compute.drift
        if drift is not None and not grouped:
            drift = {name: drift for name in model.priors if name in model.traits}
        return bcx.Design(pool=pool, drift=drift, formulas=own, **shared)
    if any(shared.values()):
        return bcx.Design(**shared)
    groups = [str(name) for name, column in stats.data_vars.items() if column.dtype.kind in "OUT"]
    if model.kind.leaving != "observed" or not groups or len(set(stats[groups[0]].to_numpy())) < 2:
        return bcx.Design()
    return bcx.Design(pooled=dict.fromkeys(model.priors, groups[0]))


def _shared(compute: Compute, part: "xr.Dataset | None") -> dict[str, Any]:
    """Return what the settings say of what all customers share; of a part of the data what it can show."""
    columns, calendar = by_date(compute), compute.calendar or compute.by_date is not None
    if columns is not None and part is not None:
        from bayes_cx.inference.dated import varying

        names = varying(columns, part)
        columns = columns.only(names) if names else None
    return {"calendar": calendar, "season": compute.season, "by_date": columns}


def by_date(compute: Compute) -> "bcx.ByDate | None":
    """Return the columns by date of the file of the settings, if they name one."""
    if compute.by_date is None:
        return None
    from bayes_cx.data.by_date import read_by_date

    return bcx.ByDate(read_by_date(compute.by_date), otherwise=compute.by_date_otherwise)


def check_coordinates(models: "Sequence[Model]", compute: Compute) -> None:
    """Refuse covariates of what none of the models has.

    Raises
    ------
    InputError
        If a coordinate is of none of them.
    """
    known = {name: prior.meaning for model in models for name, prior in model.priors.items()}
    for name in formulas(compute):
        if name not in known:
            names = " and ".join(model.name for model in models)
            raise InputError(
                f"--covariates of {name!r}", f"a parameter of {names}: {either(known)}", "name one of these"
            )


def able(keys: Sequence[str], compute: Compute, others: "Iterable[Model]" = ()) -> tuple[str, ...]:
    """Return the models that have every coordinate with covariates, apart from those of `others`.

    All of them where none has: `check_coordinates` then says what is wrong.
    """
    elsewhere = {name for model in others for name in model.priors}
    needed = formulas(compute).keys() - elsewhere
    found = tuple(key for key in keys if not needed or needed <= bcx.models.find(key).priors.keys())
    return found or tuple(keys)


def check_design_columns(stats: "xr.Dataset", compute: Compute) -> None:
    """Refuse a design on columns that the statistics do not have.

    Raises
    ------
    InputError
        With the columns that there are.
    """
    if missing := [name for name in design_columns(compute) if name not in stats]:
        asked = {"--pool": compute.pool, "--drift": compute.drift, "--covariates": compute.covariates}
        of = [flag for flag, columns in asked.items() if columns]
        there = ", ".join(str(name) for name in stats.data_vars) or "none"
        raise InputError(
            f"{' or '.join(of)} with the column {missing[0]}",
            f"a column of the statistics: {there}",
            "correct its name, or keep the column when the statistics are made: bayes-cx summarise --by",
        )
