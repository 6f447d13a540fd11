"""Programs read from PyTensor graphs.

The graph stays what is true of a formula: nothing is written twice. What is read here is the graph of one
customer and one draw, of numbers without dimensions. A graph with operations on whole arrays in it is refused
(`NotArithmetic`), and PyTensor compiles it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from pytensor.compile.ops import ViewOp
from pytensor.compile.rewriting import inline_ofg_node
from pytensor.graph.basic import Constant
from pytensor.graph.traversal import toposort
from pytensor.scan.op import Scan
from pytensor.tensor.basic import ScalarFromTensor, TensorFromScalar
from pytensor.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from pytensor.tensor.subtensor import Subtensor

from bayes_cx.kernels.program import Loop, NotArithmetic, Program, number
from bayes_cx.kernels.scalars import of_scalars

__all__ = ["read", "with_derivatives"]


def read(formula: Callable[..., Any], names: Sequence[str]) -> Program:
    """Return the program of a formula of numbers.

    Parameters
    ----------
    formula : callable
        ``formula(**{name: value})`` gives a value, or several, in PyTensor.
    names : sequence of str
        Of its arguments.

    Raises
    ------
    NotArithmetic
        If the graph has an operation that is none on numbers.
    """
    given = {name: pt.dscalar(name) for name in names}
    found = formula(**given)
    wanted = [pt.as_tensor(each) for each in (found if isinstance(found, list | tuple) else [found])]
    if any(var.type.ndim for var in wanted):
        raise NotArithmetic("a formula of arrays")
    program = Program(tuple(names))
    reader = _Reader(program)
    reader.known.update({(var, ()): program.add("input", what=name) for name, var in given.items()})
    for node in toposort(wanted):  # so that nothing has to be looked up deep down
        if not any(getattr(var.type, "ndim", 0) for var in node.outputs):
            with suppress(NotArithmetic):  # lengths of arrays that are never made
                reader.find(node.outputs[0], ())
    program.outputs = tuple(reader.find(var, ()) for var in wanted)
    return program


def with_derivatives(formula: Callable[..., Any], by: Sequence[str]) -> Callable[..., list[Any]]:
    """Return the formula of a value and its derivatives.

    Raises
    ------
    NotArithmetic
        When called, if the value has sums over nodes in it: each derivative would have loops of its own.
    """

    def formula_and_slopes(**given: Any) -> list[Any]:
        value = pt.as_tensor(formula(**given))
        slopes = pytensor.grad(value, [given[name] for name in by], disconnected_inputs="ignore")
        if any(getattr(var.type, "ndim", 0) for node in toposort(slopes) for var in node.outputs):
            raise NotArithmetic("derivatives of sums over nodes")
        return [value, *slopes]

    return formula_and_slopes


class _Reader:
    """Reads numbers off a graph, and elements of arrays whose last axis is reduced in a loop.

    An array of nodes, such as those of a quadrature, is never made: its sum becomes a loop over them.

    Attributes
    ----------
    program : Program
    known : dict
        Steps by variable and place. A place names, for each axis, the loop that runs over it, None where
        there is one element only.
    """

    def __init__(self, program: Program, outer: "_Reader | None" = None, index: int = -1) -> None:
        self.program, self.outer, self.index = program, outer, index
        self.level = 0 if outer is None else outer.level + 1
        self.known: dict[Any, int] = {}

    def find(self, var: Any, place: tuple[int | None, ...]) -> int:
        """Return the step of one element."""
        if (var, place) not in self.known:
            self.known[var, place] = self._read(var, place)
        return self.known[var, place]

    def _read(self, var: Any, place: tuple[int | None, ...]) -> int:
        if self.outer is not None and self.level not in place and not _is_one(var):
            return self._capture(self.outer.find(var, place))
        if isinstance(var, Constant):
            return self._constant(np.asarray(var.data), place)
        node = var.owner
        if node is None:
            raise NotArithmetic(f"{var}")
        op = node.op
        if isinstance(op, Elemwise):
            of = [self.find(each, _within(each, place)) for each in node.inputs]
            found = of_scalars(self.program, op.scalar_op, of, node.outputs)
            self.known.update({(out, place): step for out, step in zip(node.outputs, found, strict=True)})
            return self.known[var, place]
        if isinstance(op, ScalarFromTensor | TensorFromScalar | ViewOp):
            return self.find(node.inputs[0], place)
        if isinstance(op, DimShuffle):
            own: list[int | None] = [None] * node.inputs[0].type.ndim
            for axis, source in enumerate(op.new_order):
                if source != "x":
                    own[source] = place[axis]
            return self.find(node.inputs[0], tuple(own))
        if isinstance(op, OpFromGraph):
            return self.find(inline_ofg_node(node)[node.outputs.index(var)], place)
        if isinstance(op, CAReduce):
            return self._reduce(node, place)
        if isinstance(op, Subtensor):
            return self._last_of_scan(node)
        raise NotArithmetic(f"{op}")

    def _capture(self, step: int) -> int:
        """Return an input that stands for a step of the program around."""
        name = f"c{step}"
        if name not in self.program.inputs:
            self.program.inputs = (*self.program.inputs, name)
        return self.program.add("input", what=name)

    def _constant(self, data: np.ndarray, place: tuple[int | None, ...]) -> int:
        if data.size == 1:
            return self.program.constant(data.item())
        if data.size != max(data.shape) or self.level not in place:
            raise NotArithmetic("a table of more than one axis")
        return self.program.add("table", self.index, what=tuple(float(value) for value in data.ravel()))

    def _reduce(self, node: Any, place: tuple[int | None, ...]) -> int:
        (array,), op = node.inputs, node.op
        axes = range(array.type.ndim) if op.axis is None else op.axis
        name = {"Add": "add", "Maximum": "maximum"}.get(type(op.scalar_op).__name__, "")
        long = [axis for axis in axes if array.type.shape[axis] != 1]
        if not name or any(array.type.shape[axis] is None for axis in long):
            raise NotArithmetic(f"{op}")
        left = iter(place)
        own = [None if axis in axes else next(left) for axis in range(array.type.ndim)]
        return self._over(name, array, own, long)

    def _over(self, name: str, array: Any, place: list[int | None], axes: list[int]) -> int:
        """Return the sum or the maximum over some axes, the first of them in a loop around the others."""
        if not axes:
            return self.find(array, tuple(place))
        axis, *others = axes
        inner = Program(("s0", "s1"))
        total, index = (inner.add("input", what=each) for each in inner.inputs)
        reader = _Reader(inner, self, index)
        own = [reader.level if at == axis else each for at, each in enumerate(place)]
        value = number(inner, reader._over(name, array, own, others))
        inner.outputs = (inner.add(name, total, value), inner.add("add", index, inner.constant(1.0)))
        start = self.program.constant(0.0 if name == "add" else -np.inf)
        given = (number(self.program, int(each[1:])) for each in inner.inputs[2:])
        steps = self.program.constant(array.type.shape[axis])
        what = Loop(inner, 2, False)
        done = self.program.add("loop", steps, start, self.program.constant(0.0), *given, what=what)
        return self.program.add("take", done, what=0)

    def _last_of_scan(self, node: Any) -> int:
        """Return the last value of one state of a scan over numbers: a loop as well."""
        every, scan = node.inputs[0].owner, None
        if (
            _taken(node) == -1
            and every is not None
            and isinstance(every.op, Subtensor)
            and _taken(every) == 1
        ):
            scan = every.inputs[0].owner
        if scan is None or not isinstance(scan.op, Scan):
            raise NotArithmetic(f"{node.op}")
        info, states = scan.op.info, len(scan.op.info.sit_sot_in_slices)
        numbers = all(var.type.ndim == 0 for var in scan.op.inner_inputs)
        if info.as_while or info.n_seqs or len(scan.outputs) != states or not numbers:
            raise NotArithmetic(f"{scan.op}")
        assert every is not None
        if scan not in self.known:
            steps, *given = scan.inputs
            # The first value of a state is the only one that is set.
            start = [self.find(each.owner.inputs[1], (None,)) for each in given[:states]]
            fixed = [self.find(each, ()) for each in given[states:]]
            inner = Program(tuple(f"s{i}" if i < states else f"c{i - states}" for i in range(len(given))))
            reader = _Reader(inner)
            for name, var in zip(inner.inputs, scan.op.inner_inputs, strict=True):
                reader.known[var, ()] = inner.add("input", what=name)
            inner.outputs = tuple(number(inner, reader.find(var, ())) for var in scan.op.inner_outputs)
            own = (number(self.program, each) for each in (self.find(steps, ()), *start, *fixed))
            self.known[scan] = self.program.add("loop", *own, what=Loop(inner, states, until=False))
        return self.program.add("take", self.known[scan], what=scan.outputs.index(every.inputs[0]))


def _taken(node: Any) -> Any:
    """Return the constant at which an array is taken, or from which on."""
    at = node.inputs[-1]
    return np.asarray(at.data).item() if len(node.inputs) == 2 and isinstance(at, Constant) else None


def _is_one(var: Any) -> bool:
    return isinstance(var, Constant) and np.size(var.data) == 1


def _within(var: Any, place: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Return the place of an input that is broadcast."""
    shape = var.type.shape
    return tuple(None if size == 1 else at for size, at in zip(shape, place, strict=True))
