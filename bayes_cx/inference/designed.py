"""The log density of a model with a design: the likelihood by kernels, priors and effects by PyMC.

A vector gives the parameters of each pattern of customers, and these the likelihood. The first step is a few
operations on small arrays, which PyTensor evaluates uncompiled; the second is a kernel, which also gives the
slope by each parameter of each pattern, and the first carries those back to the vector.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.pytensorf import join_nonshared_inputs
from pytensor.graph.replace import graph_replace, vectorize_graph

from bayes_cx.compiling import SIMPLIFIED, compiled, kept, uses_kernels
from bayes_cx.data import unique_rows
from bayes_cx.inference.build import build_priors, structure_of
from bayes_cx.inference.density import Density, in_blocks
from bayes_cx.inference.direct import likelihood
from bayes_cx.inference.prepare import Prepared
from bayes_cx.inference.pymc_density import density_of
from bayes_cx.kernels import NotArithmetic

__all__ = ["designed"]


def designed(prepared: Prepared, chosen: dict[str, float], *, priors: bool = True) -> Density | None:
    """Return the log posterior, or the log-likelihood alone, of one vector without bounds.

    It is None without a design, and for a likelihood whose slopes are none of plain numbers.

    Parameters
    ----------
    prepared : Prepared
    chosen : dict of str to float
        The values of the choices.
    priors : bool
        Whether the priors count.
    """
    model, design = prepared.model, prepared.layout.design
    if design.is_constant or not uses_kernels():
        return None
    free = tuple(name for name in model.params if name not in model.choices)
    try:
        values, slopes = (
            likelihood(model, free, with_slopes=each, by_pattern=True) for each in (False, True)
        )
    except NotArithmetic:
        return None
    built, letters = build_priors(prepared)
    many, back = kept(
        ("designed", structure_of(prepared)), lambda: _compile(built, [letters[n] for n in free])
    )
    _, row = unique_rows(prepared.table, design.columns)
    columns = {**prepared.columns, "pattern": row}
    of_values, of_slopes = (kernel.bind(columns, prepared.weight) for kernel in (values, slopes))
    fixed = {name: np.asarray(value, float) for name, value in chosen.items()}
    count = float(priors)

    def data() -> list[Any]:
        return [var.get_value(borrow=True) for var in built.data_vars]

    def at(points: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return the parameters by letter, shape (pattern, point), and the log prior, shape (point,)."""
        *own, log_prior = many(points, *data())
        return dict(zip(free, (each.T for each in own), strict=True)) | fixed, log_prior

    def heights(points: np.ndarray) -> np.ndarray:
        letters, log_prior = at(points)
        return of_values(letters, len(points))[0] + count * log_prior

    def value_and_gradient(u: np.ndarray) -> tuple[Any, np.ndarray]:
        letters, log_prior = at(u[None])
        log_lik, *by_letter = of_slopes(letters, 1)
        gradient = back(u, np.column_stack(by_letter).T, np.asarray(count), *data())
        return log_lik[0] + count * log_prior[0], gradient

    return density_of(built, structure_of(prepared), in_blocks(heights), value_and_gradient, priors=priors)


def _compile(model: pm.Model, letters: list[Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the letters and the log prior at many vectors, and the slopes of one carried back to it."""
    inputs = {var: var.type(name=var.name) for var in model.data_vars}
    values = model.replace_rvs_by_values([pt.as_tensor(letter) for letter in letters])
    (*own, prior), u = join_nonshared_inputs(
        model.initial_point(), [*values, model.varlogp], model.value_vars
    )
    *own, prior, u_ = graph_replace([*own, prior, u], inputs, strict=False)
    points = pt.matrix("points")
    at_points = vectorize_graph([*own, prior], {u_: points})
    many = compiled([points, *inputs.values()], at_points, mode=SIMPLIFIED)
    by_letter, count = pt.matrix("slopes by letter and pattern"), pt.scalar("whether the priors count")
    total = sum((by_letter[i] * letter).sum() for i, letter in enumerate(own)) + count * prior
    back = compiled([u_, by_letter, count, *inputs.values()], pt.grad(total, u_), mode=SIMPLIFIED)
    return many, back
