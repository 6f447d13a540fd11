"""How formulas of scalars, with loops in them, become functions of tensors."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any

import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.scalar.basic import Composite
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

__all__ = ["NEGLIGIBLE", "Scalar", "Tensor", "elementwise", "repeat"]

# PyTensor leaves the types of its functions open, so they are open here.
type Scalar = Any
type Tensor = Any

# A sum ends when a term no longer changes it.
NEGLIGIBLE = 2.0**-54


def elementwise(formula: Callable[..., Scalar]) -> Callable[..., Tensor]:
    """Return a function of tensors, which broadcast, from one of scalars."""

    @wraps(formula)
    def of_tensors(*tensors: Tensor) -> Tensor:
        inputs = [ps.float64(name) for name in signature(formula).parameters]
        outputs = formula(*inputs)
        op = Elemwise(Composite(inputs, list(outputs) if isinstance(outputs, tuple) else [outputs]))
        return op(*(pt.as_tensor(each, dtype="float64") for each in tensors))

    return of_tensors


def repeat(
    steps: Scalar,
    start: Mapping[str, Scalar],
    given: Mapping[str, Scalar],
    step: Callable[..., tuple[Scalar, ...]],
    *,
    settles: bool = False,
) -> list[Scalar]:
    """Return the last state of a loop.

    Parameters
    ----------
    steps : scalar
        How often, at most; with none the state is `start`.
    start : mapping of str to scalar
        The state by name.
    given : mapping of str to scalar
        What does not change.
    step : callable
        ``step(*state, *given)`` gives the next state.
    settles : bool
        Whether `step` gives, after the state, a condition to end the loop. The last scalar that comes back
        then says whether it was met, or nothing was to be done.
    """
    state, constant = ([ps.float64(name) for name in names] for names in (start, given))
    # A value that moves from one place of the state to another must not be the same variable.
    update = [ps.identity(each) if each in state else each for each in step(*state, *constant)]
    until = update.pop() if settles else None
    loop = ScalarLoop(init=state, update=update, constant=constant, until=until, name=step.__name__)
    values = (ps.cast(ps.as_scalar(value), "float64") for value in (*start.values(), *given.values()))
    return loop(ps.cast(ps.as_scalar(steps), "int64"), *values)
