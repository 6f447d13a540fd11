"""The log density of a PyMC model as a function of one vector, its mode and its curvature there."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.pytensorf import join_nonshared_inputs
from pytensor.graph.replace import graph_replace, vectorize_graph
from pytensor.graph.traversal import ancestors
from scipy.optimize import minimize

from bayes_cx.compiling import AS_WRITTEN, compiled, kept
from bayes_cx.errors import FitError

__all__ = ["Density", "Mode", "density", "find_mode", "hyperparameters"]


@dataclass(frozen=True)
class Density:
    """A log density over unconstrained vectors.

    Attributes
    ----------
    value_and_gradient : callable
        ``u -> (log density, gradient)``.
    named : callable
        ``points -> list`` of the values of `names` at points of shape (sample, element), each of shape
        (sample, ...).
    names : tuple of str
        Coordinates first, then letters.
    dims : mapping of str to tuple of str
        Dimensions of the values.
    coords : mapping of str to sequence
        Their coordinates.
    start : numpy.ndarray, shape (element,)
        Where a search for the mode begins.
    elements : tuple of str
        What each element of a vector stands for.
    what : {"posterior", "likelihood"}
    """

    value_and_gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    named: Callable[[np.ndarray], Sequence[np.ndarray]]
    names: tuple[str, ...]
    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, Sequence[Any]]
    start: np.ndarray
    elements: tuple[str, ...] = ()
    what: str = "posterior"


@dataclass(frozen=True)
class Mode:
    """Where a log density is highest.

    Attributes
    ----------
    u : numpy.ndarray, shape (element,)
    height : float
        Log density there.
    precision : numpy.ndarray, shape (element, element)
        Negative Hessian there.
    newton : float
        Half the squared Newton step, in units of log density: how far below the true maximum this may be.
    """

    u: np.ndarray
    height: float
    precision: np.ndarray
    newton: float


def density(model: pm.Model, structure: Hashable, *, priors: bool = True) -> Density:
    """Return the log posterior of `model`, or its log-likelihood alone, as a function of one vector.

    It is compiled as a function of the data containers of `model`, whose values are read at every call, and
    kept: another model of the same structure on other data compiles nothing.

    Parameters
    ----------
    model : pymc.Model
    structure : hashable
        What tells models apart but for the values of their data containers.
    priors : bool
        Whether the priors count.
    """
    names = (*(rv.name for rv in model.free_RVs), *(var.name for var in model.deterministics))
    value, named = kept(("density", structure), lambda: _compile(model, names))
    dims = {name: tuple(model.named_vars_to_dims.get(name, ())) for name in names}
    point = kept(("start", structure, hyperparameters(model)), model.initial_point)
    parts = [np.asarray(point[var.name]) for var in model.value_vars]
    ends = np.cumsum([part.size for part in parts])[:-1]
    count = np.asarray(float(priors))

    def given() -> list[np.ndarray]:
        return [var.get_value(borrow=True) for var in model.data_vars]

    def at(points: np.ndarray) -> list[np.ndarray]:
        columns = np.split(points, ends, axis=1)
        return [column.reshape(-1, *part.shape) for column, part in zip(columns, parts, strict=True)]

    return Density(
        value_and_gradient=lambda u: value(u, count, *given()),
        named=lambda points: named(*at(points), *given()),
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


def _compile(model: pm.Model, names: Sequence[str]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Compile value and gradient of a vector, whether the priors count, and data; and `names` of many."""
    heights = [model.potentiallogp, model.varlogp]
    (likelihood, prior), u = join_nonshared_inputs(model.initial_point(), heights, model.value_vars)
    # One function for the posterior and for the likelihood alone: each takes seconds to compile. Where the
    # priors do not count they may be of any size.
    count = pt.scalar("whether the priors count")
    height, slope = (
        of_likelihood + pt.switch(pt.gt(count, 0), of_prior, 0.0)
        for of_likelihood, of_prior in ((likelihood, prior), (pt.grad(likelihood, u), pt.grad(prior, u)))
    )
    inputs = {var: var.type(name=var.name) for var in model.data_vars}
    at_u = graph_replace([height, slope], inputs, strict=False)
    value = compiled([u, count, *inputs.values()], at_u, exact=True)
    # A few operations on whole arrays, which run no faster compiled.
    outputs = model.replace_rvs_by_values([model[name] for name in names])
    outputs = graph_replace(outputs, inputs, strict=False)
    many = {
        var: pt.tensor(var.name, dtype=var.dtype, shape=(None, *var.type.shape)) for var in model.value_vars
    }
    points = vectorize_graph(outputs, many)
    return value, compiled([*many.values(), *inputs.values()], points, mode=AS_WRITTEN)


def hyperparameters(model: pm.Model) -> tuple[tuple[str, float], ...]:
    """Return the arguments of the priors that are data containers, on which the start of a search depends."""
    known = set(ancestors(model.free_RVs))
    return tuple((str(var.name), float(var.get_value())) for var in model.data_vars if var in known)


def find_mode(f: Density) -> Mode:
    """Find the maximum of `f`: BFGS, then Newton steps.

    Raises
    ------
    FitError
        If no maximum with a positive definite curvature is found.
    """

    def descent(u: np.ndarray) -> tuple[float, np.ndarray]:
        height, gradient = f.value_and_gradient(u)
        if not (np.isfinite(height) and np.all(np.isfinite(gradient))):
            return np.inf, np.zeros_like(u)
        return -float(height), -gradient

    u = minimize(descent, f.start, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 1000}).x
    newton = np.inf
    for _ in range(20):
        precision = _curvature(f, u)
        gradient = f.value_and_gradient(u)[1]
        if not np.all(np.isfinite(precision)) or np.linalg.eigvalsh(precision).min() <= 0:
            raise FitError(*_no_maximum(f, precision))
        step = np.linalg.solve(precision, gradient)
        newton = 0.5 * float(gradient @ step)
        if newton < 1e-12:
            break
        # A step that does not climb is numerical noise around the maximum.
        if f.value_and_gradient(u + step)[0] <= f.value_and_gradient(u)[0]:
            break
        u = u + step
    return Mode(u, float(f.value_and_gradient(u)[0]), precision, newton)


def _no_maximum(f: Density, precision: np.ndarray) -> tuple[str, str, str]:
    """Return what came, what was expected and what to do."""
    where = "where it cannot be computed"
    if np.all(np.isfinite(precision)):
        direction = np.linalg.eigh(precision)[1][:, 0]
        where = f"most of all in {f.elements[int(np.argmax(np.abs(direction)))]}" if f.elements else "at once"
    return (
        f"a {f.what} without a maximum: the search ended where it is level or still rises, {where}",
        "a maximum inside the parameter space",
        "give more data, or tighter priors, or sample by method=NUTS()"
        if f.what == "posterior"
        else "give more data, or let priors count: method='auto', Laplace(), NUTS() or MAP()",
    )


def _curvature(f: Density, u: np.ndarray, h: float = 1e-4) -> np.ndarray:
    """Return the negative Hessian by central differences of the exact gradient."""
    rows = [
        (f.value_and_gradient(u + e)[1] - f.value_and_gradient(u - e)[1]) / (2 * h)
        for e in h * np.eye(u.size)
    ]
    return -(np.array(rows) + np.array(rows).T) / 2
