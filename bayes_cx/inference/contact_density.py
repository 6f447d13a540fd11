"""The log density of a model with contacts at otherwise constant rates."""

from typing import Any, Literal

import numpy as np

from bayes_cx.compiling import uses_kernels
from bayes_cx.errors import InputError
from bayes_cx.inference.clocked import Clocked
from bayes_cx.inference.contacted import CONTACT, EFFECTS
from bayes_cx.inference.density import Density, in_blocks
from bayes_cx.inference.methods import MAP, MLE, Laplace, Method
from bayes_cx.inference.prepare import Prepared

__all__ = ["checked_method", "contact_density"]


def contact_density(prepared: Prepared, *, priors: bool) -> Density:
    """Return the log posterior, or the log-likelihood alone, of (coordinates, slopes, effects of contacts).

    It is the likelihood of calendar time whose factor is one in all weeks.

    Raises
    ------
    InputError
        If a prior is neither log-normal, beta nor normal, or kernels are not used.
    """
    f = Clocked.of(prepared) if uses_kernels() else None
    if f is None:
        raise InputError(
            "contacts with a prior that is neither log-normal, beta nor normal, or with the engine pytensor",
            "LogNormal, Beta and Normal priors, and the kernels",
            "choose one of these, leave out bcx.engine('pytensor'), or leave out contacts",
        )
    point, layout, k = f.point, prepared.layout, len(f.point.names)
    coordinates = tuple(point.names)
    of = np.array(f.shifts.slopes if f.shifts else (), object)
    sloped = tuple(dict.fromkeys(of))

    def whole(points: np.ndarray) -> np.ndarray:
        return np.concatenate([points, np.zeros((len(points), f.weeks))], axis=1)

    def heights(points: np.ndarray) -> np.ndarray:
        found = f.values(whole(points))
        return found if priors else found - f.log_prior(points)[0]

    def value_and_gradient(u: np.ndarray) -> tuple[Any, np.ndarray]:
        value, slope = f.values_and_slopes(whole(u[None]))
        value, slope = value[0], slope[0, : f.size]
        if priors:
            return value, slope
        height, by_prior = f.log_prior(u[None])
        return value - height[0], slope - by_prior[0]

    def named(points: np.ndarray) -> list[np.ndarray]:
        slopes = points[:, k : f.apart]
        found = point.at(points[:, :k])[: k + len(point.free)]
        return [*found, *(slopes[:, of == name] for name in sloped), f.effects(points)]

    names = tuple(f"{name}_slope" for name in sloped)
    coords = {f"{name}_covariate": [*layout.matrix[name]] for name in sloped}
    return Density(
        value_and_gradient=value_and_gradient,
        heights=in_blocks(heights),
        named=named,
        names=(*coordinates, *point.free, *names, EFFECTS),
        dims={
            **dict.fromkeys((*coordinates, *point.free), ()),
            **{name: (dim,) for name, dim in zip(names, coords, strict=True)},
            EFFECTS: (CONTACT,),
        },
        coords={**coords, CONTACT: [*layout.contacts]},
        start=np.concatenate([point.start, np.zeros(f.size - k)]),
        elements=(*coordinates, *of, *layout.contacts),
        what="posterior" if priors else "likelihood",
        quick=True,
    )


def checked_method(method: Method | Literal["auto"]) -> Method:
    """Return the method by which contacts are fitted.

    Raises
    ------
    InputError
        If it is none for them.
    """
    method = Laplace() if method == "auto" else method
    if not isinstance(method, Laplace | MAP | MLE):
        raise InputError(
            f"method {method!r} with contacts", "Laplace(), MAP(), MLE() or 'auto'", "leave the method out"
        )
    return method
