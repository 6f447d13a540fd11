"""The model of a run: the one that is named, or the one that the rule of `validation.selection` chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import bayes_cx as bcx
from bayes_cx.app.settings import AUTO, Compute
from bayes_cx.app.work import fit_model, insist, method_of
from bayes_cx.data.contacts import contacts_of
from bayes_cx.errors import BayesCxError, FitError, InputError

if TYPE_CHECKING:
    import xarray as xr

    from bayes_cx.model import Model
    from bayes_cx.validation.selection import Selection
    from bayes_cx.validation.short_test import ShortTest

__all__ = ["Choice", "Tried", "choose", "chosen", "is_chosen", "tried"]

# So many draws tell models apart, at a quarter of the time of those that the report is made from.
_DRAWS = 1000


@dataclass(frozen=True)
class Tried:
    """The models that compete, fitted with constant rates.

    Attributes
    ----------
    fits : dict of str to Posterior
        By name.
    note : str
        Which models were left out and why; "" if none was.
    """

    fits: "dict[str, bcx.Posterior]"
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """The model of a run.

    Attributes
    ----------
    fit : Posterior
        To all data.
    selection : Selection or None
        How it was chosen; None where it was named.
    runner_up : Posterior or None
        The fit of the model that came next.
    calibrated : Posterior or None
        The fit of the chosen model to the calibration period, where there is one with the same design.
    """

    fit: "bcx.Posterior"
    selection: "Selection | None" = None
    runner_up: "bcx.Posterior | None" = None
    calibrated: "bcx.Posterior | None" = None


def is_chosen(compute: Compute, keys: Sequence[str]) -> bool:
    """Return whether the model is to be chosen among several."""
    return compute.model == AUTO and len(keys) > 1


def tried(keys: Sequence[str], stats: "xr.Dataset", compute: Compute, progress: bool = False) -> Tried:
    """Fit the models that compete, with constant rates; one without a maximum is left out.

    Parameters
    ----------
    keys : sequence of str
        Of the models that the data allow.
    stats : xarray.Dataset
    compute : Compute
        With calendar time only models compete that can have it.
    progress : bool

    Raises
    ------
    InputError
        If calendar time is asked for and no model can have it.
    FitError
        If no model could be fitted.
    """
    from bayes_cx.validation.candidates import worth_trying

    models = [bcx.models.find(key) for key in keys]
    if compute.in_calendar_time:
        models = [model for model in models if model.has_clock]
        if not models:
            raise InputError("calendar time for such data", "models of purchases in time", "leave it out")
    if contacts_of(stats):
        models = [model for model in models if model.operational_time]
        if not models:
            raise InputError("contacts for such data", "models of purchases in time", "leave them out")
    models, note = worth_trying(models, stats)
    fits, errors = {}, []
    for model in models:
        try:
            fits[model.name] = _screened(model, stats, _plain(compute), progress)
        except FitError as error:
            errors.append(error)
    if not fits:
        raise errors[0]
    without = ["groups and covariates"] if compute.differ else []
    without += ["contacts"] if contacts_of(stats) else []
    if without:
        note = f"The models competed without {' and without '.join(without)}. {note}".strip()
    return Tried(fits, note)


def choose(
    among: Tried,
    stats: "xr.Dataset",
    compute: Compute,
    split: "Callable[[], bcx.Split] | None" = None,
    progress: bool = False,
    horizon: str | None = None,
) -> Choice:
    """Choose a model by the rule, and fit it as the settings say.

    Parameters
    ----------
    among : Tried
    stats : xarray.Dataset
    compute : Compute
    split : callable, optional
        ``split() -> Split`` cuts the observation in two. Without it no hold-out is part of the choice.
    progress : bool
    horizon : str, optional
        How far ahead to say what each model expects.

    Raises
    ------
    FitError
        If ``compute.strict`` and the fit of the chosen model did not pass its checks.
    """
    from bayes_cx.validation.prospects import prospects
    from bayes_cx.validation.selection import select

    selection = select(among.fits, test=None if split is None else _test(split, compute, progress))
    asked = compute.in_calendar_time
    chosen = replace(compute, calendar=True) if selection.calendar and not asked else compute
    model = bcx.models.find(selection.chosen)
    fit = fit_model(model, stats, replace(chosen, strict=False), progress)
    if selection.calendar and not asked and fit.verdict != "passed":
        but = (
            "But its fit with calendar time to all data did not pass its checks, so rates are constant here."
        )
        selection = replace(selection, reason=f"{selection.reason} {but}")
        fit = fit_model(model, stats, replace(compute, strict=False), progress)
    note = f"{selection.note} {among.note}".strip()
    selection = replace(selection, note=note, calendar=fit.layout.design.calendar)
    if compute.strict:
        insist(fit)
    if horizon is not None:
        said = prospects({**among.fits, selection.chosen: fit}, bcx.expand(stats), horizon)
        selection = replace(selection, prospects=said)
    tested = selection.test
    same = tested is not None and tested.fit.layout.design == fit.layout.design
    runner_up = None if selection.runner_up is None else among.fits[selection.runner_up]
    return Choice(fit, selection, runner_up, tested.fit if tested is not None and same else None)


def chosen(
    keys: Sequence[str], stats: "xr.Dataset", compute: Compute, within: str | None, progress: bool = False
) -> tuple[str, str]:
    """Return the name of the model that the rule chooses without a hold-out, and why.

    Parameters
    ----------
    keys : sequence of str
        Of the models that the data allow, two or more.
    stats : xarray.Dataset
    compute : Compute
    within : str or None
        The width to which times are coarsened for this; None keeps them.
    progress : bool
    """
    from bayes_cx.validation.selection import select

    if within is not None:
        names = {name for key in keys for name in bcx.models.find(key).statistics}
        stats = bcx.coarsen(stats, within, sorted(names))
    among = tried(keys, stats, compute, progress)
    selection = select(among.fits)
    return selection.chosen, " ".join(filter(None, (selection.reason, selection.note, among.note)))


def _plain(compute: Compute) -> Compute:
    """Return the settings without what all models may have alike: groups, covariates and calendar time."""
    timeless = replace(compute, calendar=False, season=False, by_date=None, by_date_otherwise=None)
    return replace(timeless, pool=(), drift=None, covariates=(), strict=False)


def _screened(model: "Model", stats: "xr.Dataset", compute: Compute, progress: bool) -> "bcx.Posterior":
    """Fit a model with few draws and without a design; with as many as usual where they fail their checks."""
    if compute.method == "auto":
        few = bcx.fit(model, stats, method=bcx.Laplace(draws=_DRAWS), seed=compute.seed, progress=progress)
        if few.verdict == "passed":
            return few
    return bcx.fit(model, stats, method=method_of(compute), seed=compute.seed, progress=progress)


def _test(
    split: "Callable[[], bcx.Split]", compute: Compute, progress: bool
) -> "Callable[[str, bool], ShortTest | None]":
    """Return the function that tests a model on the hold-out; None of what cannot be tested."""
    from bayes_cx.validation.short_test import short_test

    parts = cache(split)
    asked = compute.in_calendar_time
    grouped = compute.differ

    def test(name: str, calendar: bool) -> "ShortTest | None":
        model = bcx.models.find(name)
        # Only where it is a change of clock: in pieces of weeks it would take longer than all the rest.
        if calendar and (asked or grouped or not model.operational_time):
            return None
        try:
            known = parts().calibration
            if calendar or asked:
                # Without a season, which a calibration period is mostly too short to show.
                apart: dict[str, Any] = {"pool": (), "drift": None, "covariates": (), "season": False}
                lenient = replace(compute, calendar=True, strict=False, **apart)
                fit = fit_model(model, known, lenient, progress, first_part=True)
            else:
                fit = _screened(model, known, _plain(compute), progress)
            return short_test(fit, parts(), seed=compute.seed)
        except BayesCxError:  # too little data, or none to count; the report says why there is no hold-out
            return None

    return test
