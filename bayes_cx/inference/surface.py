"""The log density of a PyMC model as a function of one vector, its mode and its curvature there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.pytensorf import join_nonshared_inputs
from scipy.optimize import minimize

from bayes_cx.errors import FitError

__all__ = ["Mode", "Surface", "climb", "surface"]


@dataclass(frozen=True)
class Surface:
    """A log density over unconstrained vectors.

    Attributes
    ----------
    value_and_gradient : callable
        ``u -> (log density, gradient)``.
    named : callable
        ``u -> list`` of the values of `names`, coordinates first, then letters.
    names : tuple of str
    dims : mapping of str to tuple of str
        Dimensions of the values.
    coords : mapping of str to sequence
        Their coordinates.
    start : numpy.ndarray, shape (coordinate,)
    """

    value_and_gradient: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    named: Callable[[np.ndarray], Sequence[np.ndarray]]
    names: tuple[str, ...]
    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, Sequence[Any]]
    start: np.ndarray


@dataclass(frozen=True)
class Mode:
    """The top of a surface.

    Attributes
    ----------
    u : numpy.ndarray, shape (coordinate,)
    height : float
        Log density at the top.
    precision : numpy.ndarray, shape (coordinate, coordinate)
        Negative Hessian there.
    newton : float
        Half the squared Newton step, in units of log density: how far below the true top this may be.
    """

    u: np.ndarray
    height: float
    precision: np.ndarray
    newton: float


def surface(model: pm.Model, *, priors: bool = True) -> Surface:
    """Compile the log posterior of `model`, or its log-likelihood alone, as a function of one vector."""
    point = model.initial_point()
    height: Any = model.logp() if priors else model.potentiallogp
    names = [*(rv.name for rv in model.free_RVs), *(var.name for var in model.deterministics)]
    outputs = model.replace_rvs_by_values([model[name] for name in names])
    joined, u = join_nonshared_inputs(point, [height, *outputs], model.value_vars)
    gradient = pt.grad(joined[0], u)
    dims = {name: tuple(model.named_vars_to_dims.get(name, ())) for name in names}
    return Surface(
        value_and_gradient=pytensor.function([u], [joined[0], gradient]),
        named=pytensor.function([u], list(joined[1:])),
        names=tuple(names),
        dims=dims,
        coords={dim: list(model.coords[dim] or ()) for own in dims.values() for dim in own},
        start=np.concatenate([np.ravel(point[var.name]) for var in model.value_vars]),
    )


def climb(f: Surface) -> Mode:
    """Find the top of `f`: BFGS, then Newton steps.

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
            raise FitError(
                "a surface without a top",
                "a maximum inside the parameter space",
                "give more data, or use priors (method='auto' or NUTS()) instead of maximum likelihood",
            )
        step = np.linalg.solve(precision, gradient)
        newton = 0.5 * float(gradient @ step)
        if newton < 1e-12:
            break
        # A step that does not climb is numerical noise around the top.
        if f.value_and_gradient(u + step)[0] <= f.value_and_gradient(u)[0]:
            break
        u = u + step
    return Mode(u, float(f.value_and_gradient(u)[0]), precision, newton)


def _curvature(f: Surface, u: np.ndarray, h: float = 1e-4) -> np.ndarray:
    """Return the negative Hessian by central differences of the exact gradient."""
    rows = [
        (f.value_and_gradient(u + e)[1] - f.value_and_gradient(u - e)[1]) / (2 * h)
        for e in h * np.eye(u.size)
    ]
    return -(np.array(rows) + np.array(rows).T) / 2
