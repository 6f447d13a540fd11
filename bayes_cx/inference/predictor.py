r"""The linear predictor: coordinates of each customer, written once, for the fit and for scores.

On the scale of its link a coordinate is :math:`\eta = c + X \beta + Z u`: a common value, covariates times
slopes, and an offset for each group that a customer is in, :math:`u = \sigma z` with standard normal z.
X is a matrix of patterns x columns. Z has a single one in each row, so that Z u is a look-up by position.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pytensor.tensor as pt

from bayes_cx.compiling import AS_WRITTEN, compiled, kept
from bayes_cx.inference.drift import within
from bayes_cx.inference.layout import Layout, Pool, Table
from bayes_cx.model import Model

__all__ = ["LINKS", "SLOPE", "SPREAD", "arrays", "coordinates", "letters_of", "structure", "variables"]

# Standard deviations of the priors, on the scale of the link. A slope of .5 changes a rate by 65 % for one
# standard deviation of its covariate; a spread of .5 lets typical groups differ by as much.
SLOPE, SPREAD = 0.5, 0.5
# The scale on which effects add, and the way back.
LINKS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "identity": (lambda value: value, lambda value: value),
    "log": (pt.log, pt.exp),
    "logit": (lambda value: pt.log(value) - pt.log1p(-value), pt.sigmoid),
}


def coordinates(
    layout: Layout, model: Model, values: Mapping[str, Any], data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the coordinates of each pattern of customers.

    Parameters
    ----------
    layout : Layout
    model : Model
    values : mapping of str to tensor, shape (..., ) and for effects (..., column) or (..., group)
        The random variables by name: one value of each in a fit, one for each draw in a score.
    data : mapping of str to tensor
        What `arrays` returns.

    Returns
    -------
    dict of str to tensor, shape (..., pattern), or (..., 1) where the design does not vary it
    """
    found = {}
    for name, prior in model.priors.items():
        pools = layout.pools(name)
        if name not in layout.matrix and not pools:
            found[name] = pt.expand_dims(values[name], -1)
            continue
        link, inverse = LINKS[prior.link]
        eta = pt.expand_dims(link(values[name]), -1)
        if name in layout.matrix:
            eta = eta + pt.dot(values[f"{name}_slope"], data[f"{name}_covariates"].T)
        for pool in pools:
            own = values[pool.offset][..., data[pool.dim]]
            eta = eta + pt.expand_dims(values[pool.spread], -1) * own
        found[name] = inverse(eta)
    return found


def arrays(layout: Layout, model: Model, table: Table) -> dict[str, np.ndarray]:
    """Return X of each coordinate, and for each grouping the position of each pattern's group.

    Returns
    -------
    dict of str to numpy.ndarray, shape (pattern, column) or (pattern,)
    """
    found = {f"{name}_covariates": layout.covariates(name, table) for name in layout.matrix}
    return found | {pool.dim: pool.place(table) for name in model.priors for pool in layout.pools(name)}


def variables(layout: Layout, model: Model) -> tuple[str, ...]:
    """Return the names of the random variables."""
    slopes = (f"{name}_slope" for name in layout.matrix)
    effects = (
        each
        for name in model.priors
        for pool in layout.pools(name)
        for each in (pool.offset, pool.spread, *((pool.memory,) if pool.ordered else ()))
    )
    return (*model.priors, *slopes, *effects)


def structure(layout: Layout, model: Model) -> Hashable:
    """Return a key that is equal for predictors that differ only in their data."""
    return tuple(
        (
            name,
            prior.link,
            len(layout.matrix.get(name, ())),
            tuple(
                (pool.dim, len(pool.groups), *(pool.steps() if pool.ordered else ()))
                for pool in layout.pools(name)
            ),
        )
        for name, prior in model.priors.items()
    )


def letters_of(
    layout: Layout,
    model: Model,
    scale: float,
    draws: Mapping[str, np.ndarray],
    table: Table,
    unseen: Callable[[str], np.ndarray],
) -> dict[str, np.ndarray]:
    """Return the parameters of each pattern of customers by letter, draw by draw.

    Parameters
    ----------
    layout : Layout
    model : Model
    scale : float
        What makes the coordinates unit-free.
    draws : mapping of str to numpy.ndarray, shape (sample, ...)
        The random variables by name.
    table : mapping of str to array, shape (pattern,)
        The columns of the design.
    unseen : callable
        ``unseen(name)`` gives standard normal draws, shape (sample,), for the offset of a group, or the slope
        of a value of text, that is not in the fit.

    Returns
    -------
    dict of str to numpy.ndarray, shape (sample, pattern) or (sample, 1)
    """
    data = arrays(layout, model, table)
    values = {name: np.asarray(draws[name], float) for name in variables(layout, model)}
    for name in layout.matrix:
        more = [SLOPE * unseen(f"{name} {key}") for key in layout.new_covariates(name, table)]
        values[f"{name}_slope"] = np.column_stack([values[f"{name}_slope"], *more])
    for name in model.priors:
        for pool in layout.pools(name):
            values[pool.offset] = _with_new(pool, values, table, unseen)
    given = {"scale": np.asarray(scale, float), **values, **data}
    inputs = [pt.tensor(name, dtype=value.dtype, shape=(None,) * value.ndim) for name, value in given.items()]

    names = [name for name in model.params if name not in model.choices]

    def make() -> Callable[..., Any]:
        named = dict(zip(given, inputs, strict=True))
        letters = model.letters(named["scale"], **coordinates(layout, model, named, named))
        return compiled(inputs, [pt.as_tensor(letters[name]) for name in names], mode=AS_WRITTEN)

    call = kept(("letters", model.letters, structure(layout, model)), make)
    return dict(zip(names, call(*given.values()), strict=True))


def _with_new(
    pool: Pool, values: Mapping[str, np.ndarray], table: Table, unseen: Callable[[str], np.ndarray]
) -> np.ndarray:
    """Return the offsets of a pool with those of groups that are not in the fit, shape (sample, group)."""
    found, new = values[pool.offset], pool.new(table)
    if not pool.ordered:
        return np.column_stack([found, *(unseen(f"{pool.name} {group}") for group in new)])
    known, at = found, pool.steps()
    for group, place in zip(new, pool.steps(new) if new else (), strict=True):
        own = within(values[pool.memory], at, known, place, unseen(f"{pool.name} {group}"))
        found = np.column_stack([found, own])
        before = int(np.searchsorted(at, place))
        at, known = np.insert(at, before, place), np.insert(known, before, own, axis=1)
    return found
