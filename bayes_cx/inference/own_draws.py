"""Draws that users have made themselves, as a posterior that everything downstream reads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.errors import InputError
from bayes_cx.inference.design import CONSTANT, Design
from bayes_cx.inference.diagnostics import check_against_prior, check_nuts
from bayes_cx.inference.fit import described, posterior_of
from bayes_cx.inference.layout import Layout
from bayes_cx.inference.posterior import Posterior
from bayes_cx.inference.predictor import letters_of, variables
from bayes_cx.inference.prepare import Prepared, prepare
from bayes_cx.inference.provenance import OWN
from bayes_cx.model import Model
from bayes_cx.models import find

__all__ = ["posterior"]


def posterior(
    model: Model | str,
    idata: Any,
    stats: xr.Dataset,
    *,
    design: Design = CONSTANT,
    scale: float | None = None,
) -> Posterior:
    """Return draws of one's own as a `Posterior`, to score, to value and to report like any other.

    They may come from an extended `pymc_model`, from another sampler, or from a paper.

    Parameters
    ----------
    model : Model or str
        The model whose formulas the draws are for.
    idata : xarray.DataTree, arviz.InferenceData, xarray.Dataset or mapping of str to array
        With a group ``posterior``, or the draws themselves, over (chain, draw) or (draw,): the parameters by
        letter, or the coordinates of the priors, from which the letters follow. With a design the coordinates
        and the effects, named as in `pymc_model`. What else there is stays beside them.
    stats : xarray.Dataset
        The statistics that the draws are for.
    design : Design
        How the coordinates differ between customers.
    scale : float, optional
        What makes the coordinates unit-free; by default that of `stats`, as in `pymc_model`.

    Returns
    -------
    Posterior
        Its checks are those of the chains where the draws come with ``sample_stats`` of several chains, and
        not run where they do not: nothing says then that the draws are those of a posterior.

    Raises
    ------
    InputError
        If a parameter is missing, has a dimension beside chain and draw, or is not finite or not positive
        where it must be, or the statistics do not fit the model.

    Examples
    --------
    >>> import bayes_cx as bcx
    >>> stats = bcx.summarise(bcx.load_cdnow(sample=True), until="1997-09-30", unit="week")
    >>> published = {"r": [0.243], "alpha": [4.414], "a": [0.793], "b": [2.426]}
    >>> own = bcx.posterior("BG/NBD", published, stats)
    >>> bcx.score(own, stats, "expected_purchases_new", t="52 weeks")["mean"].round(2).item()
    1.45
    """
    model = find(model) if isinstance(model, str) else model
    prepared = prepare(model, stats, design, scale=scale)
    if design.has_clock:
        what = "calendar time" if design.calendar else "contacts"
        raise InputError(f"{what} of another sampler", "a design without it", "fit it with bcx.fit")
    draws = _complete(_draws_of(idata), prepared)
    groups = {"posterior": draws}
    if (sampler := _group(idata, "sample_stats")) is not None:
        groups["sample_stats"] = sampler
    provenance = described(prepared, stats, method=OWN, method_settings={}, seed=0, seconds=0.0)
    unknown = "not known: the draws were not made by bcx.fit"
    provenance = replace(provenance, priors=dict.fromkeys(provenance.priors, unknown))
    return posterior_of(prepared, provenance, groups, _checks(model, groups))


def _group(idata: Any, name: str) -> xr.Dataset | None:
    if isinstance(idata, xr.DataTree):
        return idata[name].to_dataset() if name in idata.children else None
    found = None if isinstance(idata, (xr.Dataset, Mapping)) else getattr(idata, name, None)
    return found if isinstance(found, xr.Dataset) else None


def _draws_of(idata: Any) -> xr.Dataset:
    """Return the draws over chain and draw, whatever they came in."""
    if (found := _group(idata, "posterior")) is not None:
        draws = found
    elif isinstance(idata, xr.Dataset):
        draws = idata
    elif isinstance(idata, Mapping) and idata:
        arrays = {str(name): np.asarray(values, float) for name, values in idata.items()}
        arrays = {
            name: np.reshape(value, (1, -1)) if value.ndim < 2 else value for name, value in arrays.items()
        }
        if any(value.ndim != 2 for value in arrays.values()):
            raise InputError(
                "draws of another form", "arrays of shape (chain, draw) or (draw,)", "reshape them"
            )
        if len({value.shape for value in arrays.values()}) > 1:
            raise InputError(
                "parameters with different numbers of draws", "equally many", "correct the draws"
            )
        draws = xr.Dataset({name: (("chain", "draw"), value) for name, value in arrays.items()})
    else:
        raise InputError(
            f"draws of type {type(idata).__name__}",
            "a DataTree or InferenceData with a group posterior, a Dataset, or arrays by name",
            "pass what the sampler returned",
        )
    if "chain" not in draws.sizes and "draw" in draws.sizes:
        draws = draws.expand_dims("chain")
    if not {"chain", "draw"} <= set(draws.sizes):
        raise InputError(
            f"draws over {', '.join(map(str, draws.sizes)) or 'nothing'}",
            "chain and draw",
            "rename the dimensions",
        )
    return draws.transpose("chain", "draw", ...)


def _complete(draws: xr.Dataset, prepared: Prepared) -> xr.Dataset:
    """Return the draws with all that scores read: letters, choices and the variables of a design."""
    model, layout = prepared.model, prepared.layout
    for name, values in model.choices.items():
        if name not in draws and len(values) == 1:
            draws = draws.assign({name: xr.full_like(draws[next(iter(draws))], float(values[0]))})
    letters, own = [*model.params], [*variables(layout, model)]
    needed = letters if layout.design.is_constant else [*own, *model.choices]
    if layout.design.is_constant and not set(letters) <= set(draws) and set(own) <= set(draws):
        draws = draws.assign(_letters(draws, prepared))
    if missing := [name for name in needed if name not in draws]:
        other = f", or the coordinates {', '.join(own)}" if needed is letters else ""
        raise InputError(
            f"draws without {', '.join(missing)}",
            f"draws of {', '.join(needed)}{other}",
            "name the variables so, as bcx.pymc_model does",
        )
    if not layout.design.is_constant and not set(letters) <= set(draws):
        draws = draws.assign(_letters(draws, prepared))
    for name in letters:
        _check_parameter(name, draws[name], model)
    return draws


def _letters(draws: xr.Dataset, prepared: Prepared) -> dict[str, tuple[tuple[str, str], np.ndarray]]:
    """Return the letters of a customer without covariates in an average group, from the coordinates."""
    model = prepared.model
    flat = {name: draws[name].to_numpy().reshape(-1) for name in model.priors}
    plain = Layout(CONSTANT, {}, {}, {})
    found = letters_of(plain, model, prepared.scale, flat, {}, lambda _: np.empty(0))
    shape = (draws.sizes["chain"], draws.sizes["draw"])
    return {name: (("chain", "draw"), np.reshape(value, shape)) for name, value in found.items()}


def _check_parameter(name: str, values: xr.DataArray, model: Model) -> None:
    wanted = ("chain", "draw", *model.params[name].dims)
    if values.dims != wanted:
        raise InputError(
            f"{name} over {', '.join(map(str, values.dims))}",
            f"{name} over {', '.join(wanted)}",
            "pass the draws for one set of customers at a time, or describe their differences by a design",
        )
    numbers = values.to_numpy()
    if not np.all(np.isfinite(numbers)) or (model.params[name].link == "log" and np.any(numbers <= 0)):
        raise InputError(
            f"draws of {name} that are not finite or not positive",
            f"{model.params[name].meaning}",
            "look at the sampler",
        )


def _checks(model: Model, groups: Mapping[str, xr.Dataset]) -> tuple[Check, ...]:
    draws = groups["posterior"]
    if "sample_stats" in groups and draws.sizes["chain"] > 1:
        parameters = draws[[name for name in model.params if name not in model.choices]]
        tree = xr.DataTree.from_dict({"posterior": parameters, "sample_stats": groups["sample_stats"]})
        found = check_nuts(tree, 10)
    else:
        why = "they came without statistics of several chains"
        found = (Check("convergence of the draws", None, "checks of several chains", "not_run", why),)
    if set(model.priors) <= set(draws) and draws.sizes["chain"] * draws.sizes["draw"] > 1:
        found = (*found, check_against_prior(model, draws))
    return found
