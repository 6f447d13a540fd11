"""A log density as a function of one vector, its mode and its curvature there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bayes_cx.errors import FitError

__all__ = ["Density", "Mode", "find_mode", "in_blocks"]

# Points at once: what lies between the stages of a kernel fits a cache.
_TOGETHER = 128
# Up to so many elements a scatter of points covers their space, and the search has several starts.
_FEW = 12
# The points scattered, their standard deviation (a factor of 20 on the scale of logarithms), the number of
# starts among them, and how far these are from each other.
_SCATTERED, _WIDE, _MORE, _APART = 256, 3.0, 2, 3.0
# A search goes no farther from its start, a factor of 1e17 on the scale of logarithms.
_FARTHEST = 40.0
# Maxima that are fewer standard deviations apart are the same.
_DISTINCT = 3.0


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
    quick : bool
        Whether slopes are formulas of their own, so that a search for the mode may begin at several places.
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
    quick: bool = False


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
    elsewhere : float
        Share of the probability around other maxima that the search came to, each taken as normal.
    """

    u: np.ndarray
    height: float
    precision: np.ndarray
    newton: float
    elsewhere: float = 0.0


def find_mode(f: Density) -> Mode:
    """Find the highest maximum of `f` that searches from several places come to: BFGS, then Newton steps.

    Beside ``f.start`` a search begins at the highest of points scattered widely around it, because one start
    may lead to a lower maximum, as it does where a few amounts are far beyond all others.

    Raises
    ------
    FitError
        If no search ends at a maximum with a positive definite curvature.
    """
    found: list[Mode] = []
    failed: FitError | None = None
    for start in _starts(f):
        try:
            found.append(_search(f, start))
        except FitError as error:
            failed = failed or error
    if not found:
        assert failed is not None
        raise failed
    best = max(found, key=lambda mode: mode.height)
    return replace(best, elsewhere=_elsewhere(best, found))


def _starts(f: Density) -> list[np.ndarray]:
    """Return where searches begin: ``f.start``, and high points of a wide scatter, apart from each other."""
    k = f.start.size
    if k > _FEW or not f.quick:
        return [f.start]
    points = f.start + _WIDE * np.random.default_rng(0).standard_normal((_SCATTERED, k))
    with np.errstate(all="ignore"):
        heights = f.heights(points)
    chosen = [f.start]
    for i in np.argsort(np.where(np.isfinite(heights), -heights, np.inf)):
        if len(chosen) > _MORE or not np.isfinite(heights[i]):
            break
        if all(np.linalg.norm(points[i] - other) > _APART for other in chosen):
            chosen.append(points[i])
    return chosen


def _search(f: Density, start: np.ndarray) -> Mode:
    """Return the maximum that a search from `start` comes to."""

    def descent(u: np.ndarray) -> tuple[float, np.ndarray]:
        # A long step may reach where nothing can be computed, or where a density is level to the last digit.
        if np.abs(u - f.start).max() > _FARTHEST:
            return np.inf, np.zeros_like(u)
        with np.errstate(all="ignore"):
            height, gradient = f.value_and_gradient(u)
        if not (np.isfinite(height) and np.all(np.isfinite(gradient))):
            return np.inf, np.zeros_like(u)
        return -float(height), -gradient

    u = minimize(descent, start, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 1000}).x
    newton = np.inf
    for _ in range(20):
        precision = _curvature(f, u)
        height, gradient = f.value_and_gradient(u)
        if not np.all(np.isfinite(precision)) or np.linalg.eigvalsh(precision).min() <= 0:
            raise FitError(*_no_maximum(f, u, precision))
        step = np.linalg.solve(precision, gradient)
        newton = 0.5 * float(gradient @ step)
        if newton < 1e-12:
            break
        # A step that does not raise the density, however short, is numerical noise around the maximum.
        higher = (u + step / 2**i for i in range(3) if f.value_and_gradient(u + step / 2**i)[0] > height)
        if (nearer := next(higher, None)) is None:
            break
        u = nearer
    return Mode(u, float(f.value_and_gradient(u)[0]), precision, newton)


def _elsewhere(best: Mode, found: Sequence[Mode]) -> float:
    """Return the share of the probability around other maxima than the best, each taken as normal."""
    different = [best]
    for mode in found:
        away = ((mode.u - other.u) @ other.precision @ (mode.u - other.u) for other in different)
        if min(away) > _DISTINCT**2:
            different.append(mode)
    log_mass = np.array([mode.height - 0.5 * np.linalg.slogdet(mode.precision)[1] for mode in different])
    mass = np.exp(log_mass - log_mass.max())
    return float(mass[1:].sum() / mass.sum())


def _no_maximum(f: Density, u: np.ndarray, precision: np.ndarray) -> tuple[str, str, str]:
    """Return what came, what was expected and what to do."""
    if not np.all(np.isfinite(precision)):
        return (
            f"a {f.what} that cannot be computed where the search for its maximum ended",
            "a finite density around its maximum",
            "look for extreme statistics, such as one huge amount, and correct them or leave them out",
        )
    direction = np.linalg.eigh(precision)[1][:, 0]
    where = f"most of all in {f.elements[int(np.argmax(np.abs(direction)))]}" if f.elements else "at once"
    rises = "still rises" if np.abs(u - f.start).max() > _FARTHEST / 2 else "is level or still rises"
    return (
        f"a {f.what} without a maximum: the search ended where it {rises}, {where}",
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
