"""Which model of spend a run uses: the one that the settings name, or the one that the data support."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

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

__all__ = ["SpendChoice", "choose_spend", "spend_models", "with_frequency"]

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


class SpendChoice(NamedTuple):
    """The model of spend of a run.

    Attributes
    ----------
    model : Model
    selection : Selection or None
        How it was chosen, where there was a choice.
    fits : dict of str to Posterior
        Quick fits of the candidates.
    """

    model: "Model"
    selection: "Selection | None"
    fits: "dict[str, bcx.Posterior]"


def choose_spend(stats: "xr.Dataset", parts: "bcx.Split | None", compute: Compute) -> SpendChoice:
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
        return SpendChoice(models[0], None, {})
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
    return SpendChoice(fits[selection.chosen].model, selection, fits)


def with_frequency(
    purchases: "bcx.Posterior",
    spend: "bcx.Posterior",
    choice: SpendChoice,
    stats: "xr.Dataset",
    horizon: str,
    compute: Compute,
) -> "bcx.SpendAndFrequency | None":
    """Return how spend goes with frequency, on evenly spaced customers; None without such a model."""
    known = [fit for fit in (*choice.fits.values(), spend) if fit.model.without_frequency is not None]
    known = [fit for fit in known if fit.layout.design.is_constant]
    if not known:
        return None
    table = bcx.expand(stats)
    n = table.sizes["customer"]
    keep = np.unique(np.linspace(0, n - 1, min(n, _ENOUGH)).astype(int))
    value = bcx.lifetime_value(
        purchases,
        known[0],
        table.isel(customer=keep),
        horizon=horizon,
        discount_rate=compute.discount_rate,
        draws=_FUTURES,
    )
    return bcx.spend_and_frequency(value)


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
