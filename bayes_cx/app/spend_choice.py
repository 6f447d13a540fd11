"""Which model of spend a run uses: the one that the settings name, or the one that the data support."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

import bayes_cx as bcx
from bayes_cx import catalogue
from bayes_cx.app.designs import able
from bayes_cx.app.settings import AUTO, Compute
from bayes_cx.errors import FitError, InputError
from bayes_cx.kinds import kind_of

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.model import Model
    from bayes_cx.validation.selection import Selection

__all__ = ["choose_spend", "spend_models"]

# Candidates are compared on so many customers who bought again, evenly spaced: a difference that takes more
# of them to be seen changes no decision.
_ENOUGH = 3_000
_DRAWS, _FUTURES = 1_000, 200


def spend_models(stats: "xr.Dataset", compute: Compute) -> "tuple[Model, ...]":
    """Return the models of spend that the settings and the statistics allow, the simplest first.

    Raises
    ------
    InputError
        If the one that is named reads columns that the statistics do not have.
    """
    entries = [entry for entry in catalogue.MODELS if entry.kind == catalogue.SPEND]
    if compute.spend_model != AUTO:
        entries = [entry for entry in entries if entry.key == compute.spend_model]
    keys = tuple(entry.key for entry in entries if all(name in stats for name in entry.columns))
    if not keys:
        raise InputError(
            f"--spend-model {compute.spend_model} for statistics without {', '.join(entries[0].columns)}",
            "statistics that `bayes-cx summarise` made of transactions with amounts",
            "summarise them again, or leave the option out",
        )
    if compute.covariates and compute.spend_model == AUTO:
        others = [bcx.models.find(entry.key) for entry in catalogue.candidates(kind_of(stats).key)]
        keys = able(keys, compute, others)
    return tuple(map(bcx.models.find, keys))


def choose_spend(
    stats: "xr.Dataset", parts: "bcx.Split | None", compute: Compute
) -> "tuple[Model, Selection | None]":
    """Return the model of spend to use, and how it was chosen where there was a choice.

    Parameters
    ----------
    stats : xarray.Dataset
        Statistics with amounts.
    parts : Split or None
        A hold-out, on which the intervals of the candidates are tested.
    compute : Compute
    """
    models = spend_models(stats, compute)
    if len(models) == 1:
        return models[0], None
    from bayes_cx.validation.selection import select_spend

    some = _some(stats)
    fits = _fits(models, some, compute)
    tested = {}
    if parts is not None and parts.holdout.get("spend_holdout", np.array(0.0)).sum() > 0:
        known = _some(parts.calibration)
        tested = {
            name: bcx.validation.spend_coverage(fit, parts, draws=_FUTURES, seed=compute.seed)
            for name, fit in _fits([fit.model for fit in fits.values()], known, compute).items()
        }
    selection = select_spend(fits, stats=some, tested=tested)
    return fits[selection.chosen].model, selection


def _fits(models: "Sequence[Model]", stats: "xr.Dataset", compute: Compute) -> "dict[str, bcx.Posterior]":
    """Return quick fits by name, of the models that have one."""
    found, errors = {}, []
    for model in models:
        try:
            method = bcx.Laplace(draws=_DRAWS)
            found[model.name] = bcx.fit(model, stats, method=method, seed=compute.seed, progress=False)
        except FitError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return found


def _some(stats: "xr.Dataset") -> "xr.Dataset":
    """Return the customers with repeat purchases, at most `_ENOUGH` of them, evenly spaced."""
    table = bcx.expand(stats)
    who = np.flatnonzero(table["x"].to_numpy() > 0)
    keep = np.unique(np.linspace(0, who.size - 1, min(who.size, _ENOUGH)).astype(int)) if who.size else who
    return table.isel(customer=who[keep])
