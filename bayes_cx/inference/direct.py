"""The log density of a model in which all customers share their parameters, by kernels, without PyMC."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from bayes_cx.compiling import kept, uses_kernels
from bayes_cx.inference.density import Density, in_blocks
from bayes_cx.inference.own_priors import is_plain
from bayes_cx.inference.prepare import Prepared
from bayes_cx.kernels import Kernel, NotArithmetic, make
from bayes_cx.model import Model, arguments

__all__ = ["Coordinates", "by_differences", "coordinates", "direct", "likelihood"]


def _lognormal(u: Any, mu: Any, sigma: Any) -> tuple[Any, Any]:
    return pt.exp(u), -0.5 * ((u - mu) / sigma) ** 2 - pt.log(sigma) - 0.5 * np.log(2 * np.pi)


def _beta(u: Any, alpha: Any, beta: Any) -> tuple[Any, Any]:
    size = pt.gammaln(alpha + beta) - pt.gammaln(alpha) - pt.gammaln(beta)
    return pt.sigmoid(u), size - alpha * pt.softplus(-u) - beta * pt.softplus(u)


def _normal(u: Any, mu: Any, sigma: Any) -> tuple[Any, Any]:
    return u, -0.5 * ((u - mu) / sigma) ** 2 - pt.log(sigma) - 0.5 * np.log(2 * np.pi)


_Known = tuple[Callable[..., tuple[Any, Any]], Callable[..., float]]
_KNOWN: dict[str, _Known] = {
    "LogNormal": (_lognormal, lambda mu, sigma: mu + sigma**2 / 2),
    "Beta": (_beta, lambda alpha, beta: np.log(alpha / beta)),
    "Normal": (_normal, lambda mu, sigma: mu),
}
"""Of a distribution: ``(u, *arguments) -> (value, log density of u)``, and the u of its mean."""


def direct(prepared: Prepared, chosen: Mapping[str, float], *, priors: bool = True) -> Density | None:
    """Return the log posterior, or the log-likelihood alone, of one vector without bounds.

    It is None where PyMC has to make it: with a design, priors that are not known here, or a formula that is
    none of plain numbers.

    Parameters
    ----------
    prepared : Prepared
    chosen : mapping of str to float
        The values of the choices.
    priors : bool
        Whether the priors count.
    """
    model = prepared.model
    if not uses_kernels():
        return None
    if not prepared.layout.design.is_constant or any(p.dims for p in model.params.values()):
        return None
    point = coordinates(prepared)
    if point is None:
        return None
    free, k = point.free, len(point.names)
    try:
        value = likelihood(model, free, with_slopes=False)
    except NotArithmetic:
        return None
    values = value.bind(prepared.columns, prepared.weight)
    try:
        gradients = likelihood(model, free, with_slopes=True).bind(prepared.columns, prepared.weight)
    except NotArithmetic:  # derivatives of an integral over each customer
        gradients = None

    def given(found: list[np.ndarray], n: int) -> dict[str, np.ndarray]:
        letters = dict(zip(free, found[k : k + len(free)], strict=True))
        return letters | {name: np.asarray(v, float) for name, v in chosen.items()}

    def heights(points: np.ndarray) -> np.ndarray:
        found = point.at(points)
        (log_lik,) = values(given(found, len(points)), len(points))
        return log_lik + found[k + len(free)] if priors else log_lik

    def value_and_gradient(u: np.ndarray) -> tuple[Any, np.ndarray]:
        found = point.at(u[None])
        here = given(found, 1)
        if gradients is None:
            height, *by_letter = by_differences(lambda letters, n: values(letters, n)[0], here, free)
        else:
            height, *by_letter = (each[0] for each in gradients(here, 1))
        flat = np.array([each[0] for each in found[k + len(free) :]])
        log_prior, by_u = flat[0], flat[1:].reshape(len(free) + 1, k)
        slope = np.array(by_letter) @ by_u[: len(free)]
        return (height + log_prior, slope + by_u[-1]) if priors else (height, slope)

    return Density(
        value_and_gradient=value_and_gradient,
        heights=in_blocks(heights),
        named=lambda points: point.at(points)[: k + len(free)],
        names=(*point.names, *free),
        dims=dict.fromkeys((*point.names, *free), ()),
        coords={},
        start=point.start,
        elements=point.names,
        what="posterior" if priors else "likelihood",
        quick=gradients is not None,
    )


@dataclass(frozen=True)
class Coordinates:
    """The parameters and their prior as functions of a vector without bounds.

    Attributes
    ----------
    names, free : tuple of str
        The coordinates, and the parameters by letter.
    start : numpy.ndarray, shape (coordinate,)
        The means of the priors.
    at : callable
        ``points -> list`` of arrays of shape (point,): the coordinates, the letters, the log prior, and the
        derivatives of each letter and of the log prior by each element of the vector.
    """

    names: tuple[str, ...]
    free: tuple[str, ...]
    start: np.ndarray
    at: Callable[[np.ndarray], list[np.ndarray]]


def coordinates(prepared: Prepared) -> Coordinates | None:
    """Return the parameters as functions of a vector; None with priors that are not known here."""
    model = prepared.model
    if not all(is_plain(prior) for prior in model.priors.values()):
        return None
    free = tuple(name for name in model.params if name not in model.choices)
    priors = {name: dict(prior.arguments) for name, prior in model.priors.items()}
    structure = tuple((name, model.priors[name].distribution, *each) for name, each in priors.items())
    of_point = kept(("point", model.letters, structure, free), lambda: _point(model, priors, free)).bind({})
    fixed: dict[str, Any] = {"scale": prepared.scale}
    fixed |= {f"{name} {key}": v for name, given in priors.items() for key, v in given.items()}
    fixed = {_plain(name): v for name, v in fixed.items()}
    names = tuple(model.priors)

    def at(points: np.ndarray) -> list[np.ndarray]:
        drawn = {f"u_{name}": column for name, column in zip(names, points.T, strict=True)}
        return [found[0] for found in of_point({**fixed, **drawn}, len(points))]

    start = [_KNOWN[prior.distribution][1](**priors[name]) for name, prior in model.priors.items()]
    return Coordinates(names, free, np.array(start, float), at)


_STEP = 1e-3


def by_differences(
    f: Callable[[Mapping[str, np.ndarray], int], np.ndarray], at: Mapping[str, np.ndarray], by: Sequence[str]
) -> list[Any]:
    """Return a value and its derivatives by differences of the fourth order, all points evaluated at once.

    Parameters
    ----------
    f : callable
        ``f(letters, n)`` gives the values at `n` points, letters being of shape (point,) or (1,).
    at : mapping of str to numpy.ndarray
        One value each, positive those of `by`.
    by : sequence of str
    """
    # At the point, and one and two steps to both sides; the weights are those of the five-point rule.
    side, weight = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([1.0, -8.0, 8.0, -1.0]) / (12 * _STEP)
    n = 1 + side.size * len(by)
    points = {name: np.full(n, value.item()) for name, value in at.items()}
    for i, name in enumerate(by):
        points[name][1 + i * side.size :][: side.size] *= 1 + _STEP * side
    height, *others = f(points, n)
    slopes = np.reshape(others, (len(by), side.size)) @ weight
    return [height, *(slope / at[name].item() for slope, name in zip(slopes, by, strict=True))]


def _plain(name: str) -> str:
    return name.replace(" ", "_of_")


def likelihood(
    model: Model,
    free: tuple[str, ...],
    *,
    with_slopes: bool,
    by_pattern: bool = False,
    apart: bool = False,
    times: tuple[str, ...] = (),
) -> Kernel:
    """Return the kernel of the log-likelihood of all rows, and of its slopes by the parameters.

    Parameters
    ----------
    model : Model
    free : tuple of str
        The parameters that are no choices.
    with_slopes : bool
    by_pattern : bool
        Whether parameters differ between patterns of customers. If not, slopes are those at one point.
    apart : bool
        Whether there is a value for each pattern instead of one for all rows.
    times : tuple of str
        Statistics that differ between points, as where a clock of each point tells them: by pattern, with
        slopes by them after those by the parameters.

    Raises
    ------
    NotArithmetic
        If the slopes are none of plain numbers.
    """

    def compile_() -> Kernel:
        names = arguments(model.log_lik)
        statistics = tuple(name for name in model.statistics if name not in times)
        given = () if with_slopes and not times else free
        cells, drawn = ((*free, *times), ()) if by_pattern else (times, given)
        by = (*free, *times) if with_slopes else ()
        return make(
            model.log_lik,
            names,
            columns=statistics,
            drawn=drawn,
            cells=cells,
            slopes=by,
            summed=True,
            apart=apart,
        )

    key = (model.log_lik, model.statistics, free, with_slopes, by_pattern, apart, times)
    return kept(("log_lik", *key), compile_)


def _point(model: Model, priors: Mapping[str, Mapping[str, float]], free: tuple[str, ...]) -> Kernel:
    """Compile the values and letters at a vector, the log prior, and their derivatives."""
    u = [f"u_{name}" for name in priors]
    fixed = ["scale", *(_plain(f"{name} {key}") for name, given in priors.items() for key in given)]

    def formula(**given: Any) -> list[Any]:
        values, log_prior = {}, pt.as_tensor(0.0)
        for name, own in priors.items():
            transform, _ = _KNOWN[model.priors[name].distribution]
            of = {key: given[_plain(f"{name} {key}")] for key in own}
            values[name], density = transform(given[f"u_{name}"], **of)
            log_prior = log_prior + density
        letters = model.letters(given["scale"], **values)
        outputs = [*values.values(), *(letters[name] for name in free), log_prior]
        by = [given[name] for name in u]
        slopes = [
            slope
            for output in outputs[len(values) :]
            for slope in pytensor.grad(pt.as_tensor(output), by, disconnected_inputs="ignore")
        ]
        letters_end = len(values) + len(free)
        return [*outputs[:letters_end], log_prior, *slopes]

    return make(formula, [*u, *fixed], columns=(), drawn=u)
