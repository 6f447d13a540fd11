"""Steps of a program from PyTensor's operations on numbers."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from pytensor.scalar.basic import Composite
from pytensor.scalar.loop import ScalarLoop

from bayes_cx.kernels.program import Loop, NotArithmetic, Program, is_boolean, number

__all__ = ["of_scalars"]


def of_scalars(program: Program, op: Any, of: list[int], outputs: Sequence[Any]) -> list[int]:
    """Return the steps of the outputs of an operation.

    Raises
    ------
    NotArithmetic
        If there is no step for it.
    """
    if isinstance(op, ScalarLoop):
        return _loop(program, op, of)
    if isinstance(op, Composite):
        return _inline(program, op.fgraph, of)
    name = type(op).__name__.lower()
    if name in ("identity", "second"):
        return of[-1:]
    if name == "cast":
        kind = str(outputs[0].type.dtype)
        if kind.startswith("float"):
            return [number(program, of[0])]
        if kind == "bool":
            return [of[0] if is_boolean(program, of[0]) else program.add("neq", of[0], program.constant(0.0))]
        return [program.add("trunc", number(program, of[0]))]
    if name in _SIMPLE:
        return [_SIMPLE[name](program, of)]
    raise NotArithmetic(f"{op}")


def _plain(name: str) -> Callable[[Program, list[int]], int]:
    return lambda program, of: program.add(name, *(number(program, each) for each in of))


def _chain(name: str, neutral: float) -> Callable[[Program, list[int]], int]:
    """Return what chains sums or products; only the neutral element is left out, since 0 times inf is NaN."""

    def make(program: Program, of: list[int]) -> int:
        total, *others = (number(program, each) for each in of)
        for other in others:
            if program.value(other) == neutral:
                continue
            total = other if program.value(total) == neutral else program.add(name, total, other)
        return total

    return make


def _switch(program: Program, of: list[int]) -> int:
    condition, yes, no = of
    if yes == no:
        return yes
    known = program.value(condition)
    if known is not None:
        return yes if known else no
    if not (is_boolean(program, yes) and is_boolean(program, no)):
        yes, no = number(program, yes), number(program, no)
    if not is_boolean(program, condition):
        condition = program.add("neq", condition, program.constant(0.0))
    return program.add("switch", condition, yes, no)


def _logical(name: str) -> Callable[[Program, list[int]], int]:
    def make(program: Program, of: list[int]) -> int:
        if not all(is_boolean(program, each) for each in of):
            raise NotArithmetic(f"{name} of numbers")
        return program.add(name, *of)

    return make


_NUMBERS = (
    "sub truediv neg abs exp expm1 log log1p sqrt sqr ceil floor trunc sign gammaln psi trigamma sigmoid "
    "softplus maximum minimum clip pow reciprocal gt lt ge le eq neq isnan isinf"
)
_SIMPLE: dict[str, Callable[[Program, list[int]], int]] = {
    **{name: _plain(name) for name in _NUMBERS.split()},
    **{name: _logical(name) for name in ("and", "or")},
    "invert": lambda program, of: _logical("not")(program, of),
    "add": _chain("add", 0.0),
    "mul": _chain("mul", 1.0),
    "switch": _switch,
}


def _inline(program: Program, graph: Any, of: list[int]) -> list[int]:
    at: dict[Any, int] = dict(zip(graph.inputs, of, strict=True))

    def find(var: Any) -> int:
        return at[var] if var in at else program.constant(var.data)

    for node in graph.toposort():
        values = of_scalars(program, node.op, [find(var) for var in node.inputs], node.outputs)
        at.update(zip(node.outputs, values, strict=True))
    return [find(var) for var in graph.outputs]


def _loop(program: Program, op: Any, of: list[int]) -> list[int]:
    loop = _read_loop(op)
    done = program.add("loop", *(number(program, each) for each in of), what=loop)
    taken = [program.add("take", done, what=i) for i in range(loop.states)]
    return [*taken, program.add("met", done)] if loop.until else taken


@cache
def _read_loop(op: Any) -> Loop:
    graph, until = op.fgraph, bool(op.is_while)
    states = len(graph.outputs) - until
    names = tuple(f"s{i}" if i < states else f"c{i - states}" for i in range(len(graph.inputs)))
    inner = Program(names)
    found = _inline(inner, graph, [inner.add("input", what=name) for name in names])
    inner.outputs = (*(number(inner, each) for each in found[:states]), *found[states:])
    return Loop(inner, states, until)
