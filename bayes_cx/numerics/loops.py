"""Functions of tensors from formulas of scalars that may contain loops.

A formula is written once, in functions of ``pytensor.scalar``. `elementwise` makes a function of it that
takes tensors, which broadcast, and also scalars, so that one formula may use another. `repeat` is a loop
inside a formula.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, wraps
from inspect import signature
from typing import Any

import numpy as np
import pytensor
import pytensor.scalar as ps
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.traversal import io_toposort
from pytensor.link.utils import fgraph_to_python
from pytensor.scalar.basic import Composite, ScalarVariable
from pytensor.scalar.loop import ScalarLoop
from pytensor.tensor.elemwise import Elemwise

__all__ = ["NEGLIGIBLE", "UNIT", "Scalar", "Tensor", "elementwise", "on_tensors", "repeat", "with_slopes"]

# PyTensor does not type its functions, so these are not typed either.
type Scalar = Any
type Tensor = Any

# A sum ends when a term no longer changes it.
NEGLIGIBLE = 2.0**-54
# Sums that start below the smallest double, or outgrow the largest, are kept in units of powers of this.
UNIT = np.float64(2.0**500)


def _in_python(op: Any) -> Callable[..., Any]:
    """Return a function that runs the inner graph of an op in Python.

    PyTensor 3.3 gives all outputs of an inner loop the same list, so that all get the value of the last. It
    also keeps a constant such as 10.0 in single precision, to which Python's floats would be rounded.
    """

    def convert(inner: Any, node: Any = None, **_: Any) -> Callable[..., Any]:
        def perform(*inputs: Any) -> Any:
            outputs: list[list[Any]] = [[None] for _ in node.outputs]
            inner.perform(node, [np.float64(x) if type(x) is float else x for x in inputs], outputs)
            values = tuple(value for (value,) in outputs)
            return values if len(values) > 1 else next(iter(values))

        return perform

    # The name under which PyTensor keeps its own, and which it leaves out where it pickles an op.
    if "_py_perform_fn" not in vars(op):
        op._py_perform_fn = fgraph_to_python(op.fgraph, convert)
    return op._py_perform_fn


class _Loop(ScalarLoop):
    """A loop that may stand in other loops."""

    py_perform_fn = property(_in_python)

    def c_code(self, node, nodename, inames, onames, sub):
        """Return the code of the loop, behind its inputs as variables.

        PyTensor 3.3 names the state of a loop after its inputs, one of which may be a constant: ``(0.0)``.
        """
        names = [f"{nodename}_input{position}" for position in range(len(inames))]
        types = [value.type.dtype_specs()[1] for value in node.inputs]
        lines = [f"{of} {name} = {value};" for of, name, value in zip(types, names, inames, strict=True)]
        code = super().c_code(node, nodename, names, onames, sub)
        return "\n".join(["{", *lines, code, "}"])

    def c_code_cache_version(self):
        """Return the version of the code, for PyTensor's cache."""
        version = super().c_code_cache_version()
        return (*version, 1) if version else version


class _Formula(Composite):
    """A formula of scalars as one node of a graph; its first derivatives are one more node."""

    py_perform_fn = property(_in_python)

    def pullback(self, inputs, outputs, output_gradients):
        """Return the gradient by every input."""
        value, *others = self.outputs
        if others:
            raise NotImplementedError("a formula of several values has no derivatives")
        _refuse_repeated_factors(value)
        slopes: Any = pytensor.grad(value, list(self.inputs))
        each: Any = Composite(self.inputs, slopes)(*inputs, return_list=True)
        return [output_gradients[0] * slope for slope in each]


def _refuse_repeated_factors(value: Scalar) -> None:
    """Refuse products of a scalar with itself, whose derivative in PyTensor 3.3 is wrong: 2 for u * u."""
    for node in io_toposort([], [value]):
        if isinstance(node.op, ps.Mul) and len(set(node.inputs)) < len(node.inputs):
            raise ValueError("a scalar times itself, whose derivative would be wrong: write ps.sqr")


class _WithSlopes(_Loop):
    """A formula of scalars that returns its value, and then its derivatives by the last arguments.

    There is no gradient by the other arguments. The node itself has to declare this: `disconnected_grad`
    around an input is removed when a sampler simplifies the density before it takes the gradient. For the
    same reason it is a loop of one step: a `Composite` would lose outputs that are not used yet.
    """

    def connection_pattern(self, node):
        """Declare that only the last inputs are connected, one for each derivative."""
        first = len(node.inputs) - len(node.outputs) + 1
        return [[i >= first] * len(node.outputs) for i in range(len(node.inputs))]

    def pullback(self, inputs, outputs, output_gradients):
        """Return the gradient by the last inputs."""
        upstream, *others = output_gradients
        if not all(isinstance(other.type, DisconnectedType) for other in others):
            raise NotImplementedError("there are first derivatives only")
        slopes = outputs[1:]
        fixed = [disconnected_type() for _ in range(len(inputs) - len(slopes))]
        return [*fixed, *(upstream * slope for slope in slopes)]


def elementwise(formula: Callable[..., Scalar]) -> Callable[..., Any]:
    """Return a function of tensors, which broadcast, from one of scalars.

    In a graph it is one node, which is compiled much sooner than the many of the formula. Given a scalar, the
    function is the formula itself. A formula of one value, without loops, has first derivatives.

    Parameters
    ----------
    formula : callable
        ``formula(*scalars) -> scalar``, or a tuple of them, in functions of ``pytensor.scalar``.
    """
    return wraps(formula)(on_tensors(formula, tuple(signature(formula).parameters)))


def with_slopes(formula: Callable[..., tuple[Scalar, ...]]) -> Callable[..., Any]:
    """Return a function of tensors or scalars from a formula that knows its own derivatives.

    Parameters
    ----------
    formula : callable
        ``formula(*scalars)`` gives the value and then its derivatives by as many of the last arguments. By
        the arguments before them there is no derivative.
    """
    names = tuple(signature(formula).parameters)

    def op() -> Callable[..., Any]:
        given = [ps.float64(name) for name in names]
        values = formula(*given)
        start = [ps.float64(f"value_{position}") for position in range(len(values))]
        loop = Elemwise(_WithSlopes(start, values, given, name=formula.__name__))
        return lambda *tensors: loop(1, *[np.float64(0.0)] * len(values), *tensors, return_list=True)[0]

    return wraps(formula)(_on_either(lambda *scalars: next(iter(formula(*scalars))), op, names))


def on_tensors(formula: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """Return the function of tensors or scalars of a formula whose arguments are called `names`."""

    def op() -> Elemwise:
        inputs = [ps.float64(name) for name in names]
        outputs = formula(*inputs)
        return Elemwise(_Formula(inputs, list(outputs) if isinstance(outputs, tuple) else [outputs]))

    return _on_either(formula, op, names)


def _on_either(
    formula: Callable[..., Any], op: Callable[[], Callable[..., Any]], names: Sequence[str]
) -> Callable[..., Any]:
    """Return a function that applies `formula` to scalars, and to tensors the op that `op` makes once."""
    made = cache(op)

    def of_either(*values: Any, **more: Any) -> Any:
        values = (*values, *(more[name] for name in names[len(values) :]))
        if any(isinstance(value, ScalarVariable) for value in values):
            return formula(*values)
        return made()(*(pt.cast(pt.as_tensor(value), "float64") for value in values))

    return of_either


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
        The largest number of steps; with none the state is `start`.
    start : mapping of str to scalar
        The state by name.
    given : mapping of str to scalar
        What does not change.
    step : callable
        ``step(*state, *given)`` gives the next state.
    settles : bool
        Whether `step` gives, after the state, a condition to end the loop. The last scalar returned then says
        whether it was met, or no step was needed.
    """
    state, constant = ([ps.float64(name) for name in names] for names in (start, given))
    # A value that moves to another place of the state must be a new variable.
    update = [ps.identity(each) if each in state else each for each in step(*state, *constant)]
    until = update.pop() if settles else None
    loop = _Loop(init=state, update=update, constant=constant, until=until, name=step.__name__)
    values = (ps.cast(ps.as_scalar(value), "float64") for value in (*start.values(), *given.values()))
    times = ps.cast(ps.as_scalar(steps), "int64")
    last = loop(times, *values, return_list=True)
    # Linkers differ in what they return for a loop without steps.
    return [*last[:-1], ps.or_(last[-1], ps.le(times, 0))] if settles else last
