"""A log density as a function of one vector, its mode and its curvature there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bayes_cx.errors import FitError

__all__ = ["Density", "Mode", "find_mode", "in_blocks"]

# Points at once: what lies between the stages of a kernel fits a cache.
_TOGETHER = 128


@dataclass(frozen=True)
class Density:
    """A log density over unconstrained vectors.

    Attributes
    ----------
    value_and_gradient : callable
        ``u -> (log density, gradient)``.
    heights : callable
        ``points -> log densities`` at points of shape (sample, element), shape (sample,).
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

    value_and_gradient: Callable[[np.ndarray], tuple[float | np.ndarray, np.ndarray]]
    heights: Callable[[np.ndarray], np.ndarray]
    named: Callable[[np.ndarray], Sequence[np.ndarray]]
    names: tuple[str, ...]
    dims: Mapping[str, tuple[str, ...]]
    coords: Mapping[str, Sequence[Any]]
    start: np.ndarray
    elements: tuple[str, ...] = ()
    what: str = "posterior"


def in_blocks(heights: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function of many points, shape (sample, element), that evaluates some of them at a time."""

    def of_all(points: np.ndarray) -> np.ndarray:
        found = np.empty(len(points))
        for start in range(0, len(points), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            found[some] = heights(points[some])
        return found

    return of_all


@dataclass(frozen=True)
class Mode:
    """The maximum of a log density.

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
        # A step that does not raise the density is numerical noise around the maximum.
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
