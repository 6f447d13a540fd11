"""Formulas evaluated at some places: by kernels, as users' are, or as PyTensor compiles them."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.link.c.exceptions import CompileError

from bayes_cx.kernels import NotArithmetic, make
from bayes_cx.model import Formula, arguments

__all__ = ["by_pytensor", "evaluated", "function", "quickly"]

# Formulas use no linear algebra, and the search for a library that has some ends in a warning.
pytensor.config.blas__ldflags = ""


def function(inputs: list[Any], outputs: Any) -> Callable[..., Any]:
    """Let PyTensor compile without optimisation of the C code, if there is a C++ compiler, else as usual."""
    make = partial(pytensor.function, inputs, outputs, on_unused_input="ignore")
    if pytensor.config.cxx:
        # PyTensor 3.3 writes wrong C of a loop that begins with a constant: the gradient of BG/BB has one.
        with pytensor.config.change_flags(gcc__cxxflags="-O0"), suppress(CompileError):
            return make(mode=Mode(linker="cvm", optimizer="fast_run"))
    return make()


@cache
def by_pytensor(formula: Formula) -> Callable[..., np.ndarray]:
    """Return a formula as a function of vectors of equal length, as PyTensor compiles it."""
    inputs = [pt.vector(name) for name in arguments(formula)]
    return function(inputs, formula(*inputs))


@cache
def evaluated(formula: Callable[..., Any], n: int, slopes: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Return a formula of `n` arguments as a function of vectors, or of numbers, that broadcast.

    Parameters
    ----------
    formula : callable
        Of numbers in PyTensor, by position.
    n : int
    slopes : tuple of int
        Positions of the arguments by which there are derivatives, as further values.
    """
    names = tuple(f"a{i}" for i in range(n))
    by = [names[i] for i in slopes]
    kernel = make(lambda **given: formula(*given.values()), names, columns=(), drawn=names, slopes=by)

    def call(*places: Any) -> Any:
        some = np.broadcast_arrays(*(np.asarray(place, float) for place in places))
        flat = {name: each.ravel() for name, each in zip(names, some, strict=True)}
        found = [each[0].reshape(some[0].shape) for each in kernel.bind({})(flat, some[0].size)]
        return found[0] if len(found) == 1 else found

    return call


@cache
def quickly(formula: Formula) -> Callable[..., Any]:
    """Return a formula as a function of vectors, made once for all proofs."""
    try:
        return evaluated(formula, len(arguments(formula)))
    except NotArithmetic:
        return by_pytensor(formula)
