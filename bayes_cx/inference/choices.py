"""Parameters that take a few whole values: each value is fitted, and weighed by its marginal likelihood."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, Literal

import numpy as np
import xarray as xr

from bayes_cx.checks import Check
from bayes_cx.errors import FitError
from bayes_cx.inference.explore import Explorer, Found, resampled
from bayes_cx.inference.laplace import systematic
from bayes_cx.inference.methods import MAP, MLE, NUTS, Laplace, Method
from bayes_cx.inference.prepare import Prepared

__all__ = ["explore_choices", "with_choices"]

# The checks of a value that gets fewer than one draw in a thousand do not count: it hardly matters.
_COUNTS = 1e-3
# A value whose marginal likelihood, as the mode alone has it, is smaller than the best by this factor in
# logarithms gets no draw of any number, so none is computed.
_FAR = 40.0


def explore_choices(
    prepared: Prepared,
    method: Method | Literal["auto"],
    seed: int,
    rng_seed: Sequence[int],
    *,
    progress: bool = False,
) -> tuple[Found, dict[str, float]]:
    """Fit the model at every value of its choices, and mix the draws.

    All values have the same prior probability. Each gets draws in proportion to its marginal likelihood; of
    point estimates the one with the highest density is taken.

    Parameters
    ----------
    prepared : Prepared
    method, seed, rng_seed, progress
        As in `Explorer.explore`.

    Returns
    -------
    found : Found
        With the choices among the variables of the posterior.
    probabilities : dict of str to float
        The posterior probability of each choice, by a text such as ``"k=2"``; empty without choices.
    """
    model = prepared.model
    several = [dict(zip(model.choices, each, strict=True)) for each in product(*model.choices.values())]
    found, kept, far = [], [], {}
    for values in several:
        explorer = Explorer(prepared, values)
        behind = _behind(found, explorer, method)
        if behind > _FAR:
            far[_text(values)] = float(np.exp(-behind))
            continue
        kept.append(values)
        one = explorer.explore(method, seed, rng_seed, progress=progress)
        if len(several) > 1 and isinstance(one.method, NUTS):
            one = _weighed(one, explorer, rng_seed)
        found.append(one)
    marked = [with_choices(one, values) for one, values in zip(found, kept, strict=True)]
    if len(several) == 1:
        return marked[0], {}
    log_weight = np.array([one.log_weight for one in found])
    if not np.any(np.isfinite(log_weight)):
        raise FitError(
            f"{model.name}, whose density has no maximum at any value of {', '.join(model.choices)}",
            "a maximum inside the parameter space for at least one value",
            "give more data, or fix the value as in model.at(...)",
        )
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    drawn = {_text(values): float(w) for values, w in zip(kept, weight, strict=True)}
    probabilities = {name: (drawn | far)[name] for name in map(_text, several)}
    best = int(np.argmax(weight))
    if isinstance(marked[best].method, MAP | MLE):
        return marked[best], {}
    return _mixed(marked, weight, [*drawn], rng_seed, len(several)), probabilities


def _behind(found: Sequence[Found], explorer: Explorer, method: Method | Literal["auto"]) -> float:
    """Return by how much the log marginal likelihood of a value is behind the best so far, by its mode alone.

    Zero where that is not known.
    """
    best = max((one.log_weight for one in found if np.isfinite(one.log_weight)), default=-np.inf)
    if not np.isfinite(best) or not (method == "auto" or isinstance(method, Laplace)):
        return 0.0
    try:
        return best - explorer.log_marginal_at_mode()
    except FitError:  # what explores without a mode may still find something
        return 0.0


def _weighed(found: Found, explorer: Explorer, rng_seed: Sequence[int]) -> Found:
    """Return what was sampled with its marginal likelihood, estimated by importance weights.

    Where the density has no maximum it cannot be estimated: the value gets no draws, and its check fails.
    """
    try:
        weights = explorer.explore(Laplace(), 0, rng_seed)
    except FitError as error:
        failed = Check("marginal likelihood", None, "a mode to propose around", "failed", error.came)
        return replace(found, weight_checks=(failed,), log_weight=-np.inf)
    checks = tuple(replace(check, name=f"marginal likelihood, {check.name}") for check in weights.checks)
    return replace(found, weight_checks=checks, log_weight=weights.log_weight)


def with_choices(found: Found, values: dict[str, Any]) -> Found:
    """Return the same with the values of the choices as variables, the same in every draw."""
    posterior = found.groups["posterior"]
    shape = tuple(posterior.sizes[dim] for dim in ("chain", "draw"))
    columns = {name: (("chain", "draw"), np.full(shape, float(value))) for name, value in values.items()}
    return replace(found, groups={**found.groups, "posterior": posterior.assign(columns)})


def _mixed(
    found: Sequence[Found], weight: np.ndarray, names: Sequence[str], rng_seed: Sequence[int], values: int
) -> Found:
    """Return one set of draws, from each of `found` as many as its weight says, in random order.

    There are as many `values` to choose from, all with the same prior probability.
    """
    best = found[int(np.argmax(weight))]
    sizes = best.groups["posterior"].sizes
    # What is resampled is no chain of a sampler, whatever it was drawn from.
    shape = (1, sizes["chain"] * sizes["draw"])
    rng = np.random.default_rng([*rng_seed, 1])
    which = rng.permutation(systematic(weight, shape[0] * shape[1], rng))
    # The order of draws does not matter, so the i-th draw of the mixture is the i-th of the fit it is from.
    place = np.arange(which.size)

    def pick(group: str, name: str) -> np.ndarray:
        flat = [_flat(one.groups[group][name]) for one in found]
        return np.array([flat[w][i % len(flat[w])] for w, i in zip(which, place, strict=True)])

    groups = {
        group: xr.Dataset(
            {
                name: (best.groups[group][name].dims, pick(group, str(name)).reshape(*shape, *tail))
                for name in _common(found, group)
                for tail in [best.groups[group][name].shape[2:]]
            },
            coords=best.groups["posterior"].drop_dims(["chain", "draw"]).coords,
        ).assign_coords(chain=[0], draw=np.arange(shape[1]))
        for group in ("posterior", "sample_stats")
    }
    # Where the marginal likelihood itself is in doubt, a small weight proves nothing.
    doubted = [any(check.status != "passed" for check in one.weight_checks) for one in found]
    kept = [
        (one, name)
        for one, name, w, doubt in zip(found, names, weight, doubted, strict=True)
        if w > _COUNTS or doubt
    ]
    checks = tuple(
        check if len(kept) == 1 else replace(check, about=name)
        for one, name in kept
        for check in (*one.checks, *one.weight_checks)
    )
    method = next((one.method for one, _ in kept if isinstance(one.method, NUTS)), best.method)
    total = float(np.logaddexp.reduce([one.log_weight for one in found]) - np.log(values))
    return Found(resampled(groups), checks, method, total)


def _flat(values: xr.DataArray) -> np.ndarray:
    return values.to_numpy().reshape(-1, *values.shape[2:])


def _common(found: Sequence[Found], group: str) -> list[str]:
    return [str(name) for name in found[0].groups[group] if all(name in one.groups[group] for one in found)]


def _text(values: dict[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
