"""A formula as a list of steps of plain arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Loop", "NotArithmetic", "Program", "Step", "booleans", "is_boolean", "number"]

_FOLDED: dict[str, Callable[..., Any]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide, "neg": np.negative,
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "maximum": np.maximum, "minimum": np.minimum,
    "log": np.log, "exp": np.exp, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt, "sqr": np.square,
    "gt": np.greater, "lt": np.less, "ge": np.greater_equal, "le": np.less_equal, "eq": np.equal,
    "neq": np.not_equal,
}  # fmt: skip


class NotArithmetic(Exception):
    """An operation that is none on numbers."""


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes
    ----------
    name : str
        ``"input"``, ``"constant"``, ``"loop"``, ``"take"`` (one of the values of a loop), or an operation.
    of : tuple of int
        The steps that it reads.
    what : object
        Name of the input, value of the constant, `Loop`, or position of the value.
    """

    name: str
    of: tuple[int, ...] = ()
    what: Any = None


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop of `ScalarLoop`: how its state follows from the state before.

    Attributes
    ----------
    inner : Program
        Its inputs are the state and then what does not change, its outputs the next state and, where the
        loop may end early, whether it does.
    states : int
    until : bool
    """

    inner: "Program"
    states: int
    until: bool


@dataclass(eq=False)
class Program:
    """Steps in the order in which they can be run; equal steps are one.

    Attributes
    ----------
    inputs : tuple of str
    steps : list of Step
    outputs : tuple of int
    """

    inputs: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    _known: dict[Any, int] = field(default_factory=dict)

    def add(self, name: str, *of: int, what: Any = None) -> int:
        """Return the position of a step, a new one if there is none like it."""
        if name in _FOLDED and of and all(self.steps[i].name == "constant" for i in of):
            with np.errstate(all="ignore"):
                return self.constant(_FOLDED[name](*(np.float64(self.steps[i].what) for i in of)))
        key = (name, of, repr(what) if name == "constant" else what)
        if key not in self._known:
            self._known[key] = len(self.steps)
            self.steps.append(Step(name, of, what))
        return self._known[key]

    def constant(self, value: Any) -> int:
        """Return the position of a constant."""
        value = np.asarray(value).item()
        return self.add("constant", what=value if isinstance(value, bool) else float(value))

    def value(self, step: int) -> Any:
        """Return the value of a step that is a constant, else None."""
        return self.steps[step].what if self.steps[step].name == "constant" else None


_BOOLS = {"gt", "lt", "ge", "le", "eq", "neq", "isnan", "isinf", "and", "or", "not", "met"}


def is_boolean(program: Program, step: int) -> bool:
    """Say whether a step is true or false rather than a number."""
    found = program.steps[step]
    if found.name == "switch":
        return all(is_boolean(program, each) for each in found.of[1:])
    return found.name in _BOOLS or isinstance(found.what, bool)


def number(program: Program, step: int) -> int:
    """Return the step as a number: true is one."""
    if isinstance(program.value(step), bool):
        return program.constant(float(program.value(step)))
    return program.add("number", step) if is_boolean(program, step) else step


def booleans(program: Program) -> list[bool]:
    """Return of each step whether it is true or false rather than a number."""
    found: list[bool] = []
    for step in program.steps:
        of_both = step.name == "switch" and all(found[i] for i in step.of[1:])
        found.append(of_both or step.name in _BOOLS or isinstance(step.what, bool))
    return found
