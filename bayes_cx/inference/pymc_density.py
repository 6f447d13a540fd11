"""The log density of a PyMC model as a function of one vector."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.pytensorf import join_nonshared_inputs
from pytensor.graph.replace import graph_replace, vectorize_graph
from pytensor.graph.traversal import ancestors

from bayes_cx.compiling import AS_WRITTEN, compiled, kept
from bayes_cx.inference.density import Density

__all__ = ["density", "density_of", "hyperparameters"]


def density(model: pm.Model, structure: Hashable, *, priors: bool = True) -> Density:
    """Return the log posterior of `model`, or its log-likelihood alone, as a function of one vector.

    It is compiled as a function of the data containers of `model`, whose values are read at every call, and
    kept: another model of the same structure on other data compiles nothing.

    Parameters
    ----------
    model : pymc.Model
    structure : hashable
        Equal for models that differ only in the values of their data containers; see `build.structure_of`.
    priors : bool
        Whether the priors count.
    """
    value = kept(("density", structure), lambda: _compile(model))
    count = np.asarray(float(priors))

    def value_and_gradient(u: np.ndarray) -> tuple[Any, np.ndarray]:
        return value(u, count, *_data(model))

    def heights(points: np.ndarray) -> np.ndarray:
        return np.array([value_and_gradient(u)[0] for u in points])

    return density_of(model, structure, heights, value_and_gradient, priors=priors)


def density_of(
    model: pm.Model,
    structure: Hashable,
    heights: Callable[[np.ndarray], np.ndarray],
    value_and_gradient: Callable[[np.ndarray], tuple[Any, np.ndarray]],
    *,
    priors: bool,
) -> Density:
    """Return the density with these values, whose vectors are those of the variables of `model`."""
    names = (*(rv.name for rv in model.free_RVs), *(var.name for var in model.deterministics))
    named = kept(("named", structure), lambda: _compile_named(model, names))
    dims = {name: tuple(model.named_vars_to_dims.get(name, ())) for name in names}
    point = kept(("start", structure, hyperparameters(model)), model.initial_point)
    parts = [np.asarray(point[var.name]) for var in model.value_vars]
    ends = np.cumsum([part.size for part in parts])[:-1]

    def at(points: np.ndarray) -> list[np.ndarray]:
        columns = np.split(points, ends, axis=1)
        return [column.reshape(-1, *part.shape) for column, part in zip(columns, parts, strict=True)]

    return Density(
        value_and_gradient=value_and_gradient,
        heights=heights,
        named=lambda points: named(*at(points), *_data(model)),
        names=names,
        dims=dims,
        coords={dim: list(model.coords[dim] or ()) for own in dims.values() for dim in own},
        start=np.concatenate([part.ravel() for part in parts]),
        elements=tuple(
            rv.name if part.ndim == 0 else f"{rv.name}[{i}]"
            for rv, part in zip(model.free_RVs, parts, strict=True)
            for i in range(part.size)
        ),
        what="posterior" if priors else "likelihood",
    )


def _data(model: pm.Model) -> list[np.ndarray]:
    return [var.get_value(borrow=True) for var in model.data_vars]


def _compile(model: pm.Model) -> Callable[..., Any]:
    """Compile value and gradient of a vector, whether the priors count, and data."""
    heights = [model.potentiallogp, model.varlogp]
    (likelihood, prior), u = join_nonshared_inputs(model.initial_point(), heights, model.value_vars)
    # One function for the posterior and for the likelihood alone, since each takes seconds to compile.
    count = pt.scalar("whether the priors count")
    height, slope = (
        of_likelihood + pt.switch(pt.gt(count, 0), of_prior, 0.0)
        for of_likelihood, of_prior in ((likelihood, prior), (pt.grad(likelihood, u), pt.grad(prior, u)))
    )
    inputs = {var: var.type(name=var.name) for var in model.data_vars}
    at_u = graph_replace([height, slope], inputs, strict=False)
    return compiled([u, count, *inputs.values()], at_u, exact=True)


def _compile_named(model: pm.Model, names: Sequence[str]) -> Callable[..., Any]:
    """Compile `names` of many vectors, and data."""
    inputs = {var: var.type(name=var.name) for var in model.data_vars}
    # A few operations on whole arrays, which run no faster compiled.
    outputs = model.replace_rvs_by_values([model[name] for name in names])
    outputs = graph_replace(outputs, inputs, strict=False)
    many = {
        var: pt.tensor(var.name, dtype=var.dtype, shape=(None, *var.type.shape)) for var in model.value_vars
    }
    points = vectorize_graph(outputs, many)
    return compiled([*many.values(), *inputs.values()], points, mode=AS_WRITTEN)


def hyperparameters(model: pm.Model) -> tuple[tuple[str, float], ...]:
    """Return the arguments of the priors that are data containers, on which the start of a search depends."""
    known = set(ancestors(model.free_RVs))
    return tuple((str(var.name), float(var.get_value())) for var in model.data_vars if var in known)
