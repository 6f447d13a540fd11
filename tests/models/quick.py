"""Formulas for proofs, compiled in little time to be evaluated in few places."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.compile.mode import Mode
from pytensor.link.c.exceptions import CompileError

from bayes_cx.model import Formula, arguments

__all__ = ["function", "optimised", "quickly"]

# Formulas use no linear algebra, and the search for a library that has some ends in a warning.
pytensor.config.blas__ldflags = ""


def function(inputs: list[Any], outputs: Any, *, quick: bool = True) -> Callable[..., Any]:
    """Compile by the C linker without optimisation, if there is a C++ compiler, else as users do.

    Compiling a formula of vectors then takes .7 CPU seconds instead of the 2.6 of numba, and running it three
    times as long. As they are written formulas with loops run in Python: all of BG/NBD in 60 extreme places
    take 73 seconds.
    """
    make = partial(pytensor.function, inputs, outputs, on_unused_input="ignore")
    if quick and pytensor.config.cxx:
        # PyTensor 3.3 writes wrong C of a loop that begins with a constant: the gradient of BG/BB has one.
        with pytensor.config.change_flags(gcc__cxxflags="-O0"), suppress(CompileError):
            return make(mode=Mode(linker="cvm", optimizer="fast_run"))
    return make()


@cache
def quickly(formula: Formula) -> Callable[..., np.ndarray]:
    """Return a formula as a function of vectors of equal length, compiled once for all proofs."""
    inputs = [pt.vector(name) for name in arguments(formula)]
    return function(inputs, formula(*inputs))


def optimised(formula: Formula) -> Callable[..., np.ndarray]:
    """Return the same as it is compiled for users."""
    inputs = [pt.vector(name) for name in arguments(formula)]
    return function(inputs, formula(*inputs), quick=False)
